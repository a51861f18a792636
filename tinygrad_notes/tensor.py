"""The heart: a `Tensor` remembers how it was computed, and `Tensor.backward` walks that memory back.

    J = 3 * (a + b * c)                 Tensor ──► Node ──► its parents' Nodes ──► …

Two objects per operation. A `Tensor` is the user's handle: an array and the `Node` that made it. The Nodes are the
graph; backward.py walks it.

Rules (`rules/`) are called with arrays for numbers (`pull_back`) and with Tensors when the backward pass itself has
to be a graph (`pull_back_recorded`): second derivatives, the drawn backward pass.
"""

from __future__ import annotations

import itertools
import operator
import sys
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy import float64, ndarray

from .backward import (
    LEAF,
    BranchOnBatch,
    Node,
    conjugated,
    fit,
    gather,
    keep_if_small,
    pull_back,
    seed_like,
)
from .blocks import Block, open_blocks
from .errors import (
    BadInputError,
    DTypeError,
    LeavesGraphError,
    NoRuleError,
    NotScalarError,
    ReadOnlyError,
    ShapeError,
    describe,
    user_line,
)
from .failures import NUMBERS, composite_failed, foreign_operand, no_numbers, operation_failed, what_is
from .rules import BOOK, Composite, Op, Parts, Plain, Refusal, Rule, beside, find, getitem, identity, item, putitem

if TYPE_CHECKING:
    from collections.abc import Callable

    from .array_methods import ArrayMethods  # operators.py makes them
else:
    ArrayMethods = object

__all__ = ["Tensor", "stop_gradient"]

next_id: Callable[[], int] = itertools.count(1).__next__


def make_node(op: Op, parents: tuple[Node, ...], args: tuple[Any, ...], y: Any) -> Node:
    """Record one operation; the operators below have these lines written out for speed."""
    node = Node()
    node.op, node.parents, node.args = op, parents, args
    node.like = y if op.keep_y or type(y) is Parts else keep_if_small(y)
    node.id = next_id()
    node.grad = None
    return node


def leaf_node(data: Any, name: str | None = None) -> Node:
    """The start of a graph: an input that gradients are asked for."""
    node = Node()
    node.op, node.parents, node.args, node.like, node.id, node.grad = LEAF, (), (name,), data, next_id(), None
    return node


def handle(data: Any, node: Node | None) -> Tensor:
    """A Tensor without the checks of its constructor."""
    t: Tensor = Computed() if type(data) is ndarray or not hasattr(data, "level") else Lifted()
    t._value = data
    t.node = node
    return t


# ── whether to record (see recording.py) ─────────────────────────────────────────────────────────────────────────

paused: list[Block] = []  # blocks of no_grad(), of all threads: an empty list costs the operators one truth test


def is_paused() -> bool:
    """Whether this thread is inside ``no_grad()``."""
    return bool(open_blocks(paused))


# ── applying a rule ──────────────────────────────────────────────────────────────────────────────────────────────


