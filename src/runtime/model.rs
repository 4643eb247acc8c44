//! A model that threads share.

use std::path::Path;
use std::sync::Arc;

use super::device::Device;
use super::threads::Threads;
use crate::networks::deeptalk::{Config, DeepTalk};
use crate::networks::{ModelFile, Provenance};
use crate::tensor::cpu::Cpu;
use crate::tensor::cuda::Cuda;
use crate::{Error, Result};

/// A loaded model: read-only, cheap to clone, shared by threads.
#[derive(Clone)]
pub struct Model {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    threads: Option<Threads>,
    provenance: Provenance,
    device: String,
    fallback: Option<String>,
}

/// The network on its device.
pub(super) enum Engine {
    Cpu(Box<DeepTalk<Cpu>>),
    Cuda(Box<DeepTalk<Cuda>>),
}

/// The same words for whichever device it is.
macro_rules! on_engine {
    ($engine:expr, $model:ident => $body:expr) => {
        match $engine {
            $crate::runtime::model::Engine::Cpu($model) => $body,
            $crate::runtime::model::Engine::Cuda($model) => $body,
        }
    };
}
pub(super) use on_engine;

/// How a model is loaded.
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

    /// So many threads of the model's own, which end with it, instead of rayon's current ones. All sessions of the model share them. Results
    /// do not depend on their number.
    pub fn threads(self, count: usize) -> Self {
        Self { threads: Some(count), ..self }
    }

    /// From a model file, which is memory-mapped.
    ///
    /// # Errors
    /// [`Error::BadInput`] for a file that is no good model, [`Error::Device`] for a device that cannot be used.
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
        let mut cpu = Cpu::F32;
        let (cuda, fallback) = match self.device {
            Device::Cpu => (None, None),
            Device::CpuBf16 => {
                cpu = Cpu::bf16()?;
                (None, None)
            }
            Device::Cuda(number) => (Some((number, Cuda::new(number)?)), None),
            Device::Auto => match Cuda::new(0) {
                Ok(cuda) => (Some((0, cuda)), None),
                Err(Error::Device(why)) => (None, Some(why)),
                Err(other) => return Err(other),
            },
        };
        // A GPU keeps what it recorded for each thread: the callers' own are best.
        let threads = self.threads.filter(|_| cuda.is_none()).map(Threads::new).transpose()?;
        let (engine, device) = match cuda {
            Some((number, cuda)) => {
                let name = format!("cuda:{number} {}", cuda.name());
                (Engine::Cuda(Box::new(file.load(cuda)?)), name)
            }
            None => {
                let load = || file.load(cpu);
                let model = threads.as_ref().map_or_else(load, |threads| threads.run(load))?;
                (Engine::Cpu(Box::new(model)), if cpu == Cpu::F32 { "cpu" } else { "cpu:bf16" }.into())
            }
        };
        let provenance = file.provenance().clone();
        Ok(Model { inner: Arc::new(Inner { engine, threads, provenance, device, fallback }) })
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

    /// The sizes and names.
    pub fn config(&self) -> &Config {
        on_engine!(self.engine(), model => model.config())
    }

    /// A name for every column of a motion.
    pub fn parameter_names(&self) -> Vec<String> {
        self.config().parameter_names()
    }

    /// The index of an identity.
    ///
    /// # Errors
    /// [`Error::Usage`] with the names that are known.
    pub fn actor(&self, name: &str) -> Result<usize> {
        self.config().actor(name)
    }

    /// Source and licence.
    pub fn provenance(&self) -> &Provenance {
        &self.inner.provenance
    }

    /// Where it runs: `cpu`, `cpu:bf16`, or `cuda:0` and the GPU's name.
    pub fn device(&self) -> &str {
        &self.inner.device
    }

    /// Why [`Device::Auto`] took the processor, if it did.
    pub fn fallback(&self) -> Option<&str> {
        self.inner.fallback.as_deref()
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// Runs work on the model's own threads, if it has any.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.inner.threads {
            Some(threads) => threads.run(work),
            None => work(),
        }
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("device", &self.inner.device).finish_non_exhaustive()
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
