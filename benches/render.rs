//! Benchmark of rendering the built-in head at 800 x 800: one frame with all threads, and several frames in
//! parallel, as for a video. `cargo bench --bench render`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use deeptalk_rt::animation::{Animation, Rate};
use deeptalk_rt::encode::picture::Scene;
use deeptalk_rt::render::{Image, Options};
use deeptalk_rt::rig::Face;
use rayon::prelude::*;

const FRAMES: usize = 16;

fn render(criterion: &mut Criterion) {
    let face = Face::builtin().expect("the built-in head");
    let names = face.parameter_names();
    let mut values = vec![0.0; FRAMES * names.len()];
    for (frame, row) in values.chunks_exact_mut(names.len()).enumerate() {
        row[names.len() - 3] = 0.02 * frame as f32;
    }
    let motion = Animation::from_parameters(Rate::whole(25), names, values);
    let scene = Scene::new(&face, &motion, &[], &Options::default()).expect("the face and its motion");
    let (mut first, mut again) = (Image::default(), Image::default());
    scene.render(3, &mut first).expect("a frame");
    scene.render(3, &mut again).expect("a frame");
    assert!(first == again && first.pixel(400, 300) != first.pixel(0, 0));

    let mut group = criterion.benchmark_group("render 800 x 800");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one frame", |bench| bench.iter(|| scene.render(5, &mut first).expect("a frame")));
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.sample_size(10);
    group.bench_function("frames side by side", |bench| {
        let mut images = vec![Image::default(); FRAMES];
        bench.iter(|| {
            let frames = images.par_iter_mut().enumerate();
            frames.for_each(|(frame, image)| scene.render(frame, image).expect("a frame"));
        });
    });
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
