"""seed → program: random shapes, dtypes, views, assignments and fan-out around calls of the rule book's functions.

The program is run on arrays while it grows, so every step is one that NumPy takes, on numbers that stay moderate.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from oracles import is_inexact, leaves, rebuild

import tinygrad_notes

from . import calls, torch_names
from .program import Program, Shown, Step, show, show_index, special

LARGEST = {np.dtype("f2"): 30.0, np.dtype("f4"): 300.0, np.dtype("f8"): 1000.0, np.dtype("c8"): 300.0,
           np.dtype("c16"): 1000.0}  # fmt: skip
DTYPES = [(("f8",), 58), (("f4",), 12), (("f2",), 6), (("c16",), 12), (("c8",), 3), (("f4", "f8"), 4),
          (("f8", "c16"), 5)]  # fmt: skip
METHODS = ["sum", "mean", "max", "min", "prod", "std", "var", "cumsum", "cumprod", "ptp"]
OPERATORS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power, "%": np.remainder}
MOST_ENTRIES = 48
WINDOWS = "tinygrad_notes.nn.conv"
"""Whose results have many entries even in the smallest samples."""
STRICT = ("tinygrad_notes", "np.linalg.multi_dot", "np.polydiv", "np.apply_over_axes", "np.real_if_close")
"""Functions called as in their samples only. Our own rules take what their callers have checked; `multi_dot` is for
matrices, `polydiv` for vectors, `apply_over_axes` for axes that are there, but NumPy doesn't look; the dtype that
`real_if_close` returns depends on the numbers."""


class Dropped(Exception):
    """NumPy does not take this step, or its numbers are of no use."""


def program_of(seed: int, steps: int = 8, choose: Any = None) -> Program:
    """The program of this seed.

    Parameters
    ----------
    seed : int
    steps : int
        At most so many.
    choose : sequence of keys of the rule book, optional
        Which functions to call; all of the book's by default.
    """
    if choose is None and seed % 8 == 7:
        choose = in_torch()
    builder = Builder(np.random.default_rng(seed), choose)
    with warnings.catch_warnings(), np.errstate(all="raise", under="ignore"):
        warnings.simplefilter("error")
        return builder.build(steps)


@cache
def in_torch() -> tuple[Any, ...]:
    """The functions that PyTorch has too: every eighth program is made of these alone."""
    return tuple(key for key in calls.returning() if calls.path(key) in torch_names.known())


def within(value: Any, most: int = MOST_ENTRIES) -> bool:
    """Whether the numbers are finite, moderate and few."""
    return bool(
        is_inexact(value)
        and value.dtype in LARGEST
        and value.size <= most
        and np.all(np.abs(value) <= LARGEST[value.dtype])
    )


class Builder:
    """A program under construction."""

    def __init__(self, rng: np.random.Generator, choose: Any = None) -> None:
        self.rng = rng
        self.book = calls.returning() if choose is None else tuple(k for k in choose if k in calls.returning())
        self.elementwise_keys = tuple(k for k in self.book if calls.elementwise_inputs(k))
        self.whole = choose is None
        self.space: dict[str, Any] = {"np": np, "tinygrad_notes": tinygrad_notes, "special": special()}
        self.inputs: dict[str, Any] = {}
        self.constants: dict[str, Any] = {}
        self.steps: list[Step] = []
        self.pool: list[str] = []
        weights = np.array([w for _, w in DTYPES], float)
        self.dtypes = [np.dtype(d) for d in DTYPES[rng.choice(len(DTYPES), p=weights / weights.sum())][0]]
        self.sizes = [int(n) for n in rng.choice([0, 1, 2, 3, 4], 3, p=[0.03, 0.12, 0.35, 0.35, 0.15])]
        self.count = 0

    def build(self, most: int) -> Program:
        for _ in range(self.rng.integers(1, 4)):
            self.fresh(self.shape())
        wanted = int(self.rng.integers(1, most + 1))
        ways: list[Callable[[], Any]] = [
            self.elementwise, self.from_book, self.operator, self.view, self.method, self.assign, self.written,
            self.cast,
        ]  # fmt: skip
        chances = np.array([0.26, 0.37, 0.1, 0.1, 0.05, 0.06, 0.03, 0.03]) if self.whole else np.array(
            [0.35, 0.25, 0.15, 0.12, 0.08, 0.05, 0, 0])  # fmt: skip
        for _ in range(3 * wanted):
            if len(self.steps) >= wanted:
                break
            before = self.saved()
            try:
                ways[self.rng.choice(len(ways), p=chances)]()
            except Dropped:
                self.restore(before)
        return self.finished()

    def finished(self) -> Program:
        """The outputs are what nothing else reads, and now and then one more."""
        read: set[str] = set().union(*(step.reads for step in self.steps)) if self.steps else set()
        sinks = [name for name in self.pool if name not in read and name not in self.inputs] or self.pool[-1:]
        outputs = sinks[-4:]
        inner = [name for name in self.pool if name not in outputs and name not in self.inputs]
        if inner and self.rng.random() < 0.2:
            outputs.append(str(self.rng.choice(inner)))
        return Program(self.inputs, self.constants, tuple(self.steps), tuple(outputs)).tidied()

    # names

    def saved(self) -> tuple[Any, ...]:
        return dict(self.inputs), dict(self.constants), list(self.steps), list(self.pool), dict(self.space)

    def restore(self, state: tuple[Any, ...]) -> None:
        self.inputs, self.constants, self.steps, self.pool, self.space = state

    def name(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count - 1}"

    def constant(self, value: Any) -> str:
        """`value` as source: itself if that is short, else the name of a constant."""
        if not isinstance(value, (np.ndarray, Shown)):
            return show(value)
        name = self.name("c")
        self.constants[name] = value
        self.space[name] = value.value if isinstance(value, Shown) else value
        return name

    def given(self, value: Any) -> str:
        """A new input of the program."""
        name = self.name("x")
        value = np.asarray(value)[()]
        self.inputs[name] = value
        self.space[name] = value.copy()
        self.pool.append(name)
        return name

    def run(self, kind: str, *lines: str, letter: str = "v") -> str:
        """Add a step: each line a format of ``{v}``, the name that it computes."""
        name = self.name(letter)
        text = tuple(line.replace("{v}", name) for line in lines)
        try:
            exec("\n".join(text), self.space)
        except Exception as error:  # whatever NumPy says, the step is not taken
            raise Dropped from error
        value = self.space[name]
        if letter == "v" and not within(value):
            raise Dropped
        self.steps.append(Step(name, text, kind))
        if letter == "v":
            self.pool.append(name)
        return name

    # operands

    def shape(self) -> tuple[int, ...]:
        ndim = int(self.rng.choice(4, p=[0.12, 0.3, 0.43, 0.15]))
        return tuple(1 if self.rng.random() < 0.12 else int(self.rng.choice(self.sizes)) for _ in range(ndim))

    def typed(self, value: Any) -> Any:
        """The numbers in one of the program's dtypes; real ones may turn complex."""
        value = np.asarray(value)
        dtype = self.dtypes[self.rng.integers(len(self.dtypes))]
        if value.dtype.kind == "c" and dtype.kind != "c":
            dtype = np.dtype("c16") if dtype == np.float64 else np.dtype("c8")
        if dtype.kind == "c" and value.dtype.kind == "f" and self.rng.random() < 0.7:
            value = value + 1j * self.rng.uniform(-0.5, 0.5, value.shape).round(3)
        return value.astype(dtype)[()]

    def fresh(self, shape: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> str:
        n = int(np.prod(shape))
        places = (self.rng.permutation(n) + self.rng.uniform(0.25, 0.75, n)) / max(n, 1)
        values = low + (high - low) * places
        value = self.typed(self.rounded(values, low, high).reshape(shape))
        return self.given(value)

    def rounded(self, values: Any, low: float, high: float) -> Any:
        """With few digits, still inside."""
        few = np.round(values, 3)
        return few if np.all((few > low) & (few < high)) else values

    def pick(self) -> str:
        """A variable, a recent one more often."""
        back = min(int(self.rng.exponential(1.3)), len(self.pool) - 1)
        return self.pool[-1 - back]

    def fitted(self, name: str, low: float, high: float) -> str:
        """A variable with the numbers of `name` moved between `low` and `high`."""
        numbers = np.real(self.space[name])
        if not numbers.size:
            return name
        least, most = float(numbers.min()), float(numbers.max())
        if low <= least and most <= high:
            return name
        scale = min(1.0, 0.8 * (high - low) / (most - least)) if most > least else 1.0
        scale = float(f"{scale:.2g}")
        shift = float(f"{(low + high) / 2 - scale * (least + most) / 2:.4g}")
        moved = self.run("fit", f"{{v}} = {name} * {scale!r} + {shift!r}")
        numbers = np.real(self.space[moved])
        if not (low <= numbers.min() and numbers.max() <= high):
            raise Dropped
        return moved

    def beside(self, shape: tuple[int, ...], low: float, high: float) -> str:
        """An operand that broadcasts with `shape`: a variable, a constant or a new input."""
        fitting = [n for n in self.pool[-6:] if broadcasts(self.space[n].shape, shape)]
        if fitting and self.rng.random() < 0.6:
            return self.fitted(str(self.rng.choice(fitting)), low, high)
        cut = shape[self.rng.integers(0, len(shape) + 1) :]
        cut = tuple(1 if self.rng.random() < 0.25 else n for n in cut)
        if self.rng.random() < 0.15:
            cut = (int(self.rng.integers(1, 4)),) * (len(cut) == len(shape)) + cut
        if self.rng.random() < 0.25:
            value = float(self.rounded(self.rng.uniform(low, high), low, high))
            return self.constant(value if self.rng.random() < 0.5 else self.typed(np.full(cut, value)))
        return self.fresh(cut, low, high)

    # kinds of steps

    def elementwise(self) -> None:
        """A function of one or two arrays, entry by entry, of any shapes."""
        if not self.elementwise_keys:
            raise Dropped
        key = self.elementwise_keys[self.rng.integers(len(self.elementwise_keys))]
        first = self.fitted(self.pick(), *calls.domain(key, 0))
        operands = [first]
        if calls.elementwise_inputs(key) == 2:
            operands.append(self.beside(self.space[first].shape, *calls.domain(key, 1)))
            if self.rng.random() < 0.3 and calls.domain(key, 0) == calls.domain(key, 1):
                operands.reverse()
        self.result(calls.path(key), f"{calls.path(key)}({', '.join(operands)})")

    def from_book(self) -> None:
        """A sample call of the book, its arrays replaced by variables, by inputs, or left as they are."""
        key = self.book[self.rng.integers(len(self.book))]
        if not calls.how_many(key):
            return self.elementwise()
        found = calls.call(key, int(self.rng.integers(calls.how_many(key))), int(self.rng.integers(8)))
        if found is None or not any(found.moving):
            raise Dropped
        before = self.saved()
        free = not calls.path(key).startswith(STRICT)
        for loose in (free and self.rng.random() < 0.5, False):
            try:
                return self.called(key, found, loose)
            except Dropped:
                self.restore(before)
        raise Dropped

    def called(self, key: Any, found: calls.Call, loose: bool) -> None:
        values = leaves((found.args, found.kwargs))
        ranges = [float(np.max(np.abs(v), initial=0)) for v, m in zip(values, found.moving, strict=True) if m]
        texts: list[str] = []
        moved = 0
        for value, moving in zip(values, found.moving, strict=True):
            if not moving:
                texts.append(self.constant(self.typed(value) if is_inexact(value) else value))
                continue
            low, high = (
                calls.domain(key, moved) if getattr(calls.ENTRIES[key], "domain", ()) else (-max(ranges), max(ranges))
            )
            moved += 1
            texts.append(self.argument(np.asarray(value), low, high, loose))
        args, kwargs = rebuild((found.args, found.kwargs), iter([Shown(None, text) for text in texts]))
        kwargs = self.varied(kwargs, texts, found.moving) if loose else kwargs
        parts = [show(a) for a in args] + [f"{k}={show(v)}" for k, v in kwargs.items()]
        self.result(calls.path(key), f"{calls.path(key)}({', '.join(parts)})")

    def argument(self, value: Any, low: float, high: float, loose: bool) -> str:
        """What stands in a moving place of a call."""
        chance = self.rng.random()
        if loose and chance < 0.8 and high > low:
            return self.fitted(self.pick(), low, high)
        source = self.pick()
        if chance < 0.65 and value.size and self.space[source].size:
            near = self.constant(self.typed(value))
            small = float(
                f"{0.1 * max(high - low, 0.1) / max(value.size, 4) / (1 + np.max(np.abs(self.space[source]))):.1g}"
            )
            return self.run("near", f"{{v}} = {near} + {small!r} * np.resize({source}, {value.shape})")
        return self.given(self.typed(value)) if chance < 0.93 else self.constant(self.typed(value))

    def varied(self, kwargs: dict[str, Any], texts: list[str], moving: tuple[bool, ...]) -> dict[str, Any]:
        """Another axis, keepdims turned."""
        first = next((t for t, m in zip(texts, moving, strict=True) if m and t in self.space), None)
        ndim = np.ndim(self.space[first]) if first else 0
        changed = dict(kwargs)
        if "axis" in kwargs and ndim and self.rng.random() < 0.6:
            changed["axis"] = Shown(None, repr(int(self.rng.integers(-ndim, ndim))))
        if "keepdims" in kwargs and self.rng.random() < 0.5:
            changed["keepdims"] = Shown(None, repr(bool(self.rng.random() < 0.5)))
        return changed

    def result(self, kind: str, expression: str) -> None:
        """A call's result; of several, each part becomes a variable."""
        name = self.run(kind, f"{{v}} = {expression}", letter="r")
        value = self.space[name]
        if isinstance(value, (tuple, list)):
            parts = [i for i, part in enumerate(value) if is_inexact(part)]
            if not parts or not all(within(value[i]) for i in parts):
                raise Dropped
            for i in parts:
                self.run("part", f"{{v}} = {name}[{i}]")
        elif within(value, 8 * MOST_ENTRIES if kind.startswith(WINDOWS) else MOST_ENTRIES):
            self.pool.append(name)
        else:
            raise Dropped

    def operator(self) -> None:
        """``a + b``, ``2.0 * a``, ``a ** 2``, ``-a``, ``a @ b``."""
        a = self.pick()
        kind = self.rng.random()
        if kind < 0.12:
            self.run("-a", f"{{v}} = -{a}")
        elif kind < 0.24:
            self.run("**", f"{{v}} = {a} ** {int(self.rng.integers(0, 4))}")
        elif kind < 0.4:
            b = self.pick()
            self.run("@", f"{{v}} = {a} @ {b}")
        else:
            symbol = str(self.rng.choice(list(OPERATORS)))
            first, second = (calls.domain(OPERATORS[symbol], k) for k in (0, 1))
            a = self.fitted(a, *first)
            b = self.beside(self.space[a].shape, *second)
            if self.rng.random() < 0.3 and first == second:
                a, b = b, a
            self.run(symbol, f"{{v}} = {a} {symbol} {b}")

    def method(self) -> None:
        """``a.sum(axis=0, keepdims=True)`` and its like."""
        a, method = self.pick(), str(self.rng.choice(METHODS))
        ndim = self.space[a].ndim
        parts = []
        if ndim and self.rng.random() < 0.7:
            axis: Any = int(self.rng.integers(-ndim, ndim))
            if ndim > 1 and self.rng.random() < 0.2 and not method.startswith("cum"):
                axis = tuple(int(i) for i in self.rng.choice(ndim, 2, replace=False))
            parts.append(f"axis={axis}")
        if self.rng.random() < 0.4 and not method.startswith("cum"):
            parts.append("keepdims=True")
        self.run(f".{method}", f"{{v}} = {a}.{method}({', '.join(parts)})")

    def view(self) -> None:
        """A slice, an index, another shape or another order of axes."""
        a = self.pick()
        value = self.space[a]
        ndim, way = value.ndim, self.rng.random()
        if way < 0.45:
            self.run("index", f"{{v}} = {a}[{self.index(value.shape)}]")
        elif way < 0.6:
            self.run(".reshape", f"{{v}} = {a}.reshape({self.factors(value.size)})")
        elif way < 0.7:
            axes = [int(i) - (ndim if self.rng.random() < 0.3 else 0) for i in self.rng.permutation(ndim)]
            self.run(".transpose", f"{{v}} = {a}.transpose({tuple(axes)})")
        elif way < 0.78:
            self.run(".T", f"{{v}} = {a}.T" if self.rng.random() < 0.5 else f"{{v}} = {a}.mT")
        elif way < 0.86 and ndim:
            i, j = (int(k) for k in self.rng.integers(-ndim, ndim, 2))
            self.run(".swapaxes", f"{{v}} = {a}.swapaxes({i}, {j})")
        elif way < 0.93:
            self.run(".ravel", f"{{v}} = {a}.{self.rng.choice(['ravel', 'flatten', 'squeeze', 'copy'])}()")
        else:
            around = tuple(int(n) for n in self.rng.integers(1, 4, self.rng.integers(0, 2)))
            target = around + tuple(int(self.rng.integers(1, 4)) if n == 1 else n for n in value.shape)
            self.run("np.broadcast_to", f"{{v}} = np.broadcast_to({a}, {target})")

    def factors(self, n: int) -> tuple[int, ...]:
        """A shape of `n` entries; one size may be left to NumPy."""
        shape: list[int] = []
        rest = n
        while rest > 1 and len(shape) < 3:
            divisors = [d for d in range(1, rest + 1) if rest % d == 0]
            shape.append(int(self.rng.choice(divisors)))
            rest //= shape[-1]
        shape += [rest] * (rest != 1 or self.rng.random() < 0.3)
        if shape and n and self.rng.random() < 0.3:
            shape[self.rng.integers(len(shape))] = -1
        return tuple(shape)

    def index(self, shape: tuple[int, ...], once: bool = False) -> str:
        """Numbers, slices forwards and backwards, new axes, an ellipsis, arrays of places, masks."""
        if shape and 0 not in shape and self.rng.random() < 0.12:
            mask = self.rng.random(shape[: self.rng.integers(1, len(shape) + 1)]) < 0.6
            return self.constant(mask)
        parts: list[str] = []
        count = int(self.rng.integers(0, len(shape) + 1)) if self.rng.random() < 0.3 else len(shape)
        lists = self.rng.random() < 0.25
        size = int(self.rng.integers(1, 4))
        for n in shape[:count]:
            parts.append(self.place(n, lists, size, once))
        if len(parts) == len(shape) and parts and self.rng.random() < 0.15:
            cut = int(self.rng.integers(0, len(parts) + 1))
            parts = [*parts[:cut], "...", *parts[cut + 1 :]]
        if self.rng.random() < 0.15:
            parts.insert(int(self.rng.integers(0, len(parts) + 1)), "None")
        return ", ".join(parts) or "..."

    def place(self, n: int, lists: bool, size: int, once: bool) -> str:
        chance = self.rng.random()
        if lists and n and chance < 0.6 and (not once or size <= n):
            places = self.rng.choice(n, size, replace=not once) - (n if self.rng.random() < 0.2 else 0)
            return repr([int(i) for i in places])
        if n and chance < 0.25:
            return repr(int(self.rng.integers(-n, n)))
        start, stop, step = (
            None if self.rng.random() < 0.5 else int(self.rng.integers(-n, n + 1)),
            None if self.rng.random() < 0.5 else int(self.rng.integers(-n, n + 1)),
            None if self.rng.random() < 0.5 else int(self.rng.choice([-2, -1, 1, 2])),
        )
        return show_index(slice(start, stop, step))

    def target(self) -> tuple[str, str]:
        """An array to write into, and the line that binds it: a copy, or the very variable if nothing shares it."""
        a = self.pick()
        value = self.space[a]
        if not isinstance(value, np.ndarray) or not value.ndim or not value.size:
            raise Dropped
        others = [self.space[n] for n in (*self.pool, *self.constants) if n != a]
        shared = any(isinstance(o, np.ndarray) and np.shares_memory(o, value) for o in others)
        if shared or not value.flags.writeable or self.rng.random() < 0.5:
            return a, f"{{v}} = {a}.copy()"
        self.pool.remove(a)
        self.space[a] = value.copy()  # what a step dropped later has to find again
        return a, f"{{v}} = {a}"

    def assign(self) -> None:
        """``t[i] = v``, ``t[i] *= v``, ``t += v``."""
        a, first = self.target()
        shape = self.space[a].shape
        if self.rng.random() < 0.3:
            symbol = str(self.rng.choice(["+=", "-=", "*=", "/="]))
            b = self.beside(shape, 0.5, 2.0)
            self.run(symbol, first, f"{{v}} {symbol} {b}")
            return
        index = self.index(shape)
        try:
            region = eval(f"{a}[{index}]", self.space).shape
        except (IndexError, ValueError) as error:
            raise Dropped from error
        symbol = str(self.rng.choice(["=", "=", "+=", "*=", "-=", "/="]))
        b = self.beside(region, 0.5, 2.0)
        self.run(f"[i] {symbol}", first, f"{{v}}[{index}] {symbol} {b}")

    def written(self) -> None:
        """``np.add.at(t, i, v)``, ``np.put(t, i, v)`` and the book's other functions that write."""
        key = calls.writing()[self.rng.integers(len(calls.writing()))]
        name = calls.path(key)
        a, first = self.target()
        shape = self.space[a].shape
        n = shape[0]
        if not isinstance(key, tuple):
            b = self.beside((2,), -2.0, 2.0)
            self.run(name, first, f"{name}({', '.join(['{v}', *self.places(name, shape, b)])})")
            return
        ufunc = key[0]
        if ufunc is not np.ldexp:
            inside = calls.domain(np.power if ufunc is np.float_power else ufunc, 0)
            if "copy" in first:
                a = self.fitted(a, *inside)
                first = f"{{v}} = {a}.copy()"
        count = int(self.rng.integers(1, 4))
        once = self.rng.random() < 0.6 and count <= n
        rows = self.constant(self.rng.choice(n, count, replace=not once) if n else np.zeros(0, int))
        if ufunc is np.ldexp:
            self.run(name, first, f"{name}({{v}}, {rows}, {int(self.rng.integers(-2, 3))})")
        elif ufunc.nin == 1:
            self.run(name, first, f"{name}({{v}}, {rows})")
        else:
            region = (len(self.space[rows]), *shape[1:])
            b = self.beside(region, *calls.domain(np.power if ufunc is np.float_power else ufunc, 1))
            self.run(name, first, f"{name}({{v}}, {rows}, {b})")

    def places(self, name: str, shape: tuple[int, ...], b: str) -> Iterator[str]:
        """Where and what a function that writes puts."""
        size = int(np.prod(shape))
        if name == "np.put":
            yield from (self.constant(self.rng.choice(size, int(self.rng.integers(1, size + 1)), replace=False)), b)
        elif name in ("np.place", "np.putmask"):
            yield from (self.constant(self.rng.random(shape) < 0.5), b)
        elif name == "np.copyto":
            yield self.beside(shape, -2.0, 2.0)
            yield from [f"where={self.constant(self.rng.random(shape) < 0.5)}"] if self.rng.random() < 0.5 else []
        elif name == "np.fill_diagonal":
            yield b
        elif name == "np.put_along_axis":
            axis = int(self.rng.integers(len(shape)))
            index = np.zeros((*shape[:axis], 1, *shape[axis + 1 :]), int)
            yield from (
                self.constant(index + int(self.rng.integers(shape[axis] or 1))),
                f"{b}.reshape(-1)[0]",
                str(axis),
            )
        else:
            raise KeyError(f"{name} writes into its argument: say here what it is to be called with")

    def cast(self) -> None:
        """To another float or complex dtype."""
        a = self.pick()
        dtype = str(self.rng.choice(["float16", "float32", "float64", "complex64", "complex128"]))
        if self.space[a].dtype.kind == "c" and dtype.startswith("f"):
            dtype = "complex128"
        self.run(".astype", f"{{v}} = {a}.astype(np.{dtype})")


def broadcasts(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether arrays of these shapes can stand beside each other."""
    return all(m == n or m == 1 or n == 1 for m, n in zip(a[::-1], b[::-1], strict=False))
