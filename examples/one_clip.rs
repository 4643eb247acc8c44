//! Animates one recording, writes its motion to a file, and prints the time of every stage.
//!
//! `cargo run --release --example one_clip -- speech.wav talk.npz [model.safetensors]`

use deeptalk_rt::audio::read_sound;
use deeptalk_rt::export;
use deeptalk_rt::runtime::Take;
use deeptalk_rt::runtime::{Model, Session};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [speech, output, model @ ..] = &arguments[..] else {
        return Err("give SPEECH.wav OUTPUT.npz [MODEL]".into());
    };
    let model = model.first().map_or_else(Model::builtin, Model::load)?;
    let mut session = Session::new(&model);
    let motion = session.animate(&read_sound(speech, 0.0, None)?, &Take::default())?;
    export::write(output, &motion, &Default::default())?;
    println!("{} frames of {} parameters", motion.frames(), motion.width());
    println!("{:#?}", session.timings());
    Ok(())
}
