//! C functions of models.

use std::ffi::c_char;

use deeptalk_rt::runtime::{Device, Model, ModelOptions};

use crate::handle::{self, Opaque};
use crate::status::{Fault, dt_status, guard};
use crate::text;

/// A loaded model; read-only, may be shared by threads.
pub struct dt_model {
    _opaque: [u8; 0],
}

impl Opaque for dt_model {
    type Value = Model;
    const KIND: u64 = u64::from_le_bytes(*b"dt_model");
    const NAME: &'static str = "model";
}

/// Device: the processor (CPU).
pub const DT_DEVICE_CPU: u32 = 0;
/// Device: the GPU with the index `gpu`.
pub const DT_DEVICE_CUDA: u32 = 1;
/// Device: the first GPU if it is usable, else the processor.
pub const DT_DEVICE_AUTO: u32 = 2;
/// Device: the processor with matrix products in bf16, if it supports them (dt_has_feature "cpu-bf16"):
/// faster, and half the memory.
pub const DT_DEVICE_CPU_BF16: u32 = 3;

/// Options for loading a model.
#[repr(C)]
pub struct dt_model_options {
    /// sizeof(dt_model_options): set by dt_model_options_init.
    pub size: usize,
    /// DT_DEVICE_CPU (default), DT_DEVICE_CPU_BF16, DT_DEVICE_CUDA or DT_DEVICE_AUTO.
    pub device: u32,
    /// Index of the GPU, for DT_DEVICE_CUDA.
    pub gpu: u32,
    /// Number of threads; 0 (default): one for each processor core. The model starts them and ends them when
    /// it is freed.
    pub threads: u32,
    /// Path of a file of moods that were learned with this model, which join the built-in ones. Null
    /// (default): none.
    pub emotions: *const c_char,
}

/// Sets all options to their defaults. Thread rules: any thread, one at a time for one structure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_options_init(options: *mut dt_model_options) -> dt_status {
    let size = size_of::<dt_model_options>();
    let defaults =
        dt_model_options { size, device: DT_DEVICE_CPU, gpu: 0, threads: 0, emotions: std::ptr::null() };
    guard(|| unsafe { handle::write(options, defaults, "options") })
}

unsafe fn options_of(options: *const dt_model_options) -> Result<ModelOptions, Fault> {
    let options = unsafe { handle::structure(options, "the model options") }?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let Some(options) = options else { return Ok(ModelOptions::new().threads(cores())) };
    let device = match options.device {
        DT_DEVICE_CPU => Device::Cpu,
        DT_DEVICE_CUDA => Device::Cuda(options.gpu as usize),
        DT_DEVICE_AUTO => Device::Auto,
        DT_DEVICE_CPU_BF16 => Device::CpuBf16,
        other => {
            let text =
                format!("there is no device {other}: give one of DT_DEVICE_CPU, _CPU_BF16, _CUDA, _AUTO");
            return Err(Fault::new(dt_status::DT_BAD_USE, text));
        }
    };
    let threads = if options.threads == 0 { cores() } else { options.threads as usize };
    let result = ModelOptions::new().device(device).threads(threads);
    match options.emotions.is_null() {
        true => Ok(result),
        false => Ok(result.emotions(unsafe { text::read(options.emotions, "emotions") }?)),
    }
}

/// Loads a model file. The file stays memory-mapped and must not change while the model exists. Null
/// `options` means the defaults. Free the model with dt_model_free. Thread rules: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_load(
    path: *const c_char,
    options: *const dt_model_options,
    out: *mut *mut dt_model,
) -> dt_status {
    guard(|| {
        let path = unsafe { text::read(path, "the path") }?;
        let model = unsafe { options_of(options) }?.load(path)?;
        unsafe { handle::give(model, out) }
    })
}

/// Loads a model from the bytes of a model file, which are copied. Thread rules: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_from_bytes(
    bytes: *const u8,
    count: usize,
    options: *const dt_model_options,
    out: *mut *mut dt_model,
) -> dt_status {
    guard(|| {
        let bytes = unsafe { handle::array(bytes, count, "the model's bytes") }?;
        let model = unsafe { options_of(options) }?.from_bytes(bytes.to_vec())?;
        unsafe { handle::give(model, out) }
    })
}

