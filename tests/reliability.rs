//! Hostile and unlucky input through the real binary: bounded work, limits, stops, nothing left behind.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_deeptalk-rt");
/// The most seconds of processor time for a file of 5 MB.
const SECONDS: u64 = 2;
/// The most address space: 300 MB that are used, and what the threads and the mapped files reserve.
const KILOBYTES: u64 = 3_000_000;

fn speech() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/speech_a.wav").to_str().unwrap().into()
}

/// Runs the program in `folder` through a shell that sets `limits` first.
fn run(folder: &TempDir, limits: &str, arguments: &str) -> Output {
    let script = format!("{limits}; exec {PROGRAM} {arguments}");
    Command::new("bash").current_dir(folder.path()).args(["-c", &script]).output().unwrap()
}

fn error_of(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("panicked"), "{text}");
    text
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A torch archive of one pickle.
fn archive(pickle: &[u8]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, data) in [("a/data.pkl", pickle), ("a/version", b"3\n"), ("a/data/0", &[0; 4])] {
        zip.start_file(name, stored).unwrap();
        zip.write_all(data).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// 200,000 keys of a dictionary that are one byte string of 4 MB.
fn slow_keys() -> Vec<u8> {
    let mut pickle = b"\x80\x02B\x00\x00\x40\x00".to_vec();
    pickle.resize(pickle.len() + (4 << 20), b'a');
    pickle.extend_from_slice(b"q\x000}(");
    (0..200_000).for_each(|_| pickle.extend_from_slice(b"h\x00N"));
    pickle.extend_from_slice(b"u.");
    archive(&pickle)
}

/// 480,000 names of 1006 bytes for one tensor of 64 axes.
fn many_names() -> Vec<u8> {
    let ones = [b"(".to_vec(), b"K\x01".repeat(64), b"t".to_vec()].concat();
    let storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x01tQ";
    let tensor =
        [&b"ctorch._utils\n_rebuild_tensor_v2\n("[..], storage, b"K\x00", &ones, &ones, b"\x89NtR"].concat();
    let mut pickle = b"\x80\x02}(X\xe8\x03\0\0".to_vec();
    pickle.resize(pickle.len() + 1000, b'p');
    pickle.extend_from_slice(b"}(X\x01\0\0\0t");
    pickle.extend_from_slice(&tensor);
    pickle.extend_from_slice(b"q\x01");
    for name in 0..480_000 {
        pickle.extend_from_slice(b"\x8c\x06");
        pickle.extend_from_slice(format!("{name:06}").as_bytes());
        pickle.extend_from_slice(b"h\x01");
    }
    pickle.extend_from_slice(b"uu.");
    archive(&pickle)
}

/// The format before torch 1.6: 300,000 storages whose key is one text of 4 MB.
fn slow_legacy() -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec();
    file.extend_from_slice(b"\x80\x02M\xe9\x03.\x80\x02}X\x0d\0\0\0little_endian\x88s.");
    file.extend_from_slice(b"\x80\x02(X\x07\0\0\0storagectorch\nFloatStorage\nX\x00\x00\x40\x00");
    file.resize(file.len() + (4 << 20), b'k');
    file.extend_from_slice(b"X\x03\0\0\0cpuK\x01Ntq\x01Q0");
    (0..300_000).for_each(|_| file.extend_from_slice(b"h\x01Q0"));
    file.extend_from_slice(b"}.\x80\x02].");
    file
}

/// An npz of 260 kB with an array of 255 MB.
fn bomb() -> Vec<u8> {
    let rows = (255 << 20) / 3;
    let header = format!("{{'descr': '|i1', 'fortran_order': False, 'shape': ({rows}, 3), }}\n");
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("v_template.npy", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(b"\x93NUMPY\x01\0").unwrap();
    zip.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    zip.write_all(header.as_bytes()).unwrap();
    let zeros = vec![0; 3 << 20];
    (0..85).for_each(|_| zip.write_all(&zeros).unwrap());
    zip.finish().unwrap().into_inner()
}

#[test]
fn files_that_ask_for_more_work_than_their_size_are_refused_in_bounded_time_and_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, command) in [
        ("keys.pth", slow_keys(), "deeptalk"),
        ("names.pth", many_names(), "deeptalk"),
        ("legacy.pth", slow_legacy(), "deeptalk"),
        ("bomb.npz", bomb(), "flame"),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
        // The limits end a program that goes beyond them; the debug build of the tests is allowed twice the time.
        let limits = format!("ulimit -t {} -v {}", 2 * SECONDS, KILOBYTES);
        let output = run(&folder, &limits, &format!("import {command} {name} -o out.safetensors"));
        let error = error_of(&output);
        assert_eq!(output.status.code(), Some(3), "{name}: {error}");
        std::fs::remove_file(folder.path().join(name)).unwrap();
        assert_eq!(names(&folder), [""; 0], "{name}");
    }
}

