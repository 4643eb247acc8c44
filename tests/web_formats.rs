//! The page, glTF and ARKit files: their content, their refusals, and the results of independent readers.
//!
//! The readers are Chromium, three.js and the Khronos validator: run `npm install` in `tests/browser`, with
//! node and chromium installed. If one is missing, its tests print that and end.

use std::path::{Path, PathBuf};
use std::process::Command;

use deeptalk_rt::animation::arkit::Arkit;
use deeptalk_rt::animation::{Animation, Rate};
use deeptalk_rt::export::{Options, glb, html, live_link, write};
use deeptalk_rt::rig::{Face, Rig};
use serde_json::{Value, json};

fn head() -> Face {
    Face::builtin().unwrap()
}

/// A face of FLAME's kind: no colours, gloss or masks; pose correctives, a joint regressor and dense shapes.
fn flame_like() -> Face {
    let mut face = head();
    let vertices = face.vertex_count();
    let wobble = |i: usize| ((i as f32 * 0.7).sin() + (i as f32 * 0.013).cos()) * 2e-3;
    face.name = "FLAME-like".into();
    face.edition = "FLAME 2020".into();
    face.channels = (0..face.channels.len()).map(|i| format!("exp_{i:02}")).collect();
    face.expression_basis.iter_mut().enumerate().for_each(|(i, v)| *v += wobble(i));
    face.pose_basis = Some((0..9 * 4 * vertices * 3).map(|i| wobble(i) * 0.5).collect());
    let regressor = (0..5 * vertices).map(|i| if i % vertices < 4 { 0.25 } else { 0.0 });
    face.joint_regressor = Some(regressor.collect());
    (face.colors, face.gloss) = (None, None);
    face.masks.clear();
    face
}

/// `frames` frames in which the jaw and all channels move, or none if `still`.
fn motion(face: &Face, frames: usize, still: bool) -> Animation {
    motion_of(face, face.parameter_names(), frames, still)
}

/// As `motion`, with head and eyes, whose columns stand before the jaw's.
fn turning(face: &Face, frames: usize) -> Animation {
    motion_of(face, face.all_parameter_names(), frames, false)
}

fn motion_of(face: &Face, names: Vec<String>, frames: usize, still: bool) -> Animation {
    let value = |frame: usize, column: usize| {
        let swing = 0.5 - 0.5 * (frame as f32 * 0.35 + column as f32).cos();
        match column - column.min(face.channels.len()) {
            _ if still => 0.0,
            0 if column < face.channels.len() => 0.25 * swing,
            0 => 0.3 * (1.0 - (frame as f32 * 0.35).cos()),
            _ => 0.04 * swing,
        }
    };
    let values =
        (0..frames).flat_map(|f| (0..names.len()).map(move |c| (f, c))).map(|(f, c)| value(f, c)).collect();
    Animation::from_parameters(Rate::whole(25), names, values)
}

/// A sound that swells and fades, as long as `frames` frames.
fn speech(frames: usize) -> Vec<f32> {
    (0..frames * 640).map(|i| (i as f32 * 0.08).sin() * (i as f32 * 2e-4).sin() * 0.6).collect()
}

/// JSON and binary part of a GLB.
fn parts(glb: &[u8]) -> (Value, &[u8]) {
    let word = |at: usize| u32::from_le_bytes(glb[at..at + 4].try_into().unwrap()) as usize;
    assert_eq!((word(0), word(4), word(8)), (0x4654_6c67, 2, glb.len()));
    let text = word(12);
    assert_eq!((word(16), word(20 + text + 4)), (0x4e4f_534a, 0x004e_4942));
    let binary = &glb[28 + text..];
    assert_eq!(word(20 + text), binary.len());
    (serde_json::from_slice(&glb[20..20 + text]).unwrap(), binary)
}

/// The text of the element `<script ... id="ID">`.
fn data<'a>(page: &'a str, id: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("id=\"{id}\">")).unwrap();
    rest.split_once("</script>").unwrap().0
}

