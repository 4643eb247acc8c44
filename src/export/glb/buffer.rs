//! The binary part of a glTF file: buffer views, accessors, and the file itself.

use serde_json::{Value, json};

use crate::{Error, Result};

const FLOAT: u32 = 5126;
const UNSIGNED_SHORT: u32 = 5123;
const UNSIGNED_INT: u32 = 5125;

/// The use of a buffer view.
#[derive(Clone, Copy)]
pub(super) enum Use {
    /// Vertex attributes.
    Vertices,
    /// Triangle indices.
    Triangles,
    /// Data that does not go to the GPU in this form.
    Data,
}

/// Bytes, with the views and accessors that describe them.
#[derive(Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl Buffer {
    /// A view of its own for `bytes`; returns its index.
    pub(super) fn view(&mut self, purpose: Use, bytes: &[u8]) -> usize {
        let mut view = json!({ "buffer": 0, "byteOffset": self.bytes.len(), "byteLength": bytes.len() });
        match purpose {
            Use::Vertices => view["target"] = json!(34962),
            Use::Triangles => view["target"] = json!(34963),
            Use::Data => {}
        }
        self.bytes.extend(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.views.push(view);
        self.views.len() - 1
    }

    fn accessor(&mut self, accessor: Value) -> usize {
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    /// An accessor of `width` floats for each element; vectors of three get their range, which positions must
    /// have.
    pub(super) fn floats(&mut self, purpose: Use, width: usize, values: &[f32]) -> usize {
        if width == 3 {
            return self.floats_with_range(purpose, width, values);
        }
        let view = self.view(purpose, bytemuck::cast_slice(values));
        self.accessor(json!({
            "bufferView": view, "componentType": FLOAT, "count": values.len() / width, "type": kind(width),
        }))
    }

    /// An accessor of floats with the least and the largest value of each component.
    pub(super) fn floats_with_range(&mut self, purpose: Use, width: usize, values: &[f32]) -> usize {
        let view = self.view(purpose, bytemuck::cast_slice(values));
        let (low, high) = range(width, values);
        self.accessor(json!({
            "bufferView": view, "componentType": FLOAT, "count": values.len() / width, "type": kind(width), "min": low, "max": high,
        }))
    }

    /// An accessor of `width` 16-bit integers for each element, `normalized` to 0 to 1 or unchanged.
    pub(super) fn shorts(&mut self, purpose: Use, width: usize, normalized: bool, values: &[u16]) -> usize {
        let view = self.view(purpose, bytemuck::cast_slice(values));
        let mut accessor = json!({
            "bufferView": view, "componentType": UNSIGNED_SHORT, "count": values.len() / width, "type": kind(width),
        });
        if normalized {
            accessor["normalized"] = true.into();
        }
        self.accessor(accessor)
    }

    /// An accessor of indices below `limit`, 16 bits each if these are enough.
    pub(super) fn indices(&mut self, purpose: Use, limit: usize, values: &[u32]) -> usize {
        let (view, component) = self.index_view(purpose, limit, values);
        self.accessor(json!({ "bufferView": view, "componentType": component, "count": values.len(), "type": "SCALAR" }))
    }

    fn index_view(&mut self, purpose: Use, limit: usize, values: &[u32]) -> (usize, u32) {
        // The index 65535 would restart a primitive.
        if limit <= usize::from(u16::MAX) {
            let short: Vec<u16> = values.iter().map(|&v| v as u16).collect();
            (self.view(purpose, bytemuck::cast_slice(&short)), UNSIGNED_SHORT)
        } else {
            (self.view(purpose, bytemuck::cast_slice(values)), UNSIGNED_INT)
        }
    }

    /// An accessor of vectors of three of which most are 0: vectors with a component above `least`; only
    /// these are stored if that is shorter.
    pub(super) fn sparse_vectors(&mut self, values: &[f32], least: f32) -> usize {
        let vectors = values.as_chunks::<3>().0;
        let count = vectors.len();
        let (places, kept): (Vec<u32>, Vec<[f32; 3]>) = vectors
            .iter()
            .enumerate()
            .filter(|(_, v)| v.iter().any(|x| x.abs() > least))
            .map(|(i, v)| (i as u32, *v))
            .unzip();
        if places.len() * 14 >= count * 12 {
            return self.floats(Use::Vertices, 3, values);
        }
        let (mut low, mut high) = range(3, kept.as_flattened());
        if kept.is_empty() {
            (low, high) = (vec![0.0; 3], vec![0.0; 3]);
        }
        let mut accessor = json!({
            "componentType": FLOAT, "count": count, "type": "VEC3",
            "min": low.iter().map(|v| v.min(0.0)).collect::<Vec<_>>(),
            "max": high.iter().map(|v| v.max(0.0)).collect::<Vec<_>>(),
        });
        if !kept.is_empty() {
            let (indices, component) = self.index_view(Use::Data, count, &places);
            let values = self.view(Use::Data, bytemuck::cast_slice(kept.as_flattened()));
            accessor["sparse"] = json!({
                "count": kept.len(),
                "indices": { "bufferView": indices, "componentType": component },
                "values": { "bufferView": values },
            });
        }
        self.accessor(accessor)
    }

    /// The file: header, `document` with this buffer inserted, and the bytes.
    pub(super) fn finish(self, mut document: Value) -> Result<Vec<u8>> {
        document["buffers"] = json!([{ "byteLength": self.bytes.len() }]);
        document["bufferViews"] = self.views.into();
        document["accessors"] = self.accessors.into();
        let mut text = document.to_string().into_bytes();
        text.resize(text.len().next_multiple_of(4), b' ');
        let total = 12 + 8 + text.len() + 8 + self.bytes.len();
        let length = |bytes: usize| {
            u32::try_from(bytes).map(u32::to_le_bytes).map_err(|_| {
                Error::Usage(format!(
                    "a GLB file holds at most 4 GB, this one would take {total} bytes; give a shorter clip"
                ))
            })
        };
        let mut out = Vec::with_capacity(total);
        out.extend(b"glTF");
        out.extend(2u32.to_le_bytes());
        out.extend(length(total)?);
        out.extend(length(text.len())?);
        out.extend(b"JSON");
        out.extend(text);
        out.extend(length(self.bytes.len())?);
        out.extend(b"BIN\0");
        out.extend(self.bytes);
        Ok(out)
    }
}

fn kind(width: usize) -> &'static str {
    match width {
        1 => "SCALAR",
        2 => "VEC2",
        3 => "VEC3",
        4 => "VEC4",
        _ => "MAT4",
    }
}

fn range(width: usize, values: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let edge = |pick: fn(f32, f32) -> f32, start: f32| {
        let mut edge = vec![start; width];
        for (i, v) in values.iter().enumerate() {
            edge[i % width] = pick(edge[i % width], *v);
        }
        edge
    };
    (edge(f32::min, f32::INFINITY), edge(f32::max, f32::NEG_INFINITY))
}
