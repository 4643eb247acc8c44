//! The words of the command line for the next steps that the library's errors give.

use deeptalk_rt::{Advice, Error};

/// The error's text, and behind it what to type.
pub fn told(error: &Error) -> String {
    let mut text = error.to_string();
    for advice in error.advice() {
        text.push_str(&format!(" ({})", words(advice)));
    }
    text
}

fn words(advice: Advice) -> &'static str {
    match advice {
        Advice::UseCpu => "--device cpu",
        Advice::GiveFace => "--face FILE",
        Advice::FaceOfModel => "--face FILE; `deeptalk-rt import flame` makes a FLAME face",
        Advice::MakeFace => "`deeptalk-rt import flame`",
        Advice::MakeModel => "`deeptalk-rt import deeptalk` or `deeptalk-rt synth-model`",
        Advice::ImportCheckpoint => "`deeptalk-rt import deeptalk DEEPTalk.pth -o model.safetensors`",
        Advice::StoreF32 => "--dtype f32",
        Advice::PlainColumns => "without --format arkit or --to arkit",
        _ => "see --help",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_next_step_of_the_library_has_words() {
        for advice in Advice::ALL {
            let error = Error::Usage(format!("it failed; {}", advice.text()));
            assert!(told(&error).ends_with(&format!(" ({})", words(advice))));
            assert_ne!(words(advice), "see --help", "{advice:?}");
        }
    }
}
