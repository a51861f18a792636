"""Independent judges of a derivative, and the checks that hold a function to them.

Nothing here asks the engine what a derivative is. Everything is real: complex arrays are packed as their real parts
followed by their imaginary parts, so a function is a map from R^n to R^m with a plain matrix J as derivative, and

    pull back   u ↦ Jᵀu        push forward   t ↦ J t        second order   ∇⟨w, ∇⟨u, f⟩⟩ = H w,  H = Hᵀ.

J comes from differences extrapolated to step zero (Richardson), in extended precision where NumPy computes in it,
with an error bar; where it does not, from a complex step if the function takes one.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

import tinygrad_notes as tn

EXTENDED = np.finfo(np.longdouble).eps < 1e-18


class WrongDerivative(AssertionError):
    """A derivative that differs from the oracle's, with both numbers."""


# ── trees of arrays, and their packing into one real vector ──────────────────────────────────────────────────────


def is_container(x: Any) -> bool:
    return isinstance(x, (tuple, list, dict))


def leaves(tree: Any) -> list[Any]:
    """The arrays of nested tuples, lists and dicts."""
    if isinstance(tree, dict):
        return [leaf for value in tree.values() for leaf in leaves(value)]
    if is_container(tree):
        return [leaf for value in tree for leaf in leaves(value)]
    return [tree]


def rebuild(tree: Any, values: Iterator[Any]) -> Any:
    """The same nesting over other leaves."""
    if isinstance(tree, dict):
        return {key: rebuild(value, values) for key, value in tree.items()}
    if is_container(tree):
        parts = [rebuild(value, values) for value in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return next(values)


def is_inexact(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.inexact)) and x.dtype.kind in "fc"


def pack(arrays: Sequence[Any], dtype: Any = float) -> np.ndarray:
    """One real vector of all inexact arrays: real parts, then imaginary parts of the complex ones."""
    parts = []
    for x in arrays:
        if is_inexact(x):
            x = np.asarray(x)
            parts.append(x.real.ravel())
            if x.dtype.kind == "c":
                parts.append(x.imag.ravel())
    return np.concatenate([p.astype(dtype) for p in parts]) if parts else np.zeros(0, dtype)


def unpack(vector: np.ndarray, likes: Sequence[Any]) -> list[Any]:
    """The arrays whose packing is `vector`, in its precision."""
    out, at = [], 0
    for like in likes:
        if not is_inexact(like):
            out.append(like)
            continue
        n = like.size
        x = vector[at : at + n]
        at += n
        if like.dtype.kind == "c":
            x = x + 1j * vector[at : at + n]
            at += n
        out.append(x.reshape(like.shape)[()])
    return out


# ── derivatives by differences ───────────────────────────────────────────────────────────────────────────────────


