"""Random inputs from symbolic shapes: ``"n m"`` with distinct sizes, so that a factor 1/4 names its dimension.

X: "n m"   w: "n 1"   b: ""          →   n=3, m=4:  X (3, 4), w (3, 1), b a number
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import BadInputError, describe
from ..pytree import flatten, paths, unflatten
from .distributions import Distribution, distribution

__all__ = ["Draw", "Recipe", "parse_shape", "recipe_for"]

SIZES = (3, 4, 2, 5, 7, 6, 9, 8, 11, 10, 13, 12)
"""Sizes that symbols are drawn from: no two symbols of one draw get the same."""


@dataclass(slots=True)
class Draw:
    """One random case, and what was computed at it.

    Attributes
    ----------
    dims : dict of str to int
        The size of each symbol of the shapes; empty for concrete arrays.
    inputs : dict
        f's arguments by parameter name, in f's order: arrays, float64 scalars, containers, or fixed values.
    hand : dict of str to array
        The gradients that the user's function returned, keyed by the *input* they belong to (``"W"``, not ``"dW"``).
    true : dict of str to array
        The gradients of `f` by autodiff (by numerical differences where f can't be traced), for the same names.
    """

    dims: dict[str, int]
    inputs: dict[str, Any]
    hand: dict[str, Any] = field(default_factory=dict)
    true: dict[str, Any] = field(default_factory=dict)

    @property
    def leaves(self) -> dict[str, Any]:
        """Every array and number of the inputs by its readable name: ``W1``, or ``layers[0].W`` inside containers."""
        return named_leaves(self.inputs)

    def replaced(self, changes: Mapping[str, Any]) -> Draw:
        """The same case with some leaves changed, and nothing computed yet."""
        names = list(named_leaves(self.inputs))
        leaves, structure = flatten(list(self.inputs.values()))
        changed = [changes.get(name, leaf) for name, leaf in zip(names, leaves, strict=True)]
        return Draw(dict(self.dims), dict(zip(self.inputs, unflatten(structure, changed), strict=True)))


def named_leaves(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves of the inputs by name; a container's own name is left out where the leaf's key is unique.

    Examples
    --------
    >>> list(named_leaves({"parameters": {"W1": 1.0, "b1": 2.0}, "X": 3.0}))
    ['W1', 'b1', 'X']
    >>> list(named_leaves({"layers": [{"W": 1.0}, {"W": 2.0}]}))
    ['layers[0].W', 'layers[1].W']
    """
    found: list[tuple[str, str, Any]] = []
    for name, value in inputs.items():
        leaves, _ = flatten(value)
        if len(leaves) == 1 and leaves[0] is value:
            found.append((name, name, value))
            continue
        for place, leaf in zip(paths(value), leaves, strict=True):
            full = name + place if place.startswith("[") else f"{name}.{place}"
            short = place if place.isidentifier() else full
            found.append((short, full, leaf))
    shorts = [short for short, _, _ in found]
    return {short if shorts.count(short) == 1 else full: leaf for short, full, leaf in found}


# ── shapes ───────────────────────────────────────────────────────────────────────────────────────────────────────

_TOKEN = re.compile(r"[A-Za-z_0-9+*\-/()]+\Z")
_ALLOWED = (ast.Expression, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Name, ast.Load, ast.Constant)


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a symbolic shape: a number, a symbol, or a small expression of them (``2*n``, ``n+1``)."""

    text: str
    symbols: tuple[str, ...]
    code: Any

    def size(self, dims: Mapping[str, int]) -> int:
        """The axis's length for these sizes."""
        return int(eval(self.code, {"__builtins__": {}}, dict(dims)))


def parse_shape(shape: str | Iterable[Any]) -> tuple[Axis, ...]:
    """Read a shape: ``"n m"``, ``"3 k"``, ``""`` for a number, or a tuple such as ``("n", 1)``.

    Parameters
    ----------
    shape : str or iterable of (str or int)
        Sizes are separated by spaces; each is a number, a symbol, or an expression without spaces (``2*n``).

    Raises
    ------
    BadInputError
        If a part is none of these.

    Examples
    --------
    >>> [axis.size({"n": 3}) for axis in parse_shape("n 1 2*n")]
    [3, 1, 6]
    """
    if not isinstance(shape, (str, tuple, list)):
        raise BadInputError(f"shape {shape!r} is no shape; write numbers and names, e.g. 'n m', '3 k', '' for a number")
    parts = shape.replace(",", " ").split() if isinstance(shape, str) else [str(part) for part in shape]
    return tuple(_axis(part, shape) for part in parts)


def _axis(text: str, shape: Any) -> Axis:
    problem = f"shape {shape!r}: {text!r} is not a size; write numbers and names, e.g. 'n m', '3 k', '' for a number"
    if not _TOKEN.match(text):
        raise BadInputError(problem)
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        raise BadInputError(problem) from None
    if not all(isinstance(node, _ALLOWED) for node in ast.walk(tree)):
        raise BadInputError(problem)
    symbols = tuple(dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)))
    return Axis(text, symbols, compile(tree, "<shape>", "eval"))


