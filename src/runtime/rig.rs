//! Vertices on the device of a model.

use std::sync::Arc;

use super::Model;
use crate::Result;
use crate::rig::{Face, Rig, Skinning};
use crate::tensor::{Clips, Context, Engine, MeshOps, OnDevice, Ops, SkinTables};

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
        let skin = self.open_device().run(Load(&rig))?;
        Ok(rig.on(Arc::new(Placed { model: self.clone(), skin })))
    }
}

/// Tables on the device of a model, and the model whose threads pose them.
struct Placed {
    model: Model,
    skin: Arc<dyn Skinning>,
}

impl Skinning for Placed {
    fn vertices(&self, rows: &[f32]) -> Result<Vec<f32>> {
        self.model.run(|| self.skin.vertices(rows))
    }
}

/// Takes the tables of a rig to a device.
struct Load<'a>(&'a Rig<'static>);

impl OnDevice for Load<'_> {
    type Output = Result<Arc<dyn Skinning>>;

    fn on<E: Engine<Context: Ops>>(self, engine: E) -> Self::Output {
        let (parameters, skin) = (self.0.parameters(), self.0.skin(&*engine.lease()?)?);
        Ok(Arc::new(OnBackend { engine, parameters, skin }))
    }
}

struct OnBackend<E: Engine> {
    engine: E,
    /// The width of a row.
    parameters: usize,
    skin: SkinTables<<E::Context as Context>::Weight>,
}

impl<E: Engine<Context: Ops>> Skinning for OnBackend<E> {
    fn vertices(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let ops = self.engine.lease()?;
        let frames = Clips::one(rows.len() / self.parameters);
        let rows = ops.upload_f32(&frames, self.parameters, rows)?;
        ops.download(&ops.skin(&rows, &self.skin)?)
    }
}
