//! Requests of the back end to the driver: as few as possible, and none after the first runs.

use std::sync::Barrier;

use deeptalk_rt::networks::deeptalk::{Config, DeepTalk, DeepTalkNetwork};
use deeptalk_rt::tensor::cuda::Gpu;
use deeptalk_rt::tensor::{
    Activation, Clips, Context, Engine, Linear, NetworkId, Outputs, Part, Role, RowOps, Stored,
};

use crate::network::{model_of, speech, unseen};
use crate::stand_in::{Counts, STAND_IN_ALONE, counts, on_stand_in};
use crate::this_test;

#[test]
fn weights_go_up_in_one_allocation_and_a_warm_forward_asks_for_nothing() {
    let test = this_test!(weights_go_up_in_one_allocation_and_a_warm_forward_asks_for_nothing);
    on_stand_in(test, &STAND_IN_ALONE, || {
        let file = model_of(&Config::default_model());
        let cuda = Gpu::new(0).unwrap();
        let before = counts();
        let model = DeepTalk::load(&file, cuda).unwrap();
        let loaded = counts();
        assert_eq!(loaded.allocations - before.allocations, 1);
        // In parts of 8 MiB, which small tensors share.
        let parts = (loaded.bytes_in_use - before.bytes_in_use).div_ceil(8 << 20);
        assert!((1..=parts).contains(&(loaded.uploads - before.uploads)), "{before:?} {loaded:?}");
        assert_eq!(loaded.pageable_copies, before.pageable_copies);

        let clip = speech(2_500, 1);
        let first = unseen(&model, &[&clip]);
        assert_eq!(unseen(&model, &[&clip]), first);
        let warm = counts();
        assert!(warm.allocations > loaded.allocations, "there are activations");
        assert_eq!(unseen(&model, &[&clip]), first);
        let after = counts();
        assert!(after.uploads > warm.uploads && after.launches > warm.launches, "the forward ran");
        assert_eq!(Counts { uploads: after.uploads, launches: after.launches, ..warm }, after);
    });
}

/// The large tile needs 96 of the 99 KiB that a block may have on the smallest devices.
#[test]
fn a_large_product_has_room_on_every_device() {
    on_stand_in(this_test!(a_large_product_has_room_on_every_device), &STAND_IN_ALONE, || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        // Enough blocks that the launcher chooses this tile.
        let (rows, columns) = (33 * 128, 128);
        let x = cuda.upload(&Clips::one(rows), 8, &vec![0.5; rows * 8]).unwrap();
        let weight = Stored::from_f32("weight", &[columns, 8], vec![0.25; columns * 8]);
        let weight = cuda.load(weight, Role::Linear).unwrap();
        let y = cuda.linear(&x, &Linear { weight, bias: None }, Activation::None).unwrap();
        assert_eq!(cuda.download(&y).unwrap(), vec![1.0; rows * columns]);
    });
}

/// The memory of a GPU depends on its contexts, not on the threads of the program.
#[test]
fn threads_that_come_and_go_leave_nothing_behind_but_the_contexts_of_the_pool() {
    let test = this_test!(threads_that_come_and_go_leave_nothing_behind_but_the_contexts_of_the_pool);
    on_stand_in(test, &STAND_IN_ALONE, || {
        let before = counts().bytes_in_use;
        let gpu = Gpu::with_contexts(0, 2).unwrap();
        let loaded = DeepTalkNetwork::load(&model_of(&Config::tiny_log_mel()), gpu).unwrap();
        let weights = counts().bytes_in_use;
        let clips = [speech(700, 1), speech(2_561, 2)];
        let want = clips.each_ref().map(|clip| unseen(&loaded.lease().unwrap(), &[clip]));
        // Each length is recorded and replayed by one context, whose memory is then the largest of any
        // context.
        (0..2).for_each(|_| {
            let lease = loaded.lease().unwrap();
            clips.iter().zip(&want).for_each(|(clip, want)| assert_eq!(&unseen(&lease, &[clip]), want));
        });
        let context = counts().bytes_in_use - weights;
        for _ in 0..4 {
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let (loaded, clip, want) = (&loaded, &clips[thread % 2], &want[thread % 2]);
                    scope.spawn(move || {
                        (0..2).for_each(|_| assert_eq!(&unseen(&loaded.lease().unwrap(), &[clip]), want));
                    });
                }
            });
            let now = counts().bytes_in_use;
            assert!(now <= weights + 2 * context, "{now} bytes; weights {weights}, a context {context}");
        }
        drop(loaded);
        assert_eq!(counts().bytes_in_use, before, "all is freed with the last handle");
    });
}

