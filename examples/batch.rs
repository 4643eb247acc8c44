//! Animates many recordings at once, with the emotion of another recording blended in and sampled, and prints
//! progress.
//!
//! `cargo run --release --example batch -- model.safetensors emotion.wav one.wav two.wav ...`

use deeptalk_rt::audio::read_sound;
use deeptalk_rt::runtime::Take;
use deeptalk_rt::runtime::{Control, Model, Session, Step};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, emotion, recordings @ ..] = &arguments[..] else {
        return Err("give MODEL EMOTION.wav RECORDING.wav ...".into());
    };
    let mut session = Session::new(&Model::load(model)?);
    let emotion = session.emotion(&read_sound(emotion, 0.0, None)?)?;
    let take = Take::default().with_blend(emotion, 0.5).with_alpha(0.5).with_seed(7);

    let samples: Result<Vec<Vec<f32>>, _> =
        recordings.iter().map(|path| read_sound(path, 0.0, None)).collect();
    let samples = samples?;
    let views: Vec<&[f32]> = samples.iter().map(Vec::as_slice).collect();
    let mut tell = |step: Step| {
        if step.stage == Step::FRAMES {
            eprintln!("{} of {} frames", step.done, step.total);
        }
        Ok(())
    };
    let motions = session.batch(&views, &take, &mut Control::new().progress(&mut tell))?;
    for (path, motion) in recordings.iter().zip(motions) {
        println!("{path}: {} frames", motion.frames());
    }
    Ok(())
}
