//! Runs the CUDA kernels on the CPU, one fiber for each CUDA thread, and checks every memory access: bounds,
//! alignment, initialisation and data races. `README.md` beside this crate describes what a run without a
//! report proves and what it does not.
#![deny(missing_docs)]

mod traffic;
pub use traffic::{GlobalTraffic, Traffic, compiler, costly_places, count_traffic, traffic};

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::Path;

unsafe extern "C" {
    fn emulator_malloc(bytes: usize) -> *mut c_void;
    fn emulator_free(memory: *mut c_void);
    fn emulator_upload(device: *mut c_void, host: *const c_void, bytes: usize);
    fn emulator_download(host: *mut c_void, device: *const c_void, bytes: usize);
    fn emulator_arena(base: *mut *mut c_void, bytes: *mut usize);
    fn emulator_schedule(order: c_int, seed: u64);
    fn emulator_checks(on: c_int);
    fn emulator_shared_limit(bytes: usize);
    fn emulator_launch(
        kernel: *const c_char,
        grid: *const u32,
        block: *const u32,
        dynamic_shared: u32,
        arguments: *mut *mut c_void,
        error: *mut c_char,
        error_bytes: usize,
    ) -> c_int;
    fn emulator_has_kernel(kernel: *const c_char) -> c_int;
    fn emulator_argument_sizes(kernel: *const c_char, sizes: *mut usize, count: usize) -> usize;
    fn emulator_tensor_map(
        map: *mut c_void,
        base: *const c_void,
        columns: u64,
        rows: u64,
        pitch: u64,
        box_columns: u32,
        box_rows: u32,
        row_step: u32,
    );
    fn emulator_read_counts(counts: *mut Counts, reset: c_int);
}

/// The order in which the threads of a block run between synchronisation points, and the blocks of a grid.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// By rising index.
    Forward,
    /// By falling index.
    Reverse,
    /// Shuffled by a seed, with preemptions and copies that complete early or late.
    Random(u64),
}

/// Sets the order for the launches of the calling OS thread.
pub fn set_order(order: Order) {
    let (kind, seed) = match order {
        Order::Forward => (0, 0),
        Order::Reverse => (1, 0),
        Order::Random(seed) => (2, seed),
    };
    // SAFETY: changes state of the calling OS thread only.
    unsafe { emulator_schedule(kind, seed) }
}

/// Turns the memory checks of the calling OS thread on (the default) or off (faster; results only).
pub fn set_checks(on: bool) {
    // SAFETY: changes state of the calling OS thread only.
    unsafe { emulator_checks(on.into()) }
}

/// Sets the limit of a block's dynamic shared memory; the default is 99 KiB, which every device from sm_80 on
/// has.
pub fn set_shared_limit(bytes: usize) {
    // SAFETY: changes state of the calling OS thread only.
    unsafe { emulator_shared_limit(bytes) }
}

/// The counts of an OS thread's launches.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Switches between fibers.
    pub switches: u64,
    /// Block barriers.
    pub barriers: u64,
    /// Warp collectives.
    pub collectives: u64,
    /// `mma.sync` instructions of a warp.
    pub matrix_products: u64,
    /// Floating-point operations of the matrix units, `mma.sync` and `wgmma`.
    pub matrix_flops: u64,
    /// `ldmatrix` instructions of a warp.
    pub matrix_loads: u64,
    /// 16-byte asynchronous copies of a thread.
    pub async_copies: u64,
    /// Accesses that were checked.
    pub checked_accesses: u64,
}

/// The counts of the calling OS thread since the last call.
pub fn take_counts() -> Counts {
    let mut counts = Counts::default();
    // SAFETY: `Counts` has the layout of the C struct.
    unsafe { emulator_read_counts(&mut counts, 1) }
    counts
}

/// A plain value that may be copied to and from a device: no padding, every bit pattern allowed.
///
/// # Safety
/// The type has no padding, and every bit pattern is a value of it.
pub unsafe trait Plain: Copy {}
// SAFETY: numbers without padding or forbidden bit patterns.
unsafe impl Plain for u8 {}
// SAFETY: as above.
unsafe impl Plain for u16 {}
// SAFETY: as above.
unsafe impl Plain for i32 {}
// SAFETY: as above.
unsafe impl Plain for u32 {}
// SAFETY: as above.
unsafe impl Plain for f32 {}

/// A device allocation of `T`s: poisoned with NaN and marked uninitialised until written.
pub struct Memory<T> {
    pointer: *mut c_void,
    length: usize,
    kind: PhantomData<T>,
}

impl<T: Plain> Memory<T> {
    /// `length` uninitialised values.
    pub fn poisoned(length: usize) -> Self {
        // SAFETY: any size may be asked for; null is checked.
        let pointer = unsafe { emulator_malloc(length * size_of::<T>()) };
        assert!(!pointer.is_null(), "the emulated device memory is exhausted");
        Self { pointer, length, kind: PhantomData }
    }

    /// A copy of `values`.
    pub fn from_slice(values: &[T]) -> Self {
        let memory = Self::poisoned(values.len());
        // SAFETY: both sides are `size_of_val(values)` bytes.
        unsafe { emulator_upload(memory.pointer, values.as_ptr().cast(), size_of_val(values)) }
        memory
    }

