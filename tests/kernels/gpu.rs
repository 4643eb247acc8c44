//! The kernel tests on a GPU (`DEEPTALK_TEST_GPU=1`): the machine code of nvcc, launched by the driver on the
//! emulator's memory, which the GPU uses in place. So the tests, their guard zones and their tables of
//! addresses are unchanged, and the emulator's model of fragments, wgmma and the copy engine is compared with
//! the hardware.
//!
//! `barriers` and `traffic` test the emulator: leave them out on a GPU (`--skip`).

use std::ffi::c_void;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

use cuda_emulator::arena;
use cudarc::driver::{CudaContext, CudaModule, CudaStream, DriverError, result, sys};
use cudarc::nvrtc::Ptx;
use deeptalk_rt::tensor::cuda::launch::{Argument, Launch, TensorMap};

// `IMAGES`: the name and the image of every kernel file.
include!(concat!(env!("OUT_DIR"), "/kernel_images.rs"));

/// The step in bytes in which host memory is registered with the GPU.
const STEP: usize = 2 << 20;

struct Gpu {
    context: Arc<CudaContext>,
    stream: Arc<CudaStream>,
    modules: Vec<Arc<CudaModule>>,
    shared_limit: i32,
    /// Bytes of the arena that the GPU can use.
    registered: usize,
}

pub fn is_wanted() -> bool {
    std::env::var_os("DEEPTALK_TEST_GPU").is_some()
}

/// True if a kernel can run on the device of the tests: `matmul_sm90.cu` needs compute capability 9.0, and
/// the shared memory of a block is limited.
pub fn runs(kernel: &str, shared: usize) -> bool {
    let on_gpu = |gpu: &mut Gpu| {
        let generation = !kernel.contains("_sm90_") || gpu.is_hopper()?;
        Ok(generation && shared <= usize::try_from(gpu.shared_limit).unwrap_or(0))
    };
    !is_wanted() || with_gpu(on_gpu).unwrap_or_else(|e| panic!("{e}"))
}

/// Runs a launch on the GPU.
pub fn launch(launch: &Launch) -> Result<(), String> {
    with_gpu(|gpu| gpu.launch(launch)).map_err(|error| format!("{}: {error}", launch.kernel))
}

fn with_gpu<T>(work: impl FnOnce(&mut Gpu) -> Result<T, DriverError>) -> Result<T, String> {
    static GPU: OnceLock<Mutex<Result<Gpu, String>>> = OnceLock::new();
    let gpu = GPU.get_or_init(|| Mutex::new(Gpu::open().map_err(|error| format!("no GPU: {error}"))));
    let mut gpu = gpu.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let gpu = gpu.as_mut().map_err(|error| error.clone())?;
    work(gpu).map_err(|error| error.to_string())
}

