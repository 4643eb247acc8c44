//! The renderer from outside: pictures of a ball, of which each pixel can be computed.

use deeptalk_rt::render::{Background, Camera, Image, Mesh, Options, Renderer};
use deeptalk_rt::{Error, Result};

const RADIUS: f32 = 0.1;

/// A ball round `center` with `rows` rings of `2 * rows` vertices.
fn ball(rows: u32, center: [f32; 3]) -> (Vec<[f32; 3]>, Vec<[u32; 3]>) {
    let columns = 2 * rows;
    let mut vertices = Vec::new();
    for row in 0..=rows {
        let (sin, cos) = (std::f32::consts::PI * row as f32 / rows as f32).sin_cos();
        for column in 0..columns {
            let (s, c) = (std::f32::consts::TAU * column as f32 / columns as f32).sin_cos();
            let direction = [sin * s, cos, sin * c];
            vertices.push(std::array::from_fn(|k| center[k] + RADIUS * direction[k]));
        }
    }
    let mut triangles = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            let next = (column + 1) % columns;
            let (a, b) = (row * columns + column, row * columns + next);
            let (c, d) = (a + columns, b + columns);
            triangles.extend([[a, c, b], [b, c, d]]);
        }
    }
    (vertices, triangles)
}

fn renderer(rows: u32, options: &Options) -> Result<(Renderer, Vec<[f32; 3]>)> {
    let (vertices, triangles) = ball(rows, [0.3, -0.2, 1.0]);
    let mesh = Mesh { vertices: &vertices, triangles: &triangles, colors: None, gloss: None, focus: None };
    Ok((Renderer::new(&mesh, options)?, vertices))
}

fn picture(rows: u32, options: &Options) -> Image {
    let (renderer, vertices) = renderer(rows, options).unwrap();
    let mut image = Image::default();
    renderer.render(&vertices, &mut image).unwrap();
    image
}

fn options(width: u32, height: u32, camera: &str) -> Options {
    Options { width, height, camera: camera.parse().unwrap(), background: Background::Transparent }
}

#[test]
fn a_ball_is_round_without_holes_and_in_the_middle_from_every_side() {
    for (camera, width, height, rows) in [
        ("front", 199, 199, 40),
        ("left", 250, 131, 7),
        ("three-quarter", 111, 190, 90),
        ("-70,-60", 64, 65, 19),
    ] {
        let image = picture(rows, &options(width, height, camera));
        let mut covered = 0.0;
        let mut middle = [0.0; 2];
        for y in 0..height {
            let row: Vec<u8> = (0..width).map(|x| image.pixel(x, y)[3]).collect();
            let (first, last) = (row.iter().position(|&a| a == 255), row.iter().rposition(|&a| a == 255));
            if let (Some(first), Some(last)) = (first, last) {
                assert!(row[first..=last].iter().all(|&a| a == 255), "{camera}: a hole in row {y}");
            }
            for (x, &alpha) in row.iter().enumerate() {
                let share = f64::from(alpha) / 255.0;
                covered += share;
                middle = [middle[0] + share * (x as f64 + 0.5), middle[1] + share * (y as f64 + 0.5)];
            }
        }
        let [x, y] = middle.map(|m| m / covered);
        let off = (x - f64::from(width) / 2.0).abs().max((y - f64::from(height) / 2.0).abs());
        assert!(off < 0.3, "{camera}: the middle is at {x}, {y}");
        let side = f64::from(width.min(height));
        let diameter = (covered * 4.0 / std::f64::consts::PI).sqrt();
        assert!((0.55..0.95).contains(&(diameter / side)), "{camera}: {diameter} of {side} pixels");
    }
}

#[test]
fn edges_are_smooth() {
    let image = picture(60, &options(200, 200, "front"));
    let partly = image.pixels.chunks_exact(4).filter(|p| (1..255).contains(&p[3])).count();
    assert!(partly > 300, "only {partly} pixels on the edge are partly covered");
}

#[test]
fn light_comes_from_the_upper_left_and_nothing_is_black_or_burnt_out() {
    let image = picture(60, &options(200, 200, "front"));
    let sum = |x, y| image.pixel(x, y)[..3].iter().map(|&c| u32::from(c)).sum::<u32>();
    assert!(sum(70, 65) > sum(130, 135) + 60, "{} and {}", sum(70, 65), sum(130, 135));
    let inside = image.pixels.chunks_exact(4).filter(|p| p[3] == 255);
    for pixel in inside {
        assert!(pixel[..3].iter().all(|&c| (25..=250).contains(&c)), "{pixel:?}");
    }
}

#[test]
fn one_and_many_threads_give_the_same_bytes() {
    let options = Options { width: 333, height: 257, ..Options::default() };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| picture(33, &options))
    };
    let one = with(1);
    assert!(one == with(2) && one == with(7));
}

