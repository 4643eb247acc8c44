//! Writing of model files, and the tensors that a model has.

use std::io::Write;
use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::model_file::{FORMAT, FORMAT_VERSION, Provenance};
use super::registry::{Architecture, Contradiction, Inspection};
use crate::files::safetensors::{self, ALIGNMENT, Header};
use crate::files::{AtomicFile, Written};
use crate::layers::Source;
use crate::tensor::{Dtype, Role};
use crate::{Advice, Error, Result};

/// Name and shape of every tensor that `load` asks for, in its order.
///
/// # Errors
/// Those of `load`.
pub fn shapes_of(load: impl FnOnce(&mut Collector) -> Result<()>) -> Result<Vec<(String, Vec<usize>)>> {
    let mut collector = Collector(Vec::new());
    load(&mut collector)?;
    Ok(collector.0)
}

/// The source that collects names and shapes.
pub struct Collector(Vec<(String, Vec<usize>)>);

impl Source for Collector {
    type Weight = ();

    fn tensor(&mut self, name: &str, shape: &[usize], _: Role) -> Result<()> {
        self.0.push((name.into(), shape.into()));
        Ok(())
    }

    fn host(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        self.0.push((name.into(), shape.into()));
        Ok(vec![0.0; shape.iter().product()])
    }

    fn table(&mut self, name: &str, shape: &[usize], _: usize) -> Result<Vec<u32>> {
        self.0.push((name.into(), shape.into()));
        Ok(vec![0; shape.iter().product()])
    }
}

/// A configuration that a program made and that contradicts itself.
pub(super) fn contradiction((what, expected, found): Contradiction) -> Error {
    Error::Usage(format!("the configuration {what}: expected {expected}, found {found}"))
}

/// Writes a model file, tensor by tensor: `make` gives the numbers of a name and a shape. Tables are written
/// as integers, all else in `dtype`.
///
/// # Errors
/// Whatever `make` or the disk says; nothing is left behind then.
pub fn write_model(
    path: &Path,
    architecture: &Architecture,
    config: &str,
    provenance: &Provenance,
    dtype: Dtype,
    mut make: impl FnMut(&str, &[usize]) -> Result<Vec<f32>>,
) -> Result<Written> {
    let Inspection { shapes, tables, .. } = (architecture.inspect)(config).map_err(contradiction)?;
    let dtype_of = |name: &String| if tables.contains(name) { Dtype::I32 } else { dtype };
    let stored = |name: &String| match dtype_of(name) {
        Dtype::F32 => safetensors::Dtype::F32,
        Dtype::F16 => safetensors::Dtype::F16,
        Dtype::I32 => safetensors::Dtype::I32,
    };
    let metadata = [
        ("format", FORMAT),
        ("format_version", FORMAT_VERSION),
        ("architecture", architecture.name),
        ("config", config),
        ("source", &provenance.source),
        ("license", &provenance.license),
    ];
    let header = Header {
        metadata: metadata.into_iter().map(|(key, text)| (key.into(), text.into())).collect(),
        arrays: shapes.iter().map(|(name, shape)| (name.clone(), stored(name), shape.clone())).collect(),
    };
    AtomicFile::write(path, |file| {
        header.write(file, ALIGNMENT, |index, file| {
            let (tensor, shape) = &shapes[index];
            let values = make(tensor, shape)?;
            match dtype_of(tensor) {
                Dtype::I32 => {
                    let integers: Vec<i32> = values.iter().map(|value| *value as i32).collect();
                    file.write_all(bytemuck::cast_slice(&integers))?;
                }
                Dtype::F32 => file.write_all(bytemuck::cast_slice(&values))?,
                Dtype::F16 => file.write_all(bytemuck::cast_slice(&to_halves(path, tensor, &values)?))?,
            }
            Ok(())
        })
    })
}

fn to_halves(path: &Path, tensor: &str, values: &[f32]) -> Result<Vec<f16>> {
    let mut halves = vec![f16::ZERO; values.len()];
    halves.convert_from_f32_slice(values);
    match halves.iter().position(|half| !half.is_finite()) {
        None => Ok(halves),
        Some(index) => Err(Error::bad_input(
            path,
            format!("the tensor `{tensor}` does not fit into half precision"),
            "numbers up to 65504",
            format!("{} at element {index}", values[index]),
            Advice::StoreF32.text(),
        )),
    }
}
