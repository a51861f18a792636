"""Is this array that gradient? Tolerances, rounding, kinks, and what to do when the judges disagree.

Autodiff is the judge: a right derivation agrees to 1e-9 of the array's norm, a wrong one is off by percents. What lies
between is explained before anybody is accused:

* rounding: the gradient itself moves that much when every input moves in its last digit;
* a kink: the gradient jumps when the inputs move by a millionth, and any value between its two sides is accepted;
* numerical differences along the direction "yours − autodiff's" side with you: then the tool is at fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .draws import Draw
from .outputs import is_float
from .subject import Subject, wide

__all__ = ["Finding", "Judge", "norm", "perturbed"]

RTOL = {"float64": 1e-9, "complex128": 1e-9, "float32": 2e-5, "complex64": 2e-5, "float16": 5e-3}
ENTRY_RTOL = {"float32": 5e-4, "complex64": 5e-4, "float16": 5e-2}
KINK_SAMPLES = 40
EPS_RATIO = float(np.finfo(np.float64).eps / np.finfo(np.float32).eps)
MANY = 300
"""More entries than this are compared along random directions where only numerical differences are to be had."""
DIRECTIONS = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known about one output on one draw.

    Attributes
    ----------
    verdict : str
        "right", "wrong" or "cannot tell".
    why : str
        What decided: "" (the values), "shape", "nan", "dtype", "kink", "noise", "rounding", "disagree".
    text : str
        A sentence for the report, or "".
    """

    verdict: str
    why: str = ""
    text: str = ""


RIGHT = Finding("right")
WRONG = Finding("wrong")


