//! Faces on the device, against the CPU.

use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::tensor::cuda::Gpu;
use deeptalk_rt::tensor::{Clips, Context, Engine, MeshOps, Role, SkinTables, Stored};

use crate::network::speech;
use crate::stand_in::on_stand_in;
use crate::this_test;

const VERTICES: usize = 131;
const CHANNELS: usize = 5;

/// A face of random values, as wide as a head, with correctives for the last `corrected` joints.
fn skin<B: Context>(ops: &B, parents: &[Option<usize>], corrected: usize) -> SkinTables<B::Weight> {
    let load = |name: &str, shape: &[usize], size: f32| {
        let values = speech(shape.iter().product(), name.len() as u32).iter().map(|v| v * size).collect();
        ops.load(Stored::from_f32(name, shape, values), Role::Exact).unwrap()
    };
    SkinTables {
        template: load("template", &[VERTICES, 3], 0.2),
        shapes: load("shapes", &[CHANNELS, VERTICES, 3], 0.02),
        pivots: load("pivots", &[CHANNELS + 1, parents.len(), 3], 0.1),
        correctives: (corrected > 0).then(|| load("correctives", &[9 * corrected, VERTICES, 3], 0.01)),
        weights: load("weights", &[parents.len() + 1, VERTICES], 1.0),
        parents: parents.to_vec(),
    }
}

fn vertices<B: MeshOps>(ops: &B, parents: &[Option<usize>], corrected: usize) -> Vec<f32> {
    let width = CHANNELS + 3 * parents.len();
    let clips = Clips::from_lengths([9, 0, 2]);
    let mut parameters = speech(clips.rows() * width, 4);
    // A frame without any rotation.
    parameters[width + CHANNELS..2 * width].fill(0.0);
    let x = ops.upload_f32(&clips, width, &parameters).unwrap();
    ops.download(&ops.skin(&x, &skin(ops, parents, corrected)).unwrap()).unwrap()
}

#[test]
fn vertices_are_those_of_the_cpu_to_a_thousandth_of_a_millimetre() {
    on_stand_in(this_test!(vertices_are_those_of_the_cpu_to_a_thousandth_of_a_millimetre), &[], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let flame = [None, Some(0), Some(1), Some(1), Some(1)];
        for (parents, corrected) in [(&flame[..1], 0), (&flame[..1], 1), (&flame[..], 0), (&flame[..], 4)] {
            let want = vertices(&Cpu::F32, parents, corrected);
            let got = vertices(&*cuda, parents, corrected);
            assert_eq!(got.len(), 11 * VERTICES * 3);
            assert_eq!(got.len(), want.len());
            let worst = got.iter().zip(&want).fold(0f32, |worst, (g, w)| worst.max((g - w).abs()));
            assert!(worst < 1e-6, "{} joints, {corrected} with correctives: {worst:e}", parents.len());
        }
    });
}

#[test]
fn more_joints_than_the_kernel_knows_are_refused() {
    on_stand_in(this_test!(more_joints_than_the_kernel_knows_are_refused), &[], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let x = cuda.upload_f32(&Clips::one(1), CHANNELS + 27, &[0.0; CHANNELS + 27]).unwrap();
        let error = cuda.skin(&x, &skin(&*cuda, &[None; 9], 0)).err().unwrap().to_string();
        assert!(error.contains("joints") && error.contains("up to 8"), "{error}");
    });
}
