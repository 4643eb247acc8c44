//! Weights in the form that the kernels read: fp16, every row padded with zeros to a multiple of eight.

use half::f16;

use super::layout::padded;
use crate::tensor::Role;

/// The number of taps of `first_conv`.
pub(super) const FEW_TAPS: usize = 10;

/// A tensor of the model in the kernels' form.
pub(super) enum Form {
    Halves(Vec<f16>),
    Floats(Vec<f32>),
}

impl Form {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Halves(values) => bytemuck::cast_slice(values),
            Self::Floats(values) => bytemuck::cast_slice(values),
        }
    }
}

/// Bytes of the form of a tensor.
pub(super) fn bytes(role: Role, shape: &[usize]) -> usize {
    let count: usize = shape.iter().product();
    let halves = match (role, shape) {
        (Role::Exact, _) => return 4 * count,
        (Role::Linear, &[out, input]) => padded(out) * padded(input),
        (Role::Conv { groups: 1 }, &[_, FEW_TAPS, 1]) => padded(count),
        (Role::Conv { groups: 1 }, &[out, kernel, 1]) => padded(out) * 2 * padded(kernel),
        (Role::Conv { groups: 1 }, &[out, kernel, input]) => padded(out) * kernel * padded(input),
        (Role::Conv { .. }, _) => count,
        (Role::ConvTranspose { stride, padding }, &[kernel, out, input]) => {
            stride * out * transposed_window(kernel, stride, padding).rows * padded(input)
        }
        (Role::ConvTransposeBias { stride }, _) => padded(stride * count),
        (Role::Rows, &[rows, channels]) => rows * padded(channels),
        _ => padded(count),
    };
    2 * halves
}

/// The form of a tensor.
pub(super) fn form(role: Role, shape: &[usize], values: Vec<f32>) -> Form {
    Form::Halves(match (role, shape) {
        (Role::Exact, _) => return Form::Floats(values),
        (Role::Linear, &[out, input]) => taps(&values, out, 1, input),
        (Role::Conv { groups: 1 }, &[_, FEW_TAPS, 1]) => vector(&values, 1),
        (Role::Conv { groups: 1 }, &[out, kernel, 1]) => {
            // One copy for the samples rounded to halves, one for the remainder of the rounding.
            let twice: Vec<f32> = values.chunks_exact(kernel.max(1)).flat_map(|row| row.repeat(2)).collect();
            taps(&twice, out, 2, kernel)
        }
        (Role::Conv { groups: 1 }, &[out, kernel, input]) => taps(&values, out, kernel, input),
        (Role::Conv { groups }, &[_, kernel, width]) => grouped(&values, groups, kernel, width),
        (Role::ConvTranspose { stride, padding }, &[kernel, out, input]) => {
            transposed(&values, [kernel, out, input], stride, padding)
        }
        (Role::ConvTransposeBias { stride }, _) => vector(&values, stride),
        (Role::Rows, &[_, channels]) => rows(&values, channels),
        _ => vector(&values, 1),
    })
}

/// (out, kernel, in) to (`padded(out)`, kernel, `padded(in)`).
fn taps(values: &[f32], out: usize, kernel: usize, width: usize) -> Vec<f16> {
    let stride = padded(width);
    let mut packed = vec![f16::ZERO; padded(out) * kernel * stride];
    for (row, target) in values.chunks_exact(width.max(1)).zip(packed.chunks_exact_mut(stride.max(1))) {
        convert(row, target);
    }
    debug_assert_eq!(values.len(), out * kernel * width);
    packed
}

/// (groups * width, kernel, width) to (groups, kernel, width, width): a tap of a group is one matrix.
fn grouped(values: &[f32], groups: usize, kernel: usize, width: usize) -> Vec<f16> {
    let mut packed = Vec::with_capacity(values.len());
    for group in 0..groups {
        for tap in 0..kernel {
            for out in 0..width {
                let at = ((group * width + out) * kernel + tap) * width;
                packed.extend(values[at..at + width].iter().map(|v| f16::from_f32(*v)));
            }
        }
    }
    packed
}

/// The window of a transposed convolution: the input rows from which one step of the output is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub rows: usize,
    /// Rows before the step's own row.
    pub before: usize,
}

/// Row `t * stride + phase` of the output gets tap `j` of input row `i` where `i * stride + j = t * stride +
/// phase + padding`, so `i = t + d` with `d = (phase + padding - j) / stride`, if that is an integer.
fn shift(phase: usize, tap: usize, stride: usize, padding: usize) -> Option<isize> {
    let (distance, stride) = ((phase + padding) as isize - tap as isize, stride as isize);
    (distance.rem_euclid(stride) == 0).then(|| distance.div_euclid(stride))
}

