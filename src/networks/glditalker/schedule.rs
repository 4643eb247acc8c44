//! The noise schedule of the training, and the updates of a sampler: `docs/networks/glditalker.md` section 4.

use super::config::DiffusionConfig;

/// One update of the sampler, `x_m = c0 x0 + c1 x_n + cz z`, at step n.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// n, 1 to N: the step whose noise is removed.
    pub step: usize,
    /// c0: the factor of the prediction.
    pub prediction: f64,
    /// c1: the factor of the state.
    pub state: f64,
    /// cz: the factor of new noise.
    pub noise: f64,
}

/// `abar[0..=N]`: the share of the signal's variance after each step of noise.
pub(super) fn signal_shares(config: &DiffusionConfig) -> Vec<f64> {
    let steps = config.steps;
    let beta = |step: usize| match config.schedule.as_str() {
        "scaled_linear" => {
            let (first, last) = (0.000_85f64.sqrt(), 0.012f64.sqrt());
            let share = (step - 1) as f64 / (steps - 1).max(1) as f64;
            (first + (last - first) * share).powi(2)
        }
        _ => {
            let curve = |step: usize| {
                let share = step as f64 / steps as f64;
                ((share + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2)
            };
            (1.0 - curve(step) / curve(step - 1)).min(0.999)
        }
    };
    let mut shares = vec![1.0];
    shares.extend((1..=steps).scan(1.0, |share, step| {
        *share *= 1.0 - beta(step);
        Some(*share)
    }));
    shares
}

/// `count` of the N steps, from noise to data. `eta` 0 is DDIM (Song et al., ICLR 2021), 1 ancestral DDPM
/// with the small variance.
pub(super) fn plan(config: &DiffusionConfig, count: usize, eta: f64) -> Vec<Update> {
    let shares = signal_shares(config);
    let step_of = |k: usize| (k as u64 * config.steps as u64 / count as u64) as usize;
    let update = |k: usize| {
        let step = step_of(k);
        let (now, then) = (shares[step], shares[step_of(k - 1)]);
        let noise = eta * ((1.0 - then) / (1.0 - now) * (1.0 - now / then)).sqrt();
        let state = ((1.0 - then - noise * noise).max(0.0) / (1.0 - now)).sqrt();
        Update { step, prediction: then.sqrt() - state * now.sqrt(), state, noise }
    };
    (1..=count).rev().map(update).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn config(steps: usize, schedule: &str) -> DiffusionConfig {
        DiffusionConfig { steps, schedule: schedule.into(), ..Config::tiny().diffusion }
    }

    /// The table of the specification.
    #[test]
    fn the_share_of_the_signal_is_the_known_one() {
        for (steps, schedule, expected) in [
            (500, "cosine", [0.999_912_58, 0.493_843_59, 9.715_044e-6, 9.715_044e-9]),
            (1000, "cosine", [0.999_958_72, 0.493_843_59, 2.428_766_9e-6, 2.428_766_9e-9]),
            (1000, "scaled_linear", [0.999_15, 0.277_669_65, 0.004_716_698_9, 0.004_660_098_5]),
        ] {
            let shares = signal_shares(&config(steps, schedule));
            for (step, expected) in [1, steps / 2, steps - 1, steps].into_iter().zip(expected) {
                let error = (shares[step] / expected - 1.0).abs();
                assert!(error < 2e-7, "{schedule} {steps}: {step}: {} {expected}", shares[step]);
            }
        }
    }

    #[test]
    fn the_last_update_is_the_prediction_and_eta_1_is_ancestral_sampling() {
        for (steps, count) in [(500, 500), (500, 8), (1000, 7), (3, 1)] {
            let config = config(steps, "cosine");
            let shares = signal_shares(&config);
            for eta in [0.0, 0.3, 1.0] {
                let updates = plan(&config, count, eta);
                let last = updates[count - 1];
                assert_eq!((updates[0].step, updates.len()), (steps, count));
                assert_eq!((last.prediction, last.state, last.noise), (1.0, 0.0, 0.0));
            }
            for pair in plan(&config, count, 1.0).windows(2) {
                let (now, then) = (shares[pair[0].step], shares[pair[1].step]);
                let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs().max(1e-3), "{a} {b}");
                near(pair[0].prediction, then.sqrt() * (1.0 - now / then) / (1.0 - now));
                near(pair[0].state, (now / then).sqrt() * (1.0 - then) / (1.0 - now));
                near(pair[0].noise.powi(2), (1.0 - now / then) * (1.0 - then) / (1.0 - now));
            }
        }
    }
}
