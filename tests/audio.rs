//! WAV files of practice: the samples that are read, and the errors for files that are refused.

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};

use deeptalk_rt::Error;
use deeptalk_rt::audio::{HIGHEST_RATE, LOWEST_RATE, Sound, read_sound, resample};
use proptest::prelude::*;
use tempfile::TempDir;

/// The parts of a WAV file, each of which can be wrong.
#[derive(Clone)]
struct Recipe {
    riff_bytes: Option<u32>,
    before_data: Vec<u8>,
    tag: u16,
    channels: u16,
    rate: u32,
    bits: u16,
    data_bytes: Option<u32>,
    data: Vec<u8>,
    after_data: Vec<u8>,
}

impl Recipe {
    fn integers_16(channels: u16, rate: u32, samples: &[i16]) -> Self {
        let data = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        Self {
            riff_bytes: None,
            before_data: vec![],
            tag: 1,
            channels,
            rate,
            bits: 16,
            data_bytes: None,
            data,
            after_data: vec![],
        }
    }

    fn floats(channels: u16, rate: u32, samples: &[f32]) -> Self {
        let data = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        Self { tag: 3, bits: 32, data, ..Self::integers_16(channels, rate, &[]) }
    }

    fn bytes(&self) -> Vec<u8> {
        let block = self.channels.wrapping_mul(self.bits / 8);
        let mut body = b"WAVEfmt \x10\0\0\0".to_vec();
        body.extend(self.tag.to_le_bytes());
        body.extend(self.channels.to_le_bytes());
        body.extend(self.rate.to_le_bytes());
        body.extend(self.rate.wrapping_mul(block.into()).to_le_bytes());
        body.extend(block.to_le_bytes());
        body.extend(self.bits.to_le_bytes());
        body.extend(&self.before_data);
        body.extend(b"data");
        body.extend(self.data_bytes.unwrap_or(self.data.len() as u32).to_le_bytes());
        body.extend(&self.data);
        body.extend(&self.after_data);
        let riff_bytes = self.riff_bytes.unwrap_or(body.len() as u32);
        [b"RIFF".as_slice(), &riff_bytes.to_le_bytes(), &body].concat()
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn read(&self, recipe: &Recipe) -> Result<Vec<f32>, Error> {
        read_sound(self.file("a.wav", &recipe.bytes()), 0.0, None)
    }
}

/// The error for a file; it must be of the kind for bad input and name the file and a next step.
fn complaint(path: &Path) -> String {
    let error = read_sound(path, 0.0, None).unwrap_err();
    assert_eq!(error.exit_code(), 3, "{error}");
    let text = error.to_string();
    assert!(text.contains(path.file_name().unwrap().to_str().unwrap()), "{text}");
    assert!(text.contains("; "), "{text}");
    text
}

fn ramp(length: usize) -> Vec<i16> {
    (0..length).map(|i| (i as i64 * 7919 % 65_536 - 32_768) as i16).collect()
}

#[test]
fn sixteen_kilohertz_mono_passes_bit_for_bit() {
    let samples = ramp(65_537);
    let read = Folder::new().read(&Recipe::integers_16(1, 16_000, &samples)).unwrap();
    assert_eq!(read.len(), samples.len());
    for (read, sample) in read.iter().zip(&samples) {
        assert_eq!(read.to_bits(), (f32::from(*sample) / 32_768.0).to_bits());
    }
    let floats = [0.1, -1.5, f32::MIN_POSITIVE, 3e4, -0.0];
    let read = Folder::new().read(&Recipe::floats(1, 16_000, &floats)).unwrap();
    assert_eq!(read.map_bits(), floats.map_bits());
}

trait Bits {
    fn map_bits(&self) -> Vec<u32>;
}

impl<T: AsRef<[f32]>> Bits for T {
    fn map_bits(&self) -> Vec<u32> {
        self.as_ref().iter().map(|value| value.to_bits()).collect()
    }
}

#[test]
fn every_width_is_scaled_to_full_scale_one() {
    let folder = Folder::new();
    let base = Recipe::integers_16(1, 16_000, &[]);
    for (bits, data, expected) in [
        (8, vec![0u8, 128, 255, 64], vec![-1.0, 0.0, 127.0 / 128.0, -0.5]),
        (16, vec![0, 0x80, 0, 0, 0xff, 0x7f], vec![-1.0, 0.0, 32_767.0 / 32_768.0]),
        (24, vec![0, 0, 0x80, 0, 0, 0xc0, 1, 0, 0], vec![-1.0, -0.5, 1.0 / 8_388_608.0]),
        (32, vec![0, 0, 0, 0x80, 0, 0, 0, 0x40], vec![-1.0, 0.5]),
    ] {
        let read = folder.read(&Recipe { bits, data, ..base.clone() }).unwrap();
        assert_eq!(read, expected, "{bits} bits");
    }
}

#[test]
fn what_hound_writes_is_read_bit_for_bit_as_hound_reads_it() {
    use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
    let folder = Folder::new();
    let path = folder.0.path().join("hound.wav");
    for (bits_per_sample, channels, sample_format) in [
        (8, 1, SampleFormat::Int),
        (16, 2, SampleFormat::Int),
        (24, 3, SampleFormat::Int),
        (32, 6, SampleFormat::Int),
        (16, 64, SampleFormat::Int),
        (32, 2, SampleFormat::Float),
    ] {
        let spec = WavSpec { channels, sample_rate: 16_000, bits_per_sample, sample_format };
        let mut writer = WavWriter::create(&path, spec).unwrap();
        for i in 0..37 * i64::from(channels) {
            let sample = (i * 0x5851_f42d) as i32;
            match sample_format {
                SampleFormat::Int => writer.write_sample(sample >> (32 - bits_per_sample)).unwrap(),
                SampleFormat::Float => writer.write_sample(sample as f32 * 1e-9).unwrap(),
            }
        }
        writer.finalize().unwrap();
        let mut reader = WavReader::open(&path).unwrap();
        let samples: Vec<f64> = match sample_format {
            SampleFormat::Int => reader
                .samples::<i32>()
                .map(|sample| f64::from(sample.unwrap()) / f64::from(1u32 << (bits_per_sample - 1)))
                .collect(),
            SampleFormat::Float => reader.samples::<f32>().map(|sample| f64::from(sample.unwrap())).collect(),
        };
        let expected: Vec<f32> = samples
            .chunks(channels.into())
            .map(|frame| (frame.iter().sum::<f64>() / f64::from(channels)) as f32)
            .collect();
        assert_eq!(expected.len(), 37);
        assert_eq!(read_sound(&path, 0.0, None).unwrap().map_bits(), expected.map_bits(), "{spec:?}");
    }
}

#[test]
fn equal_channels_mix_down_to_what_one_of_them_is() {
    let folder = Folder::new();
    let mono = ramp(1_009);
    let one = folder.read(&Recipe::integers_16(1, 16_000, &mono)).unwrap();
    for channels in [2, 3, 7, 64] {
        let all: Vec<i16> = mono.iter().flat_map(|&sample| vec![sample; channels.into()]).collect();
        assert_eq!(folder.read(&Recipe::integers_16(channels, 16_000, &all)).unwrap(), one);
    }
}

#[test]
fn lengths_that_a_pipe_left_open_are_read_to_the_end_of_the_file() {
    let folder = Folder::new();
    let good = Recipe::integers_16(1, 16_000, &ramp(333));
    let expected = folder.read(&good).unwrap();
    for (riff_bytes, data_bytes) in [
        (u32::MAX, u32::MAX),
        (0, 0),
        (36, 0),
        (u32::MAX, 0),
        (0x7fff_f024, 0x7fff_f000),
        (0x8000_0024, 0x8000_0000),
        (u32::MAX, u32::MAX - 36),
    ] {
        let open = Recipe { riff_bytes: Some(riff_bytes), data_bytes: Some(data_bytes), ..good.clone() };
        assert_eq!(folder.read(&open).unwrap(), expected, "{riff_bytes} {data_bytes}");
    }
}

#[test]
fn chunks_round_the_samples_are_skipped_padded_or_not() {
    let folder = Folder::new();
    let good = Recipe::integers_16(2, 16_000, &ramp(334));
    let expected = folder.read(&good).unwrap();
    for before in
        [&b"LIST\x04\0\0\0INFO"[..], b"LIST\x05\0\0\0INFO!\0", b"LIST\x05\0\0\0INFO!", b"fact\x04\0\0\0abcd"]
    {
        let recipe = Recipe {
            before_data: before.to_vec(),
            after_data: b"LIST\x04\0\0\0INFOid3 \x02\0\0\0ab".to_vec(),
            ..good.clone()
        };
        assert_eq!(folder.read(&recipe).unwrap(), expected, "{}", before.escape_ascii());
    }
}

#[test]
fn a_last_frame_that_is_not_whole_is_left_out() {
    let folder = Folder::new();
    let mut recipe = Recipe::integers_16(2, 16_000, &[1, 1, 2, 2, 3]);
    recipe.data.push(9);
    let read = folder.read(&recipe).unwrap();
    assert_eq!(read, [1.0 / 32_768.0, 2.0 / 32_768.0]);
}

#[test]
fn the_wide_riff_takes_its_length_from_its_own_chunk() {
    let folder = Folder::new();
    let good = Recipe::integers_16(1, 16_000, &ramp(100));
    let mut bytes = good.bytes();
    bytes[..4].copy_from_slice(b"RF64");
    bytes[4..8].fill(0xff);
    bytes[40..44].fill(0xff);
    let mut ds64 = b"ds64\x1c\0\0\0".to_vec();
    ds64.extend(0u64.to_le_bytes());
    ds64.extend(120u64.to_le_bytes());
    ds64.extend([0; 12]);
    bytes.splice(12..12, ds64);
    let read = read_sound(folder.file("wide.wav", &bytes), 0.0, None).unwrap();
    assert_eq!(read, folder.read(&good).unwrap()[..60]);
}

#[test]
fn an_offset_and_a_duration_cut_out_that_part() {
    let folder = Folder::new();
    let path = folder.file("a.wav", &Recipe::integers_16(1, 16_000, &ramp(16_000)).bytes());
    let all = read_sound(&path, 0.0, None).unwrap();
    assert_eq!(read_sound(&path, 0.25, None).unwrap(), all[4_000..]);
    assert_eq!(read_sound(&path, 0.25, Some(0.5)).unwrap(), all[4_000..12_000]);
    assert_eq!(read_sound(&path, 0.9, Some(1e300)).unwrap(), all[14_400..]);
    assert_eq!(read_sound(&path, 0.5, Some(1e-9)).unwrap(), all[8_000..8_001]);
    // To the nearest sample: 0.3 s at 16 kHz may be 4799.999 samples as a product of floats.
    assert_eq!(read_sound(&path, 4_000.8 / 16_000.0, None).unwrap(), all[4_001..]);
    assert_eq!(read_sound(&path, 4_000.3 / 16_000.0, Some(99.8 / 16_000.0)).unwrap(), all[4_000..4_100]);
    let mut sound = Sound::open(&path).unwrap();
    assert_eq!((sound.channels(), sound.sample_rate()), (1, 16_000));
    assert_eq!(sound.read(0.5, None).unwrap(), sound.read(0.5, Some(0.5)).unwrap());
    for (offset, duration, words) in [
        (1.0, None, "past the end: expected an offset below 1.0 s, found 1.0 s"),
        (1e300, None, "found 1e300 s"),
        (-0.1, None, "expected 0 s or more, found -0.1 s"),
        (f64::NAN, None, "found NaN s"),
        (f64::INFINITY, None, "found inf s"),
        (0.0, Some(-1.0), "expected more than 0 s, found -1.0 s"),
        (0.0, Some(0.0), "found 0.0 s"),
        (0.0, Some(f64::NAN), "found NaN s"),
    ] {
        let error = read_sound(&path, offset, duration).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains(words), "{error}");
    }
}

