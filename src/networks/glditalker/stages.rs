//! The named stages of a forward, in its order. The names of the sampler's stages hold the number of the
//! step.

use std::sync::LazyLock;

use crate::networks::StageSpec;

/// Steps of a sampler and layers of a denoiser whose stages have names.
const NAMED_STEPS: usize = 64;
const NAMED_LAYERS: usize = 32;

/// The stages of one sampler.
pub(super) struct SamplerNames {
    /// `ddim.plan` and `ddim.step_codes`.
    pub plan: &'static str,
    pub step_codes: &'static str,
    /// Of the first step: `ddim.0.input`, and of every layer `ddim.0.cross0` and `ddim.0.layer0`.
    input: &'static str,
    layers: Vec<[&'static str; 2]>,
    /// Of every step: `ddim.0.x0`, the prediction, and `ddim.0.x`, the state after the update.
    steps: Vec<[&'static str; 2]>,
}

/// The names of DDIM (eta = 0) and of DDPM (eta above 0).
static SAMPLERS: LazyLock<[SamplerNames; 2]> = LazyLock::new(|| ["ddim", "ddpm"].map(SamplerNames::new));
static SPIRALS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| (0..16).map(|index| name(format!("encode.spiral{index}"))).collect());

/// The stages of a forward, in its order.
pub(super) static STAGES: LazyLock<Vec<StageSpec>> = LazyLock::new(|| {
    let mut names = vec![
        "audio.conv",
        "audio.projection",
        "audio.positional",
        "audio.layer0",
        "audio.tokens",
        "audio.frames",
        "audio.condition",
        "style",
    ];
    let [ddim, ddpm] = &*SAMPLERS;
    ddim.push_all(&mut names);
    names.extend(["decode.input", "decode.temporal", "decode.hidden", "decode.offsets"]);
    names.extend(["requantised.codes", "requantised.decode.temporal"]);
    ddpm.push_all(&mut names);
    names.extend(TABLES.iter());
    names.extend(SPIRALS.iter());
    names.extend(["encode.fused", "encode.temporal", "encode.latent", "encode.codes"]);
    names.into_iter().map(StageSpec::rows).collect()
});

/// The tables of the spirals.
static TABLES: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| (0..16).map(|index| name(format!("table{index}"))).collect());

/// A name that lives as long as the program: each is made once.
fn name(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// The stages of the spiral convolutions.
pub(super) fn spirals() -> impl Iterator<Item = &'static str> {
    SPIRALS.iter().copied()
}

impl SamplerNames {
    fn new(sampler: &str) -> Self {
        let layers = (0..NAMED_LAYERS)
            .map(|i| [name(format!("{sampler}.0.cross{i}")), name(format!("{sampler}.0.layer{i}"))]);
        let steps =
            (0..NAMED_STEPS).map(|k| [name(format!("{sampler}.{k}.x0")), name(format!("{sampler}.{k}.x"))]);
        Self {
            plan: name(format!("{sampler}.plan")),
            step_codes: name(format!("{sampler}.step_codes")),
            input: name(format!("{sampler}.0.input")),
            layers: layers.collect(),
            steps: steps.collect(),
        }
    }

    /// The names of a sampler with so much new noise.
    pub fn of_eta(eta: f32) -> &'static Self {
        &SAMPLERS[usize::from(eta > 0.0)]
    }

    fn push_all(&self, names: &mut Vec<&'static str>) {
        names.extend([self.plan, self.step_codes, self.input]);
        names.extend(self.layers.as_flattened());
        names.extend(self.steps.as_flattened());
    }

    /// The names of the prediction and of the state after a step.
    pub fn step(&self, k: usize) -> Option<[&'static str; 2]> {
        self.steps.get(k).copied()
    }

    /// Tells a stage inside the first step: `input`, or `cross` or `layer` of a layer.
    pub fn first<E>(
        &self,
        k: usize,
        part: &str,
        layer: Option<usize>,
        tell: impl FnOnce(&'static str) -> Result<(), E>,
    ) -> Result<(), E> {
        let name = match layer {
            _ if k > 0 => None,
            None => Some(self.input),
            Some(layer) => {
                self.layers.get(layer).map(|[cross, after]| if part == "cross" { *cross } else { *after })
            }
        };
        name.map_or(Ok(()), tell)
    }
}
