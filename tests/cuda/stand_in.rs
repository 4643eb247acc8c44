//! Tests in their own process, whose `libcuda.so.1` is the emulator's.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::process::Command;

use deeptalk_rt::tensor::cuda::Gpu;

/// Runs `body` in a child process with the stand-in driver and these settings (see
/// `emulator/driver/libcuda.cpp`). `test` is the full name of the calling test. A build without kernels has
/// nothing to test.
///
/// With `DEEPTALK_TEST_GPU=1`, tests without settings (except those for the stand-in's checks) run on the
/// machine's own GPU instead.
pub fn on_stand_in(test: &str, settings: &[(&str, &str)], body: impl FnOnce()) {
    if is_stand_in() {
        return body();
    }
    if std::env::var_os("DEEPTALK_TEST_GPU").is_some() {
        if settings.iter().all(|(name, _)| *name == "STAND_IN_CUDA_CHECKS") {
            body();
        }
        return;
    }
    if Gpu::devices().is_err_and(|error| error.to_string().contains("without the GPU kernels")) {
        assert!(
            std::env::var_os("DEEPTALK_REQUIRE_CUDA").is_none(),
            "the kernels are required and not there"
        );
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--include-ignored", "--test-threads=1"])
        .env("STAND_IN", "1")
        .env("LD_LIBRARY_PATH", cuda_emulator::stand_in_driver_folder())
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "the child did not run {test}: {text}");
}

/// True if this process has the stand-in driver, which counts, and not a GPU.
pub fn is_stand_in() -> bool {
    std::env::var_os("STAND_IN").is_some()
}

/// The counts of the stand-in driver so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counts {
    /// Allocations of device memory.
    pub allocations: u64,
    /// Allocations of page-locked memory.
    pub pinned: u64,
    /// Copies to the device.
    pub uploads: u64,
    /// Copies whose host side is not page-locked.
    pub pageable_copies: u64,
    pub launches: u64,
    /// Bytes of device memory in use now.
    pub bytes_in_use: u64,
    /// Launches that may overlap with the previous one.
    pub overlapping: u64,
    /// Launches outside of graphs.
    pub direct: u64,
}

unsafe extern "C" {
    fn dlopen(name: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// A function of the stand-in driver in this process.
fn symbol(name: &CStr) -> *mut c_void {
    const NOW: c_int = 2;
    // SAFETY: the library is already open in the program.
    unsafe {
        let library = dlopen(c"libcuda.so.1".as_ptr(), NOW);
        assert!(!library.is_null(), "there is no libcuda.so.1");
        let function = dlsym(library, name.as_ptr());
        assert!(!function.is_null(), "this libcuda.so.1 is no stand-in");
        function
    }
}

/// The counts of the stand-in driver in this process.
pub fn counts() -> Counts {
    let mut counts = [0; 8];
    // SAFETY: the function takes room for eight numbers.
    unsafe {
        let function: extern "C" fn(*mut u64) -> c_int = std::mem::transmute(symbol(c"stand_in_counts"));
        function(counts.as_mut_ptr());
    }
    let [allocations, pinned, uploads, pageable_copies, launches, bytes_in_use, overlapping, direct] = counts;
    Counts { allocations, pinned, uploads, pageable_copies, launches, bytes_in_use, overlapping, direct }
}

/// The number of launches of a kernel by the stand-in driver in this process.
pub fn launched(kernel: &str) -> u64 {
    let (kernel, mut times) = (CString::new(kernel).unwrap(), 0);
    // SAFETY: the function takes a name and room for a number.
    unsafe {
        let function: extern "C" fn(*const c_char, *mut u64) -> c_int =
            std::mem::transmute(symbol(c"stand_in_launched"));
        function(kernel.as_ptr(), &mut times);
    }
    times
}

/// Settings of a fast test of the stand-in itself.
pub const STAND_IN_ALONE: [(&str, &str); 2] = [("STAND_IN_CUDA_CHECKS", "0"), ("STAND_IN_CUDA_DEVICES", "1")];

/// The full name of the calling test.
#[macro_export]
macro_rules! this_test {
    ($name:ident) => {
        concat!(module_path!(), "::", stringify!($name)).split_once("::").unwrap().1
    };
}
