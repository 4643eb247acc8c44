//! Moods, draws, actors and filters: what directs a performance.

use crate::place::{MODEL, Place, distance, emotion, speech};

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
fn a_mood_is_learned_from_clips_and_shown_by_its_name() {
    let place = Place::new();
    let moods = place.path("moods.safetensors");
    let model = MODEL.to_str().unwrap();
    let learn = |name: &str, clips: &[&str]| {
        let clips: Vec<String> = clips.iter().map(|clip| speech(clip)).collect();
        let clips = clips.iter().map(String::as_str);
        let arguments: Vec<&str> = ["emotion", "learn", name].into_iter().chain(clips).collect();
        place.try_any(&[&arguments[..], &["-o", "moods.safetensors", "--model", model]].concat())
    };
    for (name, clips) in [("neutral", &["speech_a.wav"][..]), ("sly", &["speech_b.wav", "speech_c.wav"])] {
        let said = learn(name, clips);
        assert_eq!(said.code, 0, "{said:?}");
    }
    let list = place.try_any(&["emotion", "list", "--emotions", "moods.safetensors", "--model", model]);
    assert_eq!((list.code, list.stdout.as_str()), (0, "neutral\nsly\n"));
    let shown =
        |options: &[&str]| emotion(&place.json(&[&["--emotions", "moods.safetensors"], options].concat()));
    let own = shown(&[]);
    let (neutral, sly) = (shown(&["--emotion", "neutral"]), shown(&["--emotion", "sly"]));
    let (half, whole) = (distance(&shown(&["--emotion", "sly:0.5"]), &neutral), distance(&sly, &neutral));
    assert!(half > 0.0 && half < whole, "{half} of {whole}");
    assert!(distance(&shown(&["--emotion-strength", "0"]), &neutral) < 1e-6);
    std::fs::write(place.path("moods.csv"), "0,sly\n").unwrap();
    assert!(distance(&shown(&["--emotion-track", "moods.csv"]), &sly) < 1e-6);
    assert!(distance(&own, &sly) > 1e-3);

    let before = std::fs::read(&moods).unwrap();
    for bad in ["2b", "heard", "a b"] {
        assert_eq!(learn(bad, &["speech_a.wav"]).code, 2, "{bad}");
    }
    assert_eq!(std::fs::read(&moods).unwrap(), before);
}

#[test]
fn moods_that_make_no_sense_leave_nothing_behind() {
    let place = Place::new();
    let speech = speech("speech_a.wav");
    for (name, text) in
        [("bad.csv", "0,hapy\n"), ("back.csv", "1,sad\n0,sad\n"), ("bad.json", "[{\"seconds\": 0}]")]
    {
        std::fs::write(place.path(name), text).unwrap();
    }
    std::fs::write(place.path("moods.safetensors"), "no moods").unwrap();
    let before = place.names();
    for (options, code, words) in [
        (&["--emotion", "hapy"][..], 2, "neutral, happy, sad, angry, surprised, afraid, disgusted, contempt"),
        (&["--emotion", "happy:2.5"], 2, "0 to 2"),
        (&["--emotion", "0 happy, -1 sad"], 2, "from 0 on"),
        (&["--emotion", "1 happy, 1 sad"], 2, "go up"),
        (&["--emotion", "nan happy"], 2, "from 0 on"),
        (&["--emotion-strength", "nan"], 2, "0 to 2"),
        (&["--emotion", "happy", "--emotion-from", "a.wav"], 2, "--emotion-from"),
        (&["--emotion-track", "bad.csv"], 3, "line 1"),
        (&["--emotion-track", "back.csv"], 3, "line 2"),
        (&["--emotion-track", "bad.json"], 3, "mood"),
        (&["--emotion-track", "absent.csv"], 3, "absent.csv"),
        (&["--emotions", "moods.safetensors"], 3, "no file of moods"),
    ] {
        let said = place.try_any(&[&["run", &speech, "-o", "t.npz"], options].concat());
        assert!(said.code == code && said.stderr.contains(words), "{options:?}: {said:?}");
        assert_eq!(place.names(), before, "{options:?}");
    }
}

