//! The index of an MP4 file with an edit list for its sound (ISO/IEC 14496-12, 8.6.6): an AAC encoder puts silence
//! before the sound, and a player has to leave it out, or the sound is late.

use shiguredo_mp4::boxes::{EdtsBox, ElstBox, ElstEntry, FtypBox, MoovBox, SampleEntry};
use shiguredo_mp4::mux::FinalizedBoxes;
use shiguredo_mp4::{Decode, Encode, FixedPointNumber};

/// The parts of a file's index, by their offsets, where the sound begins after `priming` samples and has `samples`
/// samples at `rate`.
///
/// The muxer reserves room before the data, which the edit list takes from.
pub(super) fn with_edit_list(
    boxes: &FinalizedBoxes,
    priming: u32,
    samples: u64,
    rate: u32,
) -> Result<Vec<(u64, Vec<u8>)>, String> {
    let parts: Vec<(u64, Vec<u8>)> =
        boxes.offset_and_bytes_pairs().map(|(offset, bytes)| (offset, bytes.to_vec())).collect();
    if priming == 0 {
        return Ok(parts);
    }
    let mut moov = boxes.moov_box().clone();
    add(&mut moov, priming, samples, rate);
    let moov = moov.encode_to_vec().map_err(|error| error.to_string())?;
    parts.into_iter().map(|(offset, bytes)| Ok((offset, replaced(bytes, &moov)?))).collect()
}

fn add(moov: &mut MoovBox, priming: u32, samples: u64, rate: u32) {
    let scale = u128::from(moov.mvhd_box.timescale.get());
    let duration = (u128::from(samples) * scale / u128::from(rate.max(1))) as u64;
    for track in &mut moov.trak_boxes {
        let entries = &track.mdia_box.minf_box.stbl_box.stsd_box.entries;
        if entries.iter().any(|entry| matches!(entry, SampleEntry::Mp4a(_))) {
            let media_rate = FixedPointNumber::new(1, 0);
            let entry = ElstEntry { edit_duration: duration, media_time: priming.into(), media_rate };
            let elst_box = Some(ElstBox { entries: vec![entry] });
            track.edts_box = Some(EdtsBox { elst_box, unknown_boxes: vec![] });
            track.tkhd_box.duration = duration;
        }
    }
}

/// `bytes` with another index: that in front of the data shrinks the free box behind it, that at the end of the file
/// is replaced.
fn replaced(bytes: Vec<u8>, moov: &[u8]) -> Result<Vec<u8>, String> {
    if bytes.get(4..8) == Some(b"moov") {
        return Ok(moov.to_vec());
    }
    let Ok((_, ftyp)) = FtypBox::decode(&bytes) else { return Ok(bytes) };
    if bytes.get(ftyp + 4..ftyp + 8) != Some(b"moov") {
        return Ok(bytes);
    }
    let size = bytes.len();
    let mut head = bytes;
    head.truncate(ftyp);
    head.extend_from_slice(moov);
    let free = size.checked_sub(head.len()).filter(|free| *free == 0 || *free >= 8);
    let free = free.ok_or("the index has no room for an edit list")?;
    if free > 0 {
        head.extend((free as u32).to_be_bytes());
        head.extend(b"free");
        head.resize(size, 0);
    }
    Ok(head)
}