#[test]
fn ten_seconds_of_the_built_in_head_stay_under_five_megabytes() {
    let face = head();
    let motion = motion(&face, 250, false);
    let page = html::page(&motion, &face, &speech(250), "Ten seconds").unwrap();
    let glb = glb::bytes(&motion, &face).unwrap();
    println!("page {} bytes, glb {} bytes", page.len(), glb.len());
    assert!(page.len() < 5_000_000 && glb.len() < 5_000_000, "{} {}", page.len(), glb.len());
}

#[test]
fn the_same_motion_gives_the_same_bytes() {
    let face = head();
    let motion = motion(&face, 19, false);
    let twice =
        || (html::page(&motion, &face, &speech(19), "a").unwrap(), glb::bytes(&motion, &face).unwrap());
    assert!(twice() == twice());
}

#[test]
fn a_title_cannot_break_out_of_the_page() {
    let face = head();
    let title = "</title></script><script>alert(1)</script> & \"quotes\" {{bytes}} <!--";
    let page = html::page(&motion(&face, 2, false), &face, &[], title).unwrap();
    assert!(!page.contains("<script>alert") && !page.contains("{{script}}"));
    assert_eq!(page.matches("</script>").count(), 3);
    assert_eq!(
        page.matches("{{bytes}}").count(),
        3,
        "in the title, the heading and the data, as it was given"
    );
    let header: Value = serde_json::from_str(data(&page, "scene")).unwrap();
    assert_eq!(header["title"], title);
}

#[test]
fn the_page_forbids_itself_any_network() {
    let face = head();
    let page = html::page(&motion(&face, 1, false), &face, &[], "a").unwrap();
    assert!(page.contains("default-src 'none'; script-src 'sha256-"));
    let code = page.replace(data(&page, "bytes"), "");
    for word in ["http:", "https:", "eval(", "onclick", "import("] {
        assert!(!code.contains(word), "{word}");
    }
}

#[test]
fn a_glb_names_its_targets_and_moves_from_the_first_frame_to_the_last() {
    let face = head();
    for frames in [1, 2, 250] {
        let glb = glb::bytes(&motion(&face, frames, false), &face).unwrap();
        let (document, binary) = parts(&glb);
        assert_eq!(document["meshes"][0]["extras"]["targetNames"], json!(face.channels));
        assert_eq!(document["meshes"][0]["primitives"][0]["targets"].as_array().unwrap().len(), 50);
        assert_eq!(document["buffers"][0]["byteLength"], binary.len());
        let animation = &document["animations"][0];
        assert_eq!(animation["channels"][0]["target"], json!({ "node": 3, "path": "rotation" }));
        assert_eq!(document["nodes"][3]["name"], "jaw");
        let sampler = |i: usize, end: &str| {
            &document["accessors"][animation["samplers"][i][end].as_u64().unwrap() as usize]
        };
        assert_eq!(sampler(0, "input")["count"], frames);
        assert_eq!(sampler(0, "input")["max"][0], json!((frames - 1) as f32 / 25.0));
        assert_eq!(sampler(0, "output")["count"], frames);
        assert_eq!(sampler(1, "output")["count"], frames * 50);
    }
}