#[test]
fn a_used_renderer_gives_the_same_bytes_as_a_new_one() {
    let options = Options { width: 130, height: 97, camera: "25,10".parse().unwrap(), ..Options::default() };
    let (renderer, vertices) = renderer(21, &options).unwrap();
    let (mut first, mut other, mut again) = (Image::default(), Image::new(3, 3), Image::default());
    renderer.render(&vertices, &mut first).unwrap();
    let far: Vec<_> = vertices.iter().map(|v| [v[0] + 0.05, v[1], v[2] - 0.2]).collect();
    renderer.render(&far, &mut other).unwrap();
    renderer.render(&vertices, &mut again).unwrap();
    assert!(first == again && first != other);
}

#[test]
fn a_colour_behind_shows_through_the_edge_and_nowhere_else() {
    let image =
        picture(60, &Options { background: Background::Color([0, 255, 0]), ..options(120, 120, "front") });
    let bare = picture(60, &options(120, 120, "front"));
    for (pixel, bare) in image.pixels.chunks_exact(4).zip(bare.pixels.chunks_exact(4)) {
        match bare[3] {
            0 => assert_eq!(pixel, [0, 255, 0, 255]),
            255 => assert_eq!(pixel, bare),
            _ => assert_eq!(pixel[3], 255),
        }
    }
}

#[test]
fn sizes_that_cannot_be_drawn_are_refused_with_the_range() {
    for (width, height) in [(0, 100), (100, 0), (100_000, 800), (15, 800), (800, 8193)] {
        let error = renderer(5, &Options { width, height, ..Options::default() }).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("choose 16 to 8192"), "{error}");
    }
    picture(5, &options(16, 16, "front"));
}

#[test]
fn vertices_that_are_no_numbers_are_named() {
    let (renderer, mut vertices) = renderer(5, &options(50, 50, "front")).unwrap();
    vertices[17][1] = f32::NAN;
    let error = renderer.render(&vertices, &mut Image::default()).unwrap_err();
    assert!(matches!(&error, Error::Shape { what, .. } if what == "vertex 17"), "{error}");
    let error = renderer.render(&vertices[1..], &mut Image::default()).unwrap_err();
    assert!(matches!(error, Error::Shape { .. }));
}

#[test]
fn meshes_that_do_not_fit_together_are_refused() {
    let (vertices, triangles) = ball(4, [0.0; 3]);
    let good = Mesh { vertices: &vertices, triangles: &triangles, colors: None, gloss: None, focus: None };
    let many = vertices.len() as u32;
    let wide: Vec<_> = vertices.iter().map(|v| v.map(|x| x * 1e12)).collect();
    let bad = [
        Mesh { vertices: &[], triangles: &[], ..good },
        Mesh { triangles: &[[0, 1, many]], ..good },
        Mesh { colors: Some(&[[1, 2, 3]]), ..good },
        Mesh { gloss: Some(&[7; 3]), ..good },
        Mesh { focus: Some(&[many]), ..good },
        Mesh { vertices: &[[0.0, f32::INFINITY, 0.0]; 100], ..good },
        Mesh { vertices: &wide, ..good },
    ];
    for mesh in bad {
        let error = Renderer::new(&mesh, &Options::default()).err().unwrap();
        assert!(matches!(error, Error::Shape { op: "render", .. }), "{error}");
    }
    assert!(Renderer::new(&Mesh { focus: Some(&[]), ..good }, &Options::default()).is_ok());
}

#[test]
fn points_behind_the_camera_far_away_or_all_in_one_place_draw_without_harm() {
    let (renderer, vertices) = renderer(9, &options(70, 90, "front")).unwrap();
    for [scale, forward] in [[1.0, 1e3], [1.0, 0.55], [1e20, 0.0], [-3e37, 0.0], [0.0, 0.0], [30.0, 0.0]] {
        let moved: Vec<_> =
            vertices.iter().map(|v| [v[0] * scale, v[1] * scale, v[2] * scale + forward]).collect();
        let mut image = Image::default();
        renderer.render(&moved, &mut image).unwrap();
        assert_eq!((image.width, image.height), (70, 90));
    }
    let point =
        Mesh { vertices: &[[1.0; 3]; 3], triangles: &[[0, 1, 2]], colors: None, gloss: None, focus: None };
    let options = Options { camera: Camera::default(), ..options(40, 40, "front@20") };
    Renderer::new(&point, &options).unwrap().render(&[[1.0; 3]; 3], &mut Image::default()).unwrap();
}

#[test]
fn triangles_without_an_area_change_nothing() {
    let options = options(150, 140, "three-quarter");
    let (mut vertices, mut triangles) = ball(15, [0.3, -0.2, 1.0]);
    let front = vertices[15 * 30 / 2];
    let first = vertices.len() as u32;
    // A point, and a line on the front of the ball.
    vertices.extend([front, front, front, [front[0], front[1] + 0.05, front[2]]]);
    let draw = |triangles: &[[u32; 3]]| {
        let mesh = Mesh { vertices: &vertices, triangles, colors: None, gloss: None, focus: None };
        let mut image = Image::default();
        Renderer::new(&mesh, &options).unwrap().render(&vertices, &mut image).unwrap();
        image
    };
    let without = draw(&triangles);
    triangles.extend([[first, first + 1, first + 2], [first, first + 1, first + 3]]);
    assert!(draw(&triangles) == without);
}
