//! Engines: a device with everything that its contexts share, and the bounded pool from which contexts are
//! leased.
//!
//! A context ([`Context`]) holds everything that one thread needs while it works: memory for activations,
//! streams, recordings. It is leased for a piece of work and returns to the pool when the [`Lease`] is
//! dropped. So the memory of a device depends on the limit of the pool, not on the number of threads of a
//! program.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Context;
use crate::{Error, Result};

/// A device that leases contexts. Clones share the device.
///
/// Weights that one context of an engine loaded can be used by all of its contexts. Tensors and codes belong
/// to the context that made them.
pub trait Engine: Clone + Send + Sync + 'static {
    /// The context of this device.
    type Context: Context<Weight: Send + Sync>;

    /// Leases a context to the calling thread until the lease is dropped. If all contexts of the engine are
    /// leased, the call waits; waiting threads are served in the order in which they came. A thread that
    /// holds a lease must not wait for a second one.
    ///
    /// # Errors
    /// Errors of the device, also those of earlier work that were found when the context returned.
    fn lease(&self) -> Result<Lease<Self::Context>>;
}

/// A leased context.
pub struct Lease<C> {
    /// None only while the lease is dropped.
    context: Option<C>,
    pool: Option<Arc<dyn TakesBack<C>>>,
}

impl<C> Lease<C> {
    /// A context that belongs to no pool.
    pub fn unpooled(context: C) -> Self {
        Self { context: Some(context), pool: None }
    }
}

impl<C> Deref for Lease<C> {
    type Target = C;
    fn deref(&self) -> &C {
        self.context.as_ref().unwrap_or_else(|| unreachable!("a lease has its context until it is dropped"))
    }
}

impl<C> Drop for Lease<C> {
    fn drop(&mut self) {
        if let (Some(context), Some(pool)) = (self.context.take(), &self.pool) {
            pool.take_back(context, !std::thread::panicking());
        }
    }
}

impl<C: std::fmt::Debug> std::fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

trait TakesBack<C>: Send + Sync {
    /// Takes a context back. `intact`: the work on the context was not ended by a panic.
    fn take_back(&self, context: C, intact: bool);
}

/// A context that can be pooled.
pub(super) trait Pooled: Send + 'static {
    /// Waits until all work of the context is done, so that the next lease starts without pending work.
    fn settle(&self) -> Result<()>;
}

/// A pool of at most `limit` contexts, made on demand and kept.
pub(super) struct Pool<C> {
    limit: usize,
    state: Mutex<State<C>>,
    changed: Condvar,
}

struct State<C> {
    idle: Vec<C>,
    leased: usize,
    /// The tickets of waiting threads, in order.
    waiting: VecDeque<u64>,
    next_ticket: u64,
    /// The first error of a context that returned.
    failure: Option<Error>,
}

impl<C: Pooled> Pool<C> {
    /// `limit`: at least 1.
    pub fn new(limit: usize) -> Arc<Self> {
        let state =
            State { idle: Vec::new(), leased: 0, waiting: VecDeque::new(), next_ticket: 0, failure: None };
        Arc::new(Self { limit: limit.max(1), state: Mutex::new(state), changed: Condvar::new() })
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leases the context that returned last, whose memory and recordings were used most recently; or a new
    /// one from `make`.
    pub fn lease(self: &Arc<Self>, make: impl FnOnce() -> Result<C>) -> Result<Lease<C>> {
        let mut state = self.state();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        while state.waiting.front() != Some(&ticket) || state.leased == self.limit {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting.pop_front();
        let failure = state.failure.take();
        let idle = match failure {
            Some(_) => None,
            None => {
                state.leased += 1;
                state.idle.pop()
            }
        };
        drop(state);
        self.changed.notify_all();
        if let Some(error) = failure {
            return Err(error);
        }
        let context = match idle {
            Some(context) => context,
            None => make().inspect_err(|_| {
                self.state().leased -= 1;
                self.changed.notify_all();
            })?,
        };
        Ok(Lease { context: Some(context), pool: Some(self.clone()) })
    }
}

impl<C: Pooled> TakesBack<C> for Pool<C> {
    fn take_back(&self, context: C, intact: bool) {
        let settled = context.settle();
        let mut gone = None;
        let mut state = self.state();
        state.leased -= 1;
        match settled {
            Ok(()) if intact => state.idle.push(context),
            Ok(()) => gone = Some(context),
            Err(error) => {
                state.failure.get_or_insert(error);
                gone = Some(context);
            }
        }
        drop(state);
        self.changed.notify_all();
        // Outside the lock: dropping the context frees its memory.
        drop(gone);
    }
}

impl<C> std::fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The identity of a loaded network: no two networks of a process have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NetworkId(u64);

impl NetworkId {
    /// An identity that no other network has.
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The name of a part of a network that may be recorded ([`Context::recorded`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Part {
    /// The network.
    pub network: NetworkId,
    /// The part, by a name that is unique in its network.
    pub name: &'static str,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use super::*;

    /// Counts the contexts that exist.
    struct Counted {
        alive: Arc<AtomicUsize>,
        fails: bool,
    }

    impl Counted {
        fn new(alive: &Arc<AtomicUsize>) -> Self {
            alive.fetch_add(1, Ordering::SeqCst);
            Self { alive: alive.clone(), fails: false }
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.alive.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Pooled for Counted {
        fn settle(&self) -> Result<()> {
            if self.fails { Err(Error::DeviceFailed("it broke".into())) } else { Ok(()) }
        }
    }

    #[test]
    fn many_threads_share_as_many_contexts_as_the_limit_allows() {
        let (alive, pool) = (Arc::new(AtomicUsize::new(0)), Pool::new(3));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _lease = pool.lease(|| Ok(Counted::new(&alive))).unwrap();
                        assert!(alive.load(Ordering::SeqCst) <= 3);
                        std::thread::yield_now();
                    }
                });
            }
        });
        assert!((1..=3).contains(&alive.load(Ordering::SeqCst)));
        drop(pool);
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn those_who_wait_are_served_in_the_order_in_which_they_came() {
        let (alive, pool) = (Arc::new(AtomicUsize::new(0)), Pool::new(1));
        let served = Mutex::new(Vec::new());
        let first = pool.lease(|| Ok(Counted::new(&alive))).unwrap();
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (pool, alive, served) = (&pool, &alive, &served);
                scope.spawn(move || {
                    let _lease = pool.lease(|| Ok(Counted::new(alive))).unwrap();
                    served.lock().unwrap().push(number);
                });
                while pool.state().waiting.len() <= number {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            drop(first);
        });
        assert_eq!(*served.lock().unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_context_whose_work_panicked_or_failed_does_not_come_back() {
        let (alive, pool) = (Arc::new(AtomicUsize::new(0)), Pool::new(2));
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _lease = pool.lease(|| Ok(Counted::new(&alive))).unwrap();
            panic!("in the middle of the work");
        }));
        assert!(outcome.is_err());
        assert_eq!(alive.load(Ordering::SeqCst), 0);

        let mut failing = Counted::new(&alive);
        failing.fails = true;
        drop(pool.lease(|| Ok(failing)).unwrap());
        assert_eq!(alive.load(Ordering::SeqCst), 0);
        let error = pool.lease(|| Ok(Counted::new(&alive))).err().expect("the failure is told").to_string();
        assert_eq!(error, "it broke");
        let made = pool.lease(|| Err(Error::DeviceFailed("no memory".into())));
        assert_eq!(made.err().map(|error| error.to_string()), Some("no memory".into()));
        assert!(pool.lease(|| Ok(Counted::new(&alive))).is_ok(), "the pool is usable again");
    }
}