# ── recipes ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Recipe:
    """How to draw the inputs of one function.

    Attributes
    ----------
    shapes : dict
        Leaf name to parsed shape, for every leaf that is drawn.
    distributions : dict
        Leaf name to distribution.
    structure : dict
        f's arguments in order, with leaf names in the places of the leaves.
    symbols : list of str
        The symbols of all shapes, in order of appearance.
    sizes : dict
        Symbol to the sizes it may take.
    fixed : Draw or None
        The concrete arrays, when there are no shapes.
    dtype : numpy.dtype
        Of the float inputs.
    chosen_sizes : bool
        Whether the user chose the sizes: then no others are tried.
    """

    shapes: dict[str, tuple[Axis, ...]]
    distributions: dict[str, Distribution]
    structure: dict[str, Any]
    symbols: list[str]
    sizes: dict[str, tuple[int, ...]]
    fixed: Draw | None = None
    dtype: Any = np.float64
    chosen_sizes: bool = False

    def draw(self, rng: np.random.Generator, dims: Mapping[str, int] | None = None) -> Draw:
        """One random case; sizes are drawn too unless given."""
        if self.fixed is not None:
            return Draw({}, dict(self.fixed.inputs))
        sizes = dict(dims) if dims is not None else self.draw_sizes(rng)
        leaves = {name: self.draw_leaf(name, rng, sizes) for name in self.shapes}
        return Draw(sizes, _filled(self.structure, leaves))

    def draw_leaf(self, name: str, rng: np.random.Generator, dims: Mapping[str, int]) -> Any:
        """A random value of one leaf."""
        shape = tuple(axis.size(dims) for axis in self.shapes[name])
        if any(n < 0 for n in shape):
            raise BadInputError(f"{name} would have shape {shape} at {sizes_text(dims)}; choose sizes with dims=")
        value = self.distributions[name](rng, shape, dims)
        if isinstance(value, np.ndarray) and value.dtype.kind in "fc":
            value = value.astype(np.result_type(self.dtype, 1j) if value.dtype.kind == "c" else self.dtype)
            return value[()]
        return np.dtype(self.dtype).type(value) if isinstance(value, float) else value

    def draw_sizes(self, rng: np.random.Generator) -> dict[str, int]:
        """Sizes for the symbols, no two alike unless ``dims=`` leaves no choice."""
        taken: set[int] = set()
        dims: dict[str, int] = {}
        for symbol in sorted(self.symbols, key=lambda s: len(self.sizes[s])):
            allowed = self.sizes[symbol]
            free = [n for n in allowed if n not in taken] or list(allowed)
            dims[symbol] = int(free[rng.integers(len(free))])
            taken.add(dims[symbol])
        return {symbol: dims[symbol] for symbol in self.symbols}


def _filled(structure: Mapping[str, Any], leaves: Mapping[str, Any]) -> dict[str, Any]:
    inputs = {}
    for name, tree in structure.items():
        names, shape = flatten(tree)
        inputs[name] = unflatten(shape, [leaves[leaf] for leaf in names])
    return inputs


def recipe_for(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    shapes: Mapping[str, Any] | None,
    given: Mapping[str, Any] | None,
    dims: Any = None,
    dtype: Any = np.float64,
) -> Recipe:
    """How to draw f's inputs, from concrete arguments or from symbolic shapes.

    Raises
    ------
    BadInputError
        If a name is not a parameter of `f`, a parameter has neither shape nor value, or both ways are mixed.
    """
    names, needed = parameter_names(f, len(args))
    if args and shapes:
        raise BadInputError("give either concrete arrays or shapes=, not both")
    if args:
        if len(args) > len(names):
            raise BadInputError(f"{name_of(f)} takes {len(names)} arguments, {len(args)} were given")
        inputs = dict(zip(names, args, strict=False))
        missing = [name for name in needed if name not in inputs]
        if missing:
            raise BadInputError(f"{name_of(f)} also needs {', '.join(missing)}")
        fixed = Draw({}, {name: as_arrays(value) for name, value in inputs.items()})
        return Recipe({}, {}, {}, [], {}, fixed)
    for name, value in (("shapes", shapes), ("given", given)):
        if value is not None and not isinstance(value, Mapping):
            raise BadInputError(f"{name}= is a dict by the names of f's parameters, not {describe(value)}")
    shapes, given = dict(shapes or {}), dict(given or {})
    leaves = named_leaves({name: _marked(tree) for name, tree in shapes.items()})
    unknown = [name for name in shapes if name not in names]
    unknown += [name for name in given if name not in names and name not in leaves]
    if unknown:
        raise BadInputError(
            f"{', '.join(sorted(set(unknown)))}: not a parameter of {name_of(f)}, which has {', '.join(names)}"
        )
    missing = [name for name in needed if name not in shapes and name not in given]
    if missing:
        raise BadInputError(
            f"{', '.join(missing)}: say its shape, shapes={{{missing[0]!r}: 'n m'}}, or its value, "
            f"given={{{missing[0]!r}: ...}}"
        )
    structure = {name: shapes.get(name, "") for name in names if name in shapes or name in given}
    named = named_leaves({name: _marked(tree) for name, tree in structure.items()})
    parsed = {name: parse_shape(leaf.shape) for name, leaf in named.items()}
    order = iter(named)
    structure = {name: _renamed(_marked(tree), order) for name, tree in structure.items()}
    symbols = list(dict.fromkeys(s for shape in parsed.values() for axis in shape for s in axis.symbols))
    distributions = {name: distribution(given.get(name)) for name in parsed}
    return Recipe(
        parsed, distributions, structure, symbols, _sizes(symbols, dims), None, np.dtype(dtype), dims is not None
    )


