"""The two functions under check, and the ways of asking them: f's value and gradient, the hand-made gradient.

Neither ever sees an array that anybody else holds: each call gets its own copies.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..backward import seed_like
from ..errors import BadInputError, NotScalarError, describe
from ..pytree import flatten, unflatten
from ..tensor import Tensor
from ..transforms import Trace
from .draws import Draw, name_of, named_leaves, parameter_names
from .numerical import Estimate, Point
from .outputs import is_float, name_outputs, unread

__all__ = ["Subject", "Untraceable"]


class Untraceable(Exception):
    """`f` works on arrays but not on Tensors; the text says why."""


class Subject:
    """`f` and the function that computes its gradient by hand."""

    names: list[str]

    def __init__(self, f: Callable[..., Any], by_hand: Callable[..., Any], wrt: list[str] | None = None) -> None:
        self.f: Callable[..., Any] = f
        self.by_hand: Callable[..., Any] = by_hand
        self.wrt: list[str] | None = wrt
        self.names, _ = parameter_names(f, 99)
        self.pass_by_hand: Callable[[dict[str, Any]], Any] | None = None
        self.unread: list[str] = []  # keys of by_hand's result that name no input
        self.by_position: list[str] = []  # parameters of by_hand that are not f's, when it is called by position

    # f

    def value(self, draw: Draw) -> Any:
        """``f(inputs)`` on float64 arrays, as a NumPy scalar.

        Raises
        ------
        NotScalarError
            If it isn't one real number.
        """
        return self.scalar(self.call_f(widened(draw.inputs)))

    def call_f(self, inputs: Mapping[str, Any]) -> Any:
        """`f` on copies of these inputs; on constant Tensors if it only takes those."""
        with np.errstate(all="ignore"):
            try:
                y = self._apply(self.f, copied(inputs))
            except (AttributeError, TypeError):
                constants = {name: _constants(value) for name, value in inputs.items()}
                try:
                    y = self._apply(self.f, constants)
                except Exception:
                    y = self._apply(self.f, copied(inputs))  # the error that the user's own arrays raise
        return y.data if isinstance(y, Tensor) else y

    def _apply(self, f: Callable[..., Any], inputs: Mapping[str, Any]) -> Any:
        names = list(inputs)
        if names == self.names[: len(names)]:
            return f(*inputs.values())
        return f(**inputs)

    def scalar(self, y: Any) -> Any:
        """The one real number that a cost is."""
        number = isinstance(y, (int, float, complex, np.generic, np.ndarray))
        if not number or np.size(y) != 1:
            what = describe(y) if hasattr(y, "shape") else type(y).__name__
            raise NotScalarError(
                f"{name_of(self.f)} returned {what}, and a gradient needs one number: reduce it (np.sum, np.mean), "
                "or check its backward pass with tn.testing.assert_vjp"
            )
        if np.iscomplexobj(y):
            raise NotScalarError(f"{name_of(self.f)} returned a complex number; take np.real or np.abs of it")
        return np.asarray(y, dtype=np.float64).reshape(())[()]

    def overwritten_by_f(self, draw: Draw) -> list[str]:
        """The leaves that calling f overwrites."""
        return self._overwritten(draw, lambda mine: self._apply(self.f, mine))

    def overwritten_by_hand(self, draw: Draw) -> list[str]:
        """The leaves that the user's gradient function overwrites."""
        return self._overwritten(draw, self.call_by_hand)

    def _overwritten(self, draw: Draw, f: Callable[[dict[str, Any]], Any]) -> list[str]:
        before = draw.leaves
        mine = copied(draw.inputs)
        try:
            with np.errstate(all="ignore"):
                f(mine)
        except (AttributeError, TypeError):
            return []  # it only takes Tensors, which remember and are not overwritten
        after = named_leaves(mine)
        return [name for name, x in before.items() if name not in after or not same(x, after[name])]

    def autodiff(self, draw: Draw, names: list[str], single: bool = False) -> dict[str, Any]:
        """The gradients of f by autodiff, for the named leaves; in float32 with `single`.

        Raises
        ------
        Untraceable
            If `f` can't run on Tensors.
        """
        inputs = copied(widened(draw.inputs, single))
        leaves = named_leaves(inputs)
        chosen = {name: leaves[name] for name in names}

        def body(*moving: Any) -> Any:
            return self._apply(self.f, draw_with(inputs, dict(zip(chosen, moving, strict=True))))

        try:
            with np.errstate(all="ignore"):
                trace = Trace(body, tuple(chosen.values()), tuple(range(len(chosen))))
                root = trace.root()
                gradients = trace.pull(root, None if root is None else _ones(root))
        except Exception as error:
            raise Untraceable(first_line(error)) from error
        if root is None:
            raise Untraceable("nothing recorded leads from the inputs to its result")
        return {name: np.asarray(g)[()] for name, g in zip(names, gradients, strict=True)}

    def point(self, draw: Draw, names: list[str]) -> Point:
        """`f` at this draw, to be moved in the named leaves, for the numerical referee."""
        inputs = widened(draw.inputs)
        leaves = named_leaves(inputs)

        def body(*moving: Any) -> Any:
            y = self.call_f(draw_with(inputs, dict(zip(names, moving, strict=True))))
            number = self.scalar(y)
            single = isinstance(y, (np.ndarray, np.generic)) and y.dtype.kind == "f"
            return number.astype(y.dtype) if single else number  # in its own precision, for the error bar

        return Point(body, tuple(leaves[name] for name in names), tuple(range(len(names))))

    def slope(self, draw: Draw, directions: Mapping[str, Any]) -> Estimate:
        """The numerical derivative of f along a direction."""
        return self.point(draw, list(directions)).along(list(directions.values()))

    # the hand-made gradient

    def hand(self, draw: Draw) -> dict[str, Any]:
        """What the user's function returns at these inputs, keyed by the leaf it belongs to."""
        result = self.call_by_hand(copied(draw.inputs))
        self.unread = unread(result, draw.inputs)
        return name_outputs(result, draw.inputs, self.wrt, self.by_hand)

    def call_by_hand(self, inputs: dict[str, Any]) -> Any:
        """The user's function on these very arrays."""
        if self.pass_by_hand is None:
            self.pass_by_hand = self._how_to_call(inputs)
        with np.errstate(all="ignore"):
            return self.pass_by_hand(inputs)

    def _how_to_call(self, inputs: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
        """By name where the names are f's (or its local variables'), else by position."""
        by_hand = self.by_hand
        try:
            parameters = list(inspect.signature(by_hand).parameters.values())
        except (TypeError, ValueError):
            return lambda given: by_hand(*given.values())
        usable = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        needed = [p.name for p in usable if p.default is p.empty]
        if len(usable) < len(parameters):  # *args or positional-only parameters
            return lambda given: by_hand(*given.values())
        if all(name in inputs for name in needed):
            asked = [p.name for p in usable if p.name in inputs]
            return lambda given: by_hand(**{name: given[name] for name in asked})
        if len(needed) <= len(inputs) <= len(usable) and not any(name in inputs for name in needed):
            self.by_position = [p.name for p in usable]
            return lambda given: by_hand(*given.values())
        extra = [name for name in needed if name not in inputs]
        known = self.intermediates(inputs)
        lacking = [name for name in extra if name not in known and name != "cache"]
        if not lacking:
            return lambda given: by_hand(**self._with_intermediates(given, needed, extra))
        raise BadInputError(
            f"{name_of(by_hand)} needs {', '.join(lacking)}: neither an input of {name_of(self.f)} "
            f"({', '.join(inputs)}) nor one of its local variables"
        )

    def _with_intermediates(self, inputs: dict[str, Any], needed: list[str], extra: list[str]) -> dict[str, Any]:
        known = self.intermediates(inputs)
        given = {name: inputs[name] for name in needed if name in inputs}
        return {**given, **copied({name: known.get(name, known) for name in extra})}

    def intermediates(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The local variables of `f` when it returns: what ``backward(cache)`` wants."""
        f = inspect.unwrap(self.f)
        code = getattr(f, "__code__", None) or getattr(vars(type(f)).get("__call__"), "__code__", None)
        found: dict[str, Any] = {}
        with _watching_returns(code, found):
            self.call_f(inputs)
        return found


@contextmanager
def _watching_returns(code: Any, found: dict[str, Any]) -> Iterator[None]:
    """Collect the locals of `code` whenever it returns."""

    def watch(frame: Any, event: str, _arg: Any) -> None:
        if event == "return" and frame.f_code is code:
            found.clear()
            found.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)


def _ones(root: Any) -> Any:
    like = root.like
    if like.size != 1:
        raise NotScalarError("not one number")
    return seed_like(root, None) if like.shape == () else np.ones(like.shape, like.dtype)


def _constants(value: Any) -> Any:
    leaves, structure = flatten(value)
    return unflatten(structure, [Tensor(x, requires_grad=False) if is_float(x) else x for x in leaves])


# ── inputs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def copied(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The same inputs with every array copied."""
    found: dict[str, Any] = {}
    for name, value in inputs.items():
        if isinstance(value, np.ndarray):
            found[name] = value.copy()
        elif isinstance(value, np.generic):
            found[name] = value
        else:
            leaves, structure = flatten(value)
            found[name] = unflatten(structure, [x.copy() if isinstance(x, np.ndarray) else x for x in leaves])
    return found


def widened(inputs: Mapping[str, Any], single: bool = False) -> dict[str, Any]:
    """The same inputs with float arrays in float64, complex ones in complex128 (with `single`, half as wide)."""
    found = {}
    for name, value in inputs.items():
        if isinstance(value, (np.ndarray, np.generic)):
            found[name] = wide(value, single)
        else:
            leaves, structure = flatten(value)
            found[name] = unflatten(structure, [wide(x, single) for x in leaves])
    return found


def wide(x: Any, single: bool = False) -> Any:
    """One leaf in float64 or complex128; integers, labels and other things as they are."""
    kind = getattr(getattr(x, "dtype", None), "kind", "O")
    if kind not in "fc":
        return x
    real, complex_ = (np.float32, np.complex64) if single else (np.float64, np.complex128)
    return x.astype(complex_ if kind == "c" else real)


def draw_with(inputs: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs with some leaves (arrays or Tensors) replaced."""
    if all(name in inputs for name in changes):
        return {**inputs, **changes}
    names = list(named_leaves(inputs))
    leaves, structure = flatten(list(inputs.values()))
    changed = [changes.get(name, leaf) for name, leaf in zip(names, leaves, strict=True)]
    return dict(zip(inputs, unflatten(structure, changed), strict=True))


def same(a: Any, b: Any) -> bool:
    """Whether two leaves are equal in shape and bit for bit in value (NaN equals NaN)."""
    if not isinstance(a, (np.ndarray, np.generic)) or not isinstance(b, (np.ndarray, np.generic)):
        return a is b or bool(np.all(a == b))
    return bool(a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc"))


def first_line(error: BaseException) -> str:
    """``ValueError: what it said``, without the rest of a long message.

    Examples
    --------
    >>> first_line(ValueError("shapes differ" + chr(10) + "hint"))
    'ValueError: shapes differ'
    """
    text = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {text}".rstrip(": ")
