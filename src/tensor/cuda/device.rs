//! The device: driver, kernels and launches. The driver's library is opened when a device is requested, so
//! the program also runs on machines without it.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::{CudaContext, CudaFunction, CudaModule, CudaStream, DriverError, result, sys};
use cudarc::nvrtc::Ptx;

use super::launch::{Argument, Launch, TensorMap};
use super::overlap::{self, Overlap};
use crate::{Error, Result};

// `IMAGES`: the name and the image of every kernel file.
include!(concat!(env!("OUT_DIR"), "/kernel_images.rs"));

/// The driver of CUDA 12.0, the oldest version whose interface is used.
const OLDEST_DRIVER: i32 = 12_000;
/// The oldest compute capability that the kernels run on.
const OLDEST_CAPABILITY: (i32, i32) = (8, 0);

/// A device with the kernels loaded.
pub(super) struct Device {
    pub context: Arc<CudaContext>,
    pub name: String,
    /// True for compute capability 9.0, whose instructions some kernels use.
    pub hopper: bool,
    pub multiprocessors: usize,
    pub overlap: Overlap,
    /// The largest shared memory of a block, in bytes.
    shared_limit: i32,
    modules: Vec<Arc<CudaModule>>,
    functions: Mutex<HashMap<String, CudaFunction>>,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Device({})", self.name)
    }
}

/// The driver's error as a sentence.
pub(super) fn failed(what: &str, error: DriverError) -> Error {
    let text = error.error_string().map_or("unknown".into(), |text| text.to_string_lossy().into_owned());
    Error::DeviceFailed(format!("the GPU failed to {what}: {text} (CUDA error {})", error.0 as i32))
}

fn unusable(why: String) -> Error {
    Error::Device(format!("CUDA cannot be used: {why}; {}", crate::Advice::UseCpu.text()))
}

/// True if the program was built with the GPU kernels.
pub(super) fn has_kernels() -> bool {
    !IMAGES.is_empty()
}

