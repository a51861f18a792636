"""Hypothesis strategies for arrays, all in one place: shapes that belong together, inputs of a derivation, edge cases.

    from hypothesis import given
    from tinygrad_notes.testing import strategies as st

    @given(st.inputs({"X": "n m", "w": "n 1"}))
    def test_cost(inputs): ...

Numbers are small and dyadic (quarters), so that a shrunk case reads well and sums are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import missing_extra
from .distributions import normal
from .draws import named_leaves, parse_shape, recipe_for

try:
    from hypothesis import strategies as st
except ImportError as _error:
    raise missing_extra("hypothesis", "test", "tinygrad_notes.testing.strategies") from _error

__all__ = [
    "arrays",
    "awkward_arrays",
    "broadcasting_shapes",
    "calls",
    "in_domain",
    "inputs",
    "numbers",
    "shapes",
    "tied_arrays",
]


def numbers(low: float = -2.0, high: float = 2.0) -> st.SearchStrategy[float]:
    """Quarters between two bounds; simplest is 0 (or the bound nearest to it)."""
    first, last = int(np.ceil(low * 4)), int(np.floor(high * 4))
    if first > last:
        return st.floats(low, high, allow_nan=False)
    return st.integers(first, last).map(lambda quarters: quarters / 4)


def shapes(max_dims: int = 3, max_side: int = 4, min_side: int = 1) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of 0 to `max_dims` axes; ``min_side=0`` includes empty arrays."""
    return st.lists(st.integers(min_side, max_side), max_size=max_dims).map(tuple)


@st.composite
def broadcasting_shapes(
    draw: st.DrawFn, count: int = 2, max_dims: int = 3, max_side: int = 4, min_side: int = 1
) -> tuple[tuple[int, ...], ...]:
    """Shapes that broadcast against each other: axes of size 1, missing leading axes, 0-d.

    Parameters
    ----------
    count : int
        How many shapes.
    max_dims, max_side, min_side : int
        Of the common result.
    """
    result = draw(shapes(max_dims, max_side, min_side))
    found = []
    for _ in range(count):
        kept = draw(st.integers(0, len(result)))
        sides = result[len(result) - kept :]
        found.append(tuple(1 if draw(st.booleans()) and draw(st.booleans()) else n for n in sides))
    if found:
        found[draw(st.integers(0, count - 1))] = result
    return tuple(found)


@st.composite
def arrays(
    draw: st.DrawFn,
    shape: Any = None,
    *,
    low: float = -2.0,
    high: float = 2.0,
    dtype: Any = np.float64,
    dims: Mapping[str, int] | None = None,
) -> Any:
    """One array of quarters.

    Parameters
    ----------
    shape : str, tuple or None
        A symbolic shape (``"n m"``: sizes 1 to 4), concrete sizes, or any small shape.
    low, high : float
        Bounds of the values.
    dtype : dtype
    dims : dict, optional
        Sizes of symbols that are already known.
    """
    sides = draw(shapes()) if shape is None else _sides(draw, shape, dict(dims or {}))
    count = int(np.prod(sides))
    values = draw(st.lists(numbers(low, high), min_size=count, max_size=count))
    return np.array(values, dtype=dtype).reshape(sides)[()]


def _sides(draw: st.DrawFn, shape: Any, dims: dict[str, int]) -> tuple[int, ...]:
    axes = parse_shape(shape)
    for symbol in dict.fromkeys(s for axis in axes for s in axis.symbols):
        if symbol not in dims:
            dims[symbol] = draw(st.integers(1, 4))
    return tuple(axis.size(dims) for axis in axes)


@st.composite
def inputs(
    draw: st.DrawFn, shapes: Mapping[str, Any], given: Mapping[str, Any] | None = None, max_side: int = 4
) -> dict[str, Any]:
    """All inputs of a derivation as one dict, with one size per symbol.

    Parameters
    ----------
    shapes, given : dict
        As in `check_gradient`. What `given` describes is drawn from a seed, the rest are quarters.
    max_side : int
        Largest size of a symbol.
    """
    given = given or {}

    def taken(**_arguments: Any) -> None:
        return None

    import inspect

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = list(dict.fromkeys((*shapes, *(name for name in given if name not in named_leaves(shapes)))))
    vars(taken)["__signature__"] = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    recipe = recipe_for(taken, (), shapes, given)
    dims = {symbol: draw(st.integers(1, max_side)) for symbol in recipe.symbols}
    case = recipe.draw(np.random.default_rng(draw(st.integers(0, 2**16))), dims)
    plain = {name: draw(arrays(np.shape(x))) for name, x in case.leaves.items() if recipe.distributions[name] is normal}
    return case.replaced(plain).inputs if plain else case.inputs


