"""The rule book's own words: what a rule is, and the register they are all in.

A rule says how a gradient goes back through one function, once, in plain NumPy::

    rule(np.multiply, "∂(ab)/∂a = b,  ∂(ab)/∂b = a",
         lambda g, _y, _a, b: g * b,
         lambda g, _y, a, _b: g * a, elementwise=True)

* ``g`` is dJ/dy, ``y`` the result, then the function's own arguments. One function per differentiable input.
* A parameter written with a leading underscore is not kept alive by the graph: only its shape and dtype are.
* A rule knows mathematics. The engine undoes broadcasting, casts to the input's dtype, and adds up.
* Rules never ask whether they were given arrays or Tensors: with Tensors the backward pass is itself recorded.
* Complex numbers: write the rule as if for real numbers, ``g * f'(x)`` without conjugates. The engine conjugates
  around it. Where a function isn't complex-differentiable (abs, real, angle …) say ``holomorphic=False`` and write
  the conjugates out.

Five kinds of entry: `rule` (a derivative), `composite` (written in other NumPy functions), `plain` (its result is
bool, integer or otherwise carries no derivative: the plain answer is returned), `refuse` (an error that hands over
the way round), and `alias`.
"""

from __future__ import annotations

import importlib
import inspect
import operator
import sys
from collections.abc import Callable, Iterable
from functools import partial
from operator import itemgetter
from types import FunctionType
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

Array = Any  # a NumPy array or scalar, a CuPy array, a Tensor, a Batched: whatever follows NumPy's protocols
Pullback = Callable[..., Any]
Entry = "Rule | Composite | Plain | Refusal"

PYTHONS = (list, tuple, int, float, complex)
"""Python's own numbers and lists of them: a rule on arrays gets NumPy's."""

POSITIONAL, VAR_POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
KEYWORD_ONLY, VAR_KEYWORD = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD
NO_DEFAULT = inspect.Parameter.empty

BOOK: dict[Any, Any] = {}
"""Every entry, keyed by the NumPy function (or our own primitive) that it is about."""


LATE = {"numpy.fft": ".fft", "scipy.special": ".special"}
"""Chapters about modules that many programs never load: read on the first call of a function that the book lacks."""


def find(f: Any) -> Any:
    """The entry of `f`, or None."""
    if f not in BOOK:
        for module, chapter in LATE.items():
            if module in sys.modules:
                importlib.import_module(chapter, __package__)
    return BOOK.get(f)


