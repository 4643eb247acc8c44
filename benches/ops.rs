//! Benchmarks of the CPU back end's operations at the sizes of a 10 s clip in the published model:
//! `cargo bench --bench ops`.
//!
//! The throughput is in floating-point operations per second for products and attention, in bytes read and
//! written per second for the others.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deeptalk_rt::tensor::cpu::{Cpu, Tensor, Weight};
use deeptalk_rt::tensor::{
    Activation, Affine, AttentionBias, Clips, Context, Conv1d, EmbeddingOps, Linear, Norm, Padding, Role,
    RowOps, Stored,
};
use std::time::Duration;

fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0).collect()
}

fn weight(shape: &[usize]) -> Weight {
    let count: usize = shape.iter().product();
    let scale = (3.0 / (count / shape[0]) as f32).sqrt();
    let values = values(count).iter().map(|v| v * scale).collect();
    // The CPU back end ignores the role.
    Cpu::F32.load(Stored::from_f32("w", shape, values), Role::Exact).unwrap()
}

fn rows(rows: usize, channels: usize) -> Tensor {
    Cpu::F32.upload(&Clips::one(rows), channels, &values(rows * channels)).unwrap()
}

fn ops(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ops");
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(2));

    for (m, out, input) in [(250, 3072, 768), (510, 2304, 768), (510, 3072, 768), (510, 768, 3072)] {
        let linear = Linear { weight: weight(&[out, input]), bias: Some(weight(&[out])) };
        let x = rows(m, input);
        group.throughput(Throughput::Elements(2 * (m * out * input) as u64));
        group.bench_function(format!("linear/{m}x{input}->{out}"), |b| {
            b.iter(|| Cpu::F32.linear(&x, &linear, Activation::Gelu).unwrap());
        });
    }
    for (m, kernel, stride) in [(32_159, 3, 2), (2_009, 2, 2)] {
        let conv = Conv1d {
            weight: weight(&[512, kernel, 512]),
            bias: None,
            stride,
            groups: 1,
            padding: Padding::NONE,
        };
        let x = rows(m, 512);
        group.throughput(Throughput::Elements(2 * (m / stride * 512 * kernel * 512) as u64));
        group.bench_function(format!("conv1d/{m}x512 kernel {kernel}"), |b| {
            b.iter(|| Cpu::F32.conv1d(&x, &conv, Activation::Gelu).unwrap());
        });
    }
    for (m, kernel) in [(252, 128), (503, 19)] {
        let padding = Padding::Zero(kernel / 2, (kernel - 1) / 2);
        let conv = Conv1d { weight: weight(&[768, kernel, 48]), bias: None, stride: 1, groups: 16, padding };
        let x = rows(m, 768);
        group.throughput(Throughput::Elements(2 * (m * 768 * kernel * 48) as u64));
        group.bench_function(format!("conv1d/{m}x768 kernel {kernel} groups 16"), |b| {
            b.iter(|| Cpu::F32.conv1d(&x, &conv, Activation::Gelu).unwrap());
        });
    }
    for (m, heads) in [(252, 12), (513, 12), (3_003, 12)] {
        let x = rows(m, 3 * 768);
        let bias = AttentionBias::Distance { slopes: vec![0.1; heads], free_rows: 10 };
        group.throughput(Throughput::Elements(4 * (m * m * 768) as u64));
        group.bench_function(format!("attention/{m} rows"), |b| {
            b.iter(|| Cpu::F32.self_attention(&x, heads, &bias).unwrap())
        });
    }
    for (m, channels) in [(513, 768), (32_159, 512)] {
        let x = rows(m, channels);
        let affine = Affine { weight: weight(&[channels]), bias: weight(&[channels]) };
        let norm = Norm { affine: Some(affine), eps: 1e-5 };
        group.throughput(Throughput::Bytes(8 * (m * channels) as u64));
        group.bench_function(format!("layer_norm/{m}x{channels} gelu"), |b| {
            b.iter(|| Cpu::F32.layer_norm(&x, &norm, Activation::Gelu).unwrap());
        });
        group.bench_function(format!("group_norm/{m}x{channels} gelu"), |b| {
            b.iter(|| Cpu::F32.group_norm(&x, &norm, Activation::Gelu).unwrap());
        });
    }
    let x = rows(500, 128);
    let pool = rows(500, 1);
    group.throughput(Throughput::Bytes(4 * 500 * 129));
    group.bench_function("sorted_pool/500x128", |b| b.iter(|| Cpu::F32.sorted_pool(&x, &pool).unwrap()));
}

criterion_group!(benches, ops);
criterion_main!(benches);
