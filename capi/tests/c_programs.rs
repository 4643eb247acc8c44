//! Programs in C, compiled against the installed library, under AddressSanitizer and (on request) valgrind.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use deeptalk_rt::networks::deeptalk::Config;
use deeptalk_rt::networks::deeptalk::synth_model;
use deeptalk_rt::runtime::Take;
use deeptalk_rt::runtime::{Model, Session, StreamOptions};
use deeptalk_rt::tensor::Dtype;
use tempfile::TempDir;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The library installed as a user would, a model, and some sound.
struct Place {
    folder: TempDir,
}

static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    // The libraries lie where the test itself does.
    let built = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let installed = Command::new(format!("{HERE}/install"))
        .arg(folder.path().join("prefix"))
        .arg(built)
        .output()
        .unwrap();
    assert!(installed.status.success(), "{installed:?}");
    synth_model(&folder.path().join("model.safetensors"), &Config::tiny(), Dtype::F32).unwrap();
    let bytes: Vec<u8> = sound().iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::fs::write(folder.path().join("speech.f32"), bytes).unwrap();
    Place { folder }
});

fn sound() -> Vec<f32> {
    (0..20_001).map(|i| 0.3 * (i as f32 * 0.05).sin() * (i as f32 * 0.0007).sin()).collect()
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn pkg_config(&self, arguments: &[&str]) -> Vec<String> {
        let output = Command::new("pkg-config")
            .env("PKG_CONFIG_PATH", self.path("prefix/lib/pkgconfig"))
            .args(arguments)
            .arg("deeptalk")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(String::from).collect()
    }

    /// A program of a source in the repository.
    fn program(&self, source: &str, flags: &[&str]) -> PathBuf {
        let source = Path::new(HERE).join("..").join(source);
        let name = source.file_stem().unwrap().to_string_lossy().into_owned();
        let program = self.path(&format!("{name}{}", flags.concat().replace(['/', '-', '=', ','], "_")));
        let compiled = Command::new("cc")
            .args([
                "-std=c11",
                "-D_DEFAULT_SOURCE",
                "-g",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Wpedantic",
                "-Werror",
                "-pthread",
            ])
            .args(flags)
            .arg(source)
            .args(self.pkg_config(&["--cflags", "--libs"]))
            .arg(format!("-Wl,-rpath,{}", self.path("prefix/lib").display()))
            .args(["-lm", "-o"])
            .arg(&program)
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        program
    }

    fn run(&self, command: &mut Command) -> Output {
        let output = command
            .current_dir(self.folder.path())
            .env("ASAN_OPTIONS", "detect_leaks=1:halt_on_error=1")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{command:?}: {:?}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }
}

const SANITIZED: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

#[test]
fn a_clip_goes_through_c_as_through_rust() {
    let place = &*PLACE;
    let program = place.program("examples/c/one_clip.c", &SANITIZED);
    let output = place.run(Command::new(program).args(["model.safetensors", "speech.f32", "talk.csv"]));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("32 frames of 53 parameters in "));
    let model = Model::load(place.path("model.safetensors")).unwrap();
    let motion = Session::new(&model).animate(&sound(), &Take::default()).unwrap();
    deeptalk_rt::export::write(place.path("rust.csv"), &motion, &Default::default()).unwrap();
    let [c, rust] = ["talk.csv", "rust.csv"].map(|name| std::fs::read(place.path(name)).unwrap());
    assert!(c == rust);
}

#[test]
fn a_stream_goes_through_c_as_through_rust() {
    let place = &*PLACE;
    let program = place.program("examples/c/stream.c", &SANITIZED);
    let sound_file = std::fs::File::open(place.path("speech.f32")).unwrap();
    let output = place.run(Command::new(program).arg("model.safetensors").stdin(Stdio::from(sound_file)));
    let text = String::from_utf8(output.stdout).unwrap();
    let values: Vec<f32> = text
        .lines()
        .enumerate()
        .flat_map(|(index, line)| {
            let (frame, values) = line.split_once(' ').unwrap();
            assert_eq!(frame.parse::<usize>().unwrap(), index);
            values.split(' ').map(|value| value.parse::<f32>().unwrap())
        })
        .collect();
    let mut session = Session::new(&Model::load(place.path("model.safetensors")).unwrap());
    session.begin(&StreamOptions { look_ahead: 0.32, hop: 0.16, ..StreamOptions::default() }).unwrap();
    session.push(&sound()).unwrap();
    session.finish().unwrap();
    assert_eq!(values, session.poll().values);
}

