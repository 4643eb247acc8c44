//! Videos, moving pictures, folders of frames and contact sheets, read by other programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use deeptalk_rt::animation::{Animation, Rate};
#[cfg(feature = "sound")]
use deeptalk_rt::audio::{Playback, Sound, read_sound};
use deeptalk_rt::encode::SoundCodec;
use deeptalk_rt::encode::picture::{Drawn, Hooks, Scene};
use deeptalk_rt::export::{Ending, Format, draw};
use deeptalk_rt::render::{Background, Image, Options};
use deeptalk_rt::rig::Face;
use deeptalk_rt::{Error, Result};

fn face() -> Face {
    Face::builtin().unwrap()
}

/// A jaw that opens and closes, `frames` long.
fn motion(face: &Face, frames: usize) -> Animation {
    let names = face.parameter_names();
    let mut values = vec![0.0; frames * names.len()];
    for (frame, row) in values.chunks_exact_mut(names.len()).enumerate() {
        row[names.len() - 3] = 0.15 * (1.0 - (frame as f32 * 0.9).cos());
    }
    Animation::from_parameters(Rate::whole(25), names, values)
}

/// A rising tone of `samples` samples at 16 kHz.
fn tone(samples: usize) -> Vec<f32> {
    (0..samples).map(|k| 0.4 * (k as f32 * (0.05 + k as f32 * 2e-6)).sin()).collect()
}

fn small(width: u32, height: u32) -> Options {
    Options { width, height, ..Options::default() }
}

fn write(options: &Options, frames: usize, speech: &[f32], outputs: &[impl AsRef<Path>]) -> Result<Drawn> {
    write_with(SoundCodec::default(), options, frames, speech, outputs)
}

