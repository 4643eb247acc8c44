//! NumPy's `.npy`, format 1.0, byte for byte as `numpy.save` writes it.

use std::io::{self, Write};

/// The header is padded to a multiple of this many bytes, so that the numbers can be memory-mapped.
const ALIGNMENT: usize = 64;

/// NumPy reserves digits in the header, so that the first axis can grow to this many digits in place.
const GROWTH_DIGITS: usize = 21;

/// Writes a header of format 1.0; the elements follow in C order. `descr` is NumPy's name of their type.
pub(crate) fn write_header(out: &mut impl Write, descr: &str, shape: &[usize]) -> io::Result<()> {
    let axes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let tuple = if axes.len() == 1 { format!("({},)", axes[0]) } else { format!("({})", axes.join(", ")) };
    let growth = axes.first().map_or(0, |axis| GROWTH_DIGITS.saturating_sub(axis.len()));
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple}, }}");
    header.extend(std::iter::repeat_n(' ', growth));
    let unpadded = 10 + header.len() + 1;
    header.extend(std::iter::repeat_n(' ', ALIGNMENT - unpadded % ALIGNMENT));
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())
}

/// Writes little-endian f32.
pub(crate) fn write_f32(out: &mut impl Write, values: &[f32]) -> io::Result<()> {
    write_le(out, values, f32::to_le_bytes)
}

/// Writes little-endian i32.
pub(crate) fn write_i32(out: &mut impl Write, values: &[i32]) -> io::Result<()> {
    write_le(out, values, i32::to_le_bytes)
}

fn write_le<T: Copy>(out: &mut impl Write, values: &[T], bytes: impl Fn(T) -> [u8; 4]) -> io::Result<()> {
    let mut block = Vec::with_capacity(4 * values.len().min(1 << 14));
    for values in values.chunks(1 << 14) {
        block.clear();
        block.extend(values.iter().flat_map(|&value| bytes(value)));
        out.write_all(&block)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_the_one_that_numpy_writes() {
        for (shape, text) in [
            (&[][..], "{'descr': '<f4', 'fortran_order': False, 'shape': (), }"),
            (&[7], "{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }"),
            (&[75, 53], "{'descr': '<f4', 'fortran_order': False, 'shape': (75, 53), }"),
            (&[90_000, 5_023, 3], "{'descr': '<f4', 'fortran_order': False, 'shape': (90000, 5023, 3), }"),
        ] {
            let mut bytes = Vec::new();
            write_header(&mut bytes, "<f4", shape).unwrap();
            assert_eq!(bytes.len(), 128, "{shape:?}");
            assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
            assert_eq!(std::str::from_utf8(&bytes[10..]).unwrap(), format!("{text:<117}\n"));
        }
    }

    #[test]
    fn numbers_are_little_endian_across_blocks() {
        let values: Vec<f32> = (0..(1 << 14) + 19).map(|i| i as f32 * 0.1).collect();
        let mut bytes = Vec::new();
        write_f32(&mut bytes, &values).unwrap();
        assert!(bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).eq(values));
    }
}
