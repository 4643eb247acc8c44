//! The launcher of `transformer_stack.cu`, and the conditions for its use.

use super::launch::{StackSize, TransformerStack};
use super::norm::parameters;
use super::{Cuda, Tensor, Weight, longest};
use crate::Result;
use crate::tensor::shapes::Shaped;
use crate::tensor::{AttentionBias, Linear, Norm, Role, RowOps, TransformerLayer};

/// Runs as many layers in one launch as fit, the others one by one. The choice depends on the layers, the
/// window and the device: if it depended on the number of rows, a clip would have other bytes in a batch than
/// alone.
pub(super) fn transformer_stack(
    cuda: &Cuda,
    mut x: Tensor,
    layers: &[TransformerLayer<Weight>],
    bias: &AttentionBias,
) -> Result<Tensor> {
    let mut rest = layers;
    if let &AttentionBias::Window { rows: window } = bias {
        while let Some(size) = (1..=rest.len()).rev().find_map(|n| size(cuda, &x, &rest[..n], window)) {
            let (now, later) = rest.split_at(size.layers);
            x = launch(cuda, &x, now, size)?;
            rest = later;
        }
    }
    rest.iter().try_fold(x, |x, layer| cuda.transformer_layer(&x, layer, bias))
}

/// The sizes of these layers and their kernel; `None` if no kernel fits. Layers with wrong shapes are
/// reported by the single operations.
fn size(cuda: &Cuda, x: &Tensor, layers: &[TransformerLayer<Weight>], window: usize) -> Option<StackSize> {
    let (width, feed_forward) = (x.channels, *layers[0].up.weight.shape().first()?);
    let alike = |layer: &TransformerLayer<Weight>| {
        let first = &layers[0];
        has_shape(layer, width, feed_forward)
            && (layer.heads, layer.activation) == (first.heads, first.activation)
            && [layer.norm1.eps, layer.norm2.eps] == [first.norm1.eps; 2]
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
    let size = StackSize { rows: 0, stages: 0, layers: layers.len(), width, feed_forward, heads, window };
    size.best(cuda.device.shared_memory())
}

fn has_shape(layer: &TransformerLayer<Weight>, width: usize, feed_forward: usize) -> bool {
    let linear = |linear: &Linear<Weight>, out: usize, input: usize| {
        linear.weight.shape() == [out, input] && linear.bias.as_ref().is_none_or(|bias| bias.shape() == [out])
    };
    let norm = |norm: &Norm<Weight>| {
        let affine = norm.affine.as_ref();
        affine.is_some_and(|of| of.weight.shape() == [width] && of.bias.shape() == [width])
    };
    linear(&layer.qkv, 3 * width, width)
        && linear(&layer.out, width, width)
        && linear(&layer.up, feed_forward, width)
        && linear(&layer.down, width, feed_forward)
        && norm(&layer.norm1)
        && norm(&layer.norm2)
}

/// The addresses of a layer's weights, in the kernel's order.
fn addresses(cuda: &Cuda, layer: &TransformerLayer<Weight>) -> Result<[u64; 12]> {
    let op = "transformer_stack";
    let linear = |linear: &Linear<Weight>| -> Result<[u64; 2]> {
        Ok([cuda.weight(op, &linear.weight, Role::Linear)?, cuda.bias(op, linear.bias.as_ref())?])
    };
    let parts = [
        linear(&layer.qkv)?,
        linear(&layer.out)?,
        parameters(cuda, op, &layer.norm1)?,
        linear(&layer.up)?,
        linear(&layer.down)?,
        parameters(cuda, op, &layer.norm2)?,
    ];
    Ok(std::array::from_fn(|i| parts.as_flattened()[i]))
}

fn launch(cuda: &Cuda, x: &Tensor, layers: &[TransformerLayer<Weight>], size: StackSize) -> Result<Tensor> {
    let lane = cuda.enter(&[&x.lane])?;
    let y = cuda.tensor(&lane, x.clips.clone(), x.channels)?;
    let table = layers.iter().map(|layer| addresses(cuda, layer)).collect::<Result<Vec<_>>>()?.concat();
    let table = cuda.table(&cuda.layers, table.clone(), &table)?;
    let offsets = cuda.offsets(&x.clips)?;
    let stack = TransformerStack {
        y: y.address(),
        x: x.address(),
        layers: table.address(),
        offsets: offsets.address(),
        size,
        activation: layers[0].activation,
        eps: layers[0].norm1.eps,
        clips: x.clips.count(),
        longest: longest(&x.clips),
    };
    // SAFETY: x and y have `width` halves a row; the table has twelve addresses a layer, of weights whose
    // shapes `has_shape` has compared and which are not padded; the offsets are those of these clips;
    // `StackSize::best` found a kernel for the sizes.
    unsafe { lane.launch(&stack) }?;
    Ok(y)
}
