"""tn.why and tn.debug: every cause of a gradient that is None, zero, NaN or inf, by its words."""

from __future__ import annotations

import inspect
import re
import threading
from pathlib import Path

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor, nn
from tinygrad_notes import tensor as heart
from tinygrad_notes.backward import pull_back
from tinygrad_notes.errors import BadInputError, NonFiniteError, NotScalarError
from tinygrad_notes.recording import call_sites

PAGE = Path(__file__).parent.parent / "docs" / "why.md"


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


def line_here(offset=0):
    return f"test_why.py:{inspect.currentframe().f_back.f_lineno + offset}"


def labels(answer):
    return [node.label for node in answer.path]


def check(answer, verdict, *words):
    """Verdict, words in the text, and that it is one text everywhere."""
    assert answer.verdict == verdict, answer
    for word in words:
        assert word in answer.text, answer.text
    assert str(answer) == answer.text
    assert repr(answer).endswith(answer.text)


# ── fine ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_fine_and_backward_has_run():
    x = Tensor(2.0)
    J = x**3
    J.backward()
    answer = tn.why(J, x)
    check(answer, "ok", "dJ/dx is finite and not 0: 12.")
    assert answer.gradient == 12.0
    assert labels(answer) == ["J", "x"]
    assert not answer.advice


def test_backward_has_not_run():
    x = Tensor([1.0, 2.0])
    J = np.sum(x * 3)
    check(tn.why(J, x), "not computed", "backward() has not been called", "To do: call J.backward()")
    assert x.grad is None


def test_a_cleared_gradient():
    x = Tensor(1.0)
    J = x * 3
    J.backward()
    x.grad = None
    check(tn.why(J, x), "not computed", "it was cleared")


def test_the_result_itself():
    x = Tensor(2.0)
    J = x * 3
    check(tn.why(J, J), "not computed", "dJ/dJ is finite and not 0: 1.")


def test_asking_changes_nothing():
    x, y = Tensor([1.0, 2.0]), Tensor(1.0)
    J = np.sum(x * y)
    J.backward()
    x.grad = np.array([7.0, 8.0])
    y.grad = None
    tn.why(J, x)
    tn.why(J, y)
    assert x.grad.tolist() == [7.0, 8.0]
    assert y.grad is None


# ── no path ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_unrelated():
    x, other = Tensor([1.0, -1.0]), Tensor([2.0, 1.0])
    J = np.sum(other * 2)
    check(tn.why(J, x), "no path", "No gradient goes from J to x: J was not computed from x: its graph starts at other")


def test_data_cuts_the_path():
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 5.0])
    h = x * 2
    J = np.sum(h.data * w)
    answer = tn.why(J, x)
    check(answer, "no path", "cut after x → h: the values of h enter", "as a plain array (h.data, stop_gradient, item)",
          "To do: use h itself there")  # fmt: skip
    assert answer.node.op.name == "multiply"
    assert labels(answer)[0] == "J"


def test_the_data_of_x_itself():
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 5.0])
    J = np.sum(x.data * w)
    check(tn.why(J, x), "no path", "cut after x: the values of x enter")


def test_a_copy_of_the_data():
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 5.0])
    J = np.sum(x.numpy() * w)
    check(tn.why(J, x), "no path", "cut after x: the values of x enter")


def test_a_constant_that_is_equal_by_chance_is_not_blamed():
    b, w = Tensor(np.zeros(3)), Tensor(np.ones(3))
    J = np.sum(w + np.zeros(3))
    check(tn.why(J, b), "no path", "J was not computed from b")


def test_stop_gradient():
    x, w = Tensor(2.0), Tensor(3.0)
    h = x * x
    s = tn.stop_gradient(h)
    J = s * w
    check(tn.why(J, x), "no path", "cut after x → h", "stop_gradient")
    check(tn.why(J, s), "constant", "s is a constant: it holds the values of h, without its graph", "use h itself")


