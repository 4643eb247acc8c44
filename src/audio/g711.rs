//! Telephone samples (ITU-T G.711): eight bits with a logarithmic scale, to 16-bit integers.

/// A sample in A-law, which Europe's telephones use.
pub(super) fn a_law(byte: u8) -> i16 {
    let bits = byte ^ 0x55;
    let (segment, step) = (bits >> 4 & 7, i16::from(bits & 15) << 4);
    let size = match segment {
        0 => step + 8,
        _ => (step + 0x108) << (segment - 1),
    };
    if bits & 0x80 != 0 { size } else { -size }
}

/// A sample in mu-law, which the telephones of North America and Japan use.
pub(super) fn mu_law(byte: u8) -> i16 {
    const BIAS: i16 = 0x84;
    let bits = !byte;
    let size = (((i16::from(bits & 15) << 3) + BIAS) << (bits >> 4 & 7)) - BIAS;
    if bits & 0x80 != 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The decision values of the standard's tables 1 and 2, times 8 and 4.
    #[test]
    fn ends_and_middles_are_those_of_the_standard() {
        assert_eq!([0xd5, 0x55, 0xaa, 0x2a, 0x80].map(a_law), [8, -8, 32_256, -32_256, 5_504]);
        assert_eq!([0xff, 0x7f, 0x80, 0x00, 0xef].map(mu_law), [0, 0, 32_124, -32_124, 132]);
    }

    #[test]
    fn both_scales_rise_with_their_codes() {
        let rises = |decode: fn(u8) -> i16, code: fn(u8) -> u8| {
            (0..127u8).all(|step| decode(code(step)) < decode(code(step + 1)))
        };
        assert!(rises(a_law, |step| (step | 0x80) ^ 0x55));
        assert!(rises(mu_law, |step| !step));
    }
}
