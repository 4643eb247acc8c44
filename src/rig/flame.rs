//! Import of FLAME's own files: FLAME 2020 (a Python 2 pickle with chumpy arrays), FLAME 2023 (a pickle of
//! numpy arrays, or npz).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::Face;
use crate::files::numpy::{Array, pickled_npy};
use crate::files::pickle::{Node, Pickle};
use crate::files::{npz, read_whole, refuse_wrong_download};
use crate::{Error, Result};

/// The published files have 50 MB.
const LARGEST_FILE: u64 = 256 << 20;
/// The most bytes of the arrays of an npz: those of FLAME 2023 take 60 MB in f64.
const LARGEST_ARRAYS: u64 = 128 << 20;
const VERTICES: usize = 5023;
const JOINTS: [&str; 5] = ["root", "neck", "jaw", "eye_left", "eye_right"];
/// `shapedirs` has the identity first, then the expressions, of which the published motions use the first 50.
const IDENTITY: std::ops::Range<usize> = 0..300;
const EXPRESSION: std::ops::Range<usize> = 300..350;
const NEXT: &str = "give FLAME's `generic_model.pkl` (or the npz of FLAME 2023) as it was downloaded";

/// Reads a FLAME model, and records its edition, licence and hash.
///
/// The edition follows from the form of the file: chumpy arrays, a sparse regressor or texts of Python 2 mean
/// FLAME 2020.
///
/// # Errors
/// A bad input if the file is no FLAME model; it names the array, what was expected and what was found.
pub fn import_flame(path: impl AsRef<Path>) -> Result<Face> {
    let path = path.as_ref();
    let bytes = read_whole(path, LARGEST_FILE, NEXT)?;
    refuse_wrong_download(path, &bytes)?;
    let hash = crate::files::hex(Sha256::new_with_prefix(&bytes));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let source = format!("{name}, SHA-256 {hash}");

    if bytes.starts_with(b"PK") {
        let entries = read_npz(&bytes, path)?;
        let mut pickles = HashMap::new();
        for (name, data) in &entries {
            if let Some(pickle) = pickled_npy(data) {
                pickles.insert(name.as_str(), Pickle::parse(pickle, path)?);
            }
        }
        let find = |name: &str| match pickles.get(name) {
            // An array of one object: its state ends with the list of objects.
            Some(pickle) => pickle.root().object()?.state?.item(4)?.item(0).map(Found::Pickled),
            None => entries.get(name).map(|data| Found::Npy(data)),
        };
        Flame { path, find }.face(source)
    } else {
        let pickle = Pickle::parse(&bytes, path)?;
        if pickle.root().pairs().is_none() {
            return Err(Error::bad_input(
                path,
                "is no FLAME model",
                "a dictionary",
                pickle.root().describe(),
                NEXT,
            ));
        }
        Flame { path, find: |name: &str| pickle.root().get(name).map(Found::Pickled) }.face(source)
    }
}

/// Reads the arrays of an npz that a FLAME model needs; the others are not unpacked.
fn read_npz(bytes: &[u8], path: &Path) -> Result<HashMap<String, Vec<u8>>> {
    const WANTED: [&str; 7] =
        ["v_template", "f", "shapedirs", "posedirs", "J_regressor", "kintree_table", "weights"];
    npz::read(bytes, &WANTED, LARGEST_ARRAYS)
        .map_err(|error| Error::bad_input(path, "is no FLAME model", "a pickle or an npz", error, NEXT))
}

/// One entry of the model, as the file holds it.
#[derive(Clone, Copy)]
enum Found<'a> {
    Pickled(Node<'a>),
    Npy(&'a [u8]),
}

struct Flame<'a, F> {
    path: &'a Path,
    find: F,
}

