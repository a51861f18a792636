"""The four ways to decide a formula, each by computing: `Gradient`, `Identity`, `Value`, `Procedure`; and `Every`.

A claim holds what is *not* the formula: the cost, the other side of the equation, the shapes of the inputs. It is
asked ``claim.decide(code)``, so that the formula as written, its repair and a mutant of it meet the same judge.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ..errors import BadInputError
from ..testing import Report, check_gradient
from ..testing.distributions import plain_values
from ..testing.draws import Draw, Recipe, recipe_for, sizes_text
from .formula import Formula

__all__ = ["Claim", "Decision", "Every", "Evidence", "Gradient", "Identity", "Procedure", "Value", "size"]

Evidence = dict[str, Any]
"""What a procedure saw: sentences, and whether they are true."""
EXAMPLES = 6
"""Random cases for each formula."""
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Decision:
    """What computing said about one formula.

    Attributes
    ----------
    verdict : {"right", "refuted", "cannot tell"}
    evidence : str
        What agreed; or the smallest counterexample.
    report : Report or None
        Of the gradient check, with the likely slip.
    """

    verdict: str
    evidence: str
    report: Report | None = None


class Claim(Protocol):
    """A judge of formulas."""

    def decide(self, code: str, thorough: bool = True) -> Decision:
        """Run the formula; ``thorough=False`` doesn't look for the slip or the smallest case."""

    def example(self) -> tuple[Formula | None, dict[str, Any]]:
        """Something to draw: a formula and small inputs for it."""


# ── gradients ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Gradient:
    """The formula's ``dW`` is the derivative of `cost` with respect to ``W``, for every such name it assigns.

    Parameters
    ----------
    cost : str
        Code whose last variable is the number that is differentiated. The formula may read the cost's inputs and
        its intermediate variables (``A``, ``Z1``).
    shapes : dict of str to str
        Shapes of the cost's inputs: ``{"X": "n m", "b": "1 1", "lam": ""}``.
    given, dims : dict, optional
        Distributions and sizes, as `tn.testing.check_gradient` takes them.
    wrt : str
        Inputs whose derivatives the formula must give; by default those that it gives.
    using : dict, optional
        More functions that cost and formula may call.

    Examples
    --------
    >>> Gradient("J = 3 * (a + b * c)", {"a": "", "b": "", "c": ""}).decide("db = 3 * c").verdict
    'right'
    """

    cost: str
    shapes: Mapping[str, str]
    given: Mapping[str, Any] | None = None
    dims: Any = None
    wrt: str | None = None
    using: Mapping[str, Any] = field(default_factory=dict)

    def decide(self, code: str, thorough: bool = True) -> Decision:
        """Compare with autodiff and numerical differences."""
        formula, cost = Formula(code, self.using), Formula(self.cost, self.using)
        unknown = [name for name in formula.inputs if name not in (*cost.inputs, *cost.outputs)]
        if unknown:
            return Decision("refuted", f"NameError: name {unknown[0]!r} is not defined")
        outputs = [name for name in formula.outputs if name.startswith("d") and name[1:] in cost.inputs]
        if not outputs:
            return Decision("refuted", f"no derivative is assigned, only {', '.join(formula.outputs)}")
        try:
            report = check_gradient(
                cost.function(cost.last),
                formula.function(outputs, cost.inputs),
                shapes=self.shapes,
                given=self.given,
                dims=self.dims,
                wrt=self.wrt,
                max_examples=EXAMPLES,
                diagnose=thorough,
            )
        except BadInputError as error:
            return Decision("refuted", f"{error}")
        verdict = {"wrong": "refuted"}.get(report.verdict, report.verdict)
        return Decision(verdict, str(report), report)

    def example(self) -> tuple[Formula | None, dict[str, Any]]:
        """The cost at small inputs."""
        cost = Formula(self.cost, self.using)
        return cost, _plain_draw(_recipe(self.shapes, self.given, self.dims)).inputs


