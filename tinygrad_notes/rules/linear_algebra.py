"""Products of vectors, matrices and tensors. Open `norms`, `decompositions` and `einsum` for the rest.

``g`` is dJ/dY. Only four products are primitive (matmul, tensordot, cross, and einsum in its own chapter); the others
say how they are made of these.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .book import Array, Rule, beside, call, composite, plain, rule

# ── words used by all chapters of linear algebra ─────────────────────────────────────────────────────────────────


def transposed(x: Array) -> Array:
    """``xᵀ``: the last two axes exchanged, as a view."""
    return x.T if x.ndim == 2 else x.swapaxes(-1, -2)


def conjugate(x: Array) -> Array:
    """``x̄``; a real array as it is."""
    return np.conj(x) if np.iscomplexobj(x) else x


def adjoint(x: Array) -> Array:
    """``xᴴ``: transposed and conjugated."""
    return conjugate(transposed(x))


def array(x: Any) -> Array:
    """A list or a number as an array; arrays and Tensors as they are."""
    return x if hasattr(x, "ndim") else np.asarray(x)


# ── matrix product ───────────────────────────────────────────────────────────────────────────────────────────────


def _matmul_a(g: Array, a: Array, b: Array) -> Array:
    if b.ndim == 1:
        return g[..., None] * b if a.ndim > 1 else g * b
    if a.ndim == 1:
        return b @ g if b.ndim == 2 else (b @ g[..., None])[..., 0]
    if b.ndim == 2 and g.ndim > 2:  # one product over all rows is quicker than a stack of them
        return (g.reshape(math.prod(g.shape[:-1]), g.shape[-1]) @ b.T).reshape(*g.shape[:-1], b.shape[0])
    return g @ transposed(b)


def _matmul_b(g: Array, a: Array, b: Array) -> Array:
    if a.ndim == 1:
        return a[:, None] * g[..., None, :] if b.ndim > 1 else g * a
    if b.ndim == 1:
        return a.T @ g if a.ndim == 2 else (transposed(a) @ g[..., None])[..., 0]
    if b.ndim == 2 and a.ndim > 2:  # the stacked products add up: one product over all rows
        rows = math.prod(a.shape[:-1])
        return a.reshape(rows, a.shape[-1]).T @ g.reshape(rows, g.shape[-1])
    return transposed(a) @ g


rule(np.matmul, "Y = A B:  ∂J/∂A = g Bᵀ,  ∂J/∂B = Aᵀ g",
     lambda g, _y, _a, b: _matmul_a(g, _a, b),
     lambda g, _y, a, _b: _matmul_b(g, a, _b), linear="each",
     samples=lambda draw: [call(draw(3, 4), draw(4, 2)), call(draw(4), draw(4)), call(draw(3, 4), draw(4)),
                           call(draw(4), draw(4, 2)), call(draw(2, 3, 4), draw(2, 4, 2)),
                           call(draw(2, 3, 4), draw(4, 2)), call(draw(3, 4), draw(2, 4, 2)),
                           call(draw(2, 1, 3, 4), draw(5, 4, 2)), call(draw(1, 3, 4), draw(2, 4, 1)),
                           call(draw(2, 3, 4), draw(4)), call(draw(4), draw(2, 4, 3)),
                           call(draw(3, 0), draw(0, 2)), call(draw(0, 3), draw(3, 2))])  # fmt: skip


@composite(
    np.dot,
    "y = Σₖ a[…, k] b[…, k, …]; a product when one is a number",
    samples=lambda draw: [
        call(draw(4), draw(4)),
        call(draw(3, 4), draw(4, 2)),
        call(draw(), draw(3, 4)),
        call(draw(3), draw()),
        call(draw(2, 3, 4), draw(4)),
        call(draw(2, 3, 4), draw(5, 4, 2)),
        call(draw(4), draw(2, 4, 3)),
    ],
)
def _dot(a: Array, b: Array, out: None = None) -> Array:
    _no_out(out)
    a, b = array(a), array(b)
    if a.ndim == 0 or b.ndim == 0:
        return np.multiply(a, b)
    if b.ndim == 1 or (a.ndim <= 2 and b.ndim <= 2):
        return np.matmul(a, b)
    return np.tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 2,)))


def _no_out(out: Any) -> None:
    if out is not None:
        from ..errors import NoRuleError, user_line

        raise NoRuleError(f"out= can't be recorded: assign the result instead, y = f(...).{user_line()}")


@composite(
    np.vdot,
    "y = Σ ā b over all entries",
    samples=lambda draw: [call(draw(4), draw(4)), call(draw(2, 3), draw(2, 3)), call(draw(2, 3), draw(6))],
)
def _vdot(a: Array, b: Array, /) -> Array:
    return np.matmul(np.ravel(conjugate(array(a))), np.ravel(array(b)))


def _vector_product(x1: Array, x2: Array, axis: int, keepdims: bool) -> Array:
    if not isinstance(keepdims, (bool, np.bool_)):
        raise TypeError("keepdims must be a boolean")
    x1, x2 = array(x1), array(x2)
    if axis != -1:
        x1, x2 = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    _same_length("vecdot", x1.shape[-1], x2.shape[-1])
    y = np.sum(conjugate(x1) * x2, axis=-1, keepdims=keepdims)
    return np.moveaxis(y, -1, axis) if keepdims and axis != -1 else y


def _same_length(name: str, n: int, m: int) -> None:
    """Products contract axes of one length; multiplying would silently broadcast a 1."""
    if n != m:
        from ..errors import ShapeError, user_line

        raise ShapeError(f"{name}: vectors of length {n} and {m} do not go together.{user_line()}")


@composite(
    np.vecdot,
    "y = Σₖ āₖ bₖ along an axis",
    samples=lambda draw: [
        call(draw(4), draw(4)),
        call(draw(2, 3, 4), draw(3, 4)),
        call(draw(4, 3), draw(4, 1), axis=0),
        call(draw(3, 4), draw(4), keepdims=True),
    ],
)
def _vecdot(x1: Array, x2: Array, /, *, axis: int = -1, keepdims: bool = False) -> Array:
    return _vector_product(x1, x2, axis, keepdims)


@composite(
    np.linalg.vecdot,
    "y = Σₖ āₖ bₖ along an axis",
    samples=lambda draw: [call(draw(4), draw(4)), call(draw(4, 3), draw(4, 3), axis=0)],
)
def _linalg_vecdot(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    return _vector_product(x1, x2, axis, False)


if hasattr(np, "matvec"):  # NumPy 2.2

    @composite(
        np.matvec,
        "y = A x along the last axes",
        samples=lambda draw: [
            call(draw(3, 4), draw(4)),
            call(draw(2, 3, 4), draw(4)),
            call(draw(3, 4), draw(2, 4)),
            call(draw(5, 1, 3, 4), draw(2, 4)),
        ],
    )
    def _matvec(x1: Array, x2: Array, /) -> Array:
        return np.matmul(x1, array(x2)[..., None])[..., 0]

    @composite(
        np.vecmat,
        "y = x̄ A along the last axes",
        samples=lambda draw: [
            call(draw(3), draw(3, 4)),
            call(draw(3), draw(2, 3, 4)),
            call(draw(2, 3), draw(3, 4)),
            call(draw(5, 1, 3), draw(2, 3, 4)),
        ],
    )
    def _vecmat(x1: Array, x2: Array, /) -> Array:
        return np.matmul(conjugate(array(x1))[..., None, :], x2)[..., 0, :]


# ── tensor product ───────────────────────────────────────────────────────────────────────────────────────────────


def _contracted(a: Array, b: Array, axes: Any) -> tuple[list[int], list[int], list[int], list[int]]:
    """The axes that ``tensordot`` sums over, and those that it leaves, of both arrays."""
    if hasattr(axes, "__iter__"):
        over_a, over_b = axes
    else:
        over_a, over_b = range(a.ndim - int(axes), a.ndim), range(int(axes))
    lists = []
    for over, ndim in ((over_a, a.ndim), (over_b, b.ndim)):
        lists.append([int(i) % ndim for i in (over if hasattr(over, "__iter__") else (over,))])
    free_a = [i for i in range(a.ndim) if i not in lists[0]]
    free_b = [i for i in range(b.ndim) if i not in lists[1]]
    return lists[0], lists[1], free_a, free_b


def _tensordot_a(g: Array, a: Array, b: Array, axes: Any) -> Array:
    over_a, over_b, free_a, free_b = _contracted(a, b, axes)
    back = np.tensordot(g, b, axes=(range(len(free_a), g.ndim), free_b))
    order = free_a + [over_a[k] for k in np.argsort(over_b)]
    return np.transpose(back, tuple(np.argsort(order)))


def _tensordot_b(g: Array, a: Array, b: Array, axes: Any) -> Array:
    over_a, over_b, free_a, free_b = _contracted(a, b, axes)
    back = np.tensordot(a, g, axes=(free_a, range(len(free_a))))
    order = [over_b[k] for k in np.argsort(over_a)] + free_b
    return np.transpose(back, tuple(np.argsort(order)))


rule(np.tensordot, "Y = Σₖ A[…, k] B[k, …]:  ∂J/∂A = Σ g B,  ∂J/∂B = Σ A g over the axes left",
     lambda g, _y, _a, b, axes=2: _tensordot_a(g, _a, b, axes),
     lambda g, _y, a, _b, axes=2: _tensordot_b(g, a, _b, axes), linear="each",
     samples=lambda draw: [call(draw(2, 3, 4), draw(3, 4, 2)), call(draw(3, 4), draw(4, 2), axes=1),
                           call(draw(3), draw(2, 4), axes=0), call(draw(2, 3, 4), draw(4, 5, 2), axes=((0, 2), (2, 0))),
                           call(draw(2, 3), draw(2, 4), axes=(0, 0)), call(draw(3, 4), draw(3, 4)),
                           call(draw(2, 3, 4), draw(4, 3), axes=([-1, 1], [0, -1]))])  # fmt: skip


@composite(
    np.linalg.tensordot,
    "see tensordot",
    samples=lambda draw: [call(draw(2, 3, 4), draw(3, 4, 2)), call(draw(3, 4), draw(4, 2), axes=1)],
)
def _linalg_tensordot(x1: Array, x2: Array, /, *, axes: Any = 2) -> Array:
    return np.tensordot(x1, x2, axes=axes)


@composite(
    np.inner,
    "y = Σₖ a[…, k] b[…, k]; a product when one is a number",
    samples=lambda draw: [
        call(draw(4), draw(4)),
        call(draw(2, 4), draw(3, 4)),
        call(draw(), draw(3)),
        call(draw(2, 3, 4), draw(4)),
    ],
)
def _inner(a: Array, b: Array, /) -> Array:
    a, b = array(a), array(b)
    if a.ndim == 0 or b.ndim == 0:
        return np.multiply(a, b)
    return np.tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 1,)))


@composite(
    np.outer,
    "Y = a bᵀ",
    samples=lambda draw: [call(draw(3), draw(4)), call(draw(2, 3), draw(2)), call(draw(), draw(3))],
)
def _outer(a: Array, b: Array, out: None = None) -> Array:
    _no_out(out)
    return np.multiply(np.ravel(array(a))[:, None], np.ravel(array(b)))


@composite(np.linalg.outer, "Y = a bᵀ of two vectors", samples=lambda draw: [call(draw(3), draw(4))])
def _linalg_outer(x1: Array, x2: Array, /) -> Array:
    x1, x2 = array(x1), array(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        from ..errors import ShapeError, user_line

        raise ShapeError(
            f"np.linalg.outer takes two vectors, not shapes {x1.shape} and {x2.shape}; np.outer flattens.{user_line()}"
        )
    return np.multiply(x1[:, None], x2)


@composite(
    np.kron,
    "Y = A ⊗ B: each entry of A times B",
    samples=lambda draw: [
        call(draw(2, 3), draw(3, 2)),
        call(draw(3), draw(2)),
        call(draw(2, 3), draw(4)),
        call(draw(2), draw(2, 1, 3)),
        call(draw(), draw(3)),
    ],
)
def _kron(a: Array, b: Array) -> Array:
    a, b = array(a), array(b)
    ndim = max(a.ndim, b.ndim)
    a_shape = (1,) * (ndim - a.ndim) + a.shape
    b_shape = (1,) * (ndim - b.ndim) + b.shape
    blocks = a.reshape([n for size in a_shape for n in (size, 1)]) * b.reshape(
        [n for size in b_shape for n in (1, size)]
    )
    return blocks.reshape([n * m for n, m in zip(a_shape, b_shape, strict=True)])


# ── cross product ────────────────────────────────────────────────────────────────────────────────────────────────


def _cross(a: Array, b: Array) -> Array:
    return np.cross(a, b)


cross: Rule = rule(
    _cross,
    "y = a × b:  ∂J/∂a = b × g,  ∂J/∂b = g × a",
    lambda g, _y, _a, b: cross(b, g),
    lambda g, _y, a, _b: cross(g, a),
    name="cross",
    linear="each",
    samples=lambda draw: [call(draw(3), draw(3)), call(draw(4, 3), draw(3)), call(draw(2, 1, 3), draw(4, 3))],
)


@composite(
    np.cross,
    "y = a × b; vectors of two entries lie in the plane",
    samples=lambda draw: [
        call(draw(3), draw(3)),
        call(draw(4, 3), draw(3)),
        call(draw(3, 4), draw(3, 4), axis=0),
        call(draw(3, 4), draw(4, 3), axisa=0, axisc=0),
    ],
)
def _np_cross(a: Array, b: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(array(a), axisa, -1), np.moveaxis(array(b), axisb, -1)
    if any(x.shape[-1] not in (2, 3) for x in (a, b)):
        from ..errors import ShapeError, user_line

        raise ShapeError(f"cross takes vectors of 2 or 3 entries, not shapes {a.shape} and {b.shape}.{user_line()}")
    if a.shape[-1] == b.shape[-1] == 2:
        return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    y = cross(_in_space(a), _in_space(b))
    return y if axisc == -1 else np.moveaxis(y, -1, axisc)


def _in_space(x: Array) -> Array:
    """A vector of the plane with a third entry, 0."""
    if x.shape[-1] == 3:
        return x
    return np.concatenate([x, beside(np.zeros((*x.shape[:-1], 1), x.dtype), x)], axis=-1)


@composite(
    np.linalg.cross,
    "y = a × b of vectors with three entries",
    samples=lambda draw: [call(draw(3), draw(3)), call(draw(3, 4), draw(3, 4), axis=0)],
)
def _linalg_cross(x1: Array, x2: Array, /, *, axis: int = -1) -> Array:
    _same_length("cross", 3, array(x1).shape[axis])
    _same_length("cross", 3, array(x2).shape[axis])
    return np.cross(x1, x2, axis=axis)


# ── many matrices, powers ────────────────────────────────────────────────────────────────────────────────────────


@composite(
    np.linalg.multi_dot,
    "Y = A B C …, in the cheapest order",
    samples=lambda draw: [
        call([draw(2, 3), draw(3, 4)]),
        call([draw(2, 3), draw(3, 4), draw(4, 2)]),
        call([draw(3), draw(3, 4), draw(4, 2), draw(2)]),
        call([draw(1, 5), draw(5, 2), draw(2, 4), draw(4, 3)]),
    ],
)
def _multi_dot(arrays: Sequence[Array], *, out: None = None) -> Array:
    _no_out(out)
    factors = [array(x) for x in arrays]
    if len(factors) < 2 or any(x.ndim != 2 for x in factors[1:-1]) or any(x.ndim not in (1, 2) for x in factors):
        from ..errors import ShapeError, user_line

        shapes = ", ".join(str(tuple(x.shape)) for x in factors)
        raise ShapeError(
            f"multi_dot takes two or more matrices (the first and the last may be vectors), not {shapes}.{user_line()}"
        )
    row, column = factors[0].ndim == 1, factors[-1].ndim == 1
    if row:
        factors[0] = factors[0][None, :]
    if column:
        factors[-1] = factors[-1][:, None]
    y = _product(factors, _cheapest_splits([x.shape for x in factors]), 0, len(factors) - 1)
    y = y[0] if row else y
    return y[..., 0] if column else y


def _cheapest_splits(shapes: list[tuple[int, ...]]) -> dict[tuple[int, int], int]:
    """Where to split the product of factors i…j so that the fewest multiplications are done."""
    count = len(shapes)
    sizes = [shapes[0][0], *(shape[1] for shape in shapes)]
    cost = {(i, i): 0 for i in range(count)}
    split = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j], split[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )
    return split


def _product(factors: list[Array], split: dict[tuple[int, int], int], i: int, j: int) -> Array:
    if i == j:
        return factors[i]
    k = split[i, j]
    return np.matmul(_product(factors, split, i, k), _product(factors, split, k + 1, j))


@composite(
    np.linalg.matrix_power,
    "Y = Aⁿ by squaring; A⁻¹ first for negative n",
    samples=lambda draw: [call(_invertible(draw(3, 3)), n) for n in (0, 1, 2, 3, 5, -1, -2)] + [call(draw(2, 3, 3), 3)],
)
def _matrix_power(a: Array, n: int) -> Array:
    n = operator.index(n)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        from ..errors import ShapeError, user_line

        raise ShapeError(f"matrix_power takes square matrices, not shape {a.shape}.{user_line()}")
    if n == 0:
        return np.where(False, a, beside(np.eye(a.shape[-1], dtype=a.dtype), a))
    square = np.linalg.inv(a) if n < 0 else a
    n, result = abs(n), None
    while True:
        if n & 1:
            result = square if result is None else result @ square
        n >>= 1
        if not n:
            return result
        square = square @ square


def _invertible(a: Array) -> Array:
    """A sample matrix moved away from singular ones."""
    n = a.shape[-1]
    return a + 3 * n * np.eye(n, dtype=a.dtype)


# ── the same under np.linalg ─────────────────────────────────────────────────────────────────────────────────────


@composite(
    np.linalg.matmul, "see matmul", samples=lambda draw: [call(draw(3, 4), draw(4, 2)), call(draw(2, 3, 4), draw(4))]
)
def _linalg_matmul(x1: Array, x2: Array, /) -> Array:
    return np.matmul(x1, x2)


@composite(np.linalg.trace, "y = Σ A[…, i, i]", samples=lambda draw: [call(draw(3, 3)), call(draw(2, 3, 4), offset=1)])
def _linalg_trace(x: Array, /, *, offset: int = 0, dtype: None = None) -> Array:
    y = np.trace(x, offset, axis1=-2, axis2=-1)
    return y if dtype is None else y.astype(dtype)


@composite(
    np.linalg.diagonal, "y = A[…, i, i]", samples=lambda draw: [call(draw(3, 3)), call(draw(2, 3, 4), offset=-1)]
)
def _linalg_diagonal(x: Array, /, *, offset: int = 0) -> Array:
    return np.diagonal(x, offset, axis1=-2, axis2=-1)


@composite(np.linalg.matrix_transpose, "Y = Aᵀ", samples=lambda draw: [call(draw(3, 4)), call(draw(2, 3, 4))])
def _linalg_matrix_transpose(x: Array, /) -> Array:
    return np.swapaxes(x, -1, -2)


plain("its result is an integer", np.linalg.matrix_rank)
