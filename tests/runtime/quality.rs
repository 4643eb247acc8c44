//! A stream against the whole recording at once, and its delay, with a trained model: figures, with limits.
//!
//! ```sh
//! DEEPTALK_TEST_CLIPS=FOLDER_OF_RECORDINGS cargo test --release --test runtime quality -- \
//!   --ignored --nocapture --test-threads 1
//! ```
//!
//! `DEEPTALK_TEST_MODEL=FILE` sets another model than the built-in one. `python -m evaluation.clips` (in
//! models/) makes such a folder, of voices that are not in the training.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use deeptalk_rt::audio::read_sound;
use deeptalk_rt::rig::{Face, Rig};
use deeptalk_rt::runtime::{Model, ModelOptions, Session, StreamOptions, Take};

fn model(threads: usize) -> Model {
    let options = ModelOptions::new().threads(threads);
    match std::env::var_os("DEEPTALK_TEST_MODEL") {
        Some(path) => options.load(path).unwrap(),
        None => options.builtin().unwrap(),
    }
}

fn clips() -> Vec<(String, Vec<f32>)> {
    let folder =
        std::env::var_os("DEEPTALK_TEST_CLIPS").expect("DEEPTALK_TEST_CLIPS names a folder of recordings");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), read_sound(path, 0.0, None).unwrap())).collect()
}

/// The distance of the lips in each frame, in metres, on the built-in head.
fn opening(rig: &Rig, rows: &[f32]) -> Vec<f32> {
    let face = rig.face();
    let mean = |points: &[f32], mask: &str| {
        let mask = &face.masks[mask];
        mask.iter().map(|vertex| points[3 * *vertex as usize + 1]).sum::<f32>() / mask.len() as f32
    };
    rows.chunks(rig.columns().len())
        .map(|row| {
            let points = rig.vertices_of_rows(row).unwrap();
            mean(&points, "lip_upper_inner") - mean(&points, "lip_lower_inner")
        })
        .collect()
}

/// Pearson's correlation coefficient.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |v: &[f32]| v.iter().map(|x| f64::from(*x)).sum::<f64>() / v.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| f(f64::from(*a) - mean_a, f64::from(*b) - mean_b)).sum()
    };
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

#[test]
#[ignore = "needs a trained model and ten clips: see the head of this file"]
fn quality_of_a_stream_against_one_shot() {
    let (clips, rig) = (clips(), Rig::new(Face::builtin().unwrap()));
    assert!(clips.len() >= 10, "{} clips, and ten are needed", clips.len());
    let options = StreamOptions::default();
    let mut session = Session::new(&model(2));
    println!("{:<28} {:>7} {:>9} {:>9} {:>9}", "clip", "seconds", "opening r", "delay s", "all r");
    let (mut least, mut delays, mut promised) = (1.0f64, Vec::new(), 0.0);
    for (name, samples) in &clips {
        let whole = session.animate(samples, &Take::default()).unwrap();
        session.begin(&options).unwrap();
        promised = session.delay();
        let (mut rows, mut own_delays) = (Vec::new(), Vec::new());
        // One frame at a time, as sound arrives.
        for (index, piece) in samples.chunks(640).enumerate() {
            if session.push(piece).unwrap() > 0 {
                let frames = session.poll();
                own_delays.push((index + 1) as f64 / 25.0 - frames.first as f64 / 25.0);
                rows.extend(frames.values);
            }
        }
        session.finish().unwrap();
        rows.extend(session.poll().values);
        let r = correlation(&opening(&rig, whole.values()), &opening(&rig, &rows));
        let delay = own_delays.iter().sum::<f64>() / own_delays.len().max(1) as f64;
        let seconds = samples.len() as f64 / 16_000.0;
        println!(
            "{name:<28} {seconds:>7.2} {r:>9.4} {delay:>9.3} {:>9.4}",
            correlation(whole.values(), &rows)
        );
        least = least.min(r);
        delays.extend(own_delays);
    }
    let delay = delays.iter().sum::<f64>() / delays.len() as f64;
    println!("least r {least:.4}; mean delay {delay:.3} s, as promised {promised:.3} s");
    assert!((delay - promised).abs() < 1e-6);
    assert!(least >= 0.90, "{least}");
}

