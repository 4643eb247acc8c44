"""Speech in, an emotional 3D face animation out.

Sound is mono float32, full scale = 1; whole recordings are at 16 kHz. Motion has 25 frames/s. The interpreter lock is released while
the network works. Threads may share a `Model`; a `Session` is used by one thread at a time.
"""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

__version__: str

Samples = NDArray[np.float32]
"""Samples, shape (samples,), contiguous."""
Progress = Callable[[str, int, int], bool | None]
"""Called with (name of the finished stage, frames done, total frames). Returning False stops the work, which raises `CancelledError`."""

class UsageError(ValueError):
    """Invalid arguments."""

class BadInputError(ValueError):
    """A file that is missing, damaged or of the wrong kind."""

class DeviceError(RuntimeError):
    """The device is not usable."""

class FailedError(RuntimeError):
    """The operating system refused a request, or the work failed."""

class CancelledError(RuntimeError):
    """The progress callback returned False."""

class Timings(TypedDict):
    """Times of the last call, in seconds."""

    content: float
    emotion: float
    codes: float
    motion: float
    total: float

class Model:
    """A loaded model; read-only, may be shared by threads. `device` is "cpu", "cpu:bf16" (matrix products in
    bf16, faster on processors that support them), "cuda", "cuda:N" or "auto". `emotions` is a file of moods that were
    learned with this model; they join the built-in ones."""

    @staticmethod
    def load(path: str | PathLike[str], *, device: str = "cpu", threads: int | None = None, emotions: str | PathLike[str] | None = None) -> Model: ...
    @staticmethod
    def from_bytes(data: bytes, *, device: str = "cpu", threads: int | None = None, emotions: str | PathLike[str] | None = None) -> Model: ...
    @staticmethod
    def builtin(*, device: str = "cpu", threads: int | None = None, emotions: str | PathLike[str] | None = None) -> Model: ...
    @property
    def parameter_names(self) -> list[str]: ...
    @property
    def actors(self) -> list[str]: ...
    @property
    def moods(self) -> list[str]:
        """The names of the moods that the model knows."""

    @property
    def emotion_width(self) -> int: ...
    @property
    def device(self) -> str: ...

class Emotion:
    """The distribution of an emotion: a mean of unit length and log variances, shape (width,) each."""

    @staticmethod
    def set(direction: Samples) -> Emotion: ...
    @property
    def mu(self) -> NDArray[np.float32]: ...
    @property
    def logvar(self) -> NDArray[np.float32]: ...
    def blend(self, other: Emotion, share: float) -> Emotion: ...
    def sample(self, alpha: float, seed: int) -> Emotion: ...

class Motion:
    """The motion of a recording; `len()` is its number of frames."""

    @property
    def values(self) -> NDArray[np.float32]:
        """Shape (frames, parameters)."""

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
        """Shape (windows, width): one row per window of the recording; up to 60 s there is one window."""

    @property
    def emotion_logvar(self) -> NDArray[np.float32]: ...
    def write(self, path: str | PathLike[str]) -> None:
        """Writes .npz, .npy, .csv or .json, by the ending; the file appears complete or not at all."""

    def __len__(self) -> int: ...

class Face:
    """A face. With a `model`, the vertices are computed on that model's device, else on the host."""

    @staticmethod
    def load(path: str | PathLike[str], model: Model | None = None) -> Face: ...
    @staticmethod
    def builtin(model: Model | None = None) -> Face: ...
    @property
    def triangles(self) -> NDArray[np.uint32]:
        """Vertex indices, shape (triangles, 3), counter-clockwise seen from outside."""

    @property
    def parameter_names(self) -> list[str]: ...
    def vertices(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vertices (frames, vertices, 3) in metres from rows (frames, parameters)."""

class Session:
    """The state of one voice: whole recordings, or one stream.

    `mood` names a mood of the model, "happy" or "angry:0.7" with a strength from 0 (neutral) to 2, or several with their times in
    seconds, "0 neutral, 2.5 angry:0.8, 6 sad"; "heard" is the one that is heard. `strength` scales the emotion, the one that is heard too.
    """

    def __new__(cls, model: Model) -> Session: ...
    def animate(
        self,
        samples: Samples,
        *,
        actor: str | None = None,
        emotion: Emotion | None = None,
        share: float = 1.0,
        mood: str | None = None,
        strength: float = 1.0,
        alpha: float | None = None,
        temperature: tuple[float, float] = (0.0, 0.0),
        seed: int = 0,
        steps: int | None = None,
        eta: float | None = None,
        progress: Progress | None = None,
    ) -> Motion: ...
    def batch(
        self,
        recordings: Sequence[Samples],
        *,
        actor: str | None = None,
        emotion: Emotion | None = None,
        share: float = 1.0,
        mood: str | None = None,
        strength: float = 1.0,
        alpha: float | None = None,
        temperature: tuple[float, float] = (0.0, 0.0),
        seed: int = 0,
        steps: int | None = None,
        eta: float | None = None,
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
        filters: str = "",
        actor: str | None = None,
        emotion: Emotion | None = None,
        share: float = 1.0,
        mood: str | None = None,
        strength: float = 1.0,
        alpha: float | None = None,
        temperature: tuple[float, float] = (0.0, 0.0),
        seed: int = 0,
        steps: int | None = None,
        eta: float | None = None,
    ) -> float:
        """Begins a stream. Returns the delay of a player with a steady frame rate behind the sound, in seconds.

        `filters` over its frames are TOML text; `life = ["blink", "gaze", "head"]` in it adds life, and `head` the
        columns neck_x, neck_y and neck_z in radians behind the others.
        """

    def set_mood(self, mood: str) -> None:
        """Changes the mood of the stream, such as "angry:0.7" or "heard", from the first frame that is not computed yet."""

    def push(self, samples: Samples) -> int:
        """Adds sound in pieces of any size. Returns the number of frames that wait for `poll`."""

    def poll(self) -> tuple[int, NDArray[np.float32]]:
        """Returns the index of the first frame and the frames that are ready, shape (frames, parameters)."""

    def finish(self) -> int:
        """Ends the stream's sound. Returns the number of frames that wait for `poll`."""

def read_sound(path: str | PathLike[str], offset: float = 0.0, duration: float | None = None) -> Samples: ...
def resample(samples: Samples, rate: int) -> Samples:
    """Resamples from `rate` Hz to 16 kHz."""