def extrapolated(f: Callable[[Any], np.ndarray], h: float, levels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """f'(0) of a function of one number from central differences at h, h/2, h/4 …, and an error bar."""
    row = [(f(h / 2**k) - f(-h / 2**k)) / (2 * h / 2**k) for k in range(levels)]
    previous = row
    order = 1
    while len(row) > 1:
        factor = 4**order
        previous, row = row, [(factor * row[i + 1] - row[i]) / (factor - 1) for i in range(len(row) - 1)]
        order += 1
    return row[0], np.abs(row[0] - previous[-1]) + np.abs(row[0] - previous[0]) / 256


def derivative_along(
    f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """J·direction of f: R^n → R^m at x, and an error bar for each entry.

    A kink or a pole nearer than the step shows as a wide bar; then a smaller step is tried.
    """
    best, bars = np.zeros(0), np.zeros(0)
    for h in (2.0**-6, 2.0**-9, 2.0**-13):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                value, bar = extrapolated(lambda s: f(x + x.dtype.type(s) * direction), h)
            except np.linalg.LinAlgError:
                continue  # left the domain: a smaller step
        if not best.size:
            best, bars = np.zeros_like(value), np.full_like(value, np.inf)
        better = bar < bars
        best[better], bars[better] = value[better], bar[better]
        if np.all(bars <= 1e-11 * (1 + np.abs(best))):
            break
    return best, bars


def jacobian_by_differences(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """J (m, n) of f: R^n → R^m at x, and an error bar for each entry."""
    m = f(x).size
    columns = [derivative_along(f, x, unit) for unit in np.eye(x.size, dtype=x.dtype)]
    J = np.array([value for value, _ in columns], x.dtype).reshape(x.size, m).T
    bars = np.array([bar for _, bar in columns], x.dtype).reshape(x.size, m).T
    return J, bars


def jacobian_by_complex_step(f: Callable[[np.ndarray], Any], x: np.ndarray) -> np.ndarray | None:
    """J of a real-analytic f that also computes with complex numbers, exact to rounding; None if it doesn't."""
    columns = []
    if not x.size:
        return None
    for j in range(x.size):
        z = x.astype(complex)
        z[j] += 1e-30j
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                y = f(z)
        except (TypeError, ValueError, np.linalg.LinAlgError):
            return None
        if not all(np.iscomplexobj(part) for part in y if is_inexact(part)):
            return None
        columns.append(np.concatenate([np.imag(part).ravel() / 1e-30 for part in y if is_inexact(part)] or [[]]))
    return np.stack(columns, axis=1)


# ── one function at one point ────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass
class Case:
    """A function at a point: the plain one to believe, the recorded one to judge.

    Attributes
    ----------
    name : str
    plain : callable
        On arrays: what NumPy says.
    recorded : callable
        The same on Tensors.
    args, kwargs
        The call. Float and complex arrays in them are inputs, unless `constant` says otherwise.
    constant : callable
        ``constant(key)`` for the position or the keyword of a top-level argument that takes no derivative.
    holomorphic : bool
        A complex step may be tried.
    """

    name: str
    plain: Callable[..., Any]
    recorded: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)
    constant: Callable[[Any], bool] = lambda _key: False
    holomorphic: bool = False

    @cached_property
    def slots(self) -> list[bool]:
        """For every leaf of the call, whether it is an input."""
        found = []
        for key, value in (*enumerate(self.args), *self.kwargs.items()):
            found += [is_inexact(leaf) and not self.constant(key) for leaf in leaves(value)]
        return found

    @cached_property
    def inputs(self) -> list[Any]:
        """The arrays to differentiate with respect to."""
        return [leaf for leaf, chosen in zip(leaves((self.args, self.kwargs)), self.slots, strict=True) if chosen]

    def call(self, f: Callable[..., Any], inputs: Sequence[Any]) -> Any:
        """`f` of the call with other inputs in their places."""
        given = iter(inputs)
        filled = [
            next(given) if chosen else leaf
            for leaf, chosen in zip(leaves((self.args, self.kwargs)), self.slots, strict=True)
        ]
        args, kwargs = rebuild((self.args, self.kwargs), iter(filled))
        return f(*args, **kwargs)

    def on_tensors(self, *inputs: Any) -> Any:
        return self.call(self.recorded, inputs)

    def on_arrays(self, inputs: Sequence[Any]) -> list[Any]:
        return leaves(self.call(self.plain, inputs))

    @cached_property
    def values(self) -> Any:
        """The plain result, as NumPy structures it."""
        return self.call(self.plain, self.inputs)

    def replaced(self, inputs: Sequence[Any]) -> Case:
        """The same call at another point."""
        args, kwargs = self.call(lambda *a, **k: (a, k), inputs)
        moved = dataclasses.replace(self, args=args, kwargs=kwargs)
        moved.slots = self.slots
        return moved

    def cotangent(self, rng: np.random.Generator) -> Any:
        """A random cotangent, in the structure of the result; zero for what carries no derivative."""

        def draw(y: Any) -> Any:
            if not is_inexact(y):
                return np.zeros(np.shape(y), getattr(y, "dtype", int))
            g = rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)
            if y.dtype.kind == "c":
                g = g + 1j * rng.uniform(0.5, 1.5, y.shape)
            return np.asarray(g, y.dtype)[()]

        return rebuild(self.values, iter([draw(y) for y in leaves(self.values)]))

    def tangents(self, rng: np.random.Generator) -> tuple[Any, ...]:
        """A random direction."""
        return tuple(
            np.asarray(
                rng.normal(size=x.shape) + (1j * rng.normal(size=x.shape) if x.dtype.kind == "c" else 0), x.dtype
            )[()]
            for x in self.inputs
        )

    def computes_in_extended_precision(self, point: np.ndarray) -> bool:
        """Whether NumPy really has the function in long double, and it is the same function there."""
        try:
            with np.errstate(all="ignore"):
                parts = [y for y in self.on_arrays(unpack(point, self.inputs)) if is_inexact(y)]
        except Exception:  # each library has its own word for "not in this dtype"
            return False
        ours = [y for y in leaves(self.values) if is_inexact(y)]
        return bool(parts) and all(
            np.finfo(wide.dtype).eps < 1e-18 and np.allclose(wide, y, rtol=1e-6, atol=1e-6, equal_nan=True)
            for wide, y in zip(parts, ours, strict=True)
        )

    @cached_property
    def oracle(self) -> tuple[np.ndarray, np.ndarray]:
        """J of the plain function and its error bars."""
        if EXTENDED:
            start = pack(self.inputs, np.longdouble)
            if self.computes_in_extended_precision(start):
                return jacobian_by_differences(
                    lambda v: pack(self.on_arrays(unpack(v, self.inputs)), np.longdouble), start
                )
        start = pack(self.inputs)
        J, bars = jacobian_by_differences(lambda v: pack(self.on_arrays(unpack(v, self.inputs))), start)
        if self.holomorphic and not any(np.iscomplexobj(x) for x in (*self.inputs, *leaves(self.values))):
            exact = jacobian_by_complex_step(lambda v: self.on_arrays(unpack(v, self.inputs)), start)
            if exact is not None and np.all(np.abs(exact - J) <= 1e-6 * (1 + np.abs(J)) + 100 * bars):
                return exact, 1e-14 * np.abs(exact)
        return J, bars


# ── judging ──────────────────────────────────────────────────────────────────────────────────────────────────────


def judge(what: str, ours: np.ndarray, oracle: np.ndarray, bars: np.ndarray) -> None:
    """Raise unless `ours` is the oracle's vector: 1e-9 of its size, or ten error bars (which must be small)."""
    if ours.shape != oracle.shape:
        raise WrongDerivative(f"{what}: shape {ours.shape}, the oracle's is {oracle.shape}")
    scale = 1 + np.abs(oracle)
    if not np.all(bars <= 1e-6 * scale):
        raise WrongDerivative(
            f"{what}: the oracle can't tell here (error bar {np.nanmax(bars):.1e}): is the sample on a kink, "
            f"or out of the domain? oracle {oracle}"
        )
    wrong = ~(np.abs(ours - oracle) <= 1e-9 * scale + 10 * bars)
    if wrong.any():
        k = int(np.argmax(np.where(wrong, np.abs(ours - oracle) / scale, -1)))
        raise WrongDerivative(
            f"{what}: entry {k} of {ours.size} is {ours[k]!r}, the oracle says {oracle[k]!r} ± {bars[k]:.1e} "
            f"({wrong.sum()} wrong)\n  ours   {ours}\n  oracle {oracle}"
        )


def same(what: str, ours: Any, expected: Any, tolerance: float = 1e-12) -> None:
    """Raise unless two lists of arrays agree in shape, dtype and value."""
    for k, (a, b) in enumerate(zip(ours, expected, strict=True)):
        a, b = np.asarray(a), np.asarray(b)
        if a.shape != b.shape or (a.dtype != b.dtype and not a.dtype.kind == b.dtype.kind == "i"):
            raise WrongDerivative(f"{what} [{k}]: {a.dtype} {a.shape}, expected {b.dtype} {b.shape}")
        if not np.allclose(a, b, rtol=tolerance, atol=tolerance * (1 + np.abs(b[np.isfinite(b)]).max(initial=0.0)),
                           equal_nan=True):  # fmt: skip
            raise WrongDerivative(f"{what} [{k}]:\n  ours     {a}\n  expected {b}")


def check_value(case: Case) -> None:
    """The value on Tensors is the plain function's: its dtype and shape, and its numbers to rounding."""
    tensors = [tn.Tensor(x) for x in case.inputs]
    given = case.on_tensors(*tensors)
    if type(given) is not type(case.values) and isinstance(case.values, (tuple, list)):
        assert isinstance(given, (tuple, list)), f"{case.name} returns {type(given).__name__}"
    ours = [y.data if isinstance(y, tn.Tensor) else y for y in leaves(given)]
    precision = max((np.finfo(y.dtype).eps for y in leaves(case.values) if is_inexact(y)), default=0.0)
    same(f"{case.name}: value", ours, leaves(case.values), 64 * precision)
    tracked = [isinstance(y, tn.Tensor) and y.node is not None for y in leaves(given)]
    assert any(tracked), f"{case.name} returned nothing that is tracked: a silent detach"
    for x, t in zip(case.inputs, tensors, strict=True):
        assert np.array_equal(t.data, x, equal_nan=True), f"{case.name} changed its input"


def gradient(case: Case, cotangent: Any, *inputs: Any) -> tuple[Any, ...]:
    """The engine's pullback of `cotangent`."""
    _, pullback = tn.vjp(case.on_tensors, *(inputs or case.inputs))
    pulled: tuple[Any, ...] = pullback(cotangent)
    return pulled


def locked(tree: Any) -> Any:
    """The same arrays, read-only: a rule that writes into its cotangent is caught."""

    def lock(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            x = x.view()
            x.flags.writeable = False
        return x

    return rebuild(tree, iter([lock(x) for x in leaves(tree)]))


def check_first_order(case: Case, rng: np.random.Generator) -> None:
    """Reverse and forward mode against the oracle, with a random cotangent and a random tangent."""
    J, bars = case.oracle
    u = locked(case.cotangent(rng))
    pulled = gradient(case, u)
    for x, g in zip(case.inputs, pulled, strict=True):
        assert (g.shape, g.dtype) == (x.shape, x.dtype), (
            f"{case.name}: gradient {g.dtype} {g.shape} of an input {x.dtype} {x.shape}"
        )
    packed = pack(leaves(u))
    judge(f"{case.name}: vjp", pack(pulled), J.T @ packed, bars.T @ np.abs(packed))

    t = locked(case.tangents(rng))
    y, pushed = tn.jvp(case.on_tensors, tuple(case.inputs), t)
    same(f"{case.name}: jvp's value", leaves(y), leaves(case.values), 1e-14)
    for value, tangent in zip(leaves(case.values), leaves(pushed), strict=True):
        if is_inexact(value):
            assert (tangent.shape, tangent.dtype) == (value.shape, value.dtype), (
                f"{case.name}: tangent {tangent.dtype} {tangent.shape} of a result {value.dtype} {value.shape}"
            )
    direction = pack(t)
    pushed = [p for p, v in zip(leaves(pushed), leaves(case.values), strict=True) if is_inexact(v)]
    judge(f"{case.name}: jvp", pack(pushed), J @ direction, bars @ np.abs(direction))


def check_first_order_along(case: Case, rng: np.random.Generator, directions: int = 3) -> None:
    """Both modes along random directions: J t of every entry, and ⟨u, J t⟩ = ⟨Jᵀu, t⟩. Cheaper than all of J."""
    u = locked(case.cotangent(rng))
    pulled = gradient(case, u)
    for x, g in zip(case.inputs, pulled, strict=True):
        assert (g.shape, g.dtype) == (x.shape, x.dtype), (
            f"{case.name}: gradient {g.dtype} {g.shape} of an input {x.dtype} {x.shape}"
        )
    start, packed = pack(case.inputs), pack(leaves(u))
    for _ in range(directions):
        t = case.tangents(rng)
        expected, bars = derivative_along(lambda v: pack(case.on_arrays(unpack(v, case.inputs))), start, pack(t))
        pushed = leaves(tn.jvp(case.on_tensors, tuple(case.inputs), t)[1])
        pushed = [p for p, v in zip(pushed, leaves(case.values), strict=True) if is_inexact(v)]
        judge(f"{case.name}: jvp", pack(pushed), expected, bars)
        product, width = np.atleast_1d(packed @ expected), np.atleast_1d(bars @ np.abs(packed))
        size = np.abs(packed) @ np.abs(expected)
        judge(f"{case.name}: vjp against t", np.atleast_1d(pack(pulled) @ pack(t)), product, width + 1e-11 * size)


def check_second_order(case: Case, rng: np.random.Generator) -> None:
    """The derivative of ⟨w, gradient⟩, reverse over reverse, forward over reverse, reverse over forward.

    The oracle differentiates the engine's own first-order gradient, which `check_first_order` has verified, along w:
    that is H w, while reverse mode gives Hᵀ w, so the Hessian's symmetry is checked as well.
    """
    u, w = case.cotangent(rng), case.tangents(rng)

    def first(*inputs: Any) -> tuple[Any, ...]:
        return gradient(case, u, *inputs)

    start, direction = pack(case.inputs), pack(w)
    expected, bars = derivative_along(lambda v: pack(first(*unpack(v, case.inputs))), start, direction)
    judge(f"{case.name}: vjp of vjp", pack(tn.vjp(first, *case.inputs)[1](w)), expected, bars)
    judge(f"{case.name}: jvp of vjp", pack(tn.jvp(first, tuple(case.inputs), w)[1]), expected, bars)

    def forward(*inputs: Any) -> Any:
        return tn.jvp(case.on_tensors, inputs, w)[1]

    y_dot, pullback = tn.vjp(forward, *case.inputs)
    if len(leaves(y_dot)) == len(leaves(u)):
        judge(f"{case.name}: vjp of jvp", pack(pullback(u)), expected, bars)


def check_each_alone(case: Case, rng: np.random.Generator) -> None:
    """With one input tracked and the others constants, its gradient is the same."""
    u = case.cotangent(rng)
    together = gradient(case, u)
    for k in range(len(case.inputs)):
        fixed = list(case.inputs)

        def alone(x: Any, k: int = k, fixed: list[Any] = fixed) -> Any:
            return case.on_tensors(*fixed[:k], x, *fixed[k + 1 :])

        try:
            _, pullback = tn.vjp(alone, case.inputs[k])
        except Exception as error:
            raise WrongDerivative(f"{case.name}: input {k} alone raises {error}") from error
        same(f"{case.name}: input {k} alone", pullback(u), (together[k],))


def check_twice(case: Case, rng: np.random.Generator) -> None:
    """f(a, a) with one Tensor in two places: the two partial derivatives add up."""
    first = case.inputs[0]
    twin = [k for k, x in enumerate(case.inputs) if k and x.shape == first.shape and x.dtype == first.dtype]
    if not twin:
        return
    k = twin[0]
    doubled = case.replaced([*case.inputs[:k], first, *case.inputs[k + 1 :]])
    try:
        with np.errstate(all="ignore"):
            u = doubled.cotangent(rng)
            parts = gradient(doubled, u)
            fixed = doubled.inputs
            _, pullback = tn.vjp(lambda a: doubled.on_tensors(a, *fixed[1:k], a, *fixed[k + 1 :]), first)
            total = pullback(u)
    except np.linalg.LinAlgError:
        return  # the two inputs may not be equal here
    same(f"{case.name}: f(a, a)", total, (parts[0] + parts[k],))


def layouts(x: Any) -> Iterator[Any]:
    """The same array in unusual memory: Fortran order, every second entry, negative strides."""
    if not isinstance(x, np.ndarray) or x.ndim == 0:
        return
    yield np.asfortranarray(x)
    spaced = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    spaced[..., ::2] = x
    yield spaced[..., ::2]
    yield x[::-1].copy()[::-1]


def check_layouts(case: Case, rng: np.random.Generator) -> None:
    """Inputs and cotangents in unusual layouts give the same numbers."""
    u = case.cotangent(rng)
    expected = gradient(case, u)
    variants = [list(layouts(x)) for x in case.inputs]
    seeds = [list(layouts(x)) for x in leaves(u)]
    for k in range(3):
        inputs = [v[k] if v else x for v, x in zip(variants, case.inputs, strict=True)]
        seed = rebuild(u, iter([v[k] if v else x for v, x in zip(seeds, leaves(u), strict=True)]))
        what = f"{case.name}: layout {('Fortran', 'every second', 'negative strides')[k]}"
        same(what, gradient(case, locked(seed), *map(locked, inputs)), expected, 1e-11)
    level = rebuild(u, iter([np.broadcast_to(x.flat[0], x.shape) if np.size(x) else x
                             for x in map(np.asarray, leaves(u))]))  # fmt: skip
    filled = rebuild(u, iter([np.array(x) for x in leaves(level)]))
    same(f"{case.name}: broadcast cotangent", gradient(case, level), gradient(case, filled), 1e-11)


# ── dtypes ───────────────────────────────────────────────────────────────────────────────────────────────────────

NARROW = {np.dtype("f2"): (np.float16, np.complex64), np.dtype("f4"): (np.float32, np.complex64)}
ROUGH = {np.dtype("f2"): 0.06, np.dtype("f4"): 2e-4}


def check_dtype(case: Case, dtype: np.dtype[Any], rng: np.random.Generator) -> bool:
    """In a narrower dtype: NumPy's dtype for the value, the input's for the gradient, and nearly the same numbers.

    Returns whether NumPy has the function in this dtype at all.
    """
    real, cplx = NARROW[dtype]
    inputs = [np.asarray(x, cplx if x.dtype.kind == "c" else real)[()] for x in case.inputs]
    narrow = case.replaced(inputs)
    wide = case.replaced([np.asarray(x, complex if x.dtype.kind == "c" else float)[()] for x in inputs])
    try:
        narrow.values  # noqa: B018 (computed once, here, to see whether NumPy can)
    except TypeError:
        return False
    check_value(narrow)
    u = narrow.cotangent(rng)
    ours = gradient(narrow, u)
    comparable = all(
        np.allclose(a, b, rtol=ROUGH[dtype], atol=ROUGH[dtype])
        for a, b in zip(leaves(narrow.values), leaves(wide.values), strict=True)
        if is_inexact(a)
    )  # partition leaves the order within each part to the dtype's algorithm
    wider = [
        _widen(x) if np.iscomplexobj(y) else np.real(_widen(x))
        for x, y in zip(leaves(u), leaves(wide.values), strict=True)
    ]
    reference = gradient(wide, rebuild(wide.values, iter(wider)))  # logm may be complex by rounding alone
    for k, (x, g, r) in enumerate(zip(inputs, ours, reference, strict=True)):
        assert (g.shape, g.dtype) == (x.shape, x.dtype), (
            f"{case.name}: gradient {k} is {g.dtype} {g.shape} for an input {x.dtype} {x.shape}"
        )
        assert not comparable or np.all(np.abs(g - r) <= ROUGH[dtype] * (1 + np.abs(r).max(initial=0))), (
            f"{case.name}: gradient {k} in {dtype} is far from the one in float64\n  {g}\n  {r}"
        )
    pushed = tn.jvp(narrow.on_tensors, tuple(inputs), narrow.tangents(rng))[1]
    for value, tangent in zip(leaves(narrow.values), leaves(pushed), strict=True):
        assert not is_inexact(value) or tangent.dtype == value.dtype, (
            f"{case.name}: tangent is {tangent.dtype}, the value {value.dtype}"
        )
    return True


def _widen(x: Any) -> Any:
    return np.asarray(x, {"f": float, "c": complex}.get(x.dtype.kind, x.dtype))[()]
