//! The program with a model of vertices: what it writes, and what it says where a face does not fit.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use deeptalk_rt::networks::glditalker::Config;
use tempfile::{TempDir, tempdir};

use super::{golden, tiny_with_context, write};

const WAV: &str = "tests/golden/speech_a.wav";

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn model(&self, name: &str, config: &Config) -> PathBuf {
        let path = self.path(name);
        write(&path, config);
        path
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn program(arguments: &[&Path]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deeptalk-rt"));
    let Output { status, stdout, stderr } = command
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert!(!stderr.contains("panicked"), "{stderr}");
    (status.code().unwrap_or(-1), stdout, stderr)
}

fn run(model: &Path, outputs: &[&Path], options: &[&str]) -> (i32, String) {
    let mut arguments = vec![Path::new("run"), Path::new(WAV), Path::new("--model"), model];
    outputs.iter().for_each(|output| arguments.extend([Path::new("-o"), output]));
    arguments.extend(options.iter().map(Path::new));
    let (code, _, stderr) = program(&arguments);
    (code, stderr)
}

#[test]
fn vertices_go_into_numpy_files_and_every_control_changes_them() {
    let place = Place::new();
    let model = place.model("model.safetensors", &Config::tiny());
    let plain = place.path("plain.npy");
    let (code, said) = run(&model, &[&plain, &place.path("plain.npz")], &[]);
    assert_eq!(code, 0, "{said}");
    let bytes = std::fs::read(&plain).unwrap();
    let header = String::from_utf8_lossy(&bytes[..128]).into_owned();
    assert!(header.contains("(91, 162, 3)"), "{header}");
    for (index, options) in
        [["--steps", "3"], ["--eta", "0.5"], ["--style", "2"], ["--seed", "1"], ["--rest-after", "0"]]
            .iter()
            .enumerate()
    {
        let other = place.path(&format!("{index}.npy"));
        let (code, said) = run(&model, &[&other], options);
        assert_eq!(code, 0, "{said}");
        assert_ne!(std::fs::read(&other).unwrap(), bytes, "{options:?}");
    }
    let (code, said) = run(&model, &[&place.path("take.npy")], &["--samples", "2"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(std::fs::read(place.path("take-1.npy")).unwrap(), bytes);
    assert_eq!(std::fs::read(place.path("take-2.npy")).unwrap(), std::fs::read(place.path("3.npy")).unwrap());
}

#[test]
fn bad_controls_and_a_face_with_other_vertices_are_sentences_and_nothing_is_written() {
    let place = Place::new();
    let model = place.model("model.safetensors", &Config::tiny());
    let there = place.names();
    for (output, options, expected, words) in [
        ("a.npz", vec!["--steps", "0"], 2, "from 1 to 1000"),
        ("a.npz", vec!["--steps", "1000000000"], 2, "from 1 to 1000"),
        ("a.npz", vec!["--eta", "-1"], 2, "eta is a number from 0"),
        ("a.npz", vec!["--style", "9"], 2, "this model knows 1, 2, 3"),
        ("a.npz", vec!["--alpha", "1"], 2, "does not have alpha"),
        ("a.npz", vec!["--temperature", "1"], 2, "does not have a temperature"),
        ("a.npz", vec!["--emotion-from", "tests/golden/speech_b.wav"], 2, "does not have an emotion"),
        ("a.mp4", vec![], 3, "moves 162 vertices, and the face `Built-in head` has 7971"),
        ("a.html", vec![], 3, "moves 162 vertices, and the face `Built-in head` has 7971"),
        ("a.csv", vec![], 2, "162 vertices"),
    ] {
        let (code, said) = run(&model, &[&place.path(output)], &options);
        assert_eq!(code, expected, "{options:?}: {said}");
        assert!(said.contains(words), "{options:?}: {said}");
        assert_eq!(place.names(), there, "{options:?}");
    }
}

/// The sizes for the built-in head with everything else tiny: its vertices are shown on the head, without an approximation.
#[test]
fn vertices_of_the_built_in_head_are_shown_on_it() {
    let mut config = tiny_with_context();
    config.motion.levels = vec![7971, 41, 11];
    config.motion.offset_scale = 0.005;
    let place = Place::new();
    let model = place.model("head.safetensors", &config);
    let names = ["a.png", "a.html", "a.glb", "a.npz"];
    let paths = names.map(|name| place.path(name));
    let outputs: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let (code, said) = run(&model, &outputs, &["--size", "96", "--duration", "0.5"]);
    assert_eq!(code, 0, "{said}");
    assert!(outputs.iter().all(|path| path.metadata().unwrap().len() > 1_000));
    let glb = std::fs::read(outputs[2]).unwrap();
    let json = String::from_utf8_lossy(&glb[20..60_000.min(glb.len())]).into_owned();
    assert!(json.contains("shape_012"), "13 shapes are morph targets");
}

#[test]
fn a_stream_of_vertices_is_a_line_a_frame() {
    let place = Place::new();
    let model = place.model("model.safetensors", &tiny_with_context());
    let raw = place.path("sound.raw");
    let samples: Vec<u8> = (0..16_000i32).flat_map(|i| ((i * 37 % 8_000) as i16).to_le_bytes()).collect();
    std::fs::write(&raw, samples).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_deeptalk-rt"))
        .args(["stream", "--steps", "2", "--style", "3", "--model"])
        .arg(&model)
        .stdin(std::fs::File::open(raw).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 25);
    assert_eq!((lines[24]["frame"].as_u64(), lines[24]["time"].as_f64()), (Some(24), Some(0.96)));
    assert_eq!(lines[3]["vertices"].as_array().unwrap().len(), 3 * 162);
}

#[test]
fn the_model_of_a_golden_file_passes_its_verification() {
    let place = Place::new();
    let model = place.path("model.safetensors");
    let golden = golden("tiny_short").path().to_owned();
    let arguments = ["synth-model", "--dtype", "f32", "--like"].map(Path::new);
    let (code, _, said) = program(&[&arguments[..], &[&golden, Path::new("-o"), &model]].concat());
    assert_eq!(code, 0, "{said}");
    let (code, table, said) = program(&[Path::new("verify"), &model, Path::new("--golden"), &golden]);
    assert_eq!(code, 0, "{said}{table}");
    let places =
        ["audio.conv", "style", "ddim.0.x0", "ddim.7.x", "decode.offsets", "ddpm.0.input", "encode.codes"]
            .map(|stage| table.find(&format!("  {stage} ")).unwrap_or_else(|| panic!("{stage} in {table}")));
    assert!(places.is_sorted(), "stages stand in the order of the forward: {table}");
}
