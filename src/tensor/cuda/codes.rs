//! Launchers of `codes.cu`.

use std::sync::Arc;

use super::device::{Argument, Shape};
use super::{Codes, Cuda, NULL, Tensor, Weight, address, int, longest};
use crate::tensor::{Packed, Role, SampleCodes, shapes};
use crate::{Error, Result};

pub(super) fn lookup(cuda: &Cuda, codes: &Codes, codebook: &Weight) -> Result<Tensor> {
    let [count, width] = shapes::codebook("lookup", codebook)?;
    if codes.bound > count {
        return Err(Error::Shape {
            op: "lookup",
            what: "a code".into(),
            expected: format!("0 to {}", count - 1),
            found: if codes.bound == usize::MAX {
                "a negative one".into()
            } else {
                (codes.bound - 1).to_string()
            },
        });
    }
    let book = cuda.weight("lookup", codebook, Role::Rows)?;
    let lane = cuda.enter(&[&codes.lane])?;
    let y = cuda.tensor(&lane, codes.clips.clone(), width)?;
    let rows = codes.clips.rows();
    let shape = Shape { grid: [(rows * y.stride() / 8).div_ceil(256), 1, 1], threads: 256, shared: 0 };
    let arguments =
        [Argument::Address(y.address()), address(&codes.buffer), book, int(rows), int(y.stride())];
    // SAFETY: a code for every row, each below the codebook's count; rows of y and of the codebook are `stride` halves.
    unsafe { lane.launch("lookup", shape, &arguments) }?;
    Ok(y)
}

pub(super) fn nearest_code(cuda: &Cuda, x: &Tensor, codebook: &Weight) -> Result<Codes> {
    shapes::nearest_code(x, codebook)?;
    let [count, _] = shapes::codebook("nearest_code", codebook)?;
    let book = cuda.weight("nearest_code", codebook, Role::Rows)?;
    let lane = cuda.enter(&[&x.lane])?;
    let rows = x.clips.rows();
    let codes = Codes {
        clips: x.clips.clone(),
        buffer: Arc::new(lane.arena.take(rows * 4)?),
        lane: lane.lane.clone(),
        bound: count,
    };
    let shape = Shape { grid: [rows.div_ceil(4), 1, 1], threads: 128, shared: 0 };
    let arguments = [
        address(&codes.buffer),
        Argument::Address(x.address()),
        book,
        int(rows),
        int(count),
        int(x.stride()),
    ];
    // SAFETY: rows of x and of the codebook are `stride` halves, with zeros behind the channels; there is room for a code a row.
    unsafe { lane.launch("nearest_code", shape, &arguments) }?;
    Ok(codes)
}

pub(super) fn choose_code(cuda: &Cuda, logits: &Tensor, sample: Option<&SampleCodes>) -> Result<Codes> {
    shapes::choose_code(logits, sample)?;
    let lane = cuda.enter(&[&logits.lane])?;
    let clips = &logits.clips;
    let codes = Codes {
        clips: clips.clone(),
        buffer: Arc::new(lane.arena.take(clips.rows() * 4)?),
        lane: lane.lane.clone(),
        bound: logits.channels(),
    };
    let offsets = cuda.offsets(clips)?;
    let tables = sample
        .map(|sample| {
            let rows: Vec<i32> = sample.first_rows.iter().map(|&row| row as i32).collect();
            Ok::<_, Error>((cuda.upload_values(&lane, &sample.seeds)?, cuda.upload_values(&lane, &rows)?))
        })
        .transpose()?;
    let (seeds, first_rows) =
        tables.as_ref().map_or((NULL, NULL), |(seeds, rows)| (address(seeds), address(rows)));
    let shape = Shape { grid: [longest(clips).div_ceil(4), clips.count(), 1], threads: 128, shared: 0 };
    let arguments = [
        address(&codes.buffer),
        Argument::Address(logits.address()),
        address(&offsets),
        seeds,
        first_rows,
        int(logits.channels()),
        int(logits.stride()),
        int(sample.map_or(0, |sample| sample.stream as usize)),
        Argument::Float(sample.map_or(1.0, |sample| sample.temperature)),
    ];
    // SAFETY: rows of the logits are `stride` halves; a seed and a first row for every clip; room for a code a row. The tables
    // go back to the lane's arena behind this launch.
    unsafe { lane.launch("choose_code", shape, &arguments) }?;
    Ok(codes)
}
