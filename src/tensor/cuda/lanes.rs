//! The lanes of a context: the main lane, and a side lane for the second of two branches.

use std::sync::Arc;

use cudarc::driver::CudaStream;

use super::Cuda;
use super::arena::Arena;
use super::device::{Device, failed};
use super::lane::{Keep, Lane};
use crate::Result;

/// The lanes of a context.
#[derive(Debug)]
pub(super) struct Lanes {
    main: Arc<Lane>,
    side: Arc<Lane>,
    on_side: bool,
    /// The memory of recordings, for the main and for the side stream.
    recordings: [Arc<Arena>; 2],
}

impl Lanes {
    pub fn new(context: u64, device: &Arc<Device>) -> Result<Self> {
        let stream = || device.context.new_stream().map_err(|error| failed("make a stream", error));
        let streams = [stream()?, stream()?];
        let [main, side] = streams.clone().map(|stream| {
            let arena = Arena::new(device.clone(), &streams);
            Arc::new(Lane::new(context, device, stream, arena))
        });
        let recordings = [(); 2].map(|()| Arena::of_recordings(device.clone(), &streams));
        Ok(Self { main, side, on_side: false, recordings })
    }

    /// Bytes that the lanes have reserved from the driver.
    pub fn reserved(&self) -> usize {
        let [main, side] = &self.recordings;
        [&self.main.arena, &self.side.arena, main, side].map(|arena| arena.reserved()).iter().sum()
    }

    /// Both streams and another one.
    pub fn streams_and(&self, other: &Arc<CudaStream>) -> [Arc<CudaStream>; 3] {
        [self.main.stream().clone(), self.side.stream().clone(), other.clone()]
    }

    /// Waits for both streams.
    pub fn wait(&self) -> Result<()> {
        for lane in [&self.main, &self.side] {
            lane.stream().synchronize().map_err(|error| failed("finish its work", error))?;
        }
        Ok(())
    }
}

impl Cuda {
    /// The lane to work on now.
    pub(super) fn lane(&self) -> Arc<Lane> {
        let lanes = self.lanes.borrow();
        if lanes.on_side { lanes.side.clone() } else { lanes.main.clone() }
    }

    /// True inside the second of two branches.
    pub(super) fn is_branch(&self) -> bool {
        self.lanes.borrow().on_side
    }

    /// The lanes with the memory of recordings; with `keep` while a recording is made.
    pub(super) fn recording_lanes(&self, keep: Option<&Keep>) -> [Arc<Lane>; 2] {
        let lanes = self.lanes.borrow();
        let [main, side] = &lanes.recordings;
        [(&lanes.main, main), (&lanes.side, side)]
            .map(|(lane, arena)| Arc::new(lane.with_memory(arena.clone(), keep.cloned())))
    }

    /// Runs `body` with these lanes instead of the context's own lanes.
    pub(super) fn on_lanes<R>(&self, [main, side]: [Arc<Lane>; 2], body: impl FnOnce() -> R) -> R {
        let swap = |main, side| {
            let mut lanes = self.lanes.borrow_mut();
            (std::mem::replace(&mut lanes.main, main), std::mem::replace(&mut lanes.side, side))
        };
        let (own_main, own_side) = swap(main, side);
        let result = body();
        swap(own_main, own_side);
        result
    }

    /// Runs the first part on the main lane and the second on the side lane. The side stream begins after the
    /// main stream's work so far, and the main stream waits for the end of the side stream. Inside a branch
    /// both parts run one after the other.
    pub(super) fn on_two_lanes<A, B>(
        &self,
        first: impl FnOnce() -> Result<A>,
        second: impl FnOnce() -> Result<B>,
    ) -> Result<(A, B)> {
        if self.is_branch() {
            return Ok((first()?, second()?));
        }
        let (main, side) = {
            let lanes = self.lanes.borrow();
            (lanes.main.clone(), lanes.side.clone())
        };
        let join = |to: &Lane, from: &Lane| {
            to.stream().join(from.stream()).map_err(|error| failed("join streams", error))
        };
        join(&side, &main)?;
        let first = first();
        self.lanes.borrow_mut().on_side = true;
        let second = second();
        self.lanes.borrow_mut().on_side = false;
        // Also after an error: the memory of the side lane must not be reused before its work is done.
        join(&main, &side)?;
        Ok((first?, second?))
    }
}
