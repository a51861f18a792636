"""`assert_vjp`: the backward pass of a function that returns arrays: a hand-written kernel, a rule, a C extension.

    y = f(x),  vjp(g, x) = Jᵀ g        for every g, so ⟨J v, g⟩ = ⟨v, vjp(g, x)⟩

First the laws that need no derivative at all (nothing for g = 0, linear in g, the input's shape and dtype, the same
twice, nothing overwritten); then the values: vjp(g, ·) is the gradient of Σ g·f, which `check_gradient` knows to judge.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import BadInputError, user_line
from ..failures import names_line, need_function
from ..pytree import flatten, unflatten
from .checking import Check
from .distributions import normal
from .draws import Draw, Recipe, name_of, named_leaves, recipe_for
from .judge import Finding, norm
from .outputs import name_outputs, wanted_names
from .report import GradientError, Report, Slip
from .subject import copied

__all__ = ["assert_vjp", "check_vjp"]

LAWFUL = 2
"""On so many draws the laws are tried."""


@names_line
def assert_vjp(
    f: Callable[..., Any],
    vjp: Callable[..., Any],
    *args: Any,
    shapes: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    wrt: Any = None,
    dims: Any = None,
    seed: int = 0,
    max_examples: int = 10,
    rtol: float | None = None,
    atol: float | None = None,
    order: int = 1,
    dtype: Any = np.float64,
    diagnose: bool = True,
    verbose: bool = False,
    artefacts: str | os.PathLike[str] | None = None,
) -> None:
    """Raise a `GradientError` unless `vjp` is the backward pass of `f`.

    Takes what `check_vjp` takes.

    Raises
    ------
    GradientError
        With the `Report` in ``error.report``.

    Examples
    --------
    >>> assert_vjp(np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2), shapes={"x": "n m"})
    >>> assert_vjp(np.matmul, lambda g, a, b: (g @ b.T, a.T @ g), np.ones((2, 3)), np.ones((3, 4)))
    """
    __tracebackhide__ = True
    report = check_vjp(
        f,
        vjp,
        *args,
        shapes=shapes,
        given=given,
        wrt=wrt,
        dims=dims,
        seed=seed,
        max_examples=max_examples,
        rtol=rtol,
        atol=atol,
        order=order,
        dtype=dtype,
        diagnose=diagnose,
        verbose=verbose,
        artefacts=artefacts,
    )
    if not report:
        raise GradientError(report)


@names_line
def check_vjp(
    f: Callable[..., Any],
    vjp: Callable[..., Any],
    *args: Any,
    shapes: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    wrt: Any = None,
    dims: Any = None,
    seed: int = 0,
    max_examples: int = 10,
    rtol: float | None = None,
    atol: float | None = None,
    order: int = 1,
    dtype: Any = np.float64,
    diagnose: bool = True,
    verbose: bool = False,
    artefacts: str | os.PathLike[str] | None = None,
) -> Report:
    """Check a hand-written backward pass.

    Parameters
    ----------
    f : callable
        Any function of arrays that returns an array, or a container of arrays. It need not be differentiable here:
        then numerical differences judge.
    vjp : callable
        ``vjp(g, *inputs)`` or ``vjp(g, y, *inputs)``: one gradient per input (None where there is none), a dict, or
        one array. `g` has f's result's structure.
    *args, shapes, given, wrt, dims, seed, max_examples, rtol, atol, dtype, diagnose, verbose, artefacts
        As in `check_gradient`. Without `shapes` an anonymous argument is called ``x0``.
    order : {1, 2}
        2 also differentiates `vjp` by autodiff, in g and in the inputs.

    Returns
    -------
    Report
        True when right.

    Examples
    --------
    >>> report = check_vjp(np.sin, lambda g, x: np.cos(x), shapes={"x": "n"}, diagnose=False)
    >>> report.verdict, report.slips[0].text
    ('wrong', 'vjp(0) is not 0: the upstream gradient g is not used in dx')
    """
    need_function("check_vjp", f)
    need_function("check_vjp(f, vjp)", vjp)
    if order not in (1, 2):
        raise BadInputError(f"order={order}: 1 checks the gradient, 2 its derivative too; there is no other")
    f = _with_names(f, list(shapes) if shapes else None)
    inner = recipe_for(f, args, shapes, given, dims, dtype)
    recipe = Upstream(f, inner, seed)
    hand = _hand(f, vjp, recipe, wrt)
    check = VjpCheck(_projected(f, recipe), hand, recipe, wrt, seed, max_examples, rtol, atol)
    check.report.f_name, check.report.hand_name = name_of(f), name_of(vjp)
    check.vjp, check.differentiable = hand, f
    check.run()
    return check.finished(order, diagnose, False, verbose, artefacts)


class Upstream(Recipe):
    """Draws the inputs, and an upstream gradient of f's result's shape beside them."""

    __slots__ = ("f", "inner", "name")

    def __init__(self, f: Callable[..., Any], inner: Recipe, seed: int) -> None:
        names = list(inner.structure) if inner.fixed is None else list(inner.fixed.inputs)
        self.f: Callable[..., Any] = f
        self.inner: Recipe = inner
        self.name: str = next(name for name in ("g", "dy", "upstream", "cotangent") if name not in names)
        fixed = None if inner.fixed is None else self.with_upstream(inner.fixed, np.random.default_rng([seed, 6]))
        super().__init__(
            inner.shapes,
            {**inner.distributions, self.name: normal},
            inner.structure,
            inner.symbols,
            inner.sizes,
            fixed,
            inner.dtype,
            inner.chosen_sizes,
        )

    def draw(self, rng: np.random.Generator, dims: Mapping[str, int] | None = None) -> Draw:
        """One random case, with its upstream gradient."""
        return self.with_upstream(self.inner.draw(rng, dims), rng)

    def with_upstream(self, draw: Draw, rng: np.random.Generator) -> Draw:
        """The case with a random upstream gradient first among its inputs."""
        y = _called(self.f, copied(draw.inputs))
        parts, structure = flatten(y)
        random = [_normal_like(part, rng) for part in parts]
        return Draw(draw.dims, {self.name: unflatten(structure, random), **draw.inputs})


def _normal_like(y: Any, rng: np.random.Generator) -> Any:
    y = np.asarray(y.data if hasattr(type(y), "__apply_rule__") else y)
    if y.dtype.kind not in "fc":
        return np.zeros(y.shape)[()]
    g = rng.standard_normal(y.shape)
    if y.dtype.kind == "c":
        g = g + 1j * rng.standard_normal(y.shape)
    return np.asarray(g).astype(y.dtype)[()]


class VjpCheck(Check):
    """A check of Σ g·f that also tries the laws of a backward pass."""

    vjp: Callable[..., Any]
    differentiable: Callable[..., Any]

    def compute(self, draw: Draw) -> bool:
        """The gradients, and on the first draws the laws."""
        if not super().compute(draw):
            return False
        if len(self.draws) < LAWFUL:
            for name in self.names:
                broken = self.broken_law(draw, name)
                if broken is not None and not any(slip == broken for slip in self.report.slips):
                    self.report.slips.append(broken)
                    self.note(name, Finding("wrong", "law"))
                    self.failing: Draw | None = self.failing or draw
        return True

    def broken_law(self, draw: Draw, name: str) -> Slip | None:
        """The first law that one output breaks."""
        hand, leaf, where = draw.hand[name], draw.leaves[name], f"d{name}"
        if np.shape(hand) != np.shape(leaf) or not np.all(np.isfinite(hand)):
            return None  # said by the comparison
        wanted = getattr(leaf, "dtype", None)
        g = draw.inputs[self.recipe.name] if isinstance(self.recipe, Upstream) else leaf
        if (
            wanted is not None
            and wanted.kind in "fc"
            and hand.dtype not in (wanted, np.result_type(leaf, *flatten(g)[0]))
        ):
            return Slip("dtype", where, f"{where} is {hand.dtype}, {name} is {wanted}")
        zero = self.at(draw, 0.0)[name]
        if norm(zero) > 0:
            return Slip("upstream", where, f"vjp(0) is not 0: the upstream gradient g is not used in {where}")
        eps = float(np.finfo(hand.dtype).eps) if hand.dtype.kind in "fc" else 2e-16
        doubled = self.at(draw, -2.0)[name]
        if norm(doubled + 2 * hand) > 1e4 * eps * norm(hand):
            return Slip("extra-term", where, f"{where} is not linear in g: vjp(−2g) is not −2 vjp(g)")
        return None

    def at(self, draw: Draw, factor: float) -> dict[str, Any]:
        """The gradients for a multiple of the upstream gradient."""
        assert isinstance(self.recipe, Upstream)
        name = self.recipe.name
        parts, structure = flatten(draw.inputs[name])
        scaled = unflatten(structure, [(np.asarray(g) * np.asarray(factor, np.asarray(g).dtype))[()] for g in parts])
        return self.subject.hand(Draw(draw.dims, {**draw.inputs, name: scaled}))


# ── wrappers with the names of f's arguments ─────────────────────────────────────────────────────────────────────


def _with_names(f: Callable[..., Any], names: list[str] | None) -> Callable[..., Any]:
    """`f` itself, or `f` taking the shapes' names by position where it has no such parameters (a ufunc, a kernel)."""
    try:
        own = list(inspect.signature(f).parameters)
    except (TypeError, ValueError):
        own = []
    if names is None or all(name in own for name in names):
        return f

    def named(*args: Any) -> Any:
        return f(*args)

    named.__name__ = getattr(f, "__name__", type(f).__name__)
    _sign(named, names)
    return named


