//! `deeptalk-rt bench`: its file, its comparison, and its exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use deeptalk_rt::networks::ModelFile;
use deeptalk_rt::networks::deeptalk::Config;
use deeptalk_rt::networks::deeptalk::synth_model;
use deeptalk_rt::tensor::Dtype;
use serde_json::Value;
use tempfile::TempDir;

static MODEL: LazyLock<PathBuf> = LazyLock::new(|| {
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{}.safetensors", std::process::id()));
    synth_model(&path, &Config::tiny_log_mel(), Dtype::F16).unwrap();
    path
});

fn bench(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_deeptalk-rt"))
        .arg("bench")
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A measurement of two lengths and two batches, as JSON.
fn measured(folder: &TempDir) -> Value {
    let model = MODEL.to_str().unwrap();
    let arguments = [model, "--seconds", "0.3,1", "--batch", "1,3", "--runs", "2", "--json", "new.json"];
    let output = bench(folder, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // The time left is told from the first case on.
    let said = text(&output.stderr);
    let told: Vec<&str> = said.lines().filter(|line| line.starts_with("measuring ")).collect();
    assert!(told.len() == 4 && told.iter().all(|line| line.ends_with(" left")), "{said}");
    assert!(told[0].contains("1 x 0.3 s, case 1 of 4, about ") && told[3].contains("case 4 of 4"), "{said}");
    let table = text(&output.stdout);
    assert!(
        table.contains("x real time") && table.contains("checked: a batch against single clips"),
        "{table}"
    );
    serde_json::from_slice(&std::fs::read(folder.path().join("new.json")).unwrap()).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("expected a number, found {value}"))
}

#[test]
fn a_measurement_says_what_ran_where_and_how_fast() {
    let folder = tempfile::tempdir().unwrap();
    let report = measured(&folder);
    assert_eq!(
        (report["format"].as_str(), report["format_version"].as_u64()),
        (Some("deeptalk-rt bench"), Some(1))
    );
    assert_eq!(report["model"]["sha256"], ModelFile::open(&*MODEL).unwrap().sha256());
    assert_eq!(report["machine"]["device"], "cpu");
    assert!(number(&report["machine"]["threads"]) >= 1.0);
    let check = &report["checks"][0];
    assert!(number(&check["error"]) <= number(&check["limit"]), "{check}");
    for field in ["product_flops_a_second", "sum_bytes_a_second"] {
        assert!(number(&report["ceilings"][field]) > 0.0, "{field}");
    }
    let cold = &report["cold"];
    let phases = ["device_ms", "load_ms", "first_run_ms"].map(|phase| number(&cold[phase]));
    assert!(number(&cold["start_to_first_result_ms"]) >= phases[1] && phases.iter().all(|ms| *ms >= 0.0));

    let cases = report["cases"].as_array().unwrap();
    let found: Vec<(f64, u64)> =
        cases.iter().map(|case| (number(&case["seconds"]), case["batch"].as_u64().unwrap())).collect();
    assert_eq!(found, [(0.3, 1), (0.3, 3), (1.0, 1), (1.0, 3)]);
    for case in cases {
        let times = &case["end_to_end"];
        let [min, p50, p95, p99] =
            ["min_ms", "p50_ms", "p95_ms", "p99_ms"].map(|field| number(&times[field]));
        assert!(0.0 < min && min <= p50 && p50 <= p95 && p95 <= p99, "{times}");
        assert_eq!(times["runs"], 2);
        let sound = number(&case["seconds"]) * number(&case["batch"]);
        assert!((number(&case["times_real_time"]) * p50 * 1e-3 / sound - 1.0).abs() < 1e-9);
        assert!((number(&case["flops_a_second"]) * p50 * 1e-3 / number(&case["flops"]) - 1.0).abs() < 1e-9);
        let stages: Vec<&str> =
            case["stages"].as_array().unwrap().iter().map(|stage| stage["name"].as_str().unwrap()).collect();
        assert_eq!(stages.last(), Some(&"download"));
        assert!(
            ["content", "dee.mu", "codes_t", "motion"].iter().all(|name| stages.contains(name)),
            "{stages:?}"
        );
    }
    let flops = |index: usize| number(&cases[index]["flops"]);
    assert_eq!(flops(1), 3.0 * flops(0), "three clips cost three times one");
}

#[test]
fn a_comparison_fails_past_its_limit_and_not_within() {
    let folder = tempfile::tempdir().unwrap();
    let mut report = measured(&folder);
    let same = bench(&folder, &["compare", "new.json", "new.json", "--limit", "1"]);
    assert_eq!(same.status.code(), Some(0), "{}", text(&same.stderr));
    assert_eq!(text(&same.stdout).matches("1.000").count(), 4);

    let slower = number(&report["cases"][2]["end_to_end"]["p50_ms"]) * 1.5;
    report["cases"][2]["end_to_end"]["p50_ms"] = slower.into();
    std::fs::write(folder.path().join("slow.json"), report.to_string()).unwrap();
    let output = bench(&folder, &["compare", "new.json", "slow.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout).matches("SLOWER").count(), 1, "{}", text(&output.stdout));
    assert_eq!(bench(&folder, &["compare", "slow.json", "new.json"]).status.code(), Some(0));
    assert_eq!(
        bench(&folder, &["compare", "new.json", "slow.json", "--limit", "1.6"]).status.code(),
        Some(0)
    );

    report["cases"] = serde_json::json!([]);
    std::fs::write(folder.path().join("none.json"), report.to_string()).unwrap();
    let output = bench(&folder, &["compare", "new.json", "none.json"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("no case of the other"), "{}", text(&output.stderr));
}

#[test]
fn wrong_use_and_bad_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let model = MODEL.to_str().unwrap();
    std::fs::write(folder.path().join("other.json"), "{\"format\": \"something\"}").unwrap();
    std::fs::write(folder.path().join("text.json"), "no JSON").unwrap();
    for (arguments, code, says) in [
        (vec![model, "--seconds", "61"], 2, "from 0.01 to 60"),
        (vec![model, "--seconds", "-1"], 2, "from 0.01 to 60"),
        (vec![model, "--batch", "0"], 2, "1..=1024"),
        (vec![model, "--runs", "2", "--budget", "1"], 2, "cannot be used"),
        (vec!["nowhere.safetensors"], 3, "nowhere.safetensors"),
        (vec!["text.json"], 3, "text.json"),
        (vec![model, "--json", model], 2, "safetensors"),
        (vec!["compare", "other.json", "other.json"], 3, "format"),
        (vec!["compare", "text.json", "text.json"], 3, "JSON"),
        (vec!["compare", "nowhere.json", "nowhere.json"], 3, "nowhere.json"),
        (vec!["compare", "text.json", "text.json", "--limit", "0"], 2, "above 0"),
    ] {
        let output = bench(&folder, &arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}
