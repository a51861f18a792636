"""Numerical derivatives with an error bar: the referee between a derivation and autodiff.

``f(x + h) − f(x − h)`` over the *real* step, for h, h/2, h/4 …, extrapolated to h = 0 (Richardson). The best entry
of the table is the answer and the distance to its neighbours its error bar. Always in float64, whatever the inputs.

Large inputs: one random direction costs as much as one entry. A gradient that is off by δ (its norm) moves the
slope along a random normal direction by a normal number of spread δ; `detection_power` turns that into a chance.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import need_numbers
from ..errors import BadInputError, NotScalarError, describe
from ..failures import names_line, need_function
from ..pytree import flatten, unflatten

__all__ = ["Estimate", "detection_power", "directional_derivative", "gradient_difference", "numerical_gradient"]

EPS = float(np.finfo(np.float64).eps)
FIRST_STEP = 2.0**-6
LEVELS = 8
METHODS = ("auto", "richardson", "central", "complex")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number (or array) and how far off it may be."""

    value: Any
    error: float


@names_line
def numerical_gradient(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | tuple[int, ...] = 0,
    method: str = "auto",
    step: float | None = None,
    error: bool = False,
) -> Any:
    """Return the gradient of a scalar function by differences.

    Parameters
    ----------
    f : callable
        Returns one real number; any code at all.
    *args : array_like or containers of them
        float32 (and float16) inputs are handed over as float64.
    argnums : int or tuple of int
        Which arguments to differentiate.
    method : {"auto", "richardson", "central", "complex"}
        "central" is one difference of step ``eps**(1/3)`` times the entry's size. "richardson" extrapolates several.
        "complex" is ``Im f(x + ih)/h``, exact where f is analytic. "auto" takes the complex step where it agrees with
        differences along a random direction, else extrapolates.
    step : float, optional
        The (first) step, instead of one chosen from dtype and scale.
    error : bool
        Also return the estimated error, as an absolute bound of the same structure.

    Returns
    -------
    gradient : like the argument, in float64
    error : like the argument
        With ``error=True``.

    Raises
    ------
    NotScalarError
        If f's result is not one real number.

    Examples
    --------
    >>> numerical_gradient(lambda w: np.sum(w**3), np.array([1.0, 2.0]))
    array([ 3., 12.])
    >>> value, bound = numerical_gradient(np.exp, 1.0, method="richardson", error=True)
    >>> bool(abs(value - np.e) < bound < 1e-10)
    True
    """
    if method not in METHODS:
        raise BadInputError(f"method={method!r}: one of {', '.join(METHODS)}")
    need_function("numerical_gradient", f)
    if step is not None and not (isinstance(step, (int, float)) and step > 0):
        raise BadInputError(f"step={step!r}: a number above 0, or None for one chosen from dtype and scale")
    chosen = tuple(argnums) if isinstance(argnums, (tuple, list)) else (argnums,)
    if not all(isinstance(i, int) and not isinstance(i, bool) for i in chosen):
        raise BadInputError(f"argnums={argnums!r}: the place of an argument, 0 for the first, or a tuple of places")
    point = Point(f, args, chosen)
    if method == "auto":
        method = "complex" if step is None and point.is_analytic() else "richardson"
    gradients, errors = point.gradient(method, step)
    pick = (lambda both: both[0]) if isinstance(argnums, int) else tuple
    found = pick(unflatten(point.structure, gradients))
    return (found, pick(unflatten(point.structure, errors))) if error else found


@names_line
def directional_derivative(
    f: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], step: float | None = None
) -> Estimate:
    """Return the derivative of `f` along one direction, with its error bar; `f` may return an array.

    Parameters
    ----------
    f : callable
    primals, tangents : tuple
        The point and the direction, of one structure.
    step : float, optional
        The first step, in units of the direction.

    Returns
    -------
    Estimate
        ``.value`` (as f returns) and ``.error``, a bound on its norm.

    Examples
    --------
    >>> slope = directional_derivative(np.sin, (np.zeros(3),), (np.array([1.0, 2.0, 0.0]),))
    >>> np.round(slope.value, 12)
    array([1., 2., 0.])
    """
    point = Point(f, primals, tuple(range(len(primals))), scalar=False)
    return point.along(flatten(tuple(tangents))[0], step)