def test_no_grad():
    x, w = Tensor(2.0), Tensor(3.0)
    with tn.no_grad():
        h = x * 5
    J = h * w
    check(tn.why(J, x), "no path", "cut at h: it enters J = hw without a graph (computed under no_grad()",
          "compute h outside no_grad()")  # fmt: skip
    check(tn.why(J, h), "constant", "h is a constant", "no_grad()")


def test_requires_grad_false():
    x, w = Tensor(2.0, requires_grad=False), Tensor(3.0)
    J = x * w
    check(tn.why(J, x), "constant", "x is a constant: made with requires_grad=False", "To do: make it with Tensor(")


def test_a_comparison():
    x, w = Tensor([1.0, -1.0]), Tensor(2.0)
    J = np.sum(np.where(x > 0, w, 0.0))
    check(tn.why(J, x), "no path", "cut at a comparison", "only as the mask x > 0", "a comparison is a step")


def test_updated_in_place():
    x = Tensor([1.0, -1.0])
    J = np.sum(x * x)
    x[0] = 3.0
    check(
        tn.why(J, x), "no path", "x was updated (x[i] = v, x += v, x = …) after the result", "compute the result again"
    )


def test_named_afterwards():
    x = Tensor([1.0, -1.0])
    h = x * 2
    J = np.sum(h * h)
    h.name = "H"
    check(tn.why(J, h), "no path", "H was given a name after the result")


def test_computed_beside_is_not_updated():
    x = Tensor(2.0)
    y = x * 2
    J = x * 3
    check(tn.why(J, y), "no path", "J was not computed from y: its graph starts at x")


def test_a_constant_result():
    x = Tensor(2.0)
    J = tn.stop_gradient(x * 2)
    check(tn.why(J, x), "constant", "J is a constant", "outside no_grad()")


def test_the_line_of_the_last_tensor_before_the_cut():
    x, w = Tensor([1.0, 2.0]), Tensor([3.0, 5.0])
    with call_sites():
        h = x * 2
        made = line_here(-1)
        J = np.sum(h.data * w)
        used = line_here(-1)
    answer = tn.why(J, x)
    check(answer, "no path", f"{made}:  h = x * 2", f"{used}:  J = np.sum(h.data * w)")


# ── zero ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_relu_is_off():
    Z1 = Tensor(-np.ones((3, 5)))
    J = np.sum(nn.relu(Z1))
    answer = tn.why(J, Z1)
    check(answer, "zero", "dJ/dZ1 is 0 everywhere: relu is off (Z1 ≤ 0) in all 15 elements of Z1", "leaky_relu")
    assert answer.node.op.name == "relu"
    assert labels(answer) == ["J", "relu(Z1)", "Z1"]


