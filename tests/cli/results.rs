//! Results: files of every format, the same bytes again, many recordings.

use crate::place::{MODEL, Place, data, noise, speech};

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
fn an_offset_and_a_duration_are_a_cut() {
    let place = Place::new();
    place.wav("long.wav", noise(40_000));
    let (from, to) = (12_800, 12_800 + 8_321);
    place.wav("cut.wav", noise(40_000).skip(from).take(to - from));
    place.run(&["long.wav", "--offset", "0.8", "--duration", "0.5200625", "-o", "a.npz"]);
    place.run(&["cut.wav", "-o", "b.npz"]);
    assert_eq!(std::fs::read(place.path("a.npz")).unwrap(), std::fs::read(place.path("b.npz")).unwrap());
    // To the nearest sample: 12,799.7 of 16,000 a second.
    place.run(&["long.wav", "--offset", "0.79998125", "--duration", "0.5200625", "-o", "c.npz"]);
    assert_eq!(std::fs::read(place.path("c.npz")).unwrap(), std::fs::read(place.path("b.npz")).unwrap());
    let said = place.run(&["long.wav", "--offset", "2.49", "--duration", "99", "-o", "end.csv"]);
    assert!(said.stderr.starts_with("end.csv: 1 frame, 0.04 s"), "{said:?}");
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

/// The sound of the video, decoded by ffmpeg, begins with the first sample of the recording.
#[test]
fn the_sound_of_a_video_is_the_recordings_from_the_first_sample_on() {
    let place = Place::new();
    place.wav("noise.wav", noise(8_000));
    let said =
        place.try_run(&["noise.wav", "--offset", "0.1", "--size", "64", "--sound", "flac", "-o", "t.mp4"]);
    assert_eq!(said.code, 0, "{said:?}");
    let decoded = std::process::Command::new("ffmpeg")
        .current_dir(place.0.path())
        .args(["-v", "error", "-i", "t.mp4", "-vn", "-f", "s16le", "-"])
        .output();
    let Ok(decoded) = decoded else {
        assert!(std::env::var_os("DEEPTALK_TEST_ALL").is_none(), "ffmpeg is missing");
        return;
    };
    let heard = decoded.stdout.as_chunks::<2>().0.iter().map(|&two| i16::from_le_bytes(two));
    let meant: Vec<i16> = noise(8_000).skip(1_600).map(|x| (x * 32767.0).round() as i16).collect();
    assert_eq!(heard.take(meant.len()).collect::<Vec<_>>(), meant);
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