#[test]
fn the_file_endings_choose_the_formats_and_refusals_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let face = head();
    let talk = motion(&face, 7, false);
    let sound = speech(7);
    let whole = Options { face: Some(&face), speech: &sound, title: "Talk", ..Options::default() };
    let weights = Options { layout: Some("arkit"), ..Options::default() };
    let arkit = |fps| {
        let map = Arkit::of(&talk.parameters().unwrap().names).unwrap();
        talk.retargeted(&map).unwrap().resampled(Rate::whole(fps))
    };
    let at = |name: &str| folder.path().join(name);
    write(at("a.html"), &talk, &Options { title: "", ..whole }).unwrap();
    write(at("a.GLB"), &talk, &whole).unwrap();
    write(at("a.csv"), &arkit(60), &weights).unwrap();
    write(at("a.json"), &arkit(60), &weights).unwrap();
    assert!(std::fs::read_to_string(at("a.html")).unwrap().contains("<title>a</title>"));
    assert_eq!(std::fs::read(at("a.GLB")).unwrap(), glb::bytes(&talk, &face).unwrap());
    assert_eq!(std::fs::read_to_string(at("a.csv")).unwrap(), live_link::csv(&arkit(60)).unwrap());

    let flame = flame_like();
    let foreign = motion(&flame, 7, false);
    for (name, motion, options, said) in [
        ("b.html", &talk, &Options::default(), "give the face"),
        ("b.glb", &talk, &Options::default(), "give the face"),
        ("b.html", &foreign, &whole, "exp_00"),
        ("b.glb", &foreign, &whole, "eyeBlinkLeft"),
        ("b.csv", &foreign, &weights, "`exp_00`: retarget it first"),
        ("b.npz", &arkit(25), &weights, ".csv and .json files only"),
        ("b.mp4", &talk, &whole, "is a picture"),
        ("b.json", &arkit(241), &weights, "found 241"),
    ] {
        let error = write(at(name), motion, options).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert!([2, 3].contains(&error.exit_code()));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 4);
}

/// Runs a check of `tests/browser`, or prints why it cannot.
fn browser(script: &str, arguments: &[&Path]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let chromium = std::env::var("CHROMIUM").unwrap_or("/usr/bin/chromium".into());
    let node = Command::new("node").arg("--version").output().is_ok_and(|out| out.status.success());
    if !node || !folder.join("node_modules/puppeteer-core").exists() || !Path::new(&chromium).exists() {
        assert!(std::env::var_os("DEEPTALK_TEST_ALL").is_none(), "an independent reader is missing");
        println!("skipped: needs node, chromium and `npm install` in {}", folder.display());
        return;
    }
    // One at a time: several software renderers at the same time slow each other down.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let out = Command::new("node").arg(folder.join(script)).args(arguments).output().unwrap();
    let said = |bytes| String::from_utf8_lossy(bytes).into_owned();
    println!("{}", said(&out.stdout));
    assert!(out.status.success(), "{script}: {}{}", said(&out.stdout), said(&out.stderr));
}

fn check_page(face: &Face, frames: usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.html");
    let page =
        html::page(&motion(face, frames, false), face, &speech(frames), "A test <of> the page").unwrap();
    std::fs::write(&path, page).unwrap();
    browser("page.mjs", &[&path, Path::new(&(frames as f32 / 25.0).to_string())]);
}

#[test]
fn chromium_plays_the_page_of_the_built_in_head() {
    check_page(&head(), 90);
}

#[test]
fn chromium_plays_the_page_of_a_flame_face() {
    check_page(&flame_like(), 61);
}

/// Checks a GLB against the vertices that the rig itself computes, between the joints and bases that glTF can
/// hold.
fn check_glb(face: &Face, motion: &Animation) {
    let folder = tempfile::tempdir().unwrap();
    let [glb, expected] = ["talk.glb", "expected.json"].map(|name| folder.path().join(name));
    std::fs::write(&glb, glb::bytes(motion, face).unwrap()).unwrap();
    let mut plain = face.clone();
    (plain.pose_basis, plain.joint_regressor) = (None, None);
    std::fs::write(&expected, expectation(&plain, motion).to_string()).unwrap();
    browser("gltf.mjs", &[&glb, &expected]);
}

