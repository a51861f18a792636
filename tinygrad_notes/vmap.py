"""Many examples at once: `Batched`, an array that hides its leading axis, runs a function written for one example.

``f`` sees an array of the example's shape; underneath, each NumPy call works on all examples. Elementwise functions
broadcast, products and decompositions have batch axes of their own, reductions and reshapes shift their axes. What is
left is done example by example and stacked: slower, never wrong.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .backward import BranchOnBatch, here, rules_at_work
from .errors import BadInputError, LeavesGraphError, ShapeError, user_line
from .failures import composite_failed, need_function, operation_failed
from .pytree import flatten, unflatten
from .rules import Rule
from .rules.elementwise import where
from .rules.indexing import getitem, scatter_add
from .tensor import Tensor, arrays_in, is_batch_around

__all__ = ["Batched", "vmap"]

new_level: Callable[[], int] = itertools.count(1).__next__


class NotATensor(LeavesGraphError, AttributeError):
    """An attribute of Tensors, asked of a batch; to ``hasattr`` it isn't there."""


class Batched(NDArrayOperatorsMixin):
    """`data` is (batch, *shape); everyone else sees an array of `shape`.

    Nested batching wraps: a Batched's data may be a Batched of an outer `vmap`, or a Tensor of an outer `grad`.
    """

    __slots__ = ("data", "level")
    __array_priority__: float = 2000.0
    __hash__ = object.__hash__

    def __init__(self, data: Any, level: int) -> None:
        self.data: Any = data
        self.level: int = level

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return tuple(self.data.shape[1:])

    @property
    def dtype(self) -> Any:
        """Element type."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """Number of axes of one example."""
        ndim: int = self.data.ndim - 1
        return ndim

    @property
    def size(self) -> int:
        """Number of elements of one example."""
        size = 1
        for n in self.shape:
            size *= n
        return size

    @property
    def T(self) -> Any:
        """All axes of each example reversed."""
        return np.transpose(self)

    @property
    def mT(self) -> Any:
        """The last two axes exchanged."""
        return np.swapaxes(self, -1, -2)

    @property
    def real(self) -> Any:
        """The real part."""
        return Batched(self.data.real, self.level)

    @property
    def imag(self) -> Any:
        """The imaginary part."""
        return Batched(self.data.imag, self.level)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of one number per example")
        return self.shape[0]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"Batched({self.data.shape[0]} × {self.dtype} {self.shape})"

    def __bool__(self) -> bool:
        raise BranchOnBatch(
            "a vmapped function can't branch on a value: it differs from example to example; "
            f"use np.where(condition, a, b).{user_line()}",
            lambda function, args: _one_by_one(function, args, {}, self.level),
        )

    def __getattr__(self, name: str) -> Any:
        if name in ("backward", "grad", "requires_grad", "item", "tolist", "numpy"):
            raise NotATensor(
                f".{name} inside a vmapped function: what is computed with its argument is all examples at once, not a "
                f"Tensor. Differentiate by function, tn.grad(lambda w: …)(w), inside or around: tn.vmap(tn.grad(f))."
                f"{user_line()}"
            )
        raise AttributeError(f"what a vmapped function computes with has no attribute {name!r}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise LeavesGraphError(
            "np.asarray inside a vmapped function would see all examples at once; use NumPy functions on it."
            f"{user_line()}"
        )

    def __float__(self) -> float:
        raise LeavesGraphError(f"float() inside a vmapped function: there is one number per example.{user_line()}")

    def __getitem__(self, index: Any) -> Any:
        return self._apply(getitem, (self, index))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        try:
            return self._ufunc(ufunc, method, inputs, kwargs)
        except Exception as error:
            operation_failed(ufunc.__name__, error, *inputs, **kwargs)

    def _ufunc(self, ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        level = max(map(_level, inputs))
        if _belongs_to_a_tensor(inputs, level):
            return NotImplemented
        if method != "__call__":
            return _one_by_one(lambda *a: getattr(ufunc, method)(*a, **kwargs), inputs, {}, level)
        if ufunc is np.matmul:
            return Batched(_matmul(*(_unwrap(x, level) for x in inputs)), level)
        if ufunc.signature is not None or ufunc.nout > 1:
            return _one_by_one(ufunc, inputs, kwargs, level)
        ndim = max(_ndim(x) for x in inputs)
        return Batched(ufunc(*(_aligned(x, ndim, level) for x in inputs), **kwargs), level)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        try:
            return self._function(func, args, kwargs)
        except Exception as error:
            composite_failed(func.__name__, error, args, kwargs)

    def _function(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        leaves = arrays_in(args) + arrays_in(tuple(kwargs.values()))
        if not leaves:  # np.zeros(shape, dtype, like=this)
            return Batched(func((self.data.shape[0], *args[0]), *args[1:], like=self.data, **kwargs), self.level)
        level = max(map(_level, leaves))
        if _belongs_to_a_tensor(leaves, level):
            return NotImplemented
        if func in (np.any, np.all) and rules_at_work() and len(args) == 1 and not kwargs:
            return bool(func(args[0].data))  # a rule's shortcut: taken only if it is right for every example
        if func in ABOUT:
            return ABOUT[func](args[0])
        if func is np.where and len(args) == 3:
            ndim = max(_ndim(x) for x in args)
            return Batched(np.where(*(_aligned(x, ndim, level) for x in args)), level)
        batching = BATCHING.get(func)
        if batching is not None and _only_first(args, kwargs, level):
            try:
                return Batched(batching(_unwrap(args[0], level).value, *args[1:], **kwargs), level)
            except _NotBatchable:
                pass
        return _one_by_one(func, args, kwargs, level)

    def _apply(self, function: Any, args: tuple[Any, ...]) -> Any:
        return self.__apply_rule__(function, args)

    @staticmethod
    def __apply_rule__(rule: Rule, args: tuple[Any, ...], params: dict[str, Any] | None = None) -> Any:
        """Our own primitives (getitem, where, nn functions …) on batched arrays."""
        level = max(_level(x) for x in args)
        if _belongs_to_a_tensor(args, level):
            return NotImplemented
        if rule is getitem and isinstance(args[0], Batched):
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            if not any(isinstance(i, (list, np.ndarray, Batched)) for i in index):
                return Batched(args[0].data[(slice(None), *index)], level)
        if rule is scatter_add and not any(isinstance(x, Batched) for x in arrays_in(args[1:])):
            g, shape, index = args
            index = index if isinstance(index, tuple) else (index,)
            if not any(isinstance(i, (list, np.ndarray)) for i in index):
                data = scatter_add(g.data, (g.data.shape[0], *shape), (slice(None), *index))
                return Batched(data, level)
        if rule is where:
            return np.where(*args)
        if rule.elementwise and not rule.param_names:
            ndim = max(_ndim(x) for x in args if x is not None)
            return Batched(rule(*(x if x is None else _aligned(x, ndim, level) for x in args)), level)
        return _one_by_one(_calling(rule, params or {}), args, {}, level)


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"``np.{name}`` of each example."
    return method


REDUCTIONS = ("sum", "mean", "max", "min", "prod", "var", "std", "cumsum", "trace", "sort", "argsort")
for _name in (*REDUCTIONS, "swapaxes", "squeeze", "ravel", "conj", "diagonal"):
    setattr(Batched, _name, _method(_name))


def _reshape_method(self: Batched, *shape: Any) -> Any:
    """``np.reshape`` of each example."""
    return np.reshape(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)


def _transpose_method(self: Batched, *axes: Any) -> Any:
    """``np.transpose`` of each example."""
    return np.transpose(self, (axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes) or None)


def _astype_method(self: Batched, dtype: Any) -> Any:
    """Cast."""
    return Batched(self.data.astype(dtype), self.level)


def _copy_method(self: Batched) -> Any:
    """A copy."""
    return Batched(self.data.copy(), self.level)


Batched.reshape, Batched.transpose = _reshape_method, _transpose_method  # type: ignore[attr-defined]
Batched.astype, Batched.copy = _astype_method, _copy_method  # type: ignore[attr-defined]


# ── which axis is whose ──────────────────────────────────────────────────────────────────────────────────────────


class _Unwrapped:
    """An operand without its wrapper: `value`, and whether it has the batch axis."""

    __slots__ = ("batched", "value")

    def __init__(self, value: Any, batched: bool) -> None:
        self.value, self.batched = value, batched


def _unwrap(x: Any, level: int) -> _Unwrapped:
    if isinstance(x, Batched) and x.level == level:
        return _Unwrapped(x.data, True)
    return _Unwrapped(x, False)


def _level(x: Any) -> int:
    return x.level if isinstance(x, Batched) else 0


def _ndim(x: Any) -> int:
    return x.ndim if hasattr(x, "ndim") else np.ndim(x)


def _belongs_to_a_tensor(operands: Any, level: int) -> bool:
    """Whether some Tensor among the operands records what happens inside this vmap (its data is batched)."""
    found = any(isinstance(x, Tensor) for x in operands)
    return found and not is_batch_around(_Level(level), operands)


class _Level:
    __slots__ = ("level",)

    def __init__(self, level: int) -> None:
        self.level = level


def _aligned(x: Any, ndim: int, level: int) -> Any:
    """The operand with the batch axis first and missing axes of one example filled in behind it."""
    inner = _unwrap(x, level)
    if not inner.batched:
        return inner.value
    missing = ndim - (inner.value.ndim - 1)
    if missing == 0:
        return inner.value
    shape = inner.value.shape
    return inner.value.reshape((shape[0], *(1,) * missing, *shape[1:]))


def _matmul(a: _Unwrapped, b: _Unwrapped) -> Any:
    """``a @ b`` for every example; each operand has the leading batch axis or none."""
    x, y = a.value, b.value
    nx, ny = _ndim(x) - a.batched, _ndim(y) - b.batched
    if nx == ny == 1:
        return (x * y).sum(-1)
    if nx == 1 and ny == 2 and not b.batched:  # all rows in one product
        return x @ y
    if nx == 2 and ny == 1 and not a.batched:
        return y @ x.swapaxes(-1, -2)
    if nx == 1:
        x = x.reshape((*x.shape[:-1], 1, x.shape[-1]))
    if ny == 1:
        y = y.reshape((*y.shape, 1))
    ndim = max(_ndim(x) - a.batched, _ndim(y) - b.batched)
    x, y = _pad(x, ndim, a.batched), _pad(y, ndim, b.batched)
    z = x @ y
    if nx == 1:
        z = z.reshape((*z.shape[:-2], z.shape[-1]))
    return z.reshape(z.shape[:-1]) if ny == 1 else z


def _pad(x: Any, ndim: int, batched: bool) -> Any:
    missing = ndim - (x.ndim - batched)
    return x.reshape((x.shape[0], *(1,) * missing, *x.shape[1:])) if batched and missing else x


class _NotBatchable(Exception):
    """No shortcut over all examples for this call."""


def _axis(axis: Any, ndim: int) -> Any:
    """An axis of one example as an axis of the batch; None means all of the example's."""
    if axis is None:
        return tuple(range(1, ndim))
    if isinstance(axis, tuple):
        return tuple(_axis(i, ndim) for i in axis)
    if not -(ndim - 1) <= axis < ndim - 1:
        raise np.exceptions.AxisError(axis, ndim - 1)
    return axis + 1 if axis >= 0 else axis


