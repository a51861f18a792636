"""JAX: arrays to and from it without copying, and a check of a ``custom_vjp`` or a ``custom_jvp``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ..arguments import common_numbers
from ..backward import LEAF
from ..errors import DTypeError, LeavesGraphError, missing_extra, user_line
from ..failures import need_function
from ..pytree import flatten, unflatten
from ..tensor import Tensor
from ..testing.report import Report
from ..testing.vjp import assert_vjp, check_vjp
from .flat import need_a_point

__all__ = ["assert_function", "check_function", "from_jax", "to_jax"]


def _jax() -> Any:
    try:
        import jax
    except ImportError as error:
        raise missing_extra("jax", "jax", "tn.interop.jax") from error
    return jax


def _wide(jax: Any) -> AbstractContextManager[Any]:
    """Within this, JAX keeps 64-bit numbers instead of silently making them 32-bit ones."""
    context: AbstractContextManager[Any] = jax.enable_x64(True)
    return context


def from_jax(tree: Any) -> Any:
    """JAX arrays as NumPy arrays over the same memory where it is the CPU's; read-only, as JAX's arrays are.

    Parameters
    ----------
    tree : jax.Array or container of them
        Other leaves stay as they are.

    Returns
    -------
    numpy.ndarray or container of them
        Of the arrays' dtypes.

    Raises
    ------
    LeavesGraphError
        Inside a function that JAX traces (jit, grad): there is no value to take.
    DTypeError
        For bfloat16 and other dtypes that NumPy hasn't.
    MissingExtraError
        Without jax.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> a = from_jax({"w": jnp.ones(2)})["w"]
    >>> a, a.flags.writeable
    (array([1., 1.], dtype=float32), False)
    """
    jax = _jax()
    leaves, structure = flatten(tree)
    return unflatten(structure, [_array(jax, x) if isinstance(x, jax.Array) else x for x in leaves])


def _array(jax: Any, x: Any) -> Any:
    if isinstance(x, jax.core.Tracer):
        raise LeavesGraphError(f"JAX traces this function: there is no value; use jax.pure_callback.{user_line()}")
    array = np.asarray(x)
    if array.dtype.kind not in "biufc":
        raise DTypeError(f"NumPy has no {x.dtype}: convert first, x.astype(jnp.float32).{user_line()}")
    return array


def to_jax(tree: Any) -> Any:
    """NumPy arrays and Tensors as JAX arrays of the same dtype, over the same memory where JAX takes it (DLPack).

    JAX calls its arrays immutable and relies on it: do not write into an array that was handed over. float64 is kept
    even where JAX is set to 32 bits; what JAX then computes with it is 32-bit unless ``jax_enable_x64`` is on.

    Parameters
    ----------
    tree : array, Tensor, or container of them

    Returns
    -------
    jax.Array or container of them

    Raises
    ------
    LeavesGraphError
        For a computed Tensor: its graph would end there unseen.
    MissingExtraError
        Without jax.

    Examples
    --------
    >>> to_jax(np.arange(3.0)).dtype
    dtype('float64')
    """
    jax = _jax()
    leaves, structure = flatten(tree)
    with _wide(jax):
        return unflatten(structure, [_given(jax, x) for x in leaves])


def _given(jax: Any, x: Any) -> Any:
    if isinstance(x, Tensor):
        if x.node is not None and x.node.op is not LEAF:
            raise LeavesGraphError(
                f"this Tensor was computed ({x.node.op.name}); its graph would end in JAX: to_jax(t.data).{user_line()}"
            )
        x = x.data.copy()  # a leaf's data may be written by an optimiser
    array = common_numbers("to_jax takes arrays of common numbers", x)
    if array is x and array.flags.writeable and array.flags.c_contiguous and array.dtype.kind in "iuf":
        try:
            return jax.numpy.from_dlpack(array)
        except (BufferError, ValueError, RuntimeError):
            return jax.numpy.array(array)  # not aligned as JAX wants it
    return jax.numpy.array(array)


def check_function(
    function: Callable[..., Any], *args: Any, constants: tuple[Any, ...] = (), like: Any = None, **options: Any
) -> Report:
    """Check the derivative that a ``jax.custom_vjp`` or ``jax.custom_jvp`` function was given.

    Numerical differences of the function judge. A ``custom_jvp`` is judged by its tangents along every axis, so its
    rule need not be one that JAX can transpose.

    Parameters
    ----------
    function : jax.custom_vjp, jax.custom_jvp, or callable
    *args : array_like, optional
        A point; or give ``shapes={"x": "n m"}`` and points are drawn.
    constants : tuple
        Further arguments of `function`, after the arrays.
    like : callable, optional
        The same function in NumPy: then autodiff judges too, and a wrong backward is diagnosed operation by
        operation, not from its numbers alone.
    **options
        As `tn.testing.check_vjp` takes: shapes, given, dims, seed, max_examples, rtol, atol, dtype.

    Returns
    -------
    Report
        True when right.

    Examples
    --------
    >>> import jax
    >>> square = jax.custom_vjp(lambda x: x * x)
    >>> square.defvjp(lambda x: (x * x, x), lambda x, g: (g * x,))
    >>> report = check_function(square, shapes={"x": "n"})
    >>> report.verdict, report.slips[0].kind
    ('wrong', 'scale')
    """
    f, vjp = _as_arrays(function, constants, like)
    need_a_point("check_function", args, options)
    return check_vjp(f, vjp, *args, **options)


def assert_function(
    function: Callable[..., Any], *args: Any, constants: tuple[Any, ...] = (), like: Any = None, **options: Any
) -> None:
    """Raise a `GradientError` unless the derivative is right; takes what `check_function` takes.

    Raises
    ------
    GradientError
        With the `Report` in ``error.report``.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> assert_function(jnp.tanh, shapes={"x": "n m"})
    """
    __tracebackhide__ = True
    f, vjp = _as_arrays(function, constants, like)
    need_a_point("assert_function", args, options)
    assert_vjp(f, vjp, *args, **options)


def _as_arrays(
    function: Callable[..., Any], constants: tuple[Any, ...], like: Any
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The function and its pullback on NumPy arrays, in 64 bits."""
    need_function("check_function", function)
    jax = _jax()

    def call(*inputs: Any) -> Any:
        return function(*inputs, *constants)

    compiled = jax.jit(call)

    def f(*arrays: Any) -> Any:
        if like is not None and any(isinstance(x, Tensor) for x in arrays):
            return like(*arrays)
        with _wide(jax):
            inputs = [_given(jax, x if isinstance(x, Tensor) else np.array(x)) for x in arrays]
            try:
                y = compiled(*inputs)
            except jax.errors.ConcretizationTypeError:  # it looks at values
                y = call(*inputs)
        return jax.tree.map(lambda part: np.array(part), y)

    def by_pulling(g: Any, *arrays: Any) -> Any:
        with _wide(jax):
            y, pull = jax.vjp(call, *(jax.numpy.array(x) for x in arrays))
            upstream = jax.tree.map(lambda part, u: jax.numpy.array(u, part.dtype), y, g)
            return tuple(np.array(d) for d in pull(upstream))

    def by_pushing(g: Any, *arrays: Any) -> Any:
        with _wide(jax):
            inputs = tuple(jax.numpy.array(x) for x in arrays)
            return tuple(_summed(jax, call, inputs, k, g) for k in range(len(inputs)))

    f.__name__ = getattr(function, "__name__", type(function).__name__)
    vjp = by_pushing if isinstance(function, jax.custom_jvp) else by_pulling
    vjp.__name__ = "its jvp" if vjp is by_pushing else "its vjp"
    return f, vjp


def _summed(jax: Any, call: Callable[..., Any], inputs: tuple[Any, ...], k: int, g: Any) -> Any:
    """⟨g, tangent along axis i⟩ for every axis i of input k."""
    still = [jax.numpy.zeros_like(x) for x in inputs]
    gradient = np.zeros(inputs[k].shape, inputs[k].dtype)
    for i in np.ndindex(inputs[k].shape):
        moving = list(still)
        moving[k] = still[k].at[i].set(1)
        tangent = jax.jvp(call, inputs, tuple(moving))[1]
        parts = jax.tree.map(lambda t, u: float(np.sum(np.asarray(t) * u)), tangent, g)
        gradient[i] = sum(jax.tree.leaves(parts))
    return gradient
