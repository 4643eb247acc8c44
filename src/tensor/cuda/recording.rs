//! Recorded parts of the network: CUDA graphs.
//!
//! The first run of a part with given lengths goes kernel by kernel: it brings weights and tables to the device. The second is
//! captured into a graph; from then on inputs are copied in, the graph is launched and its results are copied out. A thread keeps the
//! recordings of the last few lengths. All of them work in the same memory, apart from that of ordinary tensors: nothing in
//! it has to outlast a replay, and the stream runs one replay after the other.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use cudarc::driver::{CudaGraph, result, sys};

use super::device::failed;
use super::lane::{self, Lane};
use super::{Codes, Cuda, Tensor};
use crate::Result;
use crate::tensor::{Clips, Dtype, Outputs};

/// How many recordings a thread keeps on a device; the one that was not used for longest goes.
const KEPT: usize = 16;

/// What makes two runs of a part the same: its name, and the clips, channels and number format of its inputs.
type Key = (&'static str, Vec<(Clips, usize, Dtype)>);

/// The recordings of a thread, the last used one at the end.
#[derive(Default)]
pub(super) struct Recordings {
    kept: Vec<(Key, Option<Rc<Recording>>)>,
}

/// What must live as long as a graph that reads it: its uploads, tables.
pub(super) type Keep = Arc<std::sync::Mutex<Vec<Box<dyn Any + Send>>>>;

/// Dropped in this order: the graph before what it uses.
struct Recording {
    graph: CudaGraph,
    inputs: Vec<Place>,
    results: Results,
    _lanes: [Arc<Lane>; 2],
    _keep: Keep,
}

/// Where a tensor lies during a run.
struct Place {
    address: u64,
    bytes: usize,
    clips: Clips,
    channels: usize,
    dtype: Dtype,
}

impl Place {
    fn of(tensor: &Tensor) -> Self {
        let row = tensor.stride() * tensor.dtype.size();
        let (address, clips) = (tensor.address(), tensor.clips.clone());
        Self { address, bytes: clips.rows() * row, clips, channels: tensor.channels, dtype: tensor.dtype }
    }

    fn of_codes(codes: &Codes) -> (Self, usize) {
        let (address, clips) = (codes.buffer.address(), codes.clips.clone());
        (Self { address, bytes: clips.rows() * 4, clips, channels: 1, dtype: Dtype::F32 }, codes.bound)
    }
}

/// Where the results of a part lie; of codes, how many there may be too.
struct Results {
    tensors: Vec<Place>,
    codes: Vec<(Place, usize)>,
}

impl Results {
    fn of(outputs: &Outputs<Tensor, Codes>) -> Self {
        let tensors = outputs.tensors.iter().map(Place::of).collect();
        Self { tensors, codes: outputs.codes.iter().map(Place::of_codes).collect() }
    }

    /// Copies in the lane's own memory: the next run writes over the places.
    fn copied(&self, cuda: &Cuda, lane: &Arc<Lane>) -> Result<Outputs<Tensor, Codes>> {
        let tensors = self.tensors.iter().map(|place| {
            let tensor = cuda.tensor_of(lane, place.clips.clone(), place.channels, place.dtype)?;
            copy(lane, tensor.address(), place.address, place.bytes)?;
            Ok(tensor)
        });
        let codes = self.codes.iter().map(|(place, bound)| {
            let buffer = Arc::new(lane.arena.take(place.bytes)?);
            copy(lane, buffer.address(), place.address, place.bytes)?;
            Ok(Codes { clips: place.clips.clone(), buffer, lane: lane.clone(), bound: *bound })
        });
        Ok(Outputs { tensors: tensors.collect::<Result<_>>()?, codes: codes.collect::<Result<_>>()? })
    }
}

thread_local! {
    static RECORDINGS: RefCell<Vec<(usize, Recordings)>> = const { RefCell::new(Vec::new()) };
}

fn with_recordings<R>(cuda: &Cuda, body: impl FnOnce(&mut Recordings) -> R) -> R {
    let device = Arc::as_ptr(&cuda.device) as usize;
    RECORDINGS.with_borrow_mut(|all| {
        let index = all.iter().position(|(of, _)| *of == device).unwrap_or_else(|| {
            all.push((device, Recordings::default()));
            all.len() - 1
        });
        body(&mut all[index].1)
    })
}

/// Forgets the calling thread's recordings on a device.
pub(super) fn forget(cuda: &Cuda) {
    let device = Arc::as_ptr(&cuda.device) as usize;
    let forgotten = RECORDINGS.try_with(|all| {
        let mut all = all.borrow_mut();
        all.iter().position(|(of, _)| *of == device).map(|index| all.swap_remove(index))
    });
    drop(forgotten);
}

pub(super) fn recorded(
    cuda: &Cuda,
    part: &'static str,
    inputs: &[&Tensor],
    body: impl Fn(&[&Tensor]) -> Result<Outputs<Tensor, Codes>>,
) -> Result<Outputs<Tensor, Codes>> {
    let lanes: Vec<_> = inputs.iter().map(|input| &input.lane).collect();
    let lane = cuda.enter(&lanes)?;
    if lane.keep.is_some() || lane::is_branch(&cuda.device)? {
        return body(inputs);
    }
    let key = (part, inputs.iter().map(|input| (input.clips.clone(), input.channels, input.dtype)).collect());
    let found = with_recordings(cuda, |recordings| {
        let index = recordings.kept.iter().position(|(other, _)| *other == key)?;
        let entry = recordings.kept.remove(index);
        let recording = entry.1.clone();
        recordings.kept.push(entry);
        Some(recording)
    });
    let recording = match found {
        None => {
            let outputs = first_run(cuda, &lane, inputs, &body)?;
            put(cuda, &lane, key, None)?;
            return Ok(outputs);
        }
        Some(Some(recording)) => recording,
        Some(None) => {
            let recording = Rc::new(record(cuda, &lane, inputs, &body)?);
            put(cuda, &lane, key, Some(recording.clone()))?;
            recording
        }
    };
    recording.replay(cuda, &lane, inputs)
}

fn put(cuda: &Cuda, lane: &Lane, key: Key, recording: Option<Rc<Recording>>) -> Result<()> {
    let old = with_recordings(cuda, |recordings| {
        recordings.kept.retain(|(other, _)| *other != key);
        recordings.kept.push((key, recording));
        (recordings.kept.len() > KEPT).then(|| recordings.kept.remove(0))
    });
    if old.is_some() {
        // Its graph may still run.
        lane.stream().synchronize().map_err(|error| failed("finish its work", error))?;
    }
    Ok(())
}

/// Runs kernel by kernel, in the memory that the recording will want anyway.
fn first_run(
    cuda: &Cuda,
    lane: &Arc<Lane>,
    inputs: &[&Tensor],
    body: &impl Fn(&[&Tensor]) -> Result<Outputs<Tensor, Codes>>,
) -> Result<Outputs<Tensor, Codes>> {
    let [main, side] = lane::recording_lanes(&cuda.device, None)?;
    let inputs: Vec<Tensor> = inputs
        .iter()
        .map(|input| {
            let own = cuda.tensor_of(&main, input.clips.clone(), input.channels, input.dtype)?;
            let place = Place::of(&own);
            copy(lane, place.address, input.address(), place.bytes)?;
            Ok(own)
        })
        .collect::<Result<_>>()?;
    let outputs = lane::on_lanes(&cuda.device, main, side, || body(&inputs.iter().collect::<Vec<_>>()))?;
    Results::of(&outputs).copied(cuda, lane)
}

/// Records; without launches that overlap, where the driver does not take them in a graph.
fn record(
    cuda: &Cuda,
    lane: &Arc<Lane>,
    inputs: &[&Tensor],
    body: &impl Fn(&[&Tensor]) -> Result<Outputs<Tensor, Codes>>,
) -> Result<Recording> {
    let overlap = &cuda.device.overlap;
    let overlapped = overlap.is_on();
    let recorded = capture(cuda, lane, inputs, body);
    if !overlapped || recorded.is_ok() {
        return recorded;
    }
    overlap.set(false);
    // If this fails too, there was another reason.
    capture(cuda, lane, inputs, body).inspect_err(|_| overlap.set(true))
}

fn capture(
    cuda: &Cuda,
    lane: &Arc<Lane>,
    inputs: &[&Tensor],
    body: &impl Fn(&[&Tensor]) -> Result<Outputs<Tensor, Codes>>,
) -> Result<Recording> {
    let keep = Keep::default();
    let [main, side] = lane::recording_lanes(&cuda.device, Some(&keep))?;
    let inputs: Vec<Tensor> = inputs
        .iter()
        .map(|input| cuda.tensor_of(&main, input.clips.clone(), input.channels, input.dtype))
        .collect::<Result<_>>()?;
    // Relaxed: the recording's own memory may grow while it is captured.
    lane.stream()
        .begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED)
        .map_err(|error| failed("record its work", error))?;
    let lanes = [main.clone(), side.clone()];
    let outputs = lane::on_lanes(&cuda.device, main, side, || body(&inputs.iter().collect::<Vec<_>>()));
    // Ended whatever happened, or the stream could not be used again.
    let graph = lane.stream().end_capture(sys::CUgraphInstantiate_flags(0));
    let outputs = outputs?;
    let graph = graph.map_err(|error| failed("record its work", error))?;
    let graph = graph.ok_or_else(|| crate::Error::DeviceFailed("the GPU recorded nothing".into()))?;
    Ok(Recording {
        graph,
        inputs: inputs.iter().map(Place::of).collect(),
        results: Results::of(&outputs),
        _lanes: lanes,
        _keep: keep,
    })
}

impl Recording {
    fn replay(&self, cuda: &Cuda, lane: &Arc<Lane>, inputs: &[&Tensor]) -> Result<Outputs<Tensor, Codes>> {
        for (input, place) in inputs.iter().zip(&self.inputs) {
            copy(lane, place.address, input.address(), place.bytes)?;
        }
        lane.interrupt();
        self.graph.launch().map_err(|error| failed("run recorded work", error))?;
        self.results.copied(cuda, lane)
    }
}

/// How many parts the calling thread has recorded on a device.
pub(super) fn count(cuda: &Cuda) -> usize {
    with_recordings(cuda, |recordings| {
        recordings.kept.iter().filter(|(_, recording)| recording.is_some()).count()
    })
}

fn copy(lane: &Lane, to: u64, from: u64, bytes: usize) -> Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    // SAFETY: both are tensors of one shape in memory of this device, which is given to others behind the copy in the stream's
    // order.
    unsafe { result::memcpy_dtod_async(to, from, bytes, lane.stream().cu_stream()) }
        .map_err(|error| failed("copy", error))
}
