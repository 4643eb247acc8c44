//! C functions of sessions: streams.

use std::ffi::c_char;

use deeptalk_rt::runtime::Frames;

use crate::handle;
use crate::options::{dt_stream_options, dt_take, stream_of, take_of};
use crate::progress::{dt_control, under};
use crate::session::{Voice, dt_session, voice};
use crate::status::{Fault, dt_status, guard};
use crate::text;

/// Frames that wait for a caller who takes a few at a time.
#[derive(Default)]
pub(crate) struct Ready {
    first: usize,
    values: Vec<f32>,
}

impl Ready {
    fn add(&mut self, frames: Frames) {
        if self.values.is_empty() {
            (self.first, self.values) = (frames.first, frames.values);
        } else {
            self.values.extend(frames.values);
        }
    }
}

impl Voice {
    fn parameters(&self) -> usize {
        match self.session.columns().len() {
            0 => self.session.model().spec().width(),
            count => count,
        }
    }

    /// Moves new frames of the session to `ready`; returns the number of frames that can be polled.
    fn waiting(&mut self) -> usize {
        let newer = self.session.poll();
        self.ready.add(newer);
        self.ready.values.len() / self.parameters()
    }
}

/// Begins a stream; unpolled frames of the session's previous stream are dropped. Null means the defaults.
/// Without this call, the first push begins a stream with the defaults. Thread rules: one thread at a time
/// for one session, else DT_BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_stream_begin(
    session: *mut dt_session,
    options: *const dt_stream_options,
    take: *const dt_take,
) -> dt_status {
    guard(|| {
        let mut voice = unsafe { voice(session) }?;
        let options = unsafe { stream_of(options, take_of(take, voice.session.model())?) }?;
        voice.session.begin(&options)?;
        voice.ready = Ready::default();
        Ok(())
    })
}

/// Changes the mood of the stream: "angry", "angry:0.7" or "heard" (dt_take.moods). It takes effect with the
/// first frame that is not computed yet, and is reached smoothly within half a second. After DT_BAD_USE the
/// stream goes on as before. Thread rules: as dt_stream_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_stream_set_mood(session: *mut dt_session, mood: *const c_char) -> dt_status {
    guard(|| {
        let mut voice = unsafe { voice(session) }?;
        Ok(voice.session.set_mood(unsafe { text::read(mood, "the mood") }?)?)
    })
}

/// Writes the delay of a player with a steady frame rate behind the sound of the session's stream, in
/// seconds: look-ahead plus hop; 0 if no stream was begun. Thread rules: as dt_stream_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_stream_delay(session: *mut dt_session, delay: *mut f64) -> dt_status {
    guard(|| {
        let voice = unsafe { voice(session) }?;
        unsafe { handle::write(delay, voice.session.delay(), "delay") }
    })
}

/// Refuses a `waiting` that is neither null nor a place to write to, before sound is taken.
fn optional(waiting: *mut usize) -> Result<(), Fault> {
    if waiting.is_null() { Ok(()) } else { handle::place(waiting, "waiting") }
}

/// Adds sound to the stream, in pieces of any size, and computes every hop that is due before it returns. If
/// `waiting` is not null, `*waiting` becomes the number of frames that wait for dt_stream_poll. After
/// DT_BAD_USE (a sample that is not finite, a finished stream, ten minutes of unpolled frames) no part of the
/// piece was taken; after DT_CANCELLED the piece was taken, and the next call continues. Thread rules: as
/// dt_stream_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_stream_push(
    session: *mut dt_session,
    samples: *const f32,
    count: usize,
    control: *const dt_control,
    waiting: *mut usize,
) -> dt_status {
    guard(|| {
        let mut voice = unsafe { voice(session) }?;
        let samples = unsafe { handle::array(samples, count, "the samples") }?;
        optional(waiting)?;
        // The session has the same limit for the frames that it holds itself.
        let rate = voice.session.model().spec().frame_rate.per_second();
        if voice.ready.values.len() as f64 >= 600.0 * rate * voice.parameters() as f64 {
            let text = "ten minutes of frames wait to be polled: poll them before more sound is pushed";
            return Err(Fault::new(dt_status::DT_BAD_USE, text));
        }
        let outcome = unsafe { under(control, |control| Ok(voice.session.push_with(samples, control)?)) };
        let count = voice.waiting();
        outcome?;
        if waiting.is_null() { Ok(()) } else { unsafe { handle::write(waiting, count, "waiting") } }
    })
}

/// Ends the stream's sound and computes the frames that waited for look-ahead. Thread rules: as
/// dt_stream_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_stream_finish(
    session: *mut dt_session,
    control: *const dt_control,
    waiting: *mut usize,
) -> dt_status {
    guard(|| {
        let mut voice = unsafe { voice(session) }?;
        optional(waiting)?;
        let outcome = unsafe { under(control, |control| Ok(voice.session.finish_with(control)?)) };
        let count = voice.waiting();
        outcome?;
        if waiting.is_null() { Ok(()) } else { unsafe { handle::write(waiting, count, "waiting") } }
    })
}

/// Takes frames that are ready, oldest first, as many as fit into `capacity` floats, and copies them
/// row-major (frames, parameters) into `values`. `*first` becomes the index of the first of them, counted
/// from the beginning of the stream, `*frames` their number; 0 frames is no error. Thread rules: as
/// dt_stream_begin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_stream_poll(
    session: *mut dt_session,
    values: *mut f32,
    capacity: usize,
    first: *mut usize,
    frames: *mut usize,
) -> dt_status {
    guard(|| {
        let mut voice = unsafe { voice(session) }?;
        let parameters = voice.parameters();
        if capacity < parameters {
            let text = format!("the values: room for {capacity} floats, and a frame has {parameters}");
            return Err(Fault::new(dt_status::DT_TOO_SMALL, text));
        }
        let count = voice.waiting().min(capacity / parameters);
        let values = unsafe { handle::array_mut(values, capacity, "the values") }?;
        unsafe {
            handle::write(first, voice.ready.first, "first")?;
            handle::write(frames, count, "frames")?;
        }
        values[..count * parameters].copy_from_slice(&voice.ready.values[..count * parameters]);
        voice.ready.values.drain(..count * parameters);
        voice.ready.first += count;
        Ok(())
    })
}
