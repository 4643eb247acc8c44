//! Stages of a forward as host data, whatever the device: for verification, profiles and tests.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::Result;
use crate::layers::Observer;
use crate::tensor::{Clips, Ops, Packed};

/// The numbers of a stage.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Of a tensor.
    Numbers(Vec<f32>),
    /// Of chosen codes.
    Codes(Vec<i32>),
}

/// A stage: (rows, channels), row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Rows and channels.
    pub shape: [usize; 2],
    /// The numbers.
    pub values: Values,
}

/// The stages of a forward, by name.
pub type Stages = BTreeMap<String, Stage>;

/// A stage that is still on the device.
pub trait StageView {
    /// The rows of each clip.
    fn clips(&self) -> &Clips;
    /// Channels of a row; 1 for codes.
    fn channels(&self) -> usize;
    /// Copies the numbers to the host.
    ///
    /// # Errors
    /// Those of the device.
    fn values(&self) -> Result<Values>;
    /// Waits until the device has computed this stage.
    ///
    /// # Errors
    /// Those of the device.
    fn wait(&self) -> Result<()>;
}

/// Receives the stages of a forward.
pub trait Probe {
    /// Receives one stage.
    ///
    /// # Errors
    /// An error ends the forward.
    fn stage(&self, name: &'static str, stage: &dyn StageView) -> Result<()>;
}

/// A probe as an observer of one device.
pub(crate) struct Probed<'a, B> {
    pub ops: &'a B,
    pub probe: Option<&'a dyn Probe>,
}

struct NumbersView<'a, B: Ops>(&'a B, &'a B::Tensor);
struct CodesView<'a, B: Ops>(&'a B, &'a B::Codes);

/// A copy to the host is queued behind all work that is under way.
fn wait<B: Ops>(ops: &B) -> Result<()> {
    let codes = ops.upload_codes(&Clips::one(1), &[0])?;
    ops.download_codes(&codes).map(drop)
}

impl<B: Ops> StageView for NumbersView<'_, B> {
    fn clips(&self) -> &Clips {
        self.1.clips()
    }
    fn channels(&self) -> usize {
        self.1.channels()
    }
    fn values(&self) -> Result<Values> {
        self.0.download(self.1).map(Values::Numbers)
    }
    fn wait(&self) -> Result<()> {
        wait(self.0)
    }
}

impl<B: Ops> StageView for CodesView<'_, B> {
    fn clips(&self) -> &Clips {
        self.1.clips()
    }
    fn channels(&self) -> usize {
        1
    }
    fn values(&self) -> Result<Values> {
        self.0.download_codes(self.1).map(Values::Codes)
    }
    fn wait(&self) -> Result<()> {
        wait(self.0)
    }
}

impl<B: Ops> Observer<B> for Probed<'_, B> {
    fn stage(&self, name: &'static str, x: &B::Tensor) -> Result<()> {
        self.probe.map_or(Ok(()), |probe| probe.stage(name, &NumbersView(self.ops, x)))
    }

    fn codes(&self, name: &'static str, codes: &B::Codes) -> Result<()> {
        self.probe.map_or(Ok(()), |probe| probe.stage(name, &CodesView(self.ops, codes)))
    }

    fn reads(&self) -> bool {
        self.probe.is_some()
    }
}

/// Keeps every stage, clip by clip.
struct Recorder(RefCell<Vec<Stages>>);

impl Probe for Recorder {
    fn stage(&self, name: &'static str, stage: &dyn StageView) -> Result<()> {
        let (values, channels) = (stage.values()?, stage.channels());
        for (stages, range) in self.0.borrow_mut().iter_mut().zip(stage.clips().ranges()) {
            let part = range.start * channels..range.end * channels;
            let values = match &values {
                Values::Numbers(values) => Values::Numbers(values[part].to_vec()),
                Values::Codes(codes) => Values::Codes(codes[part].to_vec()),
            };
            stages.insert(name.into(), Stage { shape: [range.len(), channels], values });
        }
        Ok(())
    }
}

/// The stages of each of `clips` clips of a forward that `body` runs on one back end with an observer.
///
/// # Errors
/// Those of `body`.
pub fn record_on<B: Ops>(
    ops: &B,
    clips: usize,
    body: impl FnOnce(&dyn Observer<B>) -> Result<()>,
) -> Result<Vec<Stages>> {
    record(clips, |probe| body(&Probed { ops, probe: Some(probe) }))
}

/// The stages of each of `clips` clips of a forward that `body` runs with a probe.
///
/// # Errors
/// Those of `body`.
pub fn record(clips: usize, body: impl FnOnce(&dyn Probe) -> Result<()>) -> Result<Vec<Stages>> {
    let recorder = Recorder(RefCell::new(vec![Stages::new(); clips]));
    body(&recorder)?;
    Ok(recorder.0.into_inner())
}