def test_relu_is_off_in_some():
    W, X, b = Tensor(-np.ones((8, 4))), np.ones((4, 5)), np.array([[9.0]] + [[1.0]] * 7)
    Z1 = W @ X + b
    J = np.sum(nn.relu(Z1))
    J.backward()
    check(tn.why(J, W), "ok", "dJ/dW is 0 in 87.5 % of its elements",
          "On the way, relu is off (Z1 ≤ 0) in 87.5 % of the elements of Z1.")  # fmt: skip


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: np.maximum(x, 10.0), "maximum takes 10 instead in all 2 elements of x"),
        (lambda x: np.minimum(x, -10.0), "minimum takes -10 instead in all 2 elements of x"),
        (lambda x: np.clip(x, -0.1, 0.1), "clip holds its value at an edge in all 2 elements of x"),
        (lambda x: np.where(x > 9, x, 0.0), "where takes its other branch in all 2 elements of x"),
        (np.sign, "sign is a step: its derivative is 0 wherever it has one"),
        (np.floor, "floor is a step"),
        (np.round, "round is a step"),
        (lambda x: x // 2, "floor_divide is a step"),
        (lambda x: np.copysign(2.0, x), "copysign takes only the sign"),
        (lambda x: x * 0.0, "x is multiplied by 0."),
        (lambda x: x * np.zeros(2), "x is multiplied by [0, 0], which is 0"),
        (lambda x: 0.0 / x, "0 / x is 0 whatever x is"),
        (lambda x: nn.sigmoid(x * x + 800), "sigmoid is saturated: at (x * x + 800)[0] = 801 it is 1"),
        (lambda x: np.tanh(x * x + 800), "tanh is saturated"),
        (lambda x: np.exp(-800 * x * x), "underflow: exp(-800) is 0 in float64"),
        (lambda x: nn.softmax(x - x.data), "softmax adds up to 1 whatever x − [1, -2] is"),
        (lambda x: x * 1e-200 * 1e-200, "underflow: a gradient of 1e-200 times the slope of multiply"),
        (lambda x: np.square(x - x.data), "the slope of square is 0 at (x − [1, -2])[0] = 0"),
        (lambda x: x[:0], "x[:0] is empty"),
        (lambda x: x - np.mean(x), "the ways through which x counts cancel"),
    ],
)  # fmt: skip
def test_zero(f, words):
    x = Tensor([1.0, -2.0])
    J = np.sum(f(x))
    check(tn.why(J, x), "zero", "dJ/dx is 0 everywhere", words, "To do: ")


def test_multiplied_by_zero_weights():
    X, W1, W2 = np.ones((3, 4)), Tensor(np.ones((2, 3))), Tensor(np.zeros((1, 2)))
    J = np.sum(W2 @ np.tanh(W1 @ X))
    answer = tn.why(J, W1)
    check(answer, "zero", "is multiplied by W2", "all of W2 is 0", "start W2 at small random numbers")
    assert labels(answer) == ["J", "W2 @ tanh(W1 @ X)", "tanh(W1 @ X)", "W1 @ X", "W1"]


def test_the_other_factor_was_made_zero():
    W1, W2 = Tensor(-np.ones((2, 3))), Tensor(np.ones((1, 2)))
    A1 = nn.relu(W1 @ np.ones((3, 4)))
    J = np.sum(W2 @ A1)
    check(tn.why(J, W2), "zero", "all of A1 is 0", "look at A1: what made it 0?")


def test_a_kink_where_zero_is_given():
    x = Tensor(np.zeros((2, 2)))
    J = np.sum(np.linalg.norm(x, axis=0))
    check(tn.why(J, x), "zero", "vector_norm has no derivative at this point, and 0 is given there")


def test_a_division_by_zero_inside_a_backward_step():
    x = Tensor(np.ones((2, 2)))
    J = np.sum(np.linalg.eigh(x - x.data)[1])
    check(
        tn.why(J, x), "nan", "backward through eigh", "a division by 0 or an overflow in its backward step", "repeated"
    )


def test_two_ways_cancel():
    z = Tensor(3.0)
    u = z * 2
    J = u - 2 * z
    check(tn.why(J, z), "zero", "the ways through which z counts cancel: 2 by way of u and -2 by way of 2z")


def test_a_broadcast_gradient_cancels():
    b = Tensor([[1.0]])
    J = np.sum((b + np.zeros((1, 2))) * np.array([[1.0, -1.0]]))
    check(tn.why(J, b), "zero", "b is broadcast", "its parts, one per entry, add up to 0")


def test_two_ways_are_both_shut():
    x = Tensor([-1.0, -2.0])
    J = np.sum(nn.relu(x)) + np.sum(np.sign(x))
    check(tn.why(J, x), "zero", "relu is off", "And on another way: sign is a step")


def test_a_zero_cotangent():
    x = Tensor([1.0, 2.0])
    y = x * 2
    y.backward(gradient=np.zeros(2))
    check(tn.why(y, x), "zero", "the gradient given to backward() is 0")


