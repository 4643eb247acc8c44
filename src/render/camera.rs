//! Camera: view, framing and projection.

use super::vector::{Vec3, add, bounds, cross, dot, scale, sub, unit};
use crate::error::{Error, Result};

/// The direction from which the camera looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View {
    /// The front of the face.
    Front,
    /// The subject's left.
    Left,
    /// The subject's right.
    Right,
    /// Between the front and the subject's left.
    ThreeQuarter,
    /// An angle in degrees: `yaw` towards the subject's left, `pitch` from above.
    Angles {
        /// Round the vertical axis, -180 ..= 180.
        yaw: f32,
        /// Above (positive) or below the horizon, -89 ..= 89.
        pitch: f32,
    },
}

impl View {
    fn degrees(self) -> (f32, f32) {
        match self {
            Self::Front => (0.0, 0.0),
            Self::Left => (90.0, 0.0),
            Self::Right => (-90.0, 0.0),
            Self::ThreeQuarter => (35.0, 4.0),
            Self::Angles { yaw, pitch } => (yaw, pitch),
        }
    }
}

/// The view and its framing. As text: `front`, `left`, `right`, `three-quarter` or `YAW,PITCH` in degrees,
/// each with an optional `@ZOOM`: `three-quarter@1.5`, `20,-5`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    /// The direction of the camera.
    pub view: View,
    /// Magnification: 1 shows the framed points with a small margin, 2 shows them twice as large; 0.1 ..= 20.
    pub zoom: f32,
}

impl Default for Camera {
    fn default() -> Self {
        Self { view: View::Front, zoom: 1.0 }
    }
}

