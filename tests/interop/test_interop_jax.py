"""Arrays to and from JAX, and its custom derivatives judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes.errors import DTypeError, LeavesGraphError

jax = pytest.importorskip("jax")
jnp = pytest.importorskip("jax.numpy")
door = tn.interop.jax


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "complex64", "complex128", "int32", "int64", "bool"]
)
def test_both_ways_keep_the_dtype(dtype: str) -> None:
    array = np.array([[1, 0, 1], [0, 1, 1]]).astype(dtype)
    given = door.to_jax(array)
    assert isinstance(given, jax.Array)
    assert given.dtype == array.dtype
    back = door.from_jax(given)
    assert back.dtype == array.dtype
    assert np.array_equal(back, array)


def test_memory_is_shared_where_jax_takes_it() -> None:
    given = door.to_jax(np.arange(4096, dtype=np.float32))
    back = door.from_jax(given)
    assert not back.flags.writeable
    assert back.ctypes.data == given.unsafe_buffer_pointer()


def test_containers_tensors_and_graphs() -> None:
    back = door.to_jax({"a": 2.5, "b": [np.ones(2), tn.Tensor([3.0])]})
    assert float(back["b"][1][0]) == 3
    assert door.from_jax(back)["b"][0].tolist() == [1, 1]
    leaf = tn.Tensor([3.0])
    given = door.to_jax(leaf)
    leaf.data[0] = 4
    assert float(given[0]) == 3
    with pytest.raises(LeavesGraphError, match=r"multiply.*to_jax\(t\.data\)"):
        door.to_jax(leaf * 2)
    with pytest.raises(LeavesGraphError, match="traces"):
        jax.jit(lambda x: door.from_jax(x))(jnp.ones(2))
    with pytest.raises(DTypeError, match="bfloat16"):
        door.from_jax(jnp.ones(2, jnp.bfloat16))


def test_jax_itself_is_left_as_it_was() -> None:
    door.assert_function(jnp.tanh, VECTOR, max_examples=1)
    assert jnp.ones(2).dtype == jnp.float32


VECTOR, MATRIX = np.array([0.3, -1.2, 0.7]), np.array([[0.3, -1.2, 0.7], [1.1, 0.4, -0.6]])


def with_vjp(f: Any, backward: Any) -> Any:
    made = jax.custom_vjp(f)
    made.defvjp(lambda *xs: (f(*xs), xs), lambda xs, g: backward(g, *xs))
    return made


def with_jvp(f: Any, tangent: Any) -> Any:
    made = jax.custom_jvp(f)
    made.defjvp(lambda xs, ts: (f(*xs), tangent(*xs, *ts)))
    return made


RIGHT = {
    "custom_vjp": (with_vjp(lambda x: x * x, lambda g, x: (2 * g * x,)), (MATRIX,)),
    "of two": (with_vjp(lambda a, b: a @ b, lambda g, a, b: (g @ b.T, a.T @ g)), (MATRIX, MATRIX.T)),
    "two results": (with_vjp(lambda x: (jnp.sin(x), jnp.cos(x)),
                             lambda g, x: (g[0] * jnp.cos(x) - g[1] * jnp.sin(x),)), (VECTOR,)),
    "custom_jvp": (with_jvp(lambda x: jnp.sum(x * x), lambda x, t: jnp.sum(2 * x * t)), (VECTOR,)),
    "JAX's own": (jax.nn.gelu, (VECTOR,)),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_ones_pass(name: str) -> None:
    made, point = RIGHT[name]
    door.assert_function(made, *point, max_examples=1)


WRONG = {
    "half": (with_vjp(lambda x: x * x, lambda g, x: (g * x,)), (VECTOR,), "scale"),
    "sign": (with_jvp(jnp.cos, lambda x, t: t * jnp.sin(x)), (VECTOR,), "sign"),
    "three times": (with_jvp(lambda x: jnp.sum(x * x), lambda x, t: jnp.sum(6 * x * t)), (VECTOR,), "scale"),
    "upstream": (with_vjp(lambda x: x * x, lambda g, x: (2 * x,)), (VECTOR,), "upstream"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_ones_are_named(name: str) -> None:
    made, point, kind = WRONG[name]
    report = door.check_function(made, *point, max_examples=1)
    assert report.verdict == "wrong"
    assert report.slips[0].kind == kind


def test_with_the_same_function_in_numpy_autodiff_judges() -> None:
    wrong = with_vjp(lambda a, b: a @ b, lambda g, a, b: (g @ b.T, -(a.T @ g)))
    report = door.check_function(wrong, np.ones((2, 3)), np.ones((3, 1)), like=np.matmul, max_examples=2)
    assert report.wrong == ["dx1"]
    assert report.judges.startswith("autodiff")
    door.assert_function(lambda x, k: k * x, np.ones(3), constants=(2.0,))