#[test]
fn bad_files_are_named_with_what_was_found_and_what_to_do() {
    let folder = Folder::new();
    let good = Recipe::integers_16(1, 16_000, &ramp(50));
    assert!(complaint(&folder.0.path().join("missing.wav")).contains("cannot be read"));
    assert!(complaint(folder.0.path()).contains("is a folder"));
    for (name, bytes, words) in [
        ("empty.wav", vec![], "is empty: expected a sound file, found 0 bytes"),
        ("tiny.wav", b"RIFF".to_vec(), "is not a recording that can be read"),
        ("header.wav", good.bytes()[..44].to_vec(), "holds no sound"),
        ("riff.wav", good.bytes()[..12].to_vec(), "the end of the file at byte 12"),
        ("none.wav", Recipe { data: vec![], ..good.clone() }.bytes(), "holds no sound"),
        ("one_byte.wav", Recipe { data: vec![1], ..good.clone() }.bytes(), "holds no sound"),
        (
            "cut.wav",
            Recipe { data: vec![], after_data: b"LIST\x04\0\0\0INFO".to_vec(), ..good.clone() }.bytes(),
            "holds no sound",
        ),
        ("talk.mp3", b"ID3\x04\0\0\0\0\0\0\0\0\0\0".to_vec(), "convert it first: ffmpeg -i"),
        ("talk.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0".to_vec(), "convert it first: ffmpeg -i"),
        ("text.wav", b"hello, world\n".to_vec(), "begins with \"hello, world\""),
        ("adpcm.wav", Recipe { tag: 17, bits: 4, ..good.clone() }.bytes(), "found IMA ADPCM"),
        (
            "no_channels.wav",
            Recipe { channels: 0, ..good.clone() }.bytes(),
            "expected 1 to 64 channels, found 0",
        ),
        (
            "crowd.wav",
            Recipe { channels: 400, ..good.clone() }.bytes(),
            "expected 1 to 64 channels, found 400",
        ),
        ("slow.wav", Recipe { rate: 1, ..good.clone() }.bytes(), "found 1; "),
        ("fast.wav", Recipe { rate: u32::MAX, ..good.clone() }.bytes(), "found 4294967295"),
        (
            "long.wav",
            Recipe { before_data: b"LIST\xff\xff\xff\x7f".to_vec(), ..good.clone() }.bytes(),
            "damaged",
        ),
        (
            "many.wav",
            Recipe { before_data: b"junk\0\0\0\0".repeat(2_000), ..good.clone() }.bytes(),
            "1000 chunks",
        ),
        ("order.wav", b"RIFF\x0c\0\0\0WAVEdata\0\0\0\0".to_vec(), "a `fmt ` chunk before the samples"),
    ] {
        let text = complaint(&folder.file(name, &bytes));
        assert!(text.contains(words), "{name}: {text}");
    }
}

