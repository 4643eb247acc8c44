//! C structures of takes and stream options.

use std::ffi::c_char;

use deeptalk_rt::animation::filter::FilterSettings;
use deeptalk_rt::runtime::StreamOptions;
use deeptalk_rt::runtime::{EmotionVector, Model, Take};

use crate::handle;
use crate::status::{Fault, dt_status, guard};
use crate::text;

/// Options of one motion: identity, emotion, and what is sampled.
#[repr(C)]
pub struct dt_take {
    /// sizeof(dt_take): set by dt_take_init.
    pub size: usize,
    /// Index of the identity.
    pub actor: usize,
    /// Mean of an emotion to use instead of the recording's own, `emotion_width` numbers: from dt_emotion, or
    /// any direction. Null (default): none.
    pub emotion_mu: *const f32,
    /// Log variance of that emotion, `emotion_width` numbers from dt_emotion. Null: the emotion has no
    /// spread, and every sample is its mean.
    pub emotion_logvar: *const f32,
    /// Number of elements of emotion_mu and of emotion_logvar.
    pub emotion_width: usize,
    /// Share of that emotion, from 0 (the recording's own emotion only) to 1 (default: that emotion only).
    pub emotion_share: f32,
    /// 1: the emotion is sampled from its distribution; 0 (default): the mean is used.
    pub draws_emotion: i32,
    /// Uncertainty factor alpha of that sample; default 1.
    pub alpha: f32,
    /// Temperature of the top codes; 0 (default) takes the most likely code.
    pub temperature_top: f32,
    /// Temperature of the bottom codes; 0 (default) takes the most likely code.
    pub temperature_bottom: f32,
    /// Seed of everything that is sampled.
    pub seed: u64,
    /// Moods of the model by their names, instead of emotion_mu: "happy", "angry:0.7" with a strength from 0
    /// (neutral) to 2, or several with times in seconds, "0 neutral, 2.5 angry:0.8, 6 sad"; "heard" is the
    /// recording's own emotion. Null (default): emotion_mu, or the recording's own emotion.
    pub moods: *const c_char,
    /// Factor of every strength, from 0 to 2, also of the recording's own emotion; 1 (default) changes
    /// nothing.
    pub emotion_strength: f32,
}

/// Sets a take to its defaults: the recording's own emotion, nothing sampled. Thread rules: any thread, one
/// at a time for one structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_take_init(take: *mut dt_take) -> dt_status {
    let defaults = dt_take {
        size: size_of::<dt_take>(),
        actor: 0,
        emotion_mu: std::ptr::null(),
        emotion_logvar: std::ptr::null(),
        emotion_width: 0,
        emotion_share: 1.0,
        draws_emotion: 0,
        alpha: 1.0,
        temperature_top: 0.0,
        temperature_bottom: 0.0,
        seed: 0,
        moods: std::ptr::null(),
        emotion_strength: 1.0,
    };
    guard(|| unsafe { handle::write(take, defaults, "take") })
}

pub(crate) unsafe fn take_of(take: *const dt_take, model: &Model) -> Result<Take, Fault> {
    let Some(take) = (unsafe { handle::structure(take, "the take") })? else { return Ok(Take::default()) };
    let mut result = Take::default()
        .with_actor(take.actor)
        .with_seed(take.seed)
        .with_temperature(take.temperature_top, take.temperature_bottom);
    if take.draws_emotion != 0 {
        result = result.with_alpha(take.alpha);
    }
    if !take.emotion_mu.is_null() {
        let mu = unsafe { handle::array(take.emotion_mu, take.emotion_width, "emotion_mu") }?;
        let mut emotion = EmotionVector::set(mu)?;
        if !take.emotion_logvar.is_null() {
            let logvar = unsafe { handle::array(take.emotion_logvar, take.emotion_width, "emotion_logvar") }?;
            emotion.logvar = logvar.to_vec();
        }
        result = result.with_blend(emotion, take.emotion_share);
    }
    if !take.moods.is_null() {
        if !take.emotion_mu.is_null() {
            let text = "the take has both moods and emotion_mu: give one of them";
            return Err(Fault::new(dt_status::DT_BAD_USE, text));
        }
        result.emotion = model.emotions().track(unsafe { text::read(take.moods, "moods") }?)?;
    }
    result.emotion = model.emotion_at_strength(result.emotion, take.emotion_strength)?;
    Ok(result)
}

/// Options of a stream. Times are in seconds and are rounded to frames of 1/25 s.
#[repr(C)]
pub struct dt_stream_options {
    /// sizeof(dt_stream_options): set by dt_stream_options_init.
    pub size: usize,
    /// Sample rate of the pushed sound in Hz: 4,000 to 192,000.
    pub rate: u32,
    /// Sound before a hop that is part of the network's window.
    pub context: f32,
    /// Sound after a hop that must arrive before the hop runs.
    pub look_ahead: f32,
    /// Time from one run of the network to the next.
    pub hop: f32,
    /// Time from one estimate of the emotion to the next.
    pub emotion_every: f32,
    /// Length of the sound that an estimate of the emotion uses.
    pub emotion_context: f32,
    /// Time constant with which the emotion follows the newest estimate.
    pub emotion_smoothing: f32,
    /// RMS of a frame below which the frame counts as silence.
    pub floor: f32,
    /// Time constant of the running loudness.
    pub forget: f32,
    /// Length of silence after which the face returns to rest.
    pub rest_after: f32,
    /// Filters over the frames as TOML text, such as "symmetry = 0.5\n[gain]\nmouth = 1.2". Null (default):
    /// none.
    /// life = ["blink", "gaze", "head"] adds blinks, gaze and head motion; "head" adds neck_x, neck_y and neck_z
    /// (radians) behind the parameters of each frame.
    pub filters: *const c_char,
}

/// Sets stream options to their defaults: 16 kHz, 4 s of context, 0.4 s of look-ahead, a hop of 0.2 s.
/// Thread rules: any thread, one at a time for one structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_stream_options_init(options: *mut dt_stream_options) -> dt_status {
    guard(|| unsafe { handle::write(options, defaults(), "options") })
}

fn defaults() -> dt_stream_options {
    let usual = StreamOptions::default();
    dt_stream_options {
        size: size_of::<dt_stream_options>(),
        rate: usual.rate,
        context: usual.context,
        look_ahead: usual.look_ahead,
        hop: usual.hop,
        emotion_every: usual.emotion_every,
        emotion_context: usual.emotion_context,
        emotion_smoothing: usual.emotion_smoothing,
        floor: usual.floor,
        forget: usual.forget,
        rest_after: usual.rest_after,
        filters: std::ptr::null(),
    }
}

pub(crate) unsafe fn stream_of(
    options: *const dt_stream_options,
    take: Take,
) -> Result<StreamOptions, Fault> {
    let usual = defaults();
    let options = unsafe { handle::structure(options, "the stream options") }?.unwrap_or(&usual);
    let filters = match options.filters.is_null() {
        true => FilterSettings::default(),
        false => FilterSettings::from_toml(unsafe { text::read(options.filters, "filters") }?)?,
    };
    Ok(StreamOptions {
        take,
        rate: options.rate,
        context: options.context,
        look_ahead: options.look_ahead,
        hop: options.hop,
        emotion_every: options.emotion_every,
        emotion_context: options.emotion_context,
        emotion_smoothing: options.emotion_smoothing,
        floor: options.floor,
        forget: options.forget,
        rest_after: options.rest_after,
        filters,
    })
}
