//! `codes.cu`: lookup, nearest code, and the choice of a code with and without noise.

use crate::support::*;
use cuda_emulator::Memory;
use deeptalk_rt::tensor::cuda::launch::{ChooseCode, Lookup, NearestCode, ReplaceCodes};
use deeptalk_rt::tensor::noise;

#[test]
fn lookup_takes_the_rows_that_the_codes_name() {
    let (count, channels) = (32, 24);
    let book = Random::new(1).halves(count * channels, 1.0);
    let codes: Vec<i32> = (0..99).map(|i| i * 7 % count as i32).collect();
    let (db, dc) = (book.upload(), Memory::from_slice(&codes));
    in_every_order(|order| {
        let y = Output::<u16>::new(codes.len() * channels);
        run(&Lookup {
            y: y.address(),
            codes: dc.address(),
            codebook: db.address(),
            rows: codes.len(),
            stride: channels,
        });
        for (row, &code) in y.values().chunks(channels).zip(&codes) {
            assert_eq!(row, &book.bits[code as usize * channels..][..channels], "{order}");
        }
    });
}

#[test]
fn given_codes_replace_chosen_ones_where_the_codebook_has_them() {
    let rows = 300;
    let count = 40;
    let chosen: Vec<i32> = (0..rows as i32).map(|i| i * 11 % count as i32).collect();
    let awkward = [-1.0, 0.0, 39.0, 40.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 7.0, -0.0];
    let given: Vec<f32> = (0..rows).map(|i| awkward[i % awkward.len()]).collect();
    let want: Vec<i32> = chosen
        .iter()
        .zip(&given)
        .map(|(chosen, given)| if (0.0..count as f32).contains(given) { *given as i32 } else { *chosen })
        .collect();
    let (dc, dg) = (Memory::from_slice(&chosen), Memory::from_slice(&given));
    in_every_order(|order| {
        let codes = Output::<i32>::new(rows);
        run(&ReplaceCodes { codes: codes.address(), chosen: dc.address(), given: dg.address(), rows, count });
        assert_eq!(codes.values(), want, "{order}");
    });
}

#[test]
fn the_nearest_code_is_the_lowest_of_equals() {
    let (count, channels, rows) = (48, 16, 19);
    let mut random = Random::new(2);
    // Every code occurs twice.
    let half = random.halves(count / 2 * channels, 1.0);
    let book = Halves {
        bits: [&half.bits[..], &half.bits].concat(),
        values: [&half.values[..], &half.values].concat(),
    };
    let x = random.halves(rows * channels, 1.0);
    let want: Vec<i32> = x
        .values
        .chunks(channels)
        .map(|row| {
            let distance = |code: &[f32]| {
                code.iter().zip(row).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>()
            };
            let distances: Vec<f64> = book.values.chunks(channels).map(distance).collect();
            (0..count).min_by(|&a, &b| distances[a].total_cmp(&distances[b])).unwrap() as i32
        })
        .collect();
    let (db, dx) = (book.upload(), x.upload());
    in_every_order(|order| {
        let codes = Output::<i32>::new(rows);
        run(&NearestCode {
            codes: codes.address(),
            x: dx.address(),
            codebook: db.address(),
            rows,
            count,
            stride: channels,
        });
        assert_eq!(codes.values(), want, "{order}");
    });
}

fn choose(
    logits: &Halves,
    clips: &[usize],
    count: usize,
    stride: usize,
    seeds: Option<&[u64]>,
    temperature: f32,
) -> Vec<Vec<i32>> {
    let words = seeds.map(|seeds| {
        Memory::from_slice(&seeds.iter().flat_map(|s| [*s as u32, (*s >> 32) as u32]).collect::<Vec<u32>>())
    });
    let first_rows = Memory::from_slice(&(0..clips.len() as i32).map(|i| i * 100).collect::<Vec<i32>>());
    let (dl, table) = (logits.upload(), Memory::from_slice(&offsets(clips)));
    let mut all = Vec::new();
    in_every_order(|_| {
        let codes = Output::<i32>::new(clips.iter().sum());
        run(&ChooseCode {
            codes: codes.address(),
            logits: dl.address(),
            offsets: table.address(),
            seeds: words.as_ref().map_or(NULL, Memory::address),
            first_rows: first_rows.address(),
            count,
            stride,
            stream: 1,
            temperature,
            clips: clips.len(),
            longest: *clips.iter().max().unwrap(),
        });
        all.push(codes.values());
    });
    all
}

#[test]
fn the_likeliest_code_is_the_lowest_of_equals() {
    let (count, stride) = (45, 48);
    // Only three values, so that there are many ties.
    let mut random = Random::new(4);
    let logits = Halves::from_f32((0..30 * stride).map(|_| (random.next() * 1.5).round()));
    let first_of_largest = |row: &[f32]| {
        let largest = row[..count].iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter().position(|&v| v == largest).unwrap() as i32
    };
    let want: Vec<i32> = logits.values.chunks(stride).map(first_of_largest).collect();
    for codes in choose(&logits, &[19, 0, 11], count, stride, None, 0.0) {
        assert_eq!(codes, want);
    }
}

#[test]
fn draws_are_those_of_the_cpu() {
    let (count, stride, clips) = (256, 256, [19usize, 40]);
    let logits = Random::new(5).halves(59 * stride, 2.0);
    let seeds = [7, 0xdead_beef_1234_5678];
    let temperature = 0.7;
    let mut want = Vec::new();
    let mut row = 0;
    for (clip, &length) in clips.iter().enumerate() {
        for t in 0..length {
            let score = |n: usize| {
                logits.values[row * stride + n] / temperature
                    + noise::gumbel(seeds[clip], 1, clip * 100 + t, n)
            };
            let scores: Vec<f32> = (0..count).map(score).collect();
            let best = (0..count).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap();
            let mut rest = scores.clone();
            rest[best] = f32::NEG_INFINITY;
            let second = rest.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            want.push((best as i32, scores[best] - second));
            row += 1;
        }
    }
    assert!(want.iter().filter(|(_, margin)| *margin > 1e-4).count() > 50, "the test has rows to tell");
    for codes in choose(&logits, &clips, count, stride, Some(&seeds), temperature) {
        for (code, (expected, margin)) in codes.iter().zip(&want) {
            assert!(code == expected || *margin < 1e-4, "{code} {expected} {margin}");
        }
    }
}
