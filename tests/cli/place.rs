//! The program in a folder of its own.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_deeptalk-rt");

/// The tiny model, made once by the program itself.
pub static MODEL: LazyLock<PathBuf> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{}.safetensors", std::process::id()));
    let made = Said::of(Command::new(PROGRAM).args(["synth-model", "--size", "tiny", "-o"]).arg(&path));
    assert_eq!(made.code, 0, "{}", made.stderr);
    path
});

pub fn speech(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).to_str().unwrap().into()
}

pub fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).to_str().unwrap().into()
}

/// The exit code and the output of a run.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let said = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(!said.stderr.contains("panicked"), "{said:?}");
        said
    }
}

/// A folder to work in.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.0.path()).args(arguments);
        command
    }

    pub fn try_any(&self, arguments: &[&str]) -> Said {
        Said::of(&mut self.command(arguments))
    }

    /// `run` on one recording with the tiny model.
    pub fn try_run(&self, arguments: &[&str]) -> Said {
        Said::of(self.command(&["run", "--model"]).arg(&*MODEL).args(arguments))
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        let said = self.try_run(arguments);
        assert_eq!((said.code, said.stdout.as_str()), (0, ""), "{said:?}");
        said
    }

    /// The bytes of the result of `run` on `speech_a` with these options.
    pub fn bytes(&self, options: &[&str]) -> Vec<u8> {
        self.run(&[&[speech("speech_a.wav").as_str(), "-o", "bytes.npz"], options].concat());
        let bytes = std::fs::read(self.path("bytes.npz")).unwrap();
        std::fs::remove_file(self.path("bytes.npz")).unwrap();
        bytes
    }

    /// The result as JSON.
    pub fn json(&self, options: &[&str]) -> serde_json::Value {
        self.run(&[&[speech("speech_a.wav").as_str(), "-o", "value.json"], options].concat());
        serde_json::from_slice(&std::fs::read(self.path("value.json")).unwrap()).unwrap()
    }

    /// A model whose motion is vertices, made by the program; its path.
    pub fn other_model(&self) -> String {
        let path = self.path("other.safetensors");
        let made =
            ["synth-model", "--architecture", "glditalker", "--size", "tiny", "-o", "other.safetensors"];
        assert_eq!(self.try_any(&made).code, 0);
        path.to_str().unwrap().into()
    }

    /// Every file with its content: a refusal must not change any of them.
    pub fn content(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = std::fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect()
    }

    pub fn names(&self) -> Vec<String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        self.content().into_keys().map(name).collect()
    }

    /// 16 kHz mono floats.
    pub fn wav(&self, name: &str, samples: impl IntoIterator<Item = f32>) -> PathBuf {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut writer = hound::WavWriter::create(self.path(name), spec).unwrap();
        samples.into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
        self.path(name)
    }
}

pub fn noise(samples: u64) -> impl Iterator<Item = f32> {
    (0..samples).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32 / (1 << 24) as f32 - 0.5)
}

pub fn emotion(value: &serde_json::Value) -> Vec<f64> {
    value["emotion"]["mu"][0].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}
