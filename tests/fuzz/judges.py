"""program → verdict. Nothing here asks the engine what a derivative is, except where two of its ways are compared.

values        the recorded run gives what NumPy gives, in shape, dtype and number
reverse       ⟨u, J t⟩ = ⟨Jᵀu, t⟩, J t from forward mode; gradients have their input's shape and dtype
differences   J t by Richardson extrapolation, in extended precision where NumPy computes in it
second order  H w: reverse over reverse and forward over reverse against differences of the gradient
backward      Tensor.backward() gives what the pullback gives
narrow        float16, float32, complex64: the double-precision gradient, to what rounding every step can change
torch         PyTorch's gradient of the same source
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from oracles import EXTENDED, derivative_along, is_inexact, locked, pack, unpack

import tinygrad_notes as tn
from tinygrad_notes import Tensor

from . import torch_names
from .program import Program

RELATIVE = 1e-9
MOST_BAR = 1e-6


class Wrong(AssertionError):
    """The engine's answer differs from an oracle's."""


class CannotTell(Exception):
    """A kink, a pole or an ill-conditioned program: no oracle can say."""


class Refused(Exception):
    """The engine declined in its own words."""


@dataclasses.dataclass
class Verdict:
    """What the judges say of a program.

    Attributes
    ----------
    status : {"right", "cannot tell", "refused", "wrong"}
    why : str
    by_torch : bool
        Whether PyTorch was among the judges.
    """

    status: str
    why: str = ""
    by_torch: bool = False


def verdict(program: Program, seed: int = 0) -> Verdict:
    """Judge a program; `seed` draws cotangents, directions, and which of the costlier judges are asked."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        judge = Judge(program, seed)
        try:
            judge.everything()
        except Wrong as wrong:
            return Verdict("wrong", str(wrong))
        except CannotTell as reason:
            return Verdict("cannot tell", str(reason))
        except Refused as reason:
            return Verdict("refused", str(reason))
    return Verdict("right", by_torch=judge.asked_torch)


def check(function: Callable[..., Any], *point: Any, seed: int = 0) -> None:
    """Raise unless every judge finds `function` right at `point`: what a pasted regression test calls.

    Parameters
    ----------
    function : callable
        Plain NumPy, returns a tuple of arrays; it may assign into its arguments.
    *point : array_like
    """
    program = Plain({f"x{k}": np.asarray(x)[()] for k, x in enumerate(point)}, {}, (), ())
    object.__setattr__(program, "function", function)
    for k in range(4):
        found = verdict(program, seed + k)
        if found.status != "right":
            raise Wrong(f"{found.status}: {found.why}")


class Plain(Program):
    """A program that is given as a Python function."""

    def widened(self) -> Program:
        wide = Plain(
            {k: np.asarray(v).astype(np.result_type(v, float))[()] for k, v in self.inputs.items()}, {}, (), ()
        )
        object.__setattr__(wide, "function", self.function)
        return wide


def copies(values: Sequence[Any]) -> list[Any]:
    return [v.copy() for v in values]


