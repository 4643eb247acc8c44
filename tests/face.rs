//! The face: parameters to vertices against the published numbers, and the file in both directions.

use std::collections::BTreeMap;
use std::path::Path;

use deeptalk_rt::rig::{Face, Rig};
use deeptalk_rt::tensor::cpu::Cpu;
use deeptalk_rt::tensor::{Clips, Context, MeshOps, Packed};
use safetensors::SafeTensors;

struct Golden(Vec<u8>);

impl Golden {
    fn read() -> Self {
        Self(
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/flame_lbs.safetensors"))
                .unwrap(),
        )
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap();
        assert_eq!(view.dtype(), safetensors::Dtype::F32);
        view.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    /// `shapes` columns of a (V, 3, columns) table from `first` on, channel-major.
    fn columns(&self, name: &str, columns: usize, first: usize, shapes: usize) -> Vec<f32> {
        let table = self.floats(name);
        (first..first + shapes)
            .flat_map(|c| table[c..].iter().step_by(columns).copied().collect::<Vec<_>>())
            .collect()
    }

    fn face(&self) -> Face {
        let template = self.floats("v_template");
        let regressor = self.floats("J_regressor");
        let vertices = template.len() / 3;
        assert_eq!(vertices, 96);
        Face {
            name: "golden rig".into(),
            edition: "FLAME 2020".into(),
            license: "none".into(),
            source: "synthetic".into(),
            channels: (0..50).map(|i| format!("exp_{i:02}")).collect(),
            joint_names: ["root", "neck", "jaw", "eye_left", "eye_right"].map(String::from).to_vec(),
            faces: (0..vertices as u32 - 2).map(|i| [i, i + 1, i + 2]).collect(),
            expression_basis: self.columns("shapedirs", 400, 300, 50),
            joints: regressor
                .chunks_exact(vertices)
                .flat_map(|row| {
                    (0..3).map(|k| {
                        row.iter().zip(template[k..].iter().step_by(3)).map(|(w, v)| w * v).sum::<f32>()
                    })
                })
                .collect(),
            joint_regressor: Some(regressor),
            parents: vec![-1, 0, 1, 1, 1],
            skinning_weights: self.floats("weights"),
            pose_basis: Some(self.columns("posedirs", 36, 0, 36)),
            identity_basis: Some(self.columns("shapedirs", 400, 0, 300)),
            colors: Some((0..vertices as u8).map(|i| [i, 2 * i, 255 - i]).collect()),
            gloss: Some((0..vertices as u8).collect()),
            masks: BTreeMap::from([("lips".into(), vec![0, 7, 95]), ("eyes".into(), vec![3])]),
            template,
        }
    }

    fn motion(&self) -> Vec<f32> {
        let (expression, jaw) = (self.floats("expression"), self.floats("jaw"));
        expression.chunks_exact(50).zip(jaw.chunks_exact(3)).flat_map(|(e, j)| [e, j].concat()).collect()
    }
}

fn extent(points: &[f32]) -> f32 {
    (0..3)
        .map(|k| {
            let axis = || points[k..].iter().step_by(3).copied();
            axis().fold(f32::MIN, f32::max) - axis().fold(f32::MAX, f32::min)
        })
        .fold(0.0, f32::max)
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |most, d| if d > most || d.is_nan() { d } else { most })
}

#[test]
fn vertices_are_those_of_smplx_to_a_millionth_of_the_head() {
    let golden = Golden::read();
    let (face, motion, expected) = (golden.face(), golden.motion(), golden.floats("vertices"));
    let identity = golden.floats("shape");
    assert_eq!((motion.len(), identity.len(), expected.len()), (12 * 53, 100, 12 * 96 * 3));
    let size = extent(&face.template);
    let rig = Rig::new(&face).with_identity(&identity);
    for (row, expected) in motion.chunks_exact(53).zip(expected.chunks_exact(96 * 3)) {
        let mut out = vec![f32::NAN; 96 * 3];
        rig.pose(row, &mut out);
        let error = largest_difference(&out, expected) / size;
        assert!(error <= 1e-6, "{error}");
        assert!(largest_difference(expected, &face.template) / size > 1e-3, "the golden frame moves");
    }
}