    /// The values, poison included.
    pub fn to_vec(&self) -> Vec<T> {
        let mut values: Vec<T> = Vec::with_capacity(self.length);
        // SAFETY: the allocation holds `length` values of `T`, for which every bit pattern is valid.
        unsafe {
            emulator_download(values.as_mut_ptr().cast(), self.pointer, self.length * size_of::<T>());
            values.set_len(self.length);
        }
        values
    }

    /// The device address.
    pub fn address(&self) -> u64 {
        self.pointer as u64
    }

    /// The device address as a kernel argument.
    pub fn argument(&self) -> Argument {
        Argument::Pointer(self.address())
    }
}

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from emulator_malloc and is freed once.
        unsafe { emulator_free(self.pointer) }
    }
}

/// The range of all allocations so far: an address and a number of bytes. It begins at a page and only grows.
pub fn arena() -> (*mut c_void, usize) {
    let (mut base, mut bytes) = (std::ptr::null_mut(), 0);
    // SAFETY: room for both.
    unsafe { emulator_arena(&mut base, &mut bytes) };
    (base, bytes)
}

/// One kernel argument.
#[derive(Clone, Copy, Debug)]
pub enum Argument {
    /// A device address; 0 is null.
    Pointer(u64),
    /// A 32-bit integer.
    I32(i32),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit integer.
    U64(u64),
    /// An opaque tensor map.
    TensorMap(TensorMap),
}

/// An opaque tensor map, as `cuTensorMapEncodeTiled` fills it.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct TensorMap([u64; 16]);

impl TensorMap {
    /// A (rows, columns) fp16 tensor at `base` with rows `pitch` values apart, read in boxes of 64 columns
    /// and `box_rows` rows of which every `row_step`-th is copied; 128-byte swizzle, zeros outside.
    pub fn new(base: u64, columns: usize, rows: usize, pitch: usize, box_rows: u32, row_step: u32) -> Self {
        assert!(
            base.is_multiple_of(16) && (pitch * 2).is_multiple_of(16) && box_rows <= 256 && row_step <= 8
        );
        let mut map = Self([0; 16]);
        let pointer = (&raw mut map).cast();
        // SAFETY: the map is 128 bytes; the base is kept as an address and only read by launches, which check
        // it.
        unsafe {
            emulator_tensor_map(
                pointer,
                base as *const c_void,
                columns as u64,
                rows as u64,
                2 * pitch as u64,
                64,
                box_rows,
                row_step,
            )
        }
        map
    }
}

// `SYNC_POINTS`, written by `build.rs`.
include!(concat!(env!("OUT_DIR"), "/sync_points.rs"));

/// The file and the name of every barrier and wait that `SYNC_POINT` marks in the kernels. For each of them
/// there is a variant of every kernel of the file, `<kernel>_without_<name>`, without it.
pub fn sync_points() -> &'static [(&'static str, &'static str)] {
    SYNC_POINTS
}

/// True if a kernel of this name is built in.
pub fn has_kernel(kernel: &str) -> bool {
    let Ok(name) = CString::new(kernel) else { return false };
    // SAFETY: a NUL-terminated string.
    unsafe { emulator_has_kernel(name.as_ptr()) != 0 }
}

/// Runs a kernel over the whole grid. A finding of the checker or the scheduler is returned as an error: one
/// sentence with file and line.
pub fn launch(
    kernel: &str,
    grid: [u32; 3],
    block: [u32; 3],
    dynamic_shared: usize,
    arguments: &[Argument],
) -> Result<(), String> {
    let name = CString::new(kernel).map_err(|e| e.to_string())?;
    let mut sizes = [0; 64];
    // SAFETY: a NUL-terminated string, and room for `sizes.len()` sizes.
    let count = unsafe { emulator_argument_sizes(name.as_ptr(), sizes.as_mut_ptr(), sizes.len()) };
    if has_kernel(kernel) && count != arguments.len() {
        return Err(format!("{kernel}: takes {count} arguments, {} given", arguments.len()));
    }
    let mut values = Vec::with_capacity(arguments.len());
    for (index, argument) in arguments.iter().enumerate() {
        let (pointer, size): (*const c_void, usize) = match argument {
            Argument::Pointer(v) | Argument::U64(v) => ((&raw const *v).cast(), 8),
            Argument::I32(v) => ((&raw const *v).cast(), 4),
            Argument::F32(v) => ((&raw const *v).cast(), 4),
            Argument::TensorMap(v) => ((&raw const *v).cast(), 128),
        };
        if has_kernel(kernel) && size != sizes[index] {
            return Err(format!("{kernel}: argument {index} has {} bytes, {size} given", sizes[index]));
        }
        values.push(pointer.cast_mut());
    }
    let shared = u32::try_from(dynamic_shared).map_err(|e| e.to_string())?;
    let mut error = [0 as c_char; 2048];
    // SAFETY: number and sizes of the arguments match the kernel's; addresses are checked at every access.
    let failed = unsafe {
        emulator_launch(
            name.as_ptr(),
            grid.as_ptr(),
            block.as_ptr(),
            shared,
            values.as_mut_ptr(),
            error.as_mut_ptr(),
            error.len(),
        )
    };
    if failed == 0 {
        return Ok(());
    }
    // SAFETY: the emulator ends the message with a NUL.
    Err(unsafe { CStr::from_ptr(error.as_ptr()) }.to_string_lossy().into_owned())
}

/// The folder with the stand-in `libcuda.so.1`; put it in front of `LD_LIBRARY_PATH` of a child process.
pub fn stand_in_driver_folder() -> &'static Path {
    Path::new(env!("STAND_IN_DRIVER_FOLDER"))
}
