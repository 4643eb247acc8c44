//! Launchers of `codes.cu`.

use std::sync::Arc;

use super::launch::{ChooseCode, Lookup, NearestCode, ReplaceCodes};
use super::{Codes, Cuda, NULL, Tensor, Weight, longest};
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
    let lookup =
        Lookup { y: y.address(), codes: codes.buffer.address(), codebook: book, rows, stride: y.stride() };
    // SAFETY: a code for every row, each below the codebook's count; rows of y and of the codebook are
    // `stride` halves.
    unsafe { lane.launch(&lookup) }?;
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
        lane: lane.clone(),
        bound: count,
    };
    let nearest = NearestCode {
        codes: codes.buffer.address(),
        x: x.address(),
        codebook: book,
        rows,
        count,
        stride: x.stride(),
    };
    // SAFETY: rows of x and of the codebook are `stride` halves, with zeros behind the channels; there is
    // room for a code a row.
    unsafe { lane.launch(&nearest) }?;
    Ok(codes)
}

pub(super) fn choose_code(cuda: &Cuda, logits: &Tensor, sample: Option<&SampleCodes>) -> Result<Codes> {
    shapes::choose_code(logits, sample)?;
    let lane = cuda.enter(&[&logits.lane])?;
    let clips = &logits.clips;
    let codes = Codes {
        clips: clips.clone(),
        buffer: Arc::new(lane.arena.take(clips.rows() * 4)?),
        lane: lane.clone(),
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
        tables.as_ref().map_or((NULL, NULL), |(seeds, rows)| (seeds.address(), rows.address()));
    let choose = ChooseCode {
        codes: codes.buffer.address(),
        logits: logits.address(),
        offsets: offsets.address(),
        seeds,
        first_rows,
        count: logits.channels(),
        stride: logits.stride(),
        stream: sample.map_or(0, |sample| sample.stream as usize),
        temperature: sample.map_or(1.0, |sample| sample.temperature),
        clips: clips.count(),
        longest: longest(clips),
    };
    // SAFETY: rows of the logits are `stride` halves; there is a seed and a first row for every clip, and
    // room for a code a row. The tables return to the lane's arena after this launch.
    unsafe { lane.launch(&choose) }?;
    Ok(codes)
}

pub(super) fn replace_codes(cuda: &Cuda, chosen: &Codes, given: &Tensor) -> Result<Codes> {
    shapes::replace_codes(chosen, given)?;
    let lane = cuda.enter(&[&chosen.lane, &given.lane])?;
    let rows = chosen.clips.rows();
    let codes = Codes {
        clips: chosen.clips.clone(),
        buffer: Arc::new(lane.arena.take(rows * 4)?),
        lane: lane.clone(),
        bound: chosen.bound,
    };
    let replace = ReplaceCodes {
        codes: codes.buffer.address(),
        chosen: chosen.buffer.address(),
        given: given.address(),
        rows,
        count: chosen.bound,
    };
    // SAFETY: a chosen code and an f32 for every row; room for a code a row.
    unsafe { lane.launch(&replace) }?;
    Ok(codes)
}