/// The number of devices, if CUDA can be used.
pub(super) fn count() -> Result<usize> {
    if IMAGES.is_empty() {
        return Err(unusable("this program was built without the GPU kernels (there was no nvcc)".into()));
    }
    // SAFETY: opens libcuda and looks up one symbol; no pointer of this program is passed.
    if !unsafe { sys::is_culib_present() } {
        return Err(unusable("there is no NVIDIA driver (libcuda.so.1 was not found)".into()));
    }
    let explained = |error: DriverError| {
        let text = error.error_string().map_or("unknown".into(), |text| text.to_string_lossy().into_owned());
        unusable(format!("the driver says: {text}"))
    };
    let version = driver_version().map_err(explained)?;
    if version < OLDEST_DRIVER {
        return Err(unusable(format!(
            "the driver is for CUDA {}.{}, {}.{} is the oldest that works; update the driver",
            version / 1000,
            version % 1000 / 10,
            OLDEST_DRIVER / 1000,
            OLDEST_DRIVER % 1000 / 10
        )));
    }
    result::init().map_err(explained)?;
    let count = result::device::get_count().map_err(explained)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

fn driver_version() -> std::result::Result<i32, DriverError> {
    let mut version = 0;
    // SAFETY: the pointer is valid for the call; this entry point works before cuInit.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result().map(|()| version)
}

impl Device {
    /// Opens device `ordinal` and loads the kernels.
    pub fn open(ordinal: usize) -> Result<Arc<Self>> {
        let count = count()?;
        if ordinal >= count {
            return Err(unusable(format!("there is no device {ordinal}: {count} were found, from 0 on")));
        }
        let no = |error: DriverError| unusable(failed("open the device", error).to_string());
        let context = CudaContext::new(ordinal).map_err(no)?;
        // `lane` orders the streams; cudarc's own events would also make graph capture fail.
        // SAFETY: event tracking protects `CudaSlice`, which is not used.
        unsafe { context.disable_event_tracking() };
        let (major, minor) = context.compute_capability().map_err(no)?;
        let name = context.name().map_err(no)?;
        if (major, minor) < OLDEST_CAPABILITY {
            return Err(unusable(format!(
                "{name} has compute capability {major}.{minor}, {}.{} is the least that works",
                OLDEST_CAPABILITY.0, OLDEST_CAPABILITY.1
            )));
        }
        let shared_limit = context
            .attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
            .map_err(no)?;
        let multiprocessors = context
            .attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
            .map_err(no)?;
        let hopper = (major, minor) == (9, 0);
        let modules = IMAGES
            .iter()
            .filter(|(file, _)| hopper || !file.ends_with("_sm90"))
            .map(|(file, image)| {
                context.load_module(Ptx::from_binary(image.to_vec())).map_err(|error| {
                    let error = failed("load its kernels", error);
                    unusable(format!(
                        "{error}; the image is {file} on {name}, compute capability {major}.{minor}"
                    ))
                })
            })
            .collect::<Result<Vec<Arc<CudaModule>>>>()?;
        // Every image holds code for the same generations, so one kernel is enough to find the version.
        let ptx = modules
            .iter()
            .find_map(|module| module.load_function("add_rows").ok())
            .map_or(Ok(0), |f| f.get_attribute(sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_PTX_VERSION))
            .map_err(no)?;
        let overlap = Overlap::new(driver_version().map_err(no)?, ptx).map_err(unusable)?;
        Ok(Arc::new(Self {
            context,
            name: format!("{name} (compute capability {major}.{minor})"),
            hopper,
            multiprocessors: usize::try_from(multiprocessors).unwrap_or(1),
            overlap,
            shared_limit,
            modules,
            functions: Mutex::default(),
        }))
    }

    /// The largest shared memory of a block in bytes.
    pub fn shared_memory(&self) -> usize {
        usize::try_from(self.shared_limit).unwrap_or(0)
    }

    fn function(&self, kernel: &str) -> Result<CudaFunction> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(function) = functions.get(kernel) {
            return Ok(function.clone());
        }
        let function = self
            .modules
            .iter()
            .find_map(|module| module.load_function(kernel).ok())
            .ok_or_else(|| Error::DeviceFailed(format!("there is no kernel {kernel} in this program")))?;
        // Static and dynamic shared memory have one limit together. Memory that is reserved here is not
        // available to a matrix product if a block may have only 99 KiB.
        function
            .get_attribute(sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES)
            .and_then(|in_kernel| {
                let attribute = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
                function.set_attribute(attribute, self.shared_limit - in_kernel)
            })
            .map_err(|error| failed("prepare a kernel", error))?;
        functions.insert(kernel.into(), function.clone());
        Ok(function)
    }

    /// Launches a kernel. `behind_kernel`: the last operation on the stream is a kernel, with whose end the
    /// start of this one may overlap. If the driver refuses that, the device launches without overlap from
    /// then on.
    ///
    /// # Safety
    /// The arguments have the number and the types that the kernel declares. Every address is of device
    /// memory that is as large as the kernel's comment requires and that lives until the stream has passed
    /// this launch.
    pub unsafe fn launch(&self, stream: &CudaStream, behind_kernel: bool, launch: &Launch) -> Result<()> {
        let Launch { kernel, grid: [x, y, z], threads, shared, arguments } = launch;
        let (x, y, z) = (*x, *y, *z);
        if y > 65_535 || z > 65_535 || x > i32::MAX as usize {
            return Err(Error::DeviceFailed(format!(
                "{kernel}: the batch is too large for one launch ({x} x {y} x {z} blocks)"
            )));
        }
        let function = self.function(kernel)?;
        // The driver's form of the tensor maps; it outlives the call.
        let maps = arguments.iter().map(|argument| match argument {
            Argument::Map(map) => encoded(map).map(Some),
            _ => Ok(None),
        });
        let maps = maps.collect::<Result<Vec<_>>>()?;
        let mut pointers: Vec<*mut c_void> = arguments
            .iter()
            .zip(&maps)
            .map(|(argument, map)| match (argument, map) {
                (_, Some(map)) => (&raw const *map).cast_mut().cast(),
                (Argument::Address(v), _) => (&raw const *v).cast_mut().cast(),
                (Argument::Int(v), _) => (&raw const *v).cast_mut().cast(),
                (Argument::Float(v), _) => (&raw const *v).cast_mut().cast(),
                (Argument::Map(_), None) => unreachable!("every map was encoded"),
            })
            .collect();
        self.context.bind_to_thread().map_err(|error| failed("be selected", error))?;
        let (grid, threads, shared) = ([x as u32, y as u32, z as u32], *threads as u32, *shared as u32);
        let (function, stream) = (function.cu_function(), stream.cu_stream());
        let overlaps = behind_kernel && self.overlap.is_on();
        // SAFETY: the caller's promise; the values that the pointers name live until the call returns, which
        // has copied them. Every kernel waits for the previous one (the emulator checks this), and its code
        // contains the wait, or `overlap` would be off.
        if overlaps
            && unsafe { overlap::launch(function, grid, threads, shared, stream, &mut pointers) }.is_ok()
        {
            return Ok(());
        }
        // SAFETY: as above.
        let launched = unsafe {
            result::launch_kernel(function, grid.into(), (threads, 1, 1), shared, stream, &mut pointers)
        };
        if overlaps && launched.is_ok() {
            self.overlap.set(false);
        }
        launched.map_err(|error| failed(&format!("run {kernel}"), error))
    }
}

/// The driver's form of a tensor map.
fn encoded(map: &TensorMap) -> Result<sys::CUtensorMap> {
    let mut encoded = sys::CUtensorMap { opaque: [0; 16] };
    let (sizes, strides) = ([map.columns as u64, map.rows as u64], [2 * map.stride as u64]);
    let (boxes, steps) = ([64, map.box_rows as u32], [1, map.row_step as u32]);
    // SAFETY: the arrays have the lengths for rank 2; the address is not read here. A map that the hardware
    // does not support returns an error.
    unsafe {
        sys::cuTensorMapEncodeTiled(
            &mut encoded,
            sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
            2,
            map.address as *mut c_void,
            sizes.as_ptr(),
            strides.as_ptr(),
            boxes.as_ptr(),
            steps.as_ptr(),
            sys::CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
            sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_128B,
            sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
            sys::CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
        )
    }
    .result()
    .map_err(|error| failed("describe a tensor to the copy engine", error))?;
    Ok(encoded)
}
