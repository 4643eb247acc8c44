//! The real binary from a user's view: its files, its messages and its exit codes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_deeptalk-rt");

/// The tiny model, made once by the program itself.
static MODEL: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}.safetensors", std::process::id()));
    let made = Said::of(Command::new(PROGRAM).args(["synth-model", "--size", "tiny", "-o"]).arg(&path));
    assert_eq!(made.code, 0, "{}", made.stderr);
    path
});

fn speech(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).to_str().unwrap().into()
}

fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).to_str().unwrap().into()
}

/// The exit code and the output of a run.
#[derive(Debug)]
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Said {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(!said.stderr.contains("panicked"), "{said:?}");
        said
    }
}

/// A folder to work in.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.0.path()).args(arguments);
        command
    }

    fn try_any(&self, arguments: &[&str]) -> Said {
        Said::of(&mut self.command(arguments))
    }

    /// `run` on one recording with the tiny model.
    fn try_run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(&["run", "--model"]).arg(&*MODEL).args(arguments))
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let said = self.try_run(arguments);
        assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{said:?}");
        said
    }

    /// The bytes of the result of `run` on `speech_a` with these options.
    fn bytes(&self, options: &[&str]) -> Vec<u8> {
        self.run(&[&[speech("speech_a.wav").as_str(), "-o", "bytes.npz"], options].concat());
        let bytes = std::fs::read(self.path("bytes.npz")).unwrap();
        std::fs::remove_file(self.path("bytes.npz")).unwrap();
        bytes
    }

    /// The result as JSON.
    fn json(&self, options: &[&str]) -> serde_json::Value {
        self.run(&[&[speech("speech_a.wav").as_str(), "-o", "value.json"], options].concat());
        serde_json::from_slice(&std::fs::read(self.path("value.json")).unwrap()).unwrap()
    }

    /// Every file with its content: a refusal must not change any of them.
    fn content(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = std::fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect()
    }

    fn names(&self) -> Vec<String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        self.content().into_keys().map(name).collect()
    }

    /// 16 kHz mono floats.
    fn wav(&self, name: &str, samples: impl IntoIterator<Item = f32>) -> PathBuf {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::create(self.path(name), spec).unwrap();
        samples.into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        self.path(name)
    }
}

fn noise(samples: u64) -> impl Iterator<Item = f32> {
    (0..samples).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / (1 << 24) as f32 - 0.5)
}

fn emotion(value: &serde_json::Value) -> Vec<f64> {
    value["emotion"]["mu"][0].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn the_main_job_writes_every_format_at_once_and_says_what_it_did() {
    let place = Place::new();
    let speech = speech("speech_a.wav");
    let said = place.run(&[&speech, "-o", "t.npz", "-o", "t.npy", "-o", "t.csv", "-o", "t.JSON"]);
    assert_eq!(place.names(), ["t.JSON", "t.csv", "t.npy", "t.npz"]);
    let lines: Vec<&str> = said.stderr.lines().collect();
    assert_eq!(lines.len(), 4, "{said:?}");
    for (line, name) in lines.iter().zip(["t.npz", "t.npy", "t.csv", "t.JSON"]) {
        assert!(line.starts_with(&format!("{name}: 91 frames, 3.64 s, in ")), "{line}");
        assert!(line.contains(" x real time), sha256 "), "{line}");
    }
    let csv = std::fs::read_to_string(place.path("t.csv")).unwrap();
    assert_eq!(csv.lines().count(), 92);
    assert_eq!(csv.lines().next().unwrap().split(',').count(), 2 + 53);
    let json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("t.JSON")).unwrap()).unwrap();
    assert_eq!(json["frames"].as_array().unwrap().len(), 91);
    assert!(std::fs::read(place.path("t.npy")).unwrap().starts_with(b"\x93NUMPY"));
    assert!(std::fs::read(place.path("t.npz")).unwrap().starts_with(b"PK"));
}

