"""What a trace writes down: each call with its operands, its results, the user's line and names."""

from __future__ import annotations

import linecache
import re
import sys
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from ..backward import pull_back
from ..errors import CompileError, user_frame, user_line
from ..failures import operation_failed
from . import calls
from .program import Instruction, Site, Value
from .traced import Traced, sample_of, traced_in

__all__ = ["Recorder", "name_of"]

ASSIGNED = re.compile(r"\s*([A-Za-z_]\w*)\s*=[^=]")


class Recorder:
    """One trace: the instructions so far, and which arrays are its constants."""

    def __init__(self) -> None:
        self.instructions: list[Instruction] = []
        self.inputs: list[Value] = []
        self.constants: dict[int, Value] = {}
        self.sites: dict[Any, Site] = {}
        self.ends: dict[tuple[str, int], tuple[int, Value]] = {}  # each line's last operation so far, and its result
        self.slopes: dict[Any, Value] = {}  # by what it is the gradient of: the last result on the way back to it
        self.errors: dict[str, Any] = dict(np.geterr())

    def input(self, sample: Any, position: int, name: str) -> Traced:
        """A new input."""
        value = Value("input", sample, position, name)
        self.inputs.append(value)
        return Traced(self, value, sample)

    def value_of(self, x: Any) -> Any:
        """What an instruction names for `x`: the value of a Traced, a constant for an array, `x` itself otherwise."""
        if isinstance(x, Traced):
            if x.pending is not None:
                raise CompileError(
                    "a view of an array was changed in place, and the array read afterwards: write x[i] += v in one "
                    f"line, or x[i] = x[i] + v.{user_line()}"
                )
            if x.recorder is not self:
                raise CompileError(
                    "a value of one compiled call was used in another: return it, and pass it as an argument."
                    f"{user_line()}"
                )
            return x.value
        if isinstance(x, np.ndarray) and x.ndim:
            known = self.constants.get(id(x))
            if known is None:
                known = self.constants[id(x)] = Value("constant", x, x)
            return known
        if isinstance(x, (list, tuple)):
            changed = [self.value_of(v) for v in x]
            return type(x)(*changed) if hasattr(x, "_fields") else type(x)(changed)
        if isinstance(x, dict):
            return {key: self.value_of(v) for key, v in x.items()}
        if isinstance(x, slice):
            return slice(self.value_of(x.start), self.value_of(x.stop), self.value_of(x.step))
        return x

    def record(
        self,
        f: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None = None,
        effect: bool = False,
    ) -> Any:
        """Make the call on the samples, write it down, and return its result as Traced."""
        kwargs = kwargs or {}
        result = self._on_samples(f, args, kwargs)
        parts, several = _parts_of(result)
        operands = list(traced_in((args, kwargs)))
        outs = tuple(Value("result", part) for part in parts)
        site = self._site(outs[-1]) if outs else None
        shares = tuple(x.value for x in operands if any(_may_share(part, x.sample) for part in parts))
        self.instructions.append(
            Instruction(
                f, self.value_of(args), self.value_of(kwargs), outs, several=several, effect=effect, shares=shares,
                site=site,
            )
        )  # fmt: skip
        made = [Traced(self, value, part, fresh=not shares) for value, part in zip(outs, parts, strict=True)]
        for x in operands:
            if x.value in shares:
                x.views += [weakref.ref(t) for t in made]
        if shares and isinstance(args[0], Traced):
            base = args[0]
            if f is calls.getitem:
                made[0].origin = (base, args[1])
            elif len(operands) == 1 and base.is_own():
                made[0].base = (weakref.ref(base), base.views)
        return several(made) if several else made[0]

    def _on_samples(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given, named = sample_of(args), sample_of(kwargs)
        try:
            return f(*given, **named)
        except (ZeroDivisionError, OverflowError, KeyError, AttributeError):
            raise
        except Exception as error:
            if isinstance(error.__cause__, CompileError):  # NumPy's own error around ours
                raise
            operation_failed(name_of(f), error, *given, **named)

    def name_values(self) -> None:
        """Call results as the user's lines do: ``A1`` for what ``A1 = ...`` ends in, ``dA1`` for its gradient."""
        for (file, line), (_, value) in self.ends.items():
            assigned = ASSIGNED.match(linecache.getline(file, line))
            if assigned and not value.name:
                value.name = assigned[1]
        for of, value in self.slopes.items():
            known = self.ends.get(of[:2]) if isinstance(of, tuple) else None
            name = of.name if isinstance(of, Value) else known[1].name if known and known[0] == of[2] else ""
            if name and not value.name:
                value.name = f"d{name}"

    def _site(self, value: Value) -> Site | None:
        """The user's line: of the operation, or of the one whose derivative is at work."""
        frame: FrameType | None = sys._getframe(2)
        backward = False
        while frame is not None and not backward:
            backward = frame.f_code is pull_back.__code__
            if backward:
                mark = frame.f_locals["node"].id
                self._is_gradient(frame.f_locals.get("parent"), value)
                if getattr(mark, "code", None) is not None:
                    return self._at(mark.code.co_filename, mark.line, True)
            frame = frame.f_back
        here = user_frame()
        if here is None:
            return self._at("", 0, backward) if np.geterr() != self.errors else None
        file, line = here.f_code.co_filename, here.f_lineno
        if not backward and self.ends.get((file, line), (-1,))[0] <= here.f_lasti:
            self.ends[file, line] = here.f_lasti, value
        return self._at(file, line, backward)

    def _is_gradient(self, node: Any, value: Value) -> None:
        """Remember `value` as what came last on the way back to a node."""
        mark: Any = getattr(node, "id", None)
        if isinstance(getattr(node, "like", None), Traced) and not node.parents:
            self.slopes[node.like.value] = value
        elif getattr(mark, "code", None) is not None:
            self.slopes[mark.code.co_filename, mark.line, mark.lasti] = value

    def _at(self, file: str, line: int, backward: bool) -> Site:
        errors = tuple((kind, str(how)) for kind, how in np.geterr().items() if how != self.errors[kind])
        key = (file, line, backward, errors)
        if key not in self.sites:
            self.sites[key] = Site(file, line, linecache.getline(file, line).strip(), backward, errors)
        return self.sites[key]


def name_of(f: Callable[..., Any]) -> str:
    """What an instruction calls, for a message: ``matmul``, ``maximum.reduce``."""
    name = getattr(f, "__name__", type(f).__name__)
    of = getattr(f, "__self__", None)
    return f"{of.__name__}.{name}" if isinstance(of, np.ufunc) else name


def _may_share(part: Any, sample: Any) -> bool:
    return isinstance(part, np.ndarray) and isinstance(sample, np.ndarray) and np.may_share_memory(part, sample)


def _parts_of(result: Any) -> tuple[list[Any], Callable[[list[Any]], Any] | None]:
    """The arrays of a call's result, and how to pack them again; 0-d arrays as scalars."""
    if isinstance(result, (tuple, list)):
        kind: Any = type(result)
        pack = (lambda parts: kind(*parts)) if hasattr(result, "_fields") else kind
        return [_scalar(part) for part in result], pack
    return [_scalar(result)], None


def _scalar(x: Any) -> Any:
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x
