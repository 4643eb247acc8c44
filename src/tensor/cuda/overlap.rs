//! Launches that overlap: programmatic dependent launch. A kernel launched in this way may begin while the
//! previous kernel in its stream still runs. It waits in its first statement (`dev::begin_after_previous` in
//! `kernels/device.cuh`) until the previous kernel has ended. This hides the end of one kernel and the start
//! of the next.
//!
//! Only an edge between two kernels of one stream may overlap: in a graph such an edge "may only be used
//! between kernel nodes" (`CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC` in `cuda.h`). The effect of the attribute
//! after a copy, after a wait for another stream or at the beginning of a capture is not documented, so the
//! attribute is not used there: [`super::lane::Lane`] knows whether the last operation on its stream is a
//! kernel, and a kernel after any other operation begins after its end.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};

use cudarc::driver::{DriverError, sys};

/// The driver of CUDA 12.4: graphs support such edges from 12.3 on; the next release is required, so that the
/// support is no longer new.
const OLDEST_DRIVER: i32 = 12_040;
/// The first PTX version with the instructions. A kernel compiled from older PTX (for 8.0, on a GPU newer
/// than those that `build.rs` knows) has no wait and must never overlap.
const OLDEST_PTX: i32 = 90;
const SETTING: &str = "DEEPTALK_LAUNCH_OVERLAP";

/// True if launches on a device overlap.
pub(super) struct Overlap(AtomicBool);

impl Overlap {
    /// `driver`: the version of the driver; `ptx`: the version of the PTX from which the kernels were
    /// compiled, as the driver reports it.
    ///
    /// # Errors
    /// A setting that is neither on nor off.
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

    /// Switches overlap on or off. If a driver refuses such launches, the program works without them.
    pub fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}

/// `cuLaunchKernel` with permission to begin while the previous kernel in the stream still runs.
///
/// # Safety
/// As `cuLaunchKernel`. In addition, the last operation on the stream is a kernel, and the launched kernel
/// waits for it.
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
    // SAFETY: the caller's promise; the configuration and its attribute live until the call returns, which
    // has copied them.
    unsafe { sys::cuLaunchKernelEx(&config, function, arguments.as_mut_ptr(), std::ptr::null_mut()) }.result()
}
