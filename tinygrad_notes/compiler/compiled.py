"""`compile`: a function that is traced at its first call, and replayed afterwards.

step = tn.compile(step, donate=0)
params, loss = step(params, X, Y)       # traced, simplified, written as source, run
params, loss = step(params, X, Y)       # run
"""

from __future__ import annotations

import builtins
import linecache
import operator
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable
from functools import partial, update_wrapper
from types import MethodType
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ..arguments import need_count
from ..errors import BadInputError, CompileError, DTypeError, describe, user_line
from ..failures import need_function, no_numbers, operation_failed, what_is
from ..pytree import flatten, unflatten
from .blocks import blocked
from .capture import Capture, Changed
from .contents import Replayed
from .emit import array_in
from .emit_blocks import emit
from .entry import MISS, POISONED, write_entry
from .passes import simplified
from .program import Instruction, Program, Value
from .recorder import name_of
from .schedule import settle
from .storage import Storage, assign
from .trace import STATIC, trace, with_statics

if TYPE_CHECKING:
    from ..graphs import Graph
    from .profile import Stats

__all__ = ["Compiled", "Plan", "compile"]

SMALL = 512
"""Elements up to which the first call's arguments are kept for the picture."""

ALIGNMENT = 64
"""Bytes: a cache line."""

KEPT_ERRORS = (ZeroDivisionError, OverflowError, KeyError, AttributeError)
"""What Python raises for its own numbers and containers, compiled or not."""

Static = int | str | tuple[int | str, ...]
Run = Callable[..., list[Any]]

PLAIN_KINDS = frozenset((np.ndarray, float, int, bool, complex, str, np.float64, np.float32))


def compile(
    f: Callable[..., Any],
    *,
    donate: int | tuple[int, ...] = (),
    static: Static = (),
    cache: int = 32,
    threads: int = 1,
) -> Compiled:
    """Trace a function at its first call, and replay it as a NumPy program that reuses its memory.

    Parameters
    ----------
    f : callable
        Plain NumPy; also ``tn.value_and_grad(f)``, ``tn.hessian(f)``, a whole training step.
    donate : int or tuple of int
        Arguments whose arrays may be written: the results that take their place are put there.
    static : int, str or tuple of them
        Arguments, by position or name, that are part of the program (flags, sizes, axes); another value is another
        program. Bools, strings and None always are.
    cache : int
        How many programs are kept: one for each structure, shapes and dtypes of the arguments.
    threads : int
        How many threads share elementwise work on large arrays. With the same number, results are the same to the
        last bit at each call.

    Returns
    -------
    Compiled
        Called like `f`. ``.source`` is the program that runs, ``.graph`` its picture, ``.stats`` its size and time.

    Raises
    ------
    CompileError
        At the call, if something would be frozen that may change: a branch on a value, ``.item()``, a random draw, a
        write to something outside.

    Examples
    --------
    >>> import tinygrad_notes as tn
    >>> cost = lambda w, x: np.sum((w * x - 1.0) ** 2)
    >>> gradient = tn.compile(tn.grad(cost))
    >>> gradient(np.array([1.0, 2.0]), np.array([3.0, 1.0]))
    array([12.,  2.])
    >>> gradient.traces
    1
    """
    return Compiled(f, donate=donate, static=static, cache=cache, threads=threads)


class Plan:
    """One traced program, its source, and the memory to run it in.

    Attributes
    ----------
    program : Program
    source : str
    """

    def __init__(
        self,
        program: Program,
        structure: Any,
        positions: list[int],
        count: int,
        donated: list[int],
        name: str,
        threads: int = 1,
    ) -> None:
        self.program: Program = program
        self.structure: Any = structure
        self.storage: Storage = assign(program, donated, threads, loop=bool(donated))
        emitted = emit(program, self.storage, threads)
        self.source: str = emitted.text
        self.constants: dict[str, Any] = emitted.constants
        self.lines: list[tuple[int, Instruction]] = emitted.lines
        self.file: str = f"<compiled {name} {id(self):x}>"
        linecache.cache[self.file] = (len(self.source), None, self.source.splitlines(True), self.file)
        scope: dict[str, Any] = {}
        exec(builtins.compile(self.source, self.file, "exec"), scope)
        self.make: Callable[..., tuple[Run, Run]] = scope["make"]
        self.pick: Callable[[list[Any]], Any] = _picker(positions, count)
        self.written: list[int] = sorted({p for p in self.storage.donated.values() if program.inputs[p].ndim})
        self.donated: list[int] = donated
        self.idle: list[tuple[Run, Run]] = [self.new_runs()]
        self.enter: Callable[[tuple[Any, ...]], Any] | None = None
        self.samples: list[Any] = []

    def new_runs(self) -> tuple[Run, Run]:
        """The program, once and repeated, with memory of its own."""
        return self.make(*self.materials())

    def materials(self) -> tuple[Any, ...]:
        """What the source is made into a function with."""
        return np, self.constants, [_aligned(n) for n in self.storage.buffers], array_in

    def start(self, arguments: Any, times: int | None = None) -> list[Any]:
        """Run the program; runs at the same time have each their own memory."""
        try:
            runs = self.idle.pop()
        except IndexError:
            runs = self.new_runs()
        try:
            results = runs[0](*arguments) if times is None else runs[1](times, *arguments)
        except KEPT_ERRORS:
            raise
        except Exception as error:
            self.failed(error)
        self.idle.append(runs)
        return results

    def failed(self, error: Exception) -> NoReturn:
        """Raise our error for what NumPy raised in one line of the program."""
        trace, line = error.__traceback__, 0
        while trace is not None:
            line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == self.file else line
            trace = trace.tb_next
        at_work = [i for number, i in self.lines if number <= line]
        if not at_work:
            raise error
        operation_failed(name_of(at_work[-1].f), error, *(x for x in at_work[-1].args if isinstance(x, Value)))

    def left_over(self) -> list[str]:
        """Donated arguments that no result takes the place of."""
        taken = set(self.storage.donated.values())
        inputs = [self.program.inputs[k] for k in self.donated if k not in taken]
        return [f"{value.name} ({describe(value)})" for value in inputs]

    def __del__(self) -> None:
        linecache.cache.pop(self.file, None)