def apply_rule(rule: Rule, args: tuple[Any, ...], params: dict[str, Any] | None = None) -> Any:
    """Call the function of `rule` on `args` (Tensors among them) and record it.

    `args` are in the rule's own order (see ``Rule.bind``); `params` is for variadic rules only.
    """
    raw, which, parents, inner = list(args), [], [], None
    variadic = rule.variadic
    level = max(a.data.level for a in args if type(a) is Lifted) if Lifted in map(type, args) else 0
    for i, a in enumerate(args):
        if isinstance(a, Tensor):
            if level and not _is_over_batch(a, level):
                continue  # from outside the vmap that the others are in: a constant here, recorded further out
            raw[i] = a.data
            if type(a) is Lifted:
                inner = a.data.__apply_rule__
            if not variadic and (i >= rule.inputs or rule.vjps[i] is None):
                if i >= rule.inputs and a.node is not None:
                    raise NoRuleError(_no_argument_rule(rule, i))
            elif a.node is not None:
                which.append(i)
                parents.append(a.node)
        elif (variadic or i < rule.inputs) and type(a) is not ndarray:
            if isinstance(a, (list, tuple)):
                raw[i] = beside(listed(rule.name, a), next(x for x in args if isinstance(x, Tensor)))
            elif is_batch_around(a, args):
                return NotImplemented
            elif isinstance(a, ndarray):
                raw[i] = _plain_array(rule.name, a, args)
    try:
        if inner is not None:
            y = inner(rule, tuple(raw), params)
        else:
            y = rule.f(*raw, **params) if params else rule.forward(*raw)
    except Exception as error:
        operation_failed(rule.name, error, *_operands(rule, raw), **_settings(rule, raw, params))
    if type(y) is ndarray and y.dtype.kind not in NUMBERS:
        raise foreign_operand(rule.name, *_operands(rule, raw))
    if type(y) is tuple:
        y = Parts(y)
    elif type(y) is ndarray and y.ndim == 0:
        y = y[()]
    if not which or (paused and is_paused()):
        return tuple(handle(part, None) for part in y) if type(y) is Parts else handle(y, None)
    op = rule.op(tuple(which), len(args), params)
    keep = op.keep
    for i, parent in zip(which, parents, strict=True):
        if not keep[i]:
            raw[i] = parent.like
    node = make_node(op, tuple(parents), tuple(raw), y)
    if type(y) is Parts:
        return tuple(handle(part, make_node(_ITEM, (node,), (y, i), part)) for i, part in enumerate(y))
    return handle(y, node)


_ITEM = item.op((0,))


def _operands(rule: Rule, raw: list[Any]) -> list[Any]:
    return raw if rule.variadic else raw[: rule.inputs]


def _settings(rule: Rule, raw: list[Any], params: dict[str, Any] | None) -> dict[str, Any]:
    """The arguments of a call that are no arrays, where they are not the usual ones."""
    if rule.variadic:
        return params or {}
    named = zip(rule.param_names, raw[rule.inputs :], rule.defaults, strict=True)
    return {name: value for name, value, usual in named if value is not usual}


def listed(name: str, values: Any) -> Any:
    """A list beside Tensors, as an array."""
    try:
        return np.asarray(values)
    except Exception as error:
        operation_failed(name, error, values)


def _plain_array(name: str, array: Any, beside: tuple[Any, ...]) -> Any:
    """A subclass of NumPy's array as a plain one; a masked array or a np.matrix means something else and is refused."""
    if isinstance(array, (np.ma.MaskedArray, np.matrix)):
        raise foreign_operand(name, *(to_plain(x) for x in beside))
    return np.asarray(array)


def is_batch_around(x: Any, operands: Any) -> bool:
    """Whether `x` is a vmap's batch that was made outside the Tensors beside it: then it computes, not they."""
    level = getattr(x, "level", None)
    return level is not None and not any(isinstance(t, Tensor) and _is_over_batch(t, level) for t in operands)


def _is_over_batch(t: Tensor, level: int) -> bool:
    """Whether the Tensor records what happens inside the vmap of this level."""
    data = t.data
    while hasattr(data, "level"):
        if data.level >= level:
            return True
        data = data.data
    return False


def _no_argument_rule(rule: Rule, position: int) -> str:
    name = (rule.input_names + rule.param_names)[position]
    return (
        f"{rule.name} has no derivative in its argument '{name}'; "
        f"pass a plain value: {name}=t.data or tn.stop_gradient(t).{user_line()}"
    )


# ── the backward pass ────────────────────────────────────────────────────────────────────────────────────────────


def pull_back_recorded(root: Node, seed: Any, start: int, targets: set[Node]) -> dict[Node, Any]:
    """Walk back with Tensors, so that the gradients are themselves a graph.

    Only nodes on a path from `root` to `targets` are visited.
    """
    order, _, _ = gather(root, start)
    useful: set[Node] = set(targets)
    for node in order:
        if node not in useful and any(parent in useful for parent in node.parents):
            useful.add(node)
    grads: dict[Node, Any] = {root: seed}
    found: dict[Node, Any] = {}
    while order:
        node = order.pop()
        g = grads.pop(node, None)
        if g is None or node not in useful:
            continue
        if node in targets:
            found[node] = g if node not in found else found[node] + g
        op = node.op
        if not node.parents:
            continue
        y, args = recorded_arguments(node)
        vjps = conjugated(op.vjps) if op.rule.holomorphic and np.iscomplexobj(_raw(g)) else op.vjps
        for parent, vjp in zip(node.parents, vjps, strict=True):
            if parent not in useful:
                continue
            try:
                gp = vjp(g, y, *args)
            except BranchOnBatch as branch:
                gp = branch.one_by_one(vjp, (g, y, *args))
            if type(gp) is not Parts:
                gp = fit(gp, parent.like, op)
            grads[parent] = gp if parent not in grads else grads[parent] + gp
    return found


