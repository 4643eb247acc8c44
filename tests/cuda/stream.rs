//! Streams on a device that records: the hops replay recordings.

use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::networks::deeptalk::Config;
use deeptalk_rt::runtime::{Device, ModelOptions, Session, StreamOptions};

use crate::network::{model_of, speech};
use crate::stand_in::{counts, on_stand_in};
use crate::this_test;

/// The frames of a stream of this sound, pushed one hop at a time, and the number of kernels that each hop
/// launched outside of graphs.
fn hops(file: &ModelFile, device: Device, sound: &[f32]) -> (Vec<f32>, Vec<u64>) {
    let model = ModelOptions::new().device(device).of_file(file).unwrap();
    let mut session = Session::new(&model);
    let options = StreamOptions { context: 0.64, look_ahead: 0.16, hop: 0.16, ..StreamOptions::default() };
    session.begin(&options).unwrap();
    let (mut values, mut direct) = (Vec::new(), Vec::new());
    let is_stand_in = device != Device::Cpu;
    for piece in sound.chunks(2_560) {
        let before = if is_stand_in { counts().direct } else { 0 };
        session.push(piece).unwrap();
        direct.push(if is_stand_in { counts().direct - before } else { 0 });
        values.extend(session.poll().values);
    }
    session.finish().unwrap();
    values.extend(session.poll().values);
    (values, direct)
}

/// A hop with the same window replays graphs: it launches no kernel outside of them. A hop that estimates the
/// emotion anew, from a window that still grows, launches the kernels of the emotion encoder.
#[test]
fn the_hops_of_a_stream_replay_recordings() {
    let test = this_test!(the_hops_of_a_stream_replay_recordings);
    on_stand_in(test, &[("STAND_IN_CUDA_CHECKS", "0")], || {
        let file = model_of(&Config::tiny_log_mel());
        let sound = speech(44_800, 5);
        let (cuda, direct) = hops(&file, Device::Cuda(0), &sound);
        println!("kernels launched outside of graphs, hop by hop: {direct:?}");
        // The window grows for four hops; the first hop of a length runs kernel by kernel, the second is
        // recorded.
        let steady = &direct[8..];
        let replayed = steady.iter().filter(|count| **count == 0).count();
        assert!(replayed * 3 >= steady.len() * 2, "{direct:?}");
        let (cpu, _) = hops(&file, Device::Cpu, &sound);
        assert_eq!(cuda.len(), cpu.len());
        let largest = cpu.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let far = cuda.iter().zip(&cpu).filter(|(a, b)| (**a - **b).abs() > 0.2 * largest).count();
        // A code that differs changes some frames, and no others.
        assert!(far * 10 <= cpu.len(), "{far} of {} values", cpu.len());
    });
}
