//! What the memory accesses of kernels cost, as far as addresses tell.

use std::ffi::{CStr, c_char, c_int};

unsafe extern "C" {
    fn emulator_count_traffic(on: c_int);
    fn emulator_read_traffic(traffic: *mut Traffic);
    fn emulator_costly_place(
        rank: usize,
        place: *mut c_char,
        place_bytes: usize,
        traffic: *mut Traffic,
    ) -> c_int;
    fn emulator_compiler() -> *const c_char;
}

/// Reads or writes of global memory. No cache is part of it: what is read twice counts twice.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GlobalTraffic {
    /// What a warp asks for at once, or the copy engine: a row of a box.
    pub requests: u64,
    /// Bytes that the lanes of a request want, each once.
    pub bytes: u64,
    /// Sectors of 32 bytes in which these lie.
    pub sectors: u64,
    /// Sectors that as many bytes would fill, were they consecutive.
    pub fewest_sectors: u64,
}

/// What the accesses of kernels cost.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Reads of global memory.
    pub read: GlobalTraffic,
    /// Writes of global memory.
    pub written: GlobalTraffic,
    /// Accesses of a warp to shared memory, reads and writes; those of wgmma and of the copy engine are not among them.
    pub shared_requests: u64,
    /// Passes over the 32 banks that these take.
    pub shared_passes: u64,
    /// Passes beyond the one that a request (of 8 bytes: a half, of 16 bytes: a quarter of one) takes at least.
    pub bank_conflicts: u64,
}

/// Counts the accesses of the calling OS thread's launches from 0 on, or (as at first) does not count.
pub fn count_traffic(on: bool) {
    // SAFETY: changes state of the calling OS thread only.
    unsafe { emulator_count_traffic(on.into()) }
}

/// All since counting began.
pub fn traffic() -> Traffic {
    let mut traffic = Traffic::default();
    // SAFETY: `Traffic` has the layout of the C struct.
    unsafe { emulator_read_traffic(&mut traffic) }
    traffic
}

/// At most `count` places in the code (file and line) with the most bank conflicts and sectors beyond the fewest possible, the
/// worst first, and what each cost.
pub fn costly_places(count: usize) -> Vec<(String, Traffic)> {
    let place = |rank| {
        let (mut name, mut traffic) = ([0 as c_char; 256], Traffic::default());
        // SAFETY: room for `name.len()` bytes, which the emulator ends with a NUL, and for a `Traffic`.
        let there = unsafe { emulator_costly_place(rank, name.as_mut_ptr(), name.len(), &mut traffic) } != 0;
        // SAFETY: as above; where there is no such place it is still empty.
        there.then(|| (unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned(), traffic))
    };
    (0..count).map_while(place).collect()
}

/// The version of the C++ compiler that made the kernels: another one may merge plain accesses in another way.
pub fn compiler() -> &'static str {
    // SAFETY: a constant that ends with a NUL.
    unsafe { CStr::from_ptr(emulator_compiler()) }.to_str().expect("a version is plain text")
}