#[test]
fn a_sample_that_is_not_finite_is_named_with_its_time_and_channel() {
    let folder = Folder::new();
    for (value, words) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (-3e38, "-3e38")] {
        let mut samples = vec![0.25; 2 * 9_000];
        samples[2 * 4_000 + 1] = value;
        let path = folder.file("a.wav", &Recipe::floats(2, 8_000, &samples).bytes());
        let text = complaint(&path);
        assert!(text.contains(words) && text.contains("at sample 4000 (0.500 s), channel 2"), "{text}");
        assert_eq!(read_sound(&path, 0.0, Some(0.5)).unwrap().len(), 8_000);
        assert!(read_sound(&path, 0.25, None).unwrap_err().to_string().contains("at sample 4000 (0.500 s)"));
    }
}

#[test]
fn one_sample_silence_and_full_scale_are_sound() {
    let folder = Folder::new();
    for rate in [4_000, 8_000, 16_000, 44_100, 191_999, 192_000] {
        assert!(!folder.read(&Recipe::integers_16(1, rate, &[i16::MIN])).unwrap().is_empty(), "{rate}");
        let silence = folder.read(&Recipe::integers_16(1, rate, &[0; 999])).unwrap();
        assert!(silence.iter().all(|&sample| sample == 0.0));
        let square: Vec<i16> =
            (0..9_999).map(|i| if i / 50 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let square = folder.read(&Recipe::integers_16(1, rate, &square)).unwrap();
        assert!(square.iter().all(|sample| sample.abs() < 1.5) && square.iter().any(|sample| *sample > 0.9));
    }
}

#[test]
fn a_resampled_clip_has_the_rounded_length_at_any_rate() {
    for rate in [4_000, 7_999, 8_000, 11_025, 15_999, 16_000, 16_001, 22_050, 44_100, 48_000, 96_000, 192_000]
    {
        for length in [1usize, 2, 19, 99, 989, 12_345] {
            let expected = (length as f64 * 16_000.0 / f64::from(rate)).round().max(1.0) as usize;
            assert_eq!(resample(&vec![0.5; length], rate).unwrap().len(), expected, "{length} at {rate}");
        }
    }
    assert!(resample(&[], 44_100).unwrap().is_empty());
}

#[test]
fn an_impulse_stays_in_its_place() {
    for rate in [4_000u32, 8_000, 11_025, 15_999, 22_050, 44_100, 48_000, 96_000, 191_999, 192_000] {
        for at in [0usize, 1, 1_111, 7_000, 11_999] {
            let mut clip = vec![0.0; 12_000];
            clip[at] = 1.0;
            let result = resample(&clip, rate).unwrap();
            let peak =
                (0..result.len()).max_by(|&a, &b| result[a].abs().total_cmp(&result[b].abs())).unwrap();
            let expected = at as f64 * 16_000.0 / f64::from(rate);
            assert!((peak as f64 - expected).abs() <= 1.0, "{rate}: {at} -> {peak}, expected {expected}");
        }
    }
}

/// The largest difference from a sine, without `edge` samples at each end, where the filter mixes in the
/// silence beyond the clip.
fn distance_from_sine(result: &[f32], edge: usize, frequency: f64, amplitude: f64) -> f64 {
    assert!(result.len() > 3 * edge);
    (edge..result.len() - edge)
        .map(|i| (f64::from(result[i]) - amplitude * (TAU * frequency * i as f64 / 16_000.0).sin()).abs())
        .fold(0.0, f64::max)
}

#[test]
fn a_tone_below_the_lower_half_rate_stays_and_one_above_it_goes() {
    // For a rate without a common divisor with 16 kHz the filter is a second long, and rings that long at the
    // ends.
    for (rate, edge, kept, stopped) in [
        (8_000u32, 1_000, 3_600.0, None),
        (11_025, 1_000, 5_000.0, None),
        (44_100, 1_000, 7_200.0, Some(8_100.0)),
        (48_000, 1_000, 7_200.0, Some(8_100.0)),
        (96_000, 1_000, 7_200.0, Some(24_000.0)),
        (192_000, 1_000, 7_200.0, Some(90_000.0)),
        (17_001, 16_000, 7_200.0, Some(8_100.0)),
    ] {
        let tone = |frequency: f64| -> Vec<f32> {
            let step = TAU * frequency / f64::from(rate);
            (0..4 * rate).map(|i| (0.5 * (step * f64::from(i)).sin()) as f32).collect()
        };
        for frequency in [100.0, kept] {
            let error = distance_from_sine(&resample(&tone(frequency), rate).unwrap(), edge, frequency, 0.5);
            assert!(error < 1e-5, "{frequency} Hz at {rate}: off by {error}");
        }
        if let Some(frequency) = stopped {
            let error = distance_from_sine(&resample(&tone(frequency), rate).unwrap(), edge, frequency, 0.0);
            assert!(error < 1e-5, "{frequency} Hz at {rate}: {error} is left");
        }
    }
}

#[test]
fn resampling_refuses_rates_and_samples_that_make_no_sense() {
    for rate in [0, LOWEST_RATE - 1, HIGHEST_RATE + 1, u32::MAX] {
        assert!(resample(&[0.0], rate).unwrap_err().to_string().contains(&rate.to_string()));
    }
    assert!(resample(&[0.0, f32::NAN], 8_000).unwrap_err().to_string().contains("sample 1 is NaN"));
}

#[test]
fn headers_that_are_wrong_in_common_ways_are_read() {
    let folder = Folder::new();
    let good = Recipe::integers_16(1, 16_000, &ramp(400));
    let expected = folder.read(&good).unwrap();
    // A length of 0 with sound behind it, a pad byte that is not 0, a block size that was left out.
    assert_eq!(folder.read(&Recipe { data_bytes: Some(0), ..good.clone() }).unwrap(), expected);
    let odd = Recipe { before_data: b"odd \x07\0\0\0abcdefgQ".to_vec(), ..good.clone() };
    assert_eq!(folder.read(&odd).unwrap(), expected);
    let mut bytes = good.bytes();
    bytes[32..34].fill(0);
    assert_eq!(read_sound(folder.file("block.wav", &bytes), 0.0, None).unwrap(), expected);
    // More samples than there are: those that are there, with a warning.
    let long = Recipe { data_bytes: Some(836), ..good.clone() };
    let heard = Sound::open(folder.file("long.wav", &long.bytes())).unwrap().read(0.0, None).unwrap();
    assert_eq!(heard.samples, expected);
    assert!(heard.warnings[0].contains("expected 836 bytes of samples, found 800"), "{:?}", heard.warnings);
}

#[test]
fn doubles_and_telephone_samples_are_read() {
    let folder = Folder::new();
    let doubles = [0.25f64, -0.5, 1.5].iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let base = Recipe::integers_16(1, 16_000, &[]);
    let read = folder.read(&Recipe { tag: 3, bits: 64, data: doubles, ..base.clone() }).unwrap();
    assert_eq!(read, [0.25, -0.5, 1.5]);
    let a_law = Recipe { tag: 6, bits: 8, data: vec![0xd5, 0xaa, 0x2a], ..base.clone() };
    assert_eq!(folder.read(&a_law).unwrap(), [8.0, 32_256.0, -32_256.0].map(|x: f32| x / 32_768.0));
    let mu_law = Recipe { tag: 7, bits: 8, data: vec![0xff, 0x80, 0x00], ..base };
    assert_eq!(folder.read(&mu_law).unwrap(), [0.0, 32_124.0, -32_124.0].map(|x: f32| x / 32_768.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_sound(Folder::new().file("a.wav", &bytes), 0.0, None);
    }

    #[test]
    fn a_mutated_wav_never_panics_and_gives_finite_samples(
        extended in any::<bool>(),
        mutations in prop::collection::vec((0usize..120, any::<u8>()), 1..6),
        length in 0usize..200,
    ) {
        let mut recipe = Recipe::floats(2, 48_000, &[0.5; 40]);
        if extended {
            recipe = Recipe::integers_16(1, 8_000, &[77; 40]);
            recipe.before_data = b"LIST\x05\0\0\0INFO!\0ds64\x10\0\0\0abcdefghijklmnop".to_vec();
        }
        let mut bytes = recipe.bytes();
        for (at, value) in mutations {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(length.max(20));
        if let Ok(samples) = read_sound(Folder::new().file("a.wav", &bytes), 0.0, None) {
            prop_assert!(!samples.is_empty() && samples.len() <= 4 * bytes.len());
            prop_assert!(samples.iter().all(|sample| sample.is_finite()));
        }
    }
}
