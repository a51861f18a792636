"""Training: shares, batches, metrics, the loop, a killed run, a NaN."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import nn, optim, train
from tinygrad_notes.errors import BadInputError, MissingExtraError, NonFiniteLossError, ShapeError
from tinygrad_notes.terminal import in_notebook


def make_data(m: int = 40, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((2, m))
    return X, (X[:1] * X[1:] > 0).astype(float)


def make_params(seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"W1": rng.standard_normal((6, 2)), "b1": np.zeros((6, 1)), "W2": rng.standard_normal((1, 6)),
            "b2": np.zeros((1, 1))}  # fmt: skip


def loss(p: Any, X: Any, Y: Any, rng: Any = None) -> Any:
    A = nn.dropout(np.tanh(p["W1"] @ X + p["b1"]), 0.9, rng)
    return nn.binary_cross_entropy_with_logits(p["W2"] @ A + p["b2"], Y)


def predict(p: Any, X: Any) -> Any:
    return train.metrics.labels(nn.sigmoid(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"]) + p["b2"]))


def same(one: Any, two: Any) -> bool:
    return all(np.array_equal(one[name], two[name]) for name in one)


# ── shares and batches ───────────────────────────────────────────────────────────────────────────────────────────


def test_split_has_the_notes_shares() -> None:
    X, Y = np.arange(1000.0).reshape(1, 1000), np.arange(1000)
    shares = train.split((X, Y))
    assert [x.shape[1] for x, _ in shares] == [600, 200, 200]
    sizes = [x.shape[0] for x in train.split(np.zeros(1_000_000), (0.98, 0.01, 0.01))]
    assert sizes == [980_000, 10_000, 10_000]
    shuffled = train.split((X, Y), rng=np.random.default_rng(0))
    assert sorted(np.concatenate([y for _, y in shuffled])) == list(range(1000))
    assert all(np.array_equal(x[0], y) for x, y in shuffled)
    assert not np.array_equal(shuffled[0][1], Y[:600])
    with pytest.raises(BadInputError, match="sum to 1"):
        train.split(X, (0.5, 0.4))
    with pytest.raises(ShapeError, match="number of examples"):
        train.split((X, Y[:5]))


def test_batches_hold_every_example_once() -> None:
    X = np.arange(10.0).reshape(1, 10)
    seen = list(train.batches((X, X * 2), 4, np.random.default_rng(0)))
    assert [x.shape for x, _ in seen] == [(1, 4), (1, 4), (1, 2)]
    assert sorted(np.concatenate([x[0] for x, _ in seen])) == list(range(10))
    assert all(np.array_equal(y, 2 * x) for x, y in seen)
    images = np.zeros((5, 1, 2, 2))
    assert [x.shape[0] for (x,) in train.batches(images, 2, axis=0)] == [2, 2, 1]
    with pytest.raises(BadInputError, match="from 1 on"):
        next(train.batches(X, 0))


def test_normalize_uses_the_training_scale_on_the_test_set() -> None:
    rng = np.random.default_rng(0)
    train_X = np.vstack([rng.uniform(1, 1000, 500), rng.random(500), np.ones(500)])
    X, mu, sigma = train.normalize(train_X)
    assert np.allclose(np.mean(X, axis=1), 0)
    assert np.allclose(np.var(X, axis=1), [1, 1, 0])
    assert np.array_equal(train.normalize(train_X[:, :3], mu, sigma)[0], X[:, :3])


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_metrics_agree_with_counts() -> None:
    rng = np.random.default_rng(0)
    said, real = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    table = train.metrics.confusion(said, real)
    (tn_, fp), (fn, tp) = table
    assert train.metrics.accuracy(said, real) == pytest.approx((tn_ + tp) / 200)
    assert train.metrics.error(said, real) == pytest.approx((fp + fn) / 200)
    precision, recall = train.metrics.precision(said, real), train.metrics.recall(said, real)
    assert (precision, recall) == pytest.approx((tp / (tp + fp), tp / (tp + fn)))
    assert train.metrics.f1(said, real) == pytest.approx(2 / (1 / precision + 1 / recall))
    assert train.metrics.weighted_error(said, real, 3.0) == pytest.approx(train.metrics.error(said, real))
    assert np.isnan(train.metrics.precision(np.zeros(3), np.ones(3)))
    with pytest.raises(ShapeError, match="one shape"):
        train.metrics.accuracy(np.ones((1, 3)), np.ones(3))


@pytest.mark.parametrize(
    ("errors", "bias", "variance"),
    [
        ((0.01, 0.11), False, True),
        ((0.15, 0.16), True, False),
        ((0.15, 0.30), True, True),
        ((0.005, 0.01), False, False),
    ],
)
def test_reading_is_the_notes_table(errors: tuple[float, float], bias: bool, variance: bool) -> None:
    reading = train.bias_variance(*errors)
    assert (reading.high_bias, reading.high_variance) == (bias, variance)
    assert ("more data, regularise" in str(reading)) == variance
    assert ("bigger network" in str(reading)) == bias


def test_reading_is_relative_to_people() -> None:
    assert not train.bias_variance(0.15, 0.16, human_error=0.15).high_bias
    assert train.bias_variance(0.08, 0.10, 0.075).variance > train.bias_variance(0.08, 0.10, 0.075).avoidable_bias


# ── the loop ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_fit_is_gradient_descent_written_out() -> None:
    data, params = make_data(), make_params()
    run = train.fit(loss, params, data, optim.SGD(0.5), epochs=20)
    by_hand = params
    for _ in range(20):
        gradient = tn.grad(loss)(by_hand, *data)
        by_hand = {name: by_hand[name] - 0.5 * gradient[name] for name in by_hand}
    assert same(run.params, by_hand)
    assert same(params, make_params())
    assert run.history["loss"][0] == pytest.approx(float(loss(params, *data)))
    assert len(run.history) == 20
    assert run.stopped == "all 20 epochs"


def test_one_generator_reproduces_a_run() -> None:
    def once() -> Any:
        return train.fit(loss, make_params(), make_data(), optim.Adam(0.01), epochs=5, batch_size=8,
                         rng=np.random.default_rng(3))  # fmt: skip

    one, two = once(), once()
    assert same(one.params, two.params)
    assert one.history.rows == two.history.rows
    assert one.history.rows[-1]["step"] == 25


def test_measurements_use_no_dropout_and_can_be_sparse() -> None:
    X, Y = make_data(60)
    run = train.fit(
        loss, make_params(), (X[:, :40], Y[:, :40]), optim.Adam(0.05), epochs=30, rng=np.random.default_rng(0),
        dev=(X[:, 40:], Y[:, 40:]), metrics={"error": lambda p, X, Y: train.metrics.error(predict(p, X), Y)},
        measure_every=10,
    )  # fmt: skip
    assert run.history["epoch"] == [10, 20, 30]
    assert run.history["dev_loss"][-1] == pytest.approx(float(loss(run.params, X[:, 40:], Y[:, 40:])))
    assert run.history["train_error"][-1] < 0.3
    assert "points" in str(run.history.reading())
    with pytest.raises(BadInputError, match="there is: dev_error"):
        run.history["accuracy"]


def test_early_stopping_returns_the_lowest_point() -> None:
    dev = iter([0.5, 0.4, 0.45, 0.41, 0.42, 0.1])
    seen = []

    def measure(params: Any, *_data: Any) -> float:
        seen.append(params["w"])
        return next(dev) if len(seen) % 2 == 0 else 0.0

    run = train.fit(
        lambda p, X: np.mean((p["w"] - X) ** 2), {"w": 0.0}, np.ones((1, 4)), optim.SGD(0.1), epochs=100,
        dev=np.ones((1, 4)), metrics={"cost": measure}, early_stopping=train.EarlyStopping(3, monitor="dev_cost"),
    )  # fmt: skip
    assert run.stopped == "no lower dev_cost for 3 measurements"
    assert run.history["dev_cost"] == [0.5, 0.4, 0.45, 0.41, 0.42]
    assert run.params["w"] == seen[3]
    with pytest.raises(BadInputError, match="needs dev"):
        train.fit(loss, make_params(), make_data(), optim.SGD(0.1), early_stopping=train.EarlyStopping(1))
    with pytest.raises(BadInputError, match="watches 'dev_f1'"):
        train.fit(loss, make_params(), make_data(), optim.SGD(0.1), dev=make_data(),
                  early_stopping=train.EarlyStopping(1, "dev_f1"))  # fmt: skip


def test_running_statistics_travel_through_fit() -> None:
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 8, rng), nn.BatchNorm(8), nn.relu, nn.Linear(8, 1, rng))

    def stateful(model: Any, X: Any, Y: Any, state: Any = None, training: bool = True) -> Any:
        Z, state = model.train(X, state) if training else (model(X, state=state), state)
        return nn.binary_cross_entropy_with_logits(Z, Y), state

    data = make_data(100)
    run = train.fit(stateful, model, data, optim.Adam(0.02), epochs=60, batch_size=25, state=model.state(), dev=data,
                    rng=rng)  # fmt: skip
    assert not np.allclose(run.state[1]["mean"], 0)
    assert run.history["dev_loss"][-1] < 0.3
    expected = nn.binary_cross_entropy_with_logits(run.params(data[0], state=run.state), data[1])
    assert run.history["dev_loss"][-1] == pytest.approx(float(expected))


def test_clip_bounds_the_step() -> None:
    params = {"w": 0.0}
    run = train.fit(lambda p, X: 1e6 * np.mean(p["w"] - X), params, np.zeros((1, 3)), optim.SGD(1.0), clip=0.5)
    assert run.params["w"] == pytest.approx(-0.5)


# ── what was recorded ────────────────────────────────────────────────────────────────────────────────────────────


def test_history_is_drawn_with_its_reading() -> None:
    rows = [{"epoch": k, "step": k, "loss": 1 / k, "dev_loss": 2 / k, "train_error": 0.01, "dev_error": 0.11}
            for k in (1, 2, 3)]  # fmt: skip
    figure = train.History(rows).plot()
    assert [line.get_label() for axes in figure.axes for line in axes.lines] == [
        "dev_loss", "loss", "dev_error", "train_error",
    ]  # fmt: skip
    assert figure.axes[0].lines[1].get_ydata().tolist() == [1, 1 / 2, 1 / 3]
    assert "high variance: more data, regularise" in figure.get_suptitle().replace("\n", " ")
    assert len(train.History(rows[:1]).plot().axes) == 2


def test_progress_bar_shows_epochs_and_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    train.fit(loss, make_params(), make_data(), optim.SGD(0.1), epochs=3, progress=True)
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "loss 0." in shown
    train.fit(loss, make_params(), make_data(), optim.SGD(0.1), epochs=3)
    assert capsys.readouterr().err == ""


def notebooks_shell() -> Any:
    return types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel="ipykernel's"))


@pytest.mark.parametrize("shell", [None, types.SimpleNamespace()])
def test_ipython_alone_is_no_notebook(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))
    assert not in_notebook()


def test_progress_in_a_notebook_is_the_browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    class Handle:
        def update(self, html: str) -> None:
            drawn.append(html)

    def display(html: str, display_id: bool) -> Handle:
        assert display_id
        drawn.append(html)
        return Handle()

    stand_in = types.ModuleType("IPython.display")
    vars(stand_in).update(HTML=str, display=display)
    monkeypatch.setitem(sys.modules, "IPython.display", stand_in)
    monkeypatch.setitem(sys.modules, "IPython", notebooks_shell())
    train.fit(loss, make_params(), make_data(), optim.SGD(0.1), epochs=3)
    assert drawn[0].startswith('<progress value="0" max="3">')
    assert 'value="3" max="3"></progress> epoch 3/3 loss 0.' in drawn[-1]


def test_missing_extras_name_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in ("rich.console", "matplotlib.figure", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"tinygrad-notes\[train\]"):
        train.fit(loss, make_params(), make_data(), optim.SGD(0.1), progress=True)
    with pytest.raises(MissingExtraError, match=r"tinygrad-notes\[plot\]"):
        train.History([{"epoch": 1, "loss": 1.0}]).plot()
    with pytest.raises(MissingExtraError, match=r"tinygrad-notes\[safetensors\]"):
        train.save(tmp_path / "x", {"w": np.ones(2)})
    assert train.fit(loss, make_params(), make_data(), optim.SGD(0.1)).stopped == "all 1 epochs"


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_models_come_back_from_a_file(tmp_path: Path, rng: np.random.Generator) -> None:
    model = nn.Sequential(nn.Linear(3, 4, rng, dtype=np.float32), np.tanh, nn.Conv2d(1, 2, 3, rng))
    model.layers[0].W = np.asfortranarray(model.layers[0].W)
    train.save(tmp_path / "model.safetensors", model)
    fresh = nn.Sequential(nn.Linear(3, 4, rng, dtype=np.float32), np.tanh, nn.Conv2d(1, 2, 3, rng))
    back = train.load(tmp_path / "model.safetensors", fresh)
    assert np.array_equal(back.layers[0].W, model.layers[0].W)
    assert back.layers[0].W.dtype == np.float32
    assert back.layers[2].stride == (1, 1)
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_loading_names_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "p.safetensors"
    train.save(path, make_params())
    with pytest.raises(ShapeError, match=r"missing \['W3'\]"):
        train.load(path, {**make_params(), "W3": np.ones(2)})
    with pytest.raises(ShapeError, match=r"W1 has shape \(6, 2\)"):
        train.load(path, {**make_params(), "W1": np.ones((2, 6))})
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BadInputError, match="not a whole safetensors file"):
        train.load(path, make_params())


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.safetensors"
    train.save(path, {"w": np.ones(2)})

    def full_disk(*_args: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space"):
        train.save(path, {"w": np.zeros(2)})
    assert train.load(path, {"w": np.zeros(2)})["w"].tolist() == [1.0, 1.0]
    assert os.listdir(tmp_path) == ["p.safetensors"]


# ── a killed run ─────────────────────────────────────────────────────────────────────────────────────────────────


def run_with(checkpoint: Path | None, epochs: int = 6, **options: Any) -> train.Fit:
    X, Y = make_data(60)
    options.setdefault("rng", np.random.default_rng(3))
    return train.fit(
        loss, make_params(), (X[:, :40], Y[:, :40]), optim.Adam(0.01), epochs=epochs, batch_size=7,
        checkpoint=checkpoint, dev=(X[:, 40:], Y[:, 40:]), early_stopping=train.EarlyStopping(patience=50), **options,
    )  # fmt: skip


class Killed(BaseException):
    """Stands for what ends a run between two steps."""


@pytest.mark.parametrize("dies_at", [1, 6, 7, 17])
@pytest.mark.parametrize("generator", [np.random.default_rng, np.random.RandomState])
def test_a_run_continues_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int, generator: Any
) -> None:
    whole = run_with(None, rng=generator(3))
    path = tmp_path / "run.safetensors"
    step, done = optim.Adam.step, []

    def dying(*args: Any) -> Any:
        done.append(1)
        if len(done) > dies_at:
            raise Killed
        return step(*args)

    monkeypatch.setattr(optim.Adam, "step", dying)
    with pytest.raises(Killed):
        run_with(path, checkpoint_every=4, rng=generator(3))
    monkeypatch.undo()
    continued = run_with(path, checkpoint_every=4, rng=generator(99))
    assert same(continued.params, whole.params)
    assert continued.history.rows == whole.history.rows
    assert same(continued.optimizer_state["S"], whole.optimizer_state["S"])
    again = run_with(path, rng=generator(5))
    assert same(again.params, whole.params)
    longer, straight = run_with(path, epochs=8, rng=generator(5)), run_with(None, epochs=8, rng=generator(3))
    assert same(longer.params, straight.params)


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    run_with(path, epochs=1)
    with pytest.raises(BadInputError, match="another run"):
        train.fit(loss, make_params(), make_data(), optim.SGD(0.1), checkpoint=path)


SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_train import run_with
from tinygrad_notes import optim
step = optim.Adam.step
def slow(*args):
    time.sleep(0.01)
    return step(*args)
optim.Adam.step = slow
run_with(Path({path!r}), epochs=200, checkpoint_every=1)
"""


