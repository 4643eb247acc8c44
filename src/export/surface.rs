//! Smooth normals of a mesh.

/// Unit normals (V, 3) of a mesh: the normals of the triangles round a vertex, weighted by their areas. A
/// vertex without area points forward.
pub(super) fn normals(positions: &[f32], faces: &[[u32; 3]]) -> Vec<f32> {
    let vertices = positions.as_chunks::<3>().0;
    let mut out = vec![0.0; positions.len()];
    let sums = out.as_chunks_mut::<3>().0;
    for face in faces {
        let [a, b, c] = face.map(|i| vertices[i as usize]);
        let (u, v): ([f32; 3], [f32; 3]) =
            (std::array::from_fn(|k| b[k] - a[k]), std::array::from_fn(|k| c[k] - a[k]));
        let n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        for &i in face {
            for k in 0..3 {
                sums[i as usize][k] += n[k];
            }
        }
    }
    for sum in sums {
        // Areas of a face are around 1e-6 m²; in f64 their squares are still far from 0.
        let length = sum.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>().sqrt();
        *sum = if length > 0.0 { sum.map(|v| (f64::from(v) / length) as f32) } else { [0.0, 0.0, 1.0] };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_point_out_of_a_counter_clockwise_triangle_and_are_never_nan() {
        let positions = [0.0, 0.0, 0.0, 1e-4, 0.0, 0.0, 0.0, 1e-4, 0.0, 9.0, 9.0, 9.0];
        let normals = normals(&positions, &[[0, 1, 2], [3, 3, 3]]);
        assert_eq!(normals, [0.0, 0.0, 1.0].repeat(4));
    }
}
