"""From a program to the Python source that runs: one line per instruction, in the user's names.

    def run(W1, b1, X):
        Z1 = dot(W1, X, m0)                  # line 14:  Z1 = W1 @ X + b1
        Z1_ = add(Z1, b1, m0)

``m0`` is memory made once for this plan; ``c0`` a constant. The surrounding ``make`` builds both and returns ``run``.
"""

from __future__ import annotations

import keyword
import operator
import re
from typing import Any

import numpy as np

from . import calls
from .passes import fill_of, is_elementwise
from .program import Instruction, Program, Site, Value, call_name
from .scalars import FROM_MATH, scalar_lines
from .storage import LARGE, Storage

__all__ = ["Emitted", "Writer", "array_in", "emit", "how_of"]

SYMBOLS: dict[Any, str] = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/", np.power: "**", np.remainder: "%",
    np.floor_divide: "//", np.matmul: "@", np.less: "<", np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=",
    np.equal: "==", np.not_equal: "!=", np.bitwise_and: "&", np.bitwise_or: "|", np.bitwise_xor: "^",
    operator.add: "+", operator.sub: "-", operator.mul: "*", operator.truediv: "/", operator.pow: "**",
    operator.mod: "%", operator.floordiv: "//", operator.lt: "<", operator.le: "<=", operator.gt: ">",
    operator.ge: ">=", operator.eq: "==", operator.ne: "!=", operator.and_: "&", operator.or_: "|", operator.xor: "^",
}  # fmt: skip
PREFIXES: dict[Any, str] = {np.negative: "-", operator.neg: "-", operator.pos: "+", operator.invert: "~"}
KEYWORD_OUT: set[Any] = {np.maximum, np.minimum}
"""NumPy warns of ``out`` by position here."""

ARITHMETIC: set[Any] = {
    *SYMBOLS, np.maximum, np.minimum, np.fmax, np.fmin, np.hypot, np.arctan2, np.logaddexp, np.copysign,
}  # fmt: skip
"""Functions of two operands of one dtype."""

DIRECT: set[Any] = {np.dot, np.where, np.copyto, np.concatenate}
"""Functions in C whose dispatch to other array types costs as much as they do; here all are NumPy's own arrays."""

TAKEN = {"np", "run", "exact", "make", "constants", "memory", "abs", "float", "list", "repeat", "times", "range",
         "slice", "array_in"}  # fmt: skip


class Emitted:
    """A program's source.

    Attributes
    ----------
    text : str
    constants : dict of str to object
        What the text's ``constants[...]`` are.
    lines : list of (int, Instruction)
        The line number in `text` of each instruction's first line.
    """

    def __init__(self, text: str, constants: dict[str, Any], lines: list[tuple[int, Instruction]]) -> None:
        self.text: str = text
        self.constants: dict[str, Any] = constants
        self.lines: list[tuple[int, Instruction]] = lines


def emit(program: Program, storage: Storage) -> Emitted:
    """Write the program."""
    return Writer(program, storage).written()


