//! The lights: directions, colours and the shading of a batch of visible points.
//!
//! All lights move with the camera, so that every view is well lit: a warm key light from the upper left with
//! a soft shadow, a cool fill light from the right, two rim lights from behind, and a sky that is brighter
//! from above. Skin is imitated by a red light that reaches further round the head than blue (light that
//! entered the skin leaves it beyond the edge of the shadow).

use super::occlusion::KEY;
use super::points::{BATCH, Batch};
use super::vector::{Vec3, unit};

const FILL: Vec3 = [0.9, 0.1, 0.55];
const RIM_RIGHT: Vec3 = [0.75, 0.5, -0.75];
const RIM_LEFT: Vec3 = [-0.9, 0.25, -0.6];

/// The lights in camera space.
#[derive(Clone)]
pub(super) struct Lights {
    key: Vec3,
    fill: Vec3,
    rims: [Vec3; 2],
    /// The world's vertical in camera space.
    sky: Vec3,
    /// The directions across and up the soft box that eyes and teeth reflect.
    soft_box: [Vec3; 2],
}

impl Lights {
    /// `sky`: the world's vertical in camera space.
    pub fn new(sky: Vec3) -> Self {
        let key = unit(KEY);
        let across = unit([key[2], 0.0, -key[0]]);
        let up = super::vector::cross(key, across);
        Self { key, fill: unit(FILL), rims: [unit(RIM_RIGHT), unit(RIM_LEFT)], sky, soft_box: [across, up] }
    }

    /// Replaces the colours of a batch's points by the light that they send to the eye: linear, 1 is white.
    #[inline(always)]
    pub fn shade(&self, batch: &mut Batch) {
        for i in 0..BATCH {
            let point = Point {
                normal: normal(batch.normal[0][i], batch.normal[1][i], batch.normal[2][i]),
                eye: normal(-batch.position[0][i], -batch.position[1][i], -batch.position[2][i]),
                color: [batch.color[0][i], batch.color[1][i], batch.color[2][i]],
                gloss: batch.gloss[i],
                ambient: batch.ambient[i],
                shadow: batch.shadow[i],
            };
            let [r, g, b] = self.light(point);
            batch.color[0][i] = r;
            batch.color[1][i] = g;
            batch.color[2][i] = b;
        }
    }

    #[inline(always)]
    fn light(&self, point: Point) -> Vec3 {
        const KEY_COLOR: Vec3 = [0.93, 0.84, 0.755];
        const FILL_COLOR: Vec3 = [0.22, 0.25, 0.31];
        const GROUND: Vec3 = [0.19, 0.175, 0.18];
        const SKY: Vec3 = [0.32, 0.345, 0.39];
        const WRAP: Vec3 = [0.30, 0.17, 0.13];
        const RIM_COLOR: Vec3 = [0.85, 0.92, 1.0];
        let Point { normal: n, eye, color, gloss, ambient, shadow } = point;

        let key = dot(n, self.key);
        let fill = clamp((dot(n, self.fill) + 0.25) * (1.0 / 1.25)) * ambient;
        let sky = 0.5 + 0.5 * dot(n, self.sky);
        let facing = clamp(dot(n, eye));
        let grazing = (1.0 - facing) * (1.0 - facing) * (1.0 - facing);

        // Reflected light: a broad sheen on skin, a narrow spot on wet surfaces, the soft box on polished
        // ones.
        let shine = (0.02 + 0.75 * gloss * sqrt(gloss)) * (0.25 + gloss) * 0.55;
        let power = 14.0 + gloss * gloss * 260.0;
        let key_half = normal3(add(eye, self.key));
        let fill_half = normal3(add(eye, self.fill));
        let key_spot = pow(clamp(dot(n, key_half)), power) * shadow;
        let fill_spot = pow(clamp(dot(n, fill_half)), power) * ambient * 0.36;
        let twice = 2.0 * dot(n, eye);
        let mirror = [twice * n[0] - eye[0], twice * n[1] - eye[1], twice * n[2] - eye[2]];
        let polish = clamp((gloss - 0.82) * 10.0);
        let in_box = |axis: Vec3, half: f32| clamp((half - abs(dot(mirror, axis))) * 24.0 + 0.5);
        let before = clamp(dot(mirror, self.key) * 8.0 - 4.0);
        let window =
            in_box(self.soft_box[0], 0.17) * in_box(self.soft_box[1], 0.20) * before * polish * shadow;

        let rim =
            clamp(dot(n, self.rims[0])) * grazing * 0.605 + clamp(dot(n, self.rims[1])) * grazing * 0.385;
        let rim = rim * ambient;

        let mut out = [0.0; 3];
        for c in 0..3 {
            let wrapped = clamp((key + WRAP[c]) * (1.0 / (1.0 + WRAP[c])));
            let around = (GROUND[c] + (SKY[c] - GROUND[c]) * sky) * ambient;
            let diffuse = around + wrapped * shadow * KEY_COLOR[c] + fill * FILL_COLOR[c];
            let warm = [1.0, 0.95, 0.89][c];
            let spots = (key_spot * warm + fill_spot) * shine + window * 0.75 * warm;
            let light = color[c] * diffuse + spots + rim * RIM_COLOR[c] * (0.10 + 0.90 * color[c]);
            out[c] = film(light);
        }
        out
    }
}

