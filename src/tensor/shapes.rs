//! The shape check of every operation: whether the operands fit, and the shape of the result.
//!
//! Every device calls these functions first, so that a misfit gives the same error on all of them.

mod mesh;

use super::{
    AttentionBias, Clips, Conv1d, ConvTranspose1d, Dtype, FrontLayer, FrontNorm, Linear, Norm, Packed, Typed,
};
use crate::{Error, Result};

pub use mesh::{SkinSizes, gather, skin};

/// A weight that knows its name and shape.
pub trait Shaped {
    /// Its name in the model file.
    fn name(&self) -> &str;
    /// Its shape.
    fn shape(&self) -> &[usize];
}

fn misfit(
    op: &'static str,
    what: &str,
    expected: impl std::fmt::Debug,
    found: impl std::fmt::Debug,
) -> Error {
    Error::Shape { op, what: what.into(), expected: format!("{expected:?}"), found: format!("{found:?}") }
}

fn weight<W: Shaped>(op: &'static str, weight: &W, expected: &[usize]) -> Result<()> {
    if weight.shape() == expected {
        return Ok(());
    }
    Err(misfit(op, weight.name(), expected, weight.shape()))
}

fn rank<W: Shaped, const N: usize>(op: &'static str, weight: &W) -> Result<[usize; N]> {
    weight
        .shape()
        .try_into()
        .map_err(|_| misfit(op, weight.name(), format!("{N} dimensions"), weight.shape()))
}

fn channels(op: &'static str, x: &impl Packed, expected: usize) -> Result<()> {
    if x.channels() == expected { Ok(()) } else { Err(misfit(op, "channels", expected, x.channels())) }
}

/// Requires a tensor of the number format in which the operation works.
pub fn dtype(op: &'static str, x: &impl Typed, expected: Dtype) -> Result<()> {
    if x.dtype() == expected { Ok(()) } else { Err(misfit(op, "number format", expected, x.dtype())) }
}

/// Requires `values` to be `rows * channels`.
pub fn upload(clips: &Clips, channels: usize, values: usize) -> Result<()> {
    let expected = clips.rows() * channels;
    if values == expected { Ok(()) } else { Err(misfit("upload", "values", expected, values)) }
}

/// The width of the result.
pub fn linear<W: Shaped>(x: &impl Packed, linear: &Linear<W>) -> Result<usize> {
    let [out, _] = rank("linear", &linear.weight)?;
    weight("linear", &linear.weight, &[out, x.channels()])?;
    if let Some(bias) = &linear.bias {
        weight("linear", bias, &[out])?;
    }
    Ok(out)
}

/// The clips and the width of the result.
pub fn conv1d<W: Shaped>(x: &impl Packed, conv: &Conv1d<W>) -> Result<(Clips, usize)> {
    let op = "conv1d";
    let [out, kernel, width] = rank(op, &conv.weight)?;
    channels(op, x, width * conv.groups)?;
    if out % conv.groups != 0 {
        return Err(misfit(op, conv.weight.name(), format!("a multiple of {} groups", conv.groups), out));
    }
    if let Some(bias) = &conv.bias {
        weight(op, bias, &[out])?;
    }
    let (before, after) = conv.padding.rows();
    if let Some(short) = x.clips().lengths().find(|rows| rows + before + after < kernel || *rows == 0) {
        return Err(misfit(
            op,
            "rows of a clip",
            format!("at least {}", kernel.saturating_sub(before + after)),
            short,
        ));
    }
    Ok((x.clips().map(|rows| (rows + before + after - kernel) / conv.stride + 1), out))
}

/// A tensor without its values.
#[derive(Debug)]
pub struct Rows {
    /// The rows of each clip.
    pub clips: Clips,
    /// Channels of a row.
    pub channels: usize,
}

/// Rows of a back end in f32.
impl Typed for Rows {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
}

impl Packed for Rows {
    fn clips(&self) -> &Clips {
        &self.clips
    }
    fn channels(&self) -> usize {
        self.channels
    }
}

/// The clips and the width of the result.
pub fn front_end<W: Shaped>(x: &impl Packed, layers: &[FrontLayer<W>]) -> Result<(Clips, usize)> {
    let op = "front_end";
    let mut rows = Rows { clips: x.clips().clone(), channels: x.channels() };
    for (index, FrontLayer { conv, norm: norm_after }) in layers.iter().enumerate() {
        if conv.groups != 1 || conv.padding.rows() != (0, 0) {
            let found = (conv.groups, conv.padding.rows());
            return Err(misfit(op, conv.weight.name(), "one group and no padding", found));
        }
        let (clips, channels) = conv1d(&rows, conv)?;
        rows = Rows { clips, channels };
        match norm_after {
            FrontNorm::OverTime(_) if index > 0 => {
                return Err(misfit(
                    op,
                    conv.weight.name(),
                    "a norm over time after the first layer alone",
                    index,
                ));
            }
            FrontNorm::OverTime(of) | FrontNorm::OverChannels(of) => norm(op, &rows, of)?,
            FrontNorm::None => {}
        }
    }
    if layers.is_empty() {
        return Err(misfit(op, "layers", "at least 1", 0));
    }
    Ok((rows.clips, rows.channels))
}