/// Of the frames that have closed lips at once, the share that has them in the stream, a frame earlier or later.
fn closed_too(whole: &[f32], streamed: &[f32]) -> f64 {
    let least = |v: &[f32]| 0.1 * v.iter().copied().fold(1e-4, f32::max);
    let (limit, limit_streamed) = (least(whole), least(streamed));
    // The beginnings of closures between openings; rests at the ends are no closures.
    let closures: Vec<usize> =
        (1..whole.len()).filter(|&i| whole[i] < limit && whole[i - 1] >= limit).collect();
    let kept = closures.iter().filter(|&&i| {
        streamed[i.saturating_sub(2)..streamed.len().min(i + 3)].iter().any(|x| *x < limit_streamed)
    });
    kept.count() as f64 / closures.len().max(1) as f64
}

#[test]
#[ignore = "needs a trained model and recordings: see the head of this file"]
fn quality_of_streams_by_their_delay() {
    let (clips, rig) = (clips(), Rig::new(Face::builtin().unwrap()));
    let mut session = Session::new(&model(1));
    println!("context look-ahead    hop  delay s | opening r   least  closed too | one core, %");
    for (context, look_ahead, hop) in [
        (4.0, 0.4, 0.2),
        (4.0, 0.2, 0.2),
        (4.0, 0.2, 0.08),
        (4.0, 0.12, 0.08),
        (4.0, 0.12, 0.04),
        (2.0, 0.4, 0.2),
        (2.0, 0.12, 0.08),
        (2.0, 0.12, 0.04),
        (1.0, 0.12, 0.08),
        (2.0, 0.08, 0.08),
        (2.0, 0.04, 0.04),
        (2.0, 0.0, 0.04),
    ] {
        let options = StreamOptions { context, look_ahead, hop, ..StreamOptions::default() };
        let (mut r, mut least, mut closed, mut seconds) = (0.0, 1.0f64, 0.0, 0.0);
        let mut took = Duration::ZERO;
        for (_, samples) in &clips {
            let whole = opening(&rig, session.animate(samples, &Take::default()).unwrap().values());
            session.begin(&options).unwrap();
            let begun = Instant::now();
            for piece in samples.chunks(640) {
                session.push(piece).unwrap();
            }
            session.finish().unwrap();
            took += begun.elapsed();
            let streamed = opening(&rig, &session.poll().values);
            let here = correlation(&whole, &streamed);
            (r, least, closed) = (r + here, least.min(here), closed + closed_too(&whole, &streamed));
            seconds += samples.len() as f64 / 16_000.0;
        }
        let count = clips.len() as f64;
        println!(
            "{context:>7} {look_ahead:>10} {hop:>6} {:>8.2} | {:>9.4} {least:>7.4} {:>11.3} | {:>10.1}",
            session.delay(),
            r / count,
            closed / count,
            100.0 * took.as_secs_f64() / seconds
        );
    }
}

#[test]
#[ignore = "a timing: on an otherwise idle machine, in release"]
fn quality_of_time_a_hop_of_a_fifth_of_a_second() {
    let mut session = Session::new(&model(2));
    let mut times: Vec<Duration> = Vec::new();
    let sound: Vec<f32> = clips().into_iter().flat_map(|(_, samples)| samples).collect();
    session.begin(&StreamOptions::default()).unwrap();
    for piece in sound.iter().copied().cycle().take(16_000 * 120).collect::<Vec<f32>>().chunks(3_200) {
        let begun = Instant::now();
        let waiting = session.push(piece).unwrap();
        if waiting > 0 {
            times.push(begun.elapsed());
        }
        session.poll();
    }
    times.sort();
    let percentile = |p: usize| times[(times.len() - 1) * p / 100];
    println!(
        "{} hops: p50 {:?}, p95 {:?}, p99 {:?}",
        times.len(),
        percentile(50),
        percentile(95),
        percentile(99)
    );
    assert!(percentile(99) < Duration::from_millis(60));
}
