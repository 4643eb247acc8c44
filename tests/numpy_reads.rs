//! NumPy reads the written files, if python3 has NumPy.

use std::process::Command;

use deeptalk_rt::Result;
use deeptalk_rt::animation::{Animation, Extras, Rate};
use deeptalk_rt::export::{Options, VertexSource, write};

const SCRIPT: &str = r#"
import csv, io, json, sys
import numpy as np

npz, npy, table, text = sys.argv[1:]
with np.load(npz, allow_pickle=False) as arrays:
    a = {name: arrays[name] for name in arrays.files}
assert sorted(a) == ["codes_b", "codes_t", "emotion_logvar", "emotion_mu", "fps", "motion", "names", "vertices"], sorted(a)
expected = (np.arange(19 * 4, dtype=np.float32) * np.float32(0.1)).reshape(19, 4)
assert a["motion"].dtype == np.float32 and a["motion"].flags.c_contiguous
np.testing.assert_array_equal(a["motion"], expected)
assert a["fps"].shape == () and a["fps"].dtype == np.float32 and a["fps"] == 25
assert a["names"].tolist() == ["smile", "jaw, \"open\"", "Mundöffnung", "😀"], a["names"]
assert a["codes_t"].dtype == np.int32 and a["codes_t"].tolist() == list(range(5))
assert a["codes_b"].dtype == np.int32 and a["codes_b"].tolist() == list(range(10))
assert a["emotion_mu"].tolist() == [[0, 1, 2], [3, 4, 5]]
assert a["emotion_logvar"].tolist() == [[0, -1, -2], [-3, -4, -5]]
frame, vertex, axis = np.meshgrid(np.arange(19), np.arange(7), np.arange(3), indexing="ij")
np.testing.assert_array_equal(a["vertices"], (frame * 100 + vertex * 10 + axis).astype(np.float32))

np.testing.assert_array_equal(np.load(npy, allow_pickle=False), expected)
saved = io.BytesIO()
np.save(saved, expected)
assert saved.getvalue() == open(npy, "rb").read(), "numpy.save writes other bytes"
np.testing.assert_array_equal(np.load(npy, mmap_mode="r"), expected)

rows = list(csv.reader(open(table, newline="", encoding="utf-8")))
assert rows[0] == ["frame", "time", *a["names"].tolist()]
assert [row[0] for row in rows[1:]] == [str(i) for i in range(19)]
assert rows[4][1] == "0.12"
np.testing.assert_array_equal(np.array([row[2:] for row in rows[1:]], dtype=np.float32), expected)

j = json.load(open(text, encoding="utf-8"))
np.testing.assert_array_equal(np.array(j["frames"], dtype=np.float32), expected)
assert j["names"] == a["names"].tolist() and j["emotion"]["mu"] == a["emotion_mu"].tolist()
"#;

#[test]
fn numpy_reads_what_was_written() {
    let has_numpy = Command::new("python3").args(["-c", "import numpy"]).output();
    if !has_numpy.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("DEEPTALK_TEST_ALL").is_none(), "an independent reader is missing");
        println!("skipped: python3 with numpy is not here");
        return;
    }
    let names = ["smile", "jaw, \"open\"", "Mundöffnung", "😀"].map(String::from);
    let values = (0..19 * 4).map(|i| i as f32 * 0.1).collect();
    let extras = Extras::new()
        .with("codes_t", [5], (0..5).collect::<Vec<i32>>())
        .with("codes_b", [10], (0..10).collect::<Vec<i32>>())
        .with("emotion.mu", [2, 3], (0..6).map(|i| i as f32).collect::<Vec<f32>>())
        .with("emotion.logvar", [2, 3], (0..6).map(|i| -(i as f32)).collect::<Vec<f32>>());
    let motion = Animation::from_parameters(Rate::whole(25), names, values).with_extras(extras);
    let fill = |first: usize, vertices: &mut [f32]| -> Result<()> {
        for (i, value) in vertices.iter_mut().enumerate() {
            *value = ((first + i / 21) * 100 + i / 3 % 7 * 10 + i % 3) as f32;
        }
        Ok(())
    };
    let options = Options { vertices: Some(VertexSource { vertices: 7, fill: &fill }), ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    let paths = ["npz", "npy", "csv", "json"].map(|ending| folder.path().join("a").with_extension(ending));
    for path in &paths {
        write(path, &motion, &options).unwrap();
    }
    let output = Command::new("python3").args(["-c", SCRIPT]).args(&paths).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
