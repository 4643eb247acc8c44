//! Every command of every help text and document works as it is written there.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_deeptalk-rt");
/// Commands that take minutes: they are begun, and must not be refused as wrong use.
const SLOW: [&str; 4] = [" bench ", " verify ", "synth-model -o ", "--size base"];
/// Commands on the published checkpoint, which takes 1.1 GB and may not be redistributed. A small one of the
/// same form stands for it: it is refused for its sizes, so these commands end with exit code 3.
const PUBLISHED: [&str; 2] = ["import deeptalk ", "--face face.safetensors"];
/// The time that a slow command gets to refuse its options.
const BEGUN: Duration = Duration::from_millis(1500);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with every file that the commands read.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let copy = |from: &str, to: &str| {
        std::fs::copy(root().join(from), path(to)).unwrap_or_else(|error| panic!("{from}: {error}"))
    };
    std::os::unix::fs::symlink(PROGRAM, path("deeptalk-rt")).unwrap();
    std::fs::create_dir_all(path("target/release")).unwrap();
    std::os::unix::fs::symlink(PROGRAM, path("target/release/deeptalk-rt")).unwrap();
    std::fs::create_dir(path("clips")).unwrap();
    std::fs::create_dir(path("tests")).unwrap();
    std::os::unix::fs::symlink(root().join("tests/golden"), path("tests/golden")).unwrap();
    // A fifth of a second of speech: pictures take most of the time.
    let samples =
        deeptalk_rt::audio::read_sound(root().join("tests/golden/speech_a.wav"), 1.0, Some(0.2)).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let names =
        ["speech.wav", "angry.wav", "calm.wav", "sly-1.wav", "sly-2.wav", "clips/a.wav", "clips/b.wav"];
    for name in names {
        let mut wav = hound::WavWriter::create(path(name), spec).unwrap();
        samples.iter().for_each(|sample| wav.write_sample((sample * 32_767.0) as i16).unwrap());
        wav.finalize().unwrap();
    }
    let raw: Vec<u8> = samples.iter().flat_map(|x| ((x * 32_767.0) as i16).to_le_bytes()).collect();
    std::fs::write(path("sound.raw"), raw).unwrap();
    std::fs::write(path("moods.csv"), "seconds,mood,strength,easing\n0,neutral\n2.5,angry,0.8,linear\n")
        .unwrap();
    std::fs::write(path("studio.toml"), "symmetry = 0.5\n[gain]\nmouth = 1.2\n").unwrap();
    for (from, to) in [
        ("tests/data/small_DEEPTalk.pth", "DEEPTalk.pth"),
        ("tests/data/small_FER.pth", "FER.pth"),
        ("tests/data/flame2020.pkl", "generic_model.pkl"),
        ("tests/data/flame2023.npz", "flame2023.npz"),
        ("tests/golden/glditalker/tiny_short.safetensors", "golden.safetensors"),
    ] {
        copy(from, to);
    }
    for line in [
        "synth-model --size tiny -o base.safetensors",
        "synth-model --size tiny -o model.safetensors",
        "import flame generic_model.pkl -o face.safetensors",
    ] {
        assert!(run(&folder, &format!("deeptalk-rt {line}")).status.success());
    }
    folder
}

fn command(folder: &TempDir, line: &str) -> Command {
    let mut command = Command::new("bash");
    let here = folder.path().display();
    let paths = std::env::var("PATH").unwrap_or_default();
    command.current_dir(folder.path()).env("PATH", format!("{here}:{paths}")).args(["-c", line]);
    command
}

fn run(folder: &TempDir, line: &str) -> Output {
    command(folder, line).output().unwrap()
}

/// The commands of a text: lines in which the program is called, without the words of explanation behind
/// them.
fn commands(text: &str) -> Vec<String> {
    let is_call = |line: &&str| {
        let call = line.rsplit('|').next().unwrap_or_default().trim_start();
        call.starts_with("deeptalk-rt ") || call.starts_with("target/release/deeptalk-rt ")
    };
    let indented = text.lines().map(str::trim).filter(|line| !line.contains(['<', '[']) && is_call(line));
    indented.map(|line| line.split("    ").next().unwrap_or(line).trim().to_owned()).collect()
}

/// A command with a file of sound in place of a microphone and of another program.
fn without_microphone(line: &str) -> String {
    let Some((before, call)) = line.rsplit_once('|') else { return line.into() };
    let first = before.rsplit_once(';').map_or(String::new(), |(first, _)| format!("{first};"));
    format!("{first} cat sound.raw | {call}")
}

fn try_all(of: &str, text: &str) -> usize {
    let commands = commands(text);
    let folder = folder();
    for line in &commands {
        let shell = without_microphone(line);
        if SLOW.iter().any(|slow| line.contains(slow)) {
            begin(&folder, of, &shell);
        } else {
            let output = run(&folder, &shell);
            let said = String::from_utf8_lossy(&output.stderr);
            let expected = if PUBLISHED.iter().any(|name| line.contains(name)) { 3 } else { 0 };
            assert_eq!(output.status.code(), Some(expected), "{of}: {line}\n{said}");
            assert!(!said.contains("panicked"), "{of}: {line}\n{said}");
        }
    }
    commands.len()
}

/// Begins a slow command; it is stopped after a while.
fn begin(folder: &TempDir, of: &str, line: &str) {
    let mut command = command(folder, &format!("exec {line}"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let ended = loop {
        match child.try_wait().unwrap() {
            None if begun.elapsed() < BEGUN => std::thread::sleep(Duration::from_millis(20)),
            ended => break ended,
        }
    };
    if ended.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_ne!(ended.and_then(|status| status.code()), Some(2), "{of}: {line}: refused as wrong use");
}

/// The help of a command, and of the commands in it.
fn helps(arguments: &[&str], all: &mut Vec<(String, String)>) {
    let output = Command::new(PROGRAM).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<String> = text
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(String::from))
        .filter(|name| name != "help")
        .collect();
    all.push((format!("{arguments:?} --help"), text));
    for name in &names {
        helps(&[arguments, &[name.as_str()]].concat(), all);
    }
}

#[test]
fn every_command_of_every_help_text_runs() {
    let mut all = Vec::new();
    helps(&[], &mut all);
    assert!(all.len() >= 12, "{}", all.len());
    // A line that is wrapped cannot be copied.
    for (of, text) in &all {
        let is_cut = |line: &&str| line.trim_start().starts_with("deeptalk-rt ") && line.chars().count() > 96;
        assert_eq!(text.lines().find(is_cut), None, "{of}");
    }
    let count: usize = all.iter().map(|(of, text)| try_all(of, text)).sum();
    assert!(count >= 35, "{count} commands were found");
}

#[test]
fn every_command_of_every_document_runs() {
    let mut documents: Vec<PathBuf> =
        ["README.md", "python/README.md", "models/README.md"].map(Into::into).to_vec();
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        documents.push(entry.unwrap().path());
    }
    documents.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    let read = |path: &PathBuf| std::fs::read_to_string(root().join(path)).unwrap();
    let count: usize = documents.iter().map(|path| try_all(&path.display().to_string(), &read(path))).sum();
    assert!(count >= 15, "{count} commands were found");
}
