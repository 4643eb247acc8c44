//! Vertices on the device of a model.

use std::sync::Arc;

use super::model::{Engine, Model};
use crate::Result;
use crate::rig::{Face, Rig, Skinning};
use crate::tensor::{Clips, Context, MeshOps, Skin, cuda};

impl Model {
    /// A face prepared for the motions of this model, posed by its device.
    ///
    /// # Errors
    /// A face that does not have the model's columns; errors of the device.
    pub fn rig(&self, face: Face) -> Result<Rig<'static>> {
        self.place(Rig::for_columns(face, &self.parameter_names(), "the model")?)
    }

    /// The same rig, posed by the device of this model.
    ///
    /// # Errors
    /// Errors of the device.
    pub fn place(&self, rig: Rig<'static>) -> Result<Rig<'static>> {
        let device: Arc<dyn Skinning> = match self.engine() {
            // Both kinds of products on the CPU skin in f32: the host's own code, in the model's threads.
            Engine::Cpu(_) => Arc::new(OnHost { model: self.clone(), rig: rig.clone() }),
            Engine::Cuda(model) => {
                let (parameters, skin) = (rig.parameters(), rig.skin(model.ops())?);
                Arc::new(OnGpu { model: self.clone(), parameters, skin })
            }
        };
        Ok(rig.on(device))
    }
}

struct OnHost {
    model: Model,
    rig: Rig<'static>,
}

impl Skinning for OnHost {
    fn vertices(&self, rows: &[f32]) -> Result<Vec<f32>> {
        self.model.run(|| Ok(self.rig.vertices_on_host(rows)))
    }
}

struct OnGpu {
    model: Model,
    /// The width of a row.
    parameters: usize,
    skin: Skin<cuda::Weight>,
}

impl Skinning for OnGpu {
    fn vertices(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let Engine::Cuda(model) = self.model.engine() else { unreachable!("placed on a GPU") };
        let ops = model.ops();
        let frames = Clips::one(rows.len() / self.parameters);
        self.model.run(|| {
            let rows = ops.upload_f32(&frames, self.parameters, rows)?;
            ops.download(&ops.skin(&rows, &self.skin)?)
        })
    }
}