#[test]
fn eight_threads_share_a_model() {
    let place = &*PLACE;
    let program = place.program("examples/c/threads.c", &SANITIZED);
    place.run(Command::new(program).arg("model.safetensors"));
}

fn folder_for_bad_use(place: &Place, name: &str) -> PathBuf {
    let folder = place.path(name);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("empty"), "").unwrap();
    std::fs::copy(place.path("model.safetensors"), folder.join("vanished.safetensors")).unwrap();
    folder
}

#[test]
fn bad_use_is_an_error_code_and_never_a_crash() {
    let place = &*PLACE;
    let program = place.program("capi/tests/c/bad_use.c", &SANITIZED);
    let folder = folder_for_bad_use(place, "bad-use");
    place.run(Command::new(program).arg("model.safetensors").arg(folder));
}

#[test]
fn what_is_made_and_freed_ten_thousand_times_leaves_nothing() {
    let place = &*PLACE;
    // The sanitizer finds what is lost; it keeps freed memory for a while, so the growth is measured without
    // it.
    let program = place.program("capi/tests/c/lifecycle.c", &SANITIZED);
    place.run(Command::new(program).args(["model.safetensors", "300", "20", "1000000"]));
    let program = place.program("capi/tests/c/lifecycle.c", &[]);
    let output = place.run(Command::new(program).args(["model.safetensors", "10000", "200", "2000"]));
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[ignore = "minutes: ten thousand models with threads of their own"]
fn ten_thousand_models_leave_nothing() {
    let place = &*PLACE;
    let program = place.program("capi/tests/c/lifecycle.c", &[]);
    let output = place.run(Command::new(program).args(["model.safetensors", "10000", "10000", "2000"]));
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[ignore = "minutes: under valgrind"]
fn valgrind_finds_nothing() {
    let place = &*PLACE;
    let valgrind = |program: PathBuf| {
        let mut command = Command::new("valgrind");
        command.args([
            "--quiet",
            "--error-exitcode=99",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite",
        ]);
        command.arg(program);
        command
    };
    let program = place.program("examples/c/one_clip.c", &[]);
    place.run(valgrind(program).args(["model.safetensors", "speech.f32", "talk-valgrind.csv"]));
    let program = place.program("examples/c/threads.c", &[]);
    place.run(valgrind(program).arg("model.safetensors"));
    let program = place.program("capi/tests/c/bad_use.c", &[]);
    let folder = folder_for_bad_use(place, "bad-use-valgrind");
    place.run(valgrind(program).arg("model.safetensors").arg(folder));
}

#[test]
fn the_header_is_good_c_and_cpp() {
    let place = &*PLACE;
    let header = place.path("prefix/include/deeptalk.h");
    for arguments in [["-xc", "-std=c99"], ["-xc++", "-std=c++11"]] {
        let flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];
        place.run(Command::new("cc").args(arguments).args(flags).arg(&header));
    }
}

#[test]
fn a_program_can_be_linked_statically() {
    let place = &*PLACE;
    let private = place.pkg_config(&["--libs", "--static"]);
    let flags = private.iter().filter(|flag| !flag.starts_with("-L") && *flag != "-ldeeptalk");
    let library = place.path("prefix/lib/libdeeptalk.a");
    let program = place.path("static");
    let compiled = Command::new("cc")
        .arg(Path::new(HERE).join("../examples/c/threads.c"))
        .args(place.pkg_config(&["--cflags"]))
        .arg(library)
        .args(flags)
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    place.run(Command::new(program).arg("model.safetensors"));
}
