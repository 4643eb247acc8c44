//! The published sizes against the values of the published model: every golden file, every stage, and the
//! cost.
//!
//! Takes a minute or two, most of it to compute 220 million weights:
//! `cargo test --release --test full_size -- --ignored`.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::networks::deeptalk::synth_model;
use deeptalk_rt::networks::deeptalk::{Config, DeepTalkNetwork};
use deeptalk_rt::networks::golden_files;
use deeptalk_rt::tensor::Dtype;
use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::verify::against_golden_file;

static MODEL: LazyLock<DeepTalkNetwork<Cpu>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("base.safetensors");
    synth_model(&path, &Config::base(), Dtype::F32).unwrap();
    DeepTalkNetwork::load(&ModelFile::open(&path).unwrap(), Cpu::F32).unwrap()
});

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
#[ignore = "full size: run with --release -- --ignored"]
fn every_stage_of_every_golden_file_is_the_published_models() {
    let files = golden_files(&golden()).unwrap();
    assert_eq!(files.len(), 6, "{files:?}");
    let mut stages = 0;
    for file in files {
        let report = against_golden_file(&*MODEL, &file).unwrap();
        println!("{}", file.file_name().unwrap().to_string_lossy());
        for row in &report.rows {
            println!("  {:26} {:3} x {:3}  {:.1e}", row.stage, row.shape[0], row.shape[1], row.error);
        }
        assert!(report.skipped.is_empty(), "{}: not computed: {:?}", file.display(), report.skipped);
        if let Some(row) = report.first_mismatch() {
            panic!("{}: {row:?}", file.display());
        }
        stages += report.rows.len();
    }
    assert_eq!(stages, 81);
}
