//! The built-in head.

use super::Face;
use crate::Result;

static HEAD: &[u8] = include_bytes!("../../models/head/head.safetensors");

impl Face {
    /// The built-in head. Its channels are ARKit's blend shapes without `jawForward` and `jawOpen`; the jaw
    /// is a joint (24 degrees about x are `jawOpen` = 1). The head is part of the program; no file is read.
    ///
    /// # Errors
    /// None, unless the program's own data is damaged.
    pub fn builtin() -> Result<Self> {
        Self::from_bytes(HEAD, "the built-in head")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_head_has_every_mask_and_a_small_file() {
        let head = Face::builtin().unwrap();
        assert!((3_000..=8_000).contains(&head.vertex_count()));
        for mask in ["lips", "mouth", "eyes", "forehead", "jaw", "lip_upper_inner", "lip_lower_inner"] {
            assert!(!head.masks[mask].is_empty(), "{mask}");
        }
        assert!(HEAD.len() < 3_000_000);
    }
}
