//! `synth-model`: weights that anyone can rebuild.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use deeptalk_rt::Result;
use deeptalk_rt::networks::deeptalk::Config;
use deeptalk_rt::networks::deeptalk::synth_model_with;

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
    /// The sizes: base as published, default those of this project's own model, tiny a hundredth as wide as base
    #[arg(long, default_value = "base")]
    size: Size,

    /// How numbers are stored: f16 takes half the room of f32
    #[arg(long, default_value = "f16")]
    dtype: Precision,

    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Size {
    Base,
    Default,
    Tiny,
}

impl SynthModel {
    pub fn execute(&self) -> Result<()> {
        let config = match self.size {
            Size::Base => Config::base(),
            Size::Default => Config::default_model(),
            Size::Tiny => Config::tiny(),
        };
        outputs::check([&self.output], [])?;
        stop::listen();
        let mut reporter = Reporter::new(None);
        reporter.begin(&self.output.to_string_lossy(), "tensors");
        let written = synth_model_with(&self.output, &config, self.dtype.into(), &mut |progress| {
            reporter.advance(&self.output, progress.done, progress.total);
            stop::check()
        });
        reporter.end();
        say::file(&self.output, "a model of seeded random weights, never trained", &written?);
        Ok(())
    }
}