class Judge:
    """All judges of one program."""

    def __init__(self, program: Program, seed: int) -> None:
        self.program = program
        self.rng = np.random.default_rng(seed)
        self.point = list(program.inputs.values())
        self.plain = program.function
        self.narrow = program.is_narrow()
        self.eps = float(max([np.finfo(float).eps, *(np.finfo(x.dtype).eps for x in self.point), *self.narrowest()]))
        self.asked_torch = False

    def everything(self) -> None:
        self.first_order()
        if self.narrow:
            self.against_double()
            return
        self.differences()
        if self.rng.random() < 0.2:
            self.second_order()
        if self.rng.random() < 0.2:
            self.by_backward()
        if torch_names.available() and torch_names.applies(self.program):
            self.by_torch()

    # the engine's own answers, with its refusals and failures told apart

    def asked(self, what: str, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except (tn.errors.NoRuleError, tn.errors.LeavesGraphError) as refusal:
            raise Refused(f"{what}: {refusal}") from refusal
        except np.linalg.LinAlgError as error:
            raise CannotTell(f"{what}: {error}") from error
        except CannotTell:
            raise
        except ValueError as error:
            if "setting an array element with a sequence" in str(error):  # NumPy's words: a plain array is assigned to
                raise Refused(f"{what}: {error}") from error
            raise Wrong(f"{what} raises {type(error).__name__}: {error}") from error
        except Exception as error:
            raise Wrong(f"{what} raises {type(error).__name__}: {error}") from error

    def on_arrays(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        result: tuple[Any, ...] = self.plain(*copies(inputs))
        return result

    def pulled(self, cotangents: tuple[Any, ...], *inputs: Any) -> tuple[Any, ...]:
        result: tuple[Any, ...] = tn.vjp(self.plain, *inputs)[1](cotangents)
        return result

    def first_order(self) -> None:
        self.values = self.on_arrays(self.point)
        before = copies(self.point)
        self.cotangents = tuple(random_like(y, self.rng) for y in self.values)
        ys, pullback = self.asked("vjp", lambda: tn.vjp(self.plain, *self.point))
        self.same_values("vjp", ys)
        self.gradients = self.asked("pullback", lambda: pullback(locked(self.cotangents)))
        for k, (x, g) in enumerate(zip(self.point, self.gradients, strict=True)):
            if (g.shape, g.dtype) != (x.shape, x.dtype):
                raise Wrong(f"gradient {k} is {g.dtype} {g.shape}, the input {x.dtype} {x.shape}")
        self.tangents = tuple(random_like(x, self.rng) for x in self.point)
        ys, self.pushed = self.asked("jvp", lambda: tn.jvp(self.plain, tuple(self.point), locked(self.tangents)))
        self.same_values("jvp", ys)
        for k, (y, t) in enumerate(zip(self.values, self.pushed, strict=True)):
            if (t.shape, t.dtype) != (y.shape, y.dtype):
                raise Wrong(f"tangent {k} is {t.dtype} {t.shape}, the value {y.dtype} {y.shape}")
        for x, b in zip(self.point, before, strict=True):
            if not np.array_equal(x, b, equal_nan=True):
                raise Wrong("an input was written into")

    def same_values(self, what: str, ys: Any) -> None:
        for k, (a, b) in enumerate(zip(ys, self.values, strict=True)):
            if (np.shape(a), a.dtype) != (np.shape(b), b.dtype):
                raise Wrong(f"{what}: output {k} is {a.dtype} {np.shape(a)}, NumPy's {b.dtype} {np.shape(b)}")
            precision = 1e-10 if not self.narrow else 2000 * self.eps
            if not np.allclose(
                a, b, rtol=precision, atol=precision * (1 + np.max(np.abs(b), initial=0)), equal_nan=True
            ):
                self.ill_conditioned()
                raise Wrong(f"{what}: output {k} is\n{a}\nNumPy's\n{b}")

    def ill_conditioned(self) -> None:
        """Raise CannotTell where rounding each step alone moves the outputs noticeably."""
        runs = [pack(self.rounded_run(k)) for k in range(4)]
        spread = np.max(np.ptp(np.stack(runs), axis=0), initial=0)
        if not spread < 1e-8 * (1 + np.max(np.abs(runs[0]), initial=0)):
            raise CannotTell(f"rounding each step moves the outputs by {spread:.1e}")

    def rounded_run(self, seed: int) -> tuple[Any, ...]:
        result: tuple[Any, ...] = self.noisy(seed)(*copies([widen_number(x) for x in self.point]))
        return result

    def noisy(self, seed: int, size: float = 2.0**-50) -> Callable[..., Any]:
        """The program in double precision, the result of each step off by a relative rounding error of `size`."""
        rng = np.random.default_rng(seed)

        def noise(v: Any) -> Any:
            shape, kind = getattr(v, "shape", None), getattr(getattr(v, "dtype", None), "kind", "")
            if shape is None or kind not in "fc":
                return v
            return v * (1 + size * rng.choice([-1.0, 1.0], shape)) + 2.0**-10 * size * rng.choice([-1.0, 1.0], shape)

        wide = self.program.widened()
        stepped = wide.compiled(wide.source("{v} = noise({v})"), noise=noise) if wide.steps else wide.function

        def run(*xs: Any) -> Any:
            nonlocal rng
            rng = np.random.default_rng(seed)  # the same errors at each call
            return stepped(*map(noise, xs))

        return run

    # differences

    def packed_plain(self, v: Any) -> Any:
        return pack(self.on_arrays(unpack(v, self.point)), v.dtype)

    def extended(self) -> bool:
        """Whether NumPy computes all of it in long double."""
        if not EXTENDED:
            return False
        try:
            ys = self.on_arrays(unpack(pack(self.point, np.longdouble), self.point))
        except Exception:  # LAPACK, SciPy: each has its own word for "not in this dtype"
            return False
        return all(
            np.finfo(w.dtype).eps < 1e-18 and np.allclose(w, y, rtol=1e-11, atol=1e-11)
            for w, y in zip(ys, self.values, strict=True)
        )

    def differences(self) -> None:
        dtype = np.longdouble if self.extended() else float
        start, direction = pack(self.point, dtype), pack(self.tangents, dtype)
        ours, u = pack(self.pushed), pack(self.cotangents)
        try:
            expected, bars = derivative_along(self.packed_plain, start, direction)
        except Exception as error:
            raise CannotTell(f"NumPy itself fails beside the point: {error}") from error
        if expected.shape != ours.shape:
            raise CannotTell("beside the point the outputs have other shapes or dtypes")
        clear = bars <= MOST_BAR * (1 + np.abs(expected))
        self.compare("jvp", ours[clear], expected[clear], bars[clear], "jvp")
        product = float(u @ ours)
        size = float(np.abs(u) @ np.abs(ours)) + 1
        other = float(pack(self.gradients) @ pack(self.tangents))
        size += float(np.abs(pack(self.gradients)) @ np.abs(pack(self.tangents)))
        if not abs(product - other) <= 1e-10 * size:
            self.compare("vjp against jvp", np.array([other]), np.array([product]), np.array([1e-11 * size]), "vjp")
        if not clear.all():
            raise CannotTell(f"{(~clear).sum()} of {clear.size} outputs near a kink")

    def compare(self, what: str, ours: Any, expected: Any, bars: Any, way: str) -> None:
        wrong = ~(np.abs(ours - expected) <= RELATIVE * (1 + np.abs(expected)) + 10 * bars)
        if wrong.any():
            self.confirm(expected if way == "jvp" and expected.size == pack(self.pushed).size else None)
            spread = self.spread(way)
            if np.any(np.isnan(ours)) and not np.all(np.isnan(self.lost)):
                raise CannotTell(f"{what}: NaN at the point, a number beside it")
            if spread.shape != ours.shape:
                spread = np.max(spread, initial=0) * max(1, spread.size)
            if np.any(~(np.abs(ours - expected) <= 100 * spread + 10 * bars) & wrong):
                k = int(np.argmax(np.where(wrong, np.abs(ours - expected), -1)))
                raise Wrong(
                    f"{what}: entry {k} of {ours.size} is {ours[k]!r}, expected {expected[k]!r} ± {bars[k]:.1e}"
                )
            raise CannotTell(f"{what}: ill-conditioned, rounding moves it by {np.max(spread):.1e}")

    def confirm(self, expected: Any = None) -> None:
        """Raise CannotTell if one of several small steps leaves the line: a jump, a cut, a point outside the domain."""
        dtype = np.longdouble if self.extended() else float
        start, direction = pack(self.point, dtype), pack(self.tangents, dtype)
        middle = self.packed_plain(start)
        if self.kinds(start + dtype(2.0**-20) * direction) != self.kinds(start):
            raise CannotTell("beside the point a step's result turns complex, or real")
        if not all(np.all(np.isfinite(y)) for y in self.rounded_run(0)):
            raise CannotTell("rounding a step leaves the domain")
        slopes = []
        for h in (2.0**-5, 2.0**-9, 2.0**-14, 2.0**-20):
            for step in (dtype(h), dtype(-h)):
                try:
                    slopes.append((self.packed_plain(start + step * direction) - middle) / step)
                except Exception as error:
                    raise CannotTell(f"NumPy itself fails beside the point: {error}") from error
        left, right = slopes[-1], slopes[-2]
        scale = 1e-3 * (1 + np.abs(middle)) + np.abs(left) + np.abs(right)
        if not np.all(np.abs(left - right) <= 1e-3 * scale):
            raise CannotTell("the slopes on both sides differ")
        if not np.all(np.abs(slopes[-2] - slopes[-4]) <= 3e-2 * scale):
            raise CannotTell("the slope depends on the step")
        if expected is not None and not np.all(np.abs(right - expected) <= 3e-2 * scale):
            raise CannotTell("nearer to the point the slope is another")

    def kinds(self, v: Any) -> list[str]:
        """Of each step's result: "f" real, "c" complex."""
        seen = []

        def look(x: Any) -> Any:
            seen.append(getattr(getattr(x, "dtype", None), "kind", ""))
            return x

        if self.program.steps:
            looking = self.program.compiled(self.program.source("{v} = look({v})"), look=look)
            looking(*copies(unpack(v, self.point)))
        return seen

    def spread(self, way: str) -> Any:
        """By how much the engine's derivative moves when each step is rounded differently."""
        runs = []
        for k in range(4):
            f = self.noisy(k)
            try:
                f(*copies(self.point))
            except Exception as error:
                raise CannotTell(f"rounded otherwise, NumPy itself fails: {error}") from error
            if way == "jvp":
                runs.append(pack(self.asked("jvp", lambda f=f: tn.jvp(f, tuple(self.point), self.tangents))[1]))
            else:
                runs.append(pack(self.asked("vjp", lambda f=f: tn.vjp(f, *self.point)[1](self.cotangents))))
        if len({run.shape for run in runs}) > 1:
            raise CannotTell("rounding changes the shapes")
        self.lost = np.stack([np.sum(run) for run in runs])
        spread: Any = np.ptp(np.stack(runs), axis=0)
        return spread

    # second order

    def second_order(self) -> None:
        u, w = self.cotangents, self.tangents

        def first(*inputs: Any) -> tuple[Any, ...]:
            return self.pulled(u, *inputs)

        start, direction = pack(self.point), pack(w)

        def gradient(v: Any) -> Any:
            return pack(first(*unpack(v, self.point)))

        try:
            expected, bars = derivative_along(gradient, start, direction)
        except Exception as error:
            raise CannotTell(f"the gradient fails beside the point: {error}") from error
        clear = bars <= MOST_BAR * (1 + np.abs(expected))
        ways = {
            "vjp of vjp": lambda: tn.vjp(first, *self.point)[1](w),
            "jvp of vjp": lambda: tn.jvp(first, tuple(self.point), w)[1],
            "vjp of jvp": lambda: tn.vjp(lambda *xs: tn.jvp(self.plain, xs, w)[1], *self.point)[1](u),
        }
        for what, way in ways.items():
            found = pack(self.asked(what, way))
            wrong = clear & ~(np.abs(found - expected) <= 1e-8 * (1 + np.abs(expected)) + 10 * bars)
            if wrong.any():
                near = [
                    pack(first(*(x * (1 + 1e-13 * random_like(x, self.rng)) for x in self.point))) for _ in range(3)
                ]
                moved = np.ptp(np.stack(near), axis=0) * 1e6
                spread = np.max(self.spread("vjp"), initial=0)
                if not spread <= 1e-6 * (1 + np.max(np.abs(pack(self.gradients)), initial=0)):
                    raise CannotTell(f"{what}: rounding each step moves the gradient by {spread:.1e}")
                if np.any(wrong & ~(np.abs(found - expected) <= moved)):
                    self.linear(gradient, start)
                    others = [self.asked(what, partial(self.second, self.noisy(k))) for k in range(8)]
                    if not np.all(np.ptp(np.stack(others), axis=0) <= 1e-6 * (1 + np.abs(expected))):
                        raise CannotTell(f"{what}: rounding each step moves it")
                    k = int(np.argmax(np.where(wrong, np.abs(found - expected), -1)))
                    raise Wrong(f"{what}: entry {k} is {found[k]!r}, differences say {expected[k]!r} ± {bars[k]:.1e}")
        if not clear.all():
            raise CannotTell("second order near a kink")

    def second(self, f: Callable[..., Any]) -> Any:
        """The second derivative of another function than the program's."""
        return pack(tn.jvp(lambda *xs: tn.vjp(f, *xs)[1](self.cotangents), tuple(self.point), self.tangents)[1])

    def linear(self, gradient: Callable[[Any], Any], start: Any) -> None:
        """Raise CannotTell where the gradient has a kink: its slope along a + b is not that along a and along b."""
        for _ in range(8):
            a, b = self.rng.standard_normal((2, *start.shape))
            (at_a, _), (at_b, _), (at_both, bar) = (derivative_along(gradient, start, d) for d in (a, b, a + b))
            clear = bar <= MOST_BAR * (1 + np.abs(at_both))
            if not np.all(np.abs(at_a + at_b - at_both)[clear] <= 1e-3 * (1 + np.abs(at_both[clear]))):
                raise CannotTell("a kink of second order")

    def by_backward(self) -> None:
        """The same gradients from `Tensor.backward`."""
        tensors = [Tensor(x) for x in self.point]
        handles = [t.__copy__() for t in tensors]

        def run() -> None:
            ys = self.plain(*tensors)
            J = sum((np.sum(np.real(np.conj(u) * y)) for u, y in zip(self.cotangents, ys, strict=True)), 0.0)
            if isinstance(J, Tensor) and J.requires_grad:
                J.backward()

        self.asked("backward()", run)
        for k, (t, g) in enumerate(zip(handles, self.gradients, strict=True)):
            found = np.zeros_like(g) if t.grad is None else t.grad
            if not np.allclose(found, g, rtol=1e-9, atol=1e-9 * (1 + np.max(np.abs(g), initial=0))):
                raise Wrong(f"backward(): input {k} has the gradient\n{found}\nthe pullback says\n{g}")

    def by_torch(self) -> None:
        """PyTorch's gradients, where it runs the source and finds the same values."""
        try:
            ys, found = torch_names.gradients(self.program, self.cotangents)
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError):
            return  # not in PyTorch, or not in this form
        if any(
            a.shape != b.shape or not np.allclose(a, b, rtol=1e-9, atol=1e-9)
            for a, b in zip(ys, self.values, strict=True)
        ):
            return  # another convention
        self.asked_torch = True
        ours, expected = pack(self.gradients), pack(found)
        if ours.shape == expected.shape:
            size = np.max(np.abs(expected), initial=0)
            self.compare("vjp against PyTorch", ours, expected, np.full(ours.shape, 1e-10 * (1 + size)), "vjp")

    # narrow dtypes

    def against_double(self) -> None:
        """What the program in double precision says, to thirty times what rounding each step may change."""
        wide = self.program.widened()
        point = list(wide.inputs.values())
        u = tuple(widen_number(c) for c in self.cotangents)
        w = tuple(widen_number(t) for t in self.tangents)
        eps = self.eps
        ys = wide.function(*copies(point))
        if any(a.shape != b.shape for a, b in zip(ys, self.values, strict=True)):
            raise CannotTell("in double precision the outputs have other shapes")
        for a, b in zip(ys, self.values, strict=True):
            if not np.allclose(a, b, rtol=0, atol=100 * eps * (1 + np.max(np.abs(a), initial=0)), equal_nan=True):
                raise CannotTell("in double precision the outputs are others: rounding chose a sign or an order")
        u = tuple(
            np.asarray(c, y.dtype)[()] if y.dtype.kind == "c" or c.dtype.kind != "c" else np.real(c)
            for c, y in zip(u, ys, strict=True)
        )

        def both(f: Callable[..., Any]) -> tuple[Any, Any]:
            try:
                found = f(*copies(point))
            except Exception as error:
                raise CannotTell(f"rounded otherwise, NumPy itself fails: {error}") from error
            if any(a.shape != b.shape for a, b in zip(found, u, strict=True)):
                raise CannotTell("rounding changes the shapes")
            if any(a.dtype.kind == "f" and b.dtype.kind == "c" for a, b in zip(found, u, strict=True)):
                raise CannotTell("complex in one dtype, real in the other")
            return pack(tn.vjp(f, *point)[1](u)), pack(tn.jvp(f, tuple(point), w)[1])

        reference = self.asked("in double precision", lambda: both(wide.function))
        probes: list[tuple[Any, Any]] = []

        def limit(way: int, count: int) -> float:
            """What rounding may change, by that many runs that round otherwise."""
            while len(probes) < count:
                probes.append(self.asked("in double precision", lambda: both(self.noisy(len(probes), eps))))
            ref = reference[way]
            if any(probe[way].shape != ref.shape for probe in probes):
                raise CannotTell("rounding changes the shapes, or turns a gradient complex")
            spread = max((np.max(np.abs(probe[way] - ref), initial=0) for probe in probes[:count]), default=0.0)
            top = np.max(np.abs(ref), initial=0)
            if not spread <= 0.02 * (1 + top) or not top < 3e3:
                raise CannotTell(f"rounding in this dtype moves it by {spread:.1e} of {top:.1e}")
            return float(30 * spread + 100 * eps * (1 + top))

        for way, (what, mine) in enumerate((("vjp", pack(self.gradients)), ("jvp", pack(self.pushed)))):
            ref = reference[way]
            if mine.shape != ref.shape:
                raise CannotTell("complex in one dtype, real in the other")
            error = np.abs(mine - ref)
            # a tie may be broken alike in two runs: before a verdict more of them are asked
            if not np.all(error <= limit(way, 2)) and not np.all(error <= limit(way, 12)):
                k = int(np.argmax(error))
                raise Wrong(f"{what} in a narrow dtype: entry {k} is {mine[k]!r}, in double {ref[k]!r}")

    def narrowest(self) -> list[float]:
        text = self.program.source()
        names = [n for n in ("float16", "float32", "complex64") if f"np.{n}" in text]
        constants = [c.dtype for c in self.program.constants.values() if is_inexact(c)]
        return [float(np.finfo(d).eps) for d in (*map(np.dtype, names), *constants)]


def random_like(x: Any, rng: np.random.Generator) -> Any:
    """Random numbers in the array's shape and dtype."""
    value = rng.uniform(0.5, 1.5, np.shape(x)) * rng.choice([-1.0, 1.0], np.shape(x))
    if x.dtype.kind == "c":
        value = value + 1j * rng.uniform(-1.0, 1.0, np.shape(x))
    return np.asarray(value, x.dtype)[()]


def widen_number(x: Any) -> Any:
    return x.astype(complex if x.dtype.kind == "c" else float)
