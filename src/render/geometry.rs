//! Vertices of a frame in camera space and on the screen, with their normals.

use super::camera::Projection;
use super::vector::{Vec3, add, cross, sub, unit};
use crate::error::{Error, Result};

/// Values that the shading interpolates: normal in camera space, gloss, linear red, green, blue, and one
/// unused.
pub(super) type Attributes = [f32; 8];

/// Vertices, attributes and normals of a frame; the buffers are reused for the next frame.
#[derive(Default)]
pub(super) struct Geometry {
    /// Column, row, inverse distance of every vertex.
    pub screen: Vec<Vec3>,
    /// The vertices in camera space, metres.
    pub view: Vec<Vec3>,
    /// Interpolated values of every vertex.
    pub attributes: Vec<Attributes>,
    /// The unit normal of every triangle in camera space.
    pub faces: Vec<Vec3>,
}

impl Geometry {
    /// Projects `vertices` and computes smooth normals, weighted by the area of the triangles round a vertex.
    ///
    /// # Errors
    /// [`Error::Shape`] for a vertex that is not finite.
    pub fn place(
        &mut self,
        vertices: &[Vec3],
        triangles: &[[u32; 3]],
        materials: &[[f32; 4]],
        projection: &Projection,
    ) -> Result<()> {
        self.view.clear();
        self.screen.clear();
        for (index, &vertex) in vertices.iter().enumerate() {
            if !vertex.iter().all(|x| x.is_finite()) {
                return Err(Error::Shape {
                    op: "render",
                    what: format!("vertex {index}"),
                    expected: "three finite coordinates".into(),
                    found: format!("{vertex:?}"),
                });
            }
            self.view.push(projection.place(vertex));
            self.screen.push(projection.project(vertex));
        }
        self.attributes.clear();
        self.attributes
            .extend(materials.iter().map(|&[gloss, r, g, b]| [0.0, 0.0, 0.0, gloss, r, g, b, 0.0]));
        self.faces.clear();
        for triangle in triangles {
            let [a, b, c] = triangle.map(|v| self.view[v as usize]);
            let normal = cross(sub(b, a), sub(c, a));
            for vertex in triangle {
                let attributes = &mut self.attributes[*vertex as usize];
                let sum = add([attributes[0], attributes[1], attributes[2]], normal);
                attributes[..3].copy_from_slice(&sum);
            }
            self.faces.push(unit(normal));
        }
        for attributes in &mut self.attributes {
            let normal = unit([attributes[0], attributes[1], attributes[2]]);
            attributes[..3].copy_from_slice(&normal);
        }
        Ok(())
    }
}

/// The connected part of each triangle, as the smallest vertex index in the part: skin, an eye, a row of
/// teeth.
pub(super) fn parts(vertices: usize, triangles: &[[u32; 3]]) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..vertices as u32).collect();
    fn root(parent: &mut [u32], mut vertex: u32) -> u32 {
        while parent[vertex as usize] != vertex {
            let grand = parent[parent[vertex as usize] as usize];
            parent[vertex as usize] = grand;
            vertex = grand;
        }
        vertex
    }
    for &[a, b, c] in triangles {
        for other in [b, c] {
            let (one, two) = (root(&mut parent, a), root(&mut parent, other));
            parent[one.max(two) as usize] = one.min(two);
        }
    }
    triangles.iter().map(|t| root(&mut parent, t[0])).collect()
}

/// True for each triangle of a closed part: a part in which each edge joins two triangles that run along the
/// edge in opposite directions.
pub(super) fn closed(triangles: &[[u32; 3]], parts: &[u32]) -> Vec<bool> {
    let mut edges: Vec<([u32; 2], [u32; 2])> = Vec::with_capacity(triangles.len() * 3);
    for (t, &[a, b, c]) in triangles.iter().enumerate() {
        for (from, to) in [(a, b), (b, c), (c, a)] {
            edges.push(([from.min(to), from.max(to)], [u32::from(from < to), t as u32]));
        }
    }
    edges.sort_unstable();
    let mut open: Vec<u32> = Vec::new();
    for edge in edges.chunk_by(|one, two| one.0 == two.0) {
        let joined = edge.len() == 2 && edge[0].1[0] != edge[1].1[0];
        if !joined {
            open.extend(edge.iter().map(|(_, [_, t])| parts[*t as usize]));
        }
    }
    open.sort_unstable();
    open.dedup();
    parts.iter().map(|part| open.binary_search(part).is_err()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart_and_joined_late() {
        assert_eq!(parts(9, &[[0, 1, 2], [3, 4, 5], [6, 7, 8]]), [0, 3, 6]);
        assert_eq!(parts(9, &[[0, 1, 2], [3, 4, 5], [6, 7, 8], [8, 5, 2]]), [0; 4]);
        assert_eq!(parts(6, &[[5, 4, 3], [2, 1, 0], [3, 0, 0]]), [0; 3]);
    }

    #[test]
    fn a_part_is_closed_when_every_edge_joins_two_triangles_that_agree() {
        let tetrahedron = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]];
        let mut both: Vec<[u32; 3]> = tetrahedron.to_vec();
        both.extend(tetrahedron.map(|t| t.map(|v| v + 4)));
        both.pop();
        let found = closed(&both, &parts(8, &both));
        assert_eq!(found, [true, true, true, true, false, false, false]);
        let turned = [[0, 1, 2], [0, 1, 3], [1, 2, 3], [2, 0, 3]];
        assert_eq!(closed(&turned, &parts(4, &turned)), [false; 4]);
    }
}