# ── NaN and inf ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_sqrt_at_zero():
    x = Tensor([4.0, 0.0])
    J = np.sum(np.sqrt(x))
    answer = tn.why(J, x)
    check(answer, "inf", "dJ/dx is inf in 1 of 2 elements, first x[1].", "backward through sqrt(x) at x[1] = 0",
          "the slope of √x is 1/(2√x), which is inf at 0", "np.sqrt(x + 1e-12)")  # fmt: skip
    assert answer.origin.index == (1,)
    assert answer.origin.step == "the backward step of sqrt"


def test_a_length_of_zero():
    v = Tensor([0.0, 0.0])
    J = np.sqrt(np.sum(v * v))
    answer = tn.why(J, v)
    check(answer, "nan", "backward through sqrt(sum(v * v)) at sum(v * v) = 0", "np.linalg.norm for a length")
    assert answer.node.op.name == "sqrt"


@pytest.mark.parametrize(
    ("f", "condition", "safe", "branch"),
    [
        (np.sqrt, "x > 0", "np.where(x > 0, x, 1.0)", "np.where(x > 0, np.sqrt(safe), 0)"),
        (np.log, "x > 0", "np.where(x > 0, x, 1.0)", "np.where(x > 0, np.log(safe), 0)"),
        (lambda x: 1 / x, "x != 0", "np.where(x != 0, x, 1.0)", "np.where(x != 0, 1 / safe, 0)"),
        (lambda x: x**0.5, "x > 0", "np.where(x > 0, x, 1.0)", "np.where(x > 0, safe ** 0.5, 0)"),
    ],
)  # fmt: skip
def test_a_masked_branch(f, condition, safe, branch):
    x = Tensor([4.0, 0.0])
    J = np.sum(np.where(x > 0, f(x), 0.0))
    answer = tn.why(J, x)
    check(answer, "nan", "at x[1] = 0: its slope is not finite there", "both branches are computed and differentiated",
          "0 · inf is NaN", f"safe = {safe}", branch)  # fmt: skip
    assert condition in answer.advice
    mended = np.sum(np.where(x > 0, f(np.where(x > 0, x, 1.0)), 0.0))
    check(tn.why(mended, x), "not computed", "dJ/dx is 0 in 50 % of its elements".replace("J", "mended"))


def test_the_other_branch_is_masked():
    x = Tensor([4.0, 0.0])
    empty = x.data == 0
    J = np.sum(np.where(empty, 0.0, np.sqrt(x)))
    check(tn.why(J, x), "nan", "safe = np.where(empty, 1.0, x)", "np.where(empty, 0, np.sqrt(safe))")


def test_a_mask_that_multiplies():
    x = Tensor([4.0, 0.0])
    J = np.sum(np.sqrt(x) * (x > 0))
    check(tn.why(J, x), "nan", "its result is multiplied by 0 later, and 0 · inf is NaN", "make x safe before sqrt")


def test_shut_out_by_maximum():
    x = Tensor([4.0, 0.0])
    J = np.sum(np.maximum(np.sqrt(x), 1.0))
    check(tn.why(J, x), "nan", "maximum does not let it through", "np.maximum(x, 1e-12)")


def test_division_by_zero():
    a, b = Tensor(1.0), Tensor(0.0)
    J = a / b
    check(tn.why(J, a), "inf", "Made forward, J = inf from a = 1, b = 0: 1 / 0 is inf", "keep b away from 0")
    check(tn.why(b / b, b), "nan", "0 / 0 is NaN")


def test_log_of_zero_after_a_sigmoid():
    Z, Y = Tensor([40.0, 1.0]), np.array([0.0, 1.0])
    A = nn.sigmoid(Z)
    J = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    answer = tn.why(J, Z)
    check(answer, "nan", "log(1 − A)[0] = -inf from (1 − A)[0] = 0: log(0) is -inf",
          "tn.nn.binary_cross_entropy_with_logits(Z, Y)")  # fmt: skip
    assert labels(answer)[-3:] == ["1 − A", "A", "Z"]


