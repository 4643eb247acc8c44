//! Recorded parts of the network: CUDA graphs.
//!
//! The first run of a part with given lengths launches kernel by kernel, because it uploads tables. The
//! second run is captured into a graph. From then on, inputs are copied in, the graph is launched, and its
//! results are copied out. A context keeps the recordings of the last few lengths. All of them use the same
//! memory, separate from that of ordinary tensors: no value in it outlives a replay, and the stream runs one
//! replay after another.

use std::sync::{Arc, Weak};

use cudarc::driver::{CudaGraph, result, sys};

use super::arena::Buffer;
use super::device::failed;
use super::lane::{Keep, Lane};
use super::{Codes, Cuda, Tensor};
use crate::Result;
use crate::tensor::{Clips, Dtype, Outputs, Part};

/// The most recordings of a context; the least recently used one is removed.
const KEPT: usize = 16;

/// The key of a recording: the part, and the clips, channels and number formats of its inputs.
type Key = (Part, Vec<(Clips, usize, Dtype)>);

/// The recordings of a context, the last used one at the end.
#[derive(Default)]
pub(super) struct Recordings {
    /// None for a part that has run once and is not recorded yet.
    kept: Vec<(Key, Option<Arc<Recording>>)>,
}

impl Recordings {
    /// None for a part that has not run yet.
    fn find(&mut self, key: &Key) -> Option<Option<Arc<Recording>>> {
        // If the weights of a recording are freed, its network is dropped and none of its work is running.
        self.kept.retain(|(_, recording)| recording.as_ref().is_none_or(|recording| recording.has_weights()));
        let index = self.kept.iter().position(|(other, _)| other == key)?;
        let entry = self.kept.remove(index);
        let recording = entry.1.clone();
        self.kept.push(entry);
        Some(recording)
    }

    /// Inserts an entry and returns the entry that is removed for it.
    fn put(&mut self, key: Key, recording: Option<Arc<Recording>>) -> Option<(Key, Option<Arc<Recording>>)> {
        self.kept.retain(|(other, _)| *other != key);
        self.kept.push((key, recording));
        (self.kept.len() > KEPT).then(|| self.kept.remove(0))
    }

    /// The number of recorded parts.
    pub fn count(&self) -> usize {
        self.kept.iter().filter(|(_, recording)| recording.is_some()).count()
    }
}

/// A recorded part. The fields are dropped in this order: the graph before the memory that it uses.
struct Recording {
    graph: Graph,
    inputs: Vec<Place>,
    results: Results,
    /// The weights that the graph reads. The network owns them.
    weights: Vec<Weak<Buffer>>,
    _lanes: [Arc<Lane>; 2],
    _keep: Keep,
}

struct Graph(CudaGraph);

// SAFETY: the driver accepts a graph from any thread, one at a time; a graph belongs to a context, which one
// thread at a time holds.
unsafe impl Send for Graph {}
// SAFETY: as above; a context cannot be shared, so no two threads use its recordings.
unsafe impl Sync for Graph {}

/// The location of a tensor during a run.
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

/// The locations of a part's results; for codes also the size of their codebook.
struct Results {
    tensors: Vec<Place>,
    codes: Vec<(Place, usize)>,
}

impl Results {
    fn of(outputs: &Outputs<Tensor, Codes>) -> Self {
        let tensors = outputs.tensors.iter().map(Place::of).collect();
        Self { tensors, codes: outputs.codes.iter().map(Place::of_codes).collect() }
    }

