//! The transfer of all tensors of a model to the device: one allocation, filled through page-locked memory
//! while the next part is prepared.

use std::sync::Arc;

use cudarc::driver::result;
use rayon::prelude::*;

use super::arena::ALIGNMENT;
use super::device::failed;
use super::pinned::Pinned;
use super::{Cuda, Weight, pack};
use crate::Result;
use crate::tensor::{Role, Stored};

/// Bytes of a copy.
const PART: usize = 8 << 20;

pub(super) fn load_all(cuda: &Cuda, tensors: Vec<(Stored, Role)>) -> Result<Vec<Weight>> {
    let places: Vec<usize> = tensors
        .iter()
        .scan(0, |end, (stored, role)| {
            let begin = *end;
            *end = begin + pack::bytes(*role, &stored.shape).next_multiple_of(ALIGNMENT);
            Some(begin)
        })
        .collect();
    let last = tensors.last().zip(places.last());
    let total = last.map_or(0, |((stored, role), place)| place + pack::bytes(*role, &stored.shape));
    let block = Arc::new(cuda.weights.take(total)?);
    fill(cuda, block.address(), total, &tensors, &places)?;
    Ok(tensors
        .into_iter()
        .zip(places)
        .map(|((stored, role), place)| Weight {
            name: stored.name,
            shape: stored.shape,
            role,
            address: block.address() + place as u64,
            block: block.clone(),
        })
        .collect())
}

/// Copies the tensors to their places behind `address`, in parts: while one part is copied, the next one is
/// prepared.
fn fill(cuda: &Cuda, address: u64, total: usize, tensors: &[(Stored, Role)], places: &[usize]) -> Result<()> {
    let stream = &cuda.transfer;
    let wait = || stream.synchronize().map_err(|error| failed("finish its work", error));
    let part = PART.min(total.max(1));
    let mut halves = [Pinned::new(&cuda.device, stream, part)?, Pinned::new(&cuda.device, stream, part)?];
    for (index, begin) in (0..total).step_by(PART).enumerate() {
        let end = (begin + PART).min(total);
        let bytes = &mut halves[index % 2].bytes()[..end - begin];
        // The tensors that reach into this part. A tensor larger than a part is converted once for each of
        // its parts.
        let first = places.partition_point(|place| *place <= begin).saturating_sub(1);
        let inside: Vec<usize> = (first..tensors.len()).take_while(|i| places[*i] < end).collect();
        let forms: Vec<_> = inside
            .into_par_iter()
            .map(|i| (i, pack::form(tensors[i].1, &tensors[i].0.shape, tensors[i].0.to_f32())))
            .collect();
        for (i, form) in &forms {
            let (form, place) = (form.bytes(), places[*i]);
            let (from, to) = (place.max(begin), (place + form.len()).min(end));
            if from < to {
                bytes[from - begin..to - begin].copy_from_slice(&form[from - place..to - place]);
            }
        }
        wait()?;
        cuda.device.context.bind_to_thread().map_err(|error| failed("be selected", error))?;
        // SAFETY: the block has `total` bytes behind the address; this half is reused only after the next
        // part has waited for it.
        unsafe { result::memcpy_htod_async(address + begin as u64, bytes, stream.cu_stream()) }
            .map_err(|error| failed("take the weights", error))?;
    }
    // The other streams do not wait for this stream.
    wait()
}
