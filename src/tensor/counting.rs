//! A back end that computes nothing and counts the cost of a forward from the shapes of its operations.
//!
//! Floating-point operations are those of products, convolutions, attention and codebook searches: two for a
//! multiplication with its addition, and in attention only for pairs that see each other. Traffic is what
//! each operation reads and writes, each operand once: a fused kernel moves less, a kernel that reads an
//! operand twice moves more.

use std::sync::{Arc, Mutex};

use super::shapes::{self, Rows, Shaped, SkinSizes};
use super::{
    Activation, AttentionBias, Clips, CodeOps, Context, Conv1d, ConvTranspose1d, DiffusionOps, Dtype,
    EmbeddingOps, Engine, Lease, Linear, MeshOps, Neighbors, Norm, Role, RowOps, SampleCodes, SkinTables,
    SpeechOps, Stored,
};
use crate::Result;

/// The cost of work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Floating-point operations.
    pub flops: u64,
    /// Elements read and written.
    pub elements: u64,
}

/// A weight without its values.
#[derive(Debug)]
pub struct Shape {
    name: String,
    shape: Vec<usize>,
}

impl Shaped for Shape {
    fn name(&self) -> &str {
        &self.name
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
}

/// The counting back end. Clones add to one count.
#[derive(Debug, Clone, Default)]
pub struct Counter {
    work: Arc<Mutex<Work>>,
}

impl Engine for Counter {
    type Context = Self;

    fn lease(&self) -> Result<Lease<Self>> {
        Ok(Lease::unpooled(self.clone()))
    }
}

impl Counter {
    /// The cost of all operations so far.
    pub fn work(&self) -> Work {
        *self.work.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Counts an operation that reads these numbers of elements and makes a tensor.
    fn made(&self, flops: usize, read: &[usize], clips: Clips, channels: usize) -> Rows {
        let moved = read.iter().sum::<usize>() + clips.rows() * channels;
        let mut work = self.work.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        work.flops += flops as u64;
        work.elements += moved as u64;
        Rows { clips, channels }
    }

    /// Counts an operation on every element of some tensors of one shape.
    fn like(&self, x: &Rows, operands: usize) -> Rows {
        self.made(0, &[operands * size(x)], x.clips.clone(), x.channels)
    }
}

fn size(x: &Rows) -> usize {
    x.clips.rows() * x.channels
}

fn elements(weight: &Shape) -> usize {
    weight.shape.iter().product()
}

/// The number of pairs of a query and a key that it sees. The queries are the last rows of the clip.
fn pairs(queries: usize, keys: usize, bias: &AttentionBias) -> usize {
    let places = keys.saturating_sub(queries)..keys;
    match bias {
        AttentionBias::Window { rows: reach } => {
            places.map(|row| (row + reach).min(keys) - (row + 1).saturating_sub(*reach)).sum()
        }
        AttentionBias::Causal { context, .. } => places.map(|row| (row + 1).min(*context)).sum(),
        AttentionBias::None | AttentionBias::Distance { .. } => queries * keys,
    }
}

impl Context for Counter {
    type Tensor = Rows;
    type Weight = Shape;
    type Codes = Rows;

    fn load(&self, stored: Stored, _: Role) -> Result<Shape> {
        Ok(Shape { name: stored.name, shape: stored.shape })
    }

    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn upload(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Rows> {
        shapes::upload(clips, channels, values.len())?;
        Ok(self.made(0, &[], clips.clone(), channels))
    }

    fn upload_f32(&self, clips: &Clips, channels: usize, values: &[f32]) -> Result<Rows> {
        self.upload(clips, channels, values)
    }

    fn download(&self, x: &Rows) -> Result<Vec<f32>> {
        Ok(vec![0.0; size(x)])
    }

    fn upload_codes(&self, clips: &Clips, codes: &[i32]) -> Result<Rows> {
        shapes::upload(clips, 1, codes.len())?;
        Ok(self.made(0, &[], clips.clone(), 1))
    }

    fn download_codes(&self, codes: &Rows) -> Result<Vec<i32>> {
        Ok(vec![0; size(codes)])
    }
}

impl RowOps for Counter {
    fn linear(&self, x: &Rows, linear: &Linear<Shape>, _: Activation) -> Result<Rows> {
        let out = shapes::linear(x, linear)?;
        let weights = elements(&linear.weight) + linear.bias.as_ref().map_or(0, elements);
        Ok(self.made(2 * size(x) * out, &[size(x), weights], x.clips.clone(), out))
    }

    fn conv1d(&self, x: &Rows, conv: &Conv1d<Shape>, _: Activation) -> Result<Rows> {
        let (clips, out) = shapes::conv1d(x, conv)?;
        let weights = elements(&conv.weight) + conv.bias.as_ref().map_or(0, elements);
        let flops = 2 * clips.rows() * elements(&conv.weight);
        Ok(self.made(flops, &[size(x), weights], clips, out))
    }

