//! Progress of the work: a bar for people, JSON lines for programs.

use std::fmt::Display;
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use deeptalk_rt::Error;
use deeptalk_rt::encode::picture::Drawn;
use deeptalk_rt::files::Written;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{advice, say};

/// The form in which progress is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Style {
    /// A bar with rate and time left
    Bar,
    /// One JSON object per line
    Json,
    /// Only results and errors
    None,
}

/// Prints progress and results on standard error.
pub struct Reporter {
    style: Style,
    bar: ProgressBar,
}

/// A file that was written, and the time it took.
pub struct Output<'a> {
    pub input: &'a Path,
    pub path: &'a Path,
    pub frames: usize,
    pub seconds: f64,
    pub took: Duration,
    pub written: Written,
    /// For pictures: the time of the network, and the times of drawing.
    pub drawn: Option<(Duration, Drawn)>,
}

impl Reporter {
    /// A reporter; without a style: a bar on a terminal, none elsewhere.
    pub fn new(style: Option<Style>) -> Self {
        let usual = if stderr().is_terminal() { Style::Bar } else { Style::None };
        Self { style: style.unwrap_or(usual), bar: ProgressBar::hidden() }
    }

    /// Begins a piece of work; `unit` is what [`advance`](Self::advance) counts.
    pub fn begin(&mut self, name: &str, unit: &str) {
        if self.style == Style::Bar {
            let template =
                format!("{{prefix}} {{wide_bar}} {{pos}}/{{len}} {unit}, {{per_sec}}, {{eta}} left");
            let style = ProgressStyle::with_template(&template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .with_key("per_sec", |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                    let _ = write!(out, "{:.0}/s", state.per_sec());
                });
            self.bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr()).with_style(style);
            self.bar.set_prefix(name.to_owned());
        }
    }

    /// Reports that `done` of `total` units are done.
    pub fn advance(&self, name: &Path, done: usize, total: usize) {
        match self.style {
            Style::Bar => {
                self.bar.set_length(total as u64);
                self.bar.set_position(done as u64);
            }
            Style::Json => say::line(
                json!({ "event": "progress", "file": name.to_string_lossy(), "done": done, "total": total }),
            ),
            Style::None => {}
        }
    }

    /// Ends the piece of work.
    pub fn end(&mut self) {
        self.bar.finish_and_clear();
        self.bar = ProgressBar::hidden();
    }

    /// Reports a file that was written.
    pub fn written(&self, output: &Output<'_>) {
        let Output { input, path, frames, seconds, took, written, drawn } = output;
        let took = took.as_secs_f64();
        let factor = seconds / took.max(1e-9);
        let Written { bytes, sha256 } = written;
        if self.style == Style::Json {
            say::line(json!({
                "event": "written", "file": input.to_string_lossy(), "output": path.to_string_lossy(),
                "frames": frames, "seconds": seconds, "took": took, "real_time_factor": factor,
                "bytes": bytes, "sha256": sha256, "thread_seconds": drawn.as_ref().map(|(model, drawn)| json!({
                    "model": model.as_secs_f64(), "skinning": drawn.skinning.as_secs_f64(),
                    "rendering": drawn.rendering.as_secs_f64(), "encoding": drawn.encoding.as_secs_f64(),
                })),
            }));
            return;
        }
        let path = path.display();
        let frames = count_of(*frames, "frame");
        let split = drawn.as_ref().map_or_else(String::new, |(model, drawn)| {
            let [model, skinning, rendering, encoding] =
                [*model, drawn.skinning, drawn.rendering, drawn.encoding].map(|time| time.as_secs_f64());
            format!(
                "; model {model:.2} s, and summed over threads: skinning {skinning:.2}, rendering {rendering:.2}, \
                 encoding {encoding:.2}"
            )
        });
        self.line(format_args!(
            "{path}: {frames}, {seconds:.2} s, in {took:.2} s ({factor:.1} x real time{split}), sha256 {sha256:.16}"
        ));
    }

    /// Reports what is wrong with an input that could be read all the same.
    pub fn warned(&self, input: &Path, warning: &str) {
        let file = input.to_string_lossy();
        if self.style == Style::Json {
            say::line(json!({ "event": "warning", "file": file, "message": warning }));
        } else {
            self.line(format_args!("warning: {file}: {warning}"));
        }
    }

    /// Reports an error of one input, or of the whole run.
    pub fn failed(&self, input: Option<&Path>, error: &Error) {
        if self.style == Style::Json {
            let file = input.map(Path::to_string_lossy);
            let (message, code) = (advice::told(error), error.exit_code());
            say::line(json!({ "event": "failed", "file": file, "message": message, "exit_code": code }));
        } else {
            self.line(format_args!("error: {}", advice::told(error)));
        }
    }

    /// Reports the end of the run.
    pub fn done(&self, written: usize, failed: usize, exit_code: u8) {
        if self.style == Style::Json {
            say::line(
                json!({ "event": "done", "written": written, "failed": failed, "exit_code": exit_code }),
            );
        } else if failed > 0 && written > 0 {
            let recordings = count_of(failed, "recording");
            say::line(format_args!("error: {recordings} failed; {} written", count_of(written, "file")));
        }
    }

    /// Prints a line above the bar.
    pub fn line(&self, text: impl Display) {
        self.bar.suspend(|| say::line(text));
    }
}

/// "1 frame", "2 frames".
fn count_of(number: usize, what: &str) -> String {
    format!("{} {what}{}", say::count(number), if number == 1 { "" } else { "s" })
}

/// The label of a recording in the progress bar: its name, and its number if there are several.
pub fn label(input: &Path, index: usize, count: usize) -> String {
    let name = input.file_name().unwrap_or(input.as_os_str()).to_string_lossy();
    if count == 1 { name.into_owned() } else { format!("[{}/{count}] {name}", index + 1) }
}