/// The clips and the width of the result.
pub fn conv_transpose1d<W: Shaped>(x: &impl Packed, conv: &ConvTranspose1d<W>) -> Result<(Clips, usize)> {
    let op = "conv_transpose1d";
    let [kernel, out, _] = rank(op, &conv.weight)?;
    weight(op, &conv.weight, &[kernel, out, x.channels()])?;
    weight(op, &conv.bias, &[out])?;
    if let Some(short) = x.clips().lengths().find(|&rows| rows == 0) {
        return Err(misfit(op, "rows of a clip", "at least 1", short));
    }
    let clips = x.clips().map(|rows| {
        ((rows - 1) * conv.stride + kernel + conv.output_padding).saturating_sub(2 * conv.padding)
    });
    Ok((clips, out))
}

/// The number of bands of the result: their table is (bands, bins), and a row holds `bins` real parts, then
/// `bins` imaginary ones.
pub fn log_bands<W: Shaped>(x: &impl Packed, bands: &W) -> Result<usize> {
    let [count, bins] = rank("log_bands", bands)?;
    channels("log_bands", x, 2 * bins)?;
    Ok(count)
}

/// Requires a norm as wide as its rows.
pub fn norm<W: Shaped>(op: &'static str, x: &impl Packed, norm: &Norm<W>) -> Result<()> {
    if let Some(affine) = &norm.affine {
        weight(op, &affine.weight, &[x.channels()])?;
        weight(op, &affine.bias, &[x.channels()])?;
    }
    Ok(())
}

/// The width of a head.
pub fn self_attention(qkv: &impl Packed, heads: usize, bias: &AttentionBias) -> Result<usize> {
    let op = "self_attention";
    if heads == 0 || !qkv.channels().is_multiple_of(3 * heads) {
        return Err(misfit(op, "channels", format!("a multiple of 3 * {heads} heads"), qkv.channels()));
    }
    attention_bias(op, heads, bias)?;
    Ok(qkv.channels() / (3 * heads))
}

fn attention_bias(op: &'static str, heads: usize, bias: &AttentionBias) -> Result<()> {
    match bias {
        AttentionBias::Distance { slopes, .. } | AttentionBias::Causal { slopes, .. }
            if slopes.len() != heads =>
        {
            Err(misfit(op, "slopes", heads, slopes.len()))
        }
        AttentionBias::Window { rows: 0 } => Err(misfit(op, "rows of the window", "at least 1", 0)),
        &AttentionBias::Causal { period, context, .. } if period.min(context) == 0 => {
            Err(misfit(op, "period and context", "at least 1 each", (period, context)))
        }
        _ => Ok(()),
    }
}

/// The width of a head. If the bias depends on positions, a clip must have at least as many keys as queries;
/// otherwise at least one key if it has queries.
pub fn attention(q: &impl Packed, kv: &impl Packed, heads: usize, bias: &AttentionBias) -> Result<usize> {
    let op = "attention";
    if heads == 0 || !q.channels().is_multiple_of(heads) {
        return Err(misfit(op, "channels", format!("a multiple of {heads} heads"), q.channels()));
    }
    channels(op, kv, 2 * q.channels())?;
    attention_bias(op, heads, bias)?;
    if q.clips().count() != kv.clips().count() {
        return Err(misfit(op, "clips", q.clips().count(), kv.clips().count()));
    }
    let least = |queries: usize| if *bias == AttentionBias::None { queries.min(1) } else { queries };
    let mut pairs = q.clips().lengths().zip(kv.clips().lengths());
    match pairs.find(|&(queries, keys)| keys < least(queries)) {
        Some((queries, keys)) => {
            Err(misfit(op, "keys of a clip", format!("at least {}", least(queries)), keys))
        }
        None => Ok(q.channels() / heads),
    }
}

/// Requires two tensors of one shape.
pub fn same(op: &'static str, x: &impl Packed, y: &impl Packed) -> Result<()> {
    channels(op, y, x.channels())?;
    if x.clips() == y.clips() {
        Ok(())
    } else {
        Err(misfit(op, "row offsets", x.clips().offsets(), y.clips().offsets()))
    }
}

/// Requires a code and a given value in f32 for every row.
pub fn replace_codes(codes: &impl Packed, given: &impl Typed) -> Result<()> {
    dtype("replace_codes", given, Dtype::F32)?;
    same("replace_codes", codes, given)
}

/// Requires a table (max rows, channels) with at least the rows of the longest clip.
pub fn add_table<W: Shaped>(x: &impl Packed, table: &W) -> Result<()> {
    let [rows, width] = rank("add_table", table)?;
    channels("add_table", x, width)?;
    match x.clips().lengths().find(|&length| length > rows) {
        Some(long) => Err(misfit("add_table", table.name(), format!("at least {long} rows"), rows)),
        None => Ok(()),
    }
}

