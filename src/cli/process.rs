//! The process: threads and signals, set up before any command.

use std::num::NonZero;
#[cfg(unix)]
use std::sync::{Arc, atomic::AtomicBool};

use deeptalk_rt::{Error, Result};
use rayon::{ThreadPoolBuildError, ThreadPoolBuilder};

use super::say;

/// The most threads for each processor that the environment may ask for.
const MOST_THREADS: usize = 16;

/// Starts the threads of the process, exactly as many as a command asks for, and turns signals that would end
/// the process into errors and exit codes: a limit on the size of files, a mapped file that is shortened,
/// memory that is refused.
///
/// # Errors
/// [`Error::Device`] if the system refuses the threads that were asked for.
pub fn set_up(threads: Option<u16>) -> Result<()> {
    // Without a handler the signal ends the process; with one, the write fails with "file too large".
    #[cfg(unix)]
    drop(signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false))));
    // The standard library writes "memory allocation of N bytes failed" and aborts. With this handler that
    // ends with exit code 1.
    #[cfg(unix)]
    drop(signal_hook::flag::register_conditional_shutdown(
        signal_hook::consts::SIGABRT,
        Error::Cancelled.exit_code().into(),
        Arc::new(AtomicBool::new(true)),
    ));
    deeptalk_rt::files::explain_bus_errors();
    match threads {
        Some(threads) => start(threads.into()).map_err(|error| {
            Error::Device(format!("{threads} threads cannot be started: {error}; give fewer with --threads"))
        }),
        None => {
            start_what_the_system_has();
            Ok(())
        }
    }
}

fn start(threads: usize) -> std::result::Result<(), ThreadPoolBuildError> {
    ThreadPoolBuilder::new().num_threads(threads).build_global()
}

/// Starts one thread for each processor, or as many as the environment asks for. Where the system refuses,
/// everything runs on this thread.
fn start_what_the_system_has() {
    let asked: Option<usize> = std::env::var("RAYON_NUM_THREADS").ok().and_then(|text| text.parse().ok());
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let most = MOST_THREADS * processors;
    let count = match asked {
        None | Some(0) => processors,
        Some(count) if count > most => {
            say::line(format_args!("RAYON_NUM_THREADS={count}: {most} threads are started, the most here"));
            most
        }
        Some(count) => count,
    };
    // A global pool that fails cannot be built again, so a pool of its own tries first.
    let tried = ThreadPoolBuilder::new().num_threads(count).build();
    let started = match &tried {
        Ok(_) => start(count),
        Err(refused) => {
            say::line(format_args!(
                "the system refuses {count} threads ({refused}): all work is done on one thread"
            ));
            ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global()
        }
    };
    if let Err(error) = started {
        say::line(format_args!("the threads cannot be set up: {error}"));
    }
}
