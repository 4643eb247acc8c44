//! `synth-model`: a model of seeded random weights.

use std::path::PathBuf;

use clap::Args;
use deeptalk_rt::networks::{
    ARCHITECTURES, Architecture, Golden, NamedSizes, Progress, synth_model, synth_model_of,
};
use deeptalk_rt::{Error, Result};

use super::progress::Reporter;
use super::{Precision, outputs, say, stop};

const EXAMPLES: &str = "\
Examples:
  As large and as fast as the published model:
    deeptalk-rt synth-model -o model.safetensors
  0.7 MB, to try things out:
    deeptalk-rt synth-model --size tiny -o tiny.safetensors
  Another network:
    deeptalk-rt synth-model --architecture glditalker --size head -o gldi.safetensors
  The model that a golden file was made with:
    deeptalk-rt synth-model --like golden.safetensors --dtype f32 -o model.safetensors

The weights come from a formula and are the same everywhere. The network was never trained: what it makes of a
recording is a motion of the right form, not a talking face.";

/// Write a model of seeded random weights, for tests and benchmarks
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct SynthModel {
    /// The network
    #[arg(long, value_name = "NAME", default_value = ARCHITECTURES[0].name, value_parser = super::values::architecture)]
    architecture: &'static Architecture,

    /// The sizes by name, which differ from network to network; a wrong one lists them [default: the first
    /// that the network has]
    #[arg(long, value_name = "NAME")]
    size: Option<String>,

    /// The model that a golden file was made with: its network, its sizes, its tables. Give `--dtype f32` to
    /// compare the two
    #[arg(long, value_name = "GOLDEN", conflicts_with_all = ["architecture", "size"])]
    like: Option<PathBuf>,

    /// The type of the stored numbers: f16 takes half the space of f32
    #[arg(long, default_value = "f16")]
    dtype: Precision,

    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    output: PathBuf,
}

impl SynthModel {
    pub fn execute(&self) -> Result<()> {
        let golden = self.like.as_ref().map(|path| Golden::open(path)).transpose()?;
        let config = (self.sizes()?.config)();
        outputs::check([&self.output], &self.like)?;
        stop::listen();
        let mut reporter = Reporter::new(None);
        reporter.begin(&self.output.to_string_lossy(), "tensors");
        let tell = &mut |progress: Progress| {
            reporter.advance(&self.output, progress.done, progress.total);
            stop::check()
        };
        let written = match &golden {
            Some(golden) => synth_model_of(&self.output, golden, self.dtype.into(), tell),
            None => synth_model(&self.output, self.architecture, &config, self.dtype.into(), tell),
        };
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
