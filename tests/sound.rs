//! Recordings in every format that is read: the samples, their place in time, and the motion that they give.
//! `tests/sound/make.py` made the files.
#![cfg(feature = "sound")]

use std::path::{Path, PathBuf};

use deeptalk_rt::audio::{Channel, Sound, read_sound};
use deeptalk_rt::runtime::{ModelOptions, Session, Take};

const LOSSLESS: [&str; 4] = ["speech-alac.m4a", "speech.flac", "speech.aiff", "speech.caf"];
const LOSSY: [&str; 15] = [
    "speech.mp3",
    "speech.m4a",
    "speech-16k.m4a",
    "speech-faststart.mp4",
    "speech-fragments.mp4",
    "speech.mov",
    "speech.aac",
    "speech.ogg",
    "speech.opus",
    "speech.webm",
    "speech-opus.mp4",
    "speech.mkv",
    "speech-ima.wav",
    "speech-ms.wav",
    "speech-mulaw.wav",
];

fn file(name: &str) -> PathBuf {
    Path::new("tests/sound").join(name)
}

fn read(name: &str) -> Vec<f32> {
    read_sound(file(name), 0.0, None).unwrap()
}

fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |v: &[f32]| v.iter().map(|x| f64::from(*x)).sum::<f64>() / v.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| f(f64::from(*a) - mean_a, f64::from(*b) - mean_b)).sum()
    };
    sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
}

/// The shift in samples, up to 2,000, at which `late` fits `reference` best.
fn lag(reference: &[f32], late: &[f32]) -> i64 {
    let product = |shift: i64| -> f64 {
        let pairs = (0..reference.len()).filter_map(|i| {
            let other = late.get(usize::try_from(i as i64 + shift).ok()?)?;
            Some(f64::from(reference[i]) * f64::from(*other))
        });
        pairs.sum()
    };
    (-2_000..2_000).max_by(|a, b| product(*a).total_cmp(&product(*b))).unwrap()
}

#[test]
fn lossless_formats_give_the_samples_of_the_wav() {
    let reference = read("reference.wav");
    for name in LOSSLESS {
        assert_eq!(read(name), reference, "{name}");
    }
}

#[test]
fn every_format_begins_where_the_wav_begins_and_lasts_as_long() {
    let reference = read("reference.wav");
    for name in LOSSY {
        let samples = read(name);
        let lag = lag(&reference, &samples);
        println!("{name}: {lag} samples late, {} samples", samples.len());
        // 2 ms.
        assert!(lag.abs() <= 32, "{name}: {lag} samples late");
        // Formats that do not say their length end with up to two frames of padding.
        let longer = samples.len() as i64 - reference.len() as i64;
        assert!((-16..1_400).contains(&longer), "{name}: {longer} samples longer");
    }
}

#[test]
fn every_format_gives_the_motion_of_the_wav() {
    let model = ModelOptions::new().builtin().unwrap();
    let mut session = Session::new(&model);
    let mut jaw = |name: &str| -> Vec<f32> {
        let motion = session.animate(&read(name), &Take::default()).unwrap();
        let names = &motion.parameters().unwrap().names;
        let column = names.iter().position(|name| name == "jaw_x").unwrap();
        motion.values().chunks(motion.width()).map(|row| row[column]).collect()
    };
    let reference = jaw("reference.wav");
    for name in LOSSLESS {
        assert_eq!(jaw(name), reference, "{name}");
    }
    // Codes are discrete, so what a codec loses changes some of them: most where it has half of the band (mu-law at
    // 8 kHz), least at 96 kb/s of mp3 and Opus.
    let found = LOSSY.map(|name| (name, correlation(&jaw(name), &reference)));
    println!("{found:?}");
    assert!(found.iter().all(|(_, r)| *r >= 0.95), "{found:?}");
}

