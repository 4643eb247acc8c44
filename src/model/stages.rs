//! Looking into the network while it runs.

use crate::Result;
use crate::backend::Ops;

/// Sees every named stage of a forward, and may put other codes in place of the chosen ones: where a code differs,
/// everything after it differs, so a comparison goes on with the reference's codes.
///
/// The names are those of the published model's parts: `wav2vec2.output`, `predictor.logits_t`, `motion` ...
pub trait Observer<B: Ops> {
    /// A stage is there.
    fn stage(&self, name: &'static str, x: &B::Tensor) -> Result<()>;

    /// Codes were chosen; those that come back are used.
    fn codes(&self, _name: &'static str, codes: B::Codes) -> Result<B::Codes> {
        Ok(codes)
    }

    /// Whether it wants to see anything: a device may record and replay what nobody looks into.
    fn looks(&self) -> bool {
        true
    }
}

/// Looks away.
impl<B: Ops> Observer<B> for () {
    fn stage(&self, _: &'static str, _: &B::Tensor) -> Result<()> {
        Ok(())
    }

    fn looks(&self) -> bool {
        false
    }
}