impl Camera {
    /// # Errors
    /// [`Error::Usage`] for a value out of range; the error names it.
    pub(super) fn check(&self) -> Result<()> {
        let (yaw, pitch) = self.view.degrees();
        for (name, value, low, high) in
            [("yaw", yaw, -180.0, 180.0), ("pitch", pitch, -89.0, 89.0), ("zoom", self.zoom, 0.1, 20.0)]
        {
            if !(low..=high).contains(&value) {
                return Err(Error::Usage(format!("camera {name} {value} is not within {low} ..= {high}")));
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Camera {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || {
            Error::Usage(format!(
                "unknown camera '{text}': write front, left, right, three-quarter or YAW,PITCH in degrees, \
                 with @ZOOM after it if wanted, as in three-quarter@1.5"
            ))
        };
        let (view, zoom) = text.split_once('@').unwrap_or((text, "1"));
        let number = |t: &str| t.trim().parse::<f32>().map_err(|_| unknown());
        let view = match view.trim() {
            "front" => View::Front,
            "left" => View::Left,
            "right" => View::Right,
            "three-quarter" => View::ThreeQuarter,
            angles => {
                let (yaw, pitch) = angles.split_once(',').ok_or_else(unknown)?;
                View::Angles { yaw: number(yaw)?, pitch: number(pitch)? }
            }
        };
        let camera = Self { view, zoom: number(zoom)? };
        camera.check()?;
        Ok(camera)
    }
}

/// Tangent of half the vertical angle of view: an angle of 22 degrees, as of a portrait lens.
const TAN_HALF_FOV: f32 = 0.194_38;
/// The share of the picture that the framed points fill.
const FILL: f32 = 0.86;

/// A placed camera: world to camera space (x right, y up, z towards the viewer) to pixels.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    pub right: Vec3,
    pub up: Vec3,
    pub back: Vec3,
    eye: Vec3,
    /// Metres from the eye to the middle of the framed points.
    pub distance: f32,
    /// Pixels per metre at a distance of one metre.
    pub focal: f32,
    per_focal: f32,
    center: [f32; 2],
    /// Points nearer than this are not drawn.
    near: f32,
}

impl Projection {
    /// Frames the points in a picture of `width` x `height`.
    pub fn frame(camera: &Camera, points: &[Vec3], width: u32, height: u32) -> Self {
        let (yaw, pitch) = camera.view.degrees();
        let ((sy, cy), (sp, cp)) = (yaw.to_radians().sin_cos(), pitch.to_radians().sin_cos());
        let back = [sy * cp, sp, cy * cp];
        let right = unit(cross([0.0, 1.0, 0.0], back));
        let up = cross(back, right);
        let turned = points.iter().map(|&p| [dot(p, right), dot(p, up), dot(p, back)]);
        let (low, high) = bounds(turned).unwrap_or_default();
        let middle = scale(add(low, high), 0.5);
        let [half_width, half_height, half_depth] = scale(sub(high, low), 0.5);
        let target = add(add(scale(right, middle[0]), scale(up, middle[1])), scale(back, middle[2]));
        let reach = half_height.max(half_width * height as f32 / width as f32).max(1e-6);
        // The nearest points decide the distance. Half of the depth counts: the outline of a head lies in the
        // middle of its depth.
        let distance = reach / (TAN_HALF_FOV * FILL * camera.zoom) + 0.5 * half_depth;
        Self {
            right,
            up,
            back,
            eye: add(target, scale(back, distance)),
            distance,
            focal: 0.5 * height as f32 / TAN_HALF_FOV,
            per_focal: TAN_HALF_FOV / (0.5 * height as f32),
            center: [width as f32 * 0.5, height as f32 * 0.5],
            near: distance * 0.02,
        }
    }

    /// Turns a direction of the world into camera space.
    #[inline(always)]
    pub fn turn(&self, direction: Vec3) -> Vec3 {
        [dot(direction, self.right), dot(direction, self.up), dot(direction, self.back)]
    }

    /// Column, row and inverse distance (1/m) of a point; the inverse distance is 0 for a point that cannot
    /// be seen.
    #[inline(always)]
    pub fn project(&self, point: Vec3) -> Vec3 {
        let [x, y, z] = self.turn(sub(point, self.eye));
        if -z < self.near {
            return [0.0; 3];
        }
        let inverse = 1.0 / -z;
        [self.center[0] + self.focal * x * inverse, self.center[1] - self.focal * y * inverse, inverse]
    }

    /// The point in camera space at a position of the picture, `distance` metres in front of the camera.
    #[inline(always)]
    pub fn unproject(&self, x: f32, y: f32, distance: f32) -> Vec3 {
        let scale = distance * self.per_focal;
        [(x - self.center[0]) * scale, (self.center[1] - y) * scale, -distance]
    }

    /// The point in camera space of a point of the world.
    #[inline(always)]
    pub fn place(&self, point: Vec3) -> Vec3 {
        self.turn(sub(point, self.eye))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_the_points_falls_on_the_middle_of_the_picture_from_every_side() {
        let corners: Vec<Vec3> =
            (0..8).map(|k| [[-1.0, 3.0][k & 1], [2.0, 3.0][k >> 1 & 1], [3.0, 5.0][k >> 2]]).collect();
        for text in ["front", "left@2", "right", "three-quarter", "-120,40@0.5"] {
            let camera: Camera = text.parse().unwrap();
            let frame = Projection::frame(&camera, &corners, 301, 199);
            let [x, y, inverse] = frame.project([1.0, 2.5, 4.0]);
            assert!((x - 150.5).abs() < 1e-2 && (y - 99.5).abs() < 1e-2, "{text}: {x} {y}");
            let point = frame.unproject(x, y, 1.0 / inverse);
            assert!((point[2] + frame.distance).abs() < 1e-3);
        }
    }

    #[test]
    fn cameras_that_make_no_sense_are_refused_with_the_range() {
        for text in ["", "behind", "10", "10,x", "front@0", "front@nan", "0,90", "181,0"] {
            let error = text.parse::<Camera>().unwrap_err();
            assert_eq!(error.exit_code(), 2, "{text}: {error}");
        }
    }
}
