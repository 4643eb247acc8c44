//! Tests in a process of their own, whose `libcuda.so.1` is the emulator's.

use std::process::Command;

use deeptalk_rt::backend::cuda::Cuda;

/// Runs `body` in a child process with the stand-in driver and these settings (see `emulator/driver/libcuda.cpp`). `test` is
/// the full name of the calling test. A build without kernels has nothing to test.
///
/// With `DEEPTALK_TEST_GPU=1` the tests that need no settings run on the machine's own GPU instead.
pub fn on_stand_in(test: &str, settings: &[(&str, &str)], body: impl FnOnce()) {
    if std::env::var_os("STAND_IN").is_some() {
        return body();
    }
    if std::env::var_os("DEEPTALK_TEST_GPU").is_some() {
        if settings.is_empty() {
            body();
        }
        return;
    }
    if Cuda::devices().is_err_and(|error| error.to_string().contains("without the GPU kernels")) {
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

/// The full name of the calling test.
#[macro_export]
macro_rules! this_test {
    ($name:ident) => {
        concat!(module_path!(), "::", stringify!($name)).split_once("::").unwrap().1
    };
}
