//! The process: full disks, interrupts, closed streams, help.

use std::process::{Command, Stdio};

use crate::place::{MODEL, PROGRAM, Place, Said, noise, speech};

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