#[test]
fn the_same_run_gives_the_same_bytes_twice_and_on_any_number_of_threads() {
    let place = Place::new();
    let options = ["--temperature", "0.7", "--alpha", "0.5", "--seed", "19"];
    let with = |threads: &'static str| place.bytes(&[&options[..], &["--threads", threads]].concat());
    let first = with("1");
    assert_eq!(first, with("1"));
    assert_eq!(first, with("2"));
    assert_eq!(first, with("5"));
    assert_eq!(first, place.bytes(&options));
}

#[test]
fn several_takes_are_numbered_differ_and_are_the_single_runs_of_their_seeds() {
    let place = Place::new();
    let speech = speech("speech_a.wav");
    place.run(&[&speech, "--samples", "3", "--seed", "7", "-o", "t.npz", "-o", "t.csv"]);
    assert_eq!(place.names(), ["t-1.csv", "t-1.npz", "t-2.csv", "t-2.npz", "t-3.csv", "t-3.npz"]);
    let takes = ["t-1.csv", "t-2.csv", "t-3.csv"].map(|name| std::fs::read(place.path(name)).unwrap());
    assert!(takes[0] != takes[1] && takes[1] != takes[2] && takes[0] != takes[2]);
    // Alpha is 1 unless another one is given.
    let second = place.bytes(&["--seed", "8", "--alpha", "1"]);
    assert_eq!(std::fs::read(place.path("t-2.npz")).unwrap(), second);
}

#[test]
fn temperatures_draw_by_seed_and_seeds_repeat() {
    let place = Place::new();
    let likeliest = place.bytes(&[]);
    let draw = |temperature, seed| place.bytes(&["--temperature", temperature, "--seed", seed]);
    assert_eq!(draw("0", "3"), likeliest);
    assert_eq!(draw("0,0", "3"), likeliest);
    let both = draw("2,3", "3");
    assert_eq!(draw("2,3", "3"), both);
    assert_ne!(draw("2,3", "4"), both);
    assert_ne!(draw("2,0", "3"), both);
    assert_ne!(both, likeliest);
    assert_eq!(draw("2", "3"), draw("2,2", "3"));
}

#[test]
fn alpha_is_any_number() {
    let place = Place::new();
    let mean = place.bytes(&[]);
    let alphas = ["-2", "-5e-1", "0", "0.5", "1e0"];
    let results = alphas.map(|alpha| place.bytes(&["--alpha", alpha]));
    for (index, result) in results.iter().enumerate() {
        assert_ne!(*result, mean, "{}", alphas[index]);
        assert!(results[..index].iter().all(|other| other != result), "{}", alphas[index]);
    }
    assert_eq!(place.bytes(&["--alpha=-2"]), results[0]);
    assert_ne!(place.bytes(&["--alpha", "1e30"]), mean, "only the direction of the noise is left");
}

#[test]
fn another_recordings_emotion_is_blended_in() {
    let place = Place::new();
    let other = speech("speech_b.wav");
    let blend = |share| emotion(&place.json(&["--emotion-from", &other, "--emotion-blend", share]));
    let own = emotion(&place.json(&[]));
    let lent = emotion(&place.json(&["--emotion-from", &other]));
    let whole = distance(&own, &lent);
    assert!(whole > 1e-3, "{whole}");
    assert!(distance(&blend("0"), &own) < 1e-6);
    assert!(distance(&blend("1"), &lent) < 1e-6);
    let half = blend("0.5");
    assert!(distance(&half, &own) < 0.6 * whole && distance(&half, &lent) < 0.6 * whole);
}

#[test]
fn an_offset_and_a_duration_are_a_cut() {
    let place = Place::new();
    place.wav("long.wav", noise(40_000));
    let (from, to) = (12_800, 12_800 + 8_321);
    place.wav("cut.wav", noise(40_000).skip(from).take(to - from));
    place.run(&["long.wav", "--offset", "0.8", "--duration", "0.5200625", "-o", "a.npz"]);
    place.run(&["cut.wav", "-o", "b.npz"]);
    assert_eq!(std::fs::read(place.path("a.npz")).unwrap(), std::fs::read(place.path("b.npz")).unwrap());
    let said = place.run(&["long.wav", "--offset", "2.49", "--duration", "99", "-o", "end.csv"]);
    assert!(said.stderr.starts_with("end.csv: 1 frame, 0.04 s"), "{said:?}");
}

