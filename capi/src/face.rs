//! C functions of faces: rows of parameters to vertices.

use std::ffi::c_char;

use deeptalk_rt::rig::{Face, Rig};

use crate::handle::{self, Opaque};
use crate::model::dt_model;
use crate::status::{Fault, dt_status, guard};
use crate::text;

/// A face that computes vertices from motion rows; read-only.
pub struct dt_face {
    _opaque: [u8; 0],
}

impl Opaque for dt_face {
    type Value = Rig<'static>;
    const KIND: u64 = u64::from_le_bytes(*b"dt_face!");
    const NAME: &'static str = "face";
}

/// Loads a face file; a null `path` means the built-in head. If `model` is not null, the vertices are
/// computed on that model's device, and the face must have the model's channels; if it is null, they are
/// computed on the host. Thread rules: any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_face_load(
    path: *const c_char,
    model: *const dt_model,
    out: *mut *mut dt_face,
) -> dt_status {
    guard(|| {
        let face = match path.is_null() {
            true => Face::builtin()?,
            false => Face::load(unsafe { text::read(path, "the path") }?)?,
        };
        let rig = match model.is_null() {
            true => Rig::new(face),
            false => unsafe { handle::look(model) }?.rig(face)?,
        };
        unsafe { handle::give(rig, out) }
    })
}

/// Frees a face and sets `*face` to null. Thread rules: any thread, but no other may use this handle at the
/// same time or afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_face_free(face: *mut *mut dt_face) -> dt_status {
    guard(|| unsafe { handle::take_back(face, |_| Ok(())) })
}

/// Writes the numbers of vertices and triangles of a face. Thread rules: any thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_face_shape(
    face: *const dt_face,
    vertices: *mut usize,
    triangles: *mut usize,
) -> dt_status {
    guard(|| {
        let face = unsafe { handle::look(face) }?.face();
        unsafe {
            handle::write(vertices, face.vertex_count(), "vertices")?;
            handle::write(triangles, face.faces.len(), "triangles")
        }
    })
}

/// Copies the triangles of a face: three vertex indices each, counter-clockwise seen from outside. `capacity`
/// counts indices. Thread rules: any thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_face_triangles(
    face: *const dt_face,
    out: *mut u32,
    capacity: usize,
) -> dt_status {
    guard(|| {
        let face = unsafe { handle::look(face) }?.face();
        unsafe { handle::copy(face.faces.as_flattened(), out, capacity, "the triangles") }
    })
}

/// Computes vertices (frames, vertices, 3) in metres from the rows (frames, parameters) of a motion or a
/// stream. `count` is the number of floats in `rows`, `capacity` the number of floats that `out` can hold.
/// Thread rules: any thread, any number at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dt_face_vertices(
    face: *const dt_face,
    rows: *const f32,
    count: usize,
    out: *mut f32,
    capacity: usize,
) -> dt_status {
    guard(|| {
        let rig = unsafe { handle::look(face) }?;
        let rows = unsafe { handle::array(rows, count, "the rows") }?;
        let frames = count / rig.columns().len();
        let needed = frames * rig.face().vertex_count() * 3;
        if capacity < needed {
            let text = format!("the vertices: room for {capacity} floats, and {needed} are needed");
            return Err(Fault::new(dt_status::DT_TOO_SMALL, text));
        }
        let vertices = rig.vertices_of_rows(rows)?;
        unsafe { handle::copy(&vertices, out, capacity, "the vertices") }
    })
}