impl<'a, F: Fn(&str) -> Option<Found<'a>>> Flame<'a, F> {
    fn face(&self, mut source: String) -> Result<Face> {
        let (shape, template) = self.floats("v_template")?;
        let v = match shape[..] {
            [v, 3] if v > 0 => v,
            _ => return Err(self.misshapen("v_template", "(vertices, 3)", &shape)),
        };
        if v != VERTICES {
            source += &format!(", {v} vertices instead of FLAME's {VERTICES}");
        }
        let (shape, shapes) = self.floats("shapedirs")?;
        let columns = match shape[..] {
            [n, 3, columns] if n == v && columns >= EXPRESSION.end => columns,
            _ => return Err(self.misshapen("shapedirs", &format!("({v}, 3, 400)"), &shape)),
        };
        let regressor = self.shaped("J_regressor", &[JOINTS.len(), v])?;
        let correctives = 9 * (JOINTS.len() - 1);
        let pose = self.shaped("posedirs", &[v, 3, correctives])?;
        let (edition, license) = self.edition();
        let face = Face {
            name: edition.into(),
            edition: edition.into(),
            license: license.into(),
            source,
            channels: (0..EXPRESSION.len()).map(|i| format!("exp_{i:02}")).collect(),
            joint_names: JOINTS.map(String::from).to_vec(),
            faces: self.faces(v)?,
            expression_basis: columns_first(&shapes, columns, EXPRESSION),
            identity_basis: Some(columns_first(&shapes, columns, IDENTITY)),
            joints: rest_joints(&regressor, &template),
            joint_regressor: Some(regressor),
            parents: self.parents()?,
            skinning_weights: self.shaped("weights", &[v, JOINTS.len()])?,
            pose_basis: Some(columns_first(&pose, correctives, 0..correctives)),
            colors: None,
            gloss: None,
            masks: BTreeMap::new(),
            template,
        };
        face.check(self.path)?;
        Ok(face)
    }

    fn edition(&self) -> (&'static str, &'static str) {
        let of_2020 =
            ["v_template", "shapedirs", "J_regressor", "bs_style", "bs_type"].iter().any(|name| match (self
                .find)(
                name
            ) {
                Some(Found::Pickled(node)) => {
                    let module = node.object().map_or("", |object| object.module);
                    node.is_bytes() || module.starts_with("chumpy") || module.starts_with("scipy")
                }
                _ => false,
            });
        if of_2020 {
            (
                "FLAME 2020",
                "FLAME's own licence: for non-commercial research, not to be passed on (flame.is.tue.mpg.de)",
            )
        } else {
            (
                "FLAME 2023",
                "CC-BY-4.0 if this is FLAME 2023 Open, as its layout says; a file converted from FLAME 2020 keeps FLAME's own licence",
            )
        }
    }

    fn get(&self, name: &str) -> Result<Found<'a>> {
        (self.find)(name).ok_or_else(|| {
            Error::bad_input(
                self.path,
                format!("the array `{name}` is missing"),
                "a FLAME model",
                "none of this name",
                NEXT,
            )
        })
    }

    fn wrong(&self, name: &str, expected: &str, found: impl Into<String>) -> Error {
        Error::bad_input(self.path, format!("the array `{name}` is not FLAME's"), expected, found, NEXT)
    }

    fn misshapen(&self, name: &str, expected: &str, shape: &[usize]) -> Error {
        self.wrong(name, expected, format!("shape {shape:?}"))
    }

    fn floats(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        let read = match self.get(name)? {
            Found::Npy(bytes) => Array::from_npy(bytes).map(|array| (array.to_f32(), array.shape)),
            Found::Pickled(node) => match sparse(node) {
                Some(table) => table,
                None => Array::from_pickle(unwrapped(node)).map(|array| (array.to_f32(), array.shape)),
            },
        };
        let (values, shape) = read.map_err(|found| self.wrong(name, "an array of numbers", found))?;
        Ok((shape, values))
    }

    fn shaped(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>> {
        let (shape, values) = self.floats(name)?;
        if shape != expected {
            return Err(self.misshapen(name, &format!("shape {expected:?}"), &shape));
        }
        Ok(values)
    }

    fn whole_numbers(&self, name: &str) -> Result<(Vec<usize>, Vec<i64>)> {
        let array = match self.get(name)? {
            Found::Npy(bytes) => Array::from_npy(bytes),
            Found::Pickled(node) => Array::from_pickle(unwrapped(node)),
        };
        let array = array.map_err(|found| self.wrong(name, "an array of whole numbers", found))?;
        let values = array.whole_numbers().ok_or_else(|| self.wrong(name, "whole numbers", "others"))?;
        Ok((array.shape, values))
    }

    fn faces(&self, vertices: usize) -> Result<Vec<[u32; 3]>> {
        let (shape, values) = self.whole_numbers("f")?;
        if !matches!(shape[..], [triangles, 3] if triangles > 0) {
            return Err(self.misshapen("f", "(triangles, 3)", &shape));
        }
        let outside =
            values.iter().find(|&&index| usize::try_from(index).map_or(true, |index| index >= vertices));
        if let Some(index) = outside {
            return Err(self.wrong("f", &format!("vertices 0 to {}", vertices - 1), index.to_string()));
        }
        Ok(values.as_chunks::<3>().0.iter().map(|triangle| triangle.map(|index| index as u32)).collect())
    }

    /// The first row of `kintree_table`; the root's parent is written as 2^32 - 1.
    fn parents(&self) -> Result<Vec<i32>> {
        let (shape, values) = self.whole_numbers("kintree_table")?;
        if shape != [2, JOINTS.len()] {
            return Err(self.misshapen("kintree_table", "shape [2, 5]", &shape));
        }
        let root = [-1, i64::from(u32::MAX)];
        Ok(values[..JOINTS.len()]
            .iter()
            .map(|parent| if root.contains(parent) { -1 } else { i32::try_from(*parent).unwrap_or(i32::MAX) })
            .collect())
    }
}

