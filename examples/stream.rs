//! Streams a recording: pushes 20 ms at a time and prints the jaw angle of every frame as it arrives.
//!
//! `cargo run --release --example stream -- speech.wav [model.safetensors]`

use deeptalk_rt::audio::read_sound;
use deeptalk_rt::runtime::{Frames, Model, Session, StreamOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [speech, model @ ..] = &arguments[..] else { return Err("give SPEECH.wav [MODEL]".into()) };
    let model = model.first().map_or_else(Model::builtin, Model::load)?;
    let jaw = model.parameter_names().iter().position(|name| name == "jaw_x").ok_or("there is no jaw")?;
    let tell = |frames: &Frames| {
        for (frame, values) in frames.iter() {
            println!("{:7.2} s  jaw {:6.3}", frame as f64 / 25.0, values[jaw]);
        }
    };
    let options = StreamOptions { look_ahead: 0.32, hop: 0.16, ..StreamOptions::default() };
    let mut session = Session::new(&model);
    session.begin(&options)?;
    for piece in read_sound(speech, 0.0, None)?.chunks(320) {
        session.push(piece)?;
        tell(&session.poll());
    }
    session.finish()?;
    tell(&session.poll());
    println!("a steady player is {:.2} s behind the sound", session.delay());
    Ok(())
}