def detection_power(relative_error: float, tolerance: float, directions: int = 1) -> float:
    """Return the chance that `directions` random directions show an error of that relative size.

    A normal direction sees a normal number of spread ``relative_error``; it is missed below `tolerance`.

    Parameters
    ----------
    relative_error : float
        ‖wrong − right‖ / ‖right‖ of the gradient.
    tolerance : float
        What two slopes may differ by, relative to ‖right‖.
    directions : int

    Examples
    --------
    >>> round(detection_power(1e-3, 1e-8), 5)
    0.99999
    """
    if relative_error <= 0:
        return 0.0
    missed = math.erf(tolerance / relative_error / math.sqrt(2))
    return 1.0 - missed**directions


@names_line
def gradient_difference(a: Any, b: Any) -> float:
    """Return ‖a − b‖ / (‖a‖ + ‖b‖), the course's measure, over all entries of both.

    Below 1e-7 is great, 1e-5 deserves a look, 1e-3 and more is a worry (with a step of 1e-7 in float64 a right
    derivation can read 1.2e-7, so nothing between them proves a mistake: use `check_gradient`). It lies in [0, 1].

    Parameters
    ----------
    a, b : array_like or containers of them
        Two gradients with the same structure and shapes.

    Raises
    ------
    BadInputError
        If the shapes differ: the measure never broadcasts.

    Examples
    --------
    >>> gradient_difference(np.array([1.0, 2.0]), np.array([1.0, 2.0]))
    0.0
    >>> round(gradient_difference({"W": np.ones(3), "b": 1.0}, {"W": np.ones(3), "b": 2.0}), 4)
    0.2153
    """
    need_numbers("gradient_difference", *flatten(a)[0], *flatten(b)[0])
    left, structure = flatten(a)
    right, other = flatten(b)
    if structure != other and [np.shape(x) for x in left] != [np.shape(x) for x in right]:
        raise BadInputError(f"gradient_difference compares like with like, not {structure} with {other}")
    total = [0.0, 0.0, 0.0]
    for x, y in zip(left, right, strict=True):
        if np.shape(x) != np.shape(y):
            raise BadInputError(f"gradient_difference never broadcasts: shapes {np.shape(x)} and {np.shape(y)}")
        for k, part in enumerate((np.subtract(x, y, dtype=np.result_type(x, y, np.float64)), x, y)):
            total[k] += float(np.sum(np.abs(np.asarray(part, dtype=np.result_type(part, np.float64))) ** 2))
    apart, size_a, size_b = map(math.sqrt, total)
    return 0.0 if apart == 0 else apart / (size_a + size_b)


# ── a function at a point ────────────────────────────────────────────────────────────────────────────────────────