def _sign(f: Any, names: list[str]) -> None:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    f.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in names])


def _called(f: Callable[..., Any], inputs: Mapping[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        return f(*inputs.values())


def _projected(f: Callable[..., Any], recipe: Upstream) -> Callable[..., Any]:
    """``Σ g·f(inputs)``, whose gradient is vjp(g, inputs)."""

    def projected(g: Any, *inputs: Any) -> Any:
        parts, _ = flatten(f(*inputs))
        weights, _ = flatten(g)
        total: Any = 0.0
        for y, weight in zip(parts, weights, strict=True):
            total = total + (np.sum(np.real(np.conj(weight) * y)) if np.iscomplexobj(weight) else np.sum(weight * y))
        coarse = [
            y.dtype for y in parts if isinstance(y, (np.ndarray, np.generic)) and y.dtype in (np.float32, np.float16)
        ]
        return total.astype(coarse[0]) if coarse else total  # no more digits than f gave: the error bar needs to know

    projected.__name__ = name_of(f)
    _sign(projected, [recipe.name, *_names(recipe)])
    return projected


def _hand(f: Callable[..., Any], vjp: Callable[..., Any], recipe: Upstream, wrt: Any) -> Callable[..., Any]:
    """``vjp(g, inputs)`` or ``vjp(g, y, inputs)``, with f's names; its result as a dict."""
    names = _names(recipe)
    try:
        parameters = list(inspect.signature(vjp).parameters.values())
        needed = [
            p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        takes_result = len(needed) == len(names) + 2
    except (TypeError, ValueError):
        parameters, takes_result = None, False
    if parameters is not None:
        try:
            inspect.Signature(parameters).bind(*range(len(names) + 1 + takes_result))
        except TypeError as error:
            raise BadInputError(
                f"{name_of(vjp)} can't be called with g and the inputs of {name_of(f)} ({error}): "
                f"lambda g, {', '.join(names)}: …{user_line()}"
            ) from error

    def hand(g: Any, *inputs: Any) -> Any:
        given = dict(zip(names, inputs, strict=True))
        result = vjp(g, f(*inputs), *inputs) if takes_result else vjp(g, *inputs)
        return name_outputs(result, given, wanted_names(wrt, named_leaves(given)), vjp, keep=True)

    def called(*args: Any, **kwargs: Any) -> Any:
        return hand(*args, *(kwargs[name] for name in [recipe.name, *names][len(args) :]))

    called.__name__ = getattr(vjp, "__name__", "vjp")
    _sign(called, [recipe.name, *names])
    return called


def _names(recipe: Upstream) -> list[str]:
    inner = recipe.inner
    return list(inner.structure) if inner.fixed is None else list(inner.fixed.inputs)
