//! `deeptalk-rt stream` from the view of a program that uses it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use deeptalk_rt::networks::deeptalk::Config;
use deeptalk_rt::networks::deeptalk::synth_model;
use deeptalk_rt::runtime::{Model, Session, StreamOptions, Take};
use deeptalk_rt::tensor::Dtype;

static MODEL: LazyLock<PathBuf> = LazyLock::new(|| {
    let name = format!("stream-{}.safetensors", std::process::id());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    synth_model(&path, &Config::tiny(), Dtype::F32).unwrap();
    path
});

fn speech() -> Vec<f32> {
    deeptalk_rt::audio::read_sound("tests/golden/speech_c.wav", 0.0, None).unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deeptalk-rt"));
    command.args(["stream", "--model"]).arg(&*MODEL).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str], sound: Vec<u8>) -> Output {
    let mut child = command(arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The program may end before it has read all input.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&sound)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn f32le(samples: &[f32]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_line_a_frame_with_the_numbers_of_the_library() {
    let samples = speech();
    let frames = lines(&run(&["--format", "f32le"], f32le(&samples)));
    let mut session = Session::new(&Model::load(&*MODEL).unwrap());
    session.begin(&StreamOptions::default()).unwrap();
    session.push(&samples).unwrap();
    session.finish().unwrap();
    let expected = session.poll();
    assert_eq!(frames.len(), expected.count());
    let names = session.model().parameter_names();
    for ((index, values), line) in expected.iter().zip(&frames) {
        assert_eq!(line["frame"], index);
        assert_eq!(line["time"], index as f64 / 25.0);
        assert_eq!(line["parameters"].as_object().unwrap().len(), names.len());
        for (name, value) in names.iter().zip(values) {
            assert_eq!(line["parameters"][name].as_f64().unwrap() as f32, *value, "{name}");
        }
    }
}

/// The values of every line.
fn values(lines: &[serde_json::Value]) -> Vec<f32> {
    let of = |line: &serde_json::Value| -> Vec<f32> {
        line["parameters"].as_object().unwrap().values().map(|value| value.as_f64().unwrap() as f32).collect()
    };
    lines.iter().flat_map(of).collect()
}

/// The values that the library gives for the same options, in the order of the names' letters, as JSON
/// objects are read here.
fn of_the_library(samples: &[f32], options: &StreamOptions) -> Vec<f32> {
    let model = Model::load(&*MODEL).unwrap();
    let names = model.parameter_names();
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&index| &names[index]);
    let mut session = Session::new(&model);
    session.begin(options).unwrap();
    session.push(samples).unwrap();
    session.finish().unwrap();
    let frames = session.poll();
    frames.iter().flat_map(|(_, row)| order.iter().map(|&index| row[index]).collect::<Vec<_>>()).collect()
}

#[test]
fn every_option_of_emotion_and_variety_changes_the_frames_as_the_library_does() {
    let samples = speech();
    let lender = "tests/golden/speech_a.wav";
    let lent = deeptalk_rt::audio::read_sound(lender, 0.0, None).unwrap();
    let lent = Session::new(&Model::load(&*MODEL).unwrap()).emotion(&lent).unwrap();
    let usual = StreamOptions::default();
    let of = |take: Take| StreamOptions { take, ..usual.clone() };
    let seeded = |seed| of(Take::default().with_alpha(3.0).with_seed(seed));
    let cases: [(&[&str], StreamOptions); 8] = [
        (&[], usual.clone()),
        (&["--alpha", "3"], seeded(0)),
        (&["--alpha", "3", "--seed", "4"], seeded(4)),
        (&["--emotion-from", lender], of(Take::default().with_emotion(lent.clone()))),
        (&["--emotion-from", lender, "--emotion-blend", "0.5"], of(Take::default().with_blend(lent, 0.5))),
        (&["--actor", "C"], of(Take::default().with_actor(2))),
        (&["--emotion-every", "0.2"], StreamOptions { emotion_every: 0.2, ..usual.clone() }),
        (
            &["--temperature", "2,3", "--seed", "4"],
            of(Take::default().with_temperature(2.0, 3.0).with_seed(4)),
        ),
    ];
    let mut all: Vec<Vec<f32>> = Vec::new();
    for (arguments, options) in &cases {
        let arguments = [&["--format", "f32le"][..], arguments].concat();
        let shown = values(&lines(&run(&arguments, f32le(&samples))));
        assert!(shown == of_the_library(&samples, options), "{arguments:?}: other values than the library's");
        assert!(all.iter().all(|other| *other != shown), "{arguments:?}: the same values as another case");
        all.push(shown);
    }
}

#[test]
fn integers_and_other_rates_are_heard() {
    let integers: Vec<u8> = speech().iter().flat_map(|s| ((s * 32767.0) as i16).to_le_bytes()).collect();
    let frames = speech().len().div_ceil(640);
    assert_eq!(lines(&run(&[], integers.clone())).len(), frames);
    assert_eq!(lines(&run(&["--rate", "8000"], integers.clone())).len(), (2 * speech().len()).div_ceil(640));
    let wide =
        ["--hop", "0.04", "--look-ahead", "0", "--context", "1", "--alpha", "1", "--temperature", "1,0"];
    assert_eq!(lines(&run(&wide, integers)).len(), frames);
}

#[test]
fn rows_for_arkit() {
    let output = run(&["--to", "arkit", "--format", "f32le"], f32le(&speech()));
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("Timecode,BlendShapeCount,EyeBlinkLeft,"));
    assert!(text.lines().all(|line| line.split(',').count() == 63));
    assert!(text.lines().nth(27).unwrap().starts_with("00:00:01:01.000,61,"));
    assert_eq!(text.lines().count(), 1 + speech().len().div_ceil(640));
}

#[test]
fn a_frame_is_there_while_the_sound_goes_on() {
    let mut child = command(&["--format", "f32le"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    // Exactly the first hop and its look-ahead.
    stdin.write_all(&f32le(&vec![0.25; 15 * 640])).unwrap();
    stdin.flush().unwrap();
    let mut line = String::new();
    for _ in 0..5 {
        line.clear();
        stdout.read_line(&mut line).unwrap();
    }
    assert!(line.starts_with("{\"frame\":4,"), "{line}");
    drop(stdin);
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.lines().count(), 10);
    assert!(child.wait().unwrap().success());
}

#[test]
fn bad_sound_and_bad_options_say_so() {
    let nan = f32le(&[0.0, f32::NAN, 0.0]);
    for (arguments, sound, code, part) in [
        (&["--format", "f32le"][..], nan, 3, "standard input: sample 1 is not a number"),
        (&["--format", "f32le"], vec![0, 0, 0, 0, 9], 3, "1 at the end"),
        (&["--rate", "3"], vec![], 2, "rate"),
        (&["--hop", "0"], vec![], 2, "hop"),
        (&["--look-ahead", "11"], vec![], 2, "look_ahead"),
        (&["--actor", "Zoe"], vec![], 2, "A, B, C"),
        (&["--emotion-from", "none.wav"], vec![], 3, "none.wav"),
        (&["--device", "cuda:99"], vec![], 4, "CUDA"),
    ] {
        let output = run(arguments, sound);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part) && !said.contains("panicked"), "{arguments:?}: {said}");
    }
    let silent = run(&[], vec![]);
    assert!(silent.status.success() && silent.stdout.is_empty());
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut child = command(&["--format", "f32le"]).spawn().unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..100 {
        if stdin.write_all(&f32le(&[0.1; 16_000])).is_err() {
            break;
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