def _sample(x: Any) -> Any:
    """A small argument, to be drawn; None for a large one."""
    if isinstance(x, np.ndarray):
        return x.copy() if x.size <= SMALL else None
    return x if isinstance(x, (int, float, complex, np.generic)) else None


def _picker(positions: list[int], count: int) -> Callable[[list[Any]], Any]:
    """How to take the arguments that aren't static out of all leaves."""
    if not positions:
        return lambda _leaves: ()
    if positions == list(range(count)):
        return lambda leaves: leaves
    if len(positions) == 1:
        return lambda leaves: (leaves[positions[0]],)
    return operator.itemgetter(*positions)


def _aligned(nbytes: int) -> np.ndarray[Any, Any]:
    block = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + nbytes]


class Compiled(Replayed):
    """What `compile` returns: a function with a `Plan` for each kind of arguments it was called with.

    Attributes
    ----------
    f : callable
        The function itself.
    traces : int
        How often it was traced so far.
    history : list of str
        Why, each time.
    """

    def __init__(
        self, f: Callable[..., Any], *, donate: Any = (), static: Static = (), cache: int = 32, threads: int = 1
    ) -> None:
        need_function("tn.compile", f)
        self.cache: int = need_count("cache", cache, 1)
        self.threads: int = need_count("threads", threads, 1)
        self.f: Callable[..., Any] = f.f if isinstance(f, Compiled) else f
        self.donate: tuple[int, ...] = _arguments(
            "donate", donate, (int, np.integer), "the place of an argument, 0 for the first"
        )
        self.static: tuple[int | str, ...] = _arguments(
            "static", static, (int, np.integer, str), "the place or the name of an argument"
        )
        _need_parameters(self.f, self.static)
        self.history: list[str] = []
        self._plans: OrderedDict[Any, Plan] = OrderedDict()
        self._capture: Capture | None = None
        self._last: Plan | None = None
        self._enter: Callable[[tuple[Any, ...]], Any] | None = None
        self._lock = threading.RLock()
        update_wrapper(self, self.f, ("__name__", "__qualname__", "__doc__", "__module__"), ())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What ``f(*args, **kwargs)`` returns."""
        enter = self._enter
        if enter is not None and not kwargs:
            result = enter(args)
            if result is not MISS:
                return result
        return self._called(args, kwargs, None)

    def repeat(self, times: int, *args: Any, **kwargs: Any) -> Any:
        """Call the function `times` times in a row, its donated arguments replaced by the results in their place.

        What depends on no donated argument is computed once, before the loop (up to 64 kB a value).

        Parameters
        ----------
        times : int
        *args, **kwargs
            As for one call.

        Returns
        -------
        As of one call: the donated arguments after the last one, and each other result of all calls, stacked along a
        new first axis.

        Raises
        ------
        BadInputError
            If nothing is donated, or a donated argument has no result of its shape and dtype.

        Examples
        --------
        >>> halve = compile(lambda w: (w / 2, np.sum(w)), donate=0)
        >>> halve.repeat(3, np.array([8.0, 4.0]))
        (array([1. , 0.5]), array([12.,  6.,  3.]))
        """
        times = need_count("times", times, 1)
        if not self.donate:
            raise BadInputError(
                "repeat() hands donated results on to the next call: say which arguments those are, "
                f"tn.compile(f, donate=0).{user_line()}"
            )
        return self._called(args, kwargs, times)

    @property
    def traces(self) -> int:
        """How often the function was traced."""
        return len(self.history)

    @property
    def source(self) -> str:
        """The program that the last call ran."""
        return self._plan_of_the_last_call().source

    @property
    def stats(self) -> Stats:
        """The program of the last call in numbers; ``.stats.measure()`` times its lines, printing it is its profile."""
        from .profile import stats_of

        return stats_of(self._plan_of_the_last_call())

    @property
    def graph(self) -> Graph:
        """The program of the last call as a picture."""
        from .picture import graph_of

        return graph_of(self._plan_of_the_last_call())

    def _plan_of_the_last_call(self) -> Plan:
        if self._last is None:
            raise BadInputError(f"{self!r} was not called yet: it is traced at its first call.{user_line()}")
        return self._last

    def __repr__(self) -> str:
        name = getattr(self.f, "__name__", type(self.f).__name__)
        return f"<compiled {name}: {len(self._plans)} programs, {self.traces} traces>"

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        key = f"_compiled_{id(self)}"
        bound = instance.__dict__.get(key)
        if bound is None:
            method = MethodType(self.f, instance)
            bound = Compiled(method, donate=self.donate, static=self.static, cache=self.cache, threads=self.threads)
            instance.__dict__[key] = bound
        return bound

    # calls

    def _called(self, args: tuple[Any, ...], kwargs: dict[str, Any], times: int | None) -> Any:
        statics: tuple[Any, ...] = ()
        if self.static:
            args, kwargs, statics = self._without_statics(args, kwargs)
        leaves, structure = flatten((args, kwargs))
        for kind in {*map(type, leaves)}:
            if kind not in PLAIN_KINDS and hasattr(kind, "__array_function__") and not issubclass(kind, np.ndarray):
                return self._inline(args, kwargs, statics, times)
        plan, leaves = self._plan(leaves, structure, len(leaves), statics)
        if times is not None and plan.left_over():
            raise BadInputError(
                f"repeat() hands results on in the places of the donated arguments, but no result takes that of "
                f"{', '.join(plan.left_over())}: return an array of its shape and dtype.{user_line()}"
            )
        arguments = plan.pick(leaves)
        written = self._donated(plan, arguments)
        try:
            return unflatten(plan.structure, plan.start(arguments, times))
        except BaseException:
            poison(written)
            raise

    def _inline(self, args: tuple[Any, ...], kwargs: dict[str, Any], statics: Any, times: int | None) -> Any:
        """On Tensors, a vmap's batch, or inside another trace: the function itself."""
        if times is not None:
            raise CompileError(f"repeat() takes arrays; differentiate the step it repeats instead.{user_line()}")
        args, kwargs = with_statics(args, kwargs, statics)
        return self.f(*args, **kwargs)

    def _without_statics(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        statics = []
        given, named = list(args), dict(kwargs)
        for key in self.static:
            if isinstance(key, int):
                if not -len(args) <= key < len(args):
                    continue
                value, given[key] = given[key], None
            elif key in named:
                value, named[key] = named[key], None
            else:
                continue
            try:
                hash(value)
            except TypeError:
                raise BadInputError(
                    f"a static argument is part of the program, so it has to be hashable; {key} is a "
                    f"{type(value).__name__}. Pass arrays as ordinary arguments, a list as a tuple.{user_line()}"
                ) from None
            statics.append((key, type(value), value))
        return tuple(given), named, tuple(statics)

    def _plan(self, leaves: list[Any], structure: Any, own: int, statics: Any) -> tuple[Plan, list[Any]]:
        """The plan for these arguments, and all arrays that it takes."""
        capture = self._capture
        why = "first call" if capture is None else ""
        if capture is not None:
            try:
                if capture.holds():
                    leaves = leaves + capture.leaves() if capture.arrays else leaves
                else:
                    why = "a captured value changed"
            except (Changed, KeyError, ValueError, AttributeError):
                why = "a captured container changed"
        with self._lock:
            if why:
                self._plans.clear()
                self._capture = Capture(self.f)
                leaves = leaves + self._capture.leaves()
            key = (structure, statics, *map(_signature, leaves[:own]), *map(_captured_signature, leaves[own:]))
            plan = self._plans.get(key)
            if plan is None:
                plan = self._traced(leaves, structure, statics, own)
                self._plans[key] = plan
                self.history.append(why or "new shapes, dtypes or structure")
                while len(self._plans) > self.cache:
                    self._plans.popitem(last=False)
            self._plans.move_to_end(key)
            self._last = plan
            self._enter = None if self.static else plan.enter
            return plan, leaves

    def _traced(self, leaves: list[Any], structure: Any, statics: Any, own: int) -> Plan:
        capture = self._capture
        assert capture is not None
        program, out_structure = trace(self.f, capture, leaves[:own], structure, statics, leaves[own:])
        positions = [v.data for v in program.inputs]
        donated = self._donated_positions(leaves[:own], structure)
        inputs = [k for k, position in enumerate(positions) if position in donated]
        settle(simplified(program), inputs)
        blocked(program)
        name = getattr(self.f, "__name__", "f")
        plan = Plan(program, out_structure, positions, len(leaves), inputs, name, self.threads)
        plan.samples = [_sample(leaves[position]) for position in positions]
        plan.enter = write_entry(
            structure, leaves, own, capture, out_structure, positions, plan.written, plan.start, poison
        )
        return plan

    def _donated_positions(self, leaves: list[Any], structure: Any) -> set[int]:
        """Which leaves belong to donated arguments."""
        args, _ = unflatten(structure, list(range(len(leaves))))
        found: set[int] = set()
        for k in self.donate:
            if not -len(args) <= k < len(args):
                raise BadInputError(
                    f"donate={k}, but the call has {len(args)} positional arguments: donated ones are given by "
                    f"position, and counted from 0.{user_line()}"
                )
            found |= set(flatten(args[k])[0])
        return found

    def _donated(self, plan: Plan, arrays: Any) -> list[Any]:
        """The arrays that the program writes, after a look at whether it may."""
        written = [arrays[k] for k in plan.written]
        for x in written:
            if id(x) in POISONED and POISONED[id(x)]() is x:
                raise CompileError(
                    "this donated array was left half-written when an earlier call failed: start again from a copy "
                    f"made before that call.{user_line()}"
                )
            if not x.flags.writeable:
                raise BadInputError(f"a donated array is read-only; pass x.copy().{user_line()}")
        others = [x for x in arrays if isinstance(x, np.ndarray)]
        owners = [id(x) if x.base is None else id(x.base) for x in others]
        if len(set(owners)) != len(owners):
            for x in written:
                if sum(np.may_share_memory(x, y) and np.shares_memory(x, y) for y in others) > 1:
                    raise BadInputError(
                        "a donated array shares memory with another argument, which would change under the program's "
                        f"hands: pass a copy.{user_line()}"
                    )
        return written


def poison(arrays: list[Any]) -> None:
    """Remember that a failed run may have left these half-written."""
    for array in arrays:
        key = id(array)
        POISONED[key] = weakref.ref(array, partial(_forget, key))


def _forget(key: int, _: Any) -> None:
    POISONED.pop(key, None)


def _captured_signature(x: Any) -> Any:
    """The same of something captured: a number there is part of the program."""
    return _signature(x) if isinstance(x, np.ndarray) else (type(x), repr(x))


def _signature(x: Any) -> Any:
    """What about an argument makes it another program."""
    if isinstance(x, np.ndarray):
        unusual = None if type(x) is np.ndarray and x.dtype.kind in "fciub" else no_numbers(x)
        if unusual is not None:
            raise DTypeError(
                f"a compiled function takes arrays of numbers, not {describe(x)}: {unusual[0]}{unusual[1]}{user_line()}"
            )
        return (x.shape, x.dtype)
    if isinstance(x, STATIC):
        return (type(x), x)
    if isinstance(x, (int, float, complex, np.generic, np.random.Generator)):
        return type(x)
    unusual = None if callable(x) else no_numbers(x)
    raise DTypeError(
        f"a compiled function takes arrays, numbers and containers of them, not {what_is(x)}"
        f"{unusual[1] if unusual else chr(10) + '  name it in static= if it is part of the program'}{user_line()}"
    )


def _arguments(option: str, given: Any, kinds: tuple[type, ...], meaning: str) -> tuple[Any, ...]:
    """An option that names arguments, as a tuple."""
    several = given if isinstance(given, (tuple, list)) else (given,)
    for key in several:
        if not isinstance(key, kinds) or isinstance(key, bool):
            raise BadInputError(f"{option} is {meaning}, or a tuple of them, not {what_is(given)}.{user_line()}")
    return tuple(several)


def _need_parameters(f: Callable[..., Any], static: tuple[int | str, ...]) -> None:
    """Raise where `f` has no such arguments: they would never be static."""
    import inspect

    try:
        parameters = inspect.signature(f).parameters.values() if static else ()
    except (TypeError, ValueError):
        return  # a function in C that doesn't tell
    kinds = {p.kind for p in parameters}
    placed = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    for key in static:
        if isinstance(key, str):
            known = key in named or inspect.Parameter.VAR_KEYWORD in kinds
        else:
            known = -len(placed) <= key < len(placed) or inspect.Parameter.VAR_POSITIONAL in kinds
        if not known:
            have = ", ".join(dict.fromkeys([*placed, *named])) or "none"
            raise BadInputError(
                f"static={key!r}, but {getattr(f, '__name__', type(f).__name__)} has no such argument: it has {have}."
                f"{user_line()}"
            )
