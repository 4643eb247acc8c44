//! Errors of a device, as the user reads them.

use deeptalk_rt::Advice;
use deeptalk_rt::networks::deeptalk::Config;
use deeptalk_rt::networks::deeptalk::synth_model;
use deeptalk_rt::tensor::cuda::Gpu;
use deeptalk_rt::tensor::{Activation, Clips, Context, Dtype, Engine, Linear, Norm, Role, RowOps, Stored};

use crate::stand_in::{STAND_IN_ALONE, counts, on_stand_in};
use crate::this_test;

fn refused(test: &str, settings: &[(&str, &str)], device: usize, sentence: &str) {
    on_stand_in(test, settings, || {
        let error = Gpu::new(device).expect_err("the device opened");
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(error.advice().contains(&Advice::UseCpu), "{error}");
        // The command line adds the flag, not the library.
        assert!(
            error.to_string().contains(Advice::UseCpu.text()) && !error.to_string().contains("--"),
            "{error}"
        );
    });
}

#[test]
fn a_driver_without_a_device_is_a_sentence() {
    let test = this_test!(a_driver_without_a_device_is_a_sentence);
    refused(test, &[("STAND_IN_CUDA_DEVICES", "0")], 0, "no CUDA-capable device is detected");
}

#[test]
fn a_device_that_is_not_there_is_a_sentence() {
    let test = this_test!(a_device_that_is_not_there_is_a_sentence);
    refused(test, &[("STAND_IN_CUDA_DEVICES", "2")], 2, "there is no device 2: 2 were found, from 0 on");
}

#[test]
fn an_old_driver_is_a_sentence() {
    let test = this_test!(an_old_driver_is_a_sentence);
    refused(test, &[("STAND_IN_CUDA_DRIVER", "11040")], 0, "the driver is for CUDA 11.4, 12.0 is the oldest");
}

#[test]
fn an_old_device_is_a_sentence() {
    let test = this_test!(an_old_device_is_a_sentence);
    refused(test, &[("STAND_IN_CUDA_CAPABILITY", "75")], 0, "has compute capability 7.5, 8.0 is the least");
}

#[test]
fn full_memory_says_how_much_was_needed_and_free_and_gives_back_what_it_took() {
    let test = this_test!(full_memory_says_how_much_was_needed_and_free_and_gives_back_what_it_took);
    on_stand_in(test, &[("STAND_IN_CUDA_MEMORY", "97000000")], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let rows = |rows: usize| cuda.upload(&Clips::one(rows), 8, &vec![0.0; rows * 8]);
        let small = rows(1000).unwrap();
        let error = rows(6_000_000).expect_err("96 MB fit into 97 MB with 2 MB taken");
        assert!(error.to_string().contains("96.0 MB more were needed"), "{error}");
        assert!(error.to_string().contains("94.9 MB were free"), "{error}");
        assert_eq!(error.exit_code(), 1, "the device is there");
        drop(small);
        assert_eq!(counts().bytes_in_use, 0, "what the failed work took has gone back");
        rows(6_000_000).expect("the memory is free again");
    });
}

#[test]
fn a_launch_that_fails_is_a_failure_and_not_a_missing_device() {
    let test = this_test!(a_launch_that_fails_is_a_failure_and_not_a_missing_device);
    on_stand_in(test, &[("STAND_IN_CUDA_FAIL", "2")], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let x = cuda.upload(&Clips::one(9), 16, &[0.5; 144]).unwrap();
        let sum = cuda.add(&x, &x).unwrap();
        let error = cuda.add(&x, &sum).expect_err("the second launch fails");
        assert_eq!(error.exit_code(), 1);
        assert!(error.to_string().contains("the GPU failed to run add_rows"), "{error}");
        assert!(cuda.download(&x).is_err(), "a device that failed stays so");
    });
}

#[test]
fn a_tensor_in_f32_is_refused_where_the_kernels_read_fp16() {
    on_stand_in(this_test!(a_tensor_in_f32_is_refused_where_the_kernels_read_fp16), &[], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let (clips, values) = (Clips::from_lengths([2, 1]), [0.1; 27]);
        let x = cuda.upload_f32(&clips, 9, &values).unwrap();
        assert_eq!(cuda.download(&x).unwrap(), values);
        let error = cuda.add(&x, &x).expect_err("rows of floats were read as halves");
        assert_eq!(error.to_string(), "add: number format: expected F16, found F32");
        let error = cuda.layer_norm(&x, &Norm::plain(1e-5), Activation::None).unwrap_err();
        assert!(error.to_string().contains("number format"), "{error}");
    });
}

/// A tensor of one channel needs no special treatment.
#[test]
fn one_channel_may_come_out_of_a_product_and_go_into_one() {
    on_stand_in(this_test!(one_channel_may_come_out_of_a_product_and_go_into_one), &[], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let weight = |shape: &[usize]| {
            let values = (1..=3).map(|value| value as f32).collect();
            cuda.load(Stored::from_f32("weight", shape, values), Role::Linear).unwrap()
        };
        let x = cuda.upload(&Clips::one(2), 3, &[1.0, 1.0, 1.0, 2.0, 0.0, 1.0]).unwrap();
        let sum = Linear { weight: weight(&[1, 3]), bias: None };
        let sums = cuda.linear(&x, &sum, Activation::None).unwrap();
        assert_eq!(cuda.download(&sums).unwrap(), [6.0, 5.0]);
        let spread = Linear { weight: weight(&[3, 1]), bias: None };
        let rows = cuda.linear(&sums, &spread, Activation::None).unwrap();
        assert_eq!(cuda.download(&rows).unwrap(), [6.0, 12.0, 18.0, 5.0, 10.0, 15.0]);
    });
}

/// The program with the stand-in driver: its exit codes.
#[test]
fn the_shell_can_tell_a_missing_gpu_from_a_failure() {
    let test = this_test!(the_shell_can_tell_a_missing_gpu_from_a_failure);
    on_stand_in(test, &STAND_IN_ALONE, || {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("model.safetensors");
        synth_model(&model, &Config::tiny_log_mel(), Dtype::F16).unwrap();
        let speech = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/speech_a.wav");
        let face = concat!(env!("CARGO_MANIFEST_DIR"), "/models/head/head.safetensors");
        let run = |setting: (&str, &str)| {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_deeptalk-rt"))
                .current_dir(folder.path())
                .args(["run", speech, "--duration", "0.1", "-o", "talk.npz", "--device", "cuda"])
                .args(["--face", face, "--model", "model.safetensors"])
                .env(setting.0, setting.1)
                .output()
                .unwrap();
            let written = folder.path().join("talk.npz").exists();
            (output.status.code(), written, String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let (code, written, said) = run(("STAND_IN_CUDA_DEVICES", "0"));
        assert_eq!((code, written), (Some(4), false), "{said}");
        let (code, written, said) = run(("STAND_IN_CUDA_FAIL", "20"));
        assert_eq!((code, written), (Some(1), false), "{said}");
        assert!(said.contains("error: ") && said.contains("the GPU failed to"), "{said}");
        let (code, written, said) = run(("STAND_IN_CUDA_DEVICES", "1"));
        assert_eq!((code, written), (Some(0), true), "{said}");
    });
}

#[test]
fn no_driver_is_a_sentence() {
    // A folder without the library, and a machine without a GPU.
    let Err(error) = Gpu::new(0) else { return };
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().starts_with("CUDA cannot be used: "), "{error}");
}
