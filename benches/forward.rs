//! Benchmark of the whole forward on the CPU, from host samples to host motion:
//! `cargo bench --bench forward`.
//!
//! The throughput is in samples per second. The weights come from a formula; they take the same time as
//! trained weights.

use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deeptalk_rt::bench;
use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::networks::deeptalk::synth_model;
use deeptalk_rt::networks::deeptalk::{Config, DeepTalk};
use deeptalk_rt::runtime::Take;
use deeptalk_rt::tensor::Dtype;
use deeptalk_rt::tensor::cpu::Cpu;

fn model(name: &str, config: &Config) -> DeepTalk<Cpu> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}.safetensors"));
    synth_model(&path, config, Dtype::F32).unwrap();
    DeepTalk::load(&ModelFile::open(&path).unwrap(), Cpu::F32).unwrap()
}

fn forward(criterion: &mut Criterion) {
    for (name, config, lengths) in [
        ("base", Config::base(), [1, 10, 60].as_slice()),
        ("default", Config::default_model(), &[1, 10, 60]),
        ("tiny", Config::tiny(), &[1, 10, 60]),
    ] {
        let model = model(name, &config);
        let mut group = criterion.benchmark_group(format!("forward/{name}"));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(10));
        for &seconds in lengths {
            let clip = bench::clips(16_000, seconds as f64, 1).remove(0);
            group.throughput(Throughput::Elements(clip.len() as u64));
            group.bench_function(format!("{seconds}s"), |bencher| {
                bencher.iter(|| model.takes(&clip, &[Take::default()], &mut |_| Ok(())).unwrap());
            });
        }
    }
}

criterion_group!(benches, forward);
criterion_main!(benches);