#[test]
fn pipes_and_devices_are_refused_by_name_instead_of_being_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    for place in ["pipe", "/dev/zero"] {
        for command in [
            format!("run {} --face {place} -o t.npz", speech()),
            format!("run {} --model {place} -o t.npz", speech()),
            format!("run {place} -o t.npz"),
            format!("import flame {place} -o t.safetensors"),
            format!("import deeptalk {place} -o t.safetensors"),
            format!("verify --golden {place}"),
            format!("bench compare {place} {place}"),
            format!("info {place}"),
            format!("run {} --look {place} -o t.npz", speech()),
            format!("run {} --emotion-track {place} -o t.npz", speech()),
            format!("run {} --emotions {place} -o t.npz", speech()),
        ] {
            let output = run(&folder, "ulimit -t 10", &command);
            let error = error_of(&output);
            assert_eq!(output.status.code(), Some(3), "{command}: {error}");
            assert!(error.contains("device") || error.contains("pipe"), "{command}: {error}");
        }
    }
    assert_eq!(names(&folder), ["pipe"]);
}

#[test]
fn a_request_to_stop_ends_every_long_command_within_half_a_second_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let silence = folder.path().join("long.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(&silence, spec).unwrap();
    (0..16_000 * 600).for_each(|i: i32| wav.write_sample((i % 97 * 50) as i16).unwrap());
    wav.finalize().unwrap();
    let before = names(&folder);
    for (command, wait) in [
        ("run long.wav -o t.npz", 400),
        ("run long.wav -o t.mp4", 900),
        ("run long.wav -o frames/", 1500),
        ("synth-model --size base -o m.safetensors", 300),
        ("bench --seconds 10", 700),
    ] {
        let mut child = Command::new(PROGRAM)
            .current_dir(folder.path())
            .args(command.split(' '))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        assert!(child.try_wait().unwrap().is_none(), "{command}: it had ended before it was stopped");
        let asked = Instant::now();
        let stop = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status().unwrap();
        assert!(stop.success());
        let status = child.wait().unwrap();
        let took = asked.elapsed();
        assert_eq!(status.code(), Some(1), "{command}");
        // Half a second, and as much again for a machine that has other work.
        assert!(took < Duration::from_millis(1000), "{command}: {took:?}");
        assert_eq!(names(&folder), before, "{command}");
    }
}

#[test]
fn a_killed_run_leaves_no_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(PROGRAM)
        .current_dir(folder.path())
        .args(["synth-model", "--size", "base", "-o", "m.safetensors"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
fn limits_of_the_system_are_sentences() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&folder, "ulimit -f 8", &format!("run {} -o t.glb", speech()));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(error_of(&output).contains("cannot write the file: File too large"), "{output:?}");
    assert_eq!(names(&folder), [""; 0]);
    let output = run(&folder, "export RAYON_NUM_THREADS=99999999", &format!("run {} -o t.csv", speech()));
    assert!(output.status.success(), "{output:?}");
    assert!(error_of(&output).contains("threads are started, the most here"), "{output:?}");
}

/// Whatever the limit on memory is, the program works or ends with exit code 1 and a sentence, and leaves
/// nothing.
#[test]
fn memory_that_the_system_refuses_is_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let mut refused = 0;
    for megabytes in [110, 120, 130, 140, 160, 200, 250, 300] {
        let limit = format!("ulimit -v {}; export RAYON_NUM_THREADS=2", megabytes << 10);
        let output = run(&folder, &limit, &format!("run {} -o t.mp4", speech()));
        let error = error_of(&output);
        match output.status.code() {
            Some(0) => std::fs::remove_file(folder.path().join("t.mp4")).unwrap(),
            Some(1) => {
                refused += 1;
                assert!(error.contains("memory") || error.contains("thread"), "{megabytes} MB: {error}");
            }
            // The loader of the system could not even start the program.
            Some(127) => {}
            code => panic!("{megabytes} MB: {code:?}: {error}"),
        }
        assert_eq!(names(&folder), [""; 0], "{megabytes} MB");
    }
    assert!(refused > 0, "no limit was low enough");
}

/// The limit on processes binds no administrator, so that one runs the program as somebody else.
#[test]
fn a_system_without_threads_is_a_sentence_or_one_thread() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::copy(PROGRAM, folder.path().join("program")).unwrap();
    std::fs::copy(speech(), folder.path().join("speech.wav")).unwrap();
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    let run = |output: &str| {
        let script = format!("ulimit -u 1; exec ./program run speech.wav -o {output}");
        let mut command = Command::new(if id == b"0\n" { "su" } else { "bash" });
        if id == b"0\n" {
            command.args(["nobody", "-s", "/bin/bash"]);
        }
        let output = command.current_dir(folder.path()).args(["-c", &script]).output().unwrap();
        (output.status.code(), error_of(&output))
    };
    let (code, said) = run("t.csv");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("all work is done on one thread"), "{said}");
    let (code, said) = run("t.mp4");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no thread can be started for an encoder"), "{said}");
    assert_eq!(names(&folder), ["program", "speech.wav", "t.csv"]);
}