    fn conv_transpose1d(&self, x: &Rows, conv: &ConvTranspose1d<Shape>, _: Activation) -> Result<Rows> {
        let (clips, out) = shapes::conv_transpose1d(x, conv)?;
        let flops = 2 * x.clips.rows() * elements(&conv.weight);
        Ok(self.made(flops, &[size(x), elements(&conv.weight) + out], clips, out))
    }

    fn layer_norm(&self, x: &Rows, norm: &Norm<Shape>, _: Activation) -> Result<Rows> {
        shapes::norm("layer_norm", x, norm)?;
        Ok(self.like(x, 1))
    }

    fn group_norm(&self, x: &Rows, norm: &Norm<Shape>, _: Activation) -> Result<Rows> {
        shapes::norm("group_norm", x, norm)?;
        Ok(self.like(x, 1))
    }

    fn self_attention(&self, qkv: &Rows, heads: usize, bias: &AttentionBias) -> Result<Rows> {
        let channels = shapes::self_attention(qkv, heads, bias)? * heads;
        let pairs: usize = qkv.clips.lengths().map(|rows| pairs(rows, rows, bias)).sum();
        Ok(self.made(4 * pairs * channels, &[size(qkv)], qkv.clips.clone(), channels))
    }

    fn attention(&self, q: &Rows, kv: &Rows, heads: usize, bias: &AttentionBias) -> Result<Rows> {
        let channels = shapes::attention(q, kv, heads, bias)? * heads;
        let lengths = q.clips.lengths().zip(kv.clips.lengths());
        let pairs: usize = lengths.map(|(queries, keys)| pairs(queries, keys, bias)).sum();
        Ok(self.made(4 * pairs * channels, &[size(q), size(kv)], q.clips.clone(), channels))
    }

    fn add(&self, x: &Rows, y: &Rows) -> Result<Rows> {
        shapes::same("add", x, y)?;
        Ok(self.like(x, 2))
    }

    fn add_table(&self, x: &Rows, table: &Shape) -> Result<Rows> {
        shapes::add_table(x, table)?;
        Ok(self.like(x, 2))
    }

    fn resample_linear(&self, x: &Rows, clips: &Clips) -> Result<Rows> {
        shapes::resample_linear(x, clips)?;
        Ok(self.made(0, &[size(x)], clips.clone(), x.channels))
    }

    fn stack_frames(&self, x: &Rows, n: usize) -> Result<Rows> {
        Ok(self.made(0, &[size(x)], shapes::stack_frames(x, n)?, x.channels * n))
    }

    fn unstack_frames(&self, x: &Rows, n: usize) -> Result<Rows> {
        Ok(self.made(0, &[size(x)], shapes::unstack_frames(x, n)?, x.channels / n))
    }

    fn join_rows(&self, x: &Rows, y: &Rows) -> Result<Rows> {
        Ok(self.made(0, &[size(x), size(y)], shapes::join_rows(x, y)?, x.channels))
    }

    fn elu(&self, x: &Rows) -> Result<Rows> {
        Ok(self.like(x, 1))
    }

    fn concat(&self, parts: &[&Rows]) -> Result<Rows> {
        let channels = shapes::concat(parts)?;
        let read = parts.iter().map(|part| size(part)).sum();
        Ok(self.made(0, &[read], parts[0].clips.clone(), channels))
    }

    fn slice_rows(&self, x: &Rows, start: usize, max_rows: usize) -> Result<Rows> {
        let clips = shapes::slice_rows(x, start, max_rows);
        Ok(self.made(0, &[clips.rows() * x.channels], clips, x.channels))
    }

    fn prepend_rows(&self, x: &Rows, rows: &Shape) -> Result<Rows> {
        let clips = shapes::prepend_rows(x, rows)?;
        Ok(self.made(0, &[size(x), elements(rows)], clips, x.channels))
    }

    fn broadcast_rows(&self, x: &Rows, clips: &Clips) -> Result<Rows> {
        shapes::broadcast_rows(x, clips)?;
        Ok(self.made(0, &[size(x)], clips.clone(), x.channels))
    }
}

impl CodeOps for Counter {
    fn lookup(&self, codes: &Rows, codebook: &Shape) -> Result<Rows> {
        let [_, width] = shapes::codebook("lookup", codebook)?;
        Ok(self.made(0, &[codes.clips.rows() * width], codes.clips.clone(), width))
    }

    fn nearest_code(&self, x: &Rows, codebook: &Shape) -> Result<Rows> {
        shapes::nearest_code(x, codebook)?;
        let flops = 2 * x.clips.rows() * elements(codebook);
        Ok(self.made(flops, &[size(x), elements(codebook)], x.clips.clone(), 1))
    }

