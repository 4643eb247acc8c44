"""Makes the recordings of this folder: one sentence of a synthesizer (espeak-ng) in every format that is read.

    pip install av soundfile && python tests/sound/make.py reference.wav      # 16 kHz, mono, 16 bit
"""

import pathlib
import shutil
import sys

import av
import soundfile

HERE = pathlib.Path(__file__).parent
# File: container, codec, rate, options of the container.
KINDS = {
    "speech.mp3": ("mp3", "libmp3lame", 48000, {}),
    "speech.m4a": ("ipod", "aac", 48000, {}),
    "speech-16k.m4a": ("ipod", "aac", 16000, {}),
    "speech-faststart.mp4": ("mp4", "aac", 48000, {"movflags": "faststart"}),
    "speech-fragments.mp4": ("mp4", "aac", 48000, {"movflags": "frag_keyframe+empty_moov"}),
    "speech.mov": ("mov", "aac", 44100, {}),
    "speech-alac.m4a": ("ipod", "alac", 16000, {}),
    "speech.aac": ("adts", "aac", 48000, {}),
    "speech.flac": ("flac", "flac", 16000, {}),
    "speech.opus": ("opus", "libopus", 48000, {}),
    "speech.webm": ("webm", "libopus", 48000, {}),
    "speech-opus.mp4": ("mp4", "libopus", 48000, {}),
    "speech.mkv": ("matroska", "aac", 48000, {}),
    "speech.aiff": ("aiff", "pcm_s16be", 16000, {}),
    "speech.caf": ("caf", "pcm_s16be", 16000, {}),
    "speech-ima.wav": ("wav", "adpcm_ima_wav", 16000, {}),
    "speech-ms.wav": ("wav", "adpcm_ms", 16000, {}),
    "speech-mulaw.wav": ("wav", "pcm_mulaw", 8000, {}),
    "speech-alaw.wav": ("wav", "pcm_alaw", 8000, {}),
}


def main():
    shutil.copy(sys.argv[1], HERE / "reference.wav")
    # FFmpeg's own encoder of Vorbis knows stereo alone.
    soundfile.write(HERE / "speech.ogg", *soundfile.read(sys.argv[1]), format="OGG", subtype="VORBIS")
    for name, (container, codec, rate, options) in KINDS.items():
        with av.open(sys.argv[1]) as source, av.open(HERE / name, "w", format=container, options=options) as target:
            stream = target.add_stream(codec, rate=rate, layout="mono")
            if stream.codec_context.codec.name not in ("flac", "alac") and not codec.startswith(("pcm", "adpcm")):
                stream.bit_rate = 96_000
            size = stream.codec_context.frame_size
            form = stream.codec_context.format or stream.codec_context.codec.audio_formats[0]
            resampler = av.AudioResampler(format=form.name, layout="mono", rate=rate)
            fifo = av.AudioFifo()
            for frame in source.decode(audio=0):
                for part in resampler.resample(frame):
                    fifo.write(part)
            for part in resampler.resample(None):
                fifo.write(part)
            written = 0
            size = size or stream.codec_context.frame_size or 1024
            while (part := fifo.read(size, partial=True)) is not None:
                part.pts, part.sample_rate, written = written, rate, written + part.samples
                target.mux(stream.encode(part))
            target.mux(stream.encode(None))
        print(name, (HERE / name).stat().st_size)


if __name__ == "__main__":
    main()