#[test]
fn an_offset_and_a_duration_cut_out_that_part_of_any_format() {
    let whole = read("speech.flac");
    let part = read_sound(file("speech.flac"), 0.5, Some(0.25)).unwrap();
    assert_eq!(part, whole[8_000..12_000]);
    let error = read_sound(file("speech.mp3"), 100.0, None).unwrap_err().to_string();
    assert!(error.contains("the offset is past the end: expected an offset below 2.0"), "{error}");
}

#[test]
fn a_damaged_file_is_read_as_far_as_possible_with_a_warning_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 1u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut good, mut refused) = (0, 0);
    for name in LOSSLESS.iter().chain(&LOSSY) {
        let bytes = std::fs::read(file(name)).unwrap();
        for round in 0..12 {
            let mut bytes = bytes.clone();
            for _ in 0..1 + draw(8) {
                let within = if round % 2 == 0 { bytes.len().min(400) } else { bytes.len() };
                bytes[draw(within)] ^= 1 << draw(8);
            }
            if round % 3 == 0 {
                bytes.truncate(draw(bytes.len()));
            }
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes).unwrap();
            match Sound::open(&path).and_then(|mut sound| sound.read(0.0, None)) {
                Ok(heard) => {
                    good += 1;
                    assert!(heard.samples.iter().all(|sample| sample.is_finite()), "{name}");
                    assert!(heard.samples.len() < 16_000 * 3_700, "{name}");
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.exit_code(), 3, "{error}");
                }
            }
        }
    }
    assert!(good > 50 && refused > 5, "{good} read, {refused} refused");
}

#[test]
fn a_cut_mp3_is_read_to_its_end_and_a_cut_m4a_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cut = |name: &str, share: usize| {
        let bytes = std::fs::read(file(name)).unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes[..bytes.len() * share / 10]).unwrap();
        Sound::open(&path).and_then(|mut sound| sound.read(0.0, None))
    };
    let mp3 = cut("speech.mp3", 6).unwrap();
    assert!((10_000..25_000).contains(&mp3.samples.len()), "{}", mp3.samples.len());
    let ogg = cut("speech.ogg", 6).unwrap();
    assert!((5_000..25_000).contains(&ogg.samples.len()), "{}", ogg.samples.len());
    // The index is at the end of one, and does not fit what is left of the other.
    for name in ["speech.m4a", "speech-faststart.mp4"] {
        let error = cut(name, 6).unwrap_err().to_string();
        assert!(error.contains("convert it first: ffmpeg"), "{error}");
    }
}

/// A 16-bit WAV at 16 kHz.
fn wav(folder: &Path, channels: u16, samples: &[i16]) -> PathBuf {
    let path = folder.join("a.wav");
    let spec = hound::WavSpec {
        channels,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    path
}

#[test]
fn channels_that_cancel_each_other_do_not_become_silence() {
    let folder = tempfile::tempdir().unwrap();
    let mono: Vec<i16> = (0..16_000).map(|i: i64| ((i * i) % 20_011 - 10_000) as i16).collect();
    let stereo: Vec<i16> = mono.iter().flat_map(|sample| [*sample, -sample]).collect();
    let path = wav(folder.path(), 2, &stereo);
    let heard = Sound::open(&path).unwrap().read(0.0, None).unwrap();
    assert!(heard.warnings[0].contains("cancel each other"), "{:?}", heard.warnings);
    let one = Sound::open(&path).unwrap().channel(Channel::One(1)).unwrap().read(0.0, None).unwrap();
    assert_eq!(one.samples[1], f32::from(mono[1]) / 32_768.0);
    assert!(one.warnings.is_empty());
    let mean = Sound::open(&path).unwrap().channel(Channel::Mean).unwrap().read(0.0, None).unwrap();
    assert!(mean.samples.iter().all(|sample| *sample == 0.0) && mean.warnings.is_empty());
    let error = Sound::open(&path).unwrap().channel(Channel::One(3)).unwrap_err().to_string();
    assert!(error.contains("expected a channel from 1 to 2, found 3"), "{error}");
}
