//! The controls of one animation: who speaks, with which emotion, and what is drawn.

use crate::animation::{EmotionTrack, EmotionVector, Mood};

/// How a motion is drawn instead of taken at its likeliest.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draw {
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// Draws the emotion vector: the paper's uncertainty factor alpha, which multiplies the log variance.
    /// Nothing: the mean.
    pub alpha: Option<f32>,
    /// Temperatures of the top and the bottom codes; 0 takes the likeliest.
    pub temperature: [f32; 2],
    /// Denoising steps of a diffusion network. Nothing: the network's usual number
    /// ([`Spec::sampling`](super::Spec::sampling)).
    pub steps: Option<usize>,
    /// New noise in every denoising step: 0 none (DDIM), 1 as much as ancestral sampling (DDPM). Nothing: 0.
    pub eta: Option<f32>,
}

/// One motion that is wanted of a recording.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Take {
    /// Index of the identity.
    pub actor: usize,
    /// The emotion over time; the default is the recording's own.
    pub emotion: EmotionTrack,
    /// What is drawn.
    pub draw: Draw,
}

impl Take {
    /// The identity with this index ([`Spec::identity`](super::Spec::identity)).
    pub fn with_actor(self, actor: usize) -> Self {
        Self { actor, ..self }
    }

    /// This emotion instead of the recording's own: taken from another clip, or set.
    pub fn with_emotion(self, emotion: EmotionVector) -> Self {
        self.with_blend(emotion, 1.0)
    }

    /// `share` of the way from the recording's own emotion to this one, on the sphere.
    pub fn with_blend(self, emotion: EmotionVector, share: f32) -> Self {
        self.with_track(EmotionTrack::constant(Mood::Lent { emotion, share }))
    }

    /// Moods over time, in place of the recording's own emotion.
    pub fn with_track(self, emotion: EmotionTrack) -> Self {
        Self { emotion, ..self }
    }

    /// Draws the emotion from its distribution: see [`Draw::alpha`].
    pub fn with_alpha(mut self, alpha: f32) -> Self {
        self.draw.alpha = Some(alpha);
        self
    }

    /// The seed of all that is drawn.
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.draw.seed = seed;
        self
    }

    /// Draws the top and bottom codes: see [`Draw::temperature`].
    pub fn with_temperature(mut self, top: f32, bottom: f32) -> Self {
        self.draw.temperature = [top, bottom];
        self
    }

    /// So many denoising steps: see [`Draw::steps`].
    pub fn with_steps(mut self, steps: usize) -> Self {
        self.draw.steps = Some(steps);
        self
    }

    /// New noise in every denoising step: see [`Draw::eta`].
    pub fn with_eta(mut self, eta: f32) -> Self {
        self.draw.eta = Some(eta);
        self
    }
}
