"""Functions of functions: `grad`, `vjp`, `jvp`, `jacobian`, `hessian` … at any order.

Each runs the function on fresh Tensors and walks the graph it left. If the result also depends on a Tensor from
outside (an outer `grad` is at work, or a parameter is closed over) the walk itself is recorded:
``grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0)`` is 6.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

import numpy as np

from .backward import Node, fit, gather, pull_back, running_rules, seed_like
from .errors import BadInputError, DTypeError, NotScalarError, ShapeError, describe, is_array, user_line
from .failures import NUMBERS, need_function, no_numbers, operation_failed, what_is
from .forward_mode import push_forward
from .pytree import flatten, unflatten
from .rules import Parts, Rule, identity, rule
from .tensor import Tensor, handle, leaf_node, make_node, pull_back_recorded
from .vmap import Batched, finish, new_level, one_per_example

__all__ = ["elementwise_grad", "grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Argnums = int | tuple[int, ...]


def _join(*arrays: Any) -> tuple[Any, ...]:
    return arrays


join: Rule = rule(
    _join, "several results side by side", lambda i, g, _y, *_arrays: g[i], variadic=True, holomorphic=False,
    name="join", samples=lambda _draw: [],
)  # fmt: skip


class Trace:
    """One run of a function on fresh Tensors: its inputs, its outputs, and the walks between them."""

    in_structure: Any
    out_structure: Any
    outputs: list[Any]

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], argnums: tuple[int, ...]) -> None:
        args = tuple(args)
        for i in argnums:
            if not -len(args) <= i < len(args):
                raise BadInputError(
                    f"argnums={i}, but {_name(f)} was called with {len(args)} arguments: they are counted from 0."
                    f"{user_line()}"
                )
        argnums = tuple(i % len(args) for i in argnums)
        for i in argnums:
            if argnums.count(i) > 1:
                raise BadInputError(f"argnums names argument {i} of {_name(f)} twice: name it once.{user_line()}")
            if args[i] is None:
                raise DTypeError(
                    f"can't differentiate with respect to argument {i} of {_name(f)}, which is None: give it numbers, "
                    f"or leave it out of argnums.{user_line()}"
                )
        chosen, self.in_structure = flatten(tuple(args[i] for i in argnums))
        fresh = [_fresh(x) for x in chosen]
        # f may assign into its own: t[i] = v, t += v
        self.inputs: list[Tensor] = [handle(t.data, t.node) for t in fresh]
        self.start: int = min((t.node.id for t in fresh if t.node is not None), default=0)
        given = list(args)
        for i, value in zip(argnums, unflatten(self.in_structure, list(fresh)), strict=True):
            given[i] = value
        self.result: Any = f(*given)
        self.outputs, self.out_structure = flatten(self.result)
        for y in [*self.outputs, *([None] if self.result is None else [])]:
            if (
                not isinstance(y, (int, float, complex))
                and getattr(getattr(y, "dtype", None), "kind", "O") not in NUMBERS
            ):
                raise NotScalarError(
                    f"{_name(f)} returned {describe(y) if is_array(y) else what_is(y)}, which has no derivative: "
                    f"return the number (is a return missing?), or an array.{user_line()}"
                )

    def root(self) -> Node | None:
        """One node above all outputs that belong to this run."""
        nodes = [
            t.node for t in self.outputs if isinstance(t, Tensor) and t.node is not None and t.node.id >= self.start
        ]
        if not nodes:
            return None
        if len(self.outputs) == 1:
            return nodes[0]
        likes = tuple(t if hasattr(t, "__array_function__") else np.asarray(t) for t in map(_plain, self.outputs))
        which = tuple(i for i, t in enumerate(self.outputs) if isinstance(t, Tensor) and t.node in nodes)
        op = join.op(which, len(likes))
        return make_node(op, tuple(self.outputs[i].node for i in which), likes, Parts(likes))

    def values(self, record: bool) -> Any:
        """The outputs, as Tensors when recording and as arrays otherwise."""
        plain = [t.data if isinstance(t, Tensor) and not record else t for t in self.outputs]
        return unflatten(self.out_structure, plain)

    def pull(self, root: Node | None, seed: Any) -> list[Any]:
        """The gradients of all inputs for the cotangent `seed` of `root`."""
        found: dict[Node, Any] = {}
        if root is not None:
            order, uses, outer = gather(root, self.start)
            parts = seed.values if type(seed) is Parts else (seed,)
            targets = {t.node for t in self.inputs if t.node is not None}
            with running_rules():
                if outer or any(isinstance(part, Tensor) and part.node is not None for part in parts):
                    found = pull_back_recorded(root, seed, self.start, targets)
                else:
                    found = pull_back(order, uses, seed)
        return self._of_inputs(found)

    def pull_last(self) -> list[Any]:
        """The gradients of all inputs of one number, the trace's last: its memory is handed back on the way."""
        root = self.root()
        self.result, self.outputs = None, []
        if root is None:
            return self._of_inputs({})
        seed = seed_like(root, None)
        order, uses, _ = gather(root, self.start)
        root = None  # else nothing of the graph could go
        with running_rules():
            return self._of_inputs(pull_back(order, uses, seed, last=True))

    def _of_inputs(self, found: dict[Node, Any]) -> list[Any]:
        return _each_its_own(
            [found[t.node] if t.node in found else np.zeros(t.shape, t.dtype)[()] for t in self.inputs]
        )

    def depends_on_outside(self, root: Node | None) -> bool:
        """Whether the outputs also depend on a Tensor that isn't this run's."""
        if root is None:
            return any(isinstance(t, Tensor) and t.node is not None for t in self.outputs)
        return gather(root, self.start)[2]