def test_kill_9_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    script = SCRIPT.format(tests=str(Path(__file__).parent), path=str(path))
    child = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert path.exists()
    assert child.returncode == -signal.SIGKILL
    continued = run_with(path, epochs=20, rng=np.random.default_rng(77))
    assert same(continued.params, run_with(None, epochs=20).params)


# ── NaN ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_nan_names_step_operation_and_parameter(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"

    def diverging(p: Any, X: Any) -> Any:
        return np.mean(np.log(1.5 - np.exp(p["v"]) * X) + 0 * p["other"])

    with pytest.raises(NonFiniteLossError) as caught:
        train.fit(diverging, {"other": 1.0, "v": 0.0}, np.ones((1, 3)), optim.SGD(0.1), epochs=50, checkpoint=path,
                  checkpoint_every=1)  # fmt: skip
    error = caught.value
    assert error.op == "log"
    assert error.parameter == "v"
    assert f"the loss became nan in step {error.step}" in str(error)
    assert "return np.mean(np.log(1.5 - np.exp(p" in str(error)
    assert np.isfinite(diverging(error.params, np.ones((1, 3))))
    assert error.params["v"] > 0
    held = train.checkpoints.read(path)[0]
    assert np.isfinite(diverging({"v": held["params.v"], "other": 1.0}, np.ones((1, 3))))
    assert int(held["optimizer.step"]) == error.step - 1


