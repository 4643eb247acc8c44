//! Every format is read back by readers in this file, and a refusal leaves no file behind.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deeptalk_rt::animation::{Animation, Extras, Rate, ShapeTable, Vertices};
use deeptalk_rt::export::{Ending, FORMATS, Format, Options, VertexSource, write};
use deeptalk_rt::files::Written;
use deeptalk_rt::{Error, Result};
use sha2::{Digest, Sha256};
use tempfile::tempdir;

/// A motion of awkward numbers and names.
fn motion(frames: usize) -> Animation {
    let names: Vec<String> = ["smile", "jaw, \"open\"", "Mundöffnung", "😀", "e"].map(String::from).to_vec();
    let hard = [0.1, -0.0, 1e-38, f32::MIN_POSITIVE / 4.0, f32::MAX, 1.0 / 3.0, -16_777_217.0, 1.0];
    let width = names.len();
    let values = (0..frames * width)
        .map(|i| hard[i % hard.len()] * (1.0 - (i / hard.len() % 1_000) as f32 * 1e-3))
        .collect();
    let codes = |count: usize, step: i32, codebook: i32| -> Vec<i32> {
        (0..count as i32).map(|i| i * step % codebook).collect()
    };
    let extras = Extras::new()
        .with("codes_t", [frames.div_ceil(4)], codes(frames.div_ceil(4), 37, 256))
        .with("codes_b", [frames.div_ceil(2)], codes(frames.div_ceil(2), 91, 512))
        .with("emotion.mu", [2, 3], (0..6).map(|i| i as f32 * 0.3 - 1.0).collect::<Vec<f32>>())
        .with("emotion.logvar", [2, 3], (0..6).map(|i| -(i as f32) * 0.7).collect::<Vec<f32>>());
    Animation::from_parameters(Rate::whole(25), names, values).with_extras(extras)
}

fn names(motion: &Animation) -> &[String] {
    &motion.parameters().unwrap().names
}

fn codes<'a>(motion: &'a Animation, name: &str) -> &'a [i32] {
    motion.extras.i32(name).unwrap()
}

fn floats<'a>(motion: &'a Animation, name: &str) -> &'a [f32] {
    motion.extras.f32(name).unwrap()
}

fn corner(frame: usize, vertex: usize, axis: usize) -> f32 {
    frame as f32 + vertex as f32 * 0.001 - axis as f32 * 0.5
}

/// Frames of seven vertices.
fn fill(first: usize, vertices: &mut [f32]) -> Result<()> {
    for (i, value) in vertices.iter_mut().enumerate() {
        *value = corner(first + i / 21, i / 3 % 7, i % 3);
    }
    Ok(())
}

/// An array of a `.npy` file: type, shape and bytes.
struct Array {
    descr: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Array {
    fn parse(file: &[u8]) -> Self {
        assert_eq!(&file[..8], b"\x93NUMPY\x01\x00");
        let length = usize::from(u16::from_le_bytes([file[8], file[9]]));
        let header = std::str::from_utf8(&file[10..10 + length]).unwrap();
        assert!(
            (10 + length) % 64 == 0 && header.ends_with('\n') && header.contains("'fortran_order': False")
        );
        let between =
            |open: &str, close: &str| header.split_once(open).unwrap().1.split_once(close).unwrap().0;
        let shape = between("(", ")").split(',').map(str::trim).filter(|axis| !axis.is_empty());
        Self {
            descr: between("'descr': '", "'").into(),
            shape: shape.map(|axis| axis.parse().unwrap()).collect(),
            bytes: file[10 + length..].to_vec(),
        }
    }

    fn words(&self) -> impl Iterator<Item = [u8; 4]> {
        self.bytes.chunks(4).map(|word| word.try_into().unwrap())
    }

    fn f32(&self, shape: &[usize]) -> Vec<f32> {
        assert_eq!((self.descr.as_str(), self.shape.as_slice()), ("<f4", shape));
        let values: Vec<f32> = self.words().map(f32::from_le_bytes).collect();
        assert_eq!(values.len(), shape.iter().product::<usize>());
        values
    }

    fn i32(&self) -> Vec<i32> {
        assert_eq!(self.descr, "<i4");
        assert_eq!(4 * self.shape[0], self.bytes.len());
        self.words().map(i32::from_le_bytes).collect()
    }

    fn text(&self) -> Vec<String> {
        let width: usize = self.descr.strip_prefix("<U").unwrap().parse().unwrap();
        assert_eq!(self.bytes.len(), 4 * width * self.shape[0]);
        let points: Vec<u32> = self.words().map(u32::from_le_bytes).collect();
        let read =
            |word: &[u32]| word.iter().filter(|&&c| c != 0).map(|&c| char::from_u32(c).unwrap()).collect();
        points.chunks(width).map(read).collect()
    }
}

fn read_npz(path: &Path) -> BTreeMap<String, Array> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            assert_eq!(entry.compression(), zip::CompressionMethod::Stored);
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let name = entry.name().unwrap().strip_suffix(".npy").unwrap().to_string();
            (name, Array::parse(&bytes))
        })
        .collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Checks that the file has the size and hash that `write` returned.
