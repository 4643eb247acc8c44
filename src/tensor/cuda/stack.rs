//! The launcher of `transformer_stack.cu`, and when it can be used.

use super::device::{Argument, Shape};
use super::{Cuda, Tensor, Weight, address, int, longest, numbers};
use crate::Result;
use crate::tensor::shapes::Shaped;
use crate::tensor::{Affine, AttentionBias, LAYER_NORM_EPS, Linear, Role, RowOps, TransformerLayer};

const WARPS: usize = 8;

/// A kernel: its name, the rows of a block, the widest row, and the steps of 32 k values in the ring of weights.
struct Kernel(&'static str, usize, usize, usize);

/// The first that fits is the best: fewer rows of a block are there for their neighbours' sake alone, or there are more blocks; and
/// of the same rows the one whose weights are under way earlier.
const KERNELS: [Kernel; 4] = [
    Kernel("transformer_stack_32_deep", 32, 64 * 6, 5),
    Kernel("transformer_stack_32", 32, 64 * 6, 3),
    Kernel("transformer_stack_64_deep", 64, 64 * 4, 5),
    Kernel("transformer_stack_64", 64, 64 * 4, 3),
];

/// How some layers are run in one launch.
struct Plan {
    layers: usize,
    kernel: &'static str,
    /// Rows of a block whose results it gives.
    tile: usize,
    shared: usize,
}

/// As many layers a launch as fit, the others one by one. Decided by the layers, the window and the device: the number of rows
/// would give a clip other bytes in a batch than alone.
pub(super) fn transformer_stack(
    cuda: &Cuda,
    mut x: Tensor,
    layers: &[TransformerLayer<Weight>],
    bias: &AttentionBias,
) -> Result<Tensor> {
    let mut rest = layers;
    if let &AttentionBias::Window { rows: window } = bias {
        while let Some(plan) = (1..=rest.len()).rev().find_map(|n| plan(cuda, &x, &rest[..n], window)) {
            let (now, later) = rest.split_at(plan.layers);
            x = launch(cuda, &x, now, window, &plan)?;
            rest = later;
        }
    }
    rest.iter().try_fold(x, |x, layer| cuda.transformer_layer(&x, layer, bias))
}

/// None where the kernels do not fit; where nothing does, layer by layer the error is found.
fn plan(cuda: &Cuda, x: &Tensor, layers: &[TransformerLayer<Weight>], window: usize) -> Option<Plan> {
    let (width, feed_forward) = (x.channels, *layers[0].up.weight.shape().first()?);
    let alike = |layer: &TransformerLayer<Weight>| {
        let first = &layers[0];
        has_shape(layer, width, feed_forward)
            && (layer.heads, layer.activation) == (first.heads, first.activation)
    };
    let heads = layers[0].heads;
    let fits = window.min(width).min(feed_forward).min(heads) > 0
        && width.is_multiple_of(32)
        && feed_forward.is_multiple_of(32)
        && width.is_multiple_of(16 * heads)
        && layers.iter().all(alike);
    if !fits {
        return None;
    }
    let halo = (window - 1).checked_mul(layers.len())?;
    KERNELS.iter().find_map(|&Kernel(kernel, rows, widest, stages)| {
        // A block gives a tile of the matrix units at least.
        let tile = rows.checked_sub(2usize.checked_mul(halo)?).filter(|tile| *tile >= 16)?;
        let mixed = if window > 1 { 3 * width } else { width };
        let row = 2 * width + 16 + 2 * mixed.max(feed_forward) + 16 + 2 * WARPS * size_of::<f32>();
        let shared = rows * row + stages * WARPS * 512 * width.div_ceil(64);
        let fits = width <= widest && shared <= cuda.device.shared_memory();
        fits.then_some(Plan { layers: layers.len(), kernel, tile, shared })
    })
}

fn has_shape(layer: &TransformerLayer<Weight>, width: usize, feed_forward: usize) -> bool {
    let linear = |linear: &Linear<Weight>, out: usize, input: usize| {
        linear.weight.shape() == [out, input] && linear.bias.as_ref().is_none_or(|bias| bias.shape() == [out])
    };
    let affine = |affine: &Affine<Weight>| affine.weight.shape() == [width] && affine.bias.shape() == [width];
    linear(&layer.qkv, 3 * width, width)
        && linear(&layer.out, width, width)
        && linear(&layer.up, feed_forward, width)
        && linear(&layer.down, width, feed_forward)
        && affine(&layer.norm1)
        && affine(&layer.norm2)
}

/// Where the weights of a layer lie, in the kernel's order.
fn addresses(cuda: &Cuda, layer: &TransformerLayer<Weight>) -> Result<[u64; 12]> {
    let op = "transformer_stack";
    let linear = |linear: &Linear<Weight>| -> Result<[Argument; 2]> {
        Ok([cuda.weight(op, &linear.weight, Role::Linear)?, cuda.bias(op, linear.bias.as_ref())?])
    };
    let affine = |affine: &Affine<Weight>| -> Result<[Argument; 2]> {
        Ok([cuda.weight(op, &affine.weight, Role::Vector)?, cuda.weight(op, &affine.bias, Role::Vector)?])
    };
    let parts = [
        linear(&layer.qkv)?,
        linear(&layer.out)?,
        affine(&layer.norm1)?,
        linear(&layer.up)?,
        linear(&layer.down)?,
        affine(&layer.norm2)?,
    ];
    let mut addresses = [0; 12];
    for (address, argument) in addresses.iter_mut().zip(parts.as_flattened()) {
        let Argument::Address(value) = argument else { unreachable!("a weight is an address") };
        *address = *value;
    }
    Ok(addresses)
}

fn launch(
    cuda: &Cuda,
    x: &Tensor,
    layers: &[TransformerLayer<Weight>],
    window: usize,
    plan: &Plan,
) -> Result<Tensor> {
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), x.channels)?;
    let table = layers.iter().map(|layer| addresses(cuda, layer)).collect::<Result<Vec<_>>>()?.concat();
    let table = cuda.table(&cuda.layers, table.clone(), &table)?;
    let offsets = cuda.offsets(&x.clips)?;
    let (width, heads) = (x.channels, layers[0].heads);
    let (activation, slope) = numbers(layers[0].activation);
    let grid = [longest(&x.clips).div_ceil(plan.tile), x.clips.count(), 1];
    let shape = Shape { grid, threads: 32 * WARPS, shared: plan.shared };
    let arguments = [
        Argument::Address(y.address()),
        Argument::Address(x.address()),
        address(&table),
        address(&offsets),
        int(layers.len()),
        int(width),
        int(layers[0].up.weight.shape()[0]),
        int(heads),
        int(window),
        activation,
        slope,
        Argument::Float(1.0 / ((width / heads) as f32).sqrt()),
        Argument::Float(LAYER_NORM_EPS),
    ];
    // SAFETY: x and y have `width` halves a row; the table has twelve addresses a layer, of weights whose shapes `has_shape` has
    // compared, none of which is padded; the offsets are those of these clips; the plan has tile and shared memory from the same sizes.
    unsafe { lane.launch(plan.kernel, shape, &arguments) }?;
    Ok(y)
}
