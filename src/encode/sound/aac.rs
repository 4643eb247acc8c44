//! AAC-LC by the `syom` crate (pure Rust, MIT).

use shiguredo_mp4::Uint;
use shiguredo_mp4::boxes::{EsdsBox, Mp4aBox, SampleEntry};
use shiguredo_mp4::descriptors::{
    DecoderConfigDescriptor, DecoderSpecificInfo, EsDescriptor, SlConfigDescriptor,
};
use syom::{EncodeContainer, EncodeOptions, Encoder};

use super::{Blocks, fields};
use crate::audio::Playback;

/// Samples of a block, and of the silence that the encoder puts before the sound.
const BLOCK: usize = 1024;
/// Bits a second of a channel: transparent for speech.
const BITS: u32 = 96_000;

/// An encoder that returns one block at a time.
pub(super) struct Aac {
    sound: Playback,
    encoder: Encoder,
    next: usize,
}

impl Aac {
    pub fn new(sound: Playback) -> Result<Self, String> {
        let bits = BITS * u32::from(sound.channels);
        let mut options = EncodeOptions::default();
        (options.container, options.bitrate_bps) = (EncodeContainer::Raw, bits);
        let encoder =
            Encoder::new(sound.rate, sound.channels.into(), &options).map_err(|error| error.to_string())?;
        Ok(Self { sound, encoder, next: 0 })
    }
}

impl Blocks for Aac {
    /// One block more than the sound has: a block is complete only with the one behind it.
    fn count(&self) -> usize {
        self.sound.frames().div_ceil(BLOCK) + 1
    }

    fn left(&self) -> bool {
        self.next < self.count()
    }

    fn next(&mut self) -> Result<Option<(Vec<u8>, u32)>, String> {
        if !self.left() {
            return Ok(None);
        }
        let channels = usize::from(self.sound.channels);
        let begin = (self.next * BLOCK * channels).min(self.sound.samples.len());
        let end = (begin + BLOCK * channels).min(self.sound.samples.len());
        let here = &self.sound.samples[begin..end];
        let planes: Vec<[f32; BLOCK]> = (0..channels)
            .map(|channel| {
                let mut plane = [0.0; BLOCK];
                let samples = here.iter().skip(channel).step_by(channels);
                plane.iter_mut().zip(samples).for_each(|(to, from)| *to = f32::from(*from) / 32_768.0);
                plane
            })
            .collect();
        let planes: Vec<&[f32]> = planes.iter().map(<[f32; BLOCK]>::as_slice).collect();
        let mut unit = None;
        self.encoder
            .feed(&planes, |frame| {
                unit = Some(frame.payload.to_vec());
                Ok(())
            })
            .map_err(|error| error.to_string())?;
        self.next += 1;
        Ok(Some((unit.ok_or("the AAC encoder gave no block")?, BLOCK as u32)))
    }

    fn entry(&self) -> SampleEntry {
        let bits = BITS * u32::from(self.sound.channels);
        SampleEntry::Mp4a(Mp4aBox {
            audio: fields(&self.sound),
            esds_box: EsdsBox {
                es: EsDescriptor {
                    es_id: EsDescriptor::MIN_ES_ID,
                    stream_priority: EsDescriptor::LOWEST_STREAM_PRIORITY,
                    depends_on_es_id: None,
                    url_string: None,
                    ocr_es_id: None,
                    dec_config_descr: DecoderConfigDescriptor {
                        object_type_indication:
                            DecoderConfigDescriptor::OBJECT_TYPE_INDICATION_AUDIO_ISO_IEC_14496_3,
                        stream_type: DecoderConfigDescriptor::STREAM_TYPE_AUDIO,
                        up_stream: DecoderConfigDescriptor::UP_STREAM_FALSE,
                        buffer_size_db: Uint::new(6144 / 8 * u32::from(self.sound.channels)),
                        max_bitrate: bits,
                        avg_bitrate: bits,
                        dec_specific_info: Some(DecoderSpecificInfo { payload: self.encoder.asc().to_vec() }),
                    },
                    sl_config_descr: SlConfigDescriptor,
                },
            },
            unknown_boxes: vec![],
        })
    }

    fn priming(&self) -> u32 {
        BLOCK as u32
    }
}
