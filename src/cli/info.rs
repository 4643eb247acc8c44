//! `info`: the content of a model file or a face file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use deeptalk_rt::networks::{FORMAT_VERSION, ModelFile, Output};
use deeptalk_rt::rig::Face;
use deeptalk_rt::{Error, Result};
use serde_json::{Value, json};

use super::say;

const EXAMPLES: &str = "\
Examples:
  deeptalk-rt info
  deeptalk-rt info model.safetensors
  deeptalk-rt info face.safetensors --json";

/// Show what is in a model file or a face file
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Info {
    /// A model file or a face file, recognised by its content [default: the built-in model]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// The facts of a file: keys with values that are texts, numbers, lists or tables.
type Facts = Vec<(&'static str, Value)>;

impl Info {
    pub fn execute(&self) -> Result<()> {
        let facts = match &self.file {
            None => of_model(&ModelFile::builtin()?),
            Some(path) if is_face(path)? => of_face(path)?,
            Some(path) => of_model(&ModelFile::open(path)?),
        };
        say::result(&if self.json { as_json(facts) } else { as_lines(&facts) })
    }
}

/// True if the header is that of a face file; everything else is left to the checks of the model.
fn is_face(path: &Path) -> Result<bool> {
    const LARGEST_HEADER: u64 = 8 << 20;
    let unreadable = |error| Error::unreadable(path, error);
    let neither = |found: &str| {
        let next = "give a file that `deeptalk-rt import` or `deeptalk-rt synth-model` wrote";
        Error::bad_input(path, "is neither a model nor a face", "a safetensors file", found, next)
    };
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(neither("a folder or a device"));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| neither("a file of less than 8 bytes"))?;
    let mut header = Vec::new();
    let length = u64::from_le_bytes(length);
    file.take(length.min(LARGEST_HEADER)).read_to_end(&mut header).map_err(unreadable)?;
    let header: Value = serde_json::from_slice(&header).map_err(|_| neither("another kind of file"))?;
    Ok(header["__metadata__"]["format"] == "deeptalk-rt face")
}

fn of_model(file: &ModelFile) -> Facts {
    let (spec, provenance) = (file.spec(), file.provenance());
    let mut parts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut dtypes = BTreeSet::new();
    for tensor in file.tensors() {
        let part = tensor.name.split('.').next().unwrap_or(&tensor.name);
        *parts.entry(part).or_default() += tensor.shape.iter().product::<usize>();
        dtypes.insert(format!("{:?}", tensor.dtype).to_lowercase());
    }
    let mut facts = vec![
        ("file", json!(file.path().to_string_lossy())),
        ("kind", json!("model")),
        ("architecture", json!(spec.architecture)),
        ("format_version", json!(FORMAT_VERSION)),
        ("bytes", json!(file.bytes())),
        ("dtype", json!(dtypes.into_iter().collect::<Vec<_>>().join(" and "))),
        ("parameters", json!(parts.values().sum::<usize>())),
        ("parameters_by_part", json!(parts)),
    ];
    facts.extend(file.facts().iter().cloned());
    facts.push(match &spec.output {
        Output::Parameters(names) => ("channels", json!(names)),
        Output::Vertices(count) => ("vertices", json!(count)),
    });
    facts.push(("actors", json!(spec.identities)));
    facts.push(("source", json!(provenance.source)));
    facts.push(("license", json!(provenance.license)));
    facts
}

fn of_face(path: &Path) -> Result<Facts> {
    let face = Face::load(path)?;
    let bytes = path.metadata().map_err(|error| Error::unreadable(path, error))?.len();
    let masks: BTreeMap<&str, usize> =
        face.masks.iter().map(|(name, vertices)| (name.as_str(), vertices.len())).collect();
    Ok(vec![
        ("file", json!(path.to_string_lossy())),
        ("kind", json!("face")),
        ("name", json!(face.name)),
        ("edition", json!(face.edition)),
        ("bytes", json!(bytes)),
        ("vertices", json!(face.vertex_count())),
        ("triangles", json!(face.faces.len())),
        ("identities", json!(face.identity_count())),
        ("joints", json!(face.joint_names)),
        ("channels", json!(face.parameter_names())),
        ("masks", json!(masks)),
        ("source", json!(face.source)),
        ("license", json!(face.license)),
    ])
}

fn as_json(facts: Facts) -> String {
    let object: serde_json::Map<String, Value> =
        facts.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    format!("{:#}\n", Value::Object(object))
}

/// One line per fact, values aligned; tables get one line per entry.
fn as_lines(facts: &Facts) -> String {
    let mut text = String::new();
    for (key, value) in facts {
        let name = key.replace('_', " ");
        let mut line = |name: &str, value: &str| text.push_str(&format!("{name:<20}{value}\n"));
        match value {
            Value::Object(table) => {
                line(&name, if table.is_empty() { "none" } else { "" });
                for (entry, value) in table {
                    line(&format!("  {entry}"), &in_words(key, value));
                }
            }
            value => line(&name, &in_words(key, value)),
        }
    }
    text
}

fn in_words(key: &str, value: &Value) -> String {
    match value {
        Value::Number(number) if key == "bytes" => say::size(number.as_u64().unwrap_or_default()),
        Value::Number(number) => say::count(number.as_u64().unwrap_or_default() as usize),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.into(),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let names: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            format!("{}: {}", names.len(), names.join(" "))
        }
        other => other.to_string(),
    }
}
