//! One HTML page with the face in WebGL, the sound, and the curves of jaw, lips and brows.
//!
//! The page is complete in itself; its content security policy forbids it to load anything. It opens from a
//! disk as well as from a server. The sources of the page are in `src/export/player/`: plain HTML, CSS and
//! JavaScript, inserted unchanged.
//!
//! The face moves by the equations of [`Rig::vertices`](crate::rig::Rig::vertices), with linear interpolation
//! between the frames and the neutral identity. Positions are stored to 1/65535 of the face's size and shapes
//! to 1/32767 of each shape's, a few micrometres. The sound is stored as 16-bit WAV, and its clock drives the
//! face.
//!
//! ```
//! use deeptalk_rt::{export::html, rig::Face};
//!
//! let face = Face::builtin()?;
//! # let names = face.parameter_names();
//! # use deeptalk_rt::animation::{Animation, Rate};
//! # let values = vec![0.0; 25 * names.len()];
//! # let motion = Animation::from_parameters(Rate::whole(25), names, values);
//! let speech = vec![0.0; 16_000]; // 1 s at 16 kHz
//! let page = html::page(&motion, &face, &speech, "A first word")?;
//! assert!(page.starts_with("<!doctype html>") && page.len() < 5_000_000);
//! # Ok::<(), deeptalk_rt::Error>(())
//! ```

mod scene;

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use self::scene::Scene;
use super::Request;
use crate::animation::Animation;
use crate::files::{AtomicFile, Failure};
use crate::rig::Face;
use crate::{Error, Result};

const TEMPLATE: &str = include_str!("player/player.html");
const STYLE: &str = include_str!("player/player.css");
/// The script in parts: each part uses only the parts before it.
const SCRIPT: [&str; 8] = [
    include_str!("player/scene.js"),
    include_str!("player/rig.js"),
    include_str!("player/orbit.js"),
    include_str!("player/shaders.js"),
    include_str!("player/stage.js"),
    include_str!("player/clock.js"),
    include_str!("player/timeline.js"),
    include_str!("player/player.js"),
];

/// Writes the page.
pub(super) fn write(file: &mut AtomicFile, request: &Request<'_>) -> Result<(), Failure> {
    let text = page(request.animation, request.face()?, request.options.speech, &request.title())?;
    Ok(file.write_all(text.as_bytes())?)
}

/// The page as text: `motion` of `face` with its `speech` (16 kHz, mono, -1 to 1; may be empty) under a
/// `title`.
///
/// # Errors
/// [`Error::BadInput`] if the animation was not made for this face; [`Error::Usage`] if it has no frames, or
/// is too long for a browser.
pub fn page(motion: &Animation, face: &Face, speech: &[f32], title: &str) -> Result<String> {
    face.check_channels(&motion.parameters()?.names, "the model")?;
    if motion.frames() == 0 {
        return Err(Error::Usage(
            "a page needs a motion of at least one frame, found none; give a longer clip".into(),
        ));
    }
    let scene = Scene::of(motion, face, speech, title)?;
    // Browsers hold a string of at most 512 MB.
    if scene.bytes.len() > 300_000_000 {
        return Err(Error::Usage(format!(
            "a page holds at most about two hours of speech, found {:.0} s; give a shorter clip or write a video",
            motion.seconds()
        )));
    }
    let script = format!("\"use strict\";\n{}", SCRIPT.join("\n"));
    let hash = |text: &str| format!("'sha256-{}'", BASE64.encode(Sha256::digest(text)));
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; media-src blob:; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(STYLE)
    );
    Ok(fill(
        TEMPLATE,
        &[
            ("title", &escape(title)),
            ("policy", &policy),
            ("style", STYLE),
            // `<` could end the script element that holds the text.
            ("scene", &scene.header.to_string().replace('<', "\\u003c")),
            ("bytes", &BASE64.encode(&scene.bytes)),
            ("script", &script),
        ],
    ))
}

/// Replaces each `{{name}}` by its value; values are not searched again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + values.iter().map(|(_, v)| v.len()).sum::<usize>());
    let mut parts = template.split("{{");
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once("}}").expect("the template closes every mark");
        let value = values.iter().find(|(n, _)| *n == name).expect("the template's marks all have a value").1;
        out.push_str(value);
        out.push_str(rest);
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
