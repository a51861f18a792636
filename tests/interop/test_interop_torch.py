"""Arrays to and from PyTorch, and its functions' backward passes judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes.errors import DTypeError, LeavesGraphError

torch = pytest.importorskip("torch")
door = tn.interop.torch
DTYPES = ["float16", "float32", "float64", "complex64", "complex128", "int64", "int32", "uint8", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_both_ways_share_memory_and_keep_the_dtype(dtype: str) -> None:
    array = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype)
    tensor = door.to_torch(array)
    assert str(tensor.dtype) == f"torch.{dtype}"
    assert tensor.shape == (2, 3)
    back = door.from_torch(tensor)
    assert back.dtype == array.dtype
    array[0, 1] = 1
    assert back[0, 1] == tensor[0, 1].item() == 1
    assert np.shares_memory(array, back)


def test_views_and_read_only_arrays() -> None:
    array = np.arange(12.0).reshape(3, 4)
    assert torch.equal(door.to_torch(array.T), torch.from_numpy(array).T)
    assert door.to_torch(array[:, ::-1]).tolist() == array[:, ::-1].tolist()
    array.flags.writeable = False
    tensor = door.to_torch(array)
    tensor[0, 0] = 9
    assert array[0, 0] == 0
    assert door.from_torch(torch.arange(6.0).reshape(2, 3).T).tolist() == [[0, 3], [1, 4], [2, 5]]
    conjugate = torch.tensor([1 + 2j]).conj()
    assert door.from_torch(conjugate).tolist() == [1 - 2j]


def test_containers_and_scalars() -> None:
    model = torch.nn.Linear(3, 2)
    arrays = door.from_torch(dict(model.named_parameters()))
    assert {k: v.shape for k, v in arrays.items()} == {"weight": (2, 3), "bias": (2,)}
    arrays["bias"][:] = 7
    assert model.bias.tolist() == [7, 7]
    back = door.to_torch({"a": 2.5, "b": [np.ones(2), tn.Tensor(3.0)]})
    assert back["a"].item() == 2.5
    assert back["b"][1].shape == ()


def test_requires_grad_follows_and_graphs_do_not_end_unseen() -> None:
    assert door.to_torch(tn.Tensor([1.0])).requires_grad
    assert not door.to_torch(tn.Tensor([1.0], requires_grad=False)).requires_grad
    assert not door.to_torch(np.ones(2)).requires_grad
    assert door.to_torch(np.ones(2), requires_grad=True).requires_grad
    assert not door.to_torch(tn.Tensor([1.0]), requires_grad=False).requires_grad
    with pytest.raises(LeavesGraphError, match=r"multiply.*to_torch\(t\.data\)"):
        door.to_torch(tn.Tensor([1.0]) * 2)
    with pytest.raises(LeavesGraphError, match=r"MulBackward0.*detach"):
        door.from_torch(torch.ones(2, requires_grad=True) * 2)
    assert door.from_torch(torch.ones(2, requires_grad=True)).tolist() == [1, 1]


def test_dtypes_that_the_other_side_has_not() -> None:
    with pytest.raises(DTypeError, match="bfloat16"):
        door.from_torch(torch.ones(2, dtype=torch.bfloat16))
    with pytest.raises(DTypeError, match="sparse"):
        door.from_torch(torch.eye(2).to_sparse())
    with pytest.raises(DTypeError, match="meta"):
        door.from_torch(torch.ones(2, device="meta"))
    with pytest.raises(DTypeError, match="<U1"):
        door.to_torch(np.array(["a"]))


# ── backward passes ──────────────────────────────────────────────────────────────────────────────────────────────


def function(forward: Any, backward: Any) -> Any:
    """A ``torch.autograd.Function`` of these two."""

    class Made(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, *inputs: Any) -> Any:
            ctx.save_for_backward(*(x for x in inputs if isinstance(x, torch.Tensor)))
            return forward(*inputs)

        @staticmethod
        def backward(ctx: Any, *g: Any) -> Any:
            return backward(*g, *ctx.saved_tensors)

    return Made


RIGHT = {
    "square": (function(lambda x: x * x, lambda g, x: 2 * g * x), {"x": "n m"}),
    "matmul": (function(lambda a, b: a @ b, lambda g, a, b: (g @ b.T, a.T @ g)), {"a": "n k", "b": "k m"}),
    "mean": (function(lambda x: (x * x).mean(), lambda g, x: 2 * g * x / x.numel()), {"x": "n"}),
    "sigmoid": (function(torch.sigmoid, lambda g, x: g * torch.sigmoid(x) * (1 - torch.sigmoid(x))), {"x": "n"}),
    "two results": (function(lambda x: (x.sin(), x.cos()), lambda g, h, x: g * x.cos() - h * x.sin()), {"x": "n"}),
    "PyTorch's own": (torch.nn.functional.gelu, {"x": "n m"}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_ones_pass(name: str) -> None:
    made, shapes = RIGHT[name]
    door.assert_function(made, shapes=shapes, max_examples=3)


WRONG = {
    "half": (function(lambda x: x * x, lambda g, x: g * x), {"x": "n m"}, "scale", "dx is 1/2"),
    "sign": (function(torch.cos, lambda g, x: g * x.sin()), {"x": "n"}, "sign", "wrong sign"),
    "mean": (function(lambda x: (x * x).mean(), lambda g, x: 2 * g * x), {"x": "n"}, "scale", "factor n too much"),
    "order": (function(lambda a, b: a * b * b, lambda g, a, b: (2 * g * a * b, g * b * b)), {"a": "n", "b": "n"},
              "wrong-operand", "da is what db should be"),
    "upstream": (function(lambda x: x * x, lambda g, x: 2 * x), {"x": "n"}, "upstream", "gradient g is not used"),
    "shape": (function(lambda a, b: a + b, lambda g, a, b: (g, None)), {"a": "n", "b": "n"}, "missing-term", "db is 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_ones_are_named(name: str) -> None:
    made, shapes, kind, text = WRONG[name]
    with pytest.raises(tn.testing.GradientError) as caught:
        door.assert_function(made, shapes=shapes, max_examples=4)
    slips = caught.value.report.slips
    assert (slips[0].kind, text in slips[0].text) == (kind, True), slips


def test_with_the_same_function_in_numpy_the_operation_is_named() -> None:
    wrong = function(lambda z: torch.sigmoid(z).sum(), lambda g, z: g * torch.sigmoid(z))
    report = door.check_function(wrong, shapes={"z": "n"}, like=lambda z: np.sum(tn.nn.sigmoid(z)))
    assert report.verdict == "wrong"
    assert report.judges.startswith("autodiff")
    assert report.slips
    other = door.check_function(torch.tanh, shapes={"z": "n"}, like=np.sin)  # not the same function: nobody is accused
    assert other.verdict != "wrong"
    assert any("disagree" in note for note in other.notes)


def test_arguments_that_are_no_tensors() -> None:
    scaled = function(lambda x, k: k * x * x, lambda g, x: (4 * g * x, None))
    door.assert_function(scaled, np.array([1.0, 2.0]), constants=(2,))
    assert not door.check_function(scaled, np.array([1.0, 2.0]), constants=(3,))
