//! Threads of a model's own, which end with it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{Error, Result};

/// A pool whose threads have ended when it is dropped.
pub(super) struct Threads {
    /// Always there until the drop.
    pool: Option<ThreadPool>,
    handles: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Threads {
    /// # Errors
    /// [`Error::Device`] if the system refuses so many.
    pub fn new(count: usize) -> Result<Self> {
        let handles = Arc::new(Mutex::new(Vec::new()));
        let started = handles.clone();
        let pool = ThreadPoolBuilder::new()
            .num_threads(count)
            .spawn_handler(move |thread| {
                let name = format!("deeptalk-{}", thread.index());
                let handle = std::thread::Builder::new().name(name).spawn(|| thread.run())?;
                started.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
                Ok(())
            })
            .build()
            .map_err(|error| {
                Error::Device(format!("{count} threads cannot be started: {error}; ask for fewer"))
            })?;
        Ok(Self { pool: Some(pool), handles })
    }

    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        drop(self.pool.take());
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        for handle in handles.drain(..) {
            // The last owner may be a callback on one of these very threads, which cannot wait for itself.
            if handle.thread().id() != std::thread::current().id() {
                let _ = handle.join();
            }
        }
    }
}