def _each_its_own(gradients: list[Any]) -> list[Any]:
    """The gradients as arrays that share no memory with each other or with the graph: a reader may write into them."""
    seen: set[int] = set()
    for k, g in enumerate(gradients):
        if type(g) is np.ndarray:
            if g.base is not None or not g.flags.writeable or id(g) in seen:
                gradients[k] = g.copy()
            seen.add(id(g))
    return gradients


def _fresh(x: Any) -> Tensor:
    """A new Tensor over `x`, linked to `x` if that is itself a Tensor."""
    x = one_per_example(x)
    if isinstance(x, Tensor):
        if x.node is None:
            return handle(x.data, leaf_node(x.data))
        return handle(x.data, make_node(identity.op((0,)), (x.node,), (x.node.like, None), x.data))
    refused = no_numbers(x) if isinstance(x, (np.ma.MaskedArray, np.matrix)) else None
    if refused is not None:
        raise DTypeError(f"can't differentiate with respect to {what_is(x)}: {''.join(refused)}{user_line()}")
    array = x if hasattr(x, "__array_function__") else _an_array(x)
    kind = array.dtype.kind
    if kind in "iu":
        array = array.astype(np.float64)
    elif kind not in "fc":
        raise DTypeError(
            f"can't differentiate with respect to {describe(x) if is_array(x) else what_is(x)}: leave it out of "
            f"argnums, or convert it with .astype(float).{user_line()}"
        )
    array = array[()] if array.ndim == 0 else array
    return handle(array, leaf_node(array))


def _an_array(x: Any) -> Any:
    """A number, a np.matrix, an array of another library as NumPy's; a generator or a set gives an object array."""
    try:
        return np.asarray(x)
    except Exception as error:
        operation_failed("np.asarray", error, x)


def _name(f: Callable[..., Any]) -> str:
    f = f.func if isinstance(f, partial) else f
    return f"{getattr(f, '__name__', type(f).__name__)}()"


def _as_tuple(argnums: Argnums) -> tuple[int, ...]:
    several = argnums if isinstance(argnums, (tuple, list)) else (argnums,)
    for i in several:
        if not isinstance(i, (int, np.integer)) or isinstance(i, bool):
            hint = " The arguments themselves go to the result: tn.grad(f)(x)." if is_array(i) else ""
            raise BadInputError(
                f"argnums is the place of an argument, 0 for the first, or a tuple of places, not {what_is(argnums)}."
                f"{hint}{user_line()}"
            )
    return tuple(several)