class _Shape:
    """Keeps a shape whole inside a container while leaves are named."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


def _marked(tree: Any) -> Any:
    """The tree of shapes with every shape as one leaf."""
    if isinstance(tree, dict):
        return {key: _marked(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_marked(value) for value in tree]
    return _Shape(tree)


def _renamed(tree: Any, names: Iterable[str]) -> Any:
    leaves, structure = flatten(tree)
    return unflatten(structure, [next(iter(names)) for _ in leaves])


def _sizes(symbols: list[str], dims: Any) -> dict[str, tuple[int, ...]]:
    """The sizes that each symbol may take, from ``dims=``."""
    usual = SIZES[: max(6, len(symbols))] if len(symbols) <= len(SIZES) else tuple(range(2, len(symbols) + 2))
    if dims is None:
        return dict.fromkeys(symbols, usual)
    if isinstance(dims, Mapping):
        unknown = [name for name in dims if name not in symbols]
        if unknown:
            raise BadInputError(f"dims={dims}: {', '.join(unknown)} is in no shape (there: {', '.join(symbols)})")
        return {symbol: _as_sizes(dims.get(symbol, usual)) for symbol in symbols}
    return dict.fromkeys(symbols, _as_sizes(dims))


def _as_sizes(sizes: Any) -> tuple[int, ...]:
    found = (sizes,) if isinstance(sizes, (int, np.integer)) else tuple(sizes)
    if not found or not all(isinstance(n, (int, np.integer)) and n >= 0 for n in found):
        raise BadInputError(f"dims= takes sizes: a number, several numbers, or a dict of them, not {describe(sizes)}")
    return tuple(int(n) for n in found)


def sizes_text(dims: Mapping[str, int]) -> str:
    """Sizes as a reader writes them.

    Examples
    --------
    >>> sizes_text({"n": 1, "m": 2})
    'n=1, m=2'
    """
    return ", ".join(f"{name}={size}" for name, size in dims.items())


def as_arrays(value: Any) -> Any:
    """Lists of numbers as arrays, Tensors as their data; other leaves and containers as they are."""
    leaves, structure = flatten(value)
    if isinstance(value, list) and leaves and all(isinstance(x, (int, float, complex)) for x in leaves):
        return np.asarray(value)
    return unflatten(structure, [_as_leaf(leaf) for leaf in leaves])


def _as_leaf(leaf: Any) -> Any:
    if hasattr(type(leaf), "__apply_rule__"):
        leaf = leaf.data
    if isinstance(leaf, float):
        return np.float64(leaf)
    return leaf[()] if isinstance(leaf, np.ndarray) and leaf.ndim == 0 else leaf


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────


def name_of(f: Callable[..., Any]) -> str:
    """``by_hand()`` for a function, ``Net.backward()`` for a method, ``<lambda>`` stays readable.

    Examples
    --------
    >>> name_of(parse_shape)
    'parse_shape()'
    """
    name = getattr(f, "__name__", None) or type(f).__name__
    return "the lambda" if name == "<lambda>" else f"{name}()"


def parameter_names(f: Callable[..., Any], count: int) -> tuple[list[str], list[str]]:
    """All positional parameters of `f`, and those without a default; ``x0, x1 …`` where it has no signature."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        names = [f"x{i}" for i in range(count)]
        return names, names
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    names = [p.name for p in positional]
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        names += [f"x{i}" for i in range(len(names), count)]
    return names, [p.name for p in positional if p.default is p.empty]