def _reduction(function: Any) -> Callable[..., Any]:
    def batched(a: Any, axis: Any = None, **kwargs: Any) -> Any:
        if set(kwargs) - {"keepdims", "ddof", "correction"}:
            raise _NotBatchable
        return function(a, axis=_axis(axis, a.ndim), **kwargs)

    return batched


def _along_axis(function: Any) -> Callable[..., Any]:
    def batched(a: Any, axis: Any = -1, **kwargs: Any) -> Any:
        if axis is None or kwargs:
            raise _NotBatchable
        return function(a, axis=_axis(axis, a.ndim))

    return batched


def _reshape(a: Any, shape: Any, order: str = "C") -> Any:
    if order != "C":
        raise _NotBatchable
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    return a.reshape((a.shape[0], *shape))


def _transpose(a: Any, axes: Any = None) -> Any:
    inner = range(a.ndim - 1)[::-1] if axes is None else axes
    return np.transpose(a, (0, *(i % (a.ndim - 1) + 1 for i in inner)))


def _broadcast_to(a: Any, shape: Any) -> Any:
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    missing = len(shape) - (a.ndim - 1)
    a = a.reshape((a.shape[0], *(1,) * missing, *a.shape[1:]))
    return np.broadcast_to(a, (a.shape[0], *shape))


