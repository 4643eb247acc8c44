//! Parsers of option values.

use deeptalk_rt::animation::HIGHEST_STRENGTH;
use deeptalk_rt::networks::{self, Architecture};

/// Temperatures of the top and the bottom codes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Temperatures(pub [f32; 2]);

fn number<T: std::str::FromStr>(text: &str, expected: &str, good: impl Fn(&T) -> bool) -> Result<T, String> {
    text.trim().parse().ok().filter(good).ok_or_else(|| format!("expected {expected}"))
}

pub fn rate(text: &str) -> Result<u32, String> {
    number(text, "25, 30 or 60", |rate| [25, 30, 60].contains(rate))
}

pub fn finite(text: &str) -> Result<f32, String> {
    number(text, "a number, such as 1.5 or -2", |number: &f32| number.is_finite())
}

pub fn share(text: &str) -> Result<f32, String> {
    number(text, "a number from 0 to 1", |share| (0.0..=1.0).contains(share))
}

pub fn strength(text: &str) -> Result<f32, String> {
    number(text, "a number from 0 to 2", |strength| (0.0..=HIGHEST_STRENGTH).contains(strength))
}

pub fn offset(text: &str) -> Result<f64, String> {
    number(text, "seconds from 0 on", |seconds: &f64| seconds.is_finite() && *seconds >= 0.0)
}

pub fn rest(text: &str) -> Result<f64, String> {
    number(text, "seconds from 0 to 3600", |seconds: &f64| (0.0..=3600.0).contains(seconds))
}

pub fn duration(text: &str) -> Result<f64, String> {
    number(text, "seconds above 0", |seconds: &f64| seconds.is_finite() && *seconds > 0.0)
}

pub fn temperatures(text: &str) -> Result<Temperatures, String> {
    let one = |text| {
        let expected = "one number from 0 on, or two with a comma between them, such as 0.5 or 0.5,1";
        number(text, expected, |number: &f32| number.is_finite() && *number >= 0.0)
    };
    let (top, bottom) = text.split_once(',').unwrap_or((text, text));
    Ok(Temperatures([one(top)?, one(bottom)?]))
}

pub fn architecture(text: &str) -> Result<&'static Architecture, String> {
    networks::architecture(text).map_err(|error| error.to_string())
}