def test_log_of_zero_after_a_softmax():
    Z = Tensor([800.0, 0.0])
    A = nn.softmax(Z)
    J = -np.log(A[1])
    check(tn.why(J, Z), "nan", "log(0) is -inf", "tn.nn.softmax_cross_entropy(Z, Y)")


def test_exp_overflows():
    x = Tensor([1000.0, 1.0])
    J = np.log(np.sum(np.exp(x)))
    answer = tn.why(J, x)
    check(answer, "nan", "exp(x)[0] = inf from x[0] = 1000: exp(1000) overflows: e to more than 709.8 is no float64",
          "logsumexp")  # fmt: skip
    assert answer.node.op.name == "exp"


def test_float32_overflows_earlier():
    x = Tensor(np.float32(100.0))
    check(tn.why(np.exp(x), x), "inf", "exp(100) overflows: e to more than 88.72 is no float32")


@pytest.mark.parametrize(
    ("f", "at", "verdict", "words"),
    [
        (np.log, -1.0, "value", "log of a negative number is NaN"),
        (np.sqrt, -1.0, "nan", "a negative number has no square root"),
        (np.log1p, -1.0, "inf", "log1p(-1) is -inf"),
        (np.arcsin, 2.0, "nan", "arcsin lives between -1 and 1"),
        (np.arccosh, 0.5, "nan", "arccosh lives above 1"),
        (lambda x: x**0.5, -1.0, "nan", "a negative number to the power 0.5 is not real"),
        (lambda x: x**-1.0, 0.0, "inf", "0 to the power -1 is 1 / 0"),
        (lambda x: x**0.5, 0.0, "inf", "the slope of x^0.5 is 0.5 · x^-0.5, which is inf at 0"),
        (np.cbrt, 0.0, "inf", "which is inf at 0"),
        (np.arcsin, 1.0, "inf", "the slope of arcsin is inf at 1"),
        (lambda x: x * x * x, 1e200, "inf", "overflow: the result is beyond 1.8e+308, the largest float64"),
        (lambda x: 1.0 / x, 1e-160, "inf", "the slope −a/b² overflows at b = 1e-160"),
        (lambda x: x * np.inf, 0.0, "inf", "the constant inf itself isn't finite"),
        (lambda x: x * 1e200 * 1e200, 1e-300, "inf", "1e+200 times the slope is beyond the largest float64"),
    ],
)  # fmt: skip
def test_not_finite(f, at, verdict, words):
    x = Tensor(at)
    J = f(x)
    answer = tn.why(J) if verdict == "value" else tn.why(J, x)
    check(answer, "nan" if verdict == "value" else verdict, words, "To do: ")


def test_bad_data_is_named():
    x, X = Tensor([2.0, 1.0]), np.array([1.0, np.nan])
    J = np.sum(x * X)
    check(tn.why(J, x), "nan", "first x[1]", "the constant X itself isn't finite", "np.isfinite(X)")
    bad = Tensor([1.0, np.nan])
    J = np.sum(bad * x)
    answer = tn.why(J, x)
    check(answer, "nan", "bad[1] is NaN from the start")
    assert answer.node.is_leaf


def test_zero_times_infinity():
    a, b = Tensor(0.0), Tensor(800.0)
    J = a * np.exp(b)
    check(tn.why(J), "nan", "exp(b) = inf from b = 800")


def test_a_finite_gradient_of_a_result_that_is_not():
    x, y = Tensor(2.0), Tensor(0.0)
    J = x + np.log(y)
    J.backward()
    check(tn.why(J, x), "ok", "But J is inf", "log(y) = -inf from y = 0")