class Judge:
    """Compares gradients of one `Subject`.

    Attributes
    ----------
    numeric : dict of str to str
        Outputs that are judged by numerical differences alone, with the reason.
    """

    def __init__(self, subject: Subject, rtol: float | None = None, atol: float | None = None, seed: int = 0) -> None:
        self.subject: Subject = subject
        self.rtol: float | None = rtol
        self.atol: float = 0.0 if atol is None else atol
        self.rng: np.random.Generator = np.random.default_rng([seed, 1])
        self.numeric: dict[str, str] = {}
        self.errors: dict[int, dict[str, Any]] = {}
        self.largest: float = 0.0

    # the truth

    def settle(self, draw: Draw, names: list[str]) -> None:
        """Fill ``draw.true`` for the named outputs."""
        traced = [name for name in names if name not in self.numeric]
        if traced:
            draw.true.update(self.subject.autodiff(draw, traced))
        for name in names:
            if name in self.numeric and name not in draw.true:
                self.by_differences(draw, name)

    def by_differences(self, draw: Draw, name: str) -> None:
        """Fill one output's truth from numerical differences, with its error bar."""
        point = self.subject.point(draw, [name])
        if point.leaves[0].size > MANY:
            return
        method = "complex" if point.is_analytic() else "richardson"
        gradients, errors = point.gradient(method, None)
        draw.true[name] = gradients[0]
        self.errors.setdefault(id(draw), {})[name] = errors[0]

    def referee(self, draw: Draw, names: list[str]) -> dict[str, tuple[float, float]]:
        """Outputs whose autodiff gradient numerical differences contradict: both slopes along a random direction."""
        contradicted = {}
        for name in names:
            slopes = self._contradiction(draw, name)
            if slopes is not None and self._lost_in_float32(draw, name) <= 0.1 * norm(draw.true[name]):
                nearby = perturbed(draw, self.rng, 1e-4)
                nearby.true = self.subject.autodiff(nearby, [name])
                if self._contradiction(nearby, name) is not None:
                    contradicted[name] = slopes
        return contradicted

    def _contradiction(self, draw: Draw, name: str) -> tuple[float, float] | None:
        truth = draw.true[name]
        direction = self.rng.standard_normal(np.shape(truth))
        if np.iscomplexobj(truth):
            direction = direction + 1j * self.rng.standard_normal(np.shape(truth))
        found = self.subject.slope(draw, {name: direction})
        ours = inner(truth, direction)
        apart = abs(float(np.real(found.value)) - ours)
        size = norm(truth) * norm(direction) / max(1.0, np.sqrt(np.size(truth)))
        if not np.isfinite(apart) or apart <= 10 * found.error + 1e-6 * size:
            return None
        return (ours, float(np.real(found.value))) if found.error < 0.1 * apart else None

    # comparing

    def compare(self, draw: Draw, name: str, thorough: bool = True) -> Finding:
        """Whether the hand-made gradient is the true one on this draw.

        ``thorough=False`` skips the search for excuses: for draws of an output that is known to be wrong.
        """
        hand = draw.hand[name]
        if name not in draw.true:
            return self._along_directions(draw, name)
        true = draw.true[name]
        if np.shape(hand) != np.shape(true):
            return Finding("wrong", "shape")
        if hand.dtype.kind not in "fciub":
            return Finding("wrong", "dtype")
        if not np.all(np.isfinite(true)):
            return Finding("cannot tell", "domain")
        if not np.all(np.isfinite(hand)):
            return Finding("wrong", "nan")
        if np.iscomplexobj(hand) and not np.iscomplexobj(true) and norm(np.imag(hand)) > 1e-9 * norm(true):
            return Finding("wrong", "dtype")
        if self.agree(hand, true, precision(draw, name), self.errors.get(id(draw), {}).get(name)):
            return RIGHT
        return self._excuse(draw, name) if thorough else WRONG

    def agree(self, hand: Any, true: Any, dtype: Any, bars: Any = None) -> bool:
        """Whether two arrays of one shape are equal up to the tolerance of `dtype`."""
        kind = dtype.name
        rtol = RTOL.get(kind, 1e-9) if self.rtol is None else self.rtol
        apart, size = norm(hand - true), norm(true)
        slack = self.atol * np.sqrt(np.size(true))
        if bars is not None:
            rtol, slack = max(rtol, 1e-7), slack + 10 * norm(bars)
        if size:
            self.largest = max(self.largest, apart / size if apart <= rtol * size + slack else 0.0)
        if apart > rtol * size + slack:
            return False
        entry = ENTRY_RTOL.get(kind)
        if entry is None or self.rtol is not None:
            return True
        typical = size / np.sqrt(max(1, np.size(true)))
        return bool(np.all(np.abs(hand - true) <= entry * np.abs(true) + 2e-2 * entry * typical + self.atol))

    def _along_directions(self, draw: Draw, name: str) -> Finding:
        """A large array against numerical differences: its slope along random directions."""
        hand = draw.hand[name]
        shape = np.shape(draw.leaves[name])
        if np.shape(hand) != shape:
            return Finding("wrong", "shape")
        for _ in range(DIRECTIONS):
            direction = self.rng.standard_normal(shape)
            found = self.subject.slope(draw, {name: direction})
            apart = abs(inner(hand, direction) - found.value)
            if apart > 1e-6 * norm(hand) + 10 * found.error:
                if found.error > 0.1 * apart:
                    return Finding("cannot tell", "noise", f"differences of {name} are too noisy here")
                slopes = f"yours {inner(hand, direction):.6g}, numerical {float(found.value):.6g}"
                return Finding("wrong", "directions", f"slope of d{name} along a random direction: {slopes}")
        return Finding(
            "right",
            "directions",
            f"the {np.size(hand)} numbers of {name} were compared along {DIRECTIONS} random directions: an error of "
            "1e-5 of its size is seen with a chance above 99 %",
        )

    def _excuse(self, draw: Draw, name: str) -> Finding:
        """Look for an innocent reason why the two differ."""
        hand, true = draw.hand[name], draw.true[name]
        dtype = precision(draw, name)
        apart = norm(hand - true)
        if apart <= 32 * np.finfo(dtype).eps * self._natural_size(draw, name):
            return RIGHT
        if name in self.numeric:
            return self._excuse_from_differences(draw, name, apart)
        if dtype.itemsize < np.dtype(np.result_type(dtype, np.float64)).itemsize:
            return self._in_float64(draw, name, apart)
        finding = self._rounding(draw, name, apart) or self._saturated(draw, name, apart)
        if finding is None:
            finding = self._kink(draw, name, apart)
        if finding is None:
            finding = self._referee_sides(draw, name, apart)
        return finding

    def _natural_size(self, draw: Draw, name: str) -> float:
        """How large this gradient would be if it mattered as much as the largest one: rounding is relative to that."""
        leaves = draw.leaves
        weight = max(norm(g) * size_of(leaves[k]) for k, g in draw.true.items())
        return weight / size_of(leaves[name])

    def _in_float64(self, draw: Draw, name: str, apart: float) -> Finding:
        """A float32 result a little off: if the same code is right in float64 the rest is rounding."""
        double = Draw(draw.dims, self.subject_inputs(draw), {}, {})
        double.hand = self.subject.hand(double)
        double.true = draw.true
        if name not in double.hand or np.shape(double.hand[name]) != np.shape(draw.true[name]):
            return WRONG
        finding = self.compare(double, name)
        if finding.verdict != "right" or apart > 1e-2 * norm(draw.true[name]):
            lost = f"{precision(draw, name)} loses the digits: right in float64"
            return finding if finding.verdict != "right" else Finding("wrong", "dtype", lost)
        share = apart / norm(draw.true[name])
        return Finding("right", "rounding", f"{name} is off by {share:.1g} of its size in {precision(draw, name)}")

    @staticmethod
    def subject_inputs(draw: Draw) -> dict[str, Any]:
        """The draw's inputs in float64."""
        from .subject import widened

        return widened(draw.inputs)

    def _rounding(self, draw: Draw, name: str, apart: float) -> Finding | None:
        """The gradient's own noise: how far it moves when every input moves in its last digit."""
        eps = float(np.finfo(precision(draw, name)).eps)
        noise = 0.0
        for _ in range(3):
            nearby = perturbed(draw, self.rng, eps)
            noise = max(noise, norm(self.subject.autodiff(nearby, [name])[name] - draw.true[name]))
        if apart > 50 * noise:
            return None
        if 50 * noise <= 1e-3 * norm(draw.true[name]):
            return RIGHT
        kink = self._kink(draw, name, apart)
        if kink is not None and kink.verdict == "right":
            return kink
        return Finding("cannot tell", "noise", f"the gradient of {name} is mostly rounding at these inputs")

    def _lost_in_float32(self, draw: Draw, name: str) -> float:
        """How far the gradient is off when autodiff computes it in float32; NaN and infinity count as everything."""
        apart = norm(self.subject.autodiff(draw, [name], single=True)[name] - draw.true[name])
        return apart if np.isfinite(apart) else np.inf

    def _saturated(self, draw: Draw, name: str, apart: float) -> Finding | None:
        """A gradient that float32 can't compute at all is a little off in float64 too (log(1 − a) where a is nearly 1).

        Moving the inputs doesn't show that: the same digits are lost everywhere near.
        """
        true = draw.true[name]
        if apart > 0.1 * norm(true):
            return None
        lost = self._lost_in_float32(draw, name)
        if lost <= 0.1 * norm(true):
            return RIGHT if apart <= 1e3 * lost * EPS_RATIO else None
        return Finding("cannot tell", "noise", f"the gradient of {name} loses its digits at these inputs")

    def _kink(self, draw: Draw, name: str, apart: float) -> Finding | None:
        """Gradients at points a millionth away: where they jump, any value among them will do."""
        true = draw.true[name]
        around = [true]
        for count in range(KINK_SAMPLES):
            nearby = perturbed(draw, self.rng, 1e-6)
            around.append(self.subject.autodiff(nearby, [name])[name])
            jump = max(norm(g - true) for g in around)
            if count == 5 and (jump <= 1e-2 * apart or self._shrinks(draw, name, jump)):
                return None
        stack = np.stack([np.asarray(g) for g in around if np.all(np.isfinite(g))])
        low, high = np.min(np.real(stack), axis=0), np.max(np.real(stack), axis=0)
        slack = 1e-9 * norm(true) if jump <= 1e-3 * norm(true) else 1e-5 * np.max(np.abs(stack), axis=0)
        hand = np.real(draw.hand[name])
        among = np.all(hand >= low - slack) and np.all(hand <= high + slack)
        if jump <= 1e-3 * norm(true):
            return RIGHT if among else None
        outside = np.atleast_1d((hand < low - slack) | (hand > high + slack))
        if among or (_many_sided(stack, outside) and self._right_nearby(draw, name)):
            return Finding("right", "kink", _between(name, low, high))
        return None

    def _shrinks(self, draw: Draw, name: str, jump: float) -> bool:
        """Whether a thousand times smaller steps change the gradient much less: then it is smooth here."""
        changes = [self.subject.autodiff(perturbed(draw, self.rng, 2e-9), [name])[name] for _ in range(4)]
        return max(norm(g - draw.true[name]) for g in changes) < 0.1 * jump

    def _right_nearby(self, draw: Draw, name: str) -> bool:
        """Whether the hand-made gradient is right beside the kink, and within reach of its slopes on it."""
        reach = norm(draw.hand[name]) <= 10 * norm(draw.true[name])
        for _ in range(4):
            nearby = perturbed(draw, self.rng, 1e-6)
            nearby.true = self.subject.autodiff(nearby, [name])
            nearby.hand = self.subject.hand(nearby)
            if not self.agree(nearby.hand[name], nearby.true[name], precision(nearby, name)):
                return False
        return reach

    def _referee_sides(self, draw: Draw, name: str, apart: float) -> Finding:
        """Take numerical differences along "yours − autodiff's": one of the two slopes is right."""
        hand, true = draw.hand[name], draw.true[name]
        direction = (hand - true) / apart
        found = self.subject.slope(draw, {name: direction})
        to_hand = abs(float(np.real(found.value)) - inner(hand, direction))
        to_true = abs(float(np.real(found.value)) - inner(true, direction))
        if not found.error < 0.2 * apart:
            return Finding("cannot tell", "noise", f"{name} is ill-conditioned here: even differences can't decide")
        if to_hand < 0.2 * to_true:
            return Finding("right", "disagree", f"numerical differences side with your {name}, autodiff does not")
        return WRONG

    def _excuse_from_differences(self, draw: Draw, name: str, apart: float) -> Finding:
        """Without autodiff: noise of the differences, or one-sided slopes at a kink."""
        hand, true = draw.hand[name], draw.true[name]
        bars = np.asarray(self.errors[id(draw)][name])
        off = np.argwhere(np.abs(np.atleast_1d(hand - true)) > 1e-7 * norm(true) + 10 * np.atleast_1d(bars))
        for index in off[:50]:
            place = tuple(int(i) for i in index) if np.ndim(hand) else ()
            left, right = self._one_sided(draw, name, place)
            gap = abs(float(np.real(np.asarray(hand - true)[place])))
            if abs(right - left) <= max(1e-2 * gap, 1e-5 * norm(true)):
                if np.asarray(bars)[place] > 0.1 * gap:
                    return Finding("cannot tell", "noise", f"differences of {name} are too noisy here")
                return WRONG
            slack = 1e-4 * max(abs(left), abs(right))
            value = float(np.real(np.asarray(hand)[place]))
            if not min(left, right) - slack <= value <= max(left, right) + slack:
                return WRONG
        if not len(off):
            return WRONG if apart > 100 * norm(bars) else Finding("cannot tell", "noise")
        return Finding("right", "kink", f"{name} has a kink here: any value between the one-sided slopes is accepted")

    def _one_sided(self, draw: Draw, name: str, place: tuple[int, ...]) -> tuple[float, float]:
        """The slopes to the left and to the right in one entry."""
        point = self.subject.point(draw, [name])
        leaf = point.leaves[0]
        middle = point.value([leaf])
        slopes = []
        for sign in (-1, 1):
            steps = []
            for h in (2e-6, 1e-6):
                moved = leaf.copy()
                moved[place] += sign * h * size_of(leaf)
                steps.append(float((point.value([moved]) - middle) / (moved[place] - leaf[place])))
            slopes.append(2 * steps[1] - steps[0])
        return slopes[0], slopes[1]