#[test]
fn actors_speak_differently() {
    let place = Place::new();
    let first = place.json(&[]);
    assert_eq!(place.json(&["--actor", "A"]), first);
    assert_ne!(place.json(&["--actor", "C", "--temperature", "0"])["frames"], first["frames"]);
}

#[test]
fn many_recordings_go_into_a_folder_and_a_bad_one_does_not_stop_the_others() {
    let place = Place::new();
    std::fs::create_dir(place.path("out")).unwrap();
    place.wav("one.wav", noise(4_000));
    place.wav("nan.wav", [0.1, f32::NAN, 0.2]);
    std::fs::write(place.path("text.wav"), "this is no sound").unwrap();
    place.wav("two.wav", noise(19_989));
    let said = place.try_run(&[
        "one.wav",
        "nan.wav",
        "text.wav",
        "two.wav",
        "--out-dir",
        "out",
        "--format",
        "csv",
        "--progress",
        "json",
    ]);
    assert_eq!(said.code, 3, "{said:?}");
    let mut written: Vec<_> =
        std::fs::read_dir(place.path("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
    written.sort();
    assert_eq!(written, ["one.csv", "two.csv"]);
    let events: Vec<serde_json::Value> =
        said.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    assert_eq!(of("written").len(), 2);
    assert_eq!(of("written")[1]["frames"], 32);
    assert_eq!(of("written")[1]["sha256"].as_str().unwrap().len(), 64);
    let failed: Vec<_> = of("failed").iter().map(|event| event["file"].as_str().unwrap()).collect();
    assert!(failed.contains(&"nan.wav") && failed.contains(&"text.wav") && failed.len() == 2, "{failed:?}");
    assert!(of("progress").iter().any(|e| e["file"] == "two.wav" && e["done"] == 32 && e["total"] == 32));
    let last = events.last().unwrap();
    assert_eq!((&last["event"], &last["written"], &last["failed"]), (&"done".into(), &2.into(), &2.into()));

    let said = place.try_run(&["one.wav", "nan.wav", "--out-dir", "out"]);
    assert_eq!(said.code, 3);
    let lines: Vec<&str> = said.stderr.lines().collect();
    assert!(lines[0].starts_with("out/one.npz: 7 frames"), "{said:?}");
    assert!(lines[1].starts_with("error: nan.wav: "), "{said:?}");
    assert_eq!(lines[2], "error: 1 recording failed; 1 file written");

    let said = place.try_any(&["run", "one.wav", "text.wav", "--out-dir", "out", "--model", "missing"]);
    assert_eq!(said.code, 3);
    assert!(
        said.stderr.contains("error: text.wav: ") && said.stderr.contains("error: missing: "),
        "{said:?}"
    );
}

#[test]
fn a_face_adds_vertices_if_its_channels_are_the_models() {
    let place = Place::new();
    let said = place.try_any(&["import", "flame", &data("flame2020.pkl"), "-o", "face.safetensors"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.stderr.starts_with("face.safetensors: a face, FLAME 2020, "), "{said:?}");
    assert!(said.stderr.contains("licence: "), "{said:?}");
    let speech = speech("speech_a.wav");
    let before = place.content();
    let said = place.try_run(&[&speech, "--face", "face.safetensors", "-o", "t.npz"]);
    assert_eq!(said.code, 3, "the tiny model has other channels: {said:?}");
    assert!(said.stderr.contains("was not made for the face"), "{said:?}");
    let said = place.try_run(&[&speech, "--face", "face.safetensors", "-o", "t.csv"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains(".npz"), "{said:?}");
    assert_eq!(place.content(), before);
}

#[test]
fn one_run_gives_video_page_gltf_sheet_frames_and_arkit_weights_of_the_built_in_head() {
    let place = Place::new();
    let speech = speech("speech_a.wav");
    let shown = ["t.mp4", "t.gif", "t.apng", "t.png", "t.html", "t.glb", "frames/"];
    let mut args = vec![speech.as_str(), "--duration", "0.4", "--size", "64"];
    shown.iter().for_each(|path| args.extend(["-o", path]));
    let said = place.try_run(&args);
    assert_eq!(said.code, 0, "{said:?}");
    for name in shown {
        assert!(said.stderr.contains(&format!("{name}: 10 frames, 0.40 s, in ")), "{name}: {said:?}");
    }
    assert!(said.stderr.contains("rendering "), "where the time went: {said:?}");
    let frames = std::fs::read_dir(place.path("frames")).unwrap().count();
    assert_eq!(frames, 10);

    let said = place.try_run(&[&speech, "-o", "t.csv", "--format", "arkit", "--fps", "60"]);
    assert_eq!(said.code, 0, "{said:?}");
    let table = std::fs::read_to_string(place.path("t.csv")).unwrap();
    assert!(table.starts_with("Timecode,"), "{:.80}", table);
    assert_eq!(table.lines().next().unwrap().split(',').count(), 2 + 52 + 9);

    let said =
        place.try_run(&[&speech, "--samples", "2", "--duration", "0.2", "--size", "64", "-o", "takes/"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(place.path("takes-1").is_dir() && place.path("takes-2").is_dir(), "{:?}", place.content());
}

#[test]
fn a_face_that_does_not_fit_the_model_is_refused_by_both_names() {
    let place = Place::new();
    assert_eq!(place.try_any(&["import", "flame", &data("flame2020.pkl"), "-o", "face.safetensors"]).code, 0);
    let before = place.content();
    let said = place.try_run(&[&speech("speech_a.wav"), "--face", "face.safetensors", "-o", "t.mp4"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.stderr.contains("exp_00") && said.stderr.contains("eyeBlinkLeft"), "{said:?}");
    assert_eq!(place.content(), before);
}

#[test]
fn info_knows_models_from_faces_in_lines_and_in_json() {
    let place = Place::new();
    let model = MODEL.to_str().unwrap();
    let said = place.try_any(&["info", model]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""));
    for part in ["kind                model", "  predictor         ", "3: A B C", "never trained", "CC0"] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
    let said = place.try_any(&["info", "--json", model]);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let parts = json["parameters_by_part"].as_object().unwrap();
    let sum: u64 = parts.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(json["parameters"].as_u64(), Some(sum));
    assert_eq!(json["bytes"].as_u64(), Some(MODEL.metadata().unwrap().len()));
    assert_eq!((&json["dtype"], &json["kind"]), (&"f16".into(), &"model".into()));

    place.try_any(&["import", "flame", &data("flame2023.npz"), "-o", "face"]);
    let said = place.try_any(&["info", "face", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&json["kind"], &json["edition"]), (&"face".into(), &"FLAME 2023".into()));
}

#[test]
fn verify_refuses_what_it_cannot_compare() {
    let place = Place::new();
    let model = MODEL.to_str().unwrap();
    let said = place.try_any(&["verify", model, "--golden", &speech("speech_a.safetensors")]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.stderr.contains("was made with a model of other sizes"), "{said:?}");
    let said = place.try_any(&["verify", model, "--golden", "nothing"]);
    assert_eq!(said.code, 3, "{said:?}");
}

#[test]
fn wrong_use_is_told_with_the_next_step_before_any_work_is_done() {
    let place = Place::new();
    place.wav("a.wav", noise(999));
    std::fs::create_dir(place.path("b")).unwrap();
    place.wav("b/a.wav", noise(999));
    std::fs::write(place.path("kept.npz"), "kept").unwrap();
    let before = place.content();
    let cases: &[(&[&str], &[&str])] = &[
        (&["a.wav"], &["-o talk.npz", "--out-dir"]),
        (&["-o", "t.npz"], &["<SPEECH.wav>"]),
        (&["a.wav", "-o", "t.mp3"], &["t.mp3", ".npz, .npy, .csv, .json"]),
        (&["a.wav", "-o", "kept.npz", "-o", "t"], &["t: ", ".npz, .npy, .csv, .json"]),
        (&["a.wav", "b/a.wav", "-o", "t.npz"], &["--out-dir"]),
        (&["a.wav", "b/a.wav", "--out-dir", "."], &["a.wav and b/a.wav", "./a.npz"]),
        (&["a.wav", "-o", "t.npz", "-o", "./t.npz"], &["two results", "t.npz"]),
        (&["a.wav", "-o", "t.npz", "--out-dir", "b"], &["--out-dir"]),
        (&["a.wav", "-o", "t.mp4", "--size", "0"], &["0 pixels", "8192"]),
        (&["a.wav", "-o", "t.mp4", "--size", "100000"], &["100000 pixels", "8192"]),
        (&["a.wav", "-o", "t.mp4", "--size", "large"], &["--size", "1280x720"]),
        (&["a.wav", "-o", "t.mp4", "--camera", "under"], &["--camera", "three-quarter"]),
        (&["a.wav", "-o", "t.mp4", "--background", "blueish"], &["--background", "#20a0ff"]),
        (&["a.wav", "-o", "t.npz", "--format", "arkit"], &["t.npz", ".csv and .json"]),
        (&["a.wav", "-o", "t.csv", "--fps", "30"], &["--format arkit"]),
        (&["a.wav", "-o", "t.csv", "--format", "arkit", "--fps", "29"], &["25, 30 or 60"]),
        (&["a.wav", "-o", "t.csv", "--format", "csv"], &["--format"]),
        (&["a.wav", "--out-dir", "b", "--format", "mp3"], &["npz, npy, csv, json, mp4"]),
        (&["a.wav", "-o", "t.npz", "--actor", "Zoe"], &["Zoe", "A, B, C"]),
        (&["a.wav", "-o", "t.npz", "--emotion-blend", "0.5"], &["--emotion-from"]),
        (&["a.wav", "-o", "t.npz", "--emotion-from", "a.wav", "--emotion-blend", "1.5"], &["0 to 1"]),
        (&["a.wav", "-o", "t.npz", "--alpha", "nan"], &["--alpha", "a number"]),
        (&["a.wav", "-o", "t.npz", "--temperature", "-1"], &["--temperature", "from 0 on"]),
        (&["a.wav", "-o", "t.npz", "--temperature", "1,2,3"], &["--temperature", "0.5,1"]),
        (&["a.wav", "-o", "t.npz", "--samples", "0"], &["--samples"]),
        (&["a.wav", "-o", "t.npz", "--seed", "-1"], &["--seed"]),
        (&["a.wav", "-o", "t.npz", "--threads", "0"], &["--threads"]),
        (&["a.wav", "-o", "t.npz", "--offset", "-1"], &["--offset", "from 0 on"]),
        (&["a.wav", "-o", "t.npz", "--duration", "0"], &["--duration", "above 0"]),
        (&["a.wav", "-o", "t.npz", "--device", "tpu"], &["--device"]),
    ];
    for (arguments, parts) in cases {
        let said = place.try_run(arguments);
        assert_eq!(said.code, 2, "{arguments:?}: {said:?}");
        assert!(said.stderr.starts_with("error: "), "{arguments:?}: {said:?}");
        for part in *parts {
            assert!(said.stderr.contains(part), "{arguments:?}: no `{part}` in {said:?}");
        }
        assert_eq!(place.content(), before, "{arguments:?}");
    }
    assert_eq!(place.try_any(&[]).code, 2);
    assert_eq!(place.try_any(&["sing"]).code, 2);
}

#[test]
fn the_first_command_needs_nothing_but_a_recording() {
    let place = Place::new();
    place.wav("speech.wav", noise(9_999));
    let said = place.try_any(&["run", "speech.wav", "-o", "talk.mp4", "-o", "talk.npz", "--size", "96x96"]);
    assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{said:?}");
    assert_eq!(place.names(), ["speech.wav", "talk.mp4", "talk.npz"]);
    assert!(said.stderr.contains("talk.npz: 16 frames"), "{said:?}");

    let said = place.try_any(&["info", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&json["file"], &json["kind"]), (&"the built-in model".into(), &"model".into()));
    let said = place.try_any(&["doctor"]);
    assert!(said.stdout.contains(" parameters, ") && said.stdout.contains("built in"), "{said:?}");
    let bf16 = said.stdout.contains("cpu:bf16");
    let said = place.try_any(&["run", "speech.wav", "--device", "cpu:bf16", "-o", "bf16.npz"]);
    assert_eq!(said.code, if bf16 { 0 } else { 4 }, "{said:?}");
    assert!(bf16 || said.stderr.contains("cpu:bf16 needs a processor with bf16 products"), "{said:?}");
    // The golden files are of the published model.
    let said = place.try_any(&["verify", "--golden", &speech("speech_a.safetensors")]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("first mismatch: "), "{said:?}");
    let said = place.try_any(&["run", "speech.wav", "-o", "t.npz", "--actor", "nobody"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(
        said.stderr.contains("the built-in model: there is no actor `nobody`: this model knows A"),
        "{said:?}"
    );
}

#[test]
fn bad_recordings_are_refused_by_name() {
    let place = Place::new();
    std::fs::write(place.path("empty.wav"), "").unwrap();
    std::fs::write(place.path("text.wav"), "It was a dark and stormy night. ".repeat(9)).unwrap();
    let whole = std::fs::read(speech("speech_a.wav")).unwrap();
    std::fs::write(place.path("header.wav"), &whole[..44]).unwrap();
    std::fs::write(place.path("riff.wav"), &whole[..11]).unwrap();
    std::fs::create_dir(place.path("folder.wav")).unwrap();
    place.wav("nan.wav", [0.0, f32::NAN]);
    place.wav("infinite.wav", [f32::INFINITY; 700]);
    place.wav("none.wav", []);
    place.wav("good.wav", noise(999));
    let before = place.content();
    for name in [
        "empty.wav",
        "text.wav",
        "header.wav",
        "riff.wav",
        "folder.wav",
        "nan.wav",
        "infinite.wav",
        "none.wav",
        "missing.wav",
        "/dev/null",
    ] {
        for arguments in [&[name, "-o", "t.npz"][..], &["good.wav", "--emotion-from", name, "-o", "t.npz"]] {
            let said = place.try_run(arguments);
            assert_eq!(said.code, 3, "{arguments:?}: {said:?}");
            assert!(said.stderr.starts_with(&format!("error: {name}: ")), "{arguments:?}: {said:?}");
            assert!(said.stderr.contains("; "), "no next step: {said:?}");
            assert_eq!(place.content(), before, "{arguments:?}");
        }
    }
    let said = place.try_run(&["good.wav", "--offset", "1", "-o", "t.npz"]);
    assert_eq!(said.code, 3);
    assert!(said.stderr.contains("the offset is past the end"), "{said:?}");
}

#[test]
fn silence_and_single_samples_and_loud_squares_give_motion() {
    let place = Place::new();
    place.wav("silence.wav", [0.0; 9_999]);
    place.wav("one.wav", [0.25]);
    place.wav("constant.wav", [1.0; 3_001]);
    place.wav("square.wav", (0..9_001).map(|i| if i / 80 % 2 == 0 { 1.0 } else { -1.0 }));
    for (name, frames) in [("silence.wav", 16), ("one.wav", 1), ("constant.wav", 5), ("square.wav", 15)] {
        let said = place.run(&[name, "-o", "t.npz"]);
        assert!(said.stderr.starts_with(&format!("t.npz: {frames} frame")), "{said:?}");
    }
}

#[test]
fn bad_models_are_refused_by_name() {
    let place = Place::new();
    let whole = std::fs::read(&*MODEL).unwrap();
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bytes = whole.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let mut nan = whole.clone();
    let end = nan.len();
    nan[end - 2..].fill(0xff);
    let mut huge = whole.clone();
    huge[..8].fill(0x7f);
    let models: [(&str, Vec<u8>, &str); 10] = [
        ("empty", vec![], "is not a model"),
        ("text", b"It was a dark and stormy night".to_vec(), "is damaged"),
        ("truncated", whole[..whole.len() / 2].to_vec(), "is damaged"),
        ("shorter", whole[..whole.len() - 1].to_vec(), "is damaged"),
        ("huge", huge, "is damaged"),
        ("nan", nan, "is not a number"),
        (
            "missing",
            replaced("content.norm.weight", "content.norm.height"),
            "`content.norm.weight` is missing",
        ),
        ("wrong", replaced("deeptalk-rt model", "deeptalk-rt mouse"), "deeptalk-rt mouse"),
        ("contradiction", replaced(r#"\"heads\":2"#, r#"\"heads\":7"#), "contradicts itself"),
        ("checkpoint", std::fs::read(data("torch_state_dict.pth")).unwrap(), "deeptalk-rt import deeptalk"),
    ];
    for (name, bytes, _) in &models {
        std::fs::write(place.path(name), bytes).unwrap();
    }
    let before = place.content();
    for (name, _, part) in &models {
        for command in
            [&["run", &speech("speech_a.wav"), "-o", "t.npz", "--model", name][..], &["info", name]]
        {
            let said = place.try_any(command);
            if command[0] == "info" && *name == "nan" {
                continue;
            }
            assert_eq!(said.code, 3, "{command:?}: {said:?}");
            assert!(said.stderr.starts_with(&format!("error: {name}: ")), "{said:?}");
            assert!(command[0] == "info" || said.stderr.contains(part), "{part}: {said:?}");
            assert!(
                said.stderr.contains("; ") && said.stderr.contains("deeptalk-rt"),
                "no next step: {said:?}"
            );
        }
        assert_eq!(place.content(), before, "{name}");
    }
}

#[test]
fn bad_checkpoints_and_faces_are_refused_by_name() {
    let place = Place::new();
    std::fs::write(place.path("empty"), "").unwrap();
    std::fs::write(place.path("evil"), b"\x80\x02cos\nsystem\nU\x04true\x85R.").unwrap();
    let before = place.content();
    let model = MODEL.to_str().unwrap().to_owned();
    for file in ["empty", "evil", "missing", &model, &data("torch_state_dict.pth")] {
        for kind in ["deeptalk", "flame"] {
            let said = place.try_any(&["import", kind, file, "-o", "out"]);
            assert_eq!(said.code, 3, "{kind} {file}: {said:?}");
            assert!(said.stderr.starts_with(&format!("error: {file}: ")), "{kind} {file}: {said:?}");
            assert_eq!(place.content(), before);
        }
        let said = place.try_run(&[&speech("speech_a.wav"), "--face", file, "-o", "t.npz"]);
        assert_eq!(said.code, 3, "{file}: {said:?}");
        assert_eq!(place.content(), before);
    }
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_any_work_is_done() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder.npz")).unwrap();
    std::fs::write(place.path("file"), "").unwrap();
    let mut places = vec!["no/such/t.npz", "folder.npz"];
    #[cfg(target_os = "linux")]
    {
        std::os::unix::fs::symlink("/dev/full", place.path("full.npz")).unwrap();
        places.extend(["full.npz", "/proc/t.npz"]);
    }
    let names = place.names();
    for output in places {
        // The model is missing too: it is not even opened.
        let said = place.try_any(&["run", &speech("speech_a.wav"), "-o", output, "--model", "missing"]);
        assert_eq!(said.code, 1, "{output}: {said:?}");
        assert!(said.stderr.starts_with("error: ") && said.stderr.contains(output), "{said:?}");
        assert!(said.stderr.contains("; "), "no next step: {said:?}");
        let said = place.try_any(&["synth-model", "--size", "tiny", "-o", output]);
        assert_eq!(said.code, 1, "{output}: {said:?}");
        assert_eq!(place.names(), names);
    }
    let said = place.try_run(&[&speech("speech_a.wav"), "--out-dir", "file/below"]);
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("cannot make the folder"), "{said:?}");
}

#[test]
fn nothing_that_is_read_is_overwritten() {
    let place = Place::new();
    std::fs::copy(&*MODEL, place.path("model.npz")).unwrap();
    std::fs::copy(speech("speech_a.wav"), place.path("speech.npy")).unwrap();
    let before = place.content();
    for output in ["model.npz", "speech.npy"] {
        let said = place.try_any(&["run", "speech.npy", "--model", "model.npz", "-o", output]);
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.stderr.contains("choose another name"), "{said:?}");
    }
    let said = place.try_any(&["import", "deeptalk", "model.npz", "-o", "./model.npz"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert_eq!(place.content(), before);
}

/// A limit on the size of a file acts as a full disk: the system refuses in the middle of the writing.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_leaves_what_was_there_before() {
    let place = Place::new();
    std::fs::write(place.path("t.json"), "before").unwrap();
    let limited = "trap '' XFSZ; ulimit -f 4; exec \"$@\"";
    let mut command = Command::new("sh");
    command.current_dir(place.0.path()).args(["-c", limited, "sh", PROGRAM, "run", "--model"]).arg(&*MODEL);
    let said = Said::of(command.args([&speech("speech_a.wav"), "-o", "t.json"]));
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("t.json: cannot write the file"), "{said:?}");
    assert_eq!(place.names(), ["t.json"]);
    assert_eq!(std::fs::read(place.path("t.json")).unwrap(), b"before");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_cleanly() {
    use std::io::{BufRead, BufReader, Read};
    let place = Place::new();
    place.wav("long.wav", noise(16_000 * 1_200));
    let mut command = place.command(&["run", "long.wav", "-o", "t.csv", "--progress", "json", "--model"]);
    let mut child = command.arg(&*MODEL).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("progress") {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended before any progress");
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{rest}");
    assert!(rest.contains("stopped on request") && !rest.contains("panicked"), "{rest}");
    assert_eq!(place.names(), ["long.wav"]);
}

#[test]
fn help_of_every_command_has_examples_and_the_version_is_the_crates() {
    let place = Place::new();
    for command in ["run", "import deeptalk", "import flame", "synth-model", "info", "verify", ""] {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        arguments.push("--help");
        let said = place.try_any(&arguments);
        assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{command}");
        assert!(said.stdout.contains("Examples:\n"), "{command}");
        assert!(said.stdout.lines().all(|line| line.chars().count() <= 100), "{command}: too wide");
    }
    assert_eq!(place.try_any(&["--version"]).stdout, format!("deeptalk-rt {}\n", env!("CARGO_PKG_VERSION")));
}

/// Readers that close their pipe early, and output streams that are not open.
#[cfg(target_os = "linux")]
#[test]
fn closed_and_full_streams_are_no_reason_to_panic() {
    let place = Place::new();
    let model = MODEL.to_str().unwrap();
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        Said::of(command.current_dir(place.0.path()).args(["-c", script, PROGRAM, model]))
    };
    assert_eq!(shell("\"$0\" info \"$1\" | true").stderr, "");
    let said = shell("\"$0\" info \"$1\" > /dev/full");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stderr.contains("standard output: cannot write the result"), "{said:?}");
    assert_eq!(shell("\"$0\" synth-model --size tiny -o m 2>/dev/full").code, 0);
    assert_eq!(shell("\"$0\" synth-model --size tiny -o m 2>&-").code, 0);
}