/// The window from the least to the largest shift of any phase and tap; the step's own row is part of it.
pub(super) fn transposed_window(kernel: usize, stride: usize, padding: usize) -> Window {
    let taps = (0..stride).flat_map(|phase| (0..kernel).map(move |tap| (phase, tap)));
    let (mut least, mut largest) = (0, 0);
    for d in taps.filter_map(|(phase, tap)| shift(phase, tap, stride, padding)) {
        least = d.min(least);
        largest = d.max(largest);
    }
    Window { rows: (largest - least + 1) as usize, before: least.unsigned_abs() }
}

/// A transposed convolution (kernel, out, in) as a convolution with `stride` times the columns: (stride *
/// out, window, `padded(in)`).
fn transposed(values: &[f32], [kernel, out, width]: [usize; 3], stride: usize, padding: usize) -> Vec<f16> {
    let window = transposed_window(kernel, stride, padding);
    let columns = padded(width);
    let mut packed = vec![f16::ZERO; stride * out * window.rows * columns];
    for (phase, tap) in (0..stride).flat_map(|phase| (0..kernel).map(move |tap| (phase, tap))) {
        let Some(d) = shift(phase, tap, stride, padding) else { continue };
        for row in 0..out {
            let from = (tap * out + row) * width;
            let to = ((phase * out + row) * window.rows + window.before.wrapping_add_signed(d)) * columns;
            convert(&values[from..from + width], &mut packed[to..]);
        }
    }
    packed
}

/// (n) to (`padded(n)`), repeated `times` times.
fn vector(values: &[f32], times: usize) -> Vec<f16> {
    let mut packed: Vec<f16> = values.repeat(times).iter().map(|v| f16::from_f32(*v)).collect();
    packed.resize(padded(packed.len()), f16::ZERO);
    packed
}

/// Rows of `channels` to rows `padded(channels)` apart.
pub(super) fn rows(values: &[f32], channels: usize) -> Vec<f16> {
    let stride = padded(channels);
    let mut packed = vec![f16::ZERO; values.len() / channels.max(1) * stride];
    for (row, target) in values.chunks_exact(channels.max(1)).zip(packed.chunks_exact_mut(stride.max(1))) {
        convert(row, target);
    }
    packed
}

fn convert(from: &[f32], to: &mut [f16]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = f16::from_f32(*from));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_padded_with_zeros() {
        let packed = taps(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, 1, 3);
        assert_eq!(packed.len(), 64);
        let row = |r: usize| packed[r * 8..r * 8 + 4].iter().map(|v| v.to_f32()).collect::<Vec<_>>();
        assert_eq!(
            (row(0), row(1), row(2)),
            (vec![1.0, 2.0, 3.0, 0.0], vec![4.0, 5.0, 6.0, 0.0], vec![0.0; 4])
        );
    }

    #[test]
    fn a_transposed_convolution_is_a_convolution_with_the_taps_sorted() {
        // Kernel 5, stride 2, padding 2: even rows get taps 4, 2, 0 of rows t - 1, t, t + 1; odd rows 3 and 1
        // of t and t + 1.
        let values: Vec<f32> = (0..5).map(|tap| tap as f32 + 1.0).collect();
        let columns = |packed: &[f16]| packed.iter().step_by(8).map(|v| v.to_f32()).collect::<Vec<_>>();
        assert_eq!(transposed_window(5, 2, 2), Window { rows: 3, before: 1 });
        assert_eq!(columns(&transposed(&values, [5, 1, 1], 2, 2)), [5.0, 3.0, 1.0, 0.0, 4.0, 2.0]);
        // Kernel 4, stride 2, padding 1.
        assert_eq!(transposed_window(4, 2, 1), Window { rows: 3, before: 1 });
        assert_eq!(columns(&transposed(&values[..4], [4, 1, 1], 2, 1)), [4.0, 2.0, 0.0, 0.0, 3.0, 1.0]);
    }

    #[test]
    fn a_form_is_as_large_as_it_is_said_to_be() {
        for (role, shape) in [
            (Role::Linear, vec![5, 19]),
            (Role::Vector, vec![13]),
            (Role::Rows, vec![3, 13]),
            (Role::Conv { groups: 1 }, vec![24, 10, 1]),
            (Role::Conv { groups: 1 }, vec![26, 13, 1]),
            (Role::Conv { groups: 1 }, vec![9, 3, 13]),
            (Role::Conv { groups: 2 }, vec![32, 5, 16]),
            (Role::ConvTranspose { stride: 2, padding: 2 }, vec![5, 8, 13]),
            (Role::ConvTransposeBias { stride: 2 }, vec![13]),
            (Role::Exact, vec![7, 3]),
        ] {
            let values = vec![1.0; shape.iter().product()];
            assert_eq!(form(role, &shape, values).bytes().len(), bytes(role, &shape), "{role:?} {shape:?}");
        }
    }
}