def _only(argnums: Argnums, gradients: tuple[Any, ...]) -> Any:
    return gradients if isinstance(argnums, (tuple, list)) else gradients[0]


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Return a function that gives f's value and its gradient.

    Parameters
    ----------
    f : callable
        Returns one number (or ``(number, aux)`` with ``has_aux=True``). Its arguments arrive as Tensors.
    argnums : int or tuple of int
        Which arguments to differentiate; each may be a container of arrays.
    has_aux : bool
        `f` also returns something that is not differentiated.

    Returns
    -------
    callable
        ``(*args) -> (value, gradient)``; the gradient has the argument's structure, shapes and dtypes, and is a
        tuple of them when `argnums` is a tuple.

    Raises
    ------
    NotScalarError
        If f's result is not one real number.

    Examples
    --------
    >>> value_and_grad(lambda w: np.sum(w**2))(np.array([1.0, 2.0]))
    (np.float64(5.0), array([2., 4.]))
    """
    need_function("tn.value_and_grad", f)
    if not isinstance(has_aux, bool):
        raise BadInputError(f"has_aux is True or False, not {what_is(has_aux)}.{user_line()}")
    places = _as_tuple(argnums)

    def computed(*args: Any, **kwargs: Any) -> Any:
        aux: list[Any] = []

        def body(*a: Any) -> Any:
            result = f(*a, **kwargs)
            if has_aux:
                if not isinstance(result, tuple) or len(result) != 2:
                    what = f"a tuple of {len(result)}" if isinstance(result, tuple) else _what_came(result)
                    raise BadInputError(f"has_aux=True: {_name(f)} returns (number, aux), not {what}.{user_line()}")
                result, extra = result
                aux.append(extra)
            return result

        trace = Trace(update_wrapper(body, f, ("__name__",), ()), args, places)
        value = _one_number(f, trace)
        root = trace.root()
        if trace.depends_on_outside(root):
            gradients = trace.pull(root, None if root is None else seed_like(root, None))
        else:
            value, root = _plain(value), None
            gradients = trace.pull_last()
        gradient = _only(argnums, unflatten(trace.in_structure, gradients))
        return ((value, aux[0]), gradient) if has_aux else (value, gradient)

    return _renamed(computed, f, "value_and_grad")


def _one_number(f: Callable[..., Any], trace: Trace) -> Any:
    value = trace.result
    if len(trace.outputs) != 1 or np.size(_plain(trace.outputs[0])) != 1 or trace.outputs[0] is not value:
        raise NotScalarError(
            f"the gradient needs one number, {_name(f)} returned {_what_came(value)}; reduce it (np.sum, np.mean), or "
            f"use tn.jacobian, tn.elementwise_grad, or tn.vjp with a cotangent of that shape.{user_line()}"
        )
    if isinstance(_plain(value), (bool, np.bool_)):
        raise NotScalarError(
            f"the gradient needs a number, {_name(f)} returned a bool, which has none: return what was compared."
            f"{user_line()}"
        )
    if np.iscomplexobj(_plain(value)):
        raise NotScalarError(
            f"the gradient needs a real number, {_name(f)} returned a complex one; "
            f"take np.real, np.imag or np.abs of it.{user_line()}"
        )
    if np.ndim(_plain(value)):
        value = value.reshape(())
        trace.outputs = [value]
    return value


def _what_came(value: Any) -> str:
    return describe(_plain(value)) if is_array(value) else what_is(value)


def _plain(x: Any) -> Any:
    return x.data if isinstance(x, Tensor) else x


def _renamed(made: Callable[..., Any], f: Callable[..., Any], what: str) -> Callable[..., Any]:
    made.__name__ = made.__qualname__ = f"{what}_of_{getattr(f, '__name__', 'f')}"
    made.__doc__ = f"{what} of {_name(f)}"
    made.__wrapped__ = f  # type: ignore[attr-defined]  # its signature is the function's own
    return made


def grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return the gradient function of a scalar function.

    Parameters
    ----------
    f : callable
        Returns one number; plain NumPy inside.
    argnums : int or tuple of int
        Which arguments to differentiate.

    Returns
    -------
    callable
        ``(*args) -> gradient``, with the argument's structure, shapes and dtypes. Nest it for higher orders.

    Raises
    ------
    NotScalarError
        If f's result is not one real number.

    Examples
    --------
    >>> float(grad(lambda x: x**3)(2.0)), float(grad(grad(lambda x: x**3))(2.0))
    (12.0, 12.0)
    >>> grad(lambda p: 3 * (p["a"] + p["b"] * p["c"]))({"a": 5.0, "b": 3.0, "c": 2.0})
    {'a': np.float64(3.0), 'b': np.float64(6.0), 'c': np.float64(9.0)}
    """
    need_function("tn.grad", f)
    both = value_and_grad(f, argnums)
    return _renamed(lambda *args, **kwargs: both(*args, **kwargs)[1], f, "grad")