fn write_with(
    codec: SoundCodec,
    options: &Options,
    frames: usize,
    speech: &[f32],
    outputs: &[impl AsRef<Path>],
) -> Result<Drawn> {
    let face = face();
    let motion = motion(&face, frames);
    let scene = Scene::new(&face, &motion, speech, options)?.sound(codec, None);
    draw(&scene, outputs, &Hooks::default())
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The output of a program; `None`, after a message, if the program is not installed.
fn program(name: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    match Command::new(name).args(arguments).output() {
        Ok(output) => {
            assert!(
                output.status.success(),
                "{name} {arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(
                output.stderr.is_empty(),
                "{name} {arguments:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            Some(output.stdout)
        }
        Err(_) => {
            assert!(std::env::var_os("DEEPTALK_TEST_ALL").is_none(), "an independent reader is missing");
            println!("skipped: {name} is not installed");
            None
        }
    }
}

fn png(path: &Path) -> (u32, u32, Vec<u8>) {
    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    (info.width, info.height, pixels)
}

#[test]
fn a_video_has_every_frame_and_with_flac_the_very_samples_of_its_sound() {
    let folder = tempfile::tempdir().unwrap();
    // 19 frames are 12160 samples; the sound ends inside the last frame.
    let speech = tone(12_001);
    let path = folder.path().join("talk.mp4");
    write_with(SoundCodec::Flac, &small(98, 130), 19, &speech, &[&path]).unwrap();
    let bytes = fs::read(&path).unwrap();
    let at = |name: &[u8]| bytes.windows(4).position(|four| four == name).unwrap();
    assert!(at(b"moov") < at(b"mdat"), "the index comes before the data");
    let path = path.to_str().unwrap();

    let entries = "stream=codec_name,width,height,pix_fmt,color_space,color_range,nb_read_frames,duration,r_frame_rate,start_time";
    let Some(output) =
        program("ffprobe", &["-v", "error", "-count_frames", "-show_entries", entries, "-of", "json", path])
    else {
        return;
    };
    let output: serde_json::Value = serde_json::from_slice(&output).unwrap();
    let streams = output["streams"].as_array().unwrap();
    let stream = |codec: &str| streams.iter().find(|stream| stream["codec_name"] == codec).unwrap();
    let video = stream("h264");
    assert_eq!((&video["width"], &video["height"]), (&98.into(), &130.into()));
    for (key, value) in [
        ("pix_fmt", "yuv420p"),
        ("color_space", "bt709"),
        ("color_range", "tv"),
        ("nb_read_frames", "19"),
        ("r_frame_rate", "25/1"),
        ("duration", "0.760000"),
        ("start_time", "0.000000"),
    ] {
        assert_eq!(video[key], value, "{key}");
    }
    let sound = stream("flac");
    assert_eq!((&sound["duration"], &sound["start_time"]), (&"0.760000".into(), &"0.000000".into()));

    program("ffmpeg", &["-v", "error", "-i", path, "-f", "null", "-"]).unwrap();
    let samples = program("ffmpeg", &["-v", "error", "-i", path, "-vn", "-f", "s16le", "-"]).unwrap();
    let samples: Vec<i16> = samples.as_chunks::<2>().0.iter().map(|&two| i16::from_le_bytes(two)).collect();
    assert_eq!(samples.len(), 12_160);
    for (heard, meant) in samples.iter().zip(speech.iter().chain(std::iter::repeat(&0.0))) {
        assert_eq!(*heard, (meant * 32767.0).round() as i16);
    }
}

/// The shift in samples, up to 3,000, at which `late` fits `reference` best.
#[cfg(feature = "sound")]
fn lag(reference: &[f32], late: &[f32]) -> i64 {
    let product = |shift: i64| -> f64 {
        let pairs = (0..reference.len()).filter_map(|i| {
            let other = late.get(usize::try_from(i as i64 + shift).ok()?)?;
            Some(f64::from(reference[i]) * f64::from(*other))
        });
        pairs.sum()
    };
    (-3_000..3_000).max_by(|a, b| product(*a).total_cmp(&product(*b))).unwrap()
}

#[cfg(feature = "sound")]
#[test]
fn the_aac_of_a_video_is_in_step_to_a_sample_and_exactly_as_long() {
    let folder = tempfile::tempdir().unwrap();
    let speech = read_sound("tests/sound/reference.wav", 0.0, None).unwrap();
    let path = folder.path().join("talk.mp4");
    write(&small(32, 32), 50, &speech, &[&path]).unwrap();
    let heard = read_sound(&path, 0.0, None).unwrap();
    assert_eq!((heard.len(), lag(&speech, &heard)), (32_000, 0));

    // A stereo recording stays stereo, at its own rate.
    let stereo = |rate: u32| Playback {
        rate,
        channels: 2,
        samples: (0..u64::from(2 * rate)).map(|i| ((i * i) % 20_011) as i16 - 10_000).collect(),
    };
    let (face, options) = (face(), small(32, 32));
    let motion = motion(&face, 25);
    for rate in [44_100, 48_000] {
        let playback = stereo(rate);
        let scene = Scene::new(&face, &motion, &[], &options).unwrap();
        draw(&scene.sound(SoundCodec::default(), Some(&playback)), &[&path], &Hooks::default()).unwrap();
        let sound = Sound::open(&path).unwrap();
        assert_eq!((sound.channels(), sound.sample_rate()), (2, rate));
        let video = path.to_str().unwrap();
        let arguments = ["-v", "error", "-i", video, "-vn", "-f", "f32le", "-ac", "1", "-"];
        if let Some(decoded) = program("ffmpeg", &arguments) {
            let decoded: Vec<f32> =
                decoded.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four)).collect();
            // ffmpeg leaves out what comes before the sound, and keeps the rest of the last block.
            assert!((0..1024).contains(&(decoded.len() as i64 - i64::from(rate))), "{}", decoded.len());
            let mono: Vec<f32> = playback
                .samples
                .as_chunks::<2>()
                .0
                .iter()
                .map(|[a, b]| f32::from(*a) + f32::from(*b))
                .collect();
            assert_eq!(lag(&mono[..8_000], &decoded), 0);
        }
    }
    write_with(SoundCodec::None, &small(32, 32), 5, &speech, &[&path]).unwrap();
    assert!(Sound::open(&path).unwrap_err().to_string().contains("holds no sound"));
}

#[test]
fn a_video_shows_what_was_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let (video, frames) = (folder.path().join("talk.mp4"), folder.path().join("frames"));
    let outputs = [video.clone(), folder.path().join("frames/")];
    write(&small(160, 160), 3, &[], &outputs).unwrap();
    let arguments =
        ["-v", "error", "-i", video.to_str().unwrap(), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
    let Some(seen) = program("ffmpeg", &arguments) else {
        return;
    };
    assert_eq!(seen.len(), 3 * 160 * 160 * 3);
    for (index, seen) in seen.chunks_exact(160 * 160 * 3).enumerate() {
        let (_, _, drawn) = png(&frames.join(format!("frame_{index:05}.png")));
        let error: u64 = drawn.iter().zip(seen).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum();
        let mean = error as f64 / drawn.len() as f64;
        assert!(mean < 3.0, "frame {index} is off by {mean} codes");
    }
}