/// Loads the built-in model. Returns DT_BAD_USE if the library has none (dt_has_feature "builtin-model").
/// Thread rules: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_builtin(
    options: *const dt_model_options,
    out: *mut *mut dt_model,
) -> dt_status {
    guard(|| {
        let model = unsafe { options_of(options) }?.builtin()?;
        unsafe { handle::give(model, out) }
    })
}

/// Frees a model and sets `*model` to null. Sessions and faces of this model stay valid and may be freed
/// later. Thread rules: any thread, but no other thread may use this handle at the same time or afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_free(model: *mut *mut dt_model) -> dt_status {
    guard(|| unsafe { handle::take_back(model, |_| Ok(())) })
}

/// Writes the number of values of a frame to `*count`. Thread rules: any thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_parameters(model: *const dt_model, count: *mut usize) -> dt_status {
    guard(|| {
        let model = unsafe { handle::look(model) }?;
        unsafe { handle::write(count, model.spec().width(), "count") }
    })
}

/// Copies the name of value `index` of a frame, NUL-terminated, into `buffer` of `capacity` bytes. If
/// `length` is not null, `*length` becomes the name's length without the NUL, also on DT_TOO_SMALL.
/// Thread rules: any thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_parameter_name(
    model: *const dt_model,
    index: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> dt_status {
    guard(|| {
        let model = unsafe { handle::look(model) }?;
        let names = model.parameter_names();
        unsafe { text::write(one_of(&names, index, "parameter")?, buffer, capacity, length) }
    })
}

/// Writes the number of the model's identities (actors) to `*count`. Thread rules: any thread, any number at
/// once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_actors(model: *const dt_model, count: *mut usize) -> dt_status {
    guard(|| {
        let model = unsafe { handle::look(model) }?;
        unsafe { handle::write(count, model.spec().identities.len(), "count") }
    })
}

/// Copies the name of identity `index`; the buffer works as in dt_model_parameter_name. Thread rules: any
/// thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_actor_name(
    model: *const dt_model,
    index: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> dt_status {
    guard(|| {
        let model = unsafe { handle::look(model) }?;
        unsafe { text::write(one_of(&model.spec().identities, index, "actor")?, buffer, capacity, length) }
    })
}

/// Writes the width of the model's emotion vectors to `*width`. Thread rules: any thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_emotion_width(model: *const dt_model, width: *mut usize) -> dt_status {
    guard(|| {
        let model = unsafe { handle::look(model) }?;
        unsafe { handle::write(width, model.spec().emotion_width.unwrap_or(0), "width") }
    })
}

/// Writes the number of moods that the model knows by name to `*count`. Thread rules: any thread, any number
/// at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_moods(model: *const dt_model, count: *mut usize) -> dt_status {
    guard(|| {
        let model = unsafe { handle::look(model) }?;
        unsafe { handle::write(count, model.emotions().names().count(), "count") }
    })
}

/// Copies the name of mood `index`; the buffer works as in dt_model_parameter_name. Thread rules: any thread,
/// any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_mood_name(
    model: *const dt_model,
    index: usize,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> dt_status {
    guard(|| {
        let model = unsafe { handle::look(model) }?;
        let names: Vec<String> = model.emotions().names().map(String::from).collect();
        unsafe { text::write(one_of(&names, index, "mood")?, buffer, capacity, length) }
    })
}

/// Copies the name of the device on which the model runs ("cpu", "cuda:0 ..."); the buffer works as in
/// dt_model_parameter_name. Thread rules: any thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_model_device(
    model: *const dt_model,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut usize,
) -> dt_status {
    guard(|| {
        let model = unsafe { handle::look(model) }?;
        unsafe { text::write(model.device(), buffer, capacity, length) }
    })
}

fn one_of<'a>(names: &'a [String], index: usize, what: &str) -> Result<&'a str, Fault> {
    names.get(index).map(String::as_str).ok_or_else(|| {
        let text = format!("there is no {what} {index}: there are {}, from 0 on", names.len());
        Fault::new(dt_status::DT_BAD_USE, text)
    })
}