def _many_sided(stack: Any, outside: Any) -> bool:
    """Whether several kinks meet in these entries: then the samples need not show the outermost slopes."""
    values = np.round(np.real(stack).reshape(len(stack), -1)[:, outside.ravel()], 4)
    return all(len(np.unique(column)) > 4 for column in values.T)


def _between(name: str, low: Any, high: Any) -> str:
    width = np.asarray(high - low)
    place = np.unravel_index(int(np.argmax(width)), width.shape)
    sides = f"{float(np.asarray(low)[place]):.4g} and {float(np.asarray(high)[place]):.4g}"
    return f"{name} has a kink at these inputs: any value between the slopes {sides} is accepted"


def precision(draw: Draw, name: str) -> Any:
    """The coarsest float dtype that the hand-made gradient went through: its own, or an input's."""
    kinds = [np.asarray(x).dtype for x in (draw.hand[name], *draw.leaves.values()) if is_float(x)]
    return min(kinds, key=lambda dtype: -np.finfo(dtype).eps, default=np.dtype(np.float64))


def perturbed(draw: Draw, rng: np.random.Generator, share: float) -> Draw:
    """The draw with every float input moved by about `share` of its size."""
    changes: dict[str, Any] = {}
    for name, x in draw.leaves.items():
        if is_float(x):
            step = rng.standard_normal(np.shape(x))
            if np.iscomplexobj(x):
                step = step + 1j * rng.standard_normal(np.shape(x))
            scale = np.maximum(np.abs(x), size_of(x)) if share > 1e-9 else np.abs(x)
            changes[name] = (wide(x) + share * scale * step)[()]
    return draw.replaced(changes)


def norm(x: Any) -> float:
    """The square root of the sum of squares of all entries."""
    return float(np.linalg.norm(np.ravel(x)))


def inner(a: Any, b: Any) -> float:
    """The real inner product of two arrays of one shape."""
    return float(np.real(np.vdot(a, b)))


def size_of(x: Any) -> float:
    """The root mean square of the entries, 1 for zeros."""
    size = norm(x) / np.sqrt(max(1, np.size(x)))
    return size if size > 0 else 1.0
