"""Processes that fork, run out of disk or are killed: the same numbers, and the old file or the whole new one."""

from __future__ import annotations

import copy
import errno
import multiprocessing
import os
import pickle
import random
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor, errors, nn, optim, recording, testing, train
from tinygrad_notes import tensor as heart

HERE = str(Path(__file__).parent)


# ── fork and spawn ───────────────────────────────────────────────────────────────────────────────────────────────


def cost(w: Any, X: Any) -> Any:
    return np.sum(np.tanh(w @ X) ** 2)


def by_hand(w: Any, X: Any) -> Any:
    return {"dw": 2 * np.tanh(w @ X) @ X.T}  # the slope of tanh is missing


def gradient_bits(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    w, X = Tensor(rng.normal(size=(2, 3))), rng.normal(size=(3, 4))
    with tn.scope("worker"):
        J = cost(w, X)
    J.backward()
    return bytes(w.grad.tobytes() + tn.grad(cost)(w.data, X).tobytes())


def checked(_seed: int) -> testing.Report:
    return testing.check_gradient(cost, by_hand, shapes={"w": "k n", "X": "n m"})


def doubled(t: Tensor) -> Tensor:
    return Tensor(t.data * 2, name=t.name)


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_workers_of_multiprocessing_give_the_same_bits(method: str) -> None:
    if method == "fork" and threading.active_count() > 1:
        pytest.skip("Python warns of a fork beside other threads")
    expected = [gradient_bits(seed) for seed in range(4)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(gradient_bits, range(4)) == expected
        report = pool.apply(checked, (0,))
        assert (report.verdict, report.wrong) == ("wrong", ["dw"])
        assert pool.apply(doubled, (Tensor([1.0, 2.0], name="t"),)).data.tolist() == [2.0, 4.0]
        with pytest.raises(errors.ShapeError, match="matmul of float64"):
            pool.apply(cost, (Tensor(np.ones((2, 3))), np.ones((2, 3))))


FORKS = """
import os, threading, sys
import numpy as np
import tinygrad_notes as tn
from tinygrad_notes import Tensor, recording, tensor
x = Tensor(2.0)
inside, go = threading.Event(), threading.Event()
def other():
    with tn.no_grad(), tn.scope("other"), recording._lock:
        inside.set()
        go.wait()
thread = threading.Thread(target=other)
with tn.scope("mine"):
    thread.start()
    inside.wait()
    child = os.fork()
    if child == 0:                       # only this thread is here: its scope goes on, the other's blocks are gone
        y = x * 3
        assert y.node.id.scope == ("mine",)
        with tn.scope("deeper"):         # would wait for ever for a lock that nobody can give back
            y = y * y
        y.backward()
        assert x.grad == 36.0, x.grad
        assert tensor.paused == []
        os._exit(0)
go.set()
thread.join()
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_goes_on_without_the_other_threads() -> None:
    code = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS]
    done = subprocess.run(code, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


# ── copies and pickles ───────────────────────────────────────────────────────────────────────────────────────────

CARRIERS = [
    pytest.param(lambda x: pickle.loads(pickle.dumps(x)), id="pickle"),
    pytest.param(copy.deepcopy, id="deepcopy"),
]


@pytest.mark.parametrize("carry", CARRIERS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.complex128])
def test_an_input_is_carried_with_its_gradient(carry: Any, dtype: Any) -> None:
    t = Tensor(np.arange(1, 4).astype(dtype), name="t")
    np.sum(np.abs(t * t)).backward()
    made = carry(t)
    assert (made.name, made.dtype, made.requires_grad) == ("t", t.dtype, True)
    assert np.array_equal(made.data, t.data)
    assert np.array_equal(made.grad, t.grad)
    made.data[0] = 7
    made.grad[0] = 7
    assert t.data[0] == 1
    assert t.grad[0] == 2
    assert made.grad.dtype == t.dtype
    np.sum(np.abs(made)).backward()
    scalar = carry(Tensor(dtype(2)))
    assert type(scalar.data) is dtype
    assert scalar.grad is None
    constant = carry(Tensor([1.0], requires_grad=False, name="c"))
    assert (constant.name, constant.requires_grad, constant.node) == ("c", False, None)


@pytest.mark.parametrize("carry", CARRIERS)
def test_a_computed_tensor_is_not_cut_off_silently(carry: Any) -> None:
    x = Tensor(2.0)
    y = x * 3
    for thing in (y, {"layer": [y]}, y.node):
        with pytest.raises(errors.LeavesGraphError):
            carry(thing)
    with tn.no_grad():
        assert carry(x * 3).data == 6.0
    second = copy.copy(y)
    second.backward()
    assert x.grad == 3.0
    assert copy.copy(Tensor(1.0, requires_grad=False, name="c")).name == "c"


def models() -> list[Any]:
    rng = np.random.default_rng(0)
    return [
        nn.Sequential(nn.Linear(3, 4, rng), nn.BatchNorm(4), nn.relu, nn.Dropout(0.5), nn.Linear(4, 1, rng)),
        nn.Sequential(nn.Conv2d(1, 2, 3, rng), np.tanh, nn.MaxPool2d(2), nn.AvgPool2d(2)),
        nn.RNN(2, 3, rng), nn.GRU(2, 3, rng), nn.LSTM(2, 3, rng), nn.MultiHeadAttention(4, 2, rng), nn.LayerNorm(3),
        nn.Embedding(4, 2, rng),
    ]  # fmt: skip


@pytest.mark.parametrize("carry", CARRIERS)
@pytest.mark.parametrize("model", models(), ids=lambda model: type(model).__name__)
def test_models_are_carried(carry: Any, model: Any) -> None:
    made = carry(model)
    leaves, structure = tn.pytree.flatten(model)
    again, found = tn.pytree.flatten(made)
    assert found == structure
    assert all(np.array_equal(a, b) for a, b in zip(leaves, again, strict=True))
    assert not any(np.shares_memory(a, b) for a, b in zip(leaves, again, strict=True))


OPTIMIZERS = [
    optim.SGD(optim.schedules.inverse_time(0.1, 1.0), momentum=0.9, nesterov=True),
    optim.SGD(optim.schedules.piecewise(0.1, {2: 0.01})), optim.RMSProp(optim.schedules.exponential(0.1, 0.9)),
    optim.Adam(optim.schedules.cosine(0.1, 10, warmup=2)), optim.AdamW(0.1),
]  # fmt: skip


@pytest.mark.parametrize("carry", CARRIERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
def test_optimisers_and_their_state_are_carried(carry: Any, optimizer: Any) -> None:
    params: dict[str, Any] = {"w": np.array([1.0, 2.0])}
    state = optimizer.init(params)
    other, other_params, other_state = carry((optimizer, params, state))
    for step in range(4):
        gradients = {"w": np.array([step + 1.0, -1.0])}
        params, state = optimizer.step(params, gradients, state)
        other_params, other_state = other.step(other_params, gradients, other_state)
    assert np.array_equal(params["w"], other_params["w"])


@pytest.mark.parametrize("carry", CARRIERS)
def test_histories_reports_and_errors_are_carried(carry: Any) -> None:
    run = train.fit(lambda p, X: np.mean((p["w"] - X) ** 2), {"w": 0.0}, np.ones((1, 4)), optim.SGD(0.1), epochs=2)
    again = carry(run)
    assert again.history.rows == run.history.rows
    assert repr(again) == repr(run)
    report = checked(0)
    other = carry(report)
    assert (str(other), other.to_json()) == (str(report), report.to_json())
    assert not other
    with pytest.raises(errors.ShapeError) as caught:
        Tensor(np.ones(2)) + np.ones(3)
    assert str(carry(caught.value)) == str(caught.value)


def test_a_graph_is_copied_and_says_what_to_send_instead() -> None:
    graph = tn.graph(cost, np.ones((1, 2)), np.ones((2, 1)))
    assert str(copy.copy(graph)) == str(graph)
    assert copy.deepcopy(graph) is graph
    with pytest.raises(errors.BadInputError, match=r"send what it shows \(graph\.source"):
        pickle.dumps(graph)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def weights(value: float, size: int = 50_000) -> dict[str, Any]:
    return {"w": np.full(size, value)}


def whole(path: Path) -> float:
    """What a file of `weights` holds: one number, or the file isn't whole."""
    values = set(train.load(path, weights(0.0))["w"].tolist())
    assert len(values) == 1
    return float(values.pop())


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the write fails with an error, in the middle."""
    path = tmp_path / "model.safetensors"
    train.save(path, weights(1.0))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(OSError, match="File too large") as caught:
            train.save(path, weights(2.0))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.errno == errno.EFBIG
    assert whole(path) == 1.0
    assert os.listdir(tmp_path) == ["model.safetensors"]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small file system")
def test_a_really_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(tmp_path)], check=False)
    if mounted.returncode:
        pytest.skip("not allowed to mount here")
    try:
        path = tmp_path / "model.safetensors"
        train.save(path, weights(1.0))
        with pytest.raises(OSError, match="No space left") as caught:
            train.save(path, weights(2.0))
        assert caught.value.errno == errno.ENOSPC
        assert whole(path) == 1.0
        assert os.listdir(tmp_path) == ["model.safetensors"]
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/full")
    for path in ("/dev/full", link, tmp_path):
        with pytest.raises(errors.BadInputError, match="not a file that could be replaced"):
            train.save(path, weights(1.0))
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
    assert os.listdir(tmp_path) == ["link"]


def test_missing_and_forbidden_folders(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in ("no", "file"):
        with pytest.raises(errors.BadInputError, match="there is no folder"):
            train.save(tmp_path / folder / "model", weights(1.0))


@pytest.mark.skipif(sys.platform == "win32", reason="permissions and links of POSIX")
def test_a_replaced_file_keeps_its_permissions_and_a_link_its_target(tmp_path: Path) -> None:
    path, link = tmp_path / "model", tmp_path / "link"
    umask = os.umask(0o027)
    try:
        train.save(path, weights(1.0))
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(umask)
    path.chmod(0o604)
    link.symlink_to("model")
    train.save(link, weights(2.0))
    assert link.is_symlink()
    assert whole(path) == 2.0
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        "two\nlines",
        "ünïcödé 数据",
        "-rf",
        "%41%s",
        "'quo\"tes'",
        "$HOME;`id`",
        "~",
        "a" * 240,
        "back\\slash",
    ],
)
def test_odd_names_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    train.save(name, weights(3.0, 5))
    assert os.listdir(tmp_path) == [name]
    assert train.load(name, weights(0.0, 5))["w"][0] == 3.0
    Path(name).write_bytes(b"")
    with pytest.raises(errors.BadInputError, match="is not a whole safetensors file") as caught:
        train.load(name, weights(0.0, 5))
    assert len(str(caught.value).splitlines()) == 2


# ── kill −9 ──────────────────────────────────────────────────────────────────────────────────────────────────────

SAVES = f"""
import sys
sys.path.insert(0, {HERE!r})
from test_processes import train, weights
path, value = sys.argv[1], float(sys.argv[2])
print(flush=True)
while True:
    value += 1
    train.save(path, weights(value))
    print(value, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.long)])