#[test]
fn sound_that_is_longer_holds_the_last_frame_and_sound_that_is_shorter_is_followed_by_silence() {
    let folder = tempfile::tempdir().unwrap();
    for (name, samples) in
        [("long.mp4", 20_000), ("short.mp4", 1_000), ("odd.mp4", 2_049), ("loud.mp4", 3_200)]
    {
        let path = folder.path().join(name);
        let speech: Vec<f32> =
            tone(samples).iter().map(|x| if name == "loud.mp4" { x * 1e6 } else { *x }).collect();
        write(&small(32, 48), 5, &speech, &[&path]).unwrap();
        let path = path.to_str().unwrap();
        let arguments = ["-v", "error", "-show_entries", "stream=duration", "-of", "csv=p=0", path];
        let Some(durations) = program("ffprobe", &arguments) else {
            return;
        };
        let durations: Vec<f64> =
            String::from_utf8(durations).unwrap().lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(durations.len(), 2);
        assert!((durations[0] - durations[1]).abs() <= 0.04, "{name}: {durations:?}");
        let end = (samples as f64 / 16_000.0).max(0.2);
        assert!(durations.iter().all(|duration| (duration - end).abs() <= 0.04), "{name}: {durations:?}");
        program("ffmpeg", &["-v", "error", "-i", path, "-f", "null", "-"]).unwrap();
    }
}

#[test]
fn lips_move_where_the_mouth_is_and_nothing_else_does() {
    let face = face();
    let motion = motion(&face, 4);
    let scene = Scene::new(&face, &motion, &[], &small(300, 300)).unwrap();
    let (mut closed, mut open) = (Image::default(), Image::default());
    scene.render(0, &mut closed).unwrap();
    scene.render(3, &mut open).unwrap();
    let mut moved = (0.0, 0.0, 0.0);
    for y in 0..300 {
        for x in 0..300 {
            let (one, two) = (closed.pixel(x, y), open.pixel(x, y));
            let change: f64 = (0..3).map(|c| f64::from(one[c].abs_diff(two[c]))).sum();
            moved = (moved.0 + change, moved.1 + change * f64::from(x), moved.2 + change * f64::from(y));
            // Eyes and forehead are in the upper half.
            assert!(y > 130 || change < 12.0, "{x}, {y} changes by {change}");
        }
    }
    assert!(moved.0 > 1e5, "the mouth moves: {}", moved.0);
    let (x, y) = (moved.1 / moved.0, moved.2 / moved.0);
    assert!((x - 150.0).abs() < 12.0 && (180.0..260.0).contains(&y), "the middle of what moves is {x}, {y}");
}

#[test]
fn the_head_stands_in_the_middle_and_has_no_holes() {
    let face = face();
    let motion = motion(&face, 4);
    for camera in ["front", "left", "right", "three-quarter"] {
        let options = Options {
            camera: camera.parse().unwrap(),
            background: Background::Transparent,
            ..small(240, 200)
        };
        let scene = Scene::new(&face, &motion, &[], &options).unwrap();
        let mut image = Image::default();
        scene.render(3, &mut image).unwrap();
        let (mut covered, mut middle) = (0.0, 0.0);
        for y in 0..200 {
            for x in 0..240 {
                let alpha = f64::from(image.pixel(x, y)[3]);
                covered += alpha / 255.0;
                middle += alpha / 255.0 * f64::from(x);
            }
        }
        let (share, middle) = (covered / (240.0 * 200.0), middle / covered);
        assert!(
            (0.25..0.75).contains(&share) && (middle - 120.0).abs() < 30.0,
            "{camera}: {share}, {middle}"
        );
        // The background is connected to the border; any other transparent pixel is a hole.
        let mut open = vec![false; 240 * 200];
        let mut todo: Vec<(u32, u32)> = (0..240).flat_map(|x| [(x, 0), (x, 199)]).collect();
        todo.extend((0..200).flat_map(|y| [(0, y), (239, y)]));
        while let Some((x, y)) = todo.pop() {
            let at = (y * 240 + x) as usize;
            if !open[at] && image.pixel(x, y)[3] < 255 {
                open[at] = true;
                // Diagonal neighbours too: a gap between lashes may touch the outside only at a corner.
                let near = (0..9).map(|k| ((x + k % 3).wrapping_sub(1), (y + k / 3).wrapping_sub(1)));
                todo.extend(near.filter(|&(x, y)| x < 240 && y < 200));
            }
        }
        let holes = (0..240 * 200).filter(|&at| !open[at] && image.pixels[at * 4 + 3] < 255).count();
        assert_eq!(holes, 0, "{camera}");
    }
}

