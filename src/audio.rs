//! WAV in, 16 kHz mono f32 out.
