//! The data of the page: a JSON header and one block of little-endian arrays, which `player/scene.js` reads.

use serde_json::{Map, Value, json};

use crate::animation::Animation;
use crate::export::{occlusion, surface};
use crate::rig::curves::{Curves, inner_lips, waveform};
use crate::rig::{Face, Rig};
use crate::{Error, Result};

/// Displacements below this are left out, in metres.
const STILL: f32 = 2e-6;
/// Vertex colour and gloss of a face without colours: matt clay.
const CLAY: ([u8; 3], u8) = ([190, 166, 152], 70);
/// The number of points of the waveform.
const BINS: usize = 1200;
/// The rotation of the jaw for the second occlusion, with an open mouth, in radians.
const OPEN: f32 = 0.35;

pub(super) struct Scene {
    pub(super) header: Value,
    pub(super) bytes: Vec<u8>,
}

impl Scene {
    pub(super) fn of(motion: &Animation, face: &Face, speech: &[f32], title: &str) -> Result<Self> {
        let mut block = Block::default();
        let vertices = face.vertex_count();
        let rig = Rig::for_columns(face, &motion.parameters()?.names, "the model")?;
        let tables = rig.tables();
        let joints = tables.parents.len();
        let (low, step) = grid(&face.template);
        block.put(
            "positions",
            face.template
                .as_chunks::<3>()
                .0
                .iter()
                .flatten()
                .enumerate()
                .map(|(i, v)| ((v - low[i % 3]) / step).round() as u16),
            u16::to_le_bytes,
        );
        block.indices("triangles", face, face.faces.iter().flatten().copied());
        let scales = shapes(&mut block, face, tables.correctives.unwrap_or_default());
        let (pivots, moves) = tables.pivots.split_at(3 * joints);
        let shares = tables.weights[vertices..].iter().map(|w| (w.clamp(0.0, 1.0) * 65535.0).round() as u16);
        block.put("jointWeights", shares, u16::to_le_bytes);
        block.put("pivotShapes", moves.iter().copied(), f32::to_le_bytes);
        let (color, gloss) = CLAY;
        let colors = face.colors.clone().unwrap_or_else(|| vec![color; vertices]);
        let glosses = face.gloss.clone().unwrap_or_else(|| vec![gloss; vertices]);
        block.put("colors", colors.iter().zip(&glosses).flat_map(|(c, g)| [c[0], c[1], c[2], *g]), |v| [v]);
        let (rest, dropped) = (jaw_at(face, 0.0), jaw_at(face, OPEN));
        let [shut, open] = [&rest, &dropped].map(|positions| openness(face, positions));
        block.put("openness", shut.into_iter().zip(open).flat_map(|(a, b)| [a, b]), |v| [v]);
        block.put("motion", rig.ordered(motion.values())?.iter().copied(), f32::to_le_bytes);

        let curves = Curves::measure(motion, face)?.list;
        block.put("curves", curves.iter().flat_map(|curve| curve.values.iter().copied()), f32::to_le_bytes);
        let wave = waveform(speech, if speech.is_empty() { 0 } else { BINS });
        let loudest = wave.iter().fold(1e-3f32, |m, (l, h)| m.max(-l).max(*h));
        block.put(
            "waveform",
            wave.iter().flat_map(|(l, h)| [*l, *h]).map(|v| (v / loudest * 127.0).round() as i8),
            i8::to_le_bytes,
        );
        block.put("sound", wav(speech)?.into_iter(), |v| [v]);

        let (center, radius) = focus(face);
        let header = json!({
            "title": title,
            "face": face.name,
            "license": face.license,
            "fps": motion.rate.per_second(),
            "frames": motion.frames(),
            "channels": face.channels,
            "grid": { "low": low, "step": step },
            "joints": (0..joints).map(|joint| json!({
                "name": face.joint_names[rig.joints()[joint]],
                "parent": tables.parents[joint],
                "pivot": pivots[3 * joint..][..3],
            })).collect::<Vec<_>>(),
            "lips": inner_lips(face),
            "lipGaps": inner_lips(face).map(|lips| [&rest, &dropped].map(|positions| gap(positions, lips))),
            "shapeScales": scales,
            "focus": { "center": center, "radius": radius },
            "curves": curves.iter().map(|c| json!({
                "name": c.name, "positive": c.positive, "negative": c.negative, "unit": c.unit, "span": c.span,
            })).collect::<Vec<_>>(),
            "arrays": block.places,
        });
        Ok(Self { header, bytes: block.bytes })
    }
}

/// Arrays one after another, each on a multiple of four bytes.
#[derive(Default)]
struct Block {
    bytes: Vec<u8>,
    /// Name to [offset, length in bytes].
    places: Map<String, Value>,
}

impl Block {
    fn put<T, const N: usize>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = T>,
        bytes: impl Fn(T) -> [u8; N],
    ) {
        let start = self.bytes.len();
        values.for_each(|value| self.bytes.extend(bytes(value)));
        self.places.insert(name.into(), json!([start, self.bytes.len() - start]));
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    /// Writes vertex indices: 16 bits if these are enough, as the page expects.
    fn indices(&mut self, name: &str, face: &Face, values: impl Iterator<Item = u32>) {
        if face.vertex_count() <= 1 << 16 {
            self.put(name, values.map(|v| v as u16), u16::to_le_bytes);
        } else {
            self.put(name, values, u32::to_le_bytes);
        }
    }
}