    fn choose_code(&self, logits: &Rows, sample: Option<&SampleCodes>) -> Result<Rows> {
        shapes::choose_code(logits, sample)?;
        Ok(self.made(0, &[size(logits)], logits.clips.clone(), 1))
    }
}

impl SpeechOps for Counter {
    fn log_bands(&self, spectrum: &Rows, bands: &Shape, _: f32) -> Result<Rows> {
        let out = shapes::log_bands(spectrum, bands)?;
        let flops = 2 * spectrum.clips.rows() * elements(bands);
        Ok(self.made(flops, &[size(spectrum), elements(bands)], spectrum.clips.clone(), out))
    }
}

impl EmbeddingOps for Counter {
    fn sorted_pool(&self, x: &Rows, weights: &Rows) -> Result<Rows> {
        shapes::sorted_pool(x, weights)?;
        let clips = Clips::from_lengths(vec![1; x.clips.count()]);
        Ok(self.made(0, &[size(x), size(weights)], clips, x.channels))
    }

    fn l2_normalize(&self, x: &Rows) -> Result<Rows> {
        Ok(self.like(x, 1))
    }

    fn sample_gaussian(&self, mu: &Rows, log_variance: &Rows, noise: &Rows, _: f32) -> Result<Rows> {
        shapes::same("sample_gaussian", mu, log_variance)?;
        shapes::same("sample_gaussian", mu, noise)?;
        Ok(self.like(mu, 3))
    }

    fn slerp(&self, a: &Rows, b: &Rows, _: f32) -> Result<Rows> {
        shapes::same("slerp", a, b)?;
        Ok(self.like(a, 2))
    }

    fn lerp(&self, a: &Rows, b: &Rows, _: f32) -> Result<Rows> {
        shapes::same("lerp", a, b)?;
        Ok(self.like(a, 2))
    }
}

impl MeshOps for Counter {
    /// Each channel moves every vertex, then each joint does.
    fn skin(&self, parameters: &Rows, skin: &SkinTables<Shape>) -> Result<Rows> {
        let SkinSizes { vertices, channels, joints, corrected } = shapes::skin(parameters, skin)?;
        let poses = parameters.clips.rows();
        let tables = [&skin.template, &skin.shapes, &skin.weights].into_iter().chain(&skin.correctives);
        let read: Vec<usize> = std::iter::once(size(parameters)).chain(tables.map(elements)).collect();
        // Each shape moves three coordinates; a joint's movement of a vertex is 12 multiplications with their
        // additions.
        let a_vertex = 2 * 3 * (channels + 9 * corrected) + 2 * 12 * joints;
        Ok(self.made(poses * vertices * a_vertex, &read, parameters.clips.clone(), 3 * vertices))
    }

    fn gather(&self, x: &Rows, neighbors: &Neighbors) -> Result<Rows> {
        let clips = shapes::gather(x, neighbors)?;
        let read = clips.rows() * neighbors.length * x.channels;
        Ok(self.made(0, &[read], clips, neighbors.length * x.channels))
    }
}

impl DiffusionOps for Counter {
    fn combine(&self, terms: &[(f32, &Rows)]) -> Result<Rows> {
        Ok(self.like(shapes::combine(terms)?, terms.len()))
    }

    fn activations(&self, x: &Rows) -> Result<Rows> {
        Ok(self.like(x, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_and_an_attention_are_counted_by_their_shapes() {
        let ops = Counter::default();
        let x = ops.upload(&Clips::from_lengths([3, 4]), 6, &[0.0; 42]).unwrap();
        let shape = |shape: &[usize]| Shape { name: "w".into(), shape: shape.into() };
        let linear = Linear { weight: shape(&[9, 6]), bias: Some(shape(&[9])) };
        let y = ops.linear(&x, &linear, Activation::None).unwrap();
        assert_eq!(ops.work().flops, 2 * 7 * 6 * 9);
        assert_eq!(ops.work().elements, 42 + (42 + 54 + 9 + 63));
        ops.self_attention(&y, 1, &AttentionBias::None).unwrap();
        assert_eq!(ops.work().flops, 2 * 7 * 6 * 9 + 4 * (9 + 16) * 3);
        assert_eq!(pairs(4, 4, &AttentionBias::Window { rows: 1 }), 4);
        assert_eq!(pairs(4, 4, &AttentionBias::Window { rows: 2 }), 10);
        let causal = |context| AttentionBias::Causal { slopes: vec![0.5], period: 2, context };
        assert_eq!((pairs(4, 4, &causal(9)), pairs(2, 4, &causal(3))), (10, 6));
    }
}