fn agrees(path: &Path, written: &Written) {
    let bytes = std::fs::read(path).unwrap();
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!((written.bytes, &written.sha256), (bytes.len() as u64, &hash));
}

#[test]
fn npy_holds_the_parameters() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npy");
    let motion = motion(19);
    agrees(&path, &write(&path, &motion, &Options::default()).unwrap());
    let read = Array::parse(&std::fs::read(&path).unwrap()).f32(&[19, 5]);
    assert_eq!(bits(&read), bits(motion.values()));
}

#[test]
fn npz_holds_everything_and_the_vertices_of_the_source() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let motion = motion(131);
    let calls = AtomicUsize::new(0);
    let counted = |first: usize, vertices: &mut [f32]| {
        calls.fetch_add(vertices.len() / 21, Ordering::Relaxed);
        fill(first, vertices)
    };
    let options =
        Options { vertices: Some(VertexSource { vertices: 7, fill: &counted }), ..Options::default() };
    let written = write(&path, &motion, &options).unwrap();
    agrees(&path, &written);
    assert_eq!(calls.load(Ordering::Relaxed), 131);
    let arrays = read_npz(&path);
    assert_eq!(
        arrays.keys().collect::<Vec<_>>(),
        ["codes_b", "codes_t", "emotion_logvar", "emotion_mu", "fps", "motion", "names", "vertices"]
    );
    assert_eq!(bits(&arrays["motion"].f32(&[131, 5])), bits(motion.values()));
    assert_eq!(arrays["codes_t"].i32(), codes(&motion, "codes_t"));
    assert_eq!(arrays["codes_b"].i32(), codes(&motion, "codes_b"));
    assert_eq!(arrays["fps"].f32(&[]), [25.0]);
    assert_eq!(arrays["names"].text(), names(&motion));
    assert_eq!(arrays["emotion_mu"].f32(&[2, 3]), floats(&motion, "emotion.mu"));
    assert_eq!(arrays["emotion_logvar"].f32(&[2, 3]), floats(&motion, "emotion.logvar"));
    let vertices = arrays["vertices"].f32(&[131, 7, 3]);
    for (i, value) in vertices.iter().enumerate() {
        assert_eq!(*value, corner(i / 21, i % 21 / 3, i % 3));
    }
    assert_eq!(write(folder.path().join("again.npz"), &motion, &options).unwrap(), written);
}

#[test]
fn an_animation_of_vertices_goes_into_numpy_files_and_no_table() {
    let folder = tempdir().unwrap();
    let values: Vec<f32> = (0..3 * 21).map(|i| corner(i / 21, i % 21 / 3, i % 3)).collect();
    // Every frame is a shape of its own.
    let basis = ShapeTable { topology: "seven".into(), rest: vec![0.0; 21], table: values.clone() };
    let weights = (0..9).map(|i| if i % 4 == 0 { 1.0 } else { 0.0 }).collect();
    let mesh = Vertices::new(Arc::new(basis), weights);
    let rate = Rate::new(30_000, 1_001).unwrap();
    let extras = Extras::new().with("noise.seed", [], vec![7]).with("latent", [3, 1, 2], vec![0.5; 6]);
    let mesh = Animation::from_vertices(rate, mesh).with_extras(extras);
    let path = folder.path().join("a.npz");
    agrees(&path, &write(&path, &mesh, &Options::default()).unwrap());
    let arrays = read_npz(&path);
    assert_eq!(arrays.keys().collect::<Vec<_>>(), ["fps", "latent", "noise_seed", "vertices"]);
    assert_eq!(bits(&arrays["vertices"].f32(&[3, 7, 3])), bits(&values));
    assert_eq!(arrays["fps"].f32(&[]), [(30_000.0 / 1_001.0) as f32]);
    assert_eq!(arrays["latent"].f32(&[3, 1, 2]), [0.5; 6]);
    let path = folder.path().join("a.npy");
    write(&path, &mesh, &Options::default()).unwrap();
    assert_eq!(bits(&Array::parse(&std::fs::read(&path).unwrap()).f32(&[3, 7, 3])), bits(&values));
    for (ending, words, code) in [
        ("csv", "7 vertices of the mesh `seven`", 2),
        ("json", "7 vertices of the mesh `seven`", 2),
        ("html", "moves 7 vertices, and the face `Built-in head` has 7971", 3),
        ("glb", "moves 7 vertices, and the face `Built-in head` has 7971", 3),
    ] {
        let path = folder.path().join("b").with_extension(ending);
        let face = deeptalk_rt::rig::Face::builtin().unwrap();
        let error = write(&path, &mesh, &Options { face: Some(&face), ..Options::default() }).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.exit_code(), code);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn npz_without_a_face_has_no_vertices() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.NPZ");
    agrees(&path, &write(&path, &motion(1), &Options::default()).unwrap());
    assert!(!read_npz(&path).contains_key("vertices"));
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut in_quotes = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if in_quotes && letters.next_if_eq(&'"').is_some() => fields.last_mut().unwrap().push('"'),
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(letter),
        }
    }
    fields
}