# ── equations ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Identity:
    """The formula computes the same as another way of computing it, in shape and in value, for random inputs.

    Parameters
    ----------
    other : str or callable
        Code (its last variable counts) or a function, whose parameters are inputs' names. A function may return
        a dict: then each of its names is compared with the formula's variable of that name.
    shapes, given, dims, using
        As in `Gradient`.
    rtol : float
        Relative to the largest entry.

    Examples
    --------
    >>> Identity("z = np.sum(w * x)", {"w": "n", "x": "n"}).decide("z = w @ x").verdict
    'right'
    """

    other: str | Callable[..., Any]
    shapes: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] | None = None
    dims: Any = None
    using: Mapping[str, Any] = field(default_factory=dict)
    rtol: float = TOLERANCE

    def decide(self, code: str, thorough: bool = True) -> Decision:
        """Compare on random cases, then look for the smallest one that differs."""
        formula = Formula(code, self.using)
        recipe = _recipe(self.shapes, self.given, self.dims)
        rng = np.random.default_rng(0)
        for _ in range(EXAMPLES if recipe.shapes else 1):
            draw = recipe.draw(rng)
            fault = self._fault(formula, draw)
            if fault:
                return Decision("refuted", self._smallest(formula, recipe, draw, fault) if thorough else fault[1])
        cases = f"{EXAMPLES} random cases agree" if recipe.shapes else "computed and equal"
        return Decision("right", f"{cases} with {self._other_text()}")

    def _other_text(self) -> str:
        if isinstance(self.other, str):
            return self.other.strip().replace("\n", "; ")
        return (self.other.__doc__ or self.other.__name__.replace("_", " ")).strip().splitlines()[0]

    def _fault(self, formula: Formula, draw: Draw) -> tuple[str, str] | None:
        """What differs at one case: its kind and a sentence."""
        try:
            found = formula(**draw.inputs)
        except Exception as error:  # a formula that can't be computed is refuted by that
            return "raises", f"{type(error).__name__}: {error}"
        found = {**draw.inputs, **found}  # an input that should have been updated, and wasn't, keeps its value
        wanted = self._wanted(draw.inputs)
        if not isinstance(wanted, dict):
            wanted = {formula.last: wanted}
        for name, value in wanted.items():
            if name not in found:
                return "raises", f"{name} is not computed"
            fault = difference(found[name], value, self.rtol)
            if fault:
                return fault[0], f"{name}: {fault[1]}"
        return None

    def _wanted(self, inputs: Mapping[str, Any]) -> Any:
        if isinstance(self.other, str):
            other = Formula(self.other, self.using)
            return other(**inputs)[other.last]
        with np.errstate(all="ignore"):
            return self.other(**{name: inputs[name] for name in inspect.signature(self.other).parameters})

    def _smallest(self, formula: Formula, recipe: Recipe, draw: Draw, fault: tuple[str, str]) -> str:
        """The first failing case among small ones with plain numbers."""
        for small in _small_draws(recipe):
            found = self._fault(formula, small)
            if found and found[0] == fault[0]:
                draw, fault = small, found
                break
        read = {name: value for name, value in draw.inputs.items() if name in formula.inputs}
        sizes = f"{sizes_text(draw.dims)}: " if draw.dims else ""
        inputs = ", ".join(f"{name} = {shown(value)}" for name, value in read.items())
        return f"{sizes}{inputs}{' → ' if inputs else ''}{fault[1]}"

    def example(self) -> tuple[Formula | None, dict[str, Any]]:
        """The other side at small inputs."""
        other = Formula(self.other, self.using) if isinstance(self.other, str) else None
        return other, _plain_draw(_recipe(self.shapes, self.given, self.dims)).inputs