#[test]
fn one_pass_feeds_all_outputs_and_a_second_run_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str| {
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        let outputs: Vec<PathBuf> =
            ["a.mp4", "b.gif", "c.apng", "d.png", "frames/"].iter().map(|name| folder.join(name)).collect();
        let report = write(&small(64, 80), 11, &tone(7_000), &outputs).unwrap();
        assert_eq!((report.frames, report.written.len()), (11, 5));
        assert_eq!(files(&folder), ["a.mp4", "b.gif", "c.apng", "d.png", "frames"]);
        assert_eq!(files(&folder.join("frames")).len(), 11);
        for (output, written) in outputs[..4].iter().zip(&report.written) {
            assert_eq!(fs::metadata(output).unwrap().len(), written.bytes);
        }
        outputs[..4].iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    assert!(run("one") == run("two"));
}

#[test]
fn moving_pictures_end_on_the_frame_that_was_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write(&small(90, 70), 6, &[], &[path("a.gif"), path("a.apng"), path("frames/")]).unwrap();
    let (_, _, drawn) = png(&path("frames").join("frame_00005.png"));

    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(path("a.apng")).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let control = reader.info().animation_control.unwrap();
    assert_eq!((control.num_frames, control.num_plays), (6, 0));
    let mut canvas = vec![0u8; 90 * 70 * 4];
    let mut part = vec![0u8; 90 * 70 * 4];
    for _ in 0..6 {
        reader.next_frame(&mut part).unwrap();
        let frame = *reader.info().frame_control().unwrap();
        assert_eq!((frame.delay_num, frame.delay_den), (100, 2500));
        for y in 0..frame.height as usize {
            for x in 0..frame.width as usize {
                let pixel = &part[(y * frame.width as usize + x) * 4..][..4];
                if pixel[3] == 255 {
                    let to = ((y + frame.y_offset as usize) * 90 + x + frame.x_offset as usize) * 4;
                    canvas[to..to + 4].copy_from_slice(pixel);
                }
            }
        }
    }
    assert!(canvas.chunks_exact(4).zip(drawn.chunks_exact(3)).all(|(seen, drawn)| seen[..3] == *drawn));

    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut reader = options.read_info(fs::File::open(path("a.gif")).unwrap()).unwrap();
    let mut frames = 0;
    while let Some(frame) = reader.read_next_frame().unwrap() {
        assert_eq!(frame.delay, 4);
        frames += 1;
        for y in 0..frame.height as usize {
            for x in 0..frame.width as usize {
                let pixel = &frame.buffer[(y * frame.width as usize + x) * 4..][..4];
                if pixel[3] == 255 {
                    let to = ((y + frame.top as usize) * 90 + x + frame.left as usize) * 4;
                    canvas[to..to + 4].copy_from_slice(pixel);
                }
            }
        }
    }
    assert_eq!(frames, 6);
    let pairs = canvas.chunks_exact(4).zip(drawn.chunks_exact(3));
    let error: u64 =
        pairs.flat_map(|(seen, drawn)| (0..3).map(|c| u64::from(seen[c].abs_diff(drawn[c])))).sum();
    assert!((error as f64) < 7.0 * drawn.len() as f64, "{}", error as f64 / drawn.len() as f64);
}

#[test]
fn frames_without_a_background_keep_their_transparency() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { background: Background::Transparent, ..small(50, 60) };
    let path = |name: &str| folder.path().join(name);
    write(&options, 1, &[], &[path("frames/"), path("a.apng"), path("sheet.png")]).unwrap();
    let (width, height, pixels) = png(&path("frames").join("frame_00000.png"));
    assert_eq!((width, height, pixels.len(), pixels[3]), (50, 60, 50 * 60 * 4, 0));
    for name in ["a.mp4", "a.gif"] {
        let error = write(&options, 1, &[], &[path(name)]).unwrap_err();
        assert!(error.exit_code() == 2 && error.to_string().contains("cannot be transparent"), "{error}");
    }
}