def test_a_sum_of_gradients_overflows():
    x = Tensor(1.0)
    u = x * 1.0
    J = u * 1.5e308 + u * 1.5e308
    answer = tn.why(J, u)
    check(answer, "inf", "the parts of the gradient of u are finite, but their sum overflows")


def test_where_a_non_finite_branch_is_not_taken_the_value_is_not_blamed():
    x, y = Tensor([4.0, 0.0]), Tensor([1.0, 0.0])
    J = np.sum(np.where(x > 0, 1.0, np.log(y)) + np.where(x > 0, np.log(y), 1.0))
    answer = tn.why(J)
    check(answer, "inf", "log(y)[1] = -inf from y[1] = 0")
    assert "where" in labels(answer)[1] or "where" in labels(answer)[2]


def test_the_line_is_named():
    x = Tensor([1.0, 0.0])
    with call_sites():
        y = np.sqrt(x)
        where = line_here(-1)
        J = np.sum(y)
    check(tn.why(J, x), "inf", f"at {where}:  y = np.sqrt(x)")


def test_large_arrays_whose_values_were_not_kept():
    x = Tensor(np.linspace(0.0, 1.0, 2000))
    u = x + 1
    v = u - 1
    J = np.sum(np.sqrt(v) * 2)
    check(tn.why(J, x), "inf", "at v[0] = 0")


def test_complex():
    z = Tensor(np.array([1 + 1j, 0j]))
    J = np.sum(np.abs(np.sqrt(z)) ** 2)
    assert tn.why(J, z).verdict in ("nan", "inf")


# ── the picture, the call ────────────────────────────────────────────────────────────────────────────────────────


def test_the_path_is_marked_in_the_picture():
    x, w = Tensor([4.0, 0.0], name="<x>"), Tensor(1.0)
    J = np.sum(np.sqrt(x) * w)
    answer = tn.why(J, x)
    label = {node.key: node.label for node in answer.graph.nodes}
    tints = {label[box.key]: box.tint for box in answer.graph.drawing.boxes if box.key in label}
    assert tints["sqrt(<x>)"] == tints["<x>"] == "marked"
    assert tints["w"] != "marked"
    assert "&lt;x&gt;" in answer._repr_html_()
    assert "<x>" not in answer._repr_html_()


def test_what_it_refuses():
    x = Tensor([1.0, 2.0])
    with pytest.raises(BadInputError, match=r"tn.why\(J, x\) takes Tensors, not float"):
        tn.why(3.0, x)
    with pytest.raises(BadInputError, match="takes Tensors, not ndarray"):
        tn.why(x * 2, x.data)
    with pytest.raises(NotScalarError):
        tn.why(x * 2, x)


def test_a_value_that_is_fine():
    x = Tensor(2.0)
    J = x * 2
    check(tn.why(J), "ok", "J is finite")


def test_a_long_graph_is_explained():
    x = Tensor(1.0)
    y = x
    for _ in range(8000):
        y = y + y * 1e-9
    assert tn.why(np.floor(y), x).verdict == "zero"


def test_values_of_a_long_chain_of_diamonds_are_found_again():
    x = Tensor(np.full(1000, 1e-4))
    y = x
    for _ in range(60):
        y = y + y
    J = np.sum(np.sqrt(y - y.data))
    assert tn.why(J, x).verdict in ("inf", "nan")


# ── tn.debug ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("f", "op", "words"),
    [
        (lambda x: np.log(x), "log", "log(x)[1] = -inf from x[1] = 0: log(0) is -inf"),
        (lambda x: x / x, "divide", "(x / x)[1] = NaN from x[1] = 0: 0 / 0 is NaN"),
        (lambda x: 1 / x, "divide", "1 / 0 is inf"),
        (lambda x: x / np.zeros(2), "divide", "2 / 0 is inf"),
        (lambda x: np.sum(np.exp(x * 1000)), "exp", "exp(2000) overflows"),
        (lambda x: np.sum(x * np.array([np.nan, 1.0])), "multiply", "itself isn't finite"),
        (lambda x: np.einsum("i,i->", x, np.array([1e308, 1e308])), "einsum", "overflow"),
    ],
)  # fmt: skip
def test_debug_stops_at_the_operation(f, op, words):
    x = Tensor([2.0, 0.0])
    with pytest.raises(NonFiniteError, match=re.escape(words)) as caught, tn.debug():
        f(x)
    assert caught.value.op == op
    assert "test_why.py:" in str(caught.value)
    assert isinstance(caught.value, FloatingPointError)