def test_a_nan_of_the_backward_step_is_found() -> None:
    def hidden(p: Any, X: Any) -> Any:
        return np.sum(np.where(X > 0, np.sqrt(p["W"] * X), 0.0))

    with pytest.raises(NonFiniteLossError) as caught:
        train.fit(hidden, {"b": 0.0, "W": 1.0}, np.array([[0.0, 1.0]]), optim.SGD(0.1), epochs=3)
    assert caught.value.op == "the backward step of sqrt"
    assert caught.value.parameter == "W"
    assert caught.value.step == 1
    assert caught.value.params["W"] == 1.0


def test_a_step_that_overflows_is_said_to() -> None:
    with pytest.raises(NonFiniteLossError, match="the optimiser's step") as caught:
        train.fit(lambda p, X: 1e200 * np.mean(p["w"] * X), {"w": 1.0}, np.ones((1, 2)), optim.SGD(1e200), epochs=3)
    assert caught.value.parameter == "w"


def test_the_first_cost_of_large_weights_is_inf_by_the_notes_formula() -> None:
    X, Y = make_data()
    params = {name: 1e3 * value for name, value in make_params().items()}

    def by_the_notes(p: Any, X: Any, Y: Any) -> Any:
        A = nn.sigmoid(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"]) + p["b2"])
        return nn.binary_cross_entropy(A, Y)

    with pytest.raises(NonFiniteLossError, match="the loss became inf in step 0") as caught:
        train.fit(by_the_notes, params, (X, Y), optim.SGD(0.1))
    assert caught.value.op == "xlogy"
    assert np.isfinite(loss(params, X, Y))


def test_rows_are_plain_json() -> None:
    run = train.fit(loss, make_params(), make_data(), optim.SGD(0.1), epochs=2)
    assert json.loads(json.dumps(run.history.rows)) == run.history.rows