/// The array inside a chumpy array, or the node itself.
fn unwrapped(node: Node<'_>) -> Node<'_> {
    let inside = node
        .object()
        .filter(|object| object.module.starts_with("chumpy"))
        .and_then(|object| object.state?.get("x"));
    inside.unwrap_or(node)
}

/// The most rows of a sparse matrix that is written out as a full table: those of a regressor.
const MOST_ROWS: usize = JOINTS.len();

/// Values, row-major, and their shape.
type Table = (Vec<f32>, Vec<usize>);

/// A `scipy.sparse.csc_matrix` as a full table (row-major) and its shape, or a description of its error.
fn sparse(node: Node<'_>) -> Option<Result<Table, String>> {
    let object = node.object().filter(|object| object.module.starts_with("scipy.sparse"))?;
    let read = || {
        let part = |name| {
            object.state.and_then(|state| state.get(name)).ok_or(format!("a sparse matrix without `{name}`"))
        };
        let whole = |name| {
            let array = Array::from_pickle(part(name)?)?;
            array.whole_numbers().ok_or(format!("a sparse matrix whose `{name}` are no whole numbers"))
        };
        let shape = part("_shape")?.sizes().unwrap_or_default();
        let values = Array::from_pickle(part("data")?)?.to_f32();
        let (rows_of, starts) = (whole("indices")?, whole("indptr")?);
        let [rows @ ..=MOST_ROWS, columns] = shape[..] else {
            return Err(format!("a sparse matrix of shape {shape:?}"));
        };
        if starts.len() != columns.saturating_add(1) || rows_of.len() != values.len() {
            return Err("a sparse matrix whose parts do not fit together".into());
        }
        let mut table = vec![0.0; rows * columns];
        for column in 0..columns {
            let range = usize::try_from(starts[column]).ok().zip(usize::try_from(starts[column + 1]).ok());
            let range = range.filter(|(start, end)| start <= end && *end <= values.len());
            let (start, end) = range.ok_or("a sparse matrix that points outside itself")?;
            for (row, value) in rows_of[start..end].iter().zip(&values[start..end]) {
                let row = usize::try_from(*row).ok().filter(|row| *row < rows);
                table[row.ok_or("a sparse matrix that points outside itself")? * columns + column] += value;
            }
        }
        Ok((table, shape))
    };
    Some(read())
}

/// Some columns of a (vertices, 3, columns) table, as (columns, vertices, 3).
fn columns_first(table: &[f32], columns: usize, some: std::ops::Range<usize>) -> Vec<f32> {
    some.flat_map(|column| table[column..].iter().step_by(columns).copied()).collect()
}

fn rest_joints(regressor: &[f32], template: &[f32]) -> Vec<f32> {
    let points = template.as_chunks::<3>().0;
    let joint = |row: &[f32]| -> [f32; 3] {
        std::array::from_fn(|k| {
            row.iter()
                .zip(points)
                .map(|(weight, point)| f64::from(*weight) * f64::from(point[k]))
                .sum::<f64>() as f32
        })
    };
    regressor.chunks_exact(points.len()).flat_map(joint).collect()
}