#[test]
fn more_recordings_than_files_may_be_open_are_animated() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..100).map(|index| format!("{index}.wav")).collect();
    for name in &names {
        std::fs::copy("tests/sound/speech-alaw.wav", folder.path().join(name)).unwrap();
    }
    let command = format!("run {} --duration 0.1 --out-dir out", names.join(" "));
    let output = run(&folder, "ulimit -n 64", &command);
    assert_eq!(output.status.code(), Some(0), "{}", error_of(&output));
    assert_eq!(std::fs::read_dir(folder.path().join("out")).unwrap().count(), names.len());
}

#[test]
fn wrong_downloads_and_names_that_are_no_files_are_told_for_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    write("pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
    write("page", b"<!DOCTYPE html><html><title>Sign in</title></html>");
    write("flame.pkl", b"\x80\x02}q\x00.");
    let run = |command: &str, code: i32, part: &str| {
        let output = run(&folder, "true", command);
        let error = error_of(&output);
        assert_eq!(output.status.code(), Some(code), "{command}: {error}");
        assert!(error.contains(part), "{command}: {error}");
    };
    let speech = speech();
    for (name, part) in [("pointer", "a Git LFS pointer"), ("page", "a web page")] {
        run(&format!("import deeptalk {name} -o m.safetensors"), 3, part);
        run(&format!("import flame {name} -o m.safetensors"), 3, part);
        run(&format!("run {speech} --model {name} -o t.npz"), 3, part);
        run(&format!("run {speech} --face {name} -o t.npz"), 3, part);
    }
    run(&format!("run {speech} --face flame.pkl -o t.npz"), 3, "a Python pickle");
    run("run - -o t.npz", 3, "is empty");
    run("run https://example.org/a.wav -o t.npz", 2, "nothing is fetched");
    run("run 'clips/*.wav' --out-dir out", 2, "the shell left it");
    run(&format!("run {speech} --out-dir new/folder --format csv"), 0, "speech_a.csv");
    assert!(folder.path().join("new/folder/speech_a.csv").is_file());
    run(&format!("stream < {speech}"), 3, "a WAV file");
    write("talk.mp3", b"ID3\x04\0\0\0\0\0\0\0\0\0\0");
    run("stream < talk.mp3", 3, "MP3 sound");
}

/// A file of more than 64 MiB is mapped: another program that shortens it while it is in use ends the process
/// with a sentence. The test runs itself as that process.
#[test]
fn a_large_file_that_is_cut_while_it_is_used_ends_with_a_sentence() {
    use deeptalk_rt::files::{SafetensorsFile, Tensors, explain_bus_errors};
    const CHILD: &str = "DEEPTALK_TEST_CUT_FILE";
    const NAME: &str = "a_large_file_that_is_cut_while_it_is_used_ends_with_a_sentence";
    const BYTES: u64 = 65 << 20;
    if let Some(path) = std::env::var_os(CHILD) {
        explain_bus_errors();
        let file = SafetensorsFile::open(&path).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(4096).unwrap();
        let read = file.read_f32("a").unwrap();
        unreachable!("{} numbers were read from a file that is gone", read.len());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.safetensors");
    let header = format!("{{\"a\":{{\"dtype\":\"U8\",\"shape\":[{BYTES}],\"data_offsets\":[0,{BYTES}]}}}}");
    std::fs::write(&path, [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()).unwrap();
    // The rest is a hole, so nothing is written.
    let length = 8 + header.len() as u64 + BYTES;
    std::fs::File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args(["--exact", NAME, "--nocapture"]).env(CHILD, &path).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(error_of(&output).contains("error: a file that is in use was shortened"), "{output:?}");
}

/// The program explains a bus error, and an abort is exit code 1: no signal is left that a script has to
/// know.
#[test]
fn a_bus_error_and_an_abort_end_the_program_with_exit_code_1() {
    for (signal, words) in [("-BUS", "error: a file that is in use was shortened"), ("-ABRT", "")] {
        let mut command = Command::new(PROGRAM);
        command.arg("stream").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // The model is loaded once the first sound is taken; what is behind it fills the pipe.
        let mut sound = child.stdin.take().unwrap();
        sound.write_all(&[0; 200_000]).unwrap();
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{signal}: {output:?}");
        assert!(error_of(&output).contains(words), "{signal}: {output:?}");
    }
}

/// A model of up to 64 MiB is read when it is opened, so that another program may then do with the file what it likes.
#[test]
fn a_model_that_is_cut_while_it_is_used_goes_on() {
    use deeptalk_rt::runtime::{Model, Session, Take};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.safetensors");
    assert!(run(&folder, "true", "synth-model --size tiny -o tiny.safetensors").status.success());
    let model = Model::load(&path).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(0).unwrap();
    let sound: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.05).sin() * 0.3).collect();
    assert_eq!(Session::new(&model).animate(&sound, &Take::default()).unwrap().frames(), 25);
}