    /// Copies in the lane's own memory: the next run overwrites the locations.
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

/// Runs a part: kernel by kernel the first time, recorded the second time, replayed from then on.
pub(super) fn recorded(
    cuda: &Cuda,
    part: Part,
    inputs: &[&Tensor],
    body: impl Fn(&[&Tensor]) -> Result<Outputs<Tensor, Codes>>,
) -> Result<Outputs<Tensor, Codes>> {
    let lanes: Vec<_> = inputs.iter().map(|input| &input.lane).collect();
    let lane = cuda.enter(&lanes)?;
    if lane.keep.is_some() || cuda.is_branch() {
        return body(inputs);
    }
    let inputs_of_key = inputs.iter().map(|input| (input.clips.clone(), input.channels, input.dtype));
    let key = (part, inputs_of_key.collect());
    let found = cuda.recordings.borrow_mut().find(&key);
    let recording = match found {
        None => {
            let outputs = first_run(cuda, &lane, inputs, &body)?;
            put(cuda, &lane, key, None)?;
            return Ok(outputs);
        }
        Some(Some(recording)) => recording,
        Some(None) => {
            let recording = Arc::new(record(cuda, &lane, inputs, &body)?);
            put(cuda, &lane, key, Some(recording.clone()))?;
            recording
        }
    };
    recording.replay(cuda, &lane, inputs)
}

fn put(cuda: &Cuda, lane: &Lane, key: Key, recording: Option<Arc<Recording>>) -> Result<()> {
    let old = cuda.recordings.borrow_mut().put(key, recording);
    if old.is_some() {
        // The graph of the removed recording may still run.
        lane.stream().synchronize().map_err(|error| failed("finish its work", error))?;
    }
    Ok(())
}

/// Runs kernel by kernel, in the memory that the recording will use.
fn first_run(
    cuda: &Cuda,
    lane: &Arc<Lane>,
    inputs: &[&Tensor],
    body: &impl Fn(&[&Tensor]) -> Result<Outputs<Tensor, Codes>>,
) -> Result<Outputs<Tensor, Codes>> {
    let lanes = cuda.recording_lanes(None);
    let inputs: Vec<Tensor> = inputs
        .iter()
        .map(|input| {
            let own = cuda.tensor_of(&lanes[0], input.clips.clone(), input.channels, input.dtype)?;
            let place = Place::of(&own);
            copy(lane, place.address, input.address(), place.bytes)?;
            Ok(own)
        })
        .collect::<Result<_>>()?;
    let outputs = cuda.on_lanes(lanes, || body(&inputs.iter().collect::<Vec<_>>()))?;
    Results::of(&outputs).copied(cuda, lane)
}

/// Records the part; without overlapping launches if the driver does not support them in a graph.
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
    // If this fails too, overlap was not the reason.
    capture(cuda, lane, inputs, body).inspect_err(|_| overlap.set(true))
}

fn capture(
    cuda: &Cuda,
    lane: &Arc<Lane>,
    inputs: &[&Tensor],
    body: &impl Fn(&[&Tensor]) -> Result<Outputs<Tensor, Codes>>,
) -> Result<Recording> {
    let keep = Keep::default();
    let lanes = cuda.recording_lanes(Some(&keep));
    let inputs: Vec<Tensor> = inputs
        .iter()
        .map(|input| cuda.tensor_of(&lanes[0], input.clips.clone(), input.channels, input.dtype))
        .collect::<Result<_>>()?;
    // Relaxed mode: the recording's own memory may grow during the capture.
    lane.stream()
        .begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED)
        .map_err(|error| failed("record its work", error))?;
    let ((outputs, lanes), weights) = cuda.noting_weights(|| {
        (cuda.on_lanes(lanes.clone(), || body(&inputs.iter().collect::<Vec<_>>())), lanes)
    });
    // The capture must end also after an error, or the stream could not be used again.
    let graph = lane.stream().end_capture(sys::CUgraphInstantiate_flags(0));
    let outputs = outputs?;
    let graph = graph.map_err(|error| failed("record its work", error))?;
    let graph = graph.ok_or_else(|| crate::Error::DeviceFailed("the GPU recorded nothing".into()))?;
    Ok(Recording {
        graph: Graph(graph),
        inputs: inputs.iter().map(Place::of).collect(),
        results: Results::of(&outputs),
        weights,
        _lanes: lanes,
        _keep: keep,
    })
}

impl Recording {
    fn has_weights(&self) -> bool {
        self.weights.iter().all(|weights| weights.strong_count() > 0)
    }

    fn replay(&self, cuda: &Cuda, lane: &Arc<Lane>, inputs: &[&Tensor]) -> Result<Outputs<Tensor, Codes>> {
        self.weights.iter().filter_map(Weak::upgrade).for_each(|weights| cuda.hold(&weights));
        for (input, place) in inputs.iter().zip(&self.inputs) {
            copy(lane, place.address, input.address(), place.bytes)?;
        }
        lane.interrupt();
        self.graph.0.launch().map_err(|error| failed("run recorded work", error))?;
        self.results.copied(cuda, lane)
    }
}

fn copy(lane: &Lane, to: u64, from: u64, bytes: usize) -> Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    // SAFETY: both are tensors of one shape in memory of this device; other operations get this memory only
    // after the copy in the stream's order.
    unsafe { result::memcpy_dtod_async(to, from, bytes, lane.stream().cu_stream()) }
        .map_err(|error| failed("copy", error))
}
