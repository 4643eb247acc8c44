//! The command line: parses options, calls the library, prints results. One file for each subcommand.

mod advice;
mod bench;
mod bench_table;
mod control;
mod device;
mod doctor;
mod emotion;
mod filters;
mod finish;
mod formats;
mod import;
mod info;
mod inputs;
mod mood;
mod outputs;
mod picture;
mod process;
mod progress;
mod run;
mod say;
mod speaker;
mod stop;
mod stream;
mod synth_model;
mod tally;
mod values;
mod variety;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use deeptalk_rt::Result;
use deeptalk_rt::tensor::Dtype;

const EXAMPLES: &str = "\
Examples:
  deeptalk-rt run speech.wav -o talk.mp4
  deeptalk-rt import deeptalk DEEPTalk.pth -o model.safetensors
  deeptalk-rt run speech.wav -o talk.npz --model model.safetensors
  arecord -q -f S16_LE -r 16000 -t raw | deeptalk-rt stream

Results go to files or to standard output, everything else to standard error.
Exit codes: 0 done, 1 failed, 2 wrong use, 3 bad input file, 4 no such device.";

/// Speech in, an emotional 3D face animation out
#[derive(Parser)]
#[command(name = "deeptalk-rt", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(max_term_width = 100, disable_help_subcommand = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(Box<run::Run>),
    Stream(Box<stream::Stream>),
    Emotion(emotion::Emotion),
    Import(import::Import),
    SynthModel(synth_model::SynthModel),
    Info(info::Info),
    Verify(verify::Verify),
    Bench(bench::Bench),
    Doctor(doctor::Doctor),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    let threads = match &command {
        Command::Run(run) => run.threads,
        _ => None,
    };
    let outcome = process::set_up(threads).and_then(|()| execute(command));
    outcome.unwrap_or_else(|error| {
        say::error(&error);
        ExitCode::from(error.exit_code())
    })
}

fn execute(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run(run) => run.execute(),
        Command::Stream(stream) => done(stream.execute()),
        Command::Emotion(emotion) => done(emotion.execute()),
        Command::Import(import) => done(import.execute()),
        Command::SynthModel(synth_model) => done(synth_model.execute()),
        Command::Info(info) => done(info.execute()),
        Command::Verify(verify) => verify.execute(),
        Command::Bench(bench) => bench.execute(),
        Command::Doctor(doctor) => done(doctor.execute()),
    }
}

fn done(outcome: Result<()>) -> Result<ExitCode> {
    outcome.map(|()| ExitCode::SUCCESS)
}

/// How a model file stores its numbers.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Precision {
    F16,
    F32,
}

impl From<Precision> for Dtype {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F16 => Self::F16,
            Precision::F32 => Self::F32,
        }
    }
}