class Point:
    """`f` at `args`, to be moved in some of them: all in float64 (complex128)."""

    structure: Any

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], argnums: tuple[int, ...], scalar: bool = True):
        for i in argnums:
            if not -len(args) <= i < len(args):
                raise BadInputError(f"argnums={i}, but there are {len(args)} arguments")
        self.f: Callable[..., Any] = f
        self.scalar: bool = scalar
        self.args: list[Any] = [_wide(a) for a in args]
        self.argnums: tuple[int, ...] = tuple(i % len(args) for i in argnums)
        leaves, self.structure = flatten(tuple(self.args[i] for i in self.argnums))
        self.leaves: list[Any] = [_moving(leaf) for leaf in leaves]

    def value(self, leaves: list[Any]) -> Any:
        """`f` with these leaves in place: a float, or whatever array it returns."""
        args = list(self.args)
        moved = unflatten(self.structure, [x[()] if x.ndim == 0 else x for x in leaves])
        for i, arg in zip(self.argnums, moved, strict=True):
            args[i] = arg
        with np.errstate(all="ignore"):
            y = self.f(*args)
        y = y.data if hasattr(type(y), "__apply_rule__") else y
        if not self.scalar:
            return y
        if np.size(y) != 1 or not isinstance(y, (int, float, complex, np.generic, np.ndarray)):
            raise NotScalarError(
                f"the gradient needs one number, the function returned {describe(y)}; "
                "for a function that returns arrays use directional_derivative, or tn.testing.assert_vjp"
            )
        return np.asarray(y).reshape(())[()]

    def at(self, directions: list[Any], t: float) -> tuple[float, Any]:
        """The position really reached along the direction, and f there."""
        moved = [x + t * d for x, d in zip(self.leaves, directions, strict=True)]
        length = sum(_inner(d, d) for d in directions)
        reached = sum(_inner(d, m - x) for d, m, x in zip(directions, moved, self.leaves, strict=True))
        return (reached / length if length else t), self.value(moved)

    def along(self, directions: list[Any], step: float | None = None) -> Estimate:
        """The extrapolated derivative along one direction."""
        directions = [np.asarray(d, dtype=x.dtype) for d, x in zip(directions, self.leaves, strict=True)]
        longest = max((float(np.max(np.abs(d))) for d in directions if d.size), default=0.0)
        if longest == 0.0:
            return Estimate(np.zeros_like(self.value(self.leaves)), 0.0)
        scale = max(_scale(x) for x in self.leaves) / longest
        if step is not None:
            return extrapolate(lambda t: self.at(directions, t), step)
        return cautious(lambda t: self.at(directions, t), FIRST_STEP * scale)

    def gradient(self, method: str, step: float | None) -> tuple[list[Any], list[Any]]:
        """All entries' derivatives and their errors, leaf by leaf."""
        gradients, errors = [], []
        for k, leaf in enumerate(self.leaves):
            g, e = np.zeros_like(leaf), np.zeros(leaf.shape)
            for i in np.ndindex(*leaf.shape):
                units = (1.0, 1j) if leaf.dtype.kind == "c" else (1.0,)
                for unit in units:
                    found = self.entry(k, i, unit, method, step)
                    g[i] += unit * float(np.real(found.value))
                    e[i] += found.error
            gradients.append(g[()])
            errors.append(e[()])
        return gradients, errors

    def entry(self, k: int, i: tuple[int, ...], unit: complex, method: str, step: float | None) -> Estimate:
        """The derivative in one entry of one leaf."""
        leaf = self.leaves[k]
        size = max(abs(complex(leaf[i])), _scale(leaf))

        def moved_by(t: complex) -> tuple[complex, Any]:
            moved = leaf.astype(np.result_type(leaf, np.complex128)) if isinstance(t, complex) else leaf.copy()
            moved[i] += t * unit if leaf.dtype.kind == "c" else t
            reached = (moved[i] - leaf[i]) / unit
            return reached, self.value([*self.leaves[:k], moved, *self.leaves[k + 1 :]])

        if method == "complex":
            return _complex_step(moved_by, step)
        if method == "central":
            return _central(moved_by, EPS ** (1 / 3) * size if step is None else step)
        return cautious(moved_by, FIRST_STEP * size) if step is None else extrapolate(moved_by, step)

    def is_analytic(self) -> bool:
        """Whether the complex step works here: along one random direction it agrees with differences."""
        if any(leaf.dtype.kind == "c" for leaf in self.leaves) or not any(leaf.size for leaf in self.leaves):
            return False
        rng = np.random.default_rng(0)
        directions = [rng.standard_normal(leaf.shape) for leaf in self.leaves]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                y = self.value([x + 1e-30j * d for x, d in zip(self.leaves, directions, strict=True)])
        except Exception:
            return False
        if np.asarray(y).dtype.kind != "c":
            return False
        exact, slope = np.imag(y) / 1e-30, self.along(directions)
        return bool(abs(exact - slope.value) <= 4 * slope.error + 1e-9 * abs(slope.value))


def cautious(phi: Callable[[float], tuple[Any, Any]], step: float) -> Estimate:
    """Extrapolate, and again from smaller steps while the error bar is wide: a kink may lie within the first steps.

    Small steps can also lie: a function that cancels inside is flat over them. So an estimate that contradicts an
    earlier one beyond both error bars gets the contradiction as its bar.
    """
    first = best = extrapolate(phi, step)
    for smaller in (2.0**-8, 2.0**-16):
        if best.error <= 1e-7 * _size(best.value):
            break
        again = extrapolate(phi, step * smaller)
        if again.error < best.error:
            earlier = best if np.any(again.value) else first  # a flat function stays flat: that confirms nothing
            contradiction = _size(again.value - earlier.value) - 3 * earlier.error
            best = Estimate(again.value, max(again.error, contradiction))
    return best