#[test]
fn csv_has_a_row_for_every_frame_and_reads_back_exactly() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.csv");
    let motion = motion(99);
    agrees(&path, &write(&path, &motion, &Options::default()).unwrap());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.ends_with('\n'));
    let rows: Vec<Vec<String>> = text.lines().map(fields).collect();
    assert_eq!(rows.len(), 100);
    assert_eq!(rows[0][..2], ["frame", "time"]);
    assert_eq!(rows[0][2..], *names(&motion));
    assert_eq!(rows[4][..3], ["3", "0.12", &format!("{:?}", motion.frame(3)[0])]);
    for (frame, row) in rows[1..].iter().enumerate() {
        let values: Vec<f32> = row[2..].iter().map(|field| field.parse().unwrap()).collect();
        assert_eq!(bits(&values), bits(motion.frame(frame)));
    }
}

#[test]
fn json_holds_everything_and_reads_back_exactly() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.json");
    let motion = motion(99);
    agrees(&path, &write(&path, &motion, &Options::default()).unwrap());
    let text = std::fs::read_to_string(&path).unwrap();
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rows =
        |value: &serde_json::Value| -> Vec<Vec<f32>> { serde_json::from_value(value.clone()).unwrap() };
    let frames = rows(&read["frames"]);
    assert_eq!(frames.len(), 99);
    for (frame, row) in frames.iter().enumerate() {
        assert_eq!(bits(row), bits(motion.frame(frame)));
    }
    assert_eq!(read["fps"], 25.0);
    assert_eq!(read["names"], serde_json::json!(names(&motion)));
    assert_eq!(read["codes_t"], serde_json::json!(codes(&motion, "codes_t")));
    assert_eq!(read["codes_b"], serde_json::json!(codes(&motion, "codes_b")));
    assert_eq!(rows(&read["emotion"]["mu"]).concat(), floats(&motion, "emotion.mu"));
    assert_eq!(rows(&read["emotion"]["logvar"])[1], floats(&motion, "emotion.logvar")[3..]);
}

#[test]
fn the_readme_knows_every_ending() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    for format in &FORMATS {
        let ending = match format.ending {
            Ending::Suffix(suffix) => format!("`.{suffix}`"),
            Ending::Folder => "`frames/`".into(),
        };
        assert!(readme.contains(&ending), "{ending} is not in the table of README.md");
        assert!(format.layout.is_none_or(|layout| readme.contains(layout)), "{format:?}");
    }
}

