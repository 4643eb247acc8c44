//! Options of pictures and video.

use clap::Args;
use deeptalk_rt::Result;
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
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Size(u32, u32);

impl PictureOptions {
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