/// The stand-in invalidates every current recording when a thread waits for the whole device.
#[test]
fn a_recording_survives_what_other_threads_do() {
    on_stand_in(this_test!(a_recording_survives_what_other_threads_do), &STAND_IN_ALONE, || {
        let gpu = Gpu::new(0).unwrap();
        let file = model_of(&Config::tiny_log_mel());
        let loaded = DeepTalkNetwork::load(&file, gpu.clone()).unwrap();
        let clip = speech(700, 1);
        let want = unseen(&loaded.lease().unwrap(), &[&clip]);
        let cuda = gpu.lease().unwrap();
        let x = cuda.upload(&Clips::one(9), 16, &[0.5; 144]).unwrap();
        let part = Part { network: NetworkId::unique(), name: "sum" };
        let record = |during: &dyn Fn()| {
            let outputs = cuda.recorded(part, &[&x], |inputs| {
                let first = cuda.add(inputs[0], inputs[0])?;
                during();
                Ok(Outputs { tensors: vec![cuda.add(&first, inputs[0])?], codes: Vec::new() })
            });
            cuda.download(&outputs.unwrap().tensors[0]).unwrap()
        };
        assert_eq!(record(&|| ()), [1.5; 144]);
        // At the same time other threads load a model, record, free page-locked memory, a model, a context
        // and a whole device, and end.
        let others = || {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let second = DeepTalkNetwork::load(&file, gpu.clone()).unwrap();
                    (0..3).for_each(|_| assert_eq!(unseen(&second.lease().unwrap(), &[&clip]), want));
                });
                scope.spawn(|| {
                    let other = Gpu::new(0).unwrap();
                    let cuda = other.lease().unwrap();
                    // More than the first size of the page-locked memory.
                    let large = vec![0.5; 400_000];
                    let x = cuda.upload_f32(&Clips::one(400_000), 1, &large).unwrap();
                    assert_eq!(cuda.download(&x).unwrap(), large);
                });
            });
        };
        assert_eq!(record(&others), [1.5; 144]);
        assert_eq!(record(&|| panic!("it is replayed")), [1.5; 144]);
        assert_eq!(cuda.recorded_parts(), 1);
    });
}

/// A recording belongs to the network for which it was made.
#[test]
fn two_networks_on_one_device_do_not_share_recordings() {
    let test = this_test!(two_networks_on_one_device_do_not_share_recordings);
    on_stand_in(test, &STAND_IN_ALONE, || {
        let gpu = Gpu::with_contexts(0, 1).unwrap();
        let file = model_of(&Config::tiny_log_mel());
        let clip = speech(700, 1);
        let first = DeepTalkNetwork::load(&file, gpu.clone()).unwrap();
        let want = unseen(&first.lease().unwrap(), &[&clip]);
        (0..2).for_each(|_| assert_eq!(unseen(&first.lease().unwrap(), &[&clip]), want));
        assert_eq!(gpu.lease().unwrap().recorded_parts(), 2);
        drop(first);
        // The weights of the second network may have the addresses of the first network's weights.
        let second = DeepTalkNetwork::load(&file, gpu.clone()).unwrap();
        (0..3).for_each(|_| assert_eq!(unseen(&second.lease().unwrap(), &[&clip]), want));
        assert_eq!(gpu.lease().unwrap().recorded_parts(), 2, "those of the first are gone");
    });
}

#[test]
#[ignore = "minutes of emulation"]
fn a_thousand_forwards_of_mixed_lengths_on_sixteen_threads_keep_memory_flat() {
    let test = this_test!(a_thousand_forwards_of_mixed_lengths_on_sixteen_threads_keep_memory_flat);
    on_stand_in(test, &STAND_IN_ALONE, || {
        const THREADS: usize = 16;
        const ROUNDS: usize = 63;
        let model = &DeepTalkNetwork::load(&model_of(&Config::tiny_log_mel()), Gpu::new(0).unwrap()).unwrap();
        let clips: Vec<Vec<f32>> =
            [1, 640, 2_561, 700, 5_200, 3_000].iter().map(|&n| speech(n, n as u32)).collect();
        let want: Vec<_> = clips.iter().map(|clip| unseen(&model.lease().unwrap(), &[clip])).collect();
        let (clips, want, meet) = (&clips, &want, &Barrier::new(THREADS));
        let in_use: Vec<[u64; 2]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    scope.spawn(move || {
                        let run = |round: usize| {
                            let which = (thread + round) % clips.len();
                            let lease = model.lease().unwrap();
                            assert_eq!(unseen(&lease, &[&clips[which]]), want[which], "clip {which}");
                        };
                        // Every length is recorded, and was replayed once.
                        (0..3 * clips.len()).for_each(run);
                        meet.wait();
                        let warm = counts().bytes_in_use;
                        meet.wait();
                        (3 * clips.len()..ROUNDS).for_each(run);
                        meet.wait();
                        let after = counts().bytes_in_use;
                        meet.wait();
                        [warm, after]
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(in_use.iter().all(|[warm, after]| warm == after), "{in_use:?}");
        const { assert!(THREADS * ROUNDS > 1000) };
    });
}
