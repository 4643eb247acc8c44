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

fn check(frames: usize, vertices: usize, channels: usize, with_correctives: bool) {
    let mut random = Random::new((frames + vertices) as u64);
    let mut floats = |n: usize, scale: f32| (0..n).map(|_| random.next() * scale).collect::<Vec<f32>>();
    let width = channels + 3;
    let mut x = floats(frames * width, 1.0);
    x[channels..width].fill(0.0);
    let (rest, shapes) = (floats(vertices * 3, 0.2), floats(channels * vertices * 3, 0.02));
    let (correctives, pivots) = (floats(9 * vertices * 3, 0.01), floats((channels + 1) * 3, 0.1));
    let weights = floats(vertices * 2, 1.0);
    let mut want = Vec::new();
    for row in x.chunks_exact(width) {
        let row: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
        let r = rotation([row[channels], row[channels + 1], row[channels + 2]]);
        let sum = |at_rest: f32, by: &dyn Fn(usize) -> f32| {
            (0..channels).fold(f64::from(at_rest), |sum, c| sum + row[c] * f64::from(by(c)))
        };
        let q: Vec<f64> = (0..3).map(|k| sum(pivots[k], &|c| pivots[(c + 1) * 3 + k])).collect();
        for v in 0..vertices {
            let p: Vec<f64> = (0..3)
                .map(|k| {
                    let shaped = sum(rest[v * 3 + k], &|c| shapes[(c * vertices + v) * 3 + k]);
                    let corrected: f64 = (0..9)
                        .map(|i| {
                            let less = r[i / 3][i % 3] - if i % 4 == 0 { 1.0 } else { 0.0 };
                            less * f64::from(correctives[(i * vertices + v) * 3 + k])
                        })
                        .sum();
                    shaped + if with_correctives { corrected } else { 0.0 }
                })
                .collect();
            for k in 0..3 {
                let moved: f64 = (0..3).map(|j| r[k][j] * (p[j] - q[j])).sum::<f64>() + q[k];
                want.push(f64::from(weights[v * 2]) * p[k] + f64::from(weights[v * 2 + 1]) * moved);
            }
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
            correctives: if with_correctives { dcorrectives.address() } else { NULL },
            pivots: dpivots.address(),
            weights: dweights.address(),
            frames,
            vertices,
            channels,
        });
        assert_close(&y.values(), &want, 3e-6, &format!("{frames} frames of {vertices} vertices, {order}"));
    });
}

#[test]
fn vertices_match_at_every_size() {
    check(9, 131, 5, true);
    check(1, 7, 53, false);
    check(8, 128, 1, true);
}