#[test]
fn an_unknown_ending_lists_the_known_ones() {
    let folder = tempdir().unwrap();
    for name in ["a.bvh", "a", ".npz", "a.npz.", ""] {
        let error = write(folder.path().join(name), &motion(1), &Options::default()).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(".npz, .npy, .csv, .json"), "{error}");
    }
    assert_eq!(Format::of_path("x/A.Csv").unwrap().ending, Ending::Suffix("csv"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_motion_that_contradicts_itself_or_is_not_finite_is_refused_in_every_format() {
    let folder = tempdir().unwrap();
    type Change = fn(Animation) -> Animation;
    fn changed(mut motion: Animation, change: impl Fn(&mut Vec<String>, &mut Vec<f32>)) -> Animation {
        let parameters = motion.parameters_mut().unwrap();
        change(&mut parameters.names, &mut parameters.values);
        motion
    }
    fn with(mut motion: Animation, name: &str, shape: [usize; 2], values: Vec<f32>) -> Animation {
        motion.extras = motion.extras.with(name, shape, values);
        motion
    }
    let changes: [(Change, &str); 9] = [
        (|motion| changed(motion, |names, _| names.clear()), "the names"),
        (
            |motion| changed(motion, |_, values| values.clear()),
            "expected one or more rows of 5, found 0 numbers",
        ),
        (|motion| changed(motion, |_, values| values.truncate(8)), "found 8 numbers"),
        (|motion| changed(motion, |_, values| values[7] = f32::NAN), "NaN in frame 1, `Mundöffnung`"),
        (|motion| with(motion, "emotion.mu", [2, 3], vec![0.0; 4]), "the extra `emotion.mu`"),
        (|motion| with(motion, "emotion.logvar", [2, 0], vec![0.0; 3]), "the extra `emotion.logvar`"),
        (
            |motion| with(motion, "emotion.mu", [2, 3], vec![0., 1., 2., 3., f32::INFINITY, 5.]),
            "inf in row 1, column 1",
        ),
        (|motion| with(motion, "fps", [1, 1], vec![0.0]), "none of them motion, fps, names"),
        (|motion| with(motion, "emotion_mu", [1, 1], vec![0.0]), "found `emotion_mu`"),
    ];
    for ending in ["npz", "npy", "csv", "json"] {
        for (change, words) in changes {
            let motion = change(motion(3));
            let error = write(folder.path().join("a").with_extension(ending), &motion, &Options::default());
            assert!(error.as_ref().unwrap_err().to_string().contains(words), "{error:?}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_vertex_source_that_fails_or_gives_nan_leaves_no_file() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let stop = |first: usize, _: &mut [f32]| if first > 0 { Err(Error::Cancelled) } else { Ok(()) };
    let options = Options { vertices: Some(VertexSource { vertices: 2, fill: &stop }), ..Options::default() };
    assert!(matches!(write(&path, &motion(99), &options), Err(Error::Cancelled)));
    let nan = |first: usize, vertices: &mut [f32]| {
        for (i, value) in vertices.iter_mut().enumerate() {
            *value = if first + i / 6 == 70 && i % 6 == 4 { f32::NAN } else { 0.0 };
        }
        Ok(())
    };
    let options = Options { vertices: Some(VertexSource { vertices: 2, fill: &nan }), ..Options::default() };
    let error = write(&path, &motion(99), &options).unwrap_err();
    assert!(error.to_string().contains("NaN in frame 70, vertex 1"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_missing_folder_and_a_target_that_is_a_folder_are_refused() {
    let folder = tempdir().unwrap();
    std::fs::create_dir(folder.path().join("b.npz")).unwrap();
    for (name, words) in [("no/a.npz", "its folder does not exist"), ("b.npz", "is a directory")] {
        let error = write(folder.path().join(name), &motion(1), &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Io { .. }) && error.to_string().contains(words), "{error}");
    }
}

/// Runs the ignored test `name` of this file in its own namespace, where `mount` may be used. False if the
/// system does not allow that.
#[cfg(target_os = "linux")]
fn runs_with_mounts(name: &str) -> bool {
    let unshare = |arguments: &[&str]| {
        std::process::Command::new("unshare").args(["--map-root-user", "--mount"]).args(arguments).output()
    };
    let folder = tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", place];
    if !unshare(&mount).is_ok_and(|output| output.status.success()) {
        return false;
    }
    let program = std::env::current_exe().unwrap();
    let output = unshare(&[program.to_str().unwrap(), "--ignored", "--exact", name, "--nocapture"]).unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert!(!text.contains("ZipWriter"), "{text}");
    true
}

#[cfg(target_os = "linux")]
fn mount(options: &str, place: &Path) {
    let status =
        std::process::Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(place).status();
    assert!(status.unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs a namespace where it may mount; `a_full_or_read_only_disk_is_told` makes one"]
fn on_a_disk_of_its_own() {
    let folder = tempdir().unwrap();
    mount("size=64k", folder.path());
    std::fs::write(folder.path().join("a.json"), "before").unwrap();
    let options = Options { vertices: Some(VertexSource { vertices: 3, fill: &fill }), ..Options::default() };
    for ending in ["npz", "npy", "csv", "json"] {
        let path = folder.path().join("a").with_extension(ending);
        let error = write(&path, &motion(20_011), &options).unwrap_err().to_string();
        assert!(error.contains("the disk is full: "), "{error}");
        assert!(error.contains(" bytes were written; free space or choose another folder"), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert_eq!(std::fs::read(folder.path().join("a.json")).unwrap(), b"before");

    let folder = tempdir().unwrap();
    mount("ro,size=64k", folder.path());
    let error = write(folder.path().join("a.npz"), &motion(1), &options).unwrap_err().to_string();
    assert!(error.contains("choose a folder that you may write to"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_or_read_only_disk_is_told() {
    if !runs_with_mounts("on_a_disk_of_its_own") {
        println!("skipped: this system does not let an ordinary user mount a disk of his own");
    }
}

#[test]
#[ignore = "writes 4.4 GB"]
fn vertices_beyond_four_gigabytes_are_written_in_bounded_memory() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let options =
        Options { vertices: Some(VertexSource { vertices: 5_023, fill: &fill }), ..Options::default() };
    let written = write(&path, &motion(73_000), &options).unwrap();
    assert!(written.bytes > 73_000 * 5_023 * 12);
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    let mut entry = archive.by_name("vertices.npy").unwrap();
    assert_eq!(entry.size(), 128 + 73_000 * 5_023 * 12);
    std::io::copy(&mut entry, &mut std::io::sink()).unwrap();
}