class Value:
    """The formula's value at given inputs is the number that the notes print.

    Parameters
    ----------
    wanted : number, array or dict of them
        Of the last variable, or of several by name.
    within : float
        Absolute room for a number printed with few digits.
    **inputs
        The formula's inputs.

    Examples
    --------
    >>> Value(33, a=5, b=3, c=2).decide("J = 3 * (a + b * c)").verdict
    'right'
    """

    def __init__(self, wanted: Any, *, within: float = 0.0, using: Mapping[str, Any] | None = None, **inputs: Any):
        self.wanted: Any = wanted
        self.within: float = within
        self.inputs: dict[str, Any] = inputs
        self.using: Mapping[str, Any] | None = using

    def decide(self, code: str, thorough: bool = True) -> Decision:
        """Run it and compare."""
        del thorough  # there is one case only
        formula = Formula(code, self.using)
        at = ", ".join(f"{name} = {shown(x)}" for name, x in self.inputs.items())
        at = f"{at} → " if at else ""
        try:
            found = formula(**self.inputs)
        except Exception as error:  # a formula that can't be computed is refuted by that
            return Decision("refuted", f"{at}{type(error).__name__}: {error}")
        wanted = self.wanted if isinstance(self.wanted, dict) else {formula.last: self.wanted}
        for name, number in wanted.items():
            fault = difference(found.get(name), number, TOLERANCE, self.within)
            if fault:
                return Decision("refuted", f"{at}{name}: {fault[1]}")
        return Decision("right", at + ", ".join(f"{name} = {shown(found[name])}" for name in wanted))

    def example(self) -> tuple[Formula | None, dict[str, Any]]:
        """The inputs."""
        return None, self.inputs


# ── procedures ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Procedure:
    """The claim is one about what the formula does: a function runs it and says what it saw.

    Parameters
    ----------
    check : callable
        ``check(run)`` or ``check(run, rng)`` returns a dict of sentences to booleans; all of them must be true.
        ``run(**inputs)`` gives all variables of the formula.
    using : dict, optional
        As in `Gradient`.

    Examples
    --------
    >>> def grows(run):
    ...     return {"e^x grows": run(x=1.0)["y"] > run(x=0.0)["y"]}
    >>> Procedure(grows).decide("y = np.exp(-x)").evidence
    'not so: e^x grows'
    """

    check: Callable[..., Evidence]
    using: Mapping[str, Any] = field(default_factory=dict)

    def decide(self, code: str, thorough: bool = True) -> Decision:
        """Run it and read the evidence."""
        del thorough  # the procedure is what it is
        formula = Formula(code, self.using)
        try:
            with np.errstate(all="ignore"):
                evidence = self._checked(formula)
        except Exception as error:  # a formula that can't be computed is refuted by that
            return Decision("refuted", f"{type(error).__name__}: {error}")
        failed = [text for text, true in evidence.items() if not np.all(true)]
        if failed:
            return Decision("refuted", f"not so: {failed[0]}")
        return Decision("right", "; ".join(evidence))

    def _checked(self, formula: Formula) -> Evidence:
        if len(inspect.signature(self.check).parameters) == 1:
            return self.check(formula)
        return self.check(formula, np.random.default_rng(0))

    def example(self) -> tuple[Formula | None, dict[str, Any]]:
        """Nothing to draw."""
        return None, {}


class Every:
    """Several claims about one formula; each must hold.

    Examples
    --------
    >>> Every(Value(9, x=3), Value(4, x=2)).decide("y = x * 3").evidence
    'x = 2 → y: 6, right is 4'
    """

    def __init__(self, *claims: Claim) -> None:
        self.claims = claims

    def decide(self, code: str, thorough: bool = True) -> Decision:
        """The first refutation, or all evidence."""
        found = []
        for claim in self.claims:
            decision = claim.decide(code, thorough)
            if decision.verdict != "right":
                return decision
            found.append(decision)
        report = next((d.report for d in found if d.report is not None), None)
        return Decision("right", "; ".join(d.evidence for d in found), report)

    def example(self) -> tuple[Formula | None, dict[str, Any]]:
        """That of the first claim that has one."""
        examples = [claim.example() for claim in self.claims]
        return next((x for x in examples if x[0] is not None), examples[0])


