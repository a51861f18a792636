"""PyTorch: arrays to and from its tensors without copying, and a check of a ``torch.autograd.Function``'s backward."""

from __future__ import annotations

from collections.abc import Callable
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

__all__ = ["assert_function", "check_function", "from_torch", "to_torch"]


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise missing_extra("torch", "torch", "tn.interop.torch") from error
    return torch


def from_torch(tree: Any) -> Any:
    """PyTorch tensors as NumPy arrays over the same memory (DLPack): writing into one shows in the other.

    Parameters
    ----------
    tree : torch.Tensor or container of them
        On the CPU, strided. A parameter (a leaf with ``requires_grad``) gives its values; other leaves of the
        container that are no tensors stay as they are.

    Returns
    -------
    numpy.ndarray or container of them
        Of the tensors' dtypes. Wrap them as ``tn.Tensor(array)``, which copies, to differentiate here.

    Raises
    ------
    LeavesGraphError
        For a computed tensor that PyTorch would differentiate through: its graph would end here unseen.
    DTypeError
        For bfloat16 and other dtypes that NumPy hasn't, and for tensors on another device.
    MissingExtraError
        Without torch.

    Examples
    --------
    >>> import torch
    >>> t = torch.zeros(2, dtype=torch.float32)
    >>> a = from_torch(t)
    >>> a[0] = 5
    >>> t
    tensor([5., 0.])
    """
    torch = _torch()
    leaves, structure = flatten(tree)
    return unflatten(structure, [_array(x) if isinstance(x, torch.Tensor) else x for x in leaves])


def _array(t: Any) -> Any:
    if t.requires_grad and not t.is_leaf:
        raise LeavesGraphError(
            f"this tensor was computed by PyTorch ({type(t.grad_fn).__name__}); its graph would end here: "
            f"from_torch(t.detach()).{user_line()}"
        )
    if t.device.type != "cpu":
        raise DTypeError(f"a tensor on {t.device}: from_torch(t.cpu()), or cupy.from_dlpack(t).{user_line()}")
    plain = t.detach().resolve_conj().resolve_neg()
    try:
        return plain.numpy() if plain.dtype.is_complex or str(plain.dtype) == "torch.bool" else np.from_dlpack(plain)
    except (BufferError, RuntimeError, TypeError) as error:
        way = "t.float()" if t.layout == _torch().strided else "t.to_dense()"
        raise DTypeError(f"NumPy has no {t.dtype} ({t.layout}): convert first, {way}.{user_line()}") from error


def to_torch(tree: Any, requires_grad: bool | None = None) -> Any:
    """NumPy arrays and Tensors as PyTorch tensors over the same memory (DLPack); read-only arrays are copied.

    Parameters
    ----------
    tree : array, Tensor, or container of them
    requires_grad : bool, optional
        Whether PyTorch shall track them. By default what each is here: a leaf `Tensor` is tracked, an array isn't.
        Whole numbers and bools never are.

    Returns
    -------
    torch.Tensor or container of them
        Of the arrays' dtypes.

    Raises
    ------
    LeavesGraphError
        For a computed Tensor: its graph would end there unseen.
    MissingExtraError
        Without torch.

    Examples
    --------
    >>> import torch
    >>> to_torch(np.arange(3.0))
    tensor([0., 1., 2.], dtype=torch.float64)
    >>> to_torch(Tensor([1.0])).requires_grad
    True
    """
    torch = _torch()
    leaves, structure = flatten(tree)
    return unflatten(structure, [_tensor(torch, x, requires_grad) for x in leaves])


