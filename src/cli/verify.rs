//! `verify`: is this the published model, stage by stage?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use deeptalk_rt::networks::{Golden, ModelFile, golden_files};
use deeptalk_rt::tensor::{Device, Dtype};
use deeptalk_rt::verify::{Comparison, Limits, Row, against_golden};
use deeptalk_rt::{Error, Result};

use super::device;
use super::progress::Reporter;
use super::say;

const EXAMPLES: &str = "\
Examples:
  The published sizes against the published code's own numbers, from a clone of the repository:
    deeptalk-rt synth-model --dtype f32 -o base.safetensors
    deeptalk-rt verify base.safetensors --golden tests/golden

A golden file holds what the published code makes of one recording at every stage. The error is the root mean square of the
difference, divided by that of the reference. Exit code 0: every stage is within its limit; 1: at least one is not.";

/// Compare every stage of a model's forward with golden files
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Verify {
    /// The model; golden files made with weights in f32 need one in f32 [default: the built-in model]
    #[arg(value_name = "MODEL")]
    model: Option<PathBuf>,

    /// A golden file, or a folder of them; their WAVs lie beside them
    #[arg(long, value_name = "FILE|FOLDER")]
    golden: PathBuf,

    /// The device that is compared: auto, cpu, cpu:bf16, cuda or cuda:N. On a GPU, which works in fp16, the
    /// limit of a stage is 5e-3; in bf16 it is 4e-2
    #[arg(long, default_value = "cpu")]
    device: Device,
}

impl Verify {
    pub fn execute(&self) -> Result<ExitCode> {
        let device = device::open(self.device)?;
        let limits = Limits::of(device.format());
        let file = self.model.as_ref().map_or_else(ModelFile::builtin, ModelFile::open)?;
        let goldens = golden_files(&self.golden)?;
        let network = file.open_on(&device)?;
        let mut reporter = Reporter::new(None);
        reporter.begin(&self.golden.to_string_lossy(), "files");
        let mut table = String::new();
        let mut mismatch = None;
        for (done, golden) in goldens.iter().enumerate() {
            reporter.advance(&self.golden, done, goldens.len());
            let report = against_golden(&*network, &Golden::open(golden)?, limits)
                .map_err(|error| other_sizes(golden, error))?;
            table.push_str(&as_table(golden, &report));
            mismatch = mismatch.or_else(|| Some(in_a_sentence(golden, report.first_mismatch()?)));
        }
        reporter.end();
        say::result(&table)?;
        let Some(mismatch) = mismatch else { return Ok(ExitCode::SUCCESS) };
        say::line(mismatch);
        if limits == Limits::F32 && file.tensors().any(|tensor| tensor.dtype == Dtype::F16) {
            say::line(
                "the model is stored in f16, which alone costs 1.7e-3: make it again with `--dtype f32`",
            );
        }
        Ok(ExitCode::FAILURE)
    }
}

/// Stages that do not even fit into the network tell of another network.
fn other_sizes(golden: &Path, error: Error) -> Error {
    match error {
        Error::Shape { .. } => {
            let (what, next) =
                ("was made with a model of other sizes", "give the model that it was made with");
            Error::bad_input(golden, what, "stages of this model", error.to_string(), next)
        }
        other => other,
    }
}

fn as_table(golden: &Path, report: &Comparison) -> String {
    let header = ["stage", "shape", "error", "limit", "worst element"].map(String::from);
    let rows: Vec<[String; 5]> = std::iter::once(header).chain(report.rows.iter().map(cells)).collect();
    let widths: [usize; 5] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = format!("{}\n", golden.display());
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(&format!("  {}\n", cells.join("  ").trim_end()));
    }
    for stage in &report.skipped {
        text.push_str(&format!("  {stage}: not compared, this model does not have it\n"));
    }
    text
}

fn cells(row: &Row) -> [String; 5] {
    let Row { stage, shape: [rows, channels], error, limit, note, .. } = row;
    let mark = if row.passed() { "" } else { "  MISMATCH" };
    let note = note.iter().map(|note| format!("  {note}")).collect::<String>();
    let worst = format!("{}{note}{mark}", worst(row).unwrap_or_default());
    [stage.clone(), format!("{rows} x {channels}"), format!("{error:.1e}"), format!("{limit:.0e}"), worst]
}

fn worst(row: &Row) -> Option<String> {
    let (at, channel, value, reference) = row.worst?;
    Some(format!("({at}, {channel}): {value:.6} for {reference:.6}"))
}

fn in_a_sentence(golden: &Path, row: &Row) -> String {
    let Row { stage, error, limit, note, .. } = row;
    let detail = note.iter().cloned().chain(worst(row)).map(|text| format!("; {text}")).collect::<String>();
    format!(
        "first mismatch: {}: `{stage}` is off by {error:.1e} where {limit:.0e} is allowed{detail}",
        golden.display()
    )
}
