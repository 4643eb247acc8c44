//! The comparison of stages, and its limits.

use super::only_in;
use crate::networks::{Spec, Stage, Stages, Values};

/// The limits of the error of a stage against its reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Largest normalised RMS error of a stage: `|x - reference| / |reference|`.
    pub stage: f64,
    /// Share of the rows whose codes may differ if the distance of the next code is not known: chosen codes
    /// without the reference's logits (with them each row is judged), and codes that are nearest to a row.
    pub codes: f64,
}

impl Limits {
    /// f32 on both sides. PyTorch's own kernels differ from each other by 2e-6 (the order of sums), and a
    /// stage deep in the network accumulates a few of these.
    pub const F32: Self = Self { stage: 1e-5, codes: 0.0 };

    /// fp16 weights and activations, f32 sums, against f32. PyTorch's own fp16 autocast has an error of
    /// 2.5e-3 at its worst stage, 1.7e-3 of which come from the rounded weights. In the built-in model, whose
    /// codes are close to each other, one row in forty gets another nearest code if the logits have an error
    /// of 1.3e-3 (an eighth of the error of bf16, and of its share of rows); in a golden file of 23 rows the
    /// smallest share is 4 %.
    pub const F16: Self = Self { stage: 5e-3, codes: 0.06 };

    /// bf16 on both sides of the products (except those of samples), f32 in all other operations: eight times
    /// the rounding of fp16. PyTorch's own bf16 autocast has an error of 1.9e-2 at its worst stage. The
    /// built-in model's codes are close to each other: logits with an error of 1e-2 choose a neighbour in a
    /// fifth of the rows, which changes none of the model's figures by more than 0.012
    /// (models/MODEL_CARD.md).
    pub const BF16: Self = Self { stage: 4e-2, codes: 0.25 };
}

/// The comparison of one stage.
#[derive(Debug, Clone)]
pub struct Row {
    /// The name of the stage.
    pub stage: String,
    /// (rows, channels).
    pub shape: [usize; 2],
    /// Normalised RMS error; for codes, the share of rows that differ without a near tie. NaN if nothing is
    /// comparable.
    pub error: f64,
    /// The limit of the error.
    pub limit: f64,
    /// The worst element: row, channel, value, reference.
    pub worst: Option<(usize, usize, f64, f64)>,
    /// A remark.
    pub note: Option<String>,
}

impl Row {
    /// True if the error is within its limit; a NaN never is.
    pub fn passed(&self) -> bool {
        self.error <= self.limit
    }
}

/// The comparisons of all stages, in the order of the network.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// One row for each stage.
    pub rows: Vec<Row>,
    /// Stages of the reference that this model cannot have.
    pub skipped: Vec<String>,
}

impl Comparison {
    /// The first stage, in the order of the network, whose error is above its limit.
    pub fn first_mismatch(&self) -> Option<&Row> {
        self.rows.iter().find(|row| !row.passed())
    }
}

/// Compares every stage that the reference has, in the order of the network.
pub fn compare(stages: &Stages, reference: &Stages, spec: &Spec, limits: Limits) -> Comparison {
    let skipped = only_in(reference, stages).into_iter().collect();
    let mut report = Comparison { skipped, ..Comparison::default() };
    let mut names: Vec<&String> = reference.keys().filter(|name| stages.contains_key(*name)).collect();
    names.sort_by_key(|name| (spec.place(name), name.as_str()));
    for name in names {
        let (stage, expected) = (&stages[name], &reference[name]);
        report.rows.push(match (&stage.values, &expected.values) {
            (Values::Numbers(x), Values::Numbers(y)) if stage.shape == expected.shape => {
                numbers(name, stage.shape, x, y, limits)
            }
            (Values::Codes(x), Values::Codes(y)) if x.len() == y.len() => {
                let logits = spec.stage(name).and_then(|stage| stage.logits).unwrap_or_default();
                codes(name, x, y, stages.get(logits), reference.get(logits), limits)
            }
            _ => Row {
                stage: name.clone(),
                shape: stage.shape,
                error: f64::NAN,
                limit: limits.stage,
                worst: None,
                note: Some(format!("the reference is {:?}, this {:?}", expected.shape, stage.shape)),
            },
        });
    }
    report
}

fn numbers(name: &str, shape: [usize; 2], x: &[f32], y: &[f32], limits: Limits) -> Row {
    let (mut difference, mut size, mut worst) = (0f64, 0f64, None);
    let mut largest = -1f64;
    for (index, (x, y)) in x.iter().zip(y).enumerate() {
        let (x, y) = (f64::from(*x), f64::from(*y));
        difference += (x - y) * (x - y);
        size += y * y;
        let distance = (x - y).abs();
        if distance > largest || distance.is_nan() && !largest.is_nan() {
            largest = distance;
            worst = Some((index / shape[1], index % shape[1], x, y));
        }
    }
    let error = if difference == 0.0 { 0.0 } else { (difference / size).sqrt() };
    Row { stage: name.into(), shape, error, limit: limits.stage, worst, note: None }
}