def _tensor(torch: Any, x: Any, requires_grad: bool | None) -> Any:
    tracked = requires_grad
    if isinstance(x, Tensor):
        if x.node is not None and x.node.op is not LEAF:
            raise LeavesGraphError(
                f"this Tensor was computed ({x.node.op.name}); its graph would end in PyTorch: "
                f"to_torch(t.data).{user_line()}"
            )
        tracked = x.requires_grad if requires_grad is None else requires_grad
        x = x.data
    array = common_numbers("to_torch takes arrays of common numbers", x)
    shared = array is x and array.flags.writeable and all(n >= 0 for n in array.strides)
    t = torch.from_numpy(array if shared else array.copy())
    return t.requires_grad_(True) if tracked and t.dtype.is_floating_point | t.dtype.is_complex else t


def check_function(
    function: Any, *args: Any, constants: tuple[Any, ...] = (), like: Any = None, **options: Any
) -> Report:
    """Check the ``backward`` of a ``torch.autograd.Function``, or of anything that maps tensors to tensors.

    Numerical differences of the forward pass judge. The laws of a backward pass are tried as well: nothing for an
    upstream gradient of 0, linear in it, the inputs' shapes and dtypes.

    Parameters
    ----------
    function : subclass of torch.autograd.Function, or callable
    *args : array_like, optional
        A point; or give ``shapes={"x": "n m"}`` and points are drawn.
    constants : tuple
        Further arguments of `function`, after the arrays: numbers, flags.
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
    >>> import torch
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * ctx.saved_tensors[0]
    >>> report = check_function(Square, shapes={"x": "n"})
    >>> report.verdict, report.slips[0].kind
    ('wrong', 'scale')
    """
    f, vjp = _as_arrays(function, constants, like)
    need_a_point("check_function", args, options)
    return check_vjp(f, vjp, *args, **options)


def assert_function(
    function: Any, *args: Any, constants: tuple[Any, ...] = (), like: Any = None, **options: Any
) -> None:
    """Raise a `GradientError` unless the backward pass is right; takes what `check_function` takes.

    Raises
    ------
    GradientError
        With the `Report` in ``error.report``.

    Examples
    --------
    >>> import torch
    >>> assert_function(torch.tanh, shapes={"x": "n m"})
    """
    __tracebackhide__ = True
    f, vjp = _as_arrays(function, constants, like)
    need_a_point("assert_function", args, options)
    assert_vjp(f, vjp, *args, **options)


def _as_arrays(function: Any, constants: tuple[Any, ...], like: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The forward and the backward pass as functions of NumPy arrays."""
    need_function("check_function", function)
    torch = _torch()
    is_function = isinstance(function, type) and issubclass(function, torch.autograd.Function)
    call = function.apply if is_function else function

    def f(*arrays: Any) -> Any:
        if like is not None and any(isinstance(x, Tensor) for x in arrays):
            return like(*arrays)
        with torch.no_grad():
            y = call(*(_tensor(torch, np.array(x) if not isinstance(x, Tensor) else x, False) for x in arrays),
                     *constants)  # fmt: skip
        return tuple(map(_array, y)) if isinstance(y, tuple) else _array(y)

    def vjp(g: Any, *arrays: Any) -> Any:
        inputs = [_tensor(torch, np.array(x), True) for x in arrays]
        y = call(*inputs, *constants)
        results, upstream = (y, g) if isinstance(y, tuple) else ((y,), (g,))
        wanted = [x for x in inputs if x.requires_grad]
        pairs = [(r, _tensor(torch, np.array(u), False)) for r, u in zip(results, upstream, strict=True)
                 if r.requires_grad]  # fmt: skip
        found = iter(
            torch.autograd.grad([r for r, _ in pairs], wanted, [u for _, u in pairs], allow_unused=True)
            if pairs
            else [None] * len(wanted)
        )
        gradients = [(x, next(found) if x.requires_grad else None) for x in inputs]
        return tuple(
            None if not x.requires_grad else np.zeros_like(_array(x)) if d is None else _array(d.detach())
            for x, d in gradients
        )

    f.__name__ = getattr(function, "__name__", type(function).__name__)
    vjp.__name__ = "backward"
    return f, vjp