# ── comparing and drawing ────────────────────────────────────────────────────────────────────────────────────────


def difference(found: Any, wanted: Any, rtol: float, atol: float = 0.0) -> tuple[str, str] | None:
    """How two values differ, shape before value; None if they don't.

    Examples
    --------
    >>> difference(np.ones(2), 1.0, 1e-9)
    ('shape', 'shape (2,), right is ()')
    >>> difference(1.0, 2.0, 1e-9)
    ('value', '1, right is 2')
    """
    if found is None or isinstance(wanted, (str, bool, type(None))):
        return None if found is wanted or found == wanted else ("value", f"{shown(found)}, right is {shown(wanted)}")
    try:
        ours, theirs = np.asarray(found), np.asarray(wanted)
    except ValueError as error:
        return "shape", f"{error}"
    if ours.shape != theirs.shape:
        return "shape", f"shape {ours.shape}, right is {theirs.shape}"
    if ours.dtype.kind not in "biufc" or theirs.dtype.kind not in "biufc":
        same = bool(np.array_equal(ours, theirs))
    else:
        scale = np.max(np.abs(theirs), initial=0.0, where=np.isfinite(theirs))
        same = bool(np.allclose(ours, theirs, rtol=rtol, atol=max(atol, rtol * float(scale)), equal_nan=True))
    return None if same else ("value", f"{shown(found)}, right is {shown(wanted)}")


def shown(value: Any) -> str:
    """A value on one line.

    Examples
    --------
    >>> shown(np.array([[1.0], [-2.5]])), shown(0.1 + 0.2)
    ('[[1], [-2.5]]', '0.3')
    """
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, (np.ndarray, np.generic)):
        if np.size(value) > 24:
            return f"array of shape {np.shape(value)}"
        text = np.array2string(np.asarray(value), separator=", ", formatter={"float_kind": lambda x: f"{x:.4g}"})
        return " ".join(text.split())
    return str(value) if len(str(value)) < 200 else f"{str(value)[:200]}…"


def size(symbol: str) -> Callable[..., int]:
    """The size of a symbol of the shapes as an input: ``given={"m": size("m")}``.

    Examples
    --------
    >>> of_m = Identity("total = np.sum(x)", {"x": "m", "m": ""}, {"m": size("m")})
    >>> of_m.decide("total = np.mean(x) * m").verdict
    'right'
    """
    return lambda _rng, _shape, dims: int(dims[symbol])


def _recipe(shapes: Mapping[str, str], given: Mapping[str, Any] | None, dims: Any) -> Recipe:
    names = list(dict.fromkeys([*shapes, *(given or {})]))

    def inputs(*args: Any) -> None:
        """Take what is drawn."""

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    inputs.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])  # type: ignore[attr-defined]
    return recipe_for(inputs, (), shapes, given, dims)


def _plain_draw(recipe: Recipe) -> Draw:
    return recipe.draw(np.random.default_rng(0), {s: min(recipe.sizes[s]) for s in recipe.symbols})


def _small_draws(recipe: Recipe) -> Iterator[Draw]:
    """Cases from the smallest sizes up, with plain numbers."""
    rng = np.random.default_rng(1)
    allowed = [recipe.sizes[s] if recipe.chosen_sizes else (1, 2, 3) for s in recipe.symbols]
    for sizes in sorted(itertools.product(*allowed), key=sum)[:40]:
        dims = dict(zip(recipe.symbols, sizes, strict=True))
        for _ in range(4):
            draw = recipe.draw(rng, dims)
            yield draw.replaced({name: _plainly(recipe, name, x, rng) for name, x in draw.leaves.items()})


def _plainly(recipe: Recipe, name: str, x: Any, rng: np.random.Generator) -> Any:
    plain = plain_values(recipe.distributions[name]) if name in recipe.distributions else ()
    if not plain or not isinstance(x, (np.ndarray, np.floating)):
        return x
    return rng.choice(plain, np.shape(x))[()]