#[test]
fn many_frames_at_once_are_the_frames_one_by_one() {
    let golden = Golden::read();
    let (face, motion) = (golden.face(), golden.motion());
    let rig = Rig::new(face);
    let all = rig.vertices_of_rows(&motion).unwrap();
    let mut one = vec![f32::NAN; 96 * 3];
    for (row, expected) in motion.chunks_exact(53).zip(all.chunks_exact(96 * 3)) {
        rig.pose(row, &mut one);
        assert_eq!(one, expected);
    }
    assert!(rig.vertices_of_rows(&[]).unwrap().is_empty());
    assert!(rig.vertices_of_rows(&motion[..54]).is_err(), "54 is not a row of 53");
}

#[test]
fn a_device_poses_the_face_as_the_face_does_itself() {
    let golden = Golden::read();
    let motion = golden.motion();
    let mut stiff = golden.face();
    (stiff.joint_regressor, stiff.pose_basis) = (None, None);
    for face in [golden.face(), stiff] {
        let x = Cpu::F32.upload_f32(&Clips::from_lengths([1, 0, 11]), 53, &motion).unwrap();
        let rig = Rig::new(face);
        let skin = rig.skin(&Cpu::F32).unwrap();
        let vertices = Cpu::F32.skin(&x, &skin).unwrap();
        assert_eq!(vertices.clips().offsets(), [0, 1, 1, 12]);
        assert_eq!(Cpu::F32.download(&vertices).unwrap(), rig.vertices_of_rows(&motion).unwrap());
        let short = Cpu::F32.upload_f32(&Clips::one(1), 54, &motion[..54]).unwrap();
        assert!(Cpu::F32.skin(&short, &skin).is_err(), "54 is not a row of 53");
    }
}

/// `smplx.lbs` in plain loops and f64: 4 x 4 matrices from the root down, as in its `batch_rigid_transform`.
fn lbs(face: &Face, channels: &[f32], rotations: &[[f32; 3]]) -> Vec<f64> {
    let (v, j) = (face.vertex_count(), face.parents.len());
    let mut shaped: Vec<f64> = face.template.iter().map(|x| f64::from(*x)).collect();
    for (c, shape) in channels.iter().zip(face.expression_basis.chunks_exact(3 * v)) {
        shaped.iter_mut().zip(shape).for_each(|(x, d)| *x += f64::from(*c) * f64::from(*d));
    }
    let regressor = face.joint_regressor.as_ref().unwrap();
    let places: Vec<[f64; 3]> = regressor
        .chunks_exact(v)
        .map(|row| std::array::from_fn(|k| (0..v).map(|i| f64::from(row[i]) * shaped[3 * i + k]).sum()))
        .collect();
    let turned: Vec<[[f64; 3]; 3]> = rotations.iter().map(|r| rodrigues(r.map(f64::from))).collect();
    let mut posed = shaped.clone();
    let basis = face.pose_basis.as_ref().unwrap();
    for (i, corrective) in basis.chunks_exact(3 * v).enumerate() {
        let (r, entry) = (&turned[1 + i / 9], i % 9);
        let less = r[entry / 3][entry % 3] - f64::from(u8::from(entry % 4 == 0));
        posed.iter_mut().zip(corrective).for_each(|(x, d)| *x += less * f64::from(*d));
    }
    let mut chain: Vec<[[f64; 4]; 4]> = Vec::new();
    for joint in 0..j {
        let parent = usize::try_from(face.parents[joint]).ok();
        let mut local = [[0.0; 4]; 4];
        local[3][3] = 1.0;
        for row in 0..3 {
            local[row][..3].copy_from_slice(&turned[joint][row]);
            local[row][3] = places[joint][row] - parent.map_or(0.0, |parent| places[parent][row]);
        }
        chain.push(parent.map_or(local, |parent| {
            let outer = chain[parent];
            std::array::from_fn(|a| std::array::from_fn(|b| (0..4).map(|k| outer[a][k] * local[k][b]).sum()))
        }));
    }
    for (joint, transform) in chain.iter_mut().enumerate() {
        for row in transform.iter_mut() {
            row[3] -= (0..3).map(|k| row[k] * places[joint][k]).sum::<f64>();
        }
    }
    let mut out = Vec::new();
    for i in 0..v {
        for row in 0..3 {
            let moved =
                |t: &[[f64; 4]; 4]| (0..3).map(|k| t[row][k] * posed[3 * i + k]).sum::<f64>() + t[row][3];
            out.push(
                (0..j)
                    .map(|joint| f64::from(face.skinning_weights[i * j + joint]) * moved(&chain[joint]))
                    .sum(),
            );
        }
    }
    out
}