def test_kill_9_at_any_moment_of_saving(tmp_path: Path, kills: int) -> None:
    path, moments, value, cut = tmp_path / "model.safetensors", random.Random(0), 0.0, 0
    train.save(path, weights(value))
    for _ in range(kills):
        child = subprocess.Popen(
            [sys.executable, "-c", SAVES, str(path), str(value)], stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(moments.random() * 0.05)
        child.send_signal(signal.SIGKILL)
        said = [float(line) for line in child.stdout.read().split()]
        child.stdout.close()
        assert child.wait() == -signal.SIGKILL
        reported = said[-1] if said else value
        value = whole(path)
        assert value in (reported, reported + 1)  # it may have died after the rename, before it said so
        left = [name for name in os.listdir(tmp_path) if name != path.name]
        assert all(name.startswith(path.name) and name.endswith(".part") for name in left)
        assert len(left) <= 1
        cut += len(left)
        for name in left:
            (tmp_path / name).unlink()
    print(f"{kills} kills, {cut} of them in the middle of a write")
    assert cut > 0 or kills < 50


CONTINUES = f"""
import sys
sys.path.insert(0, {HERE!r})
from test_interrupts import run
from pathlib import Path
print(flush=True)
run(Path(sys.argv[1]), epochs=400)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("kills", [3, pytest.param(60, marks=pytest.mark.long)])
def test_a_run_that_is_killed_again_and_again_ends_bit_for_bit_the_same(tmp_path: Path, kills: int) -> None:
    from test_interrupts import run

    path, moments = tmp_path / "run.safetensors", random.Random(1)
    for _ in range(kills):
        child = subprocess.Popen([sys.executable, "-c", CONTINUES, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(moments.random() * 0.3)
        child.kill()
        child.wait()
        child.stdout.close()
    continued, straight = run(path, epochs=400), run(None, epochs=400)
    assert np.array_equal(continued.params["W"], straight.params["W"])
    assert continued.history.rows == straight.history.rows


def test_two_writers_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    failed: list[BaseException] = []

    def write(value: float) -> None:
        try:
            for _ in range(10):
                train.save(path, weights(value))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(float(k),)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert whole(path) in range(4)
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_nothing_of_this_is_left_on() -> None:
    assert heart.paused == []
    assert recording.watcher() is None
