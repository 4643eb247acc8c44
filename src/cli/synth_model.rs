//! `synth-model`: a model of seeded random weights.

use std::path::PathBuf;

use clap::Args;
use deeptalk_rt::networks::{ARCHITECTURES, Architecture, NamedSizes, synth_model};
use deeptalk_rt::{Error, Result};

use super::progress::Reporter;
use super::{Precision, outputs, say, stop};

const EXAMPLES: &str = "\
Examples:
  deeptalk-rt synth-model -o model.safetensors               as large and as fast as the published model
  deeptalk-rt synth-model --size tiny -o tiny.safetensors    0.7 MB, to try things out

The weights come from a formula and are the same everywhere. The network was never trained: what it makes of a
recording is a motion of the right form, not a talking face.";

/// Write a model of seeded random weights, for tests and benchmarks
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct SynthModel {
    /// The network
    #[arg(long, value_name = "NAME", default_value = ARCHITECTURES[0].name, value_parser = super::values::architecture)]
    architecture: &'static Architecture,

    /// The sizes by name; of DEEPTalk: base as published, default those of this project's own model, tiny a hundredth as wide as base
    /// [default: the first that the network has]
    #[arg(long, value_name = "NAME")]
    size: Option<String>,

    /// The type of the stored numbers: f16 takes half the space of f32
    #[arg(long, default_value = "f16")]
    dtype: Precision,

    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    output: PathBuf,
}

impl SynthModel {
    pub fn execute(&self) -> Result<()> {
        let config = (self.sizes()?.config)();
        outputs::check([&self.output], [])?;
        stop::listen();
        let mut reporter = Reporter::new(None);
        reporter.begin(&self.output.to_string_lossy(), "tensors");
        let written =
            synth_model(&self.output, self.architecture, &config, self.dtype.into(), &mut |progress| {
                reporter.advance(&self.output, progress.done, progress.total);
                stop::check()
            });
        reporter.end();
        say::file(&self.output, "a model of seeded random weights, never trained", &written?);
        Ok(())
    }

    fn sizes(&self) -> Result<&'static NamedSizes> {
        let sizes = self.architecture.sizes;
        let found = match &self.size {
            None => sizes.first(),
            Some(name) => sizes.iter().find(|known| known.name == name),
        };
        found.ok_or_else(|| {
            let known: Vec<String> =
                sizes.iter().map(|known| format!("{} ({})", known.name, known.about)).collect();
            let name = self.size.as_deref().unwrap_or_default();
            Error::Usage(format!(
                "{} has no sizes named `{name}`: the known ones are {}",
                self.architecture.name,
                known.join(", ")
            ))
        })
    }
}
