//! Wrong use and bad input: refused by name, before any work is done, and nothing is left behind.

use crate::place::{MODEL, Place, data, noise, speech};

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
fn verify_refuses_what_it_cannot_compare() {
    let place = Place::new();
    let model = MODEL.to_str().unwrap();
    let said = place.try_any(&["verify", model, "--golden", &speech("speech_a.safetensors")]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.stderr.contains("was made with a model of other sizes"), "{said:?}");
    let said = place.try_any(&["verify", model, "--golden", "nothing"]);
    assert_eq!(said.code, 3, "{said:?}");

    // A golden file without stages, and numbers of its metadata that make no sense.
    std::fs::copy(speech("speech_a.wav"), place.path("a.wav")).unwrap();
    let golden = |metadata: &str| {
        let header = format!("{{\"__metadata__\":{{\"wav\":\"a.wav\"{metadata}}}}}");
        let bytes = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
        std::fs::write(place.path("golden.safetensors"), bytes).unwrap();
        place.try_any(&["verify", model, "--golden", "golden.safetensors"])
    };
    for (metadata, code, words) in [
        ("", 3, "has no stages"),
        (
            ",\"actor\":\"nan\"",
            3,
            "`actor` in its metadata: expected a whole number of at least 0, found nan",
        ),
        (",\"actor\":\"-7\"", 3, "`actor` in its metadata"),
        (",\"actor\":\"0.5\"", 3, "`actor` in its metadata"),
        (",\"actor\":\"900\"", 2, "900"),
        (",\"control\":\"inf\",\"sample\":\"1\"", 3, ""),
        (",\"actor\":\"0\",\"actor\":\"1\"", 3, "the name `actor` twice"),
    ] {
        let said = golden(metadata);
        assert!(
            said.code == code && said.stderr.contains(words) && said.stdout.is_empty(),
            "{metadata}: {said:?}"
        );
    }
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
