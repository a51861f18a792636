"""How one operation is written in the source: forward, and its gradient for one input.

Most operations need no entry: NumPy's functions, called on symbols, write themselves, and so do the rule book's
derivatives. The entries here are for what reads better, and for what indexes.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import BadInputError, user_line
from .symbols import ATOM, Symbol, Unwritable, call_text, called, index_text, is_number, symbol, within

if TYPE_CHECKING:
    from ..rules import Op, Rule
    from .model import GraphNode

__all__ = ["PULLBACKS", "call_of", "forward_symbol", "full", "summed_to"]

IN_NUMPY = {
    "svd",
    "qr",
    "eigh",
    "eig",
    "cholesky",
    "slogdet",
    "pinv",
    "cross",
    "convolve",
    "sort",
    "roots",
    "nan_to_num",
}
"""Rules about a function of ours that does what NumPy's of that name does."""


IN_NN = {"conv2d", "max_pool2d", "avg_pool2d"}
"""Rules behind a public function of that name."""


def reference(rule: Rule) -> str:
    """The text by which a rule's function is called; modules of ours are named in full.

    Raises
    ------
    BadInputError
        If the function has no name that a program could use.
    """
    name = rule.name
    for module, path in ((np, "np"), (np.linalg, "np.linalg"), (np.fft, "np.fft")):
        if getattr(module, name, None) is rule.f or (name in IN_NUMPY and hasattr(module, name)):
            return f"{path}.{name}"
    if getattr(sys.modules.get("tinygrad_notes.nn"), name, None) is rule or name in IN_NN:
        return f"tn.nn.{name}"
    if isinstance(rule.f, np.ufunc):
        return f"scipy.special.{rule.f.__name__}"
    where = rule.f.__module__
    known = vars(importlib.import_module(where))
    for key, value in known.items():
        if value is rule:
            return f"{where}.{key}"
    for key, value in known.items():
        if value is rule.f:
            return f"tinygrad_notes.rules.BOOK[{where}.{key}]"
    raise BadInputError(
        f"{name} can't be written as source: no module has it under a name; "
        f"define it at the top of a module.{user_line()}"
    )


def call_of(op: Op, args: Sequence[Any]) -> str:
    """The operation as a call, whatever it is: ``np.linalg.svd(A, full_matrices=False)``."""
    rule = op.rule
    special = FORWARD.get(rule.name)
    if special is not None:
        return special(op, args).text
    count = len(args) if rule.variadic else rule.inputs
    keywords = op.params if rule.variadic else dict(zip(rule.param_names, args[count:], strict=True))
    defaults = {} if rule.variadic else dict(zip(rule.param_names, rule.defaults, strict=True))
    shown = {
        key: x
        for key, x in keywords.items()
        if not (key in defaults and _same(x, defaults[key])) or _is_asked_for(rule.f, key)
    }
    if isinstance(rule.f, np.ufunc):
        return call_text(reference(rule), args, {})
    if rule.name == "softmax_cross_entropy" and 1 not in op.which:  # the public one wants labels that sum to 1
        return call_text("tn.nn.softmax_cross_entropy", args[:count], {"reduction": "none", **shown})
    return call_text(reference(rule), args[:count], shown)


def _is_asked_for(f: Any, key: str) -> bool:
    """Whether this NumPy has no default where the rule has one: a later one gave it (``axis`` of take_along_axis)."""
    if isinstance(f, np.ufunc) or not (getattr(f, "__module__", None) or "").startswith("numpy"):
        return False
    try:
        parameter = inspect.signature(f).parameters.get(key)
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.default is parameter.empty


def _same(x: Any, default: Any) -> bool:
    return x is default or (isinstance(x, (bool, int, float, str)) and type(x) is type(default) and x == default)


def forward_symbol(op: Op, args: Sequence[Any], value: Any) -> Symbol:
    """The operation on symbols; `value` is its result here."""
    rule = op.rule
    special = FORWARD.get(rule.name)
    if special is not None:
        made: Symbol = special(op, args)
        return Symbol(made.text, value, made.level, made.made)
    if isinstance(rule.f, np.ufunc):
        try:
            made = rule.f(*args)
            return Symbol(made.text, value, made.level, made.made)
        except Unwritable:
            pass
    return Symbol(call_of(op, args), value)


# ── forward: what is not written as a call ───────────────────────────────────────────────────────────────────────


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Symbol) else x


def _forward_getitem(_op: Op, args: Sequence[Any]) -> Symbol:
    return Symbol(f"{within(args[0], ATOM)}[{index_text(args[1])}]", None)


def _forward_item(_op: Op, args: Sequence[Any]) -> Symbol:
    return Symbol(f"{within(args[0], ATOM)}[{args[1]}]", None)


def _forward_transpose(_op: Op, args: Sequence[Any]) -> Symbol:
    x, axes = args
    return (
        x.T
        if axes is None or (x.ndim == 2 and tuple(axes) == (1, 0))
        else Symbol(call_text("np.transpose", args, {}), None)
    )


