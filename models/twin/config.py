"""Every hyper-parameter of the network: the twin of `src/networks/deeptalk/config.rs`, field by field."""

import dataclasses
import json
import types
import typing
from dataclasses import dataclass

SAMPLE_RATE = 16_000
FPS = 25
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
FRAMES_PER_TOP_CODE = 4
FRAMES_PER_BOTTOM_CODE = 2


@dataclass(frozen=True)
class LogMelConfig:
    """A spectrogram in front of the convolutions: window and hop in samples, points of the DFT, mel bands."""

    window: int
    hop: int
    fft: int
    bands: int


@dataclass(frozen=True)
class ConvConfig:
    out: int
    kernel: int
    stride: int


@dataclass(frozen=True)
class TransformerConfig:
    layers: int
    heads: int
    feed_forward: int


@dataclass(frozen=True)
class ContentConfig:
    conv: list[ConvConfig]
    hidden: int
    positional_kernel: int
    positional_groups: int
    transformer: TransformerConfig
    output: int
    log_mel: LogMelConfig | None = None


@dataclass(frozen=True)
class EmotionConfig:
    conv: list[ConvConfig]
    hidden: int
    positional_layers: int
    positional_kernel: int
    positional_groups: int
    extra_tokens: int
    transformer: TransformerConfig
    log_mel: LogMelConfig | None = None


@dataclass(frozen=True)
class HeadConfig:
    max_frames: int
    transformer: TransformerConfig
    width: int
    pool_width: int


@dataclass(frozen=True)
class PredictorConfig:
    style: int
    encoder: TransformerConfig
    features: int
    hidden: int
    transformer: TransformerConfig
    code_attention_rows: int = 1


@dataclass(frozen=True)
class MotionPriorConfig:
    codes_t: int
    width_t: int
    codes_b: int
    width_b: int
    kernel: int
    transformer_t: TransformerConfig
    transformer_b: TransformerConfig
    attention_rows: int = 1


@dataclass(frozen=True)
class MotionEmotionConfig:
    features: list[int]
    hidden: int
    head: HeadConfig


@dataclass(frozen=True)
class Config:
    content: ContentConfig
    emotion: EmotionConfig
    emotion_head: HeadConfig
    predictor: PredictorConfig
    motion_prior: MotionPriorConfig
    motion_emotion: MotionEmotionConfig | None
    actors: list[str]
    channels: list[str]

    @property
    def parameters(self) -> int:
        """Values of a motion's row: the channels and three jaw rotations."""
        return len(self.channels) + 3

    @classmethod
    def from_dict(cls, values: dict) -> "Config":
        return _parse(cls, values, "config")

    @classmethod
    def from_json(cls, text: str) -> "Config":
        return cls.from_dict(json.loads(text))

    def to_dict(self) -> dict:
        return _plain(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @classmethod
    def base(cls) -> "Config":
        """The published sizes."""
        encoder = TransformerConfig(12, 12, 3072)
        conv = _wav2vec2_convolutions([512] * 7)
        one = TransformerConfig(1, 8, 256)
        return cls(
            content=ContentConfig(conv, 768, 128, 16, encoder, 128),
            emotion=EmotionConfig(conv, 768, 5, 19, 16, 10, encoder),
            emotion_head=HeadConfig(500, TransformerConfig(2, 8, 2048), 128, 32),
            predictor=PredictorConfig(128, one, 128, 256, TransformerConfig(6, 8, 256)),
            motion_prior=MotionPriorConfig(256, 128, 256, 256, 5, one, TransformerConfig(1, 8, 512)),
            motion_emotion=MotionEmotionConfig(
                [256, 512, 1024, 512, 256, 128],
                512,
                HeadConfig(250, TransformerConfig(6, 8, 2048), 128, 32),
            ),
            actors=ACTORS.split(),
            channels=[f"exp_{i:02}" for i in range(50)],
        )

    @classmethod
    def tiny(cls) -> "Config":
        """All parts of base, with a hundredth of its width."""
        conv = _wav2vec2_convolutions([16, 16, 24, 24, 32, 32, 32])
        encoder = TransformerConfig(2, 2, 64)
        small = TransformerConfig(1, 2, 48)
        one_head = TransformerConfig(1, 1, 48)
        return cls(
            content=ContentConfig(conv, 64, 16, 4, encoder, 32),
            emotion=EmotionConfig(conv, 32, 2, 7, 2, 3, encoder),
            emotion_head=HeadConfig(500, small, 16, 8),
            predictor=PredictorConfig(32, small, 32, 32, encoder),
            motion_prior=MotionPriorConfig(32, 16, 48, 32, 5, one_head, one_head),
            motion_emotion=MotionEmotionConfig([32, 48, 16], 32, HeadConfig(250, small, 16, 8)),
            actors=["A", "B", "C"],
            channels=ARKIT_CHANNELS.split(),
        )

    @classmethod
    def default(cls) -> "Config":
        """The sizes of `models/default.safetensors`."""
        return cls(
            content=ContentConfig(
                conv=[ConvConfig(256, 3, 2), ConvConfig(256, 1, 1)],
                hidden=256,
                positional_kernel=15,
                positional_groups=16,
                transformer=TransformerConfig(4, 4, 512),
                output=128,
                log_mel=LogMelConfig(window=320, hop=160, fft=512, bands=64),
            ),
            emotion=EmotionConfig(
                conv=[ConvConfig(128, 1, 1), ConvConfig(128, 1, 1)],
                hidden=128,
                positional_layers=3,
                positional_kernel=9,
                positional_groups=4,
                extra_tokens=4,
                transformer=TransformerConfig(3, 4, 256),
                log_mel=LogMelConfig(window=512, hop=320, fft=512, bands=64),
            ),
            emotion_head=HeadConfig(500, TransformerConfig(1, 4, 128), 64, 16),
            predictor=PredictorConfig(
                style=64,
                encoder=TransformerConfig(1, 4, 256),
                features=128,
                hidden=128,
                transformer=TransformerConfig(2, 4, 256),
                code_attention_rows=13,
            ),
            motion_prior=MotionPriorConfig(
                codes_t=256,
                width_t=64,
                codes_b=512,
                width_b=128,
                kernel=5,
                transformer_t=TransformerConfig(1, 4, 256),
                transformer_b=TransformerConfig(1, 4, 384),
                attention_rows=5,
            ),
            motion_emotion=MotionEmotionConfig(
                [96, 96, 48], 64, HeadConfig(250, TransformerConfig(2, 4, 192), 64, 16)
            ),
            actors=["A"],
            channels=ARKIT_CHANNELS.split(),
        )


def _wav2vec2_convolutions(widths: list[int]) -> list[ConvConfig]:
    shapes = [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)]
    return [ConvConfig(out, kernel, stride) for out, (kernel, stride) in zip(widths, shapes, strict=True)]