def elementwise_grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return dy_k/dx_k of a function that works entry by entry (the gradient of ``sum(f(x))``).

    Parameters
    ----------
    f : callable
    argnums : int or tuple of int

    Examples
    --------
    >>> elementwise_grad(np.sin)(np.zeros(3))
    array([1., 1., 1.])
    """
    need_function("tn.elementwise_grad", f)
    places = _as_tuple(argnums)

    def computed(*args: Any, **kwargs: Any) -> Any:
        _, pullback, trace = _vjp(partial(f, **kwargs), args, places)
        ones = unflatten(trace.out_structure, [np.ones_like(_plain(y)) for y in trace.outputs])
        return _only(argnums, pullback(ones))

    return _renamed(computed, f, "elementwise_grad")


def vjp(f: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Evaluate f and return the function that pulls a cotangent back through it.

    Parameters
    ----------
    f : callable
    *primals : array_like or containers of them
        The point; f is differentiated in all of them.

    Returns
    -------
    y : as f returns
    pullback : callable
        ``pullback(g) -> tuple``: one gradient per primal; `g` has y's structure and shapes. May be called again.

    Raises
    ------
    ShapeError
        If a cotangent hasn't its output's shape.

    Examples
    --------
    >>> y, pullback = vjp(lambda a, b: a * b, 2.0, 3.0)
    >>> y, pullback(1.0)
    (np.float64(6.0), (np.float64(3.0), np.float64(2.0)))
    """
    need_function("tn.vjp", f)
    y, pullback, _ = _vjp(f, primals, tuple(range(len(primals))))
    return y, pullback


def _vjp(
    f: Callable[..., Any], args: tuple[Any, ...], argnums: tuple[int, ...]
) -> tuple[Any, Callable[..., Any], Trace]:
    trace = Trace(f, args, argnums)
    root = trace.root()

    def pullback(cotangent: Any) -> Any:
        seeds, structure = flatten(cotangent)
        if structure != trace.out_structure:
            raise ShapeError(
                f"the cotangent's structure {structure} is not the result's {trace.out_structure}.{user_line()}"
            )
        checked = tuple(_cotangent(g, y) for g, y in zip(seeds, trace.outputs, strict=True))
        if root is None:
            return unflatten(trace.in_structure, trace.pull(None, None))
        seed = checked[0] if len(checked) == 1 else Parts(checked, tuple(_plain(y) for y in trace.outputs))
        return unflatten(trace.in_structure, trace.pull(root, seed))

    return trace.values(trace.depends_on_outside(root)), pullback, trace


def _cotangent(g: Any, y: Any, what: str = "cotangent", of: str = "result") -> Any:
    shape, dtype = np.shape(_plain(y)), getattr(_plain(y), "dtype", np.dtype(float))
    if not hasattr(g, "__array_function__"):
        g = _an_array(g)
    if tuple(g.shape) != tuple(shape):
        raise ShapeError(
            f"the {what} has shape {g.shape}, the {of} {shape}: give one number for each entry, "
            f"np.broadcast_to(g, {shape}).{user_line()}"
        )
    if g.dtype.kind not in NUMBERS or (g.dtype.kind == "c" and dtype.kind != "c"):
        raise DTypeError(f"the {what} is {g.dtype}, the {of} {dtype}: give real numbers, np.real(g).{user_line()}")
    g = g.astype(dtype) if g.dtype != dtype else g
    return g[()] if isinstance(g, np.ndarray) and g.ndim == 0 else g


def _a_tuple(what: str, given: Any) -> tuple[Any, ...]:
    if not isinstance(given, (tuple, list)):
        raise BadInputError(
            f"{what} is a tuple with one entry per argument of f, ({what[0]},), not "
            f"{describe(given) if is_array(given) else what_is(given)}.{user_line()}"
        )
    return tuple(given)


