//! Attention over other keys and values, and causal attention, against the CPU.

use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::tensor::cuda::Gpu;
use deeptalk_rt::tensor::{AttentionBias, Clips, Context, Engine, Ops};

use crate::network::{error, speech};
use crate::stand_in::on_stand_in;
use crate::this_test;

/// Values that half precision holds exactly, so that both devices begin with the same numbers.
fn values(count: usize, seed: u32) -> Vec<f32> {
    speech(count, seed).iter().map(|value| (value * 1024.0).round() / 256.0).collect()
}

fn over_others<B: Ops>(ops: &B, width: usize, bias: &AttentionBias) -> Vec<f32> {
    const HEADS: usize = 2;
    // More keys than queries, as many, no queries, one of each.
    let (queries, keys) = (Clips::from_lengths([5, 40, 0, 1]), Clips::from_lengths([77, 40, 3, 1]));
    let q = values(queries.rows() * HEADS * width, 1);
    let kv = values(keys.rows() * 2 * HEADS * width, 2);
    let q = ops.upload(&queries, HEADS * width, &q).unwrap();
    let kv = ops.upload(&keys, 2 * HEADS * width, &kv).unwrap();
    ops.download(&ops.attention(&q, &kv, HEADS, bias).unwrap()).unwrap()
}

fn causal<B: Ops>(ops: &B, bias: &AttentionBias) -> Vec<f32> {
    let clips = Clips::from_lengths([70, 1]);
    let qkv = ops.upload(&clips, 3 * 2 * 24, &values(clips.rows() * 3 * 2 * 24, 3)).unwrap();
    ops.download(&ops.self_attention(&qkv, 2, bias).unwrap()).unwrap()
}

#[test]
fn attention_over_other_rows_and_over_the_past_is_that_of_the_cpu() {
    let test = this_test!(attention_over_other_rows_and_over_the_past_is_that_of_the_cpu);
    on_stand_in(test, &[], || {
        let cuda = Gpu::new(0).unwrap().lease().unwrap();
        let slopes = vec![0.25, 0.0625];
        let past = |period, context| AttentionBias::Causal { slopes: slopes.clone(), period, context };
        let biases = [
            AttentionBias::None,
            AttentionBias::Window { rows: 6 },
            AttentionBias::Distance { slopes: slopes.clone(), free_rows: 3 },
            past(7, usize::MAX),
            past(3, 10),
        ];
        for (bias, width) in biases.iter().zip([24, 8, 48, 64, 128]) {
            let (want, got) = (over_others(&Cpu::F32, width, bias), over_others(&*cuda, width, bias));
            let error = error(&got, &want);
            assert!(error < 5e-4, "{bias:?}, width {width}: {error}");
        }
        for bias in &biases[3..] {
            let error = error(&causal(&*cuda, bias), &causal(&Cpu::F32, bias));
            assert!(error < 5e-4, "{bias:?}: {error}");
        }
        let q = cuda.upload(&Clips::one(3), 18, &[0.5; 54]).unwrap();
        let kv = cuda.upload(&Clips::one(3), 36, &[0.5; 108]).unwrap();
        let refused = deeptalk_rt::tensor::RowOps::attention(&*cuda, &q, &kv, 2, &biases[0]);
        let error = refused.expect_err("9 channels are not whole vectors").to_string();
        assert!(error.contains("the width of a head"), "{error}");
    });
}
