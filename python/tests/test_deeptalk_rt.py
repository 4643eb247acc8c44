import ast
import inspect
import subprocess
import sys
import threading
import time
from pathlib import Path

import deeptalk_rt
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_a_motion_is_a_table_of_named_columns(model, speech, tmp_path):
    session = deeptalk_rt.Session(model)
    motion = session.animate(speech)
    assert motion.values.dtype == np.float32
    assert motion.values.shape == (-(-len(speech) // 640), len(model.parameter_names)) == (len(motion), len(motion.names))
    assert motion.fps == 25 and motion.emotion_mu.shape == (1, model.emotion_width)
    assert session.timings["content"] > 0
    motion.write(tmp_path / "talk.npz")
    assert np.array_equal(np.load(tmp_path / "talk.npz")["motion"], motion.values)
    assert np.array_equal(motion.codes_t, np.load(tmp_path / "talk.npz")["codes_t"])


def test_the_command_line_writes_the_same(model_path, speech, tmp_path):
    program = sorted(ROOT.glob("target/*/deeptalk-rt"), key=lambda path: path.stat().st_mtime)[-1]
    subprocess.run(
        [program, "run", ROOT / "tests/golden/speech_c.wav", "-o", tmp_path / "talk.npz", "--model", model_path], check=True, capture_output=True
    )
    motion = deeptalk_rt.Session(deeptalk_rt.Model.load(model_path, threads=1)).animate(speech)
    assert np.array_equal(np.load(tmp_path / "talk.npz")["motion"], motion.values)


def test_emotions_and_draws(model, speech):
    session = deeptalk_rt.Session(model)
    heard = session.emotion(speech)
    assert np.isclose(np.linalg.norm(heard.mu), 1, atol=1e-5)
    lent = deeptalk_rt.Emotion.set(np.ones(model.emotion_width, np.float32))
    assert np.allclose(session.animate(speech, emotion=lent).emotion_mu, lent.mu, atol=1e-6)
    half = heard.blend(lent, 0.5)
    assert np.isclose(np.linalg.norm(half.mu), 1, atol=1e-5)
    assert not np.array_equal(heard.sample(1.0, 1).mu, heard.sample(1.0, 2).mu)
    one, two = (session.animate(speech, alpha=1.0, temperature=(1, 1), seed=seed).values for seed in (1, 1))
    assert np.array_equal(one, two)
    assert session.animate(speech, actor="B").values.shape == one.shape


def test_moods_by_name_and_over_time():
    model = deeptalk_rt.Model.builtin(threads=1)
    assert model.moods[:2] == ["neutral", "happy"] and len(model.moods) == 8
    session, sound = deeptalk_rt.Session(model), np.zeros(32_000, np.float32)
    happy = session.animate(sound, mood="happy").emotion_mu
    assert happy.shape == (1, model.emotion_width)
    assert np.allclose(session.animate(sound, mood="happy:0").emotion_mu, session.animate(sound, mood="neutral").emotion_mu, atol=1e-6)
    assert session.animate(sound, mood="0 neutral, 1 happy").emotion_mu.shape == (50, model.emotion_width)
    with pytest.raises(deeptalk_rt.UsageError, match="contempt"):
        session.animate(sound, mood="hapy")
    session.begin(mood="sad", strength=0.5)
    session.push(sound)
    session.set_mood("angry:0.7")
    assert session.finish() + 0 > 0


def test_a_batch_and_vertices(model, speech):
    session = deeptalk_rt.Session(model)
    motions = session.batch([speech, speech[:5000]])
    assert [len(motion) for motion in motions] == [-(-len(speech) // 640), 8]
    host, device = deeptalk_rt.Face.builtin(), deeptalk_rt.Face.builtin(model)
    vertices = host.vertices(motions[1].values)
    assert vertices.shape[0] == 8 and vertices.shape[2] == 3 and host.triangles.max() < vertices.shape[1]
    assert np.allclose(vertices, device.vertices(motions[1].values), atol=1e-5)


def test_a_stream_does_not_depend_on_the_cut(model, speech):
    def stream(size):
        session = deeptalk_rt.Session(model)
        assert session.begin(look_ahead=0.32, hop=0.16) == pytest.approx(0.48)
        frames = []
        for begin in range(0, len(speech), size):
            session.push(speech[begin : begin + size])
            first, some = session.poll()
            assert first == sum(map(len, frames))
            frames.append(some)
        session.finish()
        return np.concatenate([*frames, session.poll()[1]])

    whole = stream(len(speech))
    assert whole.shape == (-(-len(speech) // 640), 53)
    assert np.array_equal(whole, stream(777))


def test_bad_use_raises_and_harms_nothing(model, speech, tmp_path):
    session = deeptalk_rt.Session(model)
    bad = speech.copy()
    bad[100] = np.nan
    for call, error, text in [
        (lambda: session.animate(bad), deeptalk_rt.UsageError, "sample 100"),
        (lambda: session.push(bad), ValueError, "sample 100"),
        (lambda: session.animate(speech[:0]), ValueError, "no samples"),
        (lambda: session.animate(speech[::2]), ValueError, "contiguous"),
        (lambda: session.animate(speech.astype(np.float64)), TypeError, "samples"),
        (lambda: session.animate(speech, actor="nobody"), ValueError, "A, B, C"),
        (lambda: session.begin(hop=0), ValueError, "hop"),
        (lambda: deeptalk_rt.Model.load(tmp_path / "none"), deeptalk_rt.BadInputError, "none"),
        (lambda: deeptalk_rt.Model.load(tmp_path, device="moon"), ValueError, "cuda:N"),
        (lambda: deeptalk_rt.Model.from_bytes(b"no model"), ValueError, "model"),
        (lambda: deeptalk_rt.read_sound(tmp_path / "none.wav"), ValueError, "none.wav"),
        (lambda: deeptalk_rt.Face.builtin().vertices(np.zeros((2, 7), np.float32)), ValueError, "53"),
    ]:
        with pytest.raises(error, match=text):
            call()
    assert len(session.animate(speech)) > 0


def test_progress_is_told_and_stops_the_work(model, speech):
    session = deeptalk_rt.Session(model)
    steps = []
    session.animate(speech, progress=lambda *step: steps.append(step))
    assert {"wav2vec2.output", "motion", "frames"} <= {stage for stage, _, _ in steps}
    assert steps[-1][1] == steps[-1][2] > 0
    with pytest.raises(deeptalk_rt.CancelledError):
        session.animate(speech, progress=lambda *_: False)

    def fail(*_):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        session.animate(speech, progress=fail)
    with pytest.raises(ValueError, match="in use"):
        session.animate(speech, progress=lambda *_: session.push(speech) and None)


def test_the_interpreter_is_free_while_the_network_works(model, speech):
    """While one thread is inside `animate`, this thread continues: it counts far beyond the count that the
    pauses between calls allow."""
    inside, counted, done = threading.Event(), 0, threading.Event()

    def work():
        session = deeptalk_rt.Session(model)
        long = np.tile(speech, 30)
        inside.set()
        session.animate(long)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    inside.wait()
    while not done.is_set():
        counted += 1
        time.sleep(0.001)
    thread.join()
    assert counted > 5


def test_the_stubs_are_the_module():
    stubs = ast.parse((ROOT / "python/deeptalk_rt.pyi").read_text())
    public = {name for name in dir(deeptalk_rt) if not name.startswith("_")} - {"deeptalk_rt"}
    named = {node.name for node in stubs.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))} - {"Timings"}
    assert named == public
    for node in stubs.body:
        if isinstance(node, ast.ClassDef) and not issubclass(getattr(deeptalk_rt, node.name, Exception), Exception):
            real = getattr(deeptalk_rt, node.name)
            methods = {f.name: f for f in node.body if isinstance(f, ast.FunctionDef)}
            assert {m for m in methods if not m.startswith("__")} == {m for m in dir(real) if not m.startswith("_")}
            for name, method in methods.items():
                if any(getattr(d, "id", "") == "property" for d in method.decorator_list) or name.startswith("__"):
                    continue
                arguments = [a.arg for a in method.args.args + method.args.kwonlyargs if a.arg != "self"]
                found = [p for p in inspect.signature(getattr(real, name)).parameters if p != "self"]
                assert arguments == found, f"{node.name}.{name}"


def test_type_checkers_accept_the_stubs(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import deeptalk_rt, numpy as np\n"
        "s = deeptalk_rt.Session(deeptalk_rt.Model.load('m'))\n"
        "m: deeptalk_rt.Motion = s.animate(np.zeros(10, np.float32), seed=3)\n"
        "first, rows = s.poll()\n"
        "reveal_type(rows)\n"
    )
    pytest.importorskip("mypy")
    said = subprocess.run([sys.executable, "-m", "mypy", "--strict", program], capture_output=True, text=True, cwd=tmp_path)
    assert said.returncode == 0, said.stdout