def _forward_reshape(_op: Op, args: Sequence[Any]) -> Symbol:
    shape = args[1] if isinstance(args[1], tuple) else (args[1],)
    return Symbol(f"{within(args[0], ATOM)}.reshape({', '.join(map(str, shape)) or '()'})", None)


def _forward_astype(_op: Op, args: Sequence[Any]) -> Symbol:
    return Symbol(f"{within(symbol(args[0]), ATOM)}.astype({np.dtype(args[1]).name!r})", None)


def _forward_einsum(op: Op, args: Sequence[Any]) -> Symbol:
    return Symbol(call_text("np.einsum", [op.params["subscripts"], *args], {}), None)


def _forward_join(name: str) -> Callable[[Op, Sequence[Any]], Symbol]:
    def write(op: Op, args: Sequence[Any]) -> Symbol:
        return Symbol(call_text(f"np.{name}", [list(args)], op.params), None)

    return write


def _forward_call(name: str, count: int) -> Callable[[Op, Sequence[Any]], Symbol]:
    return lambda _op, args: Symbol(call_text(name, args[:count], {}), None)


FORWARD: dict[str, Callable[[Any, Sequence[Any]], Symbol]] = {
    "getitem": _forward_getitem,
    "item": _forward_item,
    "transpose": _forward_transpose,
    "reshape": _forward_reshape,
    "astype": _forward_astype,
    "einsum": _forward_einsum,
    "concatenate": _forward_join("concatenate"),
    "stack": _forward_join("stack"),
    "where": _forward_call("np.where", 3),
    "clip": _forward_call("np.clip", 3),
    "pad": _forward_call("np.pad", 2),
}


# ── shapes: a gradient stays as small as it is until somebody needs it whole ─────────────────────────────────────


def full(g: Symbol, node: GraphNode, like: Symbol | None = None) -> Symbol:
    """A gradient in the shape of its node."""
    shape = node.shape
    assert shape is not None
    if g.shape == shape:
        return g
    text = f"{like.text}.shape" if like is not None and like.text.isidentifier() else str(shape)
    value = np.broadcast_to(g.value, shape)
    if is_number(g) and g.value == 1 and text.endswith(".shape"):
        return Symbol(f"np.ones({text})", value)
    return Symbol(f"np.full({text}, {g.text})" if g.ndim == 0 else f"np.broadcast_to({g.text}, {text})", value)


def summed_to(c: Symbol, result: tuple[int, ...], shape: tuple[int, ...]) -> Symbol:
    """Undo broadcasting: `c` belongs to a result of shape `result` (perhaps thinner), the input has `shape`."""
    if result == shape:
        return c
    padded = (1,) * (len(result) - c.ndim) + c.shape
    extra = len(result) - len(shape)
    target = (1,) * extra + shape
    repeated = [k for k in range(len(result)) if target[k] == 1 and result[k] != 1]
    count = int(np.prod([result[k] for k in repeated if padded[k] == 1], dtype=int))
    gone = len(result) - c.ndim
    summed = [k - gone for k in repeated if padded[k] != 1]
    lead = tuple(k - gone for k in range(extra) if k >= gone)
    if shape == () and (c.ndim or summed):
        c = c.sum()
    else:
        if lead:
            c = c.sum(axis=lead[0] if len(lead) == 1 else lead)
        rest = tuple(k - len(lead) for k in summed if k not in lead)
        if rest:
            c = c.sum(axis=rest[0] if len(rest) == 1 else rest, keepdims=True)
    return c if count == 1 else symbol(c * count)


# ── gradients that read better, or can't be traced ───────────────────────────────────────────────────────────────

Pull = Callable[["GraphNode", int, Symbol, Symbol, Sequence[Any]], Any]
"""``pull(node, position, g, y, args)``; None where it has no better way."""


def _unreduced(g: Symbol, node: GraphNode, axis: Any, keepdims: bool) -> Symbol:
    """A gradient of a reduced value, with axes that broadcast against the input."""
    source = node.inputs[0].source
    ndim = len(source.shape or ())
    if g.ndim == 0 or keepdims or axis is None:
        return g
    axes = sorted(k % ndim for k in (axis if isinstance(axis, tuple) else (axis,)))
    if axes == list(range(len(axes))):  # broadcasting puts leading axes in by itself
        return g
    return Symbol(
        call_text("np.expand_dims", [g, axes[0] if len(axes) == 1 else tuple(axes)], {}), np.expand_dims(g.value, axes)
    )


def _count(node: GraphNode, axis: Any) -> int:
    shape = node.inputs[0].source.shape or ()
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return int(np.prod([shape[k] for k in axes], dtype=int))


def _pull_sum(node: GraphNode, _i: int, g: Symbol, _y: Symbol, args: Sequence[Any]) -> Symbol:
    return _unreduced(g, node, *args[1:3])


def _pull_mean(node: GraphNode, _i: int, g: Symbol, _y: Symbol, args: Sequence[Any]) -> Any:
    return _unreduced(g, node, *args[1:3]) / count_symbol(node, args[0], args[1])