class Writer:
    """Writes one program."""

    def __init__(self, program: Program, storage: Storage) -> None:
        self.program: Program = program
        self.storage: Storage = storage
        self.taken: set[str] = set(TAKEN)
        if not any(v.ndim for v in program.inputs):
            self.taken |= set(FROM_MATH)  # it may be written on Python's floats, see scalars.py
        self.names: dict[Value, str] = {}
        self.header: list[str] = []
        self.body: list[str] = []
        self.steady: set[int] = set()
        self.constants: dict[str, Any] = {}
        self.functions: dict[Any, str] = {}
        self.arrays: dict[Any, str] = {}
        self.fixed: set[Value] = set()  # views of buffers, made once
        self.guarded: tuple[Any, int] = ((), -1)
        self.lines: list[tuple[int, Instruction]] = []
        self.indent = "        "

    # names

    def free_name(self, wanted: str) -> str:
        """An identifier close to the wanted one that means nothing yet."""
        text = re.sub(r"\W+", "_", wanted).strip("_") or "t"
        text = f"v{text}" if text[0].isdigit() else text
        base, k = text, 2
        while text in self.taken or keyword.iskeyword(text):
            text, k = f"{base}_{k}", k + 1
        self.taken.add(text)
        return text

    def name(self, value: Value) -> str:
        """What a value is called."""
        if value not in self.names:
            if value.kind == "constant":
                name = self.names[value] = self.constant(value.data, value.name or "c")
                return name
            self.names[value] = self.free_name(value.name or f"t{len(self.names)}")
        return self.names[value]

    def constant(self, data: Any, wanted: str) -> str:
        """A name for an object that the program holds."""
        name = self.free_name(wanted)
        self.constants[name] = data
        self.header.append(f'{name} = constants["{name}"]')
        return name

    def function(self, f: Any) -> str:
        """A name for a NumPy function."""
        if f not in self.functions:
            owner = getattr(f, "__self__", None)
            module = getattr(f, "__module__", "") or ""
            public = f"np.{call_name(f)}"
            short = call_name(f).replace(".", "_")
            if isinstance(owner, np.ufunc) or _lookup(public) is f:
                name = self.free_name(short)
                direct = f in DIRECT and hasattr(f, "_implementation")
                self.header.append(f"{name} = {public}{'._implementation' if direct else ''}")
            else:
                name = self.constant(f, short if module else "f")
            self.functions[f] = name
        return self.functions[f]

    def memory(self, value: Value) -> str:
        """The array that `value` is written into."""
        return self.array(self.storage.place[value], value.shape, value.dtype, value.order)

    def array(self, place: tuple[str, int], shape: tuple[int, ...], dtype: Any, order: tuple[int, ...]) -> str:
        """An array over a buffer, or a donated input."""
        kind, number = place
        if kind == "input":
            name = self.name(self.program.inputs[number])
            return name if self.program.inputs[number].shape == shape else f"{name}.reshape({shape})"
        key = (number, shape, dtype, order)
        if key not in self.arrays:
            name = self.arrays[key] = self.free_name(f"m{len(self.arrays)}")
            self.header.append(f"{name} = array_in(memory[{number}], {shape}, {self.dtype(dtype)}, {order})")
        return self.arrays[key]

    def dtype(self, dtype: np.dtype[Any]) -> str:
        """A dtype as source."""
        return f'np.dtype("{dtype.str}")'

    # arguments

    def text(self, x: Any) -> str:
        """An argument as source."""
        if isinstance(x, Value):
            return self.name(x)
        if isinstance(x, tuple):
            inside = ", ".join(map(self.text, x))
            return f"({inside},)" if len(x) == 1 else f"({inside})"
        if isinstance(x, list):
            return f"[{', '.join(map(self.text, x))}]"
        if isinstance(x, slice):
            return f"slice({self.text(x.start)}, {self.text(x.stop)}, {self.text(x.step)})"
        if x is None or x is Ellipsis or isinstance(x, (bool, str, bytes)):
            return "..." if x is Ellipsis else repr(x)
        if type(x) in (int, float, complex) and x == x and abs(x) != float("inf"):
            return repr(x) if isinstance(x, complex) or x > 0 or str(x) in ("0", "0.0") else f"({x!r})"
        if isinstance(x, np.dtype):
            return self.dtype(x)
        return self.constant(x, "c")

    def operand(self, x: Any, out: Value, others: tuple[Any, ...]) -> str:
        """An elementwise operand: a Python number beside arrays as a 0-d array, which NumPy reads quicker."""
        if type(x) in (int, float) and out.ndim and out.producer is not None and out.producer.f in ARITHMETIC:
            dtypes = {v.dtype for v in others if isinstance(v, Value) and v.ndim}
            if len(dtypes) == 1 and next(iter(dtypes)).kind in "fc":
                dtype = next(iter(dtypes))
                key = ("number", repr(x), dtype)
                if key not in self.arrays:
                    self.arrays[key] = self.constant(np.array(x, dtype), _number_name(x))
                return self.arrays[key]
        return self.text(x)

    # the program

    def written(self) -> Emitted:
        """The whole source."""
        for value in self.program.inputs:
            self.names[value] = self.free_name(value.name or "x")
        site = None
        marks: list[tuple[int, Instruction]] = []
        for k, i in enumerate(self.program.instructions):
            before = len(self.body)
            self.instruction(i)
            if len(self.body) > before:
                marks.append((before, i))
                if self.storage.steady.issuperset(i.outs):
                    self.steady.update(range(before, len(self.body)))
                self.guard(before, i)
                site = self.remark(before, i, site)
            dead = [self.names[v] for v in self.storage.dies.get(k, []) if v in self.names and v.nbytes >= LARGE]
            if dead:
                self.body.append(f"{' = '.join(dead)} = None")
        self.results: list[str] = self.outputs()
        self.body += self.commits()
        self.body.append(f"return [{', '.join(self.results)}]")
        arguments = ", ".join(self.name(v) for v in self.program.inputs)
        quick = scalar_lines(self.program, self.names, self.free_name)
        head = ["def make(np, constants, memory, array_in):", *(f"    {line}" for line in self.header), "",
                f"    def {'exact' if quick else 'run'}({arguments}):"]  # fmt: skip
        body = [self.indent + line for line in self.body]
        if quick:
            head.insert(1, f"    from math import {', '.join(FROM_MATH)}")
            body += ["", f"    def run({arguments}):", "        try:", *(f"            {line}" for line in quick),
                     "        except (ZeroDivisionError, OverflowError, ValueError):  # where NumPy has inf or NaN",
                     f"            return exact({arguments})"]  # fmt: skip
        text = "\n".join([*head, *body, "", *self.repeated(arguments), ""])
        lines = [(len(head) + 1 + before, i) for before, i in marks]
        return Emitted(text, self.constants, lines)

    def guard(self, before: int, i: Instruction) -> None:
        """Put the lines of an instruction under the ``np.errstate`` it was under."""
        errors = i.site.errors if i.site else ()
        if errors:
            goes_on = self.guarded == (errors, before)
            head = [] if goes_on else [f"with {self.under(errors)}:"]
            self.body[before:] = [*head, *(f"    {line}" for line in self.body[before:])]
            self.guarded = (errors, len(self.body))

    def under(self, errors: tuple[tuple[str, str], ...]) -> str:
        """The context in which NumPy's warnings are as they were in the user's ``np.errstate``."""
        how = how_of(errors)
        if how not in self.arrays:
            self.arrays[how] = self.free_name("ignoring_" + "_".join(kind for kind, _ in errors))
            made = self.functions.setdefault(calls.ErrorState, self.constant(calls.ErrorState, "error_state"))
            self.header.append(f"{self.arrays[how]} = {made}({how})")
        return self.arrays[how]

    def remark(self, before: int, i: Instruction, last: Site | None) -> Site | None:
        """Name the user's line where another one begins."""
        site = i.site
        if site is None or not site.file or site.same_line(last):
            return last
        of = f"{'backward of ' if site.backward else ''}line {site.line}"
        self.body[before] += f"  # {of}: {site.text}" if site.text else f"  # {of}"
        return site

    def repeated(self, arguments: str) -> list[str]:
        """``repeat(n, ...)``: the body in a loop; donated numbers are handed on, all other results are kept.

        What is the same at each step is computed once, before the loop.
        """
        carried = {k: self.name(self.program.inputs[p]) for k, p in self.storage.donated.items()}
        texts = self.results
        handed = [(carried[k], texts[k]) for k in carried if carried[k] != texts[k]]
        kept = [k for k in range(len(texts)) if k not in carried]
        before = [line for k, line in enumerate(self.body) if k in self.steady]
        body = [line for k, line in enumerate(self.body[:-1]) if k not in self.steady]
        lists = {k: self.free_name(f"all_{texts[k]}") for k in kept}
        lines = [f"    def repeat(times, {arguments}):", *(f"        {name} = []" for name in lists.values()),
                 *(f"        {line}" for line in before),
                 "        for _ in range(times):", *(f"            {line}" for line in body or ["pass"]),
                 *(f"            {lists[k]}.append({texts[k]})" for k in kept)]  # fmt: skip
        if handed:
            lines.append(f"            {', '.join(a for a, _ in handed)} = {', '.join(b for _, b in handed)}")
        results = [carried[k] if k in carried else f"np.array({lists[k]})" for k in range(len(texts))]
        return [*lines, f"        return [{', '.join(results)}]", "", "    return run, repeat"]

    def outputs(self) -> list[str]:
        """The results: none of them in a buffer, none twice, none a view."""
        texts, seen = [], set()
        for k, v in enumerate(self.program.outputs):
            if k in self.storage.donated and v.ndim:
                texts.append(self.name(self.program.inputs[self.storage.donated[k]]))
            elif not isinstance(v, Value):
                texts.append(self.text(v))
            elif not v.ndim:
                texts.append(self.name(v))
            else:
                producer = v.producer
                owned = producer is not None and not producer.shares and producer.f is not calls.full
                if owned and v not in seen and v not in self.storage.place:
                    texts.append(self.name(v))
                else:
                    texts.append(self.free_name(f"{self.name(v)}_copy"))
                    self.body.append(f"{texts[-1]} = {self.name(v)}.copy()")
                seen.add(v)
        return texts

    def commits(self) -> list[str]:
        """Outputs that could not be made in their donated argument's memory are copied there, after all is read."""
        before, after = [], []
        for value, position in self.storage.copies:
            text = self.name(value)
            if value.producer is None or value.producer.shares:  # it lies in an argument, maybe one that is written
                text = self.free_name(f"{text}_now")
                before.append(f"{text} = {self.name(value)}.copy()")
            after.append(f"{self.name(self.program.inputs[position])}[...] = {text}")
        return before + after

    def instruction(self, i: Instruction) -> None:
        """The line, or lines, of one instruction."""
        if i.shares and i.f in calls.VIEWS and self.is_fixed(i):
            return
        if i.several is not None:
            targets = ", ".join(self.name(out) for out in i.outs)
            self.body.append(f"{targets}{',' if len(i.outs) == 1 else ''} = {self.call(i)}")
        elif i.out in self.storage.place:
            self.write(i)
        else:
            text = self.call(i)
            if not i.out.ndim and not i.out.weak and _may_be_0d(i):
                text += "[()]"
            self.body.append(f"{self.name(i.out)} = {text}")

    def is_fixed(self, i: Instruction) -> bool:
        """Make a view of a buffer, or of a constant, beforehand: it is the same at each call."""
        base = i.args[0]
        place = self.storage.place.get(base)
        held = base.kind == "constant" or base in self.fixed or (place is not None and place[0] == "buffer")
        if not held or any(isinstance(v, Value) for v in i.operands if v is not base) or not i.out.ndim:
            return False
        source = self.memory(base) if place is not None else self.name(base)
        name = self.free_name(f"{source}_{'T' if i.f is calls.transpose else 'view'}")
        self.names[i.out] = name
        self.fixed.add(i.out)
        names, self.names = self.names, {**self.names, base: source}
        text = self.call(i)
        self.names = names
        self.names[i.out] = name
        if i.f is calls.reshape:
            text = f"{text[:-1]}, copy=False)"  # of what would be a copy: an error, not old numbers
        self.header.append(f"{name} = {text}")
        return True

    def call(self, i: Instruction) -> str:
        """The call without a place to write to."""
        f, args = i.f, i.args
        if not i.kwargs:
            symbol, prefix = SYMBOLS.get(f), PREFIXES.get(f)
            if symbol and len(args) == 2:
                a, b = (self.operand(x, i.out, args) for x in args)
                return f"{a} {symbol} {b}"
            if prefix and (not i.out.ndim or i.out.weak):
                return f"{prefix}{self.text(args[0])}"
        if f is operator.abs:
            return f"abs({self.text(args[0])})"
        if f is calls.reshape:
            x = self.text(args[0]) if i.shares or not i.out.ndim else f'np.array({self.text(args[0])}, order="C")'
            return f"{x}.reshape({self.text(args[1])})"
        if f is calls.transpose:
            x, axes = args
            back = axes == tuple(range(len(axes)))[::-1]
            return f"{self.text(x)}.T" if back else f"{self.text(x)}.transpose({self.text(axes)})"
        if f is calls.getitem:
            return f"{self.text(args[0])}[{self.index(args[1])}]"
        if f is calls.astype:
            return f"{self.text(args[0])}.astype({self.text(args[1])})"
        if f is calls.draw:
            generator, method, inside, named = args
            return f"{self.text(generator)}.{method}({self.arguments(inside, named)})"
        if f is calls.full:
            key = ("full", *map(repr, args))
            if not isinstance(args[1], Value):
                if key not in self.arrays:
                    self.arrays[key] = self.constant(calls.full(*args), _number_name(args[1]))
                return self.arrays[key]
            return f"np.full({self.text(args[0])}, {self.text(args[1])}, {self.text(args[2])})"
        if is_elementwise(f):
            inside = ", ".join(self.operand(x, i.out, args) for x in args)
            named = "".join(f", {key}={self.text(x)}" for key, x in i.kwargs.items())
            return f"{self.function(f)}({inside}{named})"
        if getattr(f, "__name__", "") == "reduce" and list(i.kwargs) == ["axis"]:
            return f"{self.function(f)}({self.text(args[0])}, {self.text(i.kwargs['axis'])})"  # no keyword to parse
        return f"{self.function(f)}({self.arguments(args, i.kwargs)})"

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Positional and keyword arguments as source."""
        return ", ".join([*map(self.text, args), *(f"{key}={self.text(x)}" for key, x in kwargs.items())])

    def index(self, index: Any) -> str:
        """What stands between the brackets."""
        if isinstance(index, tuple) and index:
            return ", ".join(map(self.one_index, index)) + ("," if len(index) == 1 else "")
        return self.one_index(index)

    def one_index(self, x: Any) -> str:
        """``1:``, ``...``, ``3``."""
        if isinstance(x, slice):
            start, stop, step = ("" if v is None else self.text(v) for v in (x.start, x.stop, x.step))
            return f"{start}:{stop}" + (f":{step}" if step else "")
        return self.text(x)

    def write(self, i: Instruction) -> None:
        """The call with a place to write to."""
        f, args, target = i.f, i.args, self.memory(i.out)
        name = self.name(i.out)
        place = self.storage.place[i.out]
        if is_elementwise(f):
            inside = ", ".join(self.operand(x, i.out, args) for x in args)
            named = "".join(f", {key}={self.text(x)}" for key, x in i.kwargs.items())
            out = f"out={target}" if f in KEYWORD_OUT or named else target
            self.body.append(f"{name} = {self.function(f)}({inside}{named}, {out})")
        elif f is np.matmul:
            a, b = args
            quick = all(isinstance(x, Value) and x.ndim == 2 and x.dtype == i.out.dtype for x in args)
            plain = quick and i.out.order == (0, 1) and place[0] == "buffer"
            call = f"{self.function(np.dot)}({self.text(a)}, {self.text(b)}, {target})" if plain else (
                f"{self.function(f)}({self.text(a)}, {self.text(b)}, {target})"
            )  # fmt: skip
            self.body.append(f"{name} = {call}")
        elif f is np.where:
            condition, a, b = map(self.text, args)
            copyto = self.function(np.copyto)
            self.body += [f"{copyto}({target}, {b})", f"{copyto}({target}, {a}, where={condition})",
                          f"{name} = {target}"]  # fmt: skip
        elif f is calls.astype:
            self.body += [f'{self.function(np.copyto)}({target}, {self.text(args[0])}, "unsafe")', f"{name} = {target}"]
        elif f is calls.reshape:
            laid = self.array(place, args[0].shape, i.out.dtype, tuple(range(args[0].ndim)))
            self.body += [f"{self.function(np.copyto)}({laid}, {self.text(args[0])})", f"{name} = {target}"]
        elif f in (calls.putitem, calls.add_at):
            self.put(i, target, name)
        elif getattr(f, "__name__", "") == "reduce" and not {"where", "initial", "dtype"} & set(i.kwargs):
            axis, keep = i.kwargs.get("axis", 0), i.kwargs.get("keepdims", False)
            axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
            tail = f", {keep}" if keep else ""
            self.body.append(
                f"{name} = {self.function(f)}({self.text(args[0])}, {self.text(axis)}, None, {target}{tail})"
            )
        else:
            self.body.append(f"{name} = {self.function(f)}({self.arguments(args, i.kwargs)}, out={target})")

    def put(self, i: Instruction, target: str, name: str) -> None:
        """``x[index] = value`` in x's own memory where x is not read again, else in a copy."""
        x, index, value = i.args
        if self.storage.place.get(x) != self.storage.place[i.out]:
            filled = fill_of(x) if isinstance(x, Value) else None
            start = f"{target}.fill({self.text(filled)})" if filled is not None else (
                f"{self.function(np.copyto)}({target}, {self.text(x)})"
            )  # fmt: skip
            self.body.append(start)
        if i.f is calls.putitem:
            self.body.append(f"{target}[{self.index(index)}] = {self.text(value)}")
        else:
            self.body.append(f"{self.function(np.add)}.at({target}, {self.text(index)}, {self.text(value)})")
        self.body.append(f"{name} = {target}")


