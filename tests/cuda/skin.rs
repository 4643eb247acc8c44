//! Faces on the device, against the CPU.

use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::tensor::cuda::Gpu;
use deeptalk_rt::tensor::{Clips, Engine, Ops, Rig, Role, Stored};

use crate::network::speech;
use crate::stand_in::on_stand_in;
use crate::this_test;

const VERTICES: usize = 131;
const CHANNELS: usize = 5;

/// A face of noise, a head's width across.
fn rig<B: Ops>(ops: &B, correctives: bool) -> Rig<B::Weight> {
    let load = |name: &str, shape: &[usize], size: f32| {
        let values = speech(shape.iter().product(), name.len() as u32).iter().map(|v| v * size).collect();
        ops.load(Stored::from_f32(name, shape, values), Role::Exact).unwrap()
    };
    Rig {
        template: load("template", &[VERTICES, 3], 0.2),
        shapes: load("shapes", &[CHANNELS, VERTICES, 3], 0.02),
        pivots: load("pivots", &[CHANNELS + 1, 3], 0.1),
        correctives: correctives.then(|| load("correctives", &[9, VERTICES, 3], 0.01)),
        weights: load("weights", &[VERTICES, 2], 1.0),
    }
}

fn vertices<B: Ops>(ops: &B, correctives: bool) -> Vec<f32> {
    let clips = Clips::from_lengths([9, 0, 2]);
    let mut parameters = speech(clips.rows() * (CHANNELS + 3), 4);
    // A frame that is not turned at all.
    parameters[2 * (CHANNELS + 3) - 3..2 * (CHANNELS + 3)].fill(0.0);
    let x = ops.upload_f32(&clips, CHANNELS + 3, &parameters).unwrap();
    ops.download(&ops.skin(&x, &rig(ops, correctives)).unwrap()).unwrap()
}

#[test]
fn vertices_are_those_of_the_cpu_to_a_thousandth_of_a_millimetre() {
    on_stand_in(this_test!(vertices_are_those_of_the_cpu_to_a_thousandth_of_a_millimetre), &[], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        for correctives in [false, true] {
            let (want, got) = (vertices(&Cpu::F32, correctives), vertices(&*cuda, correctives));
            assert_eq!(got.len(), 11 * VERTICES * 3);
            assert_eq!(got.len(), want.len());
            let worst = got.iter().zip(&want).fold(0f32, |worst, (g, w)| worst.max((g - w).abs()));
            assert!(worst < 1e-6, "correctives {correctives}: {worst:e}");
        }
    });
}
