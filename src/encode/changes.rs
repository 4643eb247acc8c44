//! The part of a picture that differs from the previous picture.

/// The box (left, top, right, bottom) in which two pictures with `bytes` per pixel differ; one pixel if they
/// do not differ, the whole picture if there is no previous one.
pub(super) fn changed(before: &[u8], now: &[u8], width: usize, height: usize, bytes: usize) -> [usize; 4] {
    if before.len() != now.len() {
        return [0, 0, width, height];
    }
    let mut found: Option<[usize; 4]> = None;
    let rows = before.chunks_exact(width * bytes).zip(now.chunks_exact(width * bytes));
    for (y, (before, now)) in rows.enumerate() {
        if before == now {
            continue;
        }
        let differ = |x: &usize| before[x * bytes..(x + 1) * bytes] != now[x * bytes..(x + 1) * bytes];
        let first = (0..width).find(differ).unwrap_or(0);
        let last = (0..width).rev().find(differ).unwrap_or(0);
        let [left, top, right, _] = found.unwrap_or([first, y, last + 1, y + 1]);
        found = Some([left.min(first), top, right.max(last + 1), y + 1]);
    }
    found.unwrap_or([0, 0, 1, 1])
}
