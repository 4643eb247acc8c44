//! A face that moves: motion to vertices, on the device or on the host.

use std::sync::Arc;

use super::Model;
use crate::animation::Animation;
use crate::rig::Face;
use crate::tensor::shapes::Shaped;
use crate::tensor::{self, Clips, Context, Engine, MeshOps, OnDevice, Ops};
use crate::{Error, Result};

/// A face, ready to turn motions into vertices: on the host ([`on_host`](Self::on_host)), or where a model is, posed by its device
/// ([`on_device`](Self::on_device)).
#[derive(Clone)]
pub struct Rig {
    face: Arc<Face>,
    device: Option<Posed>,
}

/// A face on the device of a model, and the model whose threads pose it.
#[derive(Clone)]
struct Posed {
    model: Model,
    skin: Arc<dyn Skin>,
}

/// Poses rows of parameters on a device.
trait Skin: Send + Sync {
    fn vertices(&self, rows: &[f32]) -> Result<Vec<f32>>;
}

struct OnBackend<E: Engine> {
    engine: E,
    rig: tensor::Rig<<E::Context as Context>::Weight>,
}

impl<E: Engine<Context: Ops>> Skin for OnBackend<E> {
    fn vertices(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let width = self.rig.pivots.shape()[0] + 2;
        let ops = self.engine.lease()?;
        let rows = ops.upload_f32(&Clips::one(rows.len() / width), width, rows)?;
        ops.download(&ops.skin(&rows, &self.rig)?)
    }
}

/// Takes a face to a device.
struct Load<'a>(&'a Face);

impl OnDevice for Load<'_> {
    type Output = Result<Arc<dyn Skin>>;

    fn on<E: Engine<Context: Ops>>(self, engine: E) -> Self::Output {
        let rig = self.0.rig(&*engine.lease()?)?;
        Ok(Arc::new(OnBackend { engine, rig }))
    }
}

impl Rig {
    /// For vertices on the host.
    pub fn on_host(face: Face) -> Self {
        Self { face: Arc::new(face), device: None }
    }

    /// For vertices on the model's device.
    ///
    /// # Errors
    /// A face whose channels are not the model's; whatever the device says.
    pub fn on_device(face: Face, model: &Model) -> Result<Self> {
        face.check_channels(&model.parameter_names(), "the model")?;
        let skin = model.open_device().run(Load(&face))?;
        let device = Some(Posed { model: model.clone(), skin });
        Ok(Self { face: Arc::new(face), device })
    }

    /// The face.
    pub fn face(&self) -> &Face {
        &self.face
    }

    /// Vertices (frames, V, 3) in metres, with the neutral identity.
    ///
    /// # Errors
    /// A motion that was not made for this face; whatever the device says.
    pub fn vertices(&self, motion: &Animation) -> Result<Vec<f32>> {
        let parameters = motion.parameters()?;
        self.face.check_channels(&parameters.names, "the motion")?;
        self.vertices_of_rows(&parameters.values)
    }

    /// The same of bare rows (frames, C + 3), such as a stream's.
    ///
    /// # Errors
    /// Values that are not whole rows; whatever the device says.
    pub fn vertices_of_rows(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let width = self.face.channels.len() + 3;
        if !rows.len().is_multiple_of(width) {
            return Err(Error::Shape {
                op: "vertices",
                what: "the rows".into(),
                expected: format!("whole rows of {width}"),
                found: format!("{} values", rows.len()),
            });
        }
        let Some(Posed { model, skin }) = &self.device else { return Ok(self.face.vertices(rows)) };
        model.run(|| skin.vertices(rows))
    }
}