def _expand_dims(a: Any, axis: Any) -> Any:
    axes = axis if isinstance(axis, tuple) else (axis,)
    ndim = a.ndim - 1 + len(axes)
    return np.expand_dims(a, tuple(i % ndim + 1 for i in axes))


def _squeeze(a: Any, axis: Any = None) -> Any:
    if axis is None:
        axis = tuple(i for i, n in enumerate(a.shape[1:]) if n == 1)
    return np.squeeze(a, _axis(axis, a.ndim))


BATCHING: dict[Any, Callable[..., Any]] = {
    **{f: _reduction(f) for f in (np.sum, np.mean, np.max, np.min, np.amax, np.amin, np.prod, np.var, np.std)},
    **{f: _reduction(f) for f in (np.any, np.all, np.count_nonzero)},
    **{f: _along_axis(f) for f in (np.sort, np.argsort)},
    np.reshape: _reshape,
    np.ravel: lambda a: a.reshape((a.shape[0], -1)),
    np.transpose: _transpose,
    np.swapaxes: lambda a, axis1, axis2: np.swapaxes(a, _axis(axis1, a.ndim), _axis(axis2, a.ndim)),
    np.moveaxis: lambda a, source, destination: np.moveaxis(a, _axis(source, a.ndim), _axis(destination, a.ndim)),
    np.expand_dims: _expand_dims,
    np.squeeze: _squeeze,
    np.broadcast_to: _broadcast_to,
    np.zeros_like: lambda a: np.zeros_like(a),
    np.ones_like: lambda a: np.ones_like(a),
    np.real: lambda a: a.real,
    np.imag: lambda a: a.imag,
    np.astype: lambda a, dtype: a.astype(dtype),
    np.round: lambda a, decimals=0: np.round(a, decimals),
    np.linalg.inv: np.linalg.inv,
    np.linalg.det: np.linalg.det,
    np.linalg.cholesky: lambda a: np.linalg.cholesky(a),
}
"""How a NumPy function of one array works on all examples: called with the whole batch."""