def jvp(f: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """Evaluate f and its derivative in a direction (forward mode).

    Parameters
    ----------
    f : callable
    primals : tuple
        The point.
    tangents : tuple
        The direction: the primals' structure and shapes.

    Returns
    -------
    y, y_dot
        As f returns.

    Examples
    --------
    >>> jvp(lambda x: x**2, (3.0,), (1.0,))
    (np.float64(9.0), np.float64(6.0))
    """
    need_function("tn.jvp", f)
    primals, tangents = _a_tuple("primals", primals), _a_tuple("tangents", tangents)
    trace = Trace(f, primals, tuple(range(len(primals))))
    directions, structure = flatten(tangents)
    if structure != trace.in_structure:
        raise ShapeError(f"the tangents' structure {structure} is not the primals' {trace.in_structure}.{user_line()}")
    moving: dict[Node, Any] = {}
    for t, direction in zip(trace.inputs, directions, strict=True):
        assert t.node is not None
        moving[t.node] = _cotangent(direction, t, "tangent", "primal")
    root = trace.root()
    record = trace.depends_on_outside(root) or any(isinstance(d, Tensor) and d.node is not None for d in directions)
    pushed = []
    for y in trace.outputs:
        node = y.node if isinstance(y, Tensor) else None
        tangent = None
        if node is not None and node.id >= trace.start:
            with running_rules():
                tangent = push_forward(node, moving, trace.start, record)
        pushed.append(np.zeros_like(_plain(y)) if tangent is None else fit(tangent, _plain(y)))
    return trace.values(trace.depends_on_outside(root)), unflatten(trace.out_structure, pushed)


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """Return the function that gives all derivatives dy_i/dx_j.

    Parameters
    ----------
    f : callable
        Returns an array or a container of arrays.
    argnums : int or tuple of int

    Returns
    -------
    callable
        ``(*args) -> J`` of shape ``y.shape + x.shape`` (containers: y's structure around x's). For complex inputs
        dy/dz of a holomorphic f.

    Examples
    --------
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    need_function("tn.jacobian", f)
    places = _as_tuple(argnums)

    def computed(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(partial(f, **kwargs), args, places)
        root = trace.root()
        blocks = [
            _only(argnums, unflatten(trace.in_structure, _jacobian_rows(trace, root, k)))
            for k in range(len(trace.outputs))
        ]
        return unflatten(trace.out_structure, blocks)

    return _renamed(computed, f, "jacobian")


def _jacobian_rows(trace: Trace, root: Node | None, k: int) -> list[Any]:
    """All derivatives of output `k`, per input: the rows of the unit matrix pulled back together, as one batch."""
    y = _plain(trace.outputs[k])
    shape, size = np.shape(y), np.size(y)
    if root is None or not size:
        return [np.zeros((*shape, *t.shape), t.dtype) for t in trace.inputs]
    level = new_level()
    try:
        unit = np.eye(size, dtype=y.dtype).reshape((size, *shape))
    except MemoryError as error:
        operation_failed("jacobian", error, y)

    def pulled(rows: Any) -> list[Any]:
        seeds = tuple(Batched(rows, level) if i == k else None for i in range(len(trace.outputs)))
        seed = seeds[0] if len(seeds) == 1 else Parts(seeds, tuple(map(_plain, trace.outputs)))
        return [
            finish(g, size, level).reshape((*shape, *t.shape))
            for g, t in zip(trace.pull(root, seed), trace.inputs, strict=True)
        ]

    found = pulled(unit)
    if np.iscomplexobj(y):  # g is the conjugate derivative; a real input needs the imaginary part of y pulled back too
        turned = pulled(unit * 1j)
        found = [
            np.conj(g) if t.dtype.kind == "c" else g + 1j * h
            for g, h, t in zip(found, turned, trace.inputs, strict=True)
        ]
    return found


def hessian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """Return the function that gives the second derivatives of a scalar function.

    Parameters
    ----------
    f : callable
        Returns one number.
    argnums : int

    Returns
    -------
    callable
        ``(*args) -> H`` of shape ``x.shape + x.shape``.

    Examples
    --------
    >>> hessian(lambda x: x[0] * x[1])(np.array([1.0, 2.0]))
    array([[0., 1.],
           [1., 0.]])
    """
    need_function("tn.hessian", f)
    return _renamed(jacobian(grad(f, argnums), argnums), f, "hessian")


def hvp(f: Callable[..., Any], primals: tuple[Any, ...], vectors: tuple[Any, ...]) -> Any:
    """Hessian times vector, without the Hessian (forward mode over reverse mode).

    Parameters
    ----------
    f : callable
        Returns one number.
    primals : tuple
        The point.
    vectors : tuple
        The vectors: the primals' structure and shapes.

    Returns
    -------
    tuple
        One product per primal, of its shape.

    Examples
    --------
    >>> hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """
    primals = _a_tuple("primals", primals)
    return jvp(grad(f, tuple(range(len(primals)))), primals, _a_tuple("vectors", vectors))[1]