/// The lowest corner of the vertices' box and the step that takes its longest side to 65535.
fn grid(positions: &[f32]) -> ([f32; 3], f32) {
    let vertices = positions.as_chunks::<3>().0;
    let edge = |pick: fn(f32, f32) -> f32| {
        vertices.iter().fold(vertices[0], |m, v| std::array::from_fn(|k| pick(m[k], v[k])))
    };
    let (low, high): ([f32; 3], [f32; 3]) = (edge(f32::min), edge(f32::max));
    let side = (0..3).map(|k| high[k] - low[k]).fold(0.0, f32::max);
    (low, (side / 65535.0).max(f32::MIN_POSITIVE))
}

/// Writes the expression shapes and then the pose correctives: vertices that move, with their steps. Nine
/// correctives belong to each of the last joints of the scene. Returns the scale of each shape: metres per
/// step.
fn shapes(block: &mut Block, face: &Face, correctives: &[f32]) -> Vec<f32> {
    let width = face.template.len();
    let (mut starts, mut vertices, mut steps, mut scales) = (vec![0u32], vec![], vec![], vec![]);
    for shape in face.expression_basis.chunks_exact(width).chain(correctives.chunks_exact(width)) {
        let largest = shape.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let scale = (largest / 32767.0).max(f32::MIN_POSITIVE);
        for (vertex, delta) in shape.as_chunks::<3>().0.iter().enumerate() {
            if delta.iter().any(|d| d.abs() > STILL) {
                vertices.push(vertex as u32);
                steps.extend(delta.map(|d| (d / scale).round() as i16));
            }
        }
        starts.push(vertices.len() as u32);
        scales.push(scale);
    }
    block.put("shapeStarts", starts.into_iter(), u32::to_le_bytes);
    block.indices("shapeVertices", face, vertices.into_iter());
    block.put("shapeSteps", steps.into_iter(), i16::to_le_bytes);
    scales
}

/// The vertices with the jaw turned by `turn` radians.
fn jaw_at(face: &Face, turn: f32) -> Vec<f32> {
    let mut row = vec![0.0; face.channels.len() + 3];
    row[face.channels.len()] = turn;
    let mut positions = vec![0.0; face.template.len()];
    Rig::new(face).pose(&row, &mut positions);
    positions
}

/// The openness of each vertex, 0 to 255.
fn openness(face: &Face, positions: &[f32]) -> Vec<u8> {
    let normals = surface::normals(positions, &face.faces);
    occlusion::openness(positions, &normals, &face.faces)
        .into_iter()
        .map(|o| (o * 255.0).round() as u8)
        .collect()
}

/// Metres between the lips.
fn gap(positions: &[f32], lips: [u32; 2]) -> f32 {
    let [a, b] = lips.map(|v| positions.as_chunks::<3>().0[v as usize]);
    (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f32>().sqrt()
}

/// The target of the camera: a ball around all vertices above the neck's joint, or around all vertices.
fn focus(face: &Face) -> ([f32; 3], f32) {
    let vertices = face.template.as_chunks::<3>().0;
    let neck = face.joint_names.iter().position(|name| name == "neck").map(|j| face.joints[j * 3 + 1]);
    let head: Vec<[f32; 3]> = vertices.iter().filter(|v| neck.is_none_or(|y| v[1] >= y)).copied().collect();
    let head = if head.is_empty() { vertices } else { &head };
    let (low, step) = grid(head.as_flattened());
    let center: [f32; 3] = std::array::from_fn(|k| {
        let high = head.iter().fold(f32::NEG_INFINITY, |m, v| m.max(v[k]));
        0.5 * (low[k] + high)
    });
    (center, step * 65535.0 * 0.5)
}

/// 16-bit mono WAV at 16 kHz; empty without samples.
fn wav(samples: &[f32]) -> Result<Vec<u8>> {
    if samples.is_empty() {
        return Ok(vec![]);
    }
    let bytes = u32::try_from(samples.len() * 2)
        .ok()
        .filter(|bytes| bytes.checked_add(36).is_some())
        .ok_or_else(|| {
            Error::Usage(format!(
                "a page holds at most 37 hours of sound, found {} samples; give a shorter clip",
                samples.len()
            ))
        })?;
    let mut out = Vec::with_capacity(44 + samples.len() * 2);
    out.extend(b"RIFF");
    out.extend((36 + bytes).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16u32.to_le_bytes());
    // PCM, one channel; 16,000 samples of 2 bytes a second.
    out.extend([1u16, 1].map(u16::to_le_bytes).as_flattened());
    out.extend([16_000u32, 32_000].map(u32::to_le_bytes).as_flattened());
    out.extend([2u16, 16].map(u16::to_le_bytes).as_flattened());
    out.extend(b"data");
    out.extend(bytes.to_le_bytes());
    out.extend(samples.iter().flat_map(|s| ((s.clamp(-1.0, 1.0) * 32767.0).round() as i16).to_le_bytes()));
    Ok(out)
}
