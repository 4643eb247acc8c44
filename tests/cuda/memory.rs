//! What the back end asks of the driver: as little as can be, and nothing once it is warm.

use std::sync::Barrier;

use deeptalk_rt::networks::deeptalk::{Config, DeepTalk};
use deeptalk_rt::tensor::cuda::Cuda;
use deeptalk_rt::tensor::{Activation, Clips, Context, Linear, Role, RowOps, Stored};

use crate::network::{model_of, speech, unseen};
use crate::stand_in::{Counts, STAND_IN_ALONE, counts, on_stand_in};
use crate::this_test;

#[test]
fn weights_go_up_in_one_allocation_and_a_warm_forward_asks_for_nothing() {
    let test = this_test!(weights_go_up_in_one_allocation_and_a_warm_forward_asks_for_nothing);
    on_stand_in(test, &STAND_IN_ALONE, || {
        let file = model_of(&Config::default_model());
        let cuda = Cuda::new(0).unwrap();
        let before = counts();
        let model = DeepTalk::load(&file, cuda).unwrap();
        let loaded = counts();
        assert_eq!(loaded.allocations - before.allocations, 1);
        // In parts of 8 MiB; small tensors share them.
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

/// The large tile wants 96 of the 99 KiB that a block may have on the smallest devices.
#[test]
fn a_large_product_has_room_on_every_device() {
    on_stand_in(this_test!(a_large_product_has_room_on_every_device), &STAND_IN_ALONE, || {
        let cuda = Cuda::new(0).unwrap();
        // As many blocks as make the launcher take it.
        let (rows, columns) = (33 * 128, 128);
        let x = cuda.upload(&Clips::one(rows), 8, &vec![0.5; rows * 8]).unwrap();
        let weight = Stored::from_f32("weight", &[columns, 8], vec![0.25; columns * 8]);
        let weight = cuda.load(weight, Role::Linear).unwrap();
        let y = cuda.linear(&x, &Linear { weight, bias: None }, Activation::None).unwrap();
        assert_eq!(cuda.download(&y).unwrap(), vec![1.0; rows * columns]);
    });
}

#[test]
#[ignore = "minutes of emulation"]
fn a_thousand_forwards_of_mixed_lengths_on_sixteen_threads_keep_memory_flat() {
    let test = this_test!(a_thousand_forwards_of_mixed_lengths_on_sixteen_threads_keep_memory_flat);
    on_stand_in(test, &STAND_IN_ALONE, || {
        const THREADS: usize = 16;
        const ROUNDS: usize = 63;
        let model = &DeepTalk::load(&model_of(&Config::tiny_log_mel()), Cuda::new(0).unwrap()).unwrap();
        let clips: Vec<Vec<f32>> =
            [1, 640, 2_561, 700, 5_200, 3_000].iter().map(|&n| speech(n, n as u32)).collect();
        let want: Vec<_> = clips.iter().map(|clip| unseen(model, &[clip])).collect();
        let (clips, want, meet) = (&clips, &want, &Barrier::new(THREADS));
        let in_use: Vec<[u64; 2]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|thread| {
                    scope.spawn(move || {
                        let run = |round: usize| {
                            let which = (thread + round) % clips.len();
                            assert_eq!(unseen(model, &[&clips[which]]), want[which], "clip {which}");
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
