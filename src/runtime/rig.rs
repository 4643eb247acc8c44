//! A face that moves: motion to vertices, on the device or on the host.

use std::sync::Arc;

use super::model::{Engine, Model};
use crate::animation::Animation;
use crate::rig::Face;
use crate::tensor::shapes::Shaped;
use crate::tensor::{self, Clips, Ops, cpu, cuda};
use crate::{Error, Result};

/// A face, ready to turn motions into vertices: on the host ([`on_host`](Self::on_host)), or where a model is, posed by its device
/// ([`on_device`](Self::on_device)).
#[derive(Clone)]
pub struct Rig {
    face: Arc<Face>,
    device: Option<OnDevice>,
}

/// A model, and the face where that model is.
#[derive(Clone)]
struct OnDevice {
    model: Model,
    rig: Arc<Posed>,
}

enum Posed {
    Cpu(tensor::Rig<cpu::Weight>),
    Cuda(tensor::Rig<cuda::Weight>),
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
        let rig = match model.engine() {
            Engine::Cpu(model) => Posed::Cpu(face.rig(model.ops())?),
            Engine::Cuda(model) => Posed::Cuda(face.rig(model.ops())?),
        };
        let device = Some(OnDevice { model: model.clone(), rig: Arc::new(rig) });
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
        let Some(OnDevice { model, rig }) = &self.device else { return Ok(self.face.vertices(rows)) };
        model.run(|| match (model.engine(), &**rig) {
            (Engine::Cpu(model), Posed::Cpu(rig)) => skin(model.ops(), rig, rows),
            (Engine::Cuda(model), Posed::Cuda(rig)) => skin(model.ops(), rig, rows),
            _ => Err(Error::Device("the face is on another device than its model".into())),
        })
    }
}

fn skin<B: Ops>(ops: &B, rig: &tensor::Rig<B::Weight>, rows: &[f32]) -> Result<Vec<f32>> {
    let width = rig.pivots.shape()[0] + 2;
    ops.download(&ops.skin(&ops.upload_f32(&Clips::one(rows.len() / width), width, rows)?, rig)?)
}