/// Codes must be equal, except in rows where the logits of the two codes differ, in the reference, by less
/// than the error of the logits.
fn codes(
    name: &str,
    x: &[i32],
    y: &[i32],
    logits: Option<&Stage>,
    reference: Option<&Stage>,
    limits: Limits,
) -> Row {
    let excused = |row: usize| {
        let (Some(Values::Numbers(x_logits)), Some(Values::Numbers(y_logits))) =
            (logits.map(|stage| &stage.values), reference.map(|stage| &stage.values))
        else {
            return false;
        };
        let width = reference.map_or(0, |stage| stage.shape[1]);
        let at = |values: &[f32], code: i32| values.get(row * width + code as usize).copied().map(f64::from);
        let both = [x[row], y[row]].map(|code| Some((at(x_logits, code)?, at(y_logits, code)?)));
        match both {
            [Some((mine, theirs_of_mine)), Some((other, theirs))] => {
                theirs - theirs_of_mine <= (mine - theirs_of_mine).abs() + (other - theirs).abs()
            }
            _ => false,
        }
    };
    let different: Vec<usize> = (0..x.len()).filter(|&row| x[row] != y[row]).collect();
    let unexcused = different.iter().filter(|&&row| !excused(row)).count();
    let worst = different.first().map(|&row| (row, 0, f64::from(x[row]), f64::from(y[row])));
    let note = (!different.is_empty()).then(|| {
        let of = different.len();
        format!("{of} of {} rows differ, {unexcused} of them by more than the error of their logits", x.len())
    });
    let error = unexcused as f64 / x.len().max(1) as f64;
    let limit = if logits.is_some() && reference.is_some() { 0.0 } else { limits.codes };
    Row { stage: name.into(), shape: [x.len(), 1], error, limit, worst, note }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::{ModelFile, StageSpec};

    const CODES: &str = "a code";
    const LOGITS: &str = "its logits";

    /// A network with one codebook.
    fn spec() -> Spec {
        static STAGES: [StageSpec; 2] = [StageSpec::rows(LOGITS), StageSpec::codes(CODES, LOGITS)];
        Spec { stages: &STAGES, ..ModelFile::builtin().unwrap().spec().clone() }
    }

    fn stage(width: usize, values: &[f32]) -> Stage {
        Stage { shape: [values.len() / width, width], values: Values::Numbers(values.into()) }
    }

    fn one(name: &str, stage: Stage) -> Stages {
        Stages::from([(name.into(), stage)])
    }

    #[test]
    fn a_small_difference_passes_a_large_one_and_a_nan_do_not() {
        let reference = one("content", stage(2, &[1.0, 2.0, 3.0, 4.0]));
        let passes = |values: &[f32]| {
            compare(&one("content", stage(2, values)), &reference, &spec(), Limits::F32)
                .first_mismatch()
                .is_none()
        };
        assert!(passes(&[1.0, 2.0, 3.0, 4.00001]));
        assert!(!passes(&[1.0, 2.0, 3.0, 4.001]));
        assert!(!passes(&[1.0, 2.0, f32::NAN, 4.0]));
        assert!(!passes(&[f32::INFINITY, 2.0, 3.0, 4.0]));
        let report =
            compare(&one("content", stage(2, &[1.0, 2.5, 3.0, 4.0])), &reference, &spec(), Limits::F32);
        assert_eq!(report.rows[0].worst, Some((0, 1, 2.5, 2.0)));
    }

    #[test]
    fn another_shape_and_a_nan_in_the_reference_do_not_pass() {
        let report = compare(
            &one("style", stage(2, &[1.0; 4])),
            &one("style", stage(4, &[1.0; 4])),
            &spec(),
            Limits::F32,
        );
        assert!(report.first_mismatch().is_some());
        let report = compare(
            &one("style", stage(1, &[1.0])),
            &one("style", stage(1, &[f32::NAN])),
            &spec(),
            Limits::F32,
        );
        assert!(report.first_mismatch().is_some());
    }

    #[test]
    fn codes_may_differ_only_where_the_logits_error_is_larger_than_their_margin() {
        let codes = |values: &[i32]| Stage { shape: [values.len(), 1], values: Values::Codes(values.into()) };
        let reference = Stages::from([
            (LOGITS.into(), stage(2, &[1.0, 1.0001, 3.0, 1.0])),
            (CODES.into(), codes(&[1, 0])),
        ]);
        let with = |logits: &[f32], chosen: &[i32]| {
            let stages = Stages::from([(LOGITS.into(), stage(2, logits)), (CODES.into(), codes(chosen))]);
            let report = compare(&stages, &reference, &spec(), Limits { stage: 1e-3, ..Limits::F32 });
            report.rows.iter().find(|row| row.stage == CODES).unwrap().passed()
        };
        assert!(with(&[1.0, 1.0001, 3.0, 1.0], &[1, 0]));
        assert!(with(&[1.0001, 1.00005, 3.0, 1.0], &[0, 0]), "the margin is smaller than the error");
        assert!(!with(&[1.0, 1.0001, 3.0, 1.0], &[0, 0]), "nothing is off, yet the code is another");
        assert!(!with(&[1.0, 1.0001, 3.0, 1.0], &[1, 1]), "far apart");
    }

    #[test]
    fn a_stage_that_is_missing_is_listed() {
        let report = compare(&Stages::new(), &one("style", stage(1, &[1.0])), &spec(), Limits::F32);
        assert_eq!(report.skipped, ["style"]);
    }
}
