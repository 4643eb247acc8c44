//! A model that threads share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::threads::Threads;
use crate::animation::{EmotionTrack, HIGHEST_STRENGTH, NamedEmotions};
use crate::networks::{ModelFile, Network, Provenance, Spec};
use crate::tensor::{Device, OpenDevice};
use crate::{Error, Result};

/// A loaded model: read-only, cheap to clone, shared by threads.
#[derive(Clone)]
pub struct Model {
    inner: Arc<Inner>,
}

struct Inner {
    network: Arc<dyn Network>,
    device: OpenDevice,
    threads: Option<Threads>,
    provenance: Provenance,
    emotions: NamedEmotions,
}

/// The options of loading a model.
///
/// ```no_run
/// use deeptalk_rt::runtime::{Device, ModelOptions};
///
/// let model = ModelOptions::new().device(Device::Auto).threads(2).load("model.safetensors")?;
/// println!("running on {}", model.device());
/// # Ok::<(), deeptalk_rt::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ModelOptions {
    device: Device,
    threads: Option<usize>,
    emotions: Option<PathBuf>,
}

impl ModelOptions {
    /// The processor, with rayon's current threads.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the network runs.
    pub fn device(self, device: Device) -> Self {
        Self { device, ..self }
    }

    /// So many threads of the model's own, which end with it, instead of rayon's current ones. All sessions
    /// of the model share them. Results do not depend on their number.
    pub fn threads(self, count: usize) -> Self {
        Self { threads: Some(count), ..self }
    }

    /// Moods under names, from a file that was learned with this model ([`NamedEmotions::save`]). They join
    /// those that the model knows; a name that is known already gets the new mood.
    pub fn emotions(self, path: impl Into<PathBuf>) -> Self {
        Self { emotions: Some(path.into()), ..self }
    }

    /// From a model file, which is memory-mapped.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a file that is no good model, [`Error::Device`] for a device that cannot be
    /// used.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Model> {
        self.of_file(&ModelFile::open(path)?)
    }

    /// From the bytes of a model file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(&self, bytes: Vec<u8>) -> Result<Model> {
        self.of_file(&ModelFile::from_bytes(bytes, "the model in memory")?)
    }

    /// The built-in model.
    ///
    /// # Errors
    /// [`Error::Usage`] in a program that has none; [`Error::Device`] as in [`load`](Self::load).
    pub fn builtin(&self) -> Result<Model> {
        self.of_file(&ModelFile::builtin()?)
    }

    /// From a file that is open already.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn of_file(&self, file: &ModelFile) -> Result<Model> {
        const MOST_THREADS: usize = 1024;
        let count = self.threads.filter(|count| !(1..=MOST_THREADS).contains(count));
        if let Some(count) = count {
            return Err(Error::Usage(format!("a model works with 1 to {MOST_THREADS} threads, not {count}")));
        }
        let emotions = emotions_of(file, self.emotions.as_deref())?;
        let device = self.device.open()?;
        // A GPU keeps recorded work for the calling threads; threads of the model's own serve the processor.
        let threads = self.threads.filter(|_| device.cuda().is_none()).map(Threads::new).transpose()?;
        let load = || file.open_on(&device);
        let network = threads.as_ref().map_or_else(load, |threads| threads.run(load))?;
        let provenance = file.provenance().clone();
        Ok(Model { inner: Arc::new(Inner { network, device, threads, provenance, emotions }) })
    }
}

impl Model {
    /// From a model file, on the processor: [`ModelOptions::load`].
    ///
    /// # Errors
    /// As there.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        ModelOptions::new().load(path)
    }

    /// From the bytes of a model file, on the processor: [`ModelOptions::from_bytes`].
    ///
    /// # Errors
    /// As there.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self> {
        ModelOptions::new().from_bytes(bytes)
    }

    /// The built-in model, on the processor: [`ModelOptions::builtin`].
    ///
    /// # Errors
    /// As there.
    pub fn builtin() -> Result<Self> {
        ModelOptions::new().builtin()
    }

    /// What the network reads, what it gives, and which controls it has.
    pub fn spec(&self) -> &Spec {
        self.inner.network.spec()
    }

    /// A name for every column of a motion.
    pub fn parameter_names(&self) -> Vec<String> {
        self.spec().parameter_names().to_vec()
    }

    /// The index of an identity.
    ///
    /// # Errors
    /// [`Error::Usage`] with the names that are known.
    pub fn actor(&self, name: &str) -> Result<usize> {
        self.spec().identity(name)
    }

    /// Source and licence.
    pub fn provenance(&self) -> &Provenance {
        &self.inner.provenance
    }

    /// The moods that have names: the built-in model's eight, and those of [`ModelOptions::emotions`].
    pub fn emotions(&self) -> &NamedEmotions {
        &self.inner.emotions
    }

    /// A take's emotion with every strength times `strength`: 0 is neutral, 1 changes nothing, 2 is the most.
    ///
    /// # Errors
    /// [`Error::Usage`] for a strength that is out of range, and for a model without a mood `neutral`.
    pub fn emotion_at_strength(&self, track: EmotionTrack, strength: f32) -> Result<EmotionTrack> {
        if strength == 1.0 {
            return Ok(track);
        }
        if !(0.0..=HIGHEST_STRENGTH).contains(&strength) {
            return Err(Error::Usage(format!(
                "the strength of an emotion is a number from 0 to {HIGHEST_STRENGTH}, not {strength}"
            )));
        }
        Ok(track.scaled(strength, self.emotions().get("neutral")?.clone()))
    }

    /// The device: `cpu`, `cpu:bf16`, or `cuda:0` and the name of the GPU.
    pub fn device(&self) -> &str {
        self.inner.device.name()
    }

    /// The reason why [`Device::Auto`] took the processor, if it did.
    pub fn fallback(&self) -> Option<&str> {
        self.inner.device.fallback()
    }

    /// The network, for tools that look into it.
    pub fn network(&self) -> &Arc<dyn Network> {
        &self.inner.network
    }

    pub(super) fn open_device(&self) -> &OpenDevice {
        &self.inner.device
    }

    /// Runs work on the model's own threads, if it has any.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.inner.threads {
            Some(threads) => threads.run(work),
            None => work(),
        }
    }
}

/// The moods that are known for a model, and those of a file.
fn emotions_of(file: &ModelFile, path: Option<&Path>) -> Result<NamedEmotions> {
    let mut known = file.builtin_emotions()?;
    let Some(path) = path else { return Ok(known) };
    let more = NamedEmotions::load(path, &file.provenance().source)?;
    if more.width().is_some() && more.width() != file.spec().emotion_width {
        let expected = file
            .spec()
            .emotion_width
            .map_or("no moods".into(), |width| format!("vectors of {width} numbers"));
        let found = format!("{} numbers", more.width().unwrap_or(0));
        let next = "learn the moods from clips with this model";
        return Err(Error::bad_input(path, "does not fit the model", expected, found, next));
    }
    for (name, emotion) in more.iter() {
        known.insert(name, emotion.clone())?;
    }
    Ok(known)
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("device", &self.device()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_may_be_shared_by_threads_and_a_session_may_move_between_them() {
        fn shared<T: Send + Sync + Clone>() {}
        fn moved<T: Send>() {}
        shared::<Model>();
        moved::<super::super::Session>();
    }
}
