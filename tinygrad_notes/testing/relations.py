"""Whole outputs: yours is 4 times the right one, its transpose, another output's, short of one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .fitting import Evidence, Match, close
from .scalars import Factor

__all__ = ["relations"]


def relations(
    evidence: Evidence, outputs: Sequence[str], instead: Sequence[dict[str, Any]] | None = None
) -> Iterator[Match]:
    """Explanations of `outputs` that need no graph; `instead` stands for the right gradients (a first slip applied)."""
    true = list(instead or evidence.true)
    hand = evidence.hand
    yield from _scaled(evidence, outputs, true)
    if len(outputs) == 1:
        name = outputs[0]
        pairs = [(h[name], t[name]) for h, t in zip(hand, true, strict=True)]
        yield from _one(name, pairs)
        yield from _extra_term(evidence, name, pairs)
    if len(outputs) == 2:
        yield from _exchanged(evidence, outputs, true)


def _match(kind: str, text: str, cost: float, *names: str) -> Match:
    return Match(kind, text, cost, names[0], None, tuple(names))


def _ratio(hand: Any, true: Any) -> float | None:
    """The c with ``hand = c * true``."""
    if np.shape(hand) != np.shape(true):
        return None
    size = float(np.real(np.vdot(true, true)))
    if size == 0 or not np.all(np.isfinite(hand)):
        return None
    c = float(np.real(np.vdot(true, hand))) / size
    return c if close(c * np.asarray(true), hand) else None


def _scaled(evidence: Evidence, outputs: Sequence[str], true: list[dict[str, Any]]) -> Iterator[Match]:
    ratios = [[_ratio(h[name], t[name]) for name in outputs] for h, t in zip(evidence.hand, true, strict=True)]
    if any(r is None for row in ratios for r in row):
        return
    if any(abs(r - row[0]) > 1e-7 * abs(row[0]) for row in ratios for r in row):  # type: ignore[operator, arg-type]
        return
    factors = [float(row[0]) for row in ratios if row[0] is not None]
    together = listed([f"d{name}" for name in outputs])
    if all(abs(c) < 1e-9 for c in factors):
        yield _match("missing-term", f"{together} {_are(outputs)} always zero", 1.0, *outputs)
        return
    factor = evidence.symbols.factor(factors)
    if factor is not None and factor.number != 1:
        yield _match(*_scale_text(together, outputs, factor), *outputs)


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them.

    Examples
    --------
    >>> listed(["db1", "dW1", "dW2"])
    'db1, dW1 and dW2'
    """
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _are(outputs: Sequence[str]) -> str:
    return "are" if len(outputs) > 1 else "is"


def _has(outputs: Sequence[str]) -> str:
    return "have" if len(outputs) > 1 else "has"


def _scale_text(together: str, outputs: Sequence[str], factor: Factor) -> tuple[str, str, float]:
    if factor.number == -1:
        return "sign", f"{together} {_has(outputs)} the wrong sign", 0.2
    if factor.number is not None:
        return "scale", f"{together} {_are(outputs)} {factor.text} times the right value", 0.3 + factor.cost
    if factor.text.startswith(("1/", "-1/")) and factor.cost <= 1.5:
        return "scale", f"{together} {_has(outputs)} a factor {factor.text} too much", 0.5 + factor.cost
    return (
        "scale",
        f"{together} {_has(outputs)} a factor {factor.text} too much (missing {factor.inverse})",
        0.5 + factor.cost,
    )


