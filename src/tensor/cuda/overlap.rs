//! Launches that overlap: programmatic dependent launch. A kernel that is launched so may begin while the one before it in its stream
//! still runs, and waits in its first statement (`dev::begin_after_previous` in `kernels/device.cuh`) until that one has ended.
//! It takes the end of one kernel and the start of the next off the way.
//!
//! What overlaps is an edge between two kernels of one stream and nothing else: in a graph such an edge "may only be used between
//! kernel nodes" (`CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC` in `cuda.h`). What the driver makes of the attribute behind a copy, behind a
//! wait for another stream or at the beginning of a capture is written nowhere, so it is not asked: [`super::lane::Lane`] knows
//! whether the last thing on its stream is a kernel, and a kernel behind anything else comes behind it whole.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

use cudarc::driver::{DriverError, sys};

/// The driver of CUDA 12.4: graphs can hold such edges from 12.3 on, and a release later they are no longer new.
const OLDEST_DRIVER: i32 = 12_040;
/// The first PTX that has the instructions. A kernel that was compiled from older PTX (for 8.0, on a GPU later than those that
/// `build.rs` knows) lacks the wait, and must never overlap.
const OLDEST_PTX: i32 = 90;
const SETTING: &str = "DEEPTALK_LAUNCH_OVERLAP";

/// Whether launches on a device overlap.
pub(super) struct Overlap(AtomicBool);

impl Overlap {
    /// `driver`: its version; `ptx`: the version of the PTX that the kernels were compiled from, as the driver tells it.
    ///
    /// # Errors
    /// The setting is neither on nor off.
    pub fn new(driver: i32, ptx: i32) -> Result<Self, String> {
        let wanted = match std::env::var_os(SETTING) {
            None => true,
            Some(value) if value == "on" => true,
            Some(value) if value == "off" => false,
            Some(value) => {
                return Err(format!(
                    "{SETTING} is {value:?}, on or off was expected; set it so or leave it out"
                ));
            }
        };
        Ok(Self(AtomicBool::new(wanted && driver >= OLDEST_DRIVER && ptx >= OLDEST_PTX)))
    }

    pub fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// On after all, or off from now on: where a driver does not take such launches, everything works without.
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}

/// `cuLaunchKernel` with the permission to begin while the kernel before it in the stream still runs.
///
/// # Safety
/// As `cuLaunchKernel`; and the last thing on the stream is a kernel, and the kernel waits for it.
pub(super) unsafe fn launch(
    function: sys::CUfunction,
    grid: [u32; 3],
    threads: u32,
    shared: u32,
    stream: sys::CUstream,
    arguments: &mut [*mut c_void],
) -> Result<(), DriverError> {
    let mut attribute = sys::CUlaunchAttribute {
        id: sys::CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
        pad: [0; 4],
        value: sys::CUlaunchAttributeValue { programmaticStreamSerializationAllowed: 1 },
    };
    let config = sys::CUlaunchConfig {
        gridDimX: grid[0],
        gridDimY: grid[1],
        gridDimZ: grid[2],
        blockDimX: threads,
        blockDimY: 1,
        blockDimZ: 1,
        sharedMemBytes: shared,
        hStream: stream,
        attrs: &mut attribute,
        numAttrs: 1,
    };
    // SAFETY: the caller's promise; the configuration and its attribute live until the call returns, which has copied them.
    unsafe { sys::cuLaunchKernelEx(&config, function, arguments.as_mut_ptr(), std::ptr::null_mut()) }.result()
}