impl Gpu {
    fn open() -> Result<Self, DriverError> {
        let context = CudaContext::new(0)?;
        let hopper = context.compute_capability()? == (9, 0);
        let shared_limit = context
            .attribute(sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
        let images = IMAGES.iter().filter(|(file, _)| hopper || !file.ends_with("_sm90"));
        let modules = images
            .map(|(_, image)| context.load_module(Ptx::from_binary(image.to_vec())))
            .collect::<Result<_, _>>()?;
        let one_address =
            sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_CAN_USE_HOST_POINTER_FOR_REGISTERED_MEM;
        assert_eq!(context.attribute(one_address)?, 1, "the GPU has other addresses for the host's memory");
        let stream = context.new_stream()?;
        Ok(Self { context, stream, modules, shared_limit, registered: 0 })
    }

    fn is_hopper(&self) -> Result<bool, DriverError> {
        Ok(self.context.compute_capability()? == (9, 0))
    }

    fn launch(&mut self, launch: &Launch) -> Result<(), DriverError> {
        let Launch { kernel, grid, threads, shared, arguments } = launch;
        self.context.bind_to_thread()?;
        self.register()?;
        let mut function = self.modules.iter().map(|module| module.load_function(kernel));
        let function = match function.find_map(Result::ok) {
            Some(function) => function,
            None => panic!("no image holds {kernel}"),
        };
        let in_kernel =
            function.get_attribute(sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES)?;
        let dynamic = sys::CUfunction_attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        function.set_attribute(dynamic, self.shared_limit - in_kernel)?;
        // The driver's form of the tensor maps; it outlives the launch.
        let mut maps: Vec<Option<sys::CUtensorMap>> = Vec::new();
        for argument in arguments {
            maps.push(match argument {
                Argument::Map(map) => Some(encoded(map)?),
                _ => None,
            });
        }
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
        // SAFETY: a test's arguments are those of the kernel, or the test fails on the emulator; the memory
        // is registered, and the host waits until the kernel has ended.
        unsafe {
            result::launch_kernel(
                function.cu_function(),
                (grid[0] as u32, grid[1] as u32, grid[2] as u32),
                (*threads as u32, 1, 1),
                *shared as u32,
                self.stream.cu_stream(),
                &mut pointers,
            )?;
        }
        self.stream.synchronize()
    }

    /// Registers the memory by which the arena has grown.
    fn register(&mut self) -> Result<(), DriverError> {
        let (base, bytes) = arena();
        let bytes = bytes.next_multiple_of(STEP);
        if bytes > self.registered {
            // SAFETY: the arena, and the addresses behind its end, are mapped until the process ends.
            unsafe {
                let begin = base.cast::<u8>().add(self.registered).cast();
                sys::cuMemHostRegister_v2(begin, bytes - self.registered, sys::CU_MEMHOSTREGISTER_PORTABLE)
                    .result()?;
            }
            self.registered = bytes;
        }
        Ok(())
    }
}

fn encoded(map: &TensorMap) -> Result<sys::CUtensorMap, DriverError> {
    let mut encoded = sys::CUtensorMap { opaque: [0; 16] };
    // SAFETY: the arrays have the lengths for rank 2; the address is not read here.
    unsafe {
        sys::cuTensorMapEncodeTiled(
            &mut encoded,
            sys::CUtensorMapDataType::CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
            2,
            map.address as *mut c_void,
            [map.columns as u64, map.rows as u64].as_ptr(),
            [2 * map.stride as u64].as_ptr(),
            [64, map.box_rows as u32].as_ptr(),
            [1, map.row_step as u32].as_ptr(),
            sys::CUtensorMapInterleave::CU_TENSOR_MAP_INTERLEAVE_NONE,
            sys::CUtensorMapSwizzle::CU_TENSOR_MAP_SWIZZLE_128B,
            sys::CUtensorMapL2promotion::CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
            sys::CUtensorMapFloatOOBfill::CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE,
        )
    }
    .result()?;
    Ok(encoded)
}

/// Runs some of the tests through the stand-in driver, to test the path to a GPU.
#[test]
fn kernel_tests_run_through_a_driver() {
    if is_wanted() {
        return;
    }
    if IMAGES.is_empty() {
        assert!(
            std::env::var_os("DEEPTALK_REQUIRE_CUDA").is_none(),
            "the kernels are required and not there"
        );
        return;
    }
    let tests = ["linear_layers_of_awkward_sizes", "products_on_hopper_match", "stacks_of_the_tiny_models"];
    let output = Command::new(std::env::current_exe().unwrap())
        .args(tests)
        .arg("--test-threads=1")
        .env("DEEPTALK_TEST_GPU", "1")
        .env("LD_LIBRARY_PATH", cuda_emulator::stand_in_driver_folder())
        // The driver runs the kernels, but does not know this process's memory.
        .env("STAND_IN_CUDA_CHECKS", "0")
        .env("STAND_IN_CUDA_CAPABILITY", "90")
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("3 passed"), "{text}");
}