def test_debug_names_the_line():
    x = Tensor([2.0, 0.0])
    with pytest.raises(NonFiniteError) as caught, tn.debug():
        np.log(x)
    assert f"at {line_here(-1)}:  np.log(x)" in str(caught.value)


def test_debug_stops_in_the_backward_pass():
    x = Tensor([2.0, 0.0])
    with tn.debug():
        y = np.sqrt(x)
        where = line_here(-1)
        J = np.sum(y)
        with pytest.raises(NonFiniteError, match="the backward step of sqrt") as caught:
            J.backward()
    assert f"at {where}:  y = np.sqrt(x)" in str(caught.value)
    assert x.grad is None


def test_debug_in_transforms():
    with pytest.raises(NonFiniteError, match="the backward step of sqrt"), tn.debug():
        tn.grad(lambda v: np.sum(np.sqrt(v)))(np.array([1.0, 0.0]))
    with pytest.raises(NonFiniteError, match="log"), tn.debug():
        tn.vmap(tn.grad(lambda v: np.log(v)))(np.array([1.0, 0.0]))


def test_debug_lets_fine_programs_and_wanted_infinities_pass():
    x = Tensor([2.0, 0.0])
    with tn.debug():
        A = nn.softmax(np.where(x > 0, x, -np.inf))
        J = np.sum(A * A) + np.linalg.norm(x - x)
        J.backward()
        halves = np.split(x, 2)
        np.sum(halves[0] * 3).backward()
        assert tn.grad(lambda v: v**2)(3.0) == 6.0
        assert tn.vmap(lambda v: v * 2)(np.ones(3)).tolist() == [2.0, 2.0, 2.0]
    assert x.grad.tolist() == [3.0, 0.0]
    assert J.node.id.line is not None


def test_debug_leaves_nothing_behind():
    Tensor(0.0)  # the first node after a block puts the counter of nodes back
    before = heart.next_id, heart.pull_back
    with tn.debug(), tn.debug():
        assert heart.pull_back is not pull_back
    with pytest.raises(NonFiniteError), tn.debug():
        np.log(Tensor(0.0))
    Tensor(0.0)
    assert (heart.next_id, heart.pull_back) == before
    assert heart.pull_back is pull_back
    assert tn.transforms.pull_back is pull_back
    assert np.log(Tensor(0.0)).data == -np.inf


def test_debug_is_of_one_thread():
    seen = []

    def other():
        x = Tensor(0.0)
        with np.errstate(all="ignore"):
            J = np.sqrt(np.log(x + 1) ** 2)
            J.backward()
            seen.append((np.log(x).data, type(J.node.id)))

    with tn.debug():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert seen == [(-np.inf, int)]


def test_why_after_debug_names_lines():
    x = Tensor([-1.0, -2.0])
    with tn.debug():
        J = np.sum(nn.relu(x))
        where = line_here(-1)
    check(tn.why(J, x), "zero", f"at {where}:  J = np.sum(nn.relu(x))")


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_prints_what_it_shows(capsys):
    text = PAGE.read_text(encoding="utf-8")
    pairs = re.findall(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", text, flags=re.DOTALL)
    assert len(pairs) >= 3
    for source, shown in pairs:
        exec(compile(source, "page.py", "exec"), {"__name__": "page"})
        if shown:
            assert capsys.readouterr().out.strip() == shown.strip()
