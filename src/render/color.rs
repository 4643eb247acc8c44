//! sRGB to linear light and back, by tables.

/// Entries of the encoding table: enough to reach each of the 256 codes.
const STEPS: usize = 8192;

/// The tables of both directions.
pub(super) struct Transfer {
    encode: Box<[u8; STEPS]>,
    decode: [f32; 256],
}

impl Transfer {
    /// The tables of the sRGB curve (IEC 61966-2-1).
    pub fn srgb() -> Self {
        let mut decode = [0.0; 256];
        for (code, value) in decode.iter_mut().enumerate() {
            let c = code as f32 / 255.0;
            *value = if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
        }
        let mut encode = Box::new([0; STEPS]);
        for (step, code) in encode.iter_mut().enumerate() {
            let c = step as f32 / (STEPS - 1) as f32;
            let s = if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
            *code = (s * 255.0 + 0.5) as u8;
        }
        Self { encode, decode }
    }

    /// Linear light in 0 ..= 1 (clamped) to an sRGB code.
    #[inline(always)]
    pub fn encode(&self, linear: f32) -> u8 {
        let step = (linear * (STEPS - 1) as f32 + 0.5) as usize;
        self.encode[step.min(STEPS - 1)]
    }

    /// An sRGB code to linear light in 0 ..= 1.
    #[inline(always)]
    pub fn decode(&self, code: u8) -> f32 {
        self.decode[code as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_the_way_to_linear_light_and_back() {
        let transfer = Transfer::srgb();
        for code in 0..=255 {
            assert_eq!(transfer.encode(transfer.decode(code)), code);
        }
        assert_eq!((transfer.encode(-3.0), transfer.encode(7.0)), (0, 255));
    }
}
