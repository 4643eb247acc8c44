//! `spectrum.cu`: energies in bands.

use crate::support::*;
use deeptalk_rt::tensor::cuda::launch::LogBands;
use half::f16;

/// Triangles like those of a mel scale: most of a band's weights are zeros.
fn triangles(count: usize, bins: usize) -> Vec<f32> {
    let step = bins as f32 / (count + 1) as f32;
    let height = |m: usize, f: usize| 1.0 - (f as f32 / step - (m + 1) as f32).abs();
    (0..count).flat_map(|m| (0..bins).map(move |f| height(m, f).max(0.0))).collect()
}

fn check(rows: usize, bins: usize, count: usize) {
    let mut random = Random::new((rows + bins) as u64);
    let [x_stride, bands_stride, y_stride] = [2 * bins, bins, count].map(|n| n.next_multiple_of(8));
    // From far below the floor to the largest half, to which larger values are clamped.
    let mut x = Halves::from_f32((0..rows * x_stride).map(|_| random.next() * (random.next() * 11.0).exp()));
    (x.bits[1], x.values[1]) = (f16::INFINITY.to_bits(), 65504.0);
    (x.bits[bins], x.values[bins]) = (f16::NEG_INFINITY.to_bits(), 65504.0);
    let table = triangles(count, bins);
    let padded = (0..count * bands_stride).map(|i| {
        if i % bands_stride < bins { table[i / bands_stride * bins + i % bands_stride] } else { 0.0 }
    });
    let bands = Halves::from_f32(padded);
    let mut want = Vec::new();
    for row in x.values.chunks_exact(x_stride) {
        for m in 0..y_stride {
            let energy = |f: usize| f64::from(row[f]).powi(2) + f64::from(row[bins + f]).powi(2);
            let sum: f64 =
                (0..bins)
                    .map(|f| {
                        if m < count {
                            f64::from(bands.values[m * bands_stride + f]) * energy(f)
                        } else {
                            0.0
                        }
                    })
                    .sum();
            want.push(if m < count { (1e-3 + sum).ln() } else { 0.0 });
        }
    }
    assert!(want.iter().any(|v| *v > 15.0), "nothing is loud");
    let (dx, dbands) = (x.upload(), bands.upload());
    in_every_order(|order| {
        let y = Output::<u16>::new(rows * y_stride);
        run(&LogBands {
            y: y.address(),
            x: dx.address(),
            bands: dbands.address(),
            rows,
            bins,
            count,
            floor: 1e-3,
        });
        assert_rounded(
            &to_f32(&y.values()),
            &want,
            &format!("{rows} rows, {count} bands of {bins}, {order}"),
        );
    });
}

#[test]
fn bands_match_at_every_size() {
    check(19, 257, 80);
    check(8, 513, 80);
    check(1, 161, 18);
    check(9, 2, 3);
}