/// The rotation of an axis times an angle, from sine and cosine of the half angle: not the formula of the
/// crate.
fn rodrigues(r: [f64; 3]) -> [[f64; 3]; 3] {
    let angle = r.iter().map(|v| v * v).sum::<f64>().sqrt();
    let share = if angle > 0.0 { (angle / 2.0).sin() / angle } else { 0.5 };
    let ([x, y, z], w) = (r.map(|v| v * share), (angle / 2.0).cos());
    [
        [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
        [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
        [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
    ]
}

#[test]
fn vertices_with_all_joints_turned_are_those_of_smplx_to_a_millionth_of_the_head() {
    let golden = Golden::read();
    let (face, motion) = (golden.face(), golden.motion());
    let names = face.all_parameter_names();
    assert_eq!(names.len(), 65);
    assert_eq!(
        names[50..],
        ["root", "neck", "jaw", "eye_left", "eye_right"]
            .map(|j| ["_x", "_y", "_z"].map(|a| j.to_owned() + a))
            .concat()
    );
    let size = f64::from(extent(&face.template));
    let rotations = |frame: usize| -> [[f32; 3]; 5] {
        std::array::from_fn(|joint| {
            std::array::from_fn(|k| ((frame * 15 + joint * 3 + k) as f32 * 1.7).sin() * 0.6)
        })
    };
    // The columns of the motion are in another order than the face's: they are found by name.
    let order: Vec<usize> = (0..65).map(|i| (i * 7 + 3) % 65).collect();
    let shuffled: Vec<String> = order.iter().map(|&column| names[column].clone()).collect();
    let (rig, by_name) = (
        Rig::for_columns(&face, &names, "motion").unwrap(),
        Rig::for_columns(&face, &shuffled, "motion").unwrap(),
    );
    for (frame, row) in motion.chunks_exact(53).enumerate() {
        let rotations = rotations(frame);
        let expected = lbs(&face, &row[..50], &rotations);
        let row = [&row[..50], rotations.as_flattened()].concat();
        let out = rig.vertices_of_rows(&row).unwrap();
        let error = out.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(error / size <= 1e-6, "frame {frame}: {}", error / size);
        let mixed: Vec<f32> = order.iter().map(|&column| row[column]).collect();
        assert_eq!(by_name.vertices_of_rows(&mixed).unwrap(), out);
    }
}

#[test]
fn joints_that_a_motion_does_not_turn_change_nothing() {
    let golden = Golden::read();
    let (face, motion) = (golden.face(), golden.motion());
    let rig = |joints: &[&str]| {
        let rotations =
            joints.iter().flat_map(|joint| ["_x", "_y", "_z"].map(|axis| format!("{joint}{axis}")));
        let names: Vec<String> = face.channels.iter().cloned().chain(rotations).collect();
        (Rig::for_columns(&face, &names, "motion").unwrap(), names.len())
    };
    let (jaw, _) = rig(&["jaw"]);
    let expected = jaw.vertices_of_rows(&motion).unwrap();
    assert_eq!(expected, Rig::new(&face).vertices_of_rows(&motion).unwrap());
    for joints in
        [&["root", "neck", "jaw", "eye_left", "eye_right"][..], &["eye_right", "jaw"], &["jaw", "neck"]]
    {
        let (rig, width) = rig(joints);
        let at = 50 + 3 * joints.iter().position(|joint| *joint == "jaw").unwrap();
        let rows: Vec<f32> = motion
            .chunks_exact(53)
            .flat_map(|row| {
                let mut wide = vec![0.0; width];
                wide[..50].copy_from_slice(&row[..50]);
                wide[at..at + 3].copy_from_slice(&row[50..]);
                wide
            })
            .collect();
        // The shares of a vertex are summed in another grouping, which rounds the last bits differently.
        let error = largest_difference(&rig.vertices_of_rows(&rows).unwrap(), &expected);
        assert!(error <= 2.0 * f32::EPSILON * extent(&face.template), "{joints:?}: {error:e}");
    }
    let (still, width) = rig(&[]);
    assert_eq!((still.joints(), width), (&[2usize][..], 50), "a jaw without columns rests");
    let mut row = motion[..50].to_vec();
    let shut = still.vertices_of_rows(&row).unwrap();
    row.extend([0.0; 3]);
    assert_eq!(shut, jaw.vertices_of_rows(&row).unwrap());
}

#[test]
fn joints_below_the_jaw_turn_with_it_and_all_others_stay() {
    let mut face = Golden::read().face();
    (face.pose_basis, face.joint_regressor) = (None, None);
    face.parents = vec![-1, 0, 1, 2, 1];
    face.joints = vec![0.0, 0.0, 0.0, 0.0, 0.1, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0, 1.0, 9.0, 9.0, 9.0];
    face.skinning_weights =
        (0..96).flat_map(|v| (0..5).map(move |j| f32::from(u8::from(v % 5 == j)))).collect();
    let mut row = vec![0.0; 53];
    row[52] = std::f32::consts::FRAC_PI_2;
    let out = Rig::new(&face).vertices_of_rows(&row).unwrap();
    for v in 0..96 {
        let at = |points: &[f32]| [points[3 * v], points[3 * v + 1], points[3 * v + 2]];
        let [x, y, z] = at(&face.template);
        // A quarter turn about z, round (0.5, 0, 0).
        let expected = if v % 5 == 2 || v % 5 == 3 { [0.5 - y, x - 0.5, z] } else { [x, y, z] };
        assert!(largest_difference(&at(&out), &expected) < 1e-6, "vertex {v}");
    }
}

#[test]
fn a_vector_that_cancels_the_guard_of_the_angle_still_gives_finite_vertices() {
    let mut row = vec![0.0; 53];
    row[50..].fill(-1e-8);
    let rig = Rig::new(Golden::read().face());
    assert!(rig.vertices_of_rows(&row).unwrap().iter().all(|x| x.is_finite()));
}

#[test]
fn a_saved_face_loads_as_itself_and_the_same_face_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let face = Golden::read().face();
    face.save(&first).unwrap();
    let loaded = Face::load(&first).unwrap();
    assert_eq!(loaded, face);
    loaded.save(&second).unwrap();
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "no temporary file is left");
}

#[test]
fn a_face_without_the_optional_tensors_is_a_face() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain");
    let face = Face {
        joint_regressor: None,
        pose_basis: None,
        identity_basis: None,
        colors: None,
        gloss: None,
        masks: BTreeMap::new(),
        ..Golden::read().face()
    };
    face.save(&path).unwrap();
    assert_eq!(Face::load(&path).unwrap(), face);
}