ABOUT: dict[Any, Callable[[Any], Any]] = {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
    np.iscomplexobj: lambda a: a.dtype.kind == "c",
    np.isrealobj: lambda a: a.dtype.kind != "c",
}
"""Questions about an array that have one answer for all examples."""


def _only_first(args: tuple[Any, ...], kwargs: dict[str, Any], level: int) -> bool:
    """Whether the first argument alone is batched at this level."""
    rest = arrays_in(args[1:]) + arrays_in(tuple(kwargs.values()))
    return bool(args) and _level(args[0]) == level and not any(isinstance(x, Batched) for x in rest)


def _calling(rule: Rule, params: dict[str, Any]) -> Callable[..., Any]:
    """The rule's function on arguments in the rule's own order, recorded if Tensors are among them."""

    def run(*args: Any) -> Any:
        for x in args:
            if hasattr(type(x), "__apply_rule__"):
                return type(x).__apply_rule__(rule, args, params)
        return rule.forward(*args, **params)

    return run


def _one_by_one(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], level: int) -> Any:
    """The function on each example, stacked: for what has no batch form."""

    def pick(value: Any, i: int) -> Any:
        if isinstance(value, Batched) and value.level == level:
            return value.data[i]
        if isinstance(value, list):
            return [pick(v, i) for v in value]
        if type(value) is tuple:
            return tuple(pick(v, i) for v in value)
        return value

    count = next(x.data.shape[0] for x in arrays_in((*args, *kwargs.values())) if _level(x) == level)
    results = [
        function(*(pick(a, i) for a in args), **{key: pick(value, i) for key, value in kwargs.items()})
        for i in range(count)
    ]
    if results and isinstance(results[0], (tuple, list)):
        return tuple(Batched(np.stack(parts), level) for parts in zip(*results, strict=True))
    return Batched(np.stack([r if hasattr(r, "shape") else np.asarray(r) for r in results]), level)


