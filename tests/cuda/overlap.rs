//! Launches that overlap with the previous one: which do, when none does, and drivers that refuse them.

use deeptalk_rt::networks::deeptalk::{Config, DeepTalk};
use deeptalk_rt::tensor::cuda::{Cuda, Gpu};
use deeptalk_rt::tensor::{Clips, Context, Engine, NetworkId, Part, RowOps};

use crate::network::{model_of, speech, unseen};
use crate::stand_in::{counts, on_stand_in};
use crate::this_test;

const UNCHECKED: (&str, &str) = ("STAND_IN_CUDA_CHECKS", "0");
const HOPPER: (&str, &str) = ("STAND_IN_CUDA_CAPABILITY", "90");

/// The number of launches in `work`, and the number of them that overlap.
fn launches(work: impl FnOnce()) -> [u64; 2] {
    let before = counts();
    work();
    let after = counts();
    [after.launches - before.launches, after.overlapping - before.overlapping]
}

/// A forward, speech to motion, kernel by kernel and as a replayed graph: its launches, and those among them
/// that overlap.
fn of_a_forward(config: &Config) -> [[u64; 2]; 2] {
    let model = DeepTalk::load(&model_of(config), Gpu::new(0).unwrap()).unwrap();
    let clip = speech(700, 1);
    let mut first = None;
    let ordinary = launches(|| first = Some(unseen(&model, &[&clip])));
    assert_eq!(Some(unseen(&model, &[&clip])), first, "recorded");
    let mut replayed = None;
    let replay = launches(|| replayed = Some(unseen(&model, &[&clip])));
    assert_eq!(replayed, first);
    assert_eq!(model.ops().recorded_parts(), 2);
    println!("launches of a forward, and those that overlap: {ordinary:?}, replayed {replay:?}");
    [ordinary, replay]
}

#[test]
fn all_launches_of_a_forward_overlap_but_those_behind_something_else() {
    let test = this_test!(all_launches_of_a_forward_overlap_but_those_behind_something_else);
    on_stand_in(test, &[UNCHECKED, HOPPER], || {
        assert_eq!(of_a_forward(&Config::tiny()), [[152, 147], [152, 149]]);
        assert_eq!(of_a_forward(&Config::default_model()), [[148, 143], [148, 145]]);
    });
}

#[test]
#[ignore = "minutes of emulation"]
fn all_launches_of_a_forward_of_the_published_sizes_overlap_but_those_behind_something_else() {
    let test =
        this_test!(all_launches_of_a_forward_of_the_published_sizes_overlap_but_those_behind_something_else);
    on_stand_in(test, &[UNCHECKED, HOPPER], || {
        assert_eq!(of_a_forward(&Config::base()), [[287, 282], [287, 284]]);
    });
}

/// Three sums, the third after a copy.
fn three_sums(cuda: &Cuda) -> [u64; 2] {
    launches(|| {
        let x = cuda.upload(&Clips::one(9), 16, &[0.5; 144]).unwrap();
        let sum = cuda.add(&x, &cuda.add(&x, &x).unwrap()).unwrap();
        assert_eq!(cuda.download(&sum).unwrap(), [1.5; 144]);
        cuda.add(&x, &sum).unwrap();
    })
}

#[test]
fn what_overlaps_is_a_kernel_behind_a_kernel() {
    for generation in ["90", "100", "103", "120"] {
        let settings = [("STAND_IN_CUDA_CAPABILITY", generation), ("STAND_IN_CUDA_DRIVER", "12040")];
        on_stand_in(this_test!(what_overlaps_is_a_kernel_behind_a_kernel), &settings, || {
            let cuda = Gpu::new(0).unwrap().lease().unwrap();
            assert!(cuda.launches_overlap());
            assert_eq!(three_sums(&cuda), [3, 1]);
        });
    }
}

/// Code for 8.0 (also if a later device compiles it from PTX) does not wait for the previous launch; older
/// drivers have no such edges in graphs.
#[test]
fn nothing_overlaps_on_older_devices_and_drivers_or_where_it_is_turned_off() {
    let test = this_test!(nothing_overlaps_on_older_devices_and_drivers_or_where_it_is_turned_off);
    let cases: [&[(&str, &str)]; 5] = [
        &[("STAND_IN_CUDA_CAPABILITY", "80")],
        &[("STAND_IN_CUDA_CAPABILITY", "89")],
        &[("STAND_IN_CUDA_CAPABILITY", "110")],
        &[HOPPER, ("STAND_IN_CUDA_DRIVER", "12030")],
        &[HOPPER, ("DEEPTALK_LAUNCH_OVERLAP", "off")],
    ];
    for settings in cases {
        on_stand_in(test, settings, || {
            let cuda = Gpu::new(0).unwrap().lease().unwrap();
            assert!(!cuda.launches_overlap());
            assert_eq!(three_sums(&cuda), [3, 0]);
        });
    }
}

#[test]
fn a_wrong_setting_is_a_sentence() {
    let settings = [HOPPER, ("DEEPTALK_LAUNCH_OVERLAP", "0")];
    on_stand_in(this_test!(a_wrong_setting_is_a_sentence), &settings, || {
        let error = Gpu::new(0).expect_err("0 is not off").to_string();
        assert!(error.contains("DEEPTALK_LAUNCH_OVERLAP is \"0\", on or off was expected"), "{error}");
    });
}

#[test]
fn a_driver_that_refuses_such_launches_runs_without_them() {
    let test = this_test!(a_driver_that_refuses_such_launches_runs_without_them);
    for refused in ["refuse", "refuse-capture", "refuse-graph"] {
        on_stand_in(test, &[UNCHECKED, HOPPER, ("STAND_IN_CUDA_OVERLAP", refused)], || {
            let [_, replayed] = of_a_forward(&Config::tiny());
            assert_eq!(replayed[1], 0, "{refused}");
        });
    }
}

/// A recording that fails for another reason fails as it would without overlap.
#[test]
fn a_recording_that_fails_twice_leaves_launches_as_they_were() {
    let test = this_test!(a_recording_that_fails_twice_leaves_launches_as_they_were);
    on_stand_in(test, &[UNCHECKED, HOPPER], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let x = cuda.upload(&Clips::one(9), 16, &[0.5; 144]).unwrap();
        let part = Part { network: NetworkId::unique(), name: "part" };
        let times = std::cell::Cell::new(0);
        let run = || {
            cuda.recorded(part, &[&x], |inputs| {
                times.set(times.get() + 1);
                // A download fails inside a recording; the first run makes no recording.
                cuda.download(inputs[0])?;
                Ok(deeptalk_rt::tensor::Outputs {
                    tensors: vec![cuda.add(inputs[0], inputs[0])?],
                    codes: Vec::new(),
                })
            })
        };
        run().unwrap();
        let error = run().expect_err("it looks").to_string();
        assert!(error.contains("cannot be looked into"), "{error}");
        assert_eq!(times.get(), 3);
        assert!(cuda.launches_overlap());
    });
}