class Op:
    """A rule with the inputs that are tracked in this call: what a graph node points to."""

    __slots__ = ("forward", "holomorphic", "keep", "keep_y", "params", "places", "rule", "vjps", "which")

    def __init__(self, rule: Rule, which: tuple[int, ...], count: int, params: dict[str, Any] | None = None) -> None:
        self.rule: Rule = rule
        self.holomorphic: bool = rule.holomorphic
        self.which: tuple[int, ...] = which
        self.places: tuple[int, ...] = tuple(range(len(which)))
        self.params: dict[str, Any] = params or {}
        if rule.variadic:
            self.vjps: tuple[Callable[..., Any], ...] = tuple(partial(rule.vjps[0], i, **self.params) for i in which)
            self.forward: Callable[..., Any] = partial(rule.f, **self.params) if self.params else rule.f
            self.keep: tuple[bool, ...] = (rule.reads[0][1],) * count
            self.keep_y: bool = rule.reads[0][0]
        else:
            used = [rule.reads[i] for i in which]
            self.vjps = tuple(rule.vjps[i] for i in which)
            self.forward = rule.forward
            self.keep = tuple(any(reads[1 + i] for reads in used) for i in range(rule.inputs))
            self.keep_y = any(reads[0] for reads in used)

    @property
    def name(self) -> str:
        """The function's name, as drawn on a graph."""
        return self.rule.name

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Rule:
    """One function's derivative: what `rule` makes. Calling it calls the function, recorded on Tensors."""

    __slots__ = (
        "_ops",
        "_plans",
        "_positions",
        "complete",
        "defaults",
        "domain",
        "elementwise",
        "f",
        "formula",
        "forward",
        "holomorphic",
        "input_names",
        "inputs",
        "kinks",
        "known",
        "linear",
        "name",
        "others",
        "param_names",
        "quick",
        "reads",
        "samples",
        "simple",
        "variadic",
        "vjps",
    )

    def __init__(
        self,
        f: Callable[..., Any],
        formula: str,
        vjps: tuple[Pullback | None, ...],
        *,
        name: str | None,
        elementwise: bool,
        linear: str,
        holomorphic: bool,
        variadic: bool,
        domain: tuple[tuple[float, float], ...],
        kinks: dict[tuple[float, ...], tuple[float, ...]],
        samples: Callable[[Any], Iterable[Any]] | None,
    ) -> None:
        self.f: Callable[..., Any] = f
        self.name: str = name or f.__name__.lstrip("_").rstrip("_")
        self.formula: str = formula
        self.elementwise: bool = elementwise
        self.linear: str = linear
        self.holomorphic: bool = holomorphic
        self.variadic: bool = variadic
        self.domain: tuple[tuple[float, float], ...] = domain
        self.kinks: dict[tuple[float, ...], tuple[float, ...]] = kinks
        self.samples: Callable[[Any], Iterable[Any]] | None = samples
        self.inputs: int = len(vjps)
        self.vjps: tuple[Any, ...] = vjps
        first = next(v for v in vjps if v is not None)
        if variadic:  # vjp(i, g, y, *arrays, **params); all arrays are read or none is
            names = parameters_of(first)
            arrays = next(name for name, kind, _ in names if kind is VAR_POSITIONAL)
            self.reads: tuple[Any, ...] = ((not names[2][0].startswith("_"), not arrays.startswith("_")),)
            params = [p for p in names if p[1] is KEYWORD_ONLY]
            self.input_names: tuple[str, ...] = ()
            self.forward: Callable[..., Any] = f
        else:
            signatures = [None if v is None else parameters_of(v) for v in vjps]
            self.reads = tuple(
                [s and tuple([not name.startswith("_") for name, _, _ in s[1 : 2 + self.inputs]]) for s in signatures]
            )
            names = next(s for s in signatures if s)[2:]
            self.input_names = tuple([name.lstrip("_") for name, _, _ in names[: self.inputs]])
            params = names[self.inputs :]
            self.forward = f if not params else self._forward_with_params
        self.param_names: tuple[str, ...] = tuple([name.lstrip("_") for name, _, _ in params])
        self.defaults: tuple[Any, ...] = tuple([default for _, _, default in params])
        self.quick: Callable[[Any], Any] | None = None  # made by the engine at the first call on a Tensor
        self.simple: bool = elementwise and self.inputs == 1 and not params and not variadic
        self._ops: dict[Any, Op] = {}
        self._plans: dict[tuple[Any, ...], Any] = {}
        self._positions: tuple[str, ...] | None = None
        self.others: Callable[..., Any] | None = None
        self.known: frozenset[str] = frozenset(self.input_names + self.param_names)
        self.complete: bool = NO_DEFAULT not in self.defaults

    @property
    def positions(self) -> tuple[str, ...]:
        """The names of what may be given by position, looked up when first asked for: NumPy takes its time."""
        if self._positions is None:
            self._positions = _positional_names(self.f) or self.input_names + self.param_names
        return self._positions

    def _forward_with_params(self, *args: Any) -> Any:
        return self.f(*args[: self.inputs], **dict(zip(self.param_names, args[self.inputs :], strict=True)))

    def op(self, which: tuple[int, ...], count: int = 0, params: dict[str, Any] | None = None) -> Op:
        """The graph's view of this rule when the inputs `which` are tracked."""
        if self.variadic:
            return Op(self, which, count, params)
        found = self._ops.get(which)
        if found is None:
            found = self._ops[which] = Op(self, which, count)
        return found

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Arguments in the rule's own order, defaults filled in: inputs first, then parameters."""
        if not kwargs and len(args) == self.inputs and self.complete:
            return args + self.defaults
        signature = (len(args), *kwargs)
        if signature not in self._plans:
            self._plans[signature] = self._plan(len(args), tuple(kwargs))
        pick = self._plans[signature]
        if pick is not None:
            bound: tuple[Any, ...] = pick((*args, *kwargs.values(), *self.defaults))
            return bound
        return self._bind_by_name(args, kwargs)

    def _plan(self, count: int, keys: tuple[str, ...]) -> Callable[[tuple[Any, ...]], Any] | None:
        """How to pick arguments in the rule's order out of a call of this form; None where `_bind_by_name` must."""
        names = self.input_names + self.param_names
        given = (*names[: min(count, self.inputs)], *self.positions[self.inputs : count], *keys)
        known = len(given) == count + len(keys) == len(set(given)) and set(given) <= set(names)
        if not known or len(names) < 2:
            return None
        places = {name: len(given) + k - self.inputs for k, name in enumerate(names) if k >= self.inputs}
        places = {name: i for name, i in places.items() if self.defaults[i - len(given)] is not NO_DEFAULT}
        places |= {name: i for i, name in enumerate(given)}
        return itemgetter(*(places[name] for name in names)) if set(names) <= set(places) else None

    def _bind_by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Bind as `bind` does, naming what doesn't fit."""
        names = self.input_names + self.param_names
        inputs = self.inputs
        bound = dict(zip(names[:inputs], args, strict=False))
        if len(args) > inputs:
            if len(args) > len(self.positions):
                raise unsupported(self, f"{len(args)} positional arguments")
            for key, value in zip(self.positions[inputs:], args[inputs:], strict=False):
                if key in names:
                    bound[key] = value
                elif not _is_default(self.f, key, value):
                    raise unsupported(self, f"{key}=")
        for key, value in kwargs.items():
            if key not in names:
                if _is_default(self.f, key, value):
                    continue
                raise unsupported(self, f"{key}=")
            if key in bound:
                raise TypeError(f"{self.name}() got multiple values for argument '{key}'")
            bound[key] = value
        result = []
        for k, name in enumerate(names):
            if name in bound:
                result.append(bound[name])
            elif k >= inputs and self.defaults[k - inputs] is not NO_DEFAULT:
                result.append(self.defaults[k - inputs])
            else:
                raise TypeError(f"{self.name}() misses its argument '{name}'")
        return tuple(result)

    def covers(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether the rule itself takes these arguments; if not, `others` may."""
        if len(args) > self.inputs:
            given = self.positions[: len(args)]
            if len(given) < len(args) or not self.known.issuperset(given):
                return False
        return not kwargs or self.known.issuperset(kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, recorded if a Tensor is among its arguments."""
        if self.simple and len(args) == 1 and not kwargs:
            quick = getattr(type(args[0]), "__apply_elementwise__", None)
            if quick is not None:
                return quick(self, args[0])
        if self.others is not None and not self.covers(args, kwargs):
            return self.others(*args, **kwargs)
        values = args if self.variadic else self.bind(args, kwargs)
        for value in values:
            apply = getattr(type(value), "__apply_rule__", None)
            if apply is not None:
                result = apply(self, values, kwargs) if self.variadic else apply(self, values)
                if result is not NotImplemented:
                    return result
        return self._on_arrays(values, kwargs if self.variadic else {})

    def _on_arrays(self, values: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The function itself, on plain arrays; Python's lists are made NumPy's, numbers if no array is beside them."""
        count = len(values) if self.variadic else self.inputs
        try:
            if any(isinstance(x, PYTHONS) for x in values[:count]):
                made = (list, tuple) if any(hasattr(x, "dtype") for x in values[:count]) else PYTHONS
                inputs = (np.asarray(x)[()] if isinstance(x, made) else x for x in values[:count])
                values = (*inputs, *values[count:])
            if self.elementwise and type(self.f) is not np.ufunc:
                floats = (
                    x.astype(np.float64)
                    if v is not None and getattr(getattr(x, "dtype", None), "kind", "f") in "iu"
                    else x
                    for x, v in zip(values[:count], self.vjps, strict=True)
                )
                values = (*floats, *values[count:])
            return self.forward(*values, **keywords)
        except Exception as error:
            from ..failures import operation_failed

            settings = zip(self.param_names, values[count:], self.defaults, strict=False)
            operation_failed(self.name, error, *values[:count], **{k: v for k, v, usual in settings if v is not usual})

    def __reduce__(self) -> Any:
        return find, (self.f,)  # there is one of each: another process looks it up in its own book

    def __repr__(self) -> str:
        return f"<rule {self.name}: {self.formula}>"


class Composite:
    """A function written in other NumPy functions, so that their rules do the work."""

    __slots__ = ("_takes", "body", "f", "formula", "samples")

    def __init__(self, f: Any, body: Callable[..., Any], formula: str, samples: Any) -> None:
        self.f: Any = f
        self.body: Callable[..., Any] = body
        self.formula: str = formula
        self.samples: Any = samples
        self._takes: tuple[tuple[str, ...], int, bool] | None = None

    @property
    def name(self) -> str:
        """The function's name."""
        return _name(self.f)

    @property
    def takes(self) -> tuple[tuple[str, ...], int, bool]:
        """The names of what it takes, how much of it by position, and whether it takes any keyword."""
        if self._takes is None:
            parameters = parameters_of(self.body)
            kinds = [kind for _, kind, _ in parameters]
            positional = 1 << 30 if VAR_POSITIONAL in kinds else sum(kind is not KEYWORD_ONLY for kind in kinds)
            self._takes = tuple(name for name, _, _ in parameters), positional, VAR_KEYWORD in kinds
        return self._takes

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the combination, arguments that it does not take refused."""
        names, positional, any_keyword = self.takes
        if len(args) > positional:
            raise unsupported(self, f"{len(args)} positional arguments")
        for key in [] if any_keyword else [key for key in kwargs if key not in names]:
            if not _is_default(self.f, key, kwargs.pop(key)):
                raise unsupported(self, f"{key}=")
        return self.body(*args, **kwargs)


class Plain:
    """A function whose result carries no derivative (bool, integer, shape): the plain answer is returned."""

    __slots__ = ("f", "why")

    def __init__(self, f: Any, why: str) -> None:
        self.f: Any = f
        self.why: str = why

    @property
    def name(self) -> str:
        """The function's name."""
        return _name(self.f)


class Refusal:
    """A function that raises on a Tensor, with the way round."""

    __slots__ = ("f", "instead")

    def __init__(self, f: Any, instead: str) -> None:
        self.f: Any = f
        self.instead: str = instead

    @property
    def name(self) -> str:
        """The function's name."""
        return _name(self.f)


def rule(
    f: Callable[..., Any],
    formula: str,
    *vjps: Pullback | None,
    name: str | None = None,
    elementwise: bool = False,
    linear: str = "",
    holomorphic: bool = True,
    variadic: bool = False,
    domain: tuple[tuple[float, float], ...] = (),
    kinks: dict[tuple[float, ...], tuple[float, ...]] | None = None,
    samples: Callable[[Any], Iterable[Any]] | None = None,
) -> Rule:
    """Enter the derivative of `f` in the book.

    Parameters
    ----------
    f : callable
        The NumPy function (or our own forward function) that the rule is about.
    formula : str
        The mathematics, as drawn on a graph and listed by ``coverage()``.
    *vjps : callable or None
        One per input: ``vjp(g, y, *inputs, *params)`` returns dJ/d(input). None: no derivative in this input
        (a condition, an index). Parameters of `f` that are not arrays follow the inputs, with their defaults.
        With ``variadic=True`` there is one, ``vjp(i, g, y, *arrays, **params)``, for ``f(*arrays, **params)``.
    name : str, optional
        What a graph calls it; by default the function's own name.
    elementwise : bool
        Entry k of y depends on entry k of each (broadcast) input alone. Gives forward mode for free.
    linear : {"", "jointly", "each"}
        ``f(t1, t2)`` is the tangent (sum, reshape, concatenate), or one such term per input (matmul, einsum).
    holomorphic : bool
        False: not complex-differentiable; the rule writes its own conjugates.
    domain : tuple of (low, high)
        Where tests draw each input from; (-2, 2) by default.
    kinks : dict
        ``{(input, ...): (slope per input, ...)}``: points without a derivative and the value we give there.
    samples : callable
        ``samples(draw)`` returns calls to test, each ``(args, kwargs)``; ``draw(3, 4)`` is a random array in the
        domain. By default shapes that broadcast.
    """
    entry = Rule(
        f,
        formula,
        vjps,
        name=name,
        elementwise=elementwise,
        linear=linear,
        holomorphic=holomorphic,
        variadic=variadic,
        domain=domain,
        kinks=kinks or {},
        samples=samples,
    )
    BOOK[f] = entry
    return entry


def composite(f: Any, formula: str, *, samples: Any = None) -> Callable[[Callable[..., Any]], Composite]:
    """Enter `f` as a combination of other NumPy functions (decorates the function that says how)."""

    def enter(body: Callable[..., Any]) -> Composite:
        entry = BOOK[f] = Composite(f, body, formula, samples)
        return entry

    return enter


def otherwise(f: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Say what calls of `f` do whose keywords its rule does not take (decorates a combination of other functions)."""

    def enter(body: Callable[..., Any]) -> Callable[..., Any]:
        BOOK[f].others = Composite(f, body, BOOK[f].formula, None)
        return body

    return enter


def plain(why: str, *functions: Any) -> None:
    """Enter functions whose result carries no derivative."""
    for f in functions:
        BOOK[f] = Plain(f, why)


def refuse(instead: str, *functions: Any) -> None:
    """Enter functions that raise on a Tensor; `instead` is the call that works."""
    for f in functions:
        BOOK[f] = Refusal(f, instead)


def alias(known: Any, *others: Any) -> None:
    """Enter other names of a function that the book knows."""
    for f in others:
        BOOK[f] = BOOK[known]


def parameters_of(f: Any) -> list[tuple[str, Any, Any]]:
    """Name, kind and default of each parameter: `inspect.signature`, for a plain function in a twentieth of its time.

    The book asks this of every rule when it is loaded.
    """
    if type(f) is not FunctionType or f.__dict__ or f.__code__.co_posonlyargcount:
        return [(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()]
    code, defaults, named = f.__code__, f.__defaults__ or (), f.__kwdefaults__ or {}
    names, count = code.co_varnames, code.co_argcount
    end = count + code.co_kwonlyargcount
    starred = bool(code.co_flags & inspect.CO_VARARGS)
    all_defaults = (NO_DEFAULT,) * (count - len(defaults)) + defaults
    found: list[tuple[str, Any, Any]] = []
    found += [(name, POSITIONAL, default) for name, default in zip(names, all_defaults, strict=False)]
    if starred:
        found.append((names[end], VAR_POSITIONAL, NO_DEFAULT))
    found += [(name, KEYWORD_ONLY, named.get(name, NO_DEFAULT)) for name in names[count:end]]
    if code.co_flags & inspect.CO_VARKEYWORDS:
        found.append((names[end + starred], VAR_KEYWORD, NO_DEFAULT))
    return found


def _name(f: Any) -> str:
    """``sum``; a ufunc's method, keyed ``(np.add, "reduce")``, is ``add.reduce``."""
    return ".".join(map(_name, f)) if isinstance(f, tuple) else getattr(f, "__name__", str(f))


def _positional_names(f: Any) -> tuple[str, ...]:
    """The parameters of `f` that may be given by position, if Python knows them."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def unsupported(entry: Rule | Composite, what: str) -> Exception:
    """The error for an argument that a rule does not cover."""
    from ..errors import NoRuleError, user_line

    known = ", ".join(entry.takes[0] if isinstance(entry, Composite) else (*entry.input_names, *entry.param_names))
    if what == "out=":
        way = "assign the result instead: y = f(...)"
    elif what == "dtype=":
        way = "cast the input first: f(t.astype(dtype))"
    elif what == "where=":
        way = "choose afterwards: np.where(condition, f(...), other)"
    else:
        way = f"it takes {known}"
    return NoRuleError(f"{entry.name} of a Tensor does not take {what}; {way}.{user_line()}")


def untracked(x: Any) -> Any:
    """The plain arrays of Tensors, also inside lists and tuples: for conditions, indices and decisions."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(untracked, x))
    return x.data if hasattr(type(x), "__apply_rule__") else x


def beside(constant: Any, x: Any) -> Any:
    """A NumPy array as an array of x's kind: a GPU's arrays, say, take no NumPy array beside them."""
    while hasattr(type(x), "__apply_rule__") and x.data is not x:
        x = x.data
    own = isinstance(x, (np.ndarray, np.generic)) or not hasattr(x, "__array_function__")
    return constant if own or hasattr(type(x), "__apply_rule__") else np.asarray(constant, like=x)


def is_tracked(x: Any) -> bool:
    """Whether a Tensor (of any kind) is `x` or inside it."""
    return any(map(is_tracked, x)) if isinstance(x, (list, tuple)) else hasattr(type(x), "__apply_rule__")


def _is_whole(x: Any) -> bool:
    return getattr(getattr(x, "dtype", None), "kind", "f") in "iu"


def one_axis(axis: Any, ndim: int) -> int:
    """An axis counted from the front; raises what NumPy raises for one that is not there."""
    return int(normalize_axis_index(operator.index(axis), ndim))


def all_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """The axes that ``axis=`` names, counted from the front: None names all of them."""
    return tuple(range(ndim)) if axis is None else tuple(normalize_axis_tuple(axis, ndim))


def kept(keepdims: Any) -> bool:
    """``keepdims=`` as a bool; raises for what NumPy's reductions don't take."""
    return False if keepdims is np._NoValue else bool(operator.index(keepdims))


def no_out(out: Any) -> None:
    """Refuse ``out=``: an array that was recorded is never written."""
    if out is not None and not (type(out) is tuple and all(part is None for part in out)):
        from ..errors import NoRuleError, user_line

        raise NoRuleError(f"a Tensor's result can't be written into out=: assign it, y = f(...).{user_line()}")


def _is_default(f: Any, key: str, value: Any) -> bool:
    """Whether `value` is what `f` would use anyway, so that it may be left out."""
    if value is None and key in ("out", "dtype", "initial", "casting", "axes", "axis", "like", "mean", "weights"):
        return True
    if key == "initial" and value is np._NoValue:
        return True
    try:
        parameter = inspect.signature(f).parameters.get(key)
    except (TypeError, ValueError):
        return key == "where" and value is True
    if parameter is None:
        return key == "where" and value is True
    return value is parameter.default


def call(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """One sample call, for a rule's `samples`."""
    return args, kwargs