# ── the transform ────────────────────────────────────────────────────────────────────────────────────────────────


def vmap(f: Callable[..., Any], in_axes: Any = 0, out_axes: int = 0) -> Callable[..., Any]:
    """Return a function that does f for every example of a batch at once.

    Parameters
    ----------
    f : callable
        Written for one example.
    in_axes : int, None, or tuple of these
        Per argument, the axis that counts the examples; None: the same value for all. An argument may be a container,
        whose arrays then all have that axis.
    out_axes : int
        Where the results' batch axis goes.

    Returns
    -------
    callable
        Takes and returns arrays with the batch axis.

    Raises
    ------
    ShapeError
        If the arguments disagree on the number of examples.

    Examples
    --------
    >>> vmap(lambda x, w: x @ w, in_axes=(0, None))(np.ones((3, 2)), np.array([1.0, 2.0]))
    array([3., 3., 3.])
    >>> from tinygrad_notes import grad
    >>> vmap(grad(lambda x: np.sum(x**2)))(np.array([[1.0, 2.0], [3.0, 4.0]]))       # per-example gradients
    array([[2., 4.],
           [6., 8.]])
    """
    need_function("tn.vmap", f)

    def batched(*args: Any, **kwargs: Any) -> Any:
        axes = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise BadInputError(f"in_axes has {len(axes)} entries for {len(args)} arguments.{user_line()}")
        level = new_level()
        sizes: dict[int, str] = {}
        given = []
        for k, (arg, axis) in enumerate(zip(args, axes, strict=True)):
            if axis is None:
                given.append(arg)
                continue
            leaves, structure = flatten(arg)
            wrapped = []
            for leaf in leaves:
                x = leaf if hasattr(leaf, "__array_function__") else np.asarray(leaf)
                if not -x.ndim <= axis < x.ndim:
                    raise ShapeError(f"argument {k} of shape {x.shape} has no axis {axis} to map over.{user_line()}")
                sizes.setdefault(x.shape[axis], f"argument {k} of shape {x.shape}")
                wrapped.append(Batched(x if axis == 0 else np.moveaxis(x, axis, 0), level))
            given.append(unflatten(structure, wrapped))
        if len(sizes) != 1:
            raise ShapeError(
                "vmap needs one number of examples; "
                + ("in_axes maps no argument" if not sizes else " but ".join(f"{v} has {n}" for n, v in sizes.items()))
                + f".{user_line()}"
            )
        (count,) = sizes
        around = getattr(here, "vmaps", ())
        here.vmaps = (*around, (level, count))
        try:
            outputs, structure = flatten(f(*given, **kwargs))
        finally:
            here.vmaps = around
        return unflatten(structure, [finish(y, count, level, out_axes) for y in outputs])

    batched.__name__ = f"vmap_of_{getattr(f, '__name__', 'f')}"
    batched.__doc__ = f.__doc__
    return batched


def one_per_example(x: Any) -> Any:
    """The value, repeated for every example of the vmap that this thread is in, unless it belongs to that already.

    A derivative with respect to it is then one per example. Outside a vmap: the value itself.
    """
    around = getattr(here, "vmaps", ())
    if not around:
        return x
    level, count = around[-1]
    inside = not is_batch_around(_Level(level), (x,)) if isinstance(x, Tensor) else _level(x) >= level
    if inside:
        return x
    array = x if hasattr(x, "__array_function__") else np.asarray(x)
    return Batched(np.broadcast_to(array, (count, *array.shape)), level)


def finish(y: Any, count: int, level: int, out_axis: int = 0) -> Any:
    """A result with its batch axis in sight; one that doesn't depend on the batch is repeated."""
    if isinstance(y, Batched) and y.level == level:
        data = y.data
    else:
        y = y if hasattr(y, "shape") else np.asarray(y)
        data = np.broadcast_to(y, (count, *y.shape))
    return data if out_axis == 0 else np.moveaxis(data, 0, out_axis)