struct Point {
    normal: Vec3,
    eye: Vec3,
    color: Vec3,
    gloss: f32,
    ambient: f32,
    shadow: f32,
}

/// A film curve: it compresses bright light, so that highlights do not clip.
#[inline(always)]
fn film(light: f32) -> f32 {
    clamp(1.13 * light * (1.0 + 0.12 * light) / (1.0 + 0.32 * light))
}

#[inline(always)]
fn clamp(x: f32) -> f32 {
    let x = if x > 0.0 { x } else { 0.0 };
    if x < 1.0 { x } else { 1.0 }
}

#[inline(always)]
fn abs(x: f32) -> f32 {
    f32::from_bits(x.to_bits() & 0x7fff_ffff)
}

#[inline(always)]
fn sqrt(x: f32) -> f32 {
    x.sqrt()
}

#[inline(always)]
fn dot(a: Vec3, b: Vec3) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[inline(always)]
fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

#[inline(always)]
fn normal(x: f32, y: f32, z: f32) -> Vec3 {
    let scale = 1.0 / (x * x + y * y + z * z + 1e-20).sqrt();
    [x * scale, y * scale, z * scale]
}

#[inline(always)]
fn normal3(a: Vec3) -> Vec3 {
    normal(a[0], a[1], a[2])
}

/// `base` to the `power` for 0 <= base <= 1, within about 1e-4 of the result. Plain arithmetic, so that the
/// compiler makes vector code and the bits are the same on every machine.
#[inline(always)]
fn pow(base: f32, power: f32) -> f32 {
    let bits = (if base > 1e-9 { base } else { 1e-9 }).to_bits();
    let exponent = ((bits >> 23) as i32 - 127) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) | 0x3f80_0000);
    // log2 on 1 ..= 2 as (m - 1) times a minimax polynomial, which is exact at m = 1.
    let t = m - 1.0;
    let log = exponent
        + t * (1.442_693_3
            + t * (-0.721_162_7
                + t * (0.477_705_9
                    + t * (-0.339_247_8 + t * (0.215_588_5 + t * (-0.096_066_3 + t * 0.020_490_4))))));
    let x = log * power;
    let x = if x > -120.0 { x } else { -120.0 };
    // 2^x: the addition of 1.5 * 2^23 rounds to the nearest whole number.
    let rounded = x + 12_582_912.0;
    let whole = rounded.to_bits().wrapping_sub(0x4b40_0000);
    let f = x - (rounded - 12_582_912.0);
    let fraction =
        1.0 + f * (std::f32::consts::LN_2 + f * (0.240_226_5 + f * (0.055_504_1 + f * 0.009_618_1)));
    fraction * f32::from_bits(whole.wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_power_follows_the_exact_one() {
        for step in 0..=2000 {
            let base = step as f32 / 2000.0;
            for power in [14.0, 37.5, 274.0] {
                let (fast, exact) = (pow(base, power), base.max(1e-9).powf(power));
                assert!((fast - exact).abs() < 2e-3 * exact + 1e-6, "{base}^{power}: {fast} for {exact}");
            }
        }
        assert_eq!(pow(1.0, 274.0), 1.0);
    }
}
