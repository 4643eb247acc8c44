//! C functions of sessions: whole recordings.

use std::sync::{Mutex, MutexGuard, TryLockError};

use deeptalk_rt::runtime::Session;

use crate::handle::{self, Opaque};
use crate::model::dt_model;
use crate::motion::dt_motion;
use crate::options::{dt_take, take_of};
use crate::progress::{dt_control, under};
use crate::status::{Fault, dt_status, guard};
use crate::stream::Ready;

/// The state of one voice: a stream, and memory that calls reuse.
pub struct dt_session {
    _opaque: [u8; 0],
}

/// The value behind a session handle.
pub(crate) struct Voice {
    pub session: Session,
    /// Frames that the stream delivered and that were not polled yet.
    pub ready: Ready,
}

impl Opaque for dt_session {
    type Value = Mutex<Voice>;
    const KIND: u64 = u64::from_le_bytes(*b"dt_sessi");
    const NAME: &'static str = "session";
}

/// Times of the last call of a session, in seconds.
#[repr(C)]
pub struct dt_timings {
    /// Content encoder: samples to content features.
    pub content: f64,
    /// Emotion encoder: samples to the emotion's distribution.
    pub emotion: f64,
    /// Content and emotion to codes.
    pub codes: f64,
    /// Codes to motion.
    pub motion: f64,
    /// The whole call.
    pub total: f64,
}

/// The session, if no other call is using it.
pub(crate) unsafe fn voice<'a>(session: *const dt_session) -> Result<MutexGuard<'a, Voice>, Fault> {
    free_voice(unsafe { handle::look(session) }?)
}

fn free_voice(voice: &Mutex<Voice>) -> Result<MutexGuard<'_, Voice>, Fault> {
    match voice.try_lock() {
        Ok(voice) => Ok(voice),
        Err(TryLockError::WouldBlock) => Err(Fault::new(
            dt_status::DT_BUSY,
            "the session is in use by another call: make a session for every thread, and none in a callback",
        )),
        Err(TryLockError::Poisoned(_)) => Err(Fault::new(
            dt_status::DT_DEFECT,
            "the session took part in a defect: free it and make a new one",
        )),
    }
}

/// Creates a session on a model. Thread rules: any thread, any number at once; the model is shared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_session_new(model: *const dt_model, out: *mut *mut dt_session) -> dt_status {
    guard(|| {
        let session = Session::new(unsafe { handle::look(model) }?);
        unsafe { handle::give(Mutex::new(Voice { session, ready: Ready::default() }), out) }
    })
}

/// Frees a session and sets `*session` to null. Returns DT_BUSY while a call uses it. Thread rules: any
/// thread, but no other thread may use this handle afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_session_free(session: *mut *mut dt_session) -> dt_status {
    guard(|| unsafe {
        handle::take_back(session, |voice| match voice.is_poisoned() {
            true => Ok(()),
            false => free_voice(voice).map(drop),
        })
    })
}

/// Computes the motion of a recording of `count` samples, mono at 16 kHz: ceil(count / 640) frames. A null
/// `take` means the defaults, a null `control` no progress callback. Thread rules: one thread at a time for
/// one session, else DT_BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_animate(
    session: *mut dt_session,
    samples: *const f32,
    count: usize,
    take: *const dt_take,
    control: *const dt_control,
    out: *mut *mut dt_motion,
) -> dt_status {
    guard(|| {
        let mut voice = unsafe { voice(session) }?;
        let samples = unsafe { handle::array(samples, count, "the samples") }?;
        let take = unsafe { take_of(take, voice.session.model()) }?;
        let motions = unsafe {
            under(control, |control| {
                Ok(voice.session.takes(samples, std::slice::from_ref(&take), control)?)
            })
        }?;
        let one = motions.into_iter().next();
        let one = one.ok_or_else(|| Fault::new(dt_status::DT_DEFECT, "no motion came of a take"))?;
        unsafe { handle::give(one, out) }
    })
}

/// Computes the motions of `recordings` recordings: `samples[i]` has `counts[i]` samples, and `out[i]`
/// becomes its motion. If one recording fails, no motion is written. Short recordings go through the network
/// together. Thread rules: as dt_animate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_animate_batch(
    session: *mut dt_session,
    samples: *const *const f32,
    counts: *const usize,
    recordings: usize,
    take: *const dt_take,
    control: *const dt_control,
    out: *mut *mut dt_motion,
) -> dt_status {
    guard(|| {
        let mut voice = unsafe { voice(session) }?;
        let pointers = unsafe { handle::array(samples, recordings, "the samples") }?;
        let counts = unsafe { handle::array(counts, recordings, "the counts") }?;
        let out = unsafe { handle::array_mut(out, recordings, "the places for the motions") }?;
        let clips: Result<Vec<&[f32]>, Fault> = pointers
            .iter()
            .zip(counts)
            .map(|(pointer, count)| unsafe { handle::array(*pointer, *count, "the samples of a recording") })
            .collect();
        let (clips, take) = (clips?, unsafe { take_of(take, voice.session.model()) }?);
        let motions = unsafe { under(control, |control| Ok(voice.session.batch(&clips, &take, control)?)) }?;
        for (motion, place) in motions.into_iter().zip(out) {
            unsafe { handle::give(motion, std::ptr::from_mut(place)) }?;
        }
        Ok(())
    })
}

/// Estimates the emotion of a recording, which a take can use for another recording: `width` numbers each
/// (dt_model_emotion_width) of the mean and the log variance, into two arrays that do not overlap.
/// Thread rules: as dt_animate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_emotion(
    session: *mut dt_session,
    samples: *const f32,
    count: usize,
    mu: *mut f32,
    logvar: *mut f32,
    width: usize,
) -> dt_status {
    guard(|| {
        let mut voice = unsafe { voice(session) }?;
        let samples = unsafe { handle::array(samples, count, "the samples") }?;
        let needed = voice.session.model().spec().emotion_width.unwrap_or(0);
        if width != needed {
            let text = format!("an emotion vector of this model is {needed} wide, not {width}");
            return Err(Fault::new(dt_status::DT_BAD_USE, text));
        }
        handle::places([mu, logvar], width, ["mu", "logvar"])?;
        let emotion = voice.session.emotion(samples)?;
        // SAFETY: both have room for `width` numbers by the header's rules, and do not overlap.
        unsafe { handle::copy(&emotion.mu, mu, width, "mu") }?;
        unsafe { handle::copy(&emotion.logvar, logvar, width, "logvar") }
    })
}

/// Writes the times of the session's last call. Thread rules: as dt_animate.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_session_timings(session: *mut dt_session, out: *mut dt_timings) -> dt_status {
    guard(|| {
        let timings = unsafe { voice(session) }?.session.timings();
        let timings = dt_timings {
            content: timings.part("content").as_secs_f64(),
            emotion: timings.part("emotion").as_secs_f64(),
            codes: timings.part("codes").as_secs_f64(),
            motion: timings.part("motion").as_secs_f64(),
            total: timings.total.as_secs_f64(),
        };
        unsafe { handle::write(out, timings, "out") }
    })
}
