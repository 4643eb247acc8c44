//! Computes the vertices of a motion for a face file, on the model's device, and writes them to a NumPy file.
//!
//! `cargo run --release --example own_face -- speech.wav face.safetensors talk.npz [model.safetensors]`
//!
//! The face must have the model's channels. `deeptalk-rt import flame` makes a face file for the published
//! model; `Face::save` writes a face that a program built.

use deeptalk_rt::audio::read_sound;
use deeptalk_rt::export::{self, VertexSource};
use deeptalk_rt::rig::Face;
use deeptalk_rt::runtime::{Model, Session, Take};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [speech, face, output, model @ ..] = &arguments[..] else {
        return Err("give SPEECH.wav FACE.safetensors OUTPUT.npz [MODEL]".into());
    };
    let model = model.first().map_or_else(Model::builtin, Model::load)?;
    let rig = model.rig(Face::load(face)?)?;
    let mut session = Session::new(&model);
    let motion = session.animate(&read_sound(speech, 0.0, None)?, &Take::default())?;
    let vertices = session.vertices(&rig, &motion)?;
    let values = rig.face().vertex_count() * 3;
    let fill = |first: usize, out: &mut [f32]| {
        out.copy_from_slice(&vertices[first * values..][..out.len()]);
        Ok(())
    };
    let source = VertexSource { vertices: values / 3, fill: &fill };
    export::write(output, &motion, &export::Options { vertices: Some(source), ..Default::default() })?;
    println!("{} frames of {} vertices in {:?}", motion.frames(), values / 3, session.timings().vertices);
    Ok(())
}
