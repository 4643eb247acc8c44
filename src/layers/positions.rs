//! Tables of positions (Vaswani et al., 2017, section 3.5).

/// `sin(t f_k)` in even and `cos(t f_k)` in odd columns, `f_k = 10000^(-2k / width)`: (rows, width). As in
/// the published code, the factor is computed in f64 and rounded, and the frequency and the angle are
/// computed in f32.
pub fn sinusoidal_table(rows: usize, width: usize) -> Vec<f32> {
    let factor = (-(10_000f64.ln()) / width as f64) as f32;
    let mut table = Vec::with_capacity(rows * width);
    for row in 0..rows {
        for column in 0..width {
            let frequency = ((column / 2 * 2) as f32 * factor).exp();
            let angle = row as f32 * frequency;
            table.push(if column % 2 == 0 { angle.sin() } else { angle.cos() });
        }
    }
    table
}