def _one(name: str, pairs: list[tuple[Any, Any]]) -> Iterator[Match]:
    d = f"d{name}"
    if all(np.size(h) == np.size(t) and np.shape(h) != np.shape(t) and _squeezed(h, t) for h, t in pairs):
        shape = np.shape(pairs[0][0]), np.shape(pairs[0][1])
        if np.ndim(pairs[0][0]) == 2 and np.shape(pairs[0][0]) == np.shape(pairs[0][1])[::-1]:
            yield _match("transpose", f"{d} is transposed: shape {shape[0]}, {name} has {shape[1]}", 0.4, name)
        yield _match("keepdims", f"{d} has shape {shape[0]}, {name} has {shape[1]}: keepdims=True", 0.3, name)
    if all(_fits(np.transpose(h), t) for h, t in pairs) and not all(_fits(h, t) for h, t in pairs):
        yield _match("transpose", f"{d} is transposed", 0.5, name)
    for axis in range(np.ndim(pairs[0][1])):
        if all(_fits(h, np.flip(t, axis)) for h, t in pairs):
            yield _match("flip", f"{d} is the other way round along axis {axis}", 0.8, name)
    if all(np.iscomplexobj(t) for _, t in pairs):
        if all(_fits(h, np.conj(t)) for h, t in pairs):
            yield _match("conj", f"{d} is the complex conjugate of the right value", 0.5, name)
        if all(_fits(h, np.real(t)) for h, t in pairs) or all(_fits(h, 1j * np.imag(t)) for h, t in pairs):
            yield _match("conj", f"{d} keeps only one part (real or imaginary) of the right value", 0.8, name)
    yield from _unreduced(name, pairs)


def _fits(h: Any, t: Any) -> bool:
    return np.shape(h) == np.shape(t) and close(h, t)


def _squeezed(h: Any, t: Any) -> bool:
    return close(np.ravel(h), np.ravel(t)) or close(np.ravel(np.transpose(h)), np.ravel(t))


def _unreduced(name: str, pairs: list[tuple[Any, Any]]) -> Iterator[Match]:
    """The right values before they are summed, or the right sums along another axis."""
    for reduce, word in ((np.sum, "summed"), (np.mean, "averaged")):
        for axis in (None, 0, 1, 2):
            if all(_reduces(h, t, reduce, axis) for h, t in pairs):
                over = "all entries" if axis is None else f"axis {axis}"
                shape = np.shape(pairs[0][0])
                sentence = f"d{name} has shape {shape}: it has to be {word} over {over}, {name} was repeated along it"
                yield _match("not-reduced", sentence, 0.6, name)
                return


def _reduces(h: Any, t: Any, reduce: Any, axis: int | None) -> bool:
    if np.ndim(h) == 0 or np.size(h) <= np.size(t) or (axis is not None and axis >= np.ndim(h)):
        return False
    return close(np.ravel(reduce(h, axis=axis)), np.ravel(t))


def _exchanged(evidence: Evidence, outputs: Sequence[str], true: list[dict[str, Any]]) -> Iterator[Match]:
    a, b = outputs
    for turned in (False, True):

        def same(h: Any, t: Any, turned: bool = turned) -> bool:
            return _fits(np.transpose(h) if turned else h, t)

        if all(same(h[a], t[b]) and same(h[b], t[a]) for h, t in zip(evidence.hand, true, strict=True)):
            yield _match("wrong-operand", f"d{a} and d{b} are exchanged", 0.6, a, b)
            return


def _extra_term(evidence: Evidence, name: str, pairs: list[tuple[Any, Any]]) -> Iterator[Match]:
    """``yours - right`` is a multiple of a known array: a term too much, or one forgotten."""
    if any(np.shape(h) != np.shape(t) for h, t in pairs):
        return
    differences = [np.asarray(h) - t for h, t in pairs]
    tapes = evidence.tapes
    names = [n for n in tapes[0].known if all(n in tape.known for tape in tapes) and n.isidentifier()]
    shapes: list[tuple[str, Any]] = [("{}", lambda x: x), ("sign({})", np.sign), ("{}**2", np.square)]
    for known in names:
        for form, f in shapes:
            tensors = [f(tape.known[known]) for tape in tapes]
            if np.shape(tensors[0]) != np.shape(differences[0]):
                continue
            ratios = [_ratio(d, x) for d, x in zip(differences, tensors, strict=True)]
            if any(r is None or abs(r) < 1e-9 for r in ratios):
                continue
            factor = evidence.symbols.factor([float(r) for r in ratios if r is not None])
            if factor is None:
                continue
            term = form.format(known)
            times = "" if factor.number in (1, -1) else f"{factor.text.lstrip('-')} * "
            negative = factor.text.startswith("-")
            sentence = f"d{name} has a term {times}{term} too {'little' if negative else 'much'}"
            yield _match("missing-term" if negative else "extra-term", sentence, 1.4 + factor.cost, name)