#[test]
fn a_sheet_draws_only_the_frames_that_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sheet.png");
    let drawn = Mutex::new(vec![]);
    let face = face();
    let motion = motion(&face, 201);
    let speech = tone(128_000);
    let scene = Scene::new(&face, &motion, &speech, &small(64, 64)).unwrap();
    let progress = |done: usize, all: usize| drawn.lock().unwrap().push((done, all));
    let report = draw(&scene, &[&path], &Hooks { progress: &progress, ..Hooks::default() }).unwrap();
    assert!((5..=12).contains(&report.frames), "{}", report.frames);
    let expected: Vec<_> = (1..=report.frames).map(|done| (done, report.frames)).collect();
    assert_eq!(*drawn.lock().unwrap(), expected);
    let (width, height, pixels) = png(&path);
    assert_eq!((width, pixels.len()), (1680, 1680 * height as usize * 3));
    let colors: std::collections::HashSet<&[u8]> = pixels.chunks_exact(3).collect();
    for curve in [[206, 84, 60], [44, 122, 170], [120, 92, 176], [46, 140, 96], [92, 104, 120]] {
        assert!(colors.contains(&curve[..]), "{curve:?} is not drawn");
    }
}

#[test]
fn a_stopped_run_leaves_nothing_behind_and_keeps_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a.mp4"), "before").unwrap();
    let face = face();
    let motion = motion(&face, 400);
    let scene = Scene::new(&face, &motion, &[], &small(32, 32)).unwrap();
    let stop = AtomicBool::new(false);
    let progress = |done: usize, _: usize| stop.store(done > 9, Ordering::Relaxed);
    let outputs = ["a.mp4", "b.gif", "c.apng", "d.png", "frames/"].map(path);
    let error = draw(&scene, &outputs, &Hooks { progress: &progress, cancelled: &stop }).unwrap_err();
    assert!(matches!(error, Error::Cancelled));
    assert_eq!(files(folder.path()), ["a.mp4"]);
    assert_eq!(fs::read(path("a.mp4")).unwrap(), b"before");
}

#[test]
fn places_and_sizes_that_cannot_be_written_are_refused_before_anything_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, options, code, words) in [
        ("no/a.mp4", small(32, 32), 1, "its folder does not exist"),
        ("no/frames/", small(32, 32), 1, "no/frames: cannot write the frames"),
        ("a.mp4", small(33, 32), 2, "choose even sides"),
        ("a.mp4", small(3842, 32), 2, "up to 3840 x 2160"),
        ("a.jpg", small(32, 32), 2, ".mp4, .gif, .apng, .png"),
        ("a", small(32, 32), 2, "does not name a format"),
        ("a.mp4", small(0, 32), 2, "choose 16 to 8192"),
    ] {
        let error = write(&options, 2, &[], &[path("fine.gif"), path(name)]).unwrap_err();
        assert!(error.exit_code() == code && error.to_string().contains(words), "{name}: {error}");
        assert_eq!(files(folder.path()), [""; 0], "{name}");
    }
    let mut motion = motion(&face(), 2);
    motion.parameters_mut().unwrap().names.pop();
    assert_eq!(Scene::new(&face(), &motion, &[], &small(32, 32)).err().unwrap().exit_code(), 3);
    motion.parameters_mut().unwrap().names.clear();
    assert!(Scene::new(&face(), &motion, &[], &small(32, 32)).is_err());
}

#[test]
fn a_folder_takes_a_new_run_but_not_beside_the_end_of_a_longer_one() {
    let folder = tempfile::tempdir().unwrap();
    let options = small(20, 20);
    let path = folder.path().to_path_buf();
    fs::write(path.join("notes.txt"), "mine").unwrap();
    write(&options, 3, &[], &[&path]).unwrap();
    write(&options, 3, &[], &[&path]).unwrap();
    let left = ["frame_00000.png", "frame_00001.png", "frame_00002.png", "notes.txt"];
    assert_eq!(files(&path), left);
    let error = write(&options, 2, &[], &[&path]).unwrap_err();
    assert!(error.to_string().contains("frame_00002.png of a longer run"), "{error}");
    assert_eq!(files(&path), left);
}

#[test]
fn the_kind_of_a_picture_is_told_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str| Format::of_path(name).ok().filter(|format| format.is_picture());
    for (name, ending) in [
        ("a.mp4", Ending::Suffix("mp4")),
        ("A.MP4", Ending::Suffix("mp4")),
        ("a.gif", Ending::Suffix("gif")),
        ("a.apng", Ending::Suffix("apng")),
        ("sheet.png", Ending::Suffix("png")),
        ("frames/", Ending::Folder),
        ("a.png/", Ending::Folder),
        (folder.path().to_str().unwrap().trim_end_matches('/'), Ending::Folder),
    ] {
        assert_eq!(of(name).map(|format| format.ending), Some(ending), "{name}");
    }
    for name in ["a.npz", "mp4", ""] {
        assert_eq!(of(name), None, "{name}");
    }
}