#[test]
fn halves_and_short_indices_are_widened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("face");
    let face = Golden::read().face();
    face.save(&path).unwrap();
    let bytes = rewrite(&std::fs::read(&path).unwrap(), |tensors, _| {
        let half = tensors.iter_mut().find(|t| t.0 == "expression_basis").unwrap();
        half.1 = safetensors::Dtype::F16;
        half.3 = face.expression_basis.iter().flat_map(|x| half::f16::from_f32(*x).to_le_bytes()).collect();
        let short = tensors.iter_mut().find(|t| t.0 == "faces").unwrap();
        short.1 = safetensors::Dtype::U16;
        short.3 = face.faces.as_flattened().iter().flat_map(|i| (*i as u16).to_le_bytes()).collect();
    });
    let loaded = Face::from_bytes(&bytes, "halves").unwrap();
    assert_eq!(loaded.faces, face.faces);
    let expected: Vec<f32> = face.expression_basis.iter().map(|x| half::f16::from_f32(*x).to_f32()).collect();
    assert_eq!(loaded.expression_basis, expected);
}

type Tensor = (String, safetensors::Dtype, Vec<usize>, Vec<u8>);
type Metadata = std::collections::HashMap<String, String>;

/// The file with its tensors and metadata changed by `edit`.
fn rewrite(bytes: &[u8], edit: impl FnOnce(&mut Vec<Tensor>, &mut Metadata)) -> Vec<u8> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let mut metadata = SafeTensors::read_metadata(bytes).unwrap().1.metadata().clone().unwrap();
    let mut tensors: Vec<Tensor> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    edit(&mut tensors, &mut metadata);
    let views = tensors.iter().map(|(name, dtype, shape, data)| {
        (name.clone(), safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    safetensors::serialize(views, Some(metadata)).unwrap()
}

#[test]
fn a_wrong_face_is_refused_by_the_name_of_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("face");
    let face = Golden::read().face();
    face.save(&path).unwrap();
    let good = std::fs::read(&path).unwrap();

    type Edit = fn(&mut Vec<Tensor>, &mut Metadata);
    fn tensor<'a>(tensors: &'a mut [Tensor], name: &str) -> &'a mut Tensor {
        tensors.iter_mut().find(|t| t.0 == name).unwrap()
    }
    let cases: [(&str, Edit); 24] = [
        ("`template` is missing", |t, _| t.retain(|t| t.0 != "template")),
        ("`skinning_weights` is missing", |t, _| t.retain(|t| t.0 != "skinning_weights")),
        ("`wings` is unknown", |t, _| t.push(("wings".into(), safetensors::Dtype::U8, vec![1], vec![0]))),
        ("`gloss` has the wrong type", |t, _| {
            *tensor(t, "gloss") = ("gloss".into(), safetensors::Dtype::I8, vec![96], vec![0; 96]);
        }),
        ("`faces` has the wrong shape", |t, _| tensor(t, "faces").2 = vec![3, 94]),
        ("`pose_basis` has the wrong shape", |t, _| tensor(t, "pose_basis").2 = vec![18, 192, 3]),
        ("`mask.eyes` has the wrong shape", |t, _| {
            *tensor(t, "mask.eyes") = ("mask.eyes".into(), safetensors::Dtype::U32, vec![0], vec![]);
        }),
        ("`mask.eyes` is not a set of vertices", |t, _| tensor(t, "mask.eyes").3[1] = 1),
        ("`joints` has values that are no coordinates", |t, _| tensor(t, "joints").3[4..8].fill(0xff)),
        (
            "`template` has values that are no coordinates or weights: expected finite values of at most 1e6, found 1e20",
            |t, _| tensor(t, "template").3[4..8].copy_from_slice(&1e20f32.to_le_bytes()),
        ),
        ("`expression_basis` has values that are no coordinates", |t, _| {
            tensor(t, "expression_basis").3[4..8].copy_from_slice(&(-1.1e6f32).to_le_bytes())
        }),
        ("`faces` points outside", |t, _| tensor(t, "faces").3[0] = 96),
        ("`faces` has a triangle that uses a vertex twice", |t, _| tensor(t, "faces").3[0] = 1),
        ("`parents` points outside", |t, _| tensor(t, "parents").3[0] = 5),
        ("`parents` goes in a circle", |t, _| {
            tensor(t, "parents").3[..4].copy_from_slice(&4i32.to_le_bytes())
        }),
        ("does not sum to 1", |t, _| {
            tensor(t, "skinning_weights").3[..4].copy_from_slice(&1.5f32.to_le_bytes())
        }),
        ("`format` is wrong", |_, m| drop(m.insert("format".into(), "pizza".into()))),
        ("`format_version` is wrong", |_, m| drop(m.insert("format_version".into(), "2".into()))),
        ("lacks `license`", |_, m| drop(m.remove("license"))),
        ("lacks `name`", |_, m| drop(m.insert("name".into(), " ".into()))),
        ("`channels` cannot be read", |_, m| drop(m.insert("channels".into(), "[1]".into()))),
        ("list of channels", |_, m| {
            let twice = m["channels"].replace("exp_01", "exp_00");
            m.insert("channels".into(), twice);
        }),
        ("`expression_basis` has the wrong shape", |_, m| {
            drop(m.insert("channels".into(), "[\"a\"]".into()))
        }),
        ("joints are not a face's", |_, m| {
            let chin = m["joints"].replace("jaw", "chin");
            m.insert("joints".into(), chin);
        }),
    ];
    for (expected, edit) in cases {
        let error = Face::from_bytes(&rewrite(&good, edit), "bad.face").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("bad.face: ") && text.contains(expected), "{expected}: {text}");
        assert_eq!(error.exit_code(), 3);
    }

    for length in [0, 7, 8, 9, 500, good.len() - 1] {
        let error = Face::from_bytes(&good[..length], "short.face").unwrap_err();
        assert!(error.to_string().contains("is not a face file"), "{error}");
    }
    let huge = [u64::MAX.to_le_bytes().as_slice(), &good[8..]].concat();
    assert!(Face::from_bytes(&huge, "huge.face").unwrap_err().to_string().contains("is not a face file"));
    assert_eq!(Face::load(folder.path().join("nowhere")).unwrap_err().exit_code(), 3);
    assert_eq!(Face::load(folder.path()).unwrap_err().exit_code(), 3, "a folder");
}

