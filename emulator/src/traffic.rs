//! Counts of the memory accesses of kernels, as far as they follow from addresses.

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

/// Reads or writes of global memory. There is no cache: an address that is read twice counts twice.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GlobalTraffic {
    /// Requests: the access of a warp at one time, or a row of a box of the copy engine.
    pub requests: u64,
    /// Bytes that the lanes of a request use, each once.
    pub bytes: u64,
    /// Sectors of 32 bytes that contain these bytes.
    pub sectors: u64,
    /// Sectors that the same number of consecutive bytes would fill.
    pub fewest_sectors: u64,
}

/// The counts of the accesses of kernels.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Reads of global memory.
    pub read: GlobalTraffic,
    /// Writes of global memory.
    pub written: GlobalTraffic,
    /// Accesses of a warp to shared memory, reads and writes; without those of wgmma and of the copy engine.
    pub shared_requests: u64,
    /// Passes over the 32 banks for these accesses.
    pub shared_passes: u64,
    /// Passes beyond the one that a request needs at least (with 8 bytes a lane: half a warp, with 16 bytes:
    /// a quarter).
    pub bank_conflicts: u64,
}

/// Starts counting the accesses of the calling OS thread's launches from 0, or stops counting (the default).
pub fn count_traffic(on: bool) {
    // SAFETY: changes state of the calling OS thread only.
    unsafe { emulator_count_traffic(on.into()) }
}

/// The counts since counting began.
pub fn traffic() -> Traffic {
    let mut traffic = Traffic::default();
    // SAFETY: `Traffic` has the layout of the C struct.
    unsafe { emulator_read_traffic(&mut traffic) }
    traffic
}

/// At most `count` places in the code (file and line) with the most bank conflicts and unnecessary sectors,
/// the worst first, and their counts.
pub fn costly_places(count: usize) -> Vec<(String, Traffic)> {
    let place = |rank| {
        let (mut name, mut traffic) = ([0 as c_char; 256], Traffic::default());
        // SAFETY: room for `name.len()` bytes, which the emulator ends with a NUL, and for a `Traffic`.
        let there = unsafe { emulator_costly_place(rank, name.as_mut_ptr(), name.len(), &mut traffic) } != 0;
        // SAFETY: as above; without such a place the text is still empty.
        there.then(|| (unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned(), traffic))
    };
    (0..count).map_while(place).collect()
}

/// The version of the C++ compiler that compiled the kernels: another compiler may merge plain accesses
/// differently.
pub fn compiler() -> &'static str {
    // SAFETY: a constant that ends with a NUL.
    unsafe { CStr::from_ptr(emulator_compiler()) }.to_str().expect("a version is plain text")
}
