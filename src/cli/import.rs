//! `import`: published checkpoints and faces to files of this program.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use deeptalk_rt::networks::{self, ImportReport};
use deeptalk_rt::rig::import_flame;
use deeptalk_rt::{Error, Result};

use super::progress::Reporter;
use super::{Precision, outputs, say, stop};

const NETWORK_EXAMPLES: &str = "\
Examples:
  Everything that `run` needs:
    deeptalk-rt import deeptalk DEEPTalk.pth -o model.safetensors
  With the emotion of motions too:
    deeptalk-rt import deeptalk DEEPTalk.pth FER.pth -o model.safetensors
  To compare with the published numbers, digit for digit:
    deeptalk-rt import deeptalk DEEPTalk.pth -o model.safetensors --dtype f32

f16 is half as large and what a GPU computes with; rounding the weights to it moves results by about 0.2 %
(1.7e-3 of their root mean square). Checkpoints are read as data: nothing in them is ever run.";

const FLAME_EXAMPLES: &str = "\
Examples:
  deeptalk-rt import flame generic_model.pkl -o face.safetensors
  deeptalk-rt import flame flame2023.npz -o face.safetensors

FLAME may be downloaded by those who accept its licence, at https://flame.is.tue.mpg.de. The licence and the edition are
written into the face file.";

/// Turn published checkpoints and faces into files of this program
#[derive(Args)]
pub struct Import {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    #[command(name = networks::importer().map_or("model", |import| import.command))]
    Network(Network),
    Flame(Flame),
}

/// Make one model file of DEEPTalk's published checkpoints
#[derive(Args)]
#[command(after_help = NETWORK_EXAMPLES)]
struct Network {
    /// DEEPTalk.pth, and optionally FER.pth, DEE.pt and TH-VQVAE.pth: in any order, under any name
    #[arg(value_name = "CHECKPOINT", required = true)]
    checkpoints: Vec<PathBuf>,

    /// The model file to write
    #[arg(short, long, value_name = "MODEL")]
    output: PathBuf,

    /// How numbers are stored
    #[arg(long, default_value = "f16")]
    dtype: Precision,

    /// List every tensor that is left out
    #[arg(short, long)]
    verbose: bool,
}

/// Make a face file of a FLAME model (2020 or 2023, .pkl or .npz)
#[derive(Args)]
#[command(after_help = FLAME_EXAMPLES)]
struct Flame {
    /// FLAME's generic_model.pkl, or the npz of FLAME 2023
    #[arg(value_name = "FLAME")]
    model: PathBuf,

    /// The face file to write
    #[arg(short, long, value_name = "FACE")]
    output: PathBuf,
}

impl Import {
    pub fn execute(&self) -> Result<()> {
        match &self.what {
            What::Network(network) => network.execute(),
            What::Flame(flame) => flame.execute(),
        }
    }
}

impl Network {
    fn execute(&self) -> Result<()> {
        outputs::check([&self.output], &self.checkpoints)?;
        stop::listen();
        let mut reporter = Reporter::new(None);
        reporter.begin(&self.output.to_string_lossy(), "tensors");
        let import = networks::importer();
        let import = import.ok_or_else(|| Error::Usage("no architecture has published files".into()))?;
        let report = (import.run)(&self.checkpoints, &self.output, self.dtype.into(), &mut |progress| {
            reporter.advance(&self.output, progress.done, progress.total);
            stop::check()
        });
        reporter.end();
        self.tell(&report?);
        Ok(())
    }

    fn tell(&self, report: &ImportReport) {
        let ImportReport { written, notes, used, dropped } = report;
        say::line(format_args!(
            "{} tensors were used, {} left out:",
            say::count(*used),
            say::count(dropped.len())
        ));
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, reason) in dropped {
            reasons.entry(reason).or_default().push(name);
        }
        for (reason, names) in reasons {
            say::line(format_args!("  {:>5}  {reason}", say::count(names.len())));
            if self.verbose {
                names.iter().for_each(|name| say::line(format_args!("           {name}")));
            }
        }
        notes.iter().for_each(say::line);
        say::file(&self.output, "a model", written);
    }
}

impl Flame {
    fn execute(&self) -> Result<()> {
        outputs::check([&self.output], [&self.model])?;
        let face = import_flame(&self.model)?;
        let written = face.save(&self.output)?;
        let vertices = say::count(face.vertex_count());
        say::file(&self.output, &format!("a face, {}, {vertices} vertices", face.edition), &written);
        say::line(format_args!("licence: {}", face.license));
        Ok(())
    }
}
