"""Shapes: the same numbers arranged anew. The gradient is arranged back.

Every function here is linear with entries 0 and 1: what moved an entry there moves its gradient back.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from .book import (
    Array,
    Rule,
    alias,
    beside,
    call,
    composite,
    is_tracked,
    no_out,
    one_axis,
    otherwise,
    plain,
    rule,
    untracked,
)
from .indexing import scatter_add

__all__ = ["cast", "concatenate", "stack"]

SHAPES = ((3, 4), (2, 3, 4), (5,), (), (0, 3), (1, 1))


def of_shapes(*shapes: tuple[int, ...], **params: Any) -> Any:
    """Samples: one call per shape, with the same parameters."""
    return lambda draw: [call(draw(*shape), **params) for shape in shapes or SHAPES]


def send_back(g: Array, like: Any, f: Any, *params: Any, **keywords: Any) -> Array:
    """The gradient of a rearrangement: ``f`` itself, applied to the places 0, 1, 2 …, tells where it took from."""
    if not like.size:
        return g.reshape(-1)[:0].reshape(like.shape)
    places = f(np.arange(like.size).reshape(like.shape), *params, **keywords)
    return scatter_add(g.reshape(-1), (like.size,), np.asarray(places).reshape(-1)).reshape(like.shape)


# ── the same entries in the same order ───────────────────────────────────────────────────────────────────────────

rule(np.reshape, "y = the entries of a in a new shape:  g in the old one",
     lambda g, _y, _a, shape: g.reshape(_a.shape), linear="jointly",
     samples=lambda draw: [call(draw(3, 4), (2, 6)), call(draw(3, 4), (2, -1)), call(draw(2, 3, 4), -1),
                           call(draw(), (1, 1)), call(draw(1), ()), call(draw(0, 3), (3, 0)),
                           call(draw(3, 4), (2, 6), order="F"), call(draw(2, 3, 4), (4, -1), "F")])  # fmt: skip


@otherwise(np.reshape)
def _reshape_others(a: Array, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Array:
    """Column-major order is row-major order of the transposed array."""
    if copy is False:
        plain_array: Any = untracked(a)
        plain_array.reshape(shape, order=order, copy=False)  # raises, as NumPy does, where a copy is needed
    if order not in ("C", "F", "A"):
        raise ValueError(f"order must be one of 'C', 'F', 'A' (got {order!r})")
    if order == "A":
        order = "F" if np.isfortran(untracked(a)) else "C"
    if order == "C":
        return a.reshape(shape)
    shape = shape if isinstance(shape, (tuple, list)) else (shape,)
    return np.transpose(np.transpose(a).reshape(tuple(shape)[::-1]))


rule(np.ravel, "y = the entries of a, one after the other:  g in a's shape",
     lambda g, _y, _a: g.reshape(_a.shape), linear="jointly",
     samples=lambda draw: [*of_shapes()(draw), call(draw(3, 4), order="F")])  # fmt: skip


@otherwise(np.ravel)
def _ravel_others(a: Array, order: Any = "C") -> Array:
    if order != "K":
        return np.reshape(a, -1, order=order)
    strides = untracked(a).strides
    return np.ravel(np.transpose(a, sorted(range(a.ndim), key=lambda i: -abs(strides[i]))))


rule(np.expand_dims, "y = a with axes of size 1 put in:  g without them",
     lambda g, _y, _a, axis: g.reshape(_a.shape), linear="jointly",
     samples=lambda draw: [call(draw(3, 4), 0), call(draw(3, 4), -1), call(draw(3), (0, 2)), call(draw(), 0),
                           call(draw(0, 3), axis=1)])  # fmt: skip
rule(np.squeeze, "y = a without its axes of size 1:  g with them",
     lambda g, _y, _a, axis=None: g.reshape(_a.shape), linear="jointly",
     samples=lambda draw: [call(draw(3, 1, 4, 1)), call(draw(3, 1, 4, 1), axis=1), call(draw(1, 3, 1), axis=(0, -1)),
                           call(draw(1, 1)), call(draw()), call(draw(0, 1))])  # fmt: skip
rule(np.broadcast_to, "y = a repeated along new axes:  g summed over them",
     lambda g, _y, _array, shape: g, linear="jointly",
     samples=lambda draw: [call(draw(4), (3, 4)), call(draw(3, 1), (2, 3, 4)), call(draw(), (2, 3)), call(draw(), 3),
                           call(draw(1, 3), (0, 3)), call(draw(3, 4), (3, 4))])  # fmt: skip


@composite(np.broadcast_arrays, "each array in the shape they have together",
           samples=lambda draw: [call(draw(3, 1), draw(4)), call(draw(), draw(2, 2)), call(draw(3))])  # fmt: skip
def _broadcast_arrays(*args: Array) -> tuple[Array, ...]:
    shape = np.broadcast_shapes(*(np.shape(untracked(a)) for a in args))
    return tuple(np.broadcast_to(a, shape) for a in args)


def _each(f: Any, arrays: tuple[Array, ...]) -> Any:
    done = tuple(f(a if hasattr(a, "ndim") else np.asarray(a)) for a in arrays)
    return done[0] if len(done) == 1 else done


@composite(np.atleast_1d, "y = a with at least one axis", samples=of_shapes((), (3,), (2, 3)))
def _atleast_1d(*arys: Array) -> Any:
    return _each(lambda a: a if a.ndim else a.reshape(1), arys)


@composite(np.atleast_2d, "y = a with at least two axes", samples=of_shapes((), (3,), (2, 3), (2, 3, 4)))
def _atleast_2d(*arys: Array) -> Any:
    return _each(lambda a: a if a.ndim > 1 else a.reshape(1, -1), arys)


@composite(np.atleast_3d, "y = a with at least three axes", samples=of_shapes((), (3,), (2, 3), (2, 3, 4)))
def _atleast_3d(*arys: Array) -> Any:
    return _each(lambda a: a if a.ndim > 2 else a.reshape((*a.shape, 1) if a.ndim == 2 else (1, -1, 1)), arys)


# ── axes in another order ────────────────────────────────────────────────────────────────────────────────────────


def _inverse(axes: Any) -> Any:
    """The order of axes that undoes `axes`."""
    return None if axes is None else tuple(sorted(range(len(axes)), key=[i % len(axes) for i in axes].__getitem__))


rule(np.transpose, "y = a with its axes in another order:  g with them back",
     lambda g, _y, _a, axes=None: g.T if axes is None else np.transpose(g, _inverse(axes)), linear="jointly",
     samples=lambda draw: [*of_shapes()(draw), call(draw(2, 3, 4), (1, 2, 0)), call(draw(2, 3, 4), (-1, 0, 1)),
                           call(draw(2, 3), axes=[1, 0])])  # fmt: skip
rule(np.swapaxes, "y = a with two axes exchanged:  g with them exchanged",
     lambda g, _y, _a, axis1, axis2: g.swapaxes(axis1, axis2), linear="jointly",
     samples=lambda draw: [call(draw(2, 3, 4), 0, -1), call(draw(3, 4), 1, 0), call(draw(0, 3), 0, 1)])  # fmt: skip
rule(np.moveaxis, "y = a with axes moved:  g with them moved back",
     lambda g, _y, _a, source, destination: np.moveaxis(g, destination, source), linear="jointly",
     samples=lambda draw: [call(draw(2, 3, 4), 0, -1), call(draw(2, 3, 4), (0, 1), (-1, 0)),
                           call(draw(2, 3, 4), [2, 0], [0, 1])])  # fmt: skip


@composite(np.rollaxis, "see moveaxis",
           samples=lambda draw: [call(draw(2, 3, 4), 2), call(draw(2, 3, 4), 0, 3), call(draw(2, 3, 4), -2, 1),
                                 call(draw(2, 3, 4), 1, 1)])  # fmt: skip
def _rollaxis(a: Array, axis: int, start: int = 0) -> Array:
    axis, start = one_axis(axis, a.ndim), start + a.ndim if start < 0 else start
    if not 0 <= start <= a.ndim:
        raise np.exceptions.AxisError(f"start {start} lies outside the {a.ndim} axes of the array")
    return np.moveaxis(a, axis, start - 1 if axis < start else start)


@composite(np.matrix_transpose, "the last two axes exchanged", samples=of_shapes((3, 4), (2, 3, 4)))
def _matrix_transpose(x: Array, /) -> Array:
    if x.ndim < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {x.ndim}")
    return x.swapaxes(-1, -2)


# ── turned over, turned round, moved on ──────────────────────────────────────────────────────────────────────────

rule(np.flip, "y = a backwards:  g backwards",
     lambda g, _y, _m, axis=None: np.flip(g, axis), linear="jointly",
     samples=lambda draw: [*of_shapes()(draw), call(draw(3, 4), 0), call(draw(2, 3, 4), (0, -1))])  # fmt: skip
rule(np.fliplr, "y = a with columns backwards:  g so too",
     lambda g, _y, _m: np.fliplr(g), linear="jointly", samples=of_shapes((3, 4), (2, 3, 4)))  # fmt: skip
rule(np.flipud, "y = a with rows backwards:  g so too",
     lambda g, _y, _m: np.flipud(g), linear="jointly", samples=of_shapes((3, 4), (5,), (2, 3, 4)))  # fmt: skip
rule(np.rot90, "y = a turned k quarters:  g turned back",
     lambda g, _y, _m, k=1, axes=(0, 1): np.rot90(g, -k, axes), linear="jointly",
     samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), 2), call(draw(2, 3, 4), -1, (2, 0))])  # fmt: skip


def _negative_shift(shift: Any) -> Any:
    return tuple(-s for s in np.ravel(shift).tolist()) if np.ndim(shift) else -shift


rule(np.roll, "y = a moved on by shift, round the end:  g moved back",
     lambda g, _y, _a, shift, axis=None: np.roll(g, _negative_shift(shift), axis), linear="jointly",
     samples=lambda draw: [call(draw(3, 4), 2), call(draw(3, 4), -1, 1), call(draw(3, 4), (1, 2), (0, 1)),
                           call(draw(3, 4), (1, 2), axis=0), call(draw(2, 3, 4), 5, axis=(0, 2)), call(draw(), 1),
                           call(draw(0, 3), 1)])  # fmt: skip

# ── repeated ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _tile_pullback(g: Array, shape: tuple[int, ...], reps: Any) -> Array:
    """Each copy beside the others along an axis of its own, and summed over it."""
    reps = tuple(np.ravel(reps).tolist())
    n = max(len(reps), len(shape))
    shape, reps = (1,) * (n - len(shape)) + tuple(shape), (1,) * (n - len(reps)) + reps
    copies = tuple(k for pair in zip(reps, shape, strict=True) for k in pair)
    return g.reshape(copies).sum(tuple(range(0, 2 * n, 2)))


rule(np.tile, "y = copies of a side by side:  the sum of g's pieces",
     lambda g, _y, _A, reps: _tile_pullback(g, _A.shape, reps).reshape(_A.shape), linear="jointly",
     samples=lambda draw: [call(draw(2, 3), 2), call(draw(2, 3), (2, 2)), call(draw(3), (2, 2)), call(draw(), 3),
                           call(draw(2, 3), (3, 1, 2)), call(draw(2, 3), ()), call(draw(2, 3, 2), (2, 1)),
                           call(draw(2), 0), call(draw(0, 2), 2)])  # fmt: skip


def _repeat_pullback(g: Array, shape: tuple[int, ...], repeats: Any, axis: int | None) -> Array:
    if axis is None:
        size = int(np.prod(shape))
        return _repeat_pullback(g, (size,), repeats, 0).reshape(shape)
    if not shape:
        return g.sum()
    axis %= len(shape)
    if np.size(repeats) == 1:
        times = int(np.ravel(repeats)[0])
        return g.reshape((*shape[: axis + 1], times, *shape[axis + 1 :])).sum(axis + 1)
    places = np.repeat(np.arange(shape[axis]), repeats)
    return scatter_add(g, shape, (slice(None),) * axis + (places,))


rule(np.repeat, "y = each entry of a several times:  the sum of their g",
     lambda g, _y, _a, repeats, axis=None: _repeat_pullback(g, _a.shape, repeats, axis), linear="jointly",
     samples=lambda draw: [call(draw(3, 4), 2), call(draw(3, 4), 3, axis=1), call(draw(3, 4), [1, 0, 2], axis=0),
                           call(draw(3), [2, 0, 1]), call(draw(), 3), call(draw(2, 3), 0, axis=-1),
                           call(draw(3, 4), np.array([2]), axis=-2), call(draw(0, 2), 2),
                           call(draw(), 2, axis=0), call(draw(), 0, axis=-1)])  # fmt: skip
rule(np.resize, "y = the entries of a over and over in a new shape:  the sum of their g",
     lambda g, _y, _a, new_shape: send_back(g, _a, np.resize, new_shape), linear="jointly",
     samples=lambda draw: [call(draw(2, 3), (3, 4)), call(draw(5), 3), call(draw(2, 3), (7,)),
                           call(draw(), (2, 2))])  # fmt: skip


@composite(np.meshgrid, "coordinate arrays laid over a grid",
           samples=lambda draw: [call(draw(3), draw(4)), call(draw(3), draw(4), indexing="ij"), call(draw(2)),
                                 call(draw(2), draw(3), draw(4)), call(draw(3), draw(4), sparse=True),
                                 call(draw(), draw(3))])  # fmt: skip
def _meshgrid(*xi: Array, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Array, ...]:  # noqa: ARG001 (views and copies read the same)
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    place = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    along = [np.reshape(x, (-1,) + (1,) * (n - 1 - place[k])) for k, x in enumerate(xi)]
    along = [x.reshape((1,) * (n - x.ndim) + x.shape) for x in along]
    return tuple(along) if sparse else tuple(np.broadcast_arrays(*along))


# ── several arrays in one ────────────────────────────────────────────────────────────────────────────────────────


def _concatenate(*arrays: Array, axis: int = 0) -> Array:
    return np.concatenate(arrays, axis)


def _piece(i: int, g: Array, arrays: tuple[Any, ...], axis: int) -> Array:
    """The part of g that belongs to array i."""
    axis %= g.ndim
    start = sum(a.shape[axis] for a in arrays[:i])
    return g[(slice(None),) * axis + (slice(start, start + arrays[i].shape[axis]),)]


concatenate: Rule = rule(_concatenate, "y = the arrays one after the other:  each gets its piece of g",
     lambda i, g, _y, *_arrays, axis=0: _piece(i, g, _arrays, axis), variadic=True, linear="jointly",
     samples=lambda draw: [call(draw(2, 3), draw(1, 3)), call(draw(2, 3), draw(2, 2), draw(2, 0), axis=-1),
                           call(draw(3))])  # fmt: skip


def _stack(*arrays: Array, axis: int = 0) -> Array:
    return np.stack(arrays, axis)


stack: Rule = rule(_stack, "y = the arrays along a new axis:  each gets its slice of g",
     lambda i, g, _y, *_arrays, axis=0: g[(slice(None),) * (axis % g.ndim) + (i,)], variadic=True, linear="jointly",
     samples=lambda draw: [call(draw(2, 3), draw(2, 3)), call(draw(3), draw(3), axis=-1),
                           call(draw(), draw())])  # fmt: skip


def listed(arrays: Any, dtype: Any = None) -> list[Any]:
    """The members of a sequence, each an array."""
    if isinstance(arrays, Iterator):
        raise TypeError("the arrays are given in a list or a tuple")
    arrays = list(arrays)
    first = next((a for a in arrays if hasattr(a, "ndim")), None)
    members = [a if hasattr(a, "ndim") else beside(np.asarray(a), first) for a in arrays]
    if any(a.dtype.kind not in "biufc" for a in members):
        raise TypeError("one of the arrays holds no numbers")
    return members if dtype is None else [np.astype(a, np.dtype(dtype)) for a in members]


@composite(np.concatenate, "see concatenate",
           samples=lambda draw: [call([draw(2, 3), draw(1, 3)]), call((draw(2, 3), draw(2, 1)), axis=1),
                                 call([draw(2, 3), draw(4)], axis=None), call([draw(2), [1.0, 2.0]])])  # fmt: skip
def _np_concatenate(arrays: Any, /, axis: int | None = 0, *, dtype: Any = None) -> Array:
    members = listed(arrays, dtype)
    return concatenate(*(np.ravel(a) for a in members)) if axis is None else concatenate(*members, axis=axis)


@composite(np.stack, "see stack",
           samples=lambda draw: [call([draw(2, 3), draw(2, 3)]), call((draw(3), draw(3)), axis=-1),
                                 call([draw(), 2.0, draw()]), call(draw(2, 3), axis=1)])  # fmt: skip
def _np_stack(arrays: Any, axis: int = 0, *, dtype: Any = None) -> Array:
    return stack(*listed(arrays, dtype), axis=axis)


def _side_by_side(draw: Any) -> list[Any]:
    return [call([draw(3), draw(3)]), call((draw(2, 3), draw(2, 3))), call([draw(), 1.5]), call([draw(2, 3, 4)])]


@composite(np.vstack, "y = rows one below the other (see concatenate)", samples=_side_by_side)
def _vstack(tup: Any, *, dtype: Any = None) -> Array:
    return concatenate(*(np.atleast_2d(a) for a in listed(tup, dtype)))


@composite(np.hstack, "y = arrays side by side (see concatenate)", samples=_side_by_side)
def _hstack(tup: Any, *, dtype: Any = None) -> Array:
    members = [np.atleast_1d(a) for a in listed(tup, dtype)]
    return concatenate(*members, axis=0 if members and members[0].ndim == 1 else 1)


@composite(np.dstack, "y = arrays one behind the other (see concatenate)", samples=_side_by_side)
def _dstack(tup: Any) -> Array:
    return concatenate(*(np.atleast_3d(a) for a in listed(tup)), axis=2)


@composite(np.column_stack, "y = vectors as columns (see concatenate)",
           samples=lambda draw: [call([draw(3), draw(3)]), call([draw(3), draw(3, 2)])])  # fmt: skip
def _column_stack(tup: Any) -> Array:
    return concatenate(*(a if a.ndim > 1 else a.reshape(-1, 1) for a in listed(tup)), axis=1)


_row_stack = getattr(np, "row_stack", None)  # deprecated, and gone in later NumPys
if _row_stack is not None:
    composite(_row_stack, "see vstack", samples=lambda _draw: [])(_vstack.body)


def _depth(arrays: Any) -> int:
    return 1 + max(map(_depth, arrays)) if isinstance(arrays, list) else 0


@composite(np.block, "y = blocks put together (see concatenate)",
           samples=lambda draw: [call([[draw(2, 2), draw(2, 1)], [draw(1, 2), draw()]]), call([draw(3), draw(2)]),
                                 call(draw(3)), call([[draw(2, 2)], [draw(1, 2)]]),
                                 call([[draw(2), 1.0], [draw(3)]])])  # fmt: skip
def _block(arrays: Any) -> Array:
    depth = _depth(arrays)

    def members(nested: Any) -> Any:
        return [a for part in nested for a in members(part)] if isinstance(nested, list) else listed([nested])

    ndim = max(depth, *(a.ndim for a in members(arrays)))
    like = next((a for a in members(arrays) if is_tracked(a)), None)

    def joined(nested: Any, level: int) -> Array:
        if isinstance(nested, list):
            return concatenate(*(joined(part, level + 1) for part in nested), axis=ndim - depth + level)
        a = nested if hasattr(nested, "ndim") else beside(np.asarray(nested), like)
        return a.reshape((1,) * (ndim - a.ndim) + a.shape)

    return joined(arrays, 0)


@composite(np.append, "y = values behind arr (see concatenate)",
           samples=lambda draw: [call(draw(2, 3), draw(2)), call(draw(2, 3), draw(1, 3), axis=0),
                                 call(draw(), 1.0)])  # fmt: skip
def _append(arr: Array, values: Array, axis: int | None = None) -> Array:
    return np.concatenate([arr, values], axis=axis)


# ── one array in several ─────────────────────────────────────────────────────────────────────────────────────────


def _sections(n: int, where: Any) -> list[tuple[int, int]]:
    """Start and stop of each part, as np.array_split cuts them."""
    if np.ndim(where):
        cuts = [0, *map(operator.index, where), n]
    else:
        each, more = divmod(n, int(where))
        sizes = [each + 1] * more + [each] * (int(where) - more)
        cuts = [0, *np.cumsum(sizes).tolist()]
    return list(pairwise(cuts))


@composite(np.array_split, "parts of a: each is a slice",
           samples=lambda draw: [call(draw(7, 2), 3), call(draw(3, 4), [1, 3], axis=1), call(draw(2), 3),
                                 call(draw(5), [2, 9])])  # fmt: skip
def _array_split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    axis = one_axis(axis, ary.ndim)
    if not np.ndim(indices_or_sections) and operator.index(indices_or_sections) <= 0:
        raise ValueError("number sections must be larger than 0.")
    before = (slice(None),) * axis
    return [ary[(*before, slice(i, j))] for i, j in _sections(ary.shape[axis], indices_or_sections)]


@composite(np.split, "parts of a: each is a slice",
           samples=lambda draw: [call(draw(6, 2), 3), call(draw(3, 4), [1, 3], axis=-1)])  # fmt: skip
def _split(ary: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    if not np.ndim(indices_or_sections) and ary.shape[axis] % operator.index(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    return _array_split(ary, indices_or_sections, axis)  # type: ignore[no-any-return]


@composite(np.hsplit, "parts of a, side by side", samples=lambda draw: [call(draw(2, 6), 3), call(draw(6), [2])])
def _hsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    _needs(ary, 1, "hsplit")
    return np.split(ary, indices_or_sections, axis=1 if ary.ndim > 1 else 0)


@composite(np.vsplit, "parts of a, one below the other", samples=lambda draw: [call(draw(6, 2), 3)])
def _vsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    _needs(ary, 2, "vsplit")
    return np.split(ary, indices_or_sections, axis=0)


@composite(np.dsplit, "parts of a, one behind the other", samples=lambda draw: [call(draw(2, 3, 4), [1, 2])])
def _dsplit(ary: Array, indices_or_sections: Any) -> list[Array]:
    _needs(ary, 3, "dsplit")
    return np.split(ary, indices_or_sections, axis=2)


def _needs(a: Array, ndim: int, name: str) -> None:
    if a.ndim < ndim:
        raise ValueError(f"{name} only works on arrays of {ndim} or more dimensions")


@composite(np.unstack, "slices of a along an axis",
           samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), axis=-1)])  # fmt: skip
def _unstack(x: Array, /, *, axis: int = 0) -> tuple[Array, ...]:
    _needs(x, 1, "unstack")
    return tuple(np.moveaxis(x, axis, 0))


# ── diagonals and triangles ──────────────────────────────────────────────────────────────────────────────────────

rule(np.diag, "y = a on a diagonal, or a's diagonal:  the other of the two, of g",
     lambda g, _y, _v, k=0: np.diag(g, k) if len(_v.shape) == 1 else send_back(g, _v, np.diag, k), linear="jointly",
     samples=lambda draw: [call(draw(3)), call(draw(3), 1), call(draw(3, 4)), call(draw(3, 4), -1),
                           call(draw(4, 2), k=1)])  # fmt: skip
rule(np.diagflat, "y = the entries of a on a diagonal:  g's diagonal",
     lambda g, _y, _v, k=0: np.diag(g, k).reshape(_v.shape), linear="jointly",
     samples=lambda draw: [call(draw(2, 2)), call(draw(3), -1), call(draw())])  # fmt: skip
rule(np.diagonal, "y = a's diagonal:  g on it, 0 elsewhere",
     lambda g, _y, _a, offset=0, axis1=0, axis2=1: send_back(g, _a, np.diagonal, offset, axis1, axis2),
     linear="jointly",
     samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), 1), call(draw(2, 3, 4), -1, 2, 0),
                           call(draw(3, 3, 2))])  # fmt: skip
rule(np.tril, "y = a with 0 above the diagonal:  g with 0 there",
     lambda g, _y, _m, k=0: np.tril(g, k), linear="jointly",
     samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), -1), call(draw(2, 3, 3), k=1)])  # fmt: skip
rule(np.triu, "y = a with 0 below the diagonal:  g with 0 there",
     lambda g, _y, _m, k=0: np.triu(g, k), linear="jointly",
     samples=lambda draw: [call(draw(3, 4)), call(draw(3, 4), -1), call(draw(2, 3, 3), k=1)])  # fmt: skip


@composite(np.trace, "y = Σ aₖₖ (see diagonal)",
           samples=lambda draw: [call(draw(3, 4)), call(draw(3, 3), 1), call(draw(2, 3, 4), -1, 2, 0)])  # fmt: skip
def _trace(a: Array, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Array:
    no_out(out)
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


# ── new arrays like an old one; casts ────────────────────────────────────────────────────────────────────────────


@composite(np.copy, "y = a", samples=of_shapes())
def _copy(a: Array) -> Array:
    return np.positive(a)


@composite(np.full_like, "y = one value, in another array's shape",
           samples=lambda draw: [call(np.zeros((2, 3)), draw()), call(draw(2, 3), draw(3)),
                                 call(draw(2), draw(), shape=(3,))])  # fmt: skip
def _full_like(a: Array, fill_value: Array, dtype: Any = None, *, shape: Any = None) -> Array:
    blank = np.empty_like(untracked(a), dtype=dtype, shape=shape)
    if not is_tracked(fill_value):
        return np.full_like(blank, fill_value)
    return np.broadcast_to(np.astype(fill_value, blank.dtype), blank.shape)


def _astype(x: Array, dtype: Any, copy: bool = True) -> Array:  # noqa: ARG001 (NumPy's; a Tensor is copied in any case)
    if np.dtype(dtype).kind not in "fc":
        from ..errors import DTypeError, user_line

        raise DTypeError(
            f"a Tensor can't become {np.dtype(dtype)}, which carries no derivative: "
            f"use the plain array, t.data.astype({np.dtype(dtype)}).{user_line()}"
        )
    return x.astype(dtype)


cast: Rule = rule(_astype, "y = a in another precision:  g cast back",
     lambda g, _y, _x, dtype, copy=True: g, name="astype", linear="jointly",
     samples=lambda draw: [call(draw(3, 4), np.dtype("complex128")), call(draw(), "complex128")])  # fmt: skip


alias(_astype, np.astype)

plain("its entries do not depend on the Tensor's values", np.zeros_like, np.ones_like, np.empty_like)
plain("its result is a shape, a type or a piece of text", np.shape, np.ndim, np.size, np.result_type, np.can_cast,
      np.min_scalar_type, np.common_type, np.shares_memory, np.may_share_memory, np.array_repr, np.array_str,
      np.array2string)  # fmt: skip
