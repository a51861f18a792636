"""Programs of single numbers, written with Python's floats: an operation costs 11 ns instead of NumPy's 50 to 500.

Python's floats are NumPy's float64, but Python raises where NumPy returns inf or NaN (a division by zero, an overflow,
the logarithm of 0): the NumPy program is kept beside it, and runs then.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .program import Instruction, Program, Value

__all__ = ["scalar_lines"]

DEEPEST = 12
"""How many calls one expression may hold inside each other."""

EXPRESSIONS: dict[Any, str] = {
    np.add: "({} + {})", operator.add: "({} + {})",
    np.subtract: "({} - {})", operator.sub: "({} - {})",
    np.multiply: "({} * {})", operator.mul: "({} * {})",
    np.true_divide: "({} / {})", operator.truediv: "({} / {})",
    np.power: "pow({}, {})",
    np.negative: "(-{})", operator.neg: "(-{})", np.positive: "{}", operator.pos: "{}",
    np.reciprocal: "(1.0 / {})",
    np.absolute: "abs({})", operator.abs: "abs({})",
    np.greater: "({} > {})", operator.gt: "({} > {})",
    np.greater_equal: "({} >= {})", operator.ge: "({} >= {})",
    np.less: "({} < {})", operator.lt: "({} < {})",
    np.less_equal: "({} <= {})", operator.le: "({} <= {})",
    np.equal: "({} == {})", operator.eq: "({} == {})",
    np.not_equal: "({} != {})", operator.ne: "({} != {})",
    np.isfinite: "isfinite({})", np.isnan: "isnan({})", np.isinf: "isinf({})",
    np.float64: "{}",
    **{getattr(np, name): f"{name}({{}})" for name in
       ("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    np.arctan: "atan({})", np.arcsin: "asin({})", np.arccos: "acos({})", np.arctan2: "atan2({}, {})",
}  # fmt: skip
"""How a call on numbers is written; ``math`` has the functions."""

NAMED: dict[Any, str] = {
    np.square: "({0} * {0})",
    np.maximum: "({0} if {0} > {1} or {0} != {0} else {1})",
    np.minimum: "({0} if {0} < {1} or {0} != {0} else {1})",
    np.where: "({1} if {0} else {2})",
    np.sign: "(({0} > 0.0) - ({0} < 0.0))",
}
"""The same for calls that name an operand several times, so that it has to have a name."""

FROM_MATH = ("pow", "isfinite", "isnan", "isinf", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos",
             "tan", "sinh", "cosh", "tanh", "atan", "asin", "acos", "atan2")  # fmt: skip


def scalar_lines(program: Program, names: dict[Value, str], free: Callable[[str], str]) -> list[str] | None:
    """The body of a program of numbers, with Python's floats; None for any other program.

    Parameters
    ----------
    program : Program
    names : dict of Value to str
        What the inputs are called.
    free : callable
        Gives a name close to the wanted one that means nothing yet.
    """
    values = [v for v in program.outputs if isinstance(v, Value)]
    if not program.instructions or len(values) != len(program.outputs):
        return None
    if not all(map(_is_number, (*program.inputs, *values))) or not all(map(_is_simple, program.instructions)):
        return None
    return _Lines(program, names, free).written()


def _is_number(v: Value) -> bool:
    return v.shape == () and v.dtype == np.float64


def _is_simple(i: Instruction) -> bool:
    return (
        (i.f in EXPRESSIONS or i.f in NAMED)
        and not i.kwargs
        and not i.effect
        and i.several is None
        and i.out.shape == ()
        and i.out.dtype in (np.float64, np.bool_)
        and all(isinstance(x, (Value, int, float, np.float64)) for x in i.args)
        and all(v.shape == () and v.dtype in (np.float64, np.bool_) for v in i.operands)
    )


class _Lines:
    def __init__(self, program: Program, names: dict[Value, str], free: Callable[[str], str]) -> None:
        self.program, self.free = program, free
        own = {v: names[v] if v.weak else free(f"{names[v]}_") for v in program.inputs}
        self.texts: dict[Value, tuple[str, int]] = {v: (own[v], 0) for v in program.inputs}
        self.lines = [f"{own[v]} = float({names[v]})" for v in program.inputs if not v.weak]
        self.uses: dict[Value, int] = {}
        for i in program.instructions:
            for v in i.operands:
                self.uses[v] = self.uses.get(v, 0) + 1
            if i.f in NAMED:  # an operand that is named twice is not written twice
                for v in i.operands:
                    self.uses[v] += 1
        for v in program.outputs:
            self.uses[v] = self.uses.get(v, 0) + 1

    def written(self) -> list[str]:
        """Values that are read once are written where they are read."""
        for k, i in enumerate(self.program.instructions):
            parts = [self.text(x) for x in i.args]
            if EXPRESSIONS.get(i.f) == "{}" and parts[0][1] == 0:
                self.texts[i.out] = parts[0]
                continue
            text = (EXPRESSIONS.get(i.f) or NAMED[i.f]).format(*(text for text, _ in parts))
            depth = 1 + max(depth for _, depth in parts)
            if self.uses.get(i.out, 0) > 1 or depth > DEEPEST:
                name = self.free(f"s{k}")
                self.lines.append(f"{name} = {_bare(text)}")
                text, depth = name, 0
            self.texts[i.out] = (text, depth)
        results = [self.texts[v][0] for v in self.program.outputs]
        if all(not v.weak for v in self.program.outputs):
            self.lines.append(f"return list(np.array([{', '.join(results)}]))")
        else:
            typed = (t if v.weak else f"np.float64({t})" for t, v in zip(results, self.program.outputs, strict=True))
            self.lines.append(f"return [{', '.join(typed)}]")
        return self.lines

    def text(self, x: Any) -> tuple[str, int]:
        """An operand and how deep it is."""
        if isinstance(x, Value):
            return self.texts[x]
        number = x.item() if isinstance(x, np.generic) else x
        if number != number or abs(number) == float("inf"):
            return f'float("{number}")', 0
        return (repr(number) if number >= 0 and str(number) != "-0.0" else f"({number!r})"), 0


def _bare(text: str) -> str:
    """Without the brackets around the whole."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if not depth and k < len(text) - 1:
            return text
    return text[1:-1]
