//! glTF 2.0, binary: the moving face for Blender, Unreal, Unity, Godot, three.js and other readers.
//!
//! One mesh with smooth normals, vertex colours and a morph target for each expression channel (positions and
//! normals; their names in `extras.targetNames`, where Blender and three.js read them), skinned to the face's
//! joints. One animation, `talk`, with a key for each frame: the morph weights, and the rotation of each
//! joint that the motion turns: `jaw`, and `neck` and eyes if the motion has their columns. No glTF
//! extensions are needed.
//!
//! glTF cannot hold: **sound** (load the audio file beside it), FLAME's pose correctives (left out; the
//! mesh's `extras` say so), a joint that follows the expression (FLAME's jaw joint stays at its rest
//! position), and more than four joints for a vertex (the four with the largest weights are kept). The
//! identity is the neutral one. Gloss becomes roughness through a texture of 256 pixels.
//!
//! ```
//! use deeptalk_rt::{export::glb, rig::Face};
//!
//! let face = Face::builtin()?;
//! # let names = face.parameter_names();
//! # use deeptalk_rt::animation::{Animation, Rate};
//! # let values = vec![0.0; 3 * names.len()];
//! # let motion = Animation::from_parameters(Rate::whole(25), names, values);
//! let bytes = glb::bytes(&motion, &face)?;
//! assert_eq!(&bytes[..4], b"glTF");
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```

mod buffer;

use std::io::Write as _;

use serde_json::{Value, json};

use self::buffer::{Buffer, Use};
use super::{Request, surface};
use crate::animation::Animation;
use crate::files::{AtomicFile, Failure};
use crate::rig::{Face, Rig};
use crate::{Error, Result};

/// Displacements below this are left out of a morph target, in metres.
const STILL: f32 = 2e-6;
/// Changes of a unit normal below this are left out: a quarter of a degree.
const STRAIGHT: f32 = 0.004;
/// Linear colour and roughness of a face without colours: matt clay.
const CLAY: ([f32; 4], f32) = ([0.60, 0.45, 0.37, 1.0], 0.6);

/// Writes the file.
pub(super) fn write(file: &mut AtomicFile, request: &Request<'_>) -> Result<(), Failure> {
    Ok(file.write_all(&bytes(request.animation, request.face()?)?)?)
}

/// The file's bytes: `motion` of `face`.
///
/// # Errors
/// [`Error::BadInput`] if the animation was not made for this face; [`Error::Usage`] if it has no frames, or
/// if the file would exceed 4 GB.
pub fn bytes(motion: &Animation, face: &Face) -> Result<Vec<u8>> {
    let rig = Rig::for_columns(face, &motion.parameters()?.names, "the model")?;
    if motion.frames() == 0 {
        return Err(Error::Usage(
            "a glTF animation needs at least one frame, found none; give a longer clip".into(),
        ));
    }
    let mut buffer = Buffer::default();
    let mut primitive = primitive(&mut buffer, face);
    let targets = targets(&mut buffer, face);
    if !targets.is_empty() {
        primitive["targets"] = targets.into();
    }
    let (skin, joints) = skin(&mut buffer, face);
    let animation = animation(&mut buffer, motion, &rig)?;
    let mut left_out = vec!["sound"];
    if face.pose_basis.is_some() {
        left_out.push("pose correctives");
    }
    if face.joint_regressor.is_some() {
        left_out.push("joints that follow the expression");
    }
    let roots = (0..face.parents.len()).filter(|&j| face.parents[j] < 0).map(|j| j + 1);
    let scene: Vec<usize> = std::iter::once(0).chain(roots).collect();
    let mut nodes = vec![json!({ "name": "face", "mesh": 0, "skin": 0 })];
    nodes.extend(joints);
    let mut document = json!({
        "asset": {
            "version": "2.0",
            "generator": concat!("deeptalk-rt ", env!("CARGO_PKG_VERSION")),
            "copyright": format!("face: {} ({})", face.name, face.license),
        },
        "scene": 0,
        "scenes": [{ "nodes": scene }],
        "nodes": nodes,
        "meshes": [{
            "name": face.name,
            "primitives": [primitive],
            "extras": { "targetNames": face.channels, "fps": motion.rate.per_second(), "leftOut": left_out },
        }],
        "skins": [skin],
        "animations": [animation],
    });
    if !motion.filters.is_empty() {
        document["asset"]["extras"] = json!({ "filters": motion.filters });
    }
    material(&mut buffer, face, &mut document);
    buffer.finish(document)
}

/// Triangles and the vertices' own attributes.
fn primitive(buffer: &mut Buffer, face: &Face) -> Value {
    let vertices = face.vertex_count();
    let normals = surface::normals(&face.template, &face.faces);
    let mut attributes = json!({
        "POSITION": buffer.floats(Use::Vertices, 3, &face.template),
        "NORMAL": buffer.floats(Use::Vertices, 3, &normals),
    });
    if let Some(colors) = &face.colors {
        let linear = |v: u8| {
            let v = f32::from(v) / 255.0;
            let v = if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
            (v * 65535.0).round() as u16
        };
        let colors: Vec<u16> =
            colors.iter().flat_map(|&[r, g, b]| [linear(r), linear(g), linear(b), u16::MAX]).collect();
        attributes["COLOR_0"] = buffer.shorts(Use::Vertices, 4, true, &colors).into();
    }
    if let Some(gloss) = &face.gloss {
        let across = |g: u8| ((f32::from(g) + 0.5) / 256.0 * 65535.0).round() as u16;
        let places: Vec<u16> = gloss.iter().flat_map(|&g| [across(g), u16::MAX / 2]).collect();
        attributes["TEXCOORD_0"] = buffer.shorts(Use::Vertices, 2, true, &places).into();
    }
    let (joints, weights) = influences(face);
    attributes["JOINTS_0"] = buffer.shorts(Use::Vertices, 4, false, &joints).into();
    attributes["WEIGHTS_0"] = buffer.floats(Use::Vertices, 4, &weights).into();

    let triangles: Vec<u32> =
        face.faces.iter().filter(|[a, b, c]| a != b && b != c && a != c).flatten().copied().collect();
    let mut primitive = json!({ "attributes": attributes, "material": 0 });
    if !triangles.is_empty() {
        primitive["indices"] = buffer.indices(Use::Triangles, vertices, &triangles).into();
    }
    primitive
}

/// The four largest joints of each vertex and their weights, which sum to 1.
fn influences(face: &Face) -> (Vec<u16>, Vec<f32>) {
    let (mut joints, mut weights) = (vec![], vec![]);
    for row in face.skinning_weights.chunks_exact(face.parents.len()) {
        let mut order: Vec<usize> = (0..row.len()).filter(|&j| row[j] > 0.0).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
        order.truncate(4);
        let sum: f32 = order.iter().map(|&j| row[j]).sum();
        for k in 0..4 {
            let joint = order.get(k).copied();
            joints.push(joint.unwrap_or(0) as u16);
            weights.push(joint.map_or(0.0, |j| row[j] / sum));
        }
    }
    (joints, weights)
}

/// One morph target per channel: offsets of positions and normals.
fn targets(buffer: &mut Buffer, face: &Face) -> Vec<Value> {
    let rest = surface::normals(&face.template, &face.faces);
    face.expression_basis
        .chunks_exact(face.template.len())
        .map(|shape| {
            let moved: Vec<f32> = face.template.iter().zip(shape).map(|(t, s)| t + s).collect();
            let turned: Vec<f32> =
                surface::normals(&moved, &face.faces).iter().zip(&rest).map(|(a, b)| a - b).collect();
            json!({
                "POSITION": buffer.sparse_vectors(shape, STILL),
                "NORMAL": buffer.sparse_vectors(&turned, STRAIGHT),
            })
        })
        .collect()
}

/// The skin and its joint nodes; joint `j` is node `j + 1`.
fn skin(buffer: &mut Buffer, face: &Face) -> (Value, Vec<Value>) {
    let places = face.joints.as_chunks::<3>().0;
    let inverse: Vec<f32> = places
        .iter()
        .flat_map(|p| [1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., -p[0], -p[1], -p[2], 1.])
        .collect();
    let nodes = (0..places.len())
        .map(|j| {
            let parent = usize::try_from(face.parents[j]).ok();
            let base = parent.map_or([0.0; 3], |p| places[p]);
            let offset: [f32; 3] = std::array::from_fn(|k| places[j][k] - base[k]);
            let children: Vec<usize> = (0..places.len())
                .filter(|&c| usize::try_from(face.parents[c]) == Ok(j))
                .map(|c| c + 1)
                .collect();
            let mut node = json!({ "name": face.joint_names[j], "translation": offset });
            if !children.is_empty() {
                node["children"] = children.into();
            }
            node
        })
        .collect();
    let skin = json!({
        "joints": (1..=places.len()).collect::<Vec<_>>(),
        "inverseBindMatrices": buffer.floats(Use::Data, 16, &inverse),
    });
    (skin, nodes)
}

/// The animation: rotations of the joints that the motion turns and weights of the morph targets, a key for
/// each frame.
fn animation(buffer: &mut Buffer, motion: &Animation, rig: &Rig) -> Result<Value> {
    let channels = rig.face().channels.len();
    let rows = rig.ordered(motion.values())?;
    let rows = || rows.chunks_exact(rig.parameters());
    let times: Vec<f32> = (0..motion.frames()).map(|i| motion.rate.seconds(i) as f32).collect();
    let time = buffer.floats_with_range(Use::Data, 1, &times);
    let (mut samplers, mut tracks) = (vec![], vec![]);
    for (index, joint) in rig.joints().iter().enumerate() {
        let at = channels + 3 * index;
        let rotations: Vec<f32> =
            rows().flat_map(|row| quaternion([row[at], row[at + 1], row[at + 2]])).collect();
        samplers.push(json!({ "input": time, "output": buffer.floats(Use::Data, 4, &rotations) }));
        tracks.push(json!({ "sampler": index, "target": { "node": joint + 1, "path": "rotation" } }));
    }
    if channels > 0 {
        let weights: Vec<f32> = rows().flat_map(|row| &row[..channels]).copied().collect();
        tracks.push(json!({ "sampler": samplers.len(), "target": { "node": 0, "path": "weights" } }));
        samplers.push(json!({ "input": time, "output": buffer.floats(Use::Data, 1, &weights) }));
    }
    Ok(json!({ "name": "talk", "samplers": samplers, "channels": tracks }))
}

/// The quaternion (x, y, z, w) of an axis-angle vector in radians.
fn quaternion(turn: [f32; 3]) -> [f32; 4] {
    let turn = turn.map(f64::from);
    let angle = turn.iter().map(|v| v * v).sum::<f64>().sqrt();
    let share = if angle > 1e-9 { (angle / 2.0).sin() / angle } else { 0.5 };
    let [x, y, z] = turn.map(|v| (v * share) as f32);
    [x, y, z, (angle / 2.0).cos() as f32]
}

/// The material, and the texture that maps gloss (along u) to roughness.
fn material(buffer: &mut Buffer, face: &Face, document: &mut Value) {
    let (color, roughness) = CLAY;
    let mut surface = json!({ "metallicFactor": 0.0 });
    if face.colors.is_none() {
        surface["baseColorFactor"] = json!(color);
    }
    if face.gloss.is_none() {
        surface["roughnessFactor"] = json!(roughness);
    } else {
        surface["metallicRoughnessTexture"] = json!({ "index": 0 });
        let view = buffer.view(Use::Data, &roughness_picture());
        document["images"] = json!([{ "name": "roughness", "bufferView": view, "mimeType": "image/png" }]);
        document["samplers"] =
            json!([{ "magFilter": 9729, "minFilter": 9729, "wrapS": 33071, "wrapT": 33071 }]);
        document["textures"] = json!([{ "sampler": 0, "source": 0 }]);
    }
    document["materials"] =
        json!([{ "name": "surface", "pbrMetallicRoughness": surface, "doubleSided": true }]);
}

/// A PNG of 256 x 1 grey pixels: the roughness for each gloss.
fn roughness_picture() -> Vec<u8> {
    let pixels: Vec<u8> = (0..=255u8)
        .map(|gloss| {
            let gloss = f32::from(gloss) / 255.0;
            ((0.72 - 0.62 * gloss * (0.4 + 0.6 * gloss)) * 255.0).round() as u8
        })
        .collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, 256, 1);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().expect("a vector takes every byte");
    writer.write_image_data(&pixels).expect("256 pixels were announced");
    writer.finish().expect("a vector takes every byte");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quaternion_turns_as_its_axis_angle_says() {
        assert_eq!(quaternion([0.0; 3]), [0.0, 0.0, 0.0, 1.0]);
        let [x, y, z, w] = quaternion([0.0, std::f32::consts::FRAC_PI_2, 0.0]);
        assert!(x == 0.0 && z == 0.0 && (y - w).abs() < 1e-7 && (y - 0.5f32.sqrt()).abs() < 1e-7);
        let tiny = quaternion([1e-12, 0.0, 0.0]);
        assert!(tiny.iter().all(|v| v.is_finite()) && tiny[3] == 1.0);
    }
}