def extrapolate(phi: Callable[[float], tuple[Any, Any]], step: float) -> Estimate:
    """Richardson's table of central differences for step, step/2 …; the entry with the smallest error bar.

    `phi(t)` returns the position really reached and the value there.
    """
    best = Estimate(math.nan, math.inf)
    row: list[Any] = []
    worse = 0
    for level in range(LEVELS + 6):
        h = step / 2**level
        (right, up), (left, down) = phi(h), phi(-h)
        if not (np.all(np.isfinite(up)) and np.all(np.isfinite(down))):
            row = []
            continue
        eps = _resolution(up)
        slope = np.subtract(up, down, dtype=np.result_type(up, down, np.float64)) / np.real(right - left)
        rounding = 4 * eps * float(np.max(np.abs(up), initial=0.0) + np.max(np.abs(down), initial=0.0)) / (2 * h)
        new = [slope]
        for k, earlier in enumerate(row):
            new.append(new[k] + (new[k] - earlier) / (4 ** (k + 1) - 1))
        improved = False
        for k in range(1, len(new)):
            bar = max(_size(new[k] - new[k - 1]), _size(new[k] - row[k - 1])) + rounding * math.sqrt(np.size(slope))
            if bar < best.error:
                best, improved = Estimate(new[k], bar), True
        row = new
        worse = 0 if improved else worse + 1
        if len(row) > 2 and (worse >= 2 or best.error <= 1e-13 * _size(best.value)):
            break
        if level >= LEVELS and len(row) > 2:
            break
    return best


def _resolution(value: Any) -> float:
    """The machine epsilon of what the function computed in: float32 code has few digits to difference."""
    dtype = np.asarray(value).dtype
    return float(np.finfo(dtype).eps) if dtype.kind in "fc" else EPS


def _central(phi: Callable[[float], tuple[Any, Any]], h: float) -> Estimate:
    """One central difference; its error bar is the change when the step is doubled."""
    found = []
    for step in (h, 2 * h):
        (right, up), (left, down) = phi(step), phi(-step)
        found.append((up - down) / np.real(right - left))
    return Estimate(found[0], float(abs(found[1] - found[0])) + EPS * float(abs(up)) / h)


def _complex_step(phi: Callable[[complex], tuple[Any, Any]], step: float | None) -> Estimate:
    h = 1e-30 if step is None else step
    _, y = phi(complex(0.0, h))
    if np.asarray(y).dtype.kind != "c":
        raise BadInputError("the complex step needs a function that computes with complex numbers; use 'richardson'")
    slope = float(np.imag(y)) / h
    return Estimate(slope, 8 * EPS * abs(slope))


def _wide(arg: Any) -> Any:
    """Every real array of the argument in float64."""
    leaves, structure = flatten(arg)
    return unflatten(structure, [_wide_leaf(x) for x in leaves])


def _wide_leaf(x: Any) -> Any:
    x = x.data if hasattr(type(x), "__apply_rule__") else x
    dtype = getattr(x, "dtype", None)
    if dtype is None or dtype.kind not in "fc":
        return x
    return x.astype(np.complex128 if dtype.kind == "c" else np.float64)


def _moving(leaf: Any) -> Any:
    array = np.asarray(leaf)
    if array.dtype.kind not in "iufc":
        raise BadInputError(f"can't differentiate with respect to {describe(leaf)}: leave it out of argnums")
    return array.astype(np.float64) if array.dtype.kind in "iu" else array


def _scale(x: Any) -> float:
    """The size of a typical entry, and 1 for zeros."""
    size = float(np.sqrt(np.mean(np.abs(x) ** 2))) if x.size else 0.0
    return size if 0 < size < math.inf else 1.0


def _inner(a: Any, b: Any) -> float:
    return float(np.real(np.vdot(a, b)))


def _size(x: Any) -> float:
    return float(np.linalg.norm(np.ravel(x)))