/// Requires equal numbers of clips, and rows in each clip whose result has rows.
pub fn resample_linear(x: &impl Packed, clips: &Clips) -> Result<()> {
    if x.clips().count() != clips.count() {
        return Err(misfit("resample_linear", "clips", x.clips().count(), clips.count()));
    }
    match x.clips().lengths().zip(clips.lengths()).find(|&(from, to)| from == 0 && to > 0) {
        Some(pair) => Err(misfit("resample_linear", "rows of a clip", "at least 1", pair)),
        None => Ok(()),
    }
}

/// The clips of the result.
pub fn stack_frames(x: &impl Packed, n: usize) -> Result<Clips> {
    match x.clips().lengths().find(|rows| n == 0 || rows % n != 0) {
        Some(rows) => Err(misfit("stack_frames", "rows of a clip", format!("a multiple of {n}"), rows)),
        None => Ok(x.clips().map(|rows| rows / n)),
    }
}

/// The clips of the result.
pub fn unstack_frames(x: &impl Packed, n: usize) -> Result<Clips> {
    if n == 0 || !x.channels().is_multiple_of(n) {
        return Err(misfit("unstack_frames", "channels", format!("a multiple of {n}"), x.channels()));
    }
    Ok(x.clips().map(|rows| rows * n))
}

/// The clips of the result.
pub fn join_rows(x: &impl Packed, y: &impl Packed) -> Result<Clips> {
    channels("join_rows", y, x.channels())?;
    if x.clips().count() != y.clips().count() {
        return Err(misfit("join_rows", "clips", x.clips().count(), y.clips().count()));
    }
    Ok(Clips::from_lengths(x.clips().lengths().zip(y.clips().lengths()).map(|(a, b)| a + b)))
}

/// The first of the terms, whose shape all have.
pub fn combine<'a, T: Packed>(terms: &[(f32, &'a T)]) -> Result<&'a T> {
    let &(_, first) = terms.first().ok_or_else(|| misfit("combine", "terms", "at least 1", 0))?;
    terms.iter().try_for_each(|(_, term)| same("combine", first, *term))?;
    Ok(first)
}

/// The width of the result.
pub fn concat<T: Packed>(parts: &[&T]) -> Result<usize> {
    let first = parts.first().ok_or_else(|| misfit("concat", "parts", "at least 1", 0))?;
    for part in parts {
        if part.clips() != first.clips() {
            return Err(misfit("concat", "row offsets", first.clips().offsets(), part.clips().offsets()));
        }
    }
    Ok(parts.iter().map(|part| part.channels()).sum())
}

/// The clips of the result.
pub fn slice_rows(x: &impl Packed, start: usize, max_rows: usize) -> Clips {
    x.clips().map(|rows| rows.saturating_sub(start).min(max_rows))
}

/// The clips of the result.
pub fn prepend_rows<W: Shaped>(x: &impl Packed, table: &W) -> Result<Clips> {
    let [rows, width] = rank("prepend_rows", table)?;
    channels("prepend_rows", x, width)?;
    Ok(x.clips().map(|length| length + rows))
}

/// Requires one row for each clip, and equal numbers of clips.
pub fn broadcast_rows(x: &impl Packed, clips: &Clips) -> Result<()> {
    if x.clips().lengths().all(|rows| rows == 1) && x.clips().count() == clips.count() {
        return Ok(());
    }
    Err(misfit(
        "broadcast_rows",
        "row offsets",
        format!("1 row for each of {} clips", clips.count()),
        x.clips().offsets(),
    ))
}

/// The number of codes and the width of a codebook.
pub fn codebook<W: Shaped>(op: &'static str, codebook: &W) -> Result<[usize; 2]> {
    let [codes, width] = rank(op, codebook)?;
    if codes == 0 {
        return Err(misfit(op, codebook.name(), "at least one code", codes));
    }
    Ok([codes, width])
}

/// Requires a codebook as wide as the rows that are compared with it.
pub fn nearest_code<W: Shaped>(x: &impl Packed, table: &W) -> Result<()> {
    let [_, width] = codebook("nearest_code", table)?;
    channels("nearest_code", x, width)
}

/// Requires at least one code, a temperature above 0, and a seed and a first row for every clip.
pub fn choose_code(logits: &impl Packed, sample: Option<&super::SampleCodes>) -> Result<()> {
    let op = "choose_code";
    if logits.channels() == 0 {
        return Err(misfit(op, "codes", "at least 1", 0));
    }
    let Some(sample) = sample else { return Ok(()) };
    let clips = logits.clips().count();
    if sample.seeds.len() != clips || sample.first_rows.len() != clips {
        return Err(misfit(op, "seeds and first rows", clips, (sample.seeds.len(), sample.first_rows.len())));
    }
    if sample.temperature.is_finite() && sample.temperature > 0.0 {
        return Ok(());
    }
    Err(misfit(op, "temperature", "a finite number above 0", sample.temperature))
}

/// Requires one weight for each row.
pub fn sorted_pool(x: &impl Packed, weights: &impl Typed) -> Result<()> {
    let op = "sorted_pool";
    dtype(op, weights, Dtype::F32)?;
    channels(op, weights, 1)?;
    if x.clips() != weights.clips() {
        return Err(misfit(op, "row offsets", x.clips().offsets(), weights.clips().offsets()));
    }
    Ok(())
}
