"""Speech in, a moving, feeling 3D face out.

Sound is mono float32, full scale = 1; whole recordings are at 16 kHz. Frames come at 25 a second. The interpreter is free while the network
works; a `Model` is shared by threads, a `Session` is used by one at a time.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

__version__: str

Samples = NDArray[np.float32]
"""(samples,), contiguous."""
Progress = Callable[[str, int, int], bool | None]
"""Called with the finished stage, frames done, frames in all; False stops the work, which raises `CancelledError`."""

class UsageError(ValueError):
    """Arguments that make no sense."""

class BadInputError(ValueError):
    """A file that is missing, damaged or of the wrong kind."""

class DeviceError(RuntimeError):
    """The device cannot be used."""

class FailedError(RuntimeError):
    """The system refused, or the work failed."""

class CancelledError(RuntimeError):
    """The progress callback returned False."""

class Timings(TypedDict):
    """Seconds of the last call."""

    content: float
    emotion: float
    codes: float
    motion: float
    total: float

class Model:
    """A loaded model: read-only, shared by threads. `device` is "cpu", "cpu:bf16" (faster where the
    processor has such products), "cuda", "cuda:N" or "auto"."""

    @staticmethod
    def load(path: str | PathLike[str], *, device: str = "cpu", threads: int | None = None) -> Model: ...
    @staticmethod
    def from_bytes(data: bytes, *, device: str = "cpu", threads: int | None = None) -> Model: ...
    @staticmethod
    def builtin(*, device: str = "cpu", threads: int | None = None) -> Model: ...
    @property
    def parameter_names(self) -> list[str]: ...
    @property
    def actors(self) -> list[str]: ...
    @property
    def emotion_width(self) -> int: ...
    @property
    def device(self) -> str: ...

class Emotion:
    """The distribution of an emotion: a mean of unit length, and log variances."""

    @staticmethod
    def set(direction: Samples) -> Emotion: ...
    @property
    def mu(self) -> NDArray[np.float32]: ...
    @property
    def logvar(self) -> NDArray[np.float32]: ...
    def blend(self, other: Emotion, share: float) -> Emotion: ...
    def sample(self, alpha: float, seed: int) -> Emotion: ...

class Motion:
    """The motion of a recording; its length is its frames."""

    @property
    def values(self) -> NDArray[np.float32]:
        """(frames, parameters)."""

    @property
    def names(self) -> list[str]: ...
    @property
    def fps(self) -> float: ...
    @property
    def codes_t(self) -> NDArray[np.int32]: ...
    @property
    def codes_b(self) -> NDArray[np.int32]: ...
    @property
    def emotion_mu(self) -> NDArray[np.float32]:
        """(windows, width)."""

    @property
    def emotion_logvar(self) -> NDArray[np.float32]: ...
    def write(self, path: str | PathLike[str]) -> None:
        """To .npz, .npy, .csv or .json: whole or not at all."""

    def __len__(self) -> int: ...

class Face:
    """A face. With a `model`, that model's device makes the vertices."""

    @staticmethod
    def load(path: str | PathLike[str], model: Model | None = None) -> Face: ...
    @staticmethod
    def builtin(model: Model | None = None) -> Face: ...
    @property
    def triangles(self) -> NDArray[np.uint32]:
        """(triangles, 3)."""

    @property
    def parameter_names(self) -> list[str]: ...
    def vertices(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """(frames, vertices, 3) in metres, of rows (frames, parameters)."""

class Session:
    """One voice."""

    def __new__(cls, model: Model) -> Session: ...
    def animate(
        self,
        samples: Samples,
        *,
        actor: str | None = None,
        emotion: Emotion | None = None,
        share: float = 1.0,
        alpha: float | None = None,
        temperature: tuple[float, float] = (0.0, 0.0),
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Motion: ...
    def batch(
        self,
        recordings: Sequence[Samples],
        *,
        actor: str | None = None,
        emotion: Emotion | None = None,
        share: float = 1.0,
        alpha: float | None = None,
        temperature: tuple[float, float] = (0.0, 0.0),
        seed: int = 0,
        progress: Progress | None = None,
    ) -> list[Motion]: ...
    def emotion(self, samples: Samples) -> Emotion: ...
    @property
    def timings(self) -> Timings: ...
    def begin(
        self,
        *,
        rate: int = 16000,
        context: float = 4.0,
        look_ahead: float = 0.4,
        hop: float = 0.2,
        emotion_every: float = 1.0,
        emotion_context: float = 10.0,
        emotion_smoothing: float = 1.0,
        floor: float = 0.003,
        forget: float = 30.0,
        rest_after: float = 1.0,
        actor: str | None = None,
        emotion: Emotion | None = None,
        share: float = 1.0,
        alpha: float | None = None,
        temperature: tuple[float, float] = (0.0, 0.0),
        seed: int = 0,
    ) -> float:
        """Begins a stream; gives how far steady play is behind the sound, in seconds."""

    def push(self, samples: Samples) -> int:
        """Sound in pieces of any size; gives the number of frames that wait for `poll`."""

    def poll(self) -> tuple[int, NDArray[np.float32]]:
        """The number of the first frame, and the frames that are ready: (frames, parameters)."""

    def finish(self) -> int: ...

def read_wav(path: str | PathLike[str], offset: float = 0.0, duration: float | None = None) -> Samples: ...
def resample(samples: Samples, rate: int) -> Samples:
    """To 16 kHz."""