@st.composite
def in_domain(draw: st.DrawFn, rule: Any, shape: Any = None, dtype: Any = np.float64) -> tuple[Any, ...]:
    """Arguments of a function of the rule book, inside the domain that its rule names, of shapes that broadcast.

    Parameters
    ----------
    rule : Rule
        An entry of ``tinygrad_notes.rules.BOOK``.
    shape : tuple, optional
        One shape for all; shapes that broadcast by default.
    """
    count = rule.inputs
    sides = (shape,) * count if shape is not None else draw(broadcasting_shapes(count))
    found = []
    for k in range(count):
        low, high = rule.domain[k] if k < len(rule.domain) else rule.domain[0] if rule.domain else (-2.0, 2.0)
        found.append(draw(arrays(sides[k], low=low, high=high, dtype=dtype)))
    return tuple(found)


def calls(rule: Any, seed: int = 0) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The sample calls of a rule, with reproducible random arrays: ``(args, kwargs)`` each.

    Examples
    --------
    >>> from tinygrad_notes.rules import BOOK
    >>> (args, kwargs), *_ = calls(BOOK[np.sum])
    >>> args[0].shape, kwargs
    ((3, 4), {})
    """
    rng = np.random.default_rng(seed)
    low, high = rule.domain[0] if getattr(rule, "domain", ()) else (-2.0, 2.0)

    def random(*shape: int) -> Any:
        return rng.uniform(low, high, shape)[()]

    if rule.samples is not None:
        return [call for call in rule.samples(random) if known_here(rule.f, *call)]
    found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    for sides in _default_shapes(rule.inputs):
        args = []
        for k, side in enumerate(sides):
            low, high = rule.domain[k] if k < len(rule.domain) else (-2.0, 2.0)
            args.append(rng.uniform(low, high, side)[()])
        found.append((tuple(args), {}))
    return found


def known_here(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the installed NumPy takes a sample's arguments: one before 2.4 lacks a few of them.

    Examples
    --------
    >>> known_here(np.sum, (np.ones(3),), {"axis": 0})
    True
    """
    if np.lib.NumpyVersion(np.__version__) >= "2.4.0":
        return True
    try:
        with np.errstate(all="ignore"):
            f(*args, **kwargs)
    except TypeError:
        return False
    return True


def _default_shapes(count: int) -> list[tuple[tuple[int, ...], ...]]:
    families: dict[int, list[Any]] = {
        1: [((3, 4),), ((),)],
        2: [((3, 4), (3, 4)), ((3, 1), (4,)), ((3, 4), ()), ((2, 3, 4), (3, 1))],
    }
    return families.get(count, [((3, 4),) * count, (((3, 1), (4,), ()) * count)[:count]])


@st.composite
def tied_arrays(draw: st.DrawFn, shape: Any = None) -> Any:
    """Arrays with equal entries and zeros: kinks of max, sort, abs and relu."""
    sides = draw(_shapes_or(shape))
    count = int(np.prod(sides))
    values = draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, -1.0]), min_size=count, max_size=count))
    return np.array(values).reshape(sides)[()]


def _shapes_or(shape: Any) -> st.SearchStrategy[Any]:
    """That shape, or any small one."""
    return shapes() if shape is None else st.just(shape)


@st.composite
def awkward_arrays(draw: st.DrawFn, dtype: Any = np.float64) -> Any:
    """Arrays in unusual clothes: negative strides, Fortran order, every other row, 0-d, empty, read-only, broadcast."""
    clothes: list[Callable[[Any], Any]] = [
        _reversed, np.asfortranarray, _strided, _read_only, _broadcast, _zero_dimensional, _empty, np.transpose
    ]  # fmt: skip
    kind = draw(st.sampled_from(clothes))
    return kind(draw(arrays((draw(st.integers(1, 4)), draw(st.integers(1, 4))), dtype=dtype)))


def _reversed(x: Any) -> Any:
    return x[::-1, ::-1]


def _strided(x: Any) -> Any:
    return np.repeat(x, 2, axis=0)[::2]


def _read_only(x: Any) -> Any:
    x = x.copy()
    x.flags.writeable = False
    return x


def _broadcast(x: Any) -> Any:
    return np.broadcast_to(x[:1], x.shape)


def _zero_dimensional(x: Any) -> Any:
    return np.array(x[0, 0])


def _empty(x: Any) -> Any:
    return x[:0]
