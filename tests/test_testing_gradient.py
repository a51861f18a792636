"""`check_gradient` and `assert_gradient`: no false alarm, no false pass, three verdicts, a message one can act on."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics

import numpy as np
import pytest
from derivations import RIGHT, WRONG

import tinygrad_notes as tn
from tinygrad_notes.errors import BadInputError, NotScalarError
from tinygrad_notes.testing import GradientError, assert_gradient, bits, check_gradient, onehot, positive


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", RIGHT)
def test_no_right_derivation_is_accused(name, dtype):
    claim = RIGHT[name]
    for seed in range(5):
        report = check_gradient(claim.f, claim.by_hand, **claim.options, seed=seed, dtype=dtype)
        assert report.verdict == "right", f"seed {seed}: {report}"


@pytest.mark.parametrize("name", WRONG)
def test_every_wrong_derivation_is_caught_and_its_outputs_named(name):
    claim = WRONG[name]
    report = check_gradient(claim.f, claim.by_hand, **claim.options, diagnose=False)
    assert report.verdict == "wrong", str(report)
    assert not report
    assert sorted(report.wrong) == sorted(claim.wrong), str(report)
    assert len(str(report).splitlines()) <= 25


@pytest.mark.parametrize("name", list(WRONG)[::7])
def test_wrong_in_float32_too(name):
    claim = WRONG[name]
    report = check_gradient(claim.f, claim.by_hand, **claim.options, diagnose=False, dtype=np.float32, seed=3)
    assert sorted(report.wrong) == sorted(claim.wrong), str(report)


def test_there_is_enough_to_check_with():
    assert len(RIGHT) >= 40
    assert len(WRONG) >= 60


def test_the_smallest_case_is_small():
    sizes = []
    for claim in WRONG.values():
        report = check_gradient(claim.f, claim.by_hand, **claim.options, diagnose=False)
        if report.case is not None:
            sizes.append(sum(np.size(x) for x in report.case.inputs.values() if not isinstance(x, dict)))
    assert statistics.median(sizes) <= 5


# ── the message ──────────────────────────────────────────────────────────────────────────────────────────────────


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cost(X, Y, w, b):
    A = sigmoid(w.T @ X + b)
    return -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))


def sum_for_mean(X, Y, w, b):
    dZ = sigmoid(w.T @ X + b) - Y
    return {"dw": X @ dZ.T / X.shape[1], "db": np.sum(dZ, axis=1, keepdims=True)}


SHAPES = {"X": "n m", "Y": "1 m", "w": "n 1", "b": "1 1"}


def test_message_layout():
    report = check_gradient(cost, sum_for_mean, shapes=SHAPES, given={"Y": bits}, diagnose=False)
    assert str(report).splitlines() == [
        "db is wrong in sum_for_mean(); dw is right.",
        "  right when m = 1.",
        "  smallest failing case: n=1, m=2",
        "    X = [[0, 0]]   Y = [[0, 0]]   w = [[0]]   b = [[0]]",
        "    db: yours [[1]]   correct [[0.5]]   numerical [[0.5]]",
    ]
    assert (report.wrong, report.right, report.special) == (["db"], ["dw"], ["m = 1"])


def test_message_of_a_right_one():
    report = check_gradient(lambda x: np.sum(x**2), lambda x: 2 * x, shapes={"x": "n"})
    assert str(report) == (
        "dx is right in the lambda.\n  20 random cases agree with autodiff and with numerical differences."
    )
    assert report
    assert report.case is None


def test_diagnosis_is_part_of_the_report():
    report = check_gradient(cost, sum_for_mean, shapes=SHAPES, given={"Y": bits})
    assert report.slips[0].kind == "scale"
    assert report.first_wrong is not None or report.repair is not None
    assert len(str(report).splitlines()) <= 25
    without = check_gradient(cost, sum_for_mean, shapes=SHAPES, given={"Y": bits}, repair=False)
    assert without.repair is None


def test_the_same_twice():
    texts = {str(check_gradient(cost, sum_for_mean, shapes=SHAPES, given={"Y": bits}, seed=7)) for _ in range(3)}
    assert len(texts) == 1
    assert "drawn with seed=7" in texts.pop()


def test_right_when_lambda_is_zero():
    def regularised(w, lam):
        return np.sum(np.exp(w)) + lam * np.sum(w**2)

    report = check_gradient(regularised, lambda w: np.exp(w), shapes={"w": "n", "lam": ""}, wrt="w", diagnose=False)
    assert "lam = 0" in report.special
    assert "right when lam = 0" in str(report)


def test_report_as_json_html_and_pickle():
    import pickle

    report = check_gradient(cost, sum_for_mean, shapes=SHAPES, given={"Y": bits}, diagnose=False)
    data = json.loads(report.to_json())
    assert data["verdict"] == "wrong"
    assert data["wrong"] == ["db"]
    assert data["case"]["yours"] == {"db": [[1.0]]}
    assert data["text"] == str(report)
    page = report._repr_html_()
    assert "db is wrong" in page
    assert "<pre" in page
    error = pickle.loads(pickle.dumps(GradientError(report)))
    assert str(error) == str(report)


def test_html_is_escaped():
    report = check_gradient(lambda x: np.sum(x), lambda x: 1 / 0, np.ones(2))
    report.hand_name = "<script>"
    assert "<script>" not in report._repr_html_()


def test_assert_raises_an_assertion_with_the_report():
    with pytest.raises(GradientError, match="db is wrong") as caught:
        assert_gradient(cost, sum_for_mean, shapes=SHAPES, given={"Y": bits}, diagnose=False)
    assert isinstance(caught.value, AssertionError)
    assert caught.value.report.wrong == ["db"]
    assert assert_gradient(lambda x: np.sum(x * x), lambda x: 2 * x, np.ones(3)) is None


def test_artefacts(tmp_path):
    import subprocess
    import sys

    source = tmp_path / "mine.py"
    source.write_text(
        "import numpy as np\n"
        "def f(x):\n    return np.sum(x**2)\n"
        "def by_hand(x):\n    return {'dx': x}\n"
        "from tinygrad_notes.testing import check_gradient\n"
        "if __name__ == '__main__':\n"
        "    print(check_gradient(f, by_hand, shapes={'x': 'n'}, artefacts='out').verdict)\n"
    )
    subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, check=True)
    found = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert found == ["by_hand.html", "by_hand.json", "by_hand.npz", "by_hand_again.py"]
    page = (tmp_path / "out" / "by_hand.html").read_text()
    assert "dx is wrong in by_hand()" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    program = (tmp_path / "out" / "by_hand_again.py").read_text()
    assert len(program.splitlines()) <= 12
    again = subprocess.run(
        [sys.executable, "out/by_hand_again.py"], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert again.returncode != 0  # the case lies beside the program, not in this folder
    again = subprocess.run(
        [sys.executable, "by_hand_again.py"], cwd=tmp_path / "out", env={"PYTHONPATH": str(tmp_path)}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert "dx is wrong" in again.stdout


# ── how results may be given ─────────────────────────────────────────────────────────────────────────────────────


def quadratic(W, b, x):
    return np.sum((W @ x + b) ** 2)


def gradients(W, b, x):
    d = 2 * (W @ x + b)
    return np.outer(d, x), d, W.T @ d


@dataclasses.dataclass
class Grads:
    dW: np.ndarray
    db: np.ndarray


QUADRATIC = {"W": "k n", "b": "k", "x": "n"}


@pytest.mark.parametrize(
    ("by_hand", "wrt"),
    [
        (gradients, None),
        (lambda W, b, x: list(gradients(W, b, x)), None),
        (lambda W, b, x: dict(zip("Wbx", gradients(W, b, x), strict=True)), None),
        (lambda W, b, x: {"dW": gradients(W, b, x)[0]}, None),
        (lambda W, b, x: {"dJ_dW": gradients(W, b, x)[0], "grad_b": gradients(W, b, x)[1]}, None),
        (lambda W, b, x: Grads(*gradients(W, b, x)[:2]), None),
        (lambda W, b, x: gradients(W, b, x)[:2], "W b"),
        (lambda W, b, x: gradients(W, b, x)[1], "b"),
        (lambda x, b, W: {"db": gradients(W, b, x)[1], "dZ": 0}, None),
        (lambda one, two, three: {"db": gradients(one, two, three)[1]}, None),
        (lambda W, b, x: {"db": tn.Tensor(gradients(W, b, x)[1])}, None),
        (lambda W, b, x: tuple(tn.grad(quadratic, (0, 1, 2))(W, b, x)), None),
        (lambda W, b, x: (None, gradients(W, b, x)[1], None), None),
    ],
)
def test_every_form_of_result(by_hand, wrt):
    assert check_gradient(quadratic, by_hand, shapes=QUADRATIC, wrt=wrt)

    def wrong(*args, **kwargs):
        result = by_hand(*args, **kwargs)
        if isinstance(result, dict):
            return {k: v * 1.01 for k, v in result.items()}
        if isinstance(result, Grads):
            return Grads(result.dW * 1.01, result.db * 1.01)
        if isinstance(result, (tuple, list)):
            return [None if g is None else g * 1.01 for g in result]
        return result * 1.01

    wrong.__signature__ = __import__("inspect").signature(by_hand)
    assert check_gradient(quadratic, wrong, shapes=QUADRATIC, wrt=wrt, diagnose=False).verdict == "wrong"


def test_containers_as_arguments():
    def model(params, x):
        return np.sum(np.tanh(params[0]["W"] @ x + params[0]["b"]) * params[1]["W"])

    def by_hand(params, x):
        a = np.tanh(params[0]["W"] @ x + params[0]["b"])
        d = params[1]["W"] * (1 - a * a)
        return [{"W": np.outer(d, x), "b": d}, {"W": a, "b": np.zeros(())}]

    shapes = {"params": [{"W": "h n", "b": "h"}, {"W": "h", "b": ""}], "x": "n"}
    report = check_gradient(model, by_hand, shapes=shapes)
    assert report.right == ["dparams[0].W", "dparams[0].b", "dparams[1].W", "dparams[1].b"]


def test_concrete_arrays_and_ready_gradients():
    x = np.array([1.0, 2.0])
    assert check_gradient(lambda x: np.sum(x**3), 3 * x**2, x)
    assert check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, [1, 2])
    report = check_gradient(lambda x: np.sum(x**3), 3 * x, x, diagnose=False)
    assert report.wrong == ["dx"]
    assert "yours [3, 6]   correct [3, 12]" in str(report)


def test_backward_gets_the_intermediates():
    def forward(W, x):
        Z = W @ x
        A = np.tanh(Z)
        return np.sum(A**2)

    def backward(x, cache):
        return {"dW": np.outer(2 * cache["A"] * (1 - np.tanh(cache["Z"]) ** 2), x)}

    assert check_gradient(forward, backward, shapes={"W": "k n", "x": "n"})
    with pytest.raises(BadInputError, match="needs Q"):
        check_gradient(forward, lambda x, Q: {"dW": Q}, shapes={"W": "k n", "x": "n"})


def test_methods_and_callables():
    class Layer:
        def __init__(self):
            self.calls = 0

        def forward(self, W, x):
            return np.sum((W @ x) ** 2)

        def backward(self, W, x):
            self.calls += 1
            return {"dW": 2 * np.outer(W @ x, x)}

    layer = Layer()
    assert check_gradient(layer.forward, layer.backward, shapes={"W": "k n", "x": "n"})
    assert layer.calls


# ── three verdicts ───────────────────────────────────────────────────────────────────────────────────────────────


def test_nondeterministic_function():
    rng = np.random.default_rng(0)
    report = check_gradient(lambda x: np.sum(x * rng.random(3)), lambda x: x, np.ones(3))
    assert report.verdict == "cannot tell"
    assert report.reason.startswith("nondeterministic: ")
    assert "pass them in" in str(report)
    with pytest.raises(GradientError, match="cannot tell"):
        assert_gradient(lambda x: np.sum(x * rng.random(3)), lambda x: x, np.ones(3))


@pytest.mark.parametrize("seed", range(12))
def test_dropout_inside_the_cost_proves_nothing(seed):
    rng = np.random.default_rng(seed)

    def with_dropout(w, X):
        return np.mean(tn.nn.dropout(w.T @ X, 0.8, rng) ** 2)

    def gradient(w, X):
        return {"dw": 2 * X @ (w.T @ X).T / X.shape[1]}

    report = check_gradient(with_dropout, gradient, shapes={"w": "n 1", "X": "n m"}, seed=seed)
    assert report.verdict == "cannot tell"
    assert report.reason.startswith("nondeterministic: ")
    assert report.wrong == []
    assert report.slips == []


def test_function_that_overwrites_its_input():
    def f(x):
        x *= 2
        return np.sum(x)

    report = check_gradient(f, lambda x: 2 * np.ones_like(x), shapes={"x": "n"})
    assert report.verdict == "cannot tell"
    assert report.reason.startswith("mutates-input: ")


def test_derivation_that_overwrites_its_input():
    def by_hand(x):
        x *= 2
        return x

    report = check_gradient(lambda x: np.sum(x**2), by_hand, shapes={"x": "n"})
    assert (report.verdict, report.slips[0].kind) == ("wrong", "mutates-input")


def test_derivation_with_a_random_mask():
    report = check_gradient(
        lambda x: np.sum(x**2), lambda x: 2 * x * (np.random.default_rng().random(x.shape) < 0.5), shapes={"x": "9"}
    )
    assert (report.verdict, report.slips[0].kind) == ("wrong", "nondeterministic")


def test_outside_the_domain():
    report = check_gradient(lambda x: np.sum(np.log(x)), lambda x: 1 / x, shapes={"x": "5"})
    assert report.verdict == "cannot tell"
    assert "given={'x': tn.testing.positive}" in str(report)
    assert check_gradient(lambda x: np.sum(np.log(x)), lambda x: 1 / x, shapes={"x": "5"}, given={"x": positive})


@pytest.mark.parametrize(
    ("slope", "verdict"), [(0.0, "right"), (0.5, "right"), (1.0, "right"), (1.2, "wrong"), (-0.1, "wrong")]
)
def test_kinks_accept_any_slope_between(slope, verdict):
    def by_hand(x):
        return {"dx": np.where(x > 0, 1.0, np.where(x == 0, slope, 0.0))}

    x = np.array([0.0, 1.0, -2.0, 0.0])
    report = check_gradient(lambda x: np.sum(np.maximum(x, 0)), by_hand, x, diagnose=False)
    assert report.verdict == verdict
    if verdict == "right" and slope != 0.5:
        assert report.reason.startswith("kink: ")
        assert "0 and 1" in str(report)


def test_kinks_without_autodiff():
    def f(x):
        return sum(max(float(v), 0.0) for v in x)

    x = np.array([0.0, 1.0, -2.0])
    for slope, verdict in ((0.0, "right"), (1.0, "right"), (2.0, "wrong")):
        report = check_gradient(
            f, lambda x, s=slope: np.where(x > 0, 1.0, np.where(x == 0, s, 0.0)), x, diagnose=False, wrt="x"
        )
        assert report.verdict == verdict


def test_a_wrong_entry_beside_a_kink_is_seen():
    x = np.array([0.0, 1.0])
    report = check_gradient(
        lambda x: np.sum(np.maximum(x, 0) * [1, 3]), lambda x: np.array([1.0, 2.9]), x, diagnose=False
    )
    assert report.verdict == "wrong"


def test_functions_that_cannot_be_traced():
    def f(x):
        return sum(math.sin(v) for v in x.tolist())

    report = check_gradient(f, lambda x: np.cos(x), shapes={"x": "n"})
    assert report
    assert "judged by numerical differences alone" in str(report)
    assert not check_gradient(f, lambda x: np.cos(x) * 1.001, shapes={"x": "n"}, diagnose=False)
    big = np.linspace(0, 5, 1000)
    assert check_gradient(f, lambda x: np.cos(x), big)
    report = check_gradient(f, lambda x: np.cos(x) * np.where(x > 4.99, 1.01, 1), big, diagnose=False)
    assert report.verdict == "wrong"
    assert "slope of dx along a random direction" in str(report)


def test_not_one_number():
    with pytest.raises(NotScalarError, match="assert_vjp"):
        check_gradient(np.sin, np.cos, np.ones(3))
    with pytest.raises(NotScalarError, match="tuple"):
        check_gradient(lambda x: (x, x), np.cos, np.ones(3))


def test_autodiff_contradicted_by_differences():
    def stopped(x):
        return np.sum(x * tn.stop_gradient(x))

    report = check_gradient(stopped, lambda x: x, shapes={"x": "n"})
    assert report.verdict == "cannot tell"
    assert report.reason.startswith("disagree: ")
    report = check_gradient(stopped, lambda x: 2 * x, shapes={"x": "n"})
    assert report.verdict == "right"
    assert "disagree" in str(report)
    report = check_gradient(stopped, lambda x: 3 * x, shapes={"x": "n"}, diagnose=False)
    assert report.verdict == "wrong"


def test_a_derivation_that_raises():
    def by_hand(W, b, x):
        return {"dW": W @ W @ W @ np.ones(99)}

    report = check_gradient(quadratic, by_hand, shapes=QUADRATIC)
    assert report.verdict == "wrong"
    assert "raises ValueError" in str(report)
    assert 'return {"dW": W @ W @ W @ np.ones(99)}' in str(report)
    assert "W (" in str(report)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda g: g.T, "transpose"),
        (lambda g: g[None], "keepdims"),
        (lambda g: np.stack([g, g]), "not-reduced"),
        (lambda g: g.sum(), "axis"),
        (lambda g: g.sum(axis=0), "axis"),
        (lambda g: g * np.nan, "nan"),
        (lambda g: g.astype(object), "dtype"),
    ],
)
def test_slips_that_show_before_the_values(change, kind):
    report = check_gradient(
        lambda W: np.sum(W**3), lambda W: {"dW": change(3 * W**2)}, shapes={"W": "k n"}, diagnose=False
    )
    assert report.slips[0].kind == kind
    assert len(str(report).splitlines()) <= 25


def test_comparison_never_broadcasts():
    assert not check_gradient(lambda b: np.sum(b**2), lambda b: 2 * b[:, 0], np.ones((3, 1)))
    assert not check_gradient(lambda b: np.sum(b * 3), lambda b: 3.0, np.ones((2, 2)))


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_small_gradients_are_not_waved_through():
    assert not check_gradient(lambda x: 1e-7 * np.sum(np.sin(x)), lambda x: 0 * x, shapes={"x": "n"}, diagnose=False)
    assert not check_gradient(
        lambda x: 1e-6 * np.sum(np.exp(x)), lambda x: 1.05e-6 * np.exp(x), shapes={"x": "n"}, diagnose=False
    )


def test_large_float32_sum_passes_and_one_entry_does_not():
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    assert check_gradient(lambda x: np.sum(np.sin(x)), np.cos, x, wrt="x0" if False else None)

    def one_off(x):
        d = np.cos(x)
        d[17] *= 1.001
        return d

    assert not check_gradient(lambda x: np.sum(np.sin(x)), one_off, x, diagnose=False)
    assert not check_gradient(lambda x: np.sum(np.sin(x)), one_off, x.astype(np.float64), diagnose=False)


def test_a_gradient_of_zero_is_not_relative():
    def invariant(x):
        return np.sum((x - np.mean(x)) * np.ones_like(x)) + np.sum(x * 0)

    assert check_gradient(invariant, lambda x: np.zeros_like(x), shapes={"x": "n"})


def test_saturated_loss_is_not_held_against_a_derivation():
    def loss(z):
        return -np.sum(np.log(1 - sigmoid(z)))

    assert check_gradient(loss, sigmoid, shapes={"z": "m"}, given={"z": (5.0, 25.0)})
    report = check_gradient(loss, sigmoid, shapes={"z": "m"}, given={"z": (29.0, 32.0)})
    assert report.verdict == "cannot tell"
    assert report.reason.startswith("noise: ")
    report = check_gradient(
        loss, lambda z: sigmoid(z) * 1.2, shapes={"z": "m"}, given={"z": (5.0, 25.0)}, diagnose=False
    )
    assert report.verdict == "wrong"


def test_tolerances_of_the_user():
    f, rough = lambda x: np.sum(x**2), lambda x: 2.0001 * x
    assert not check_gradient(f, rough, shapes={"x": "n"}, diagnose=False)
    assert check_gradient(f, rough, shapes={"x": "n"}, rtol=1e-3)
    assert check_gradient(f, lambda x: 2 * x + 1e-5, shapes={"x": "n"}, atol=1e-4)


def test_complex_inputs():
    z = np.array([1 + 2j, -0.5j])
    f = lambda z: np.sum(np.abs(z) ** 2)
    assert check_gradient(f, lambda z: 2 * z, z)
    assert not check_gradient(f, lambda z: 2 * np.conj(z), z, diagnose=False)


def test_second_order():
    f = lambda x: np.sum(np.tanh(x))
    assert check_gradient(f, lambda x: 1 - np.tanh(x) ** 2, shapes={"x": "n"}, order=2)

    def stops(x):
        a = tn.stop_gradient(np.tanh(x))
        return 1 - a * np.tanh(x)

    report = check_gradient(f, stops, shapes={"x": "n"}, order=2)
    assert report.verdict == "wrong"
    assert "second order" in str(report)


def test_inputs_reach_nobody_else():
    x = np.ones(3)
    kept = []

    def f(x):
        kept.append(x)
        return np.sum(x**2)

    assert check_gradient(f, lambda x: 2 * x, x)
    assert all(not np.shares_memory(k, x) for k in kept if isinstance(k, np.ndarray))


# ── wrong calls ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: check_gradient(f, f, shapes={"W": "k n", "b": "k"}), r"x: say its shape"),
        (lambda f: check_gradient(f, f, shapes={**QUADRATIC, "y": "n"}), r"y: not a parameter of quadratic\(\)"),
        (lambda f: check_gradient(f, f, 1.0, shapes=QUADRATIC), "either concrete arrays or shapes"),
        (lambda f: check_gradient(f, f, 1.0), "also needs b, x"),
        (lambda f: check_gradient(f, f, 1.0, 1.0, 1.0, 1.0), "takes 3 arguments"),
        (lambda f: check_gradient(f, {"dW": 1}, shapes=QUADRATIC), "must be a function"),
        (lambda f: check_gradient(f, f, shapes=QUADRATIC, wrt="V"), "V is not an input"),
        (lambda f: check_gradient(f, lambda W, b, x: {"dV": 1}, shapes=QUADRATIC), "none is named after an input"),
        (lambda f: check_gradient(f, lambda W, b, x: None, shapes=QUADRATIC), "one array|is a return missing"),
        (lambda f: check_gradient(f, lambda W, b, x: (x, x), shapes=QUADRATIC), "returned 2 gradients"),
        (lambda f: check_gradient(f, lambda W, b, x: {"dW": W}, shapes=QUADRATIC, wrt="W b"), "no gradient for b"),
        (lambda f: check_gradient(f, f, shapes=QUADRATIC, order=3), "order=3"),
        (lambda f: check_gradient(f, f, shapes=QUADRATIC, max_examples=0), "max_examples=0"),
    ],
)
def test_calls_that_make_no_sense_say_what_to_do(call, message):
    with pytest.raises(BadInputError, match=message):
        call(quadratic)


def test_an_error_of_the_function_itself_comes_through_with_the_sizes():
    def broken(W, x):
        return np.sum(W @ x @ x @ W)

    with pytest.raises(ValueError, match="matmul") as caught:
        check_gradient(broken, broken, shapes={"W": "k n", "x": "n"})
    assert any("with k=" in note for note in caught.value.__notes__)


def test_distributions_reach_the_inputs():
    seen = []

    def f(Y, k, z):
        seen.append((np.array(Y), k))
        return np.sum(z * np.sum(Y)) * k

    given = {"Y": onehot(axis=1), "k": 3}
    assert check_gradient(
        f, lambda Y, k, z: {"dz": np.full_like(z, np.sum(Y) * k)}, shapes={"Y": "m c", "z": "n"}, given=given
    )
    assert all(k == 3 and np.all(Y.sum(axis=1) == 1) for Y, k in seen)