/// Vertices of a few frames, as expected values for another reader.
fn expectation(face: &Face, motion: &Animation) -> Value {
    let rig = Rig::for_columns(face, &motion.parameters().unwrap().names, "the motion").unwrap();
    let last = motion.frames() - 1;
    let frames: Vec<Value> = [0, last / 3, last]
        .into_iter()
        .map(|frame| {
            let mut vertices = vec![0.0; face.template.len()];
            rig.pose(motion.frame(frame), &mut vertices);
            let some: Vec<Value> = vertices
                .as_chunks::<3>()
                .0
                .iter()
                .enumerate()
                .step_by(37)
                .map(|(i, v)| json!([i, v[0], v[1], v[2]]))
                .collect();
            json!({ "time": frame as f64 / 25.0, "vertices": some })
        })
        .collect();
    json!({
        "names": face.channels, "duration": last as f64 / 25.0, "frames": frames,
        // Each of 50 channels may leave out displacements of 2 micrometres.
        "tolerance": 5e-5,
    })
}

/// Poses the page with its own script in node, without a browser.
fn check_page_vertices(face: &Face, motion: &Animation) {
    if !Command::new("node").arg("--version").output().is_ok_and(|out| out.status.success()) {
        assert!(std::env::var_os("DEEPTALK_TEST_ALL").is_none(), "node is missing");
        println!("skipped: needs node");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [page, expected] = ["talk.html", "expected.json"].map(|name| folder.path().join(name));
    std::fs::write(&page, html::page(motion, face, &[], "A talk").unwrap()).unwrap();
    std::fs::write(&expected, expectation(face, motion).to_string()).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/browser/rig.mjs");
    let out = Command::new("node").arg(script).args([&page, &expected]).output().unwrap();
    println!("{}", String::from_utf8_lossy(&out.stdout));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn the_pages_own_script_puts_vertices_where_the_rig_does() {
    for face in [head(), flame_like()] {
        check_page_vertices(&face, &motion(&face, 19, false));
        check_page_vertices(&face, &turning(&face, 19));
    }
}

#[test]
fn glb_and_curves_of_a_motion_that_turns_neck_and_eyes() {
    let face = head();
    let (jaw, all) = (motion(&face, 7, false), turning(&face, 7));
    let (document, _) = parts(&glb::bytes(&all, &face).unwrap());
    let nodes: Vec<u64> = document["animations"][0]["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|channel| channel["target"]["node"].as_u64().unwrap())
        .collect();
    assert_eq!(nodes, [1, 2, 3, 4, 5, 0], "root, neck, jaw, eyes, morph weights");
    for (node, name) in nodes.iter().zip(&face.joint_names) {
        assert_eq!(document["nodes"][*node as usize]["name"], name.as_str());
    }
    let (document, _) = parts(&glb::bytes(&jaw, &face).unwrap());
    assert_eq!(document["animations"][0]["channels"].as_array().unwrap().len(), 2, "the jaw alone");
    // The curves describe the face without the head's movement: a nod must not move a brow.
    let mut still = all.clone();
    let names = still.parameters().unwrap().names.clone();
    let deeptalk_rt::animation::Track::Parameters(parameters) = &mut still.track else { unreachable!() };
    for row in parameters.values.chunks_exact_mut(names.len()) {
        for (name, value) in names.iter().zip(row) {
            if !face.channels.contains(name) && !name.starts_with("jaw_") {
                *value = 0.0;
            }
        }
    }
    let curves = |motion| deeptalk_rt::rig::curves::Curves::measure(motion, &face).unwrap();
    assert_eq!(curves(&all), curves(&still));
}

#[test]
fn the_validator_and_three_js_accept_the_built_in_heads_glb() {
    let face = head();
    check_glb(&face, &motion(&face, 250, false));
}

#[test]
fn the_validator_and_three_js_accept_a_flame_faces_glb() {
    let face = flame_like();
    check_glb(&face, &motion(&face, 19, false));
    check_glb(&face, &turning(&face, 19));
}

#[test]
fn the_validator_and_three_js_accept_short_and_still_motions() {
    let mut face = head();
    check_glb(&face, &motion(&face, 1, false));
    check_glb(&face, &motion(&face, 2, true));
    // A channel without displacements, and a triangle without an area.
    face.expression_basis[..face.template.len()].fill(0.0);
    face.faces.push([5, 5, 9]);
    check_glb(&face, &motion(&face, 2, false));
}