def how_of(errors: tuple[tuple[str, str], ...]) -> str:
    """``over="ignore"``: what is asked of NumPy's warnings."""
    return ", ".join(f'{kind}="{what}"' for kind, what in errors)


def _lookup(path: str) -> Any:
    found: Any = np
    for part in path.split(".")[1:]:
        found = getattr(found, part, None)
    return found


def _number_name(x: Any) -> str:
    """``half``, ``c1_2`` for 1.2: a number's name, so that the source reads."""
    return "c" + re.sub(r"\W", "_", repr(x).replace("-", "minus"))


def _may_be_0d(i: Instruction) -> bool:
    """Whether a call that should give a number may give a 0-d array instead."""
    owner = getattr(i.f, "__self__", None)
    return not isinstance(i.f, (np.ufunc, type)) and not isinstance(owner, np.ufunc) and i.f is not calls.draw


def array_in(block: np.ndarray[Any, Any], shape: tuple[int, ...], dtype: Any, order: tuple[int, ...]) -> Any:
    """An array over the first bytes of a block of memory, its axes laid out in `order`."""
    size = int(np.prod(shape)) * dtype.itemsize
    laid = block[:size].view(dtype).reshape([shape[k] for k in order])
    return laid.transpose(np.argsort(order)) if order else laid