def count_symbol(node: GraphNode, operand: Symbol, axis: Any) -> Symbol:
    """How many entries a mean is over: ``A.shape[1]`` where the operand, or one that it is made of, has a name."""
    n = _count(node, axis)
    name = _named_of_shape(node.inputs[0].source) if not operand.text.isidentifier() else operand.text
    if name and n > 1:
        shape = node.inputs[0].source.shape or ()
        axes = [
            k
            for k in (range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,))
            if shape[k] != 1
        ]
        text = f"{name}.shape[{axes[0] % len(shape)}]" if len(axes) == 1 else f"{name}.size" if axis is None else ""
        if text:
            return Symbol(text, n, ATOM, ("count", n))
    return symbol(n)


def _named_of_shape(node: GraphNode) -> str:
    """A name in the source that has this node's shape because the node is computed from it entry by entry."""
    waiting = [node]
    while waiting:
        here = waiting.pop(0)
        if here.name and here.name.isidentifier():
            return here.name
        if here.op.rule.elementwise:
            waiting += [edge.source for edge in here.inputs if edge.source.shape == node.shape]
    return ""


def _pull_matmul(node: GraphNode, i: int, g: Symbol, _y: Symbol, args: Sequence[Any]) -> Any:
    a, b = args
    if np.ndim(_value(a)) != 2 or np.ndim(_value(b)) != 2:
        return None
    return full(g, node) @ symbol(b).T if i == 0 else symbol(a).T @ full(g, node)


def _pull_power(_node: GraphNode, i: int, g: Symbol, _y: Symbol, args: Sequence[Any]) -> Any:
    a, b = args
    if i == 1 or not is_number(symbol(b)):
        return None
    n = symbol(b).value
    if n in (0, 1):
        return g * n
    return g * (n * a if n == 2 else n * a ** (n - 1))


def _pull_relu(_node: GraphNode, _i: int, g: Symbol, _y: Symbol, args: Sequence[Any]) -> Any:
    return g * (args[0] > 0)


def _pull_reshape(node: GraphNode, _i: int, g: Symbol, _y: Symbol, _args: Sequence[Any]) -> Symbol:
    source = node.inputs[0].source
    return g if g.ndim == 0 else full(g, node).reshape(source.shape)


def _pull_softmax(node: GraphNode, _i: int, g: Symbol, y: Symbol, args: Sequence[Any]) -> Any:
    if not isinstance(args[1], int):
        return None
    whole = full(g, node)
    return y * (whole - (whole * y).sum(axis=args[1], keepdims=True))


def _pull_extreme(node: GraphNode, _i: int, g: Symbol, y: Symbol, args: Sequence[Any]) -> Any:
    a, axis, keepdims = args[:3]
    if axis is not None and not keepdims:
        if not isinstance(axis, int):
            return None
        y = Symbol(call_text("np.expand_dims", [y, axis], {}), np.expand_dims(y.value, axis))
    won = a == y
    return _unreduced(g, node, axis, keepdims) * won / won.sum(axis=axis, keepdims=axis is not None)


def _pull_std(node: GraphNode, _i: int, g: Symbol, y: Symbol, args: Sequence[Any]) -> Any:
    a, axis, ddof, keepdims = args
    if axis is not None and not keepdims:
        return None
    safe = Symbol(call_text("np.where", [y == 0, 1, y], {}), y.value)
    centred = a - called("np.mean", np.mean, a, axis=axis, keepdims=axis is not None)
    return _unreduced(g, node, axis, keepdims) * centred / (max(_count(node, axis) - ddof, 0) * safe)


def _pull_norm(node: GraphNode, _i: int, g: Symbol, y: Symbol, args: Sequence[Any]) -> Any:
    a, axis, keepdims, order = args
    if order not in (2, 2.0) or (axis is not None and not keepdims):
        return None
    safe = Symbol(call_text("np.where", [y == 0, 1, y], {}), y.value)
    return _unreduced(g, node, axis, keepdims) * a / safe


def _pull_larger(_node: GraphNode, i: int, g: Symbol, _y: Symbol, args: Sequence[Any]) -> Any:
    a, b = args
    return g * ((a > b if i == 0 else b > a) + (a == b) / 2)


def _pull_smaller(_node: GraphNode, i: int, g: Symbol, _y: Symbol, args: Sequence[Any]) -> Any:
    a, b = args
    return g * ((a < b if i == 0 else b < a) + (a == b) / 2)


PULLBACKS: dict[str, Pull] = {
    "max": _pull_extreme,
    "min": _pull_extreme,
    "amax": _pull_extreme,
    "amin": _pull_extreme,
    "std": _pull_std,
    "vector_norm": _pull_norm,
    "maximum": _pull_larger,
    "minimum": _pull_smaller,
    "sum": _pull_sum,
    "mean": _pull_mean,
    "matmul": _pull_matmul,
    "power": _pull_power,
    "relu": _pull_relu,
    "reshape": _pull_reshape,
    "ravel": _pull_reshape,
    "softmax": _pull_softmax,
}