#[test]
fn filters_change_the_motion_and_leave_the_networks_own_beside_it() {
    let place = Place::new();
    std::fs::write(place.path("look.toml"), "symmetry = 1\n[gain]\nmouth = 0.5\n").unwrap();
    let plain = place.json(&[]);
    assert!(plain.get("filters").is_none() && plain.get("network").is_none());
    let filtered =
        place.json(&["--look", "look.toml", "--gain", "jaw_x=2,brows=1.5", "--clamp", "jaw_x=0..0.1"]);
    assert_eq!(filtered["network"], plain["frames"]);
    assert_ne!(filtered["frames"], plain["frames"]);
    let names = filtered["filters"].as_array().unwrap();
    assert_eq!(names[0], "gain brows=1.5 jaw_x=2 mouth=0.5");
    assert_eq!(names.len(), 3);
    let bytes = place.bytes(&["--look", "look.toml"]);
    assert!(bytes != place.bytes(&[]) && bytes == place.bytes(&["--look", "look.toml"]));
    let before = place.names();
    std::fs::write(place.path("bad.toml"), "[gian]\nmouth = 1").unwrap();
    for (options, code, words) in [
        (&["--gain", "muoth=1"][..], 2, "its regions are all, mouth"),
        (&["--gain", "mouth=nan"], 2, "not NaN"),
        (&["--gain", "mouth"], 2, "mouth=1.2"),
        (&["--clamp", "mouth=1..0"], 2, "upper limit"),
        (&["--smooth", "mouth=-1"], 2, "cutoff"),
        (&["--symmetry", "2"], 2, "0 to 1"),
        (&["--look", "bad.toml"], 3, "gian"),
        (&["--look", "absent.toml"], 3, "absent.toml"),
    ] {
        let said = place.try_run(&[&[speech("speech_a.wav").as_str(), "-o", "t.npz"], options].concat());
        assert!(said.code == code && said.stderr.contains(words), "{options:?}: {said:?}");
    }
    assert_eq!(place.names().len(), before.len() + 1);
}

#[test]
fn life_is_on_where_a_face_is_shown_and_in_arkit_files_and_off_in_data_until_it_is_asked_for() {
    let place = Place::new();
    let speech = speech("speech_a.wav");
    let run = |options: &[&str]| {
        let said = place.try_any(&[&["run", &speech], options].concat());
        assert_eq!(said.code, 0, "{said:?}");
    };
    let rows = |name: &str| -> Vec<Vec<f64>> {
        let text = std::fs::read_to_string(place.path(name)).unwrap();
        let number = |cell: &str| cell.parse().unwrap_or(0.0);
        text.lines().skip(1).map(|line| line.split(',').skip(2).map(number).collect()).collect()
    };
    // Live Link's columns: the weights, then yaw, pitch and roll of the head, then the eyes'.
    let arkit = ["--format", "arkit", "-o"];
    run(&[&arkit[..], &["all.csv"]].concat());
    run(&[&arkit[..], &["again.csv", "--life", "all"]].concat());
    run(&[&arkit[..], &["seed.csv", "--seed", "5"]].concat());
    run(&[&arkit[..], &["none.csv", "--life", "none"]].concat());
    run(&[&arkit[..], &["blink.csv", "--life", "blink"]].concat());
    let moves = |name: &str, column: usize| rows(name).iter().any(|row| row[column].abs() > 0.005);
    assert!((52..55).all(|column| moves("all.csv", column)) && moves("all.csv", 55));
    assert!((52..55).all(|column| !moves("none.csv", column) && !moves("blink.csv", column)));
    assert!(rows("all.csv") == rows("again.csv") && rows("all.csv") != rows("seed.csv"));
    let lids = |name: &str| rows(name).iter().map(|row| row[0]).fold(0.0, f64::max);
    assert!(
        lids("blink.csv") > 0.85 && lids("none.csv") < 0.85,
        "{} {}",
        lids("blink.csv"),
        lids("none.csv")
    );

    // In one run: a page with life, and data that is the network's own.
    run(&["-o", "page.html", "-o", "data.csv", "-o", "data.json", "-o", "face.glb"]);
    run(&["-o", "plain.csv", "-o", "still.html", "-o", "still.glb", "--life", "none"]);
    let read = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert!(read("data.csv") == read("plain.csv"));
    assert!(read("page.html") != read("still.html") && read("face.glb") != read("still.glb"));
    let text = |name: &str| String::from_utf8_lossy(&read(name)).into_owned();
    assert!(text("face.glb").contains("life blink gaze head") && !text("still.glb").contains("life"));
    run(&["-o", "live.json", "--life", "head,blink", "--gain", "head=0"]);
    let live: serde_json::Value = serde_json::from_slice(&read("live.json")).unwrap();
    let data: serde_json::Value = serde_json::from_slice(&read("data.json")).unwrap();
    assert_eq!((&live["network"], &live["names"][53]), (&data["frames"], &"neck_x".into()));
    assert_eq!(live["filters"][0], "life head blink");
    assert!(live["frames"].as_array().unwrap().iter().all(|row| row[53] == 0.0));

    // A model with other channels, too.
    let model = place.other_model();
    let before = place.names();
    for parts in ["blnk", "", "blink,"] {
        let said = place.try_any(&["run", &speech, "-o", "t.npz", "--life", parts]);
        assert!(said.code == 2 && said.stderr.contains("blink, gaze and head"), "{said:?}");
    }
    let said = place.try_any(&["run", &speech, "-o", "t.npz", "--model", &model, "--life", "head"]);
    assert!(said.code == 2 && said.stderr.contains("`mouthSmileLeft`"), "{said:?}");
    assert_eq!(place.names(), before);
}

#[test]
fn actors_speak_differently() {
    let place = Place::new();
    let first = place.json(&[]);
    assert_eq!(place.json(&["--actor", "A"]), first);
    assert_ne!(place.json(&["--actor", "C", "--temperature", "0"])["frames"], first["frames"]);
}
