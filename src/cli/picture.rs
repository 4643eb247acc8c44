//! Options of pictures and video.

use clap::Args;
use clap::builder::PossibleValuesParser;
use deeptalk_rt::Result;
use deeptalk_rt::encode::SoundCodec;
use deeptalk_rt::render::{Background, Camera, Options};

#[derive(Args)]
#[command(next_help_heading = "Pictures and video")]
pub struct PictureOptions {
    /// The size of a picture in pixels: one number for a square
    #[arg(long, value_name = "WIDTH[xHEIGHT]", default_value = "800", value_parser = size)]
    size: Size,

    /// The camera: front, left, right, three-quarter or YAW,PITCH in degrees, with @ZOOM behind it for closer
    #[arg(long, default_value = "front", allow_hyphen_values = true)]
    camera: Camera,

    /// The background: studio, transparent (.apng and folders of frames) or a colour such as #20a0ff
    #[arg(long, default_value = "studio")]
    background: Background,

    /// The sound of .mp4, at the recording's rate and channels: aac plays everywhere, flac loses nothing
    #[arg(long, value_name = "CODEC", default_value = CODECS[0], value_parser = PossibleValuesParser::new(CODECS))]
    sound: String,
}

/// The names of codecs, the usual one first.
#[cfg(feature = "sound")]
const CODECS: [&str; 3] = ["aac", "flac", "none"];
#[cfg(not(feature = "sound"))]
const CODECS: [&str; 2] = ["flac", "none"];

#[derive(Debug, Clone, Copy, PartialEq)]
struct Size(u32, u32);

impl PictureOptions {
    /// The codec of a video's sound.
    pub fn sound(&self) -> SoundCodec {
        match &*self.sound {
            "flac" => SoundCodec::Flac,
            "none" => SoundCodec::None,
            _ => SoundCodec::default(),
        }
    }

    /// # Errors
    /// A size or a camera that is out of range.
    pub fn options(&self) -> Result<Options> {
        let Size(width, height) = self.size;
        let options = Options { width, height, camera: self.camera, background: self.background };
        options.check()?;
        Ok(options)
    }
}

fn size(text: &str) -> Result<Size, String> {
    let (width, height) = text.split_once('x').unwrap_or((text, text));
    let side = |text: &str| {
        text.trim()
            .parse()
            .map_err(|_| "expected a number of pixels, such as 800, or two, such as 1280x720".to_owned())
    };
    Ok(Size(side(width)?, side(height)?))
}
