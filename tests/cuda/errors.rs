//! What goes wrong with a device, as the user reads it.

use deeptalk_rt::backend::cuda::Cuda;
use deeptalk_rt::backend::{Clips, Ops};

use crate::stand_in::on_stand_in;
use crate::this_test;

fn refused(test: &str, settings: &[(&str, &str)], device: usize, sentence: &str) {
    on_stand_in(test, settings, || {
        let error = Cuda::new(device).expect_err("the device opened");
        assert_eq!(error.exit_code(), 4);
        assert!(error.to_string().contains(sentence), "{error}");
        assert!(error.to_string().contains("--device cpu"), "{error}");
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
    on_stand_in(test, &[("STAND_IN_CUDA_MEMORY", "100000000")], || {
        let cuda = Cuda::new(0).unwrap();
        let rows = |rows: usize| cuda.upload(&Clips::one(rows), 8, &vec![0.0; rows * 8]);
        let small = rows(1000).unwrap();
        let error = rows(6_000_000).expect_err("96 MB fit into 100 MB with 32 MB taken");
        assert!(error.to_string().contains("96.0 MB more were needed"), "{error}");
        assert!(error.to_string().contains("66.4 MB were free"), "{error}");
        drop(small);
        drop(cuda);
        let cuda = Cuda::new(0).unwrap();
        cuda.upload(&Clips::one(6_000_000), 8, &vec![0.0; 48_000_000]).expect("the memory is free again");
    });
}

#[test]
fn no_driver_is_a_sentence() {
    // A folder without the library, and a machine without a GPU.
    let Err(error) = Cuda::new(0) else { return };
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().starts_with("CUDA cannot be used: "), "{error}");
}