def _parse(kind, value, where: str):
    """`value` of a JSON document as `kind`: a dataclass, a list, an optional of these, or a plain value."""
    if typing.get_origin(kind) is types.UnionType:
        (kind,) = [choice for choice in typing.get_args(kind) if choice is not types.NoneType]
        return None if value is None else _parse(kind, value, where)
    if typing.get_origin(kind) is list:
        (element,) = typing.get_args(kind)
        return [_parse(element, item, f"{where}[{i}]") for i, item in enumerate(value)]
    if not dataclasses.is_dataclass(kind):
        if not isinstance(value, kind):
            raise ValueError(f"{where}: expected {kind.__name__}, found {value!r}")
        return value
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = set(value) - set(fields)
    missing = {name for name, field in fields.items() if field.default is dataclasses.MISSING} - set(value)
    optional = {name for name in missing if types.NoneType in typing.get_args(fields[name].type)}
    if unknown or missing - optional:
        raise ValueError(f"{where}: unknown fields {sorted(unknown)}, missing fields {sorted(missing - optional)}")
    given = {name: _parse(fields[name].type, item, f"{where}.{name}") for name, item in value.items()}
    return kind(**dict.fromkeys(optional), **given)


def _plain(value):
    """The JSON of a configuration. A field that holds its default is left out, as the Rust side does."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    fields = [(field, getattr(value, field.name)) for field in dataclasses.fields(value)]
    return {
        field.name: _plain(item)
        for field, item in fields
        if field.default is dataclasses.MISSING or item != field.default
    }


ACTORS = (
    "M003 M005 M007 M009 M011 M012 M013 M019 M022 M023 M024 M025 M026 M027 M028 M029 M030 M031 "
    "W009 W011 W014 W015 W016 W018 W019 W021 W023 W024 W025 W026 W028 W029"
)

ARKIT_CHANNELS = """
    eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft
    eyeWideLeft eyeBlinkRight eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight
    eyeWideRight jawRight jawLeft mouthClose mouthFunnel mouthPucker mouthRight mouthLeft mouthSmileLeft
    mouthSmileRight mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight mouthStretchLeft
    mouthStretchRight mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthPressLeft
    mouthPressRight mouthLowerDownLeft mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight browDownLeft
    browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight
    noseSneerLeft noseSneerRight tongueOut
"""