#[test]
fn an_inconsistent_face_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut face = Golden::read().face();
    face.gloss = Some(vec![0; 95]);
    let error = face.save(folder.path().join("face")).unwrap_err();
    assert!(error.to_string().contains("`gloss` has the wrong size"), "{error}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    assert_eq!(Golden::read().face().save(folder.path().join("no/such/folder")).unwrap_err().exit_code(), 1);
}

#[test]
fn a_motion_of_other_channels_is_refused_with_both_sides_named() {
    let face = Golden::read().face();
    let mut names = face.parameter_names();
    assert_eq!(names.len(), 53);
    face.check_channels(&names, "model").unwrap();
    names[3] = "jawOpen".into();
    let text = face.check_channels(&names, "talk.model").unwrap_err().to_string();
    for part in ["talk.model", "golden rig", "FLAME 2020", "`exp_03`", "`jawOpen`", "number 4"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let refused = |edit: &dyn Fn(&mut Vec<String>)| {
        let mut names = face.all_parameter_names();
        face.check_channels(&names, "model").unwrap();
        edit(&mut names);
        face.check_channels(&names, "model").unwrap_err().to_string()
    };
    let text = refused(&|names| drop(names.pop()));
    assert!(
        text.contains("part of the rotation of the joint `eye_right`") && text.contains("2 of them"),
        "{text}"
    );
    let text = refused(&|names| names.push("wing_x".into()));
    assert!(text.contains("`wing_x` as number 66 of 66") && text.contains("eye_left"), "{text}");
    let text = refused(&|names| names.push("jaw_y".into()));
    assert!(text.contains("stands there twice") && text.contains("`jaw_y` as number 66"), "{text}");
    let text = refused(&|names| drop(names.remove(7)));
    assert!(text.contains("`exp_07`") && text.contains("64 columns without it"), "{text}");
    assert!(refused(&Vec::clear).contains("`exp_00`"));
}
