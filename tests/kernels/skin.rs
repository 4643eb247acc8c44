//! `skin.cu`: blend shapes and skinning.

use crate::support::*;
use cuda_emulator::Memory;
use deeptalk_rt::tensor::cuda::launch::Skin;

type Matrix = [[f64; 3]; 3];

/// Rodrigues' formula from its series of the cross-product matrix.
fn rotation(r: [f64; 3]) -> Matrix {
    let angle = r.iter().map(|v| v * v).sum::<f64>().sqrt();
    if angle == 0.0 {
        return [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    }
    let [x, y, z] = r.map(|v| v / angle);
    let (s, c) = angle.sin_cos();
    let d = 1.0 - c;
    [
        [c + x * x * d, x * y * d - z * s, x * z * d + y * s],
        [y * x * d + z * s, c + y * y * d, y * z * d - x * s],
        [z * x * d - y * s, z * y * d + x * s, c + z * z * d],
    ]
}

fn times(a: &Matrix, x: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|i| (0..3).map(|j| a[i][j] * x[j]).sum())
}

fn check(frames: usize, vertices: usize, channels: usize, parents: &[Option<usize>], corrected: usize) {
    let mut random = Random::new((frames + vertices) as u64);
    let mut floats = |n: usize, scale: f32| (0..n).map(|_| random.next() * scale).collect::<Vec<f32>>();
    let joints = parents.len();
    let width = channels + 3 * joints;
    let mut x = floats(frames * width, 1.0);
    // A frame without any rotation.
    x[channels..width].fill(0.0);
    let (rest, shapes) = (floats(vertices * 3, 0.2), floats(channels * vertices * 3, 0.02));
    let (correctives, pivots) =
        (floats(9 * corrected * vertices * 3, 0.01), floats((channels + 1) * joints * 3, 0.1));
    let mut weights = floats((joints + 1) * vertices, 1.0);
    // Vertices with weight 0 for some joint.
    weights.iter_mut().step_by(7).for_each(|weight| *weight = 0.0);
    let mut want = Vec::new();
    for row in x.chunks_exact(width) {
        let row: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
        let sum = |at_rest: f32, by: &dyn Fn(usize) -> f32| {
            (0..channels).fold(f64::from(at_rest), |sum, c| sum + row[c] * f64::from(by(c)))
        };
        let rotations: Vec<Matrix> =
            (0..joints).map(|j| rotation(std::array::from_fn(|k| row[channels + 3 * j + k]))).collect();
        let pivot = |j: usize, k: usize| sum(pivots[3 * j + k], &|c| pivots[((c + 1) * joints + j) * 3 + k]);
        let moved = |joint: usize, mut p: [f64; 3]| {
            let mut next = Some(joint);
            while let Some(j) = next {
                let turned = times(&rotations[j], std::array::from_fn(|k| p[k] - pivot(j, k)));
                p = std::array::from_fn(|k| turned[k] + pivot(j, k));
                next = parents[j];
            }
            p
        };
        for v in 0..vertices {
            let p: [f64; 3] = std::array::from_fn(|k| {
                let shaped = sum(rest[v * 3 + k], &|c| shapes[(c * vertices + v) * 3 + k]);
                let corrected: f64 = (0..9 * corrected)
                    .map(|i| {
                        let entry = i % 9;
                        let r = &rotations[joints - corrected + i / 9];
                        let less = r[entry / 3][entry % 3] - if entry % 4 == 0 { 1.0 } else { 0.0 };
                        less * f64::from(correctives[(i * vertices + v) * 3 + k])
                    })
                    .sum();
                shaped + corrected
            });
            let share = |column: usize| f64::from(weights[column * vertices + v]);
            let mut y = p.map(|p| share(0) * p);
            for joint in 0..joints {
                let moved = moved(joint, p);
                (0..3).for_each(|k| y[k] += share(joint + 1) * moved[k]);
            }
            want.extend(y);
        }
    }
    let [dx, drest, dshapes, dcorrectives, dpivots, dweights] =
        [&x, &rest, &shapes, &correctives, &pivots, &weights].map(|values| Memory::from_slice(values));
    in_every_order(|order| {
        let y = Output::<f32>::new(want.len());
        run(&Skin {
            y: y.address(),
            x: dx.address(),
            template: drest.address(),
            shapes: dshapes.address(),
            correctives: if corrected > 0 { dcorrectives.address() } else { NULL },
            pivots: dpivots.address(),
            weights: dweights.address(),
            frames,
            vertices,
            channels,
            joints,
            corrected,
            parents: Skin::packed(parents),
        });
        // A chain of three joints rounds three times.
        let tolerance = 3e-6 * joints.min(3) as f64;
        let what = format!("{frames} frames of {vertices} vertices, {order}");
        assert_close(&y.values(), &want, tolerance, &what);
    });
}

#[test]
fn vertices_match_at_every_size_and_with_every_tree_of_joints() {
    check(9, 131, 5, &[None], 1);
    check(1, 7, 53, &[None], 0);
    check(8, 128, 1, &[None, Some(0), Some(1), Some(1), Some(1)], 4);
    check(10, 130, 3, &[None, Some(0), Some(1)], 0);
    check(3, 11, 2, &[None, None, Some(0), Some(2), Some(3), Some(4), Some(5), Some(6)], 8);
}