def recorded_arguments(node: Node) -> tuple[Any, tuple[Any, ...]]:
    """A node's result and arguments as Tensors, for a rule whose own work is to be recorded."""
    op, args = node.op, list(node.args)
    for i, parent in zip(op.which, node.parents, strict=True):
        if op.keep[i]:
            args[i] = _as_tensor(args[i], parent)
    return (_as_tensor(node.like, node) if op.keep_y else node.like), tuple(args)


def _as_tensor(value: Any, node: Node) -> Any:
    if type(value) is Parts:
        parts = (handle(part, make_node(_ITEM, (node,), (value, i), part)) for i, part in enumerate(value))
        return Parts(tuple(parts), value.likes)
    return handle(value, node)


def _raw(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def call_book(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a NumPy function on Tensors by its entry in the rule book."""
    entry = BOOK.get(func) or find(func)
    if type(entry) is Rule:
        if entry.others is None or entry.covers(args, kwargs):
            return apply_rule(entry, entry.bind(args, kwargs))
        entry = entry.others
    if type(entry) is Composite:
        for x in args:
            if isinstance(x, (np.ma.MaskedArray, np.matrix)):
                raise foreign_operand(entry.name, *map(to_plain, args))
        try:
            return entry(*args, **kwargs)
        except Exception as error:
            composite_failed(entry.name, error, args, kwargs)
    if type(entry) is Plain:
        args, kwargs = tuple(map(to_plain, args)), {key: to_plain(value) for key, value in kwargs.items()}
        try:
            return func(*args, **kwargs)
        except Exception as error:
            operation_failed(entry.name, error, *args, **kwargs)
    name = (
        entry.name
        if entry
        else ".".join(f.__name__ if callable(f) else f for f in (func if type(func) is tuple else (func,)))
    )
    if type(entry) is Refusal:
        raise NoRuleError(f"np.{name} of a Tensor: {entry.instead}.{user_line()}")
    raise NoRuleError(
        f"np.{name} has no derivative rule here. Write it with functions that have one (tn.coverage() lists them), "
        f"give it a rule with tn.primitive, or use t.data if no gradient should pass.{user_line()}"
    )


def to_plain(value: Any) -> Any:
    """The value with Tensors in it replaced by their arrays."""
    if isinstance(value, Tensor):
        return value.data
    if isinstance(value, (list, tuple)):
        return type(value)(map(to_plain, value))
    return value


def arrays_in(values: Any) -> list[Any]:
    """The arrays among some arguments, also inside lists and tuples."""
    found = []
    for value in values:
        if isinstance(value, (list, tuple)):
            found += arrays_in(value)
        elif hasattr(value, "__array_function__"):
            found.append(value)
    return found


def plain_index(index: Any) -> Any:
    """An index without Tensors: a tracked one would lose its graph."""
    if isinstance(index, tuple):
        return tuple(map(plain_index, index))
    if isinstance(index, Tensor):
        raise LeavesGraphError(f"a Tensor can't be an index: use t.data.astype(int).{user_line()}")
    return index


def stop_gradient(x: Any) -> Any:
    """The value of `x` as a constant: no gradient passes.

    Parameters
    ----------
    x : Tensor or array_like

    Returns
    -------
    Tensor or array_like
        A constant Tensor over the same data; anything but a Tensor comes back as it is.

    Examples
    --------
    >>> x = Tensor(3.0)
    >>> (x * stop_gradient(x)).backward()
    >>> float(x.grad)
    3.0
    """
    return handle(x.data, None) if isinstance(x, Tensor) else x


def _own_copy(data: Any) -> Any:
    """The user's value as an array of ours: copied, integers made float64, 0-d made a NumPy scalar."""
    if isinstance(data, Tensor):
        if data.node is not None and data.node.op is not LEAF:
            raise LeavesGraphError(
                f"Tensor(t) of a computed Tensor would drop its graph: use t itself, or Tensor(t.data).{user_line()}"
            )
        data = data.data
    given = data
    if not hasattr(data, "__array_function__"):
        try:
            data = np.array(data)
        except (ValueError, OverflowError) as error:
            operation_failed("Tensor", error, given)
    elif isinstance(data, np.ma.MaskedArray):
        raise DTypeError(
            f"a Tensor has no mask: say what the masked entries count as, Tensor(x.filled(0.0)).{user_line()}"
        )
    kind = data.dtype.kind
    if kind in "iu":
        data = data.astype(float64)
    elif kind in "fc":
        data = np.array(data, dtype=data.dtype.newbyteorder("=")) if isinstance(data, ndarray) else data.copy()
    elif kind == "b":
        raise DTypeError(
            f"a Tensor can't be bool: use Tensor(x.astype(float)), or the array itself as a mask.{user_line()}"
        )
    else:
        several = data is given or isinstance(given, (list, tuple)) or hasattr(given, "__array__")
        _, hint = no_numbers(data if several else given) or ("", "\n  it is too large for float64: take its logarithm")
        raise DTypeError(f"a Tensor holds numbers, not {data.dtype if several else what_is(given)}{hint}{user_line()}")
    return data[()] if data.ndim == 0 else data


def _cast(value: Any, dtype: Any, what: str) -> Any:
    """A value of the user's in its Tensor's dtype."""
    if value.dtype.kind == "c" and dtype.kind != "c":
        raise DTypeError(f"{what} is complex, its Tensor {dtype}: take np.real of it.{user_line()}")
    return value.astype(dtype)


def _checked_name(name: Any) -> str | None:
    if name is not None and not isinstance(name, str):
        raise BadInputError(f"name= is a string, not {type(name).__name__}.{user_line()}")
    return name


constants: weakref.WeakValueDictionary[int, Tensor] = weakref.WeakValueDictionary()
"""Named constants by the id of their array, so that a drawing can find their names."""

UNARY: dict[Any, Callable[[Any], Any]] = {}
OPERATORS: dict[Any, list[Callable[[Any, Any], Any]]] = {}
"""Fast ways for elementwise ufuncs of one input, and of two (and their reflected ones); filled by operators.py."""


# ── Tensor ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Tensor(ArrayMethods):
    """An array that remembers how it was computed.

    Parameters
    ----------
    data : array_like
        Copied. Integers become float64; float16/32/64 and complex64/128 are kept. Python scalars become NumPy
        scalars.
    requires_grad : bool
        False makes a named constant: drawn, but without a gradient.
    name : str, optional
        How pictures and messages call it. Without one, `tn.graph` uses your variable's name.

    Attributes
    ----------
    data : numpy.ndarray or NumPy scalar
        The value. A leaf's may be written between passes (an optimiser's step).
    grad : numpy.ndarray, NumPy scalar or None
        dJ/d(this), with this Tensor's shape and dtype, after ``J.backward()``. None before.

    Raises
    ------
    DTypeError
        For bool, object and string data.

    Examples
    --------
    >>> a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
    >>> u = b * c
    >>> v = a + u
    >>> J = 3 * v
    >>> J.backward()
    >>> for t in (v, a, u, b, c):
    ...     print(t.grad)
    3.0
    3.0
    3.0
    6.0
    9.0
    """

    __slots__ = ("__weakref__", "_constant_name", "_value", "node")

    _value: Any  # NumPy's masked arrays take what is called _data unseen
    node: Node | None
    __hash__: ClassVar[Callable[[Any], int]] = object.__hash__
    __array_priority__: float = 1000.0
    __pandas_priority__ = 5000  # above a DataFrame's: Series + t asks t, which says what to write

    def __init__(self, data: Any, requires_grad: bool = True, name: str | None = None) -> None:
        if not isinstance(requires_grad, (bool, np.bool_)):
            raise BadInputError(f"requires_grad= is True or False, not {describe(requires_grad)}.{user_line()}")
        self._value = _own_copy(data)
        name = _checked_name(name)
        if requires_grad:
            self.node = leaf_node(self._value, name)
        else:
            self.node = None
            self._constant_name = name
            constants[id(self.data)] = self

    # the backward pass

    def backward(self, gradient: Any = None, *, accumulate: bool = False, free: bool = False) -> None:
        """Compute dJ/dt for this J and every Tensor t that it depends on, into ``t.grad``.

        A fresh pass each time: calling it twice gives the same numbers. It sets all gradients or, if it is interrupted
        (an error, Ctrl-C), none.

        Parameters
        ----------
        gradient : array_like, optional
            The cotangent dL/d(this), of this Tensor's shape; needed unless this is one number.
        accumulate : bool
            Add into the ``grad`` that leaves already have instead of replacing it.
        free : bool
            Hand the graph's memory back on the way; it can't be walked or drawn afterwards.

        Raises
        ------
        NotScalarError
            If this isn't one number and `gradient` isn't given.

        Examples
        --------
        >>> x = Tensor([1.0, 2.0])
        >>> np.sum(x * x).backward()
        >>> x.grad
        array([2., 4.])
        """
        root = self.node
        if root is None:
            raise BadInputError(
                "backward() of a constant: no Tensor with requires_grad=True leads to this result "
                f"(was it computed under no_grad(), or from .data?).{user_line()}"
            )
        if gradient is None and root.like.size != 1:
            raise NotScalarError(
                f"backward() needs one number, this is {describe(self.data)}; reduce it first (np.sum, np.mean), or "
                f"give the cotangent: backward(gradient=np.ones({tuple(self.shape)})); for all derivatives use "
                f"tn.jacobian.{user_line()}"
            )
        if gradient is None and root.like.dtype.kind == "c":
            raise NotScalarError(
                "backward() needs a real number, this is a complex one; take np.real, np.imag or np.abs of it, or give "
                f"the cotangent: backward(gradient=1.0).{user_line()}"
            )
        seed = seed_like(root, gradient)
        if seed.shape != root.like.shape:
            seed = np.full(root.like.shape, seed)
        order, uses, _ = gather(root)
        pull_back(order, uses, seed, free, accumulate=accumulate)

    @property
    def grad(self) -> Any:
        """dJ/d(this) after ``J.backward()``, None before."""
        return None if self.node is None else self.node.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if self.node is None:
            raise BadInputError(f"a constant has no gradient: make it with Tensor(x), requires_grad=True.{user_line()}")
        if value is not None:
            value = _own_copy(value)
            if value.shape != self.shape:
                raise ShapeError(
                    f"grad of shape {value.shape} for a Tensor of {self.shape}: a gradient has its Tensor's shape."
                    f"{user_line()}"
                )
            value = _cast(value, self.dtype, "grad")
        self.node.grad = value

    # what it is

    def _assign_data(self, value: Any) -> None:
        if self.node is not None and self.node.op is not LEAF:
            raise ReadOnlyError(
                "the data of a computed Tensor can't be replaced, its graph would not know of it: "
                f"assign to entries, t[...] = value, or start anew, t = Tensor(value).{user_line()}"
            )
        if value is not self._value:  # t.data -= … has written the array already
            value = self._replacement(value)
        if self.node is not None:
            self.node.like = value
        self._value = value

    data: Any = property(operator.attrgetter("_value"), _assign_data, doc="The value.")  # in C: read everywhere

    def _replacement(self, value: Any) -> Any:
        """A copy of the value that is to stand in for this one's, checked."""
        value = _own_copy(value)
        if value.shape != self.shape:
            raise ShapeError(
                f"data of shape {value.shape} for a Tensor of {self.shape}: t = Tensor(value).{user_line()}"
            )
        return value if value.dtype == self.dtype else _cast(value, self.dtype, "data")

    @property
    def name(self) -> str | None:
        """The explicit name; pictures fall back to your variable's."""
        if self.node is None:
            return getattr(self, "_constant_name", None)
        return self.node.name

    @name.setter
    def name(self, value: str | None) -> None:
        node, value = self.node, _checked_name(value)
        if node is None:
            self._constant_name = value
            constants[id(self.data)] = self
        elif node.op is LEAF:
            node.args = (value,)
        else:
            self.node = make_node(identity.op((0,)), (node,), (node.like, value), self.data)

    @property
    def requires_grad(self) -> bool:
        """Whether gradients reach this Tensor."""
        return self.node is not None

    @property
    def shape(self) -> tuple[int, ...]:
        """Size along each axis."""
        shape: tuple[int, ...] = self.data.shape
        return shape

    @property
    def dtype(self) -> Any:
        """Element type."""
        return self.data.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        ndim: int = self.data.ndim
        return ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        size: int = self.data.size
        return size

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        itemsize: int = self.data.itemsize
        return itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        nbytes: int = self.data.nbytes
        return nbytes

    def item(self, *index: int) -> Any:
        """The value as a Python number: the explicit way out of the graph."""
        try:
            return self.data.item(*index)
        except Exception as error:
            operation_failed("item", error, self.data, *index)

    def tolist(self) -> Any:
        """The values as Python lists: an explicit way out of the graph."""
        return self.data.tolist()

    def numpy(self) -> Any:
        """A copy of the value as a NumPy array: an explicit way out of the graph."""
        return np.array(self.data)

    def __len__(self) -> int:
        if not self.shape:
            raise DTypeError(f"len() of a 0-d Tensor: one number has no length; t.size is 1.{user_line()}")
        return self.shape[0]

    def __bool__(self) -> bool:
        try:
            return bool(self.data)
        except ValueError as error:
            operation_failed("bool", error, self.data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape:
            raise DTypeError(f"iteration over a 0-d Tensor: t.item() is its number, or np.atleast_1d(t).{user_line()}")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, value: Any) -> bool:
        return bool((self.data == _raw(value)).any())

    def __repr__(self) -> str:
        value = (
            repr(self.data.item())
            if not self.shape
            else np.array2string(np.asarray(self.data), separator=", ", prefix="Tensor(")
        )
        parts = [value]
        if self.dtype != float64:
            parts.append(f"dtype={self.dtype}")
        if self.node is None:
            parts.append("requires_grad=False")
        elif self.node.op is not LEAF and self.node.op.rule is not identity:
            parts.append(f"op={self.node.op.name}")
        if self.name is not None:
            parts.append(f"name={self.name!r}")
        return f"Tensor({', '.join(parts)})"

    def __str__(self) -> str:
        return repr(self)

    def __format__(self, spec: str) -> str:
        try:
            return format(self.data, spec) if spec else str(self)
        except (TypeError, ValueError) as error:
            operation_failed("format", error, self.data, spec)

    def __round__(self, digits: int = 0) -> Any:
        return call_book(np.round, (self, digits), {})

    def __reduce__(self) -> Any:
        """For pickle and `copy.deepcopy`: an input or a constant with its gradient; a computed one would be cut off."""
        if self.node is not None and self.node.op is not LEAF:
            raise LeavesGraphError(
                "pickle and copy.deepcopy of a computed Tensor would drop its graph: use t.data, or copy.copy(t) for a "
                f"second handle on the same graph.{user_line()}"
            )
        return _made_again, (self.data, self.requires_grad, self.name, self.grad)

    def __copy__(self) -> Tensor:
        same = handle(self.data, self.node)
        if self.node is None:
            same._constant_name = self.name
        return same

    # ways out of the graph that would go unseen

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self.node is None:
            return np.array(self.data, dtype=dtype)
        if sys._getframe(1).f_globals.get("__name__", "").startswith("numpy.ma"):
            raise LeavesGraphError(
                "np.ma would drop the Tensor's graph: say what the masked entries count as, m.filled(0.0), and use "
                f"NumPy's own functions.{user_line()}"
            )
        raise LeavesGraphError(
            "np.asarray / np.array of a Tensor would drop its graph: use t.data for the plain array, "
            f"np.stack([t1, t2]) to join Tensors, np.f(t) itself where NumPy has f.{user_line()}"
        )

    def __float__(self) -> float:
        return float(self._leave("float(t)"))

    def __int__(self) -> int:
        return int(self._leave("int(t)"))

    def __complex__(self) -> complex:
        return complex(self._leave("complex(t)"))

    def __index__(self) -> int:
        raise LeavesGraphError(
            "a Tensor can't be an index or a length: use int(t.item()), or t.data.astype(int) for indices."
            f"{user_line()}"
        )

    def _leave(self, what: str) -> Any:
        if self.node is None:
            return self.data.item()
        raise LeavesGraphError(
            f"{what} (also math.f(t)) would drop the Tensor's graph: use t.item() for the plain number, "
            f"np.sin(t) instead of math.sin(t).{user_line()}"
        )

    # indexing and assignment

    def __getitem__(self, index: Any) -> Tensor:
        return getitem(self, plain_index(index))  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Any) -> None:
        """``t[i] = v``: from here on this handle is the updated array; earlier results keep what they used."""
        if type(value) is not ndarray and not isinstance(value, (Tensor, float, int)) and no_numbers(value) is not None:
            raise foreign_operand("t[i] = v", self.data, value)
        self._become(putitem(self, value, plain_index(index)))

    def _become(self, updated: Tensor) -> Tensor:
        if updated.shape != self.shape:
            raise ShapeError(
                f"in-place operation would change shape {self.shape} to {updated.shape}: write t = t + v.{user_line()}"
            )
        if updated.dtype != self.dtype:
            if updated.dtype.kind == "c" and self.dtype.kind != "c":
                raise DTypeError(
                    f"complex numbers do not fit into this {self.dtype} Tensor: write t = t + v, or take np.real(v)."
                    f"{user_line()}"
                )
            updated = updated.astype(self.dtype)
        if paused and is_paused() and self.node is not None:
            if self.node.op is not LEAF:
                raise LeavesGraphError(
                    "an in-place operation under no_grad() on a computed Tensor would drop its graph: "
                    f"write y = t + v for a constant of its own, or t = tn.stop_gradient(t) before.{user_line()}"
                )
            self._value = self.node.like = updated.data  # a new array: graphs recorded so far keep the old one
        else:
            self._value, self.node = updated.data, updated.node
        return self

    # NumPy's protocols: np.f(t) just works

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            if not kwargs:
                if ufunc in UNARY and type(self) is not Lifted:
                    return UNARY[ufunc](self)
                if ufunc in OPERATORS and type(self) is not Lifted:
                    a, b = inputs
                    if (
                        type(a) is not ndarray
                        and type(b) is not ndarray
                        and any(is_batch_around(x, inputs) for x in inputs)
                    ):
                        return NotImplemented
                    return OPERATORS[ufunc][0](a, b) if isinstance(a, Tensor) else OPERATORS[ufunc][1](b, a)
            if any(is_batch_around(x, inputs) for x in inputs):
                return NotImplemented
            return call_book(ufunc, inputs, kwargs)
        return call_book((ufunc, method), inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if len(types) > 1 and any(hasattr(kind, "level") for kind in types):
            arrays = arrays_in((*args, *kwargs.values()))
            if any(is_batch_around(x, arrays) for x in arrays):
                return NotImplemented
        return call_book(func, args, kwargs)

    __apply_rule__: ClassVar[Callable[..., Any]] = staticmethod(apply_rule)

    # operators, and methods such as t.sum(), are made in operators.py


def _made_again(data: Any, requires_grad: bool, name: str | None, grad: Any) -> Tensor:
    """A Tensor from its pickle."""
    t = Tensor(data, requires_grad, name)
    if t.node is not None:
        t.node.grad = grad
    return t


class Computed(Tensor):
    """What operations return: a Tensor without the constructor's checks, which cost as much as a multiplication."""

    __slots__ = ()
    __init__: ClassVar[Callable[..., None]] = object.__init__


class Lifted(Computed):
    """A Tensor over a vmap's batch (a `grad` inside the vmap): Tensors from outside that vmap are constants to it."""

    __slots__ = ()
