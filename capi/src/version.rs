//! Version and features of the library.

use std::ffi::c_char;

use crate::status::{dt_status, guard};
use crate::text;

/// Major version of the ABI: rises when programs must be changed or recompiled.
pub const DT_ABI_MAJOR: u32 = 0;
/// Minor version of the ABI: rises when something was added (while the major version is 0, also when
/// something changed).
pub const DT_ABI_MINOR: u32 = 4;

/// The ABI version of the loaded library, `major * 65536 + minor`. A program that was compiled with another
/// major version (or, while the major version is 0, another minor version) should stop. Thread rules: any
/// thread.
#[unsafe(no_mangle)]
pub extern "C" fn dt_abi_version() -> u32 {
    DT_ABI_MAJOR << 16 | DT_ABI_MINOR
}

/// The version of deeptalk-rt, such as "0.1.0"; the string is valid as long as the library is loaded.
/// Thread rules: any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dt_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// Writes 1 to `*has` if the library has a feature, else 0. Features: "cpu", "cpu-bf16" (this processor has
/// bf16 products), "stream", "face", "cuda" (GPU kernels are built in), "builtin-model"; any other name gives
/// 0. Thread rules: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_has_feature(name: *const c_char, has: *mut i32) -> dt_status {
    guard(|| {
        let name = unsafe { text::read(name, "the feature's name") }?;
        let found = match name {
            "cpu" | "stream" | "face" => true,
            "cpu-bf16" => deeptalk_rt::tensor::cpu::Cpu::bf16().is_ok(),
            "cuda" => deeptalk_rt::tensor::cuda::Gpu::is_built_in(),
            "builtin-model" => deeptalk_rt::networks::ModelFile::builtin().is_ok(),
            _ => false,
        };
        unsafe { crate::handle::write(has, i32::from(found), "has") }
    })
}
