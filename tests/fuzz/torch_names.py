"""PyTorch's names for NumPy's functions: enough to run a program's own source on torch tensors."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .program import Program

SAME = [
    "absolute:abs",
    "add",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "ceil",
    "copysign",
    "cos",
    "cosh",
    "deg2rad",
    "divide",
    "exp",
    "exp2",
    "expm1",
    "float_power",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "heaviside",
    "hypot",
    "log",
    "log10",
    "log1p",
    "log2",
    "logaddexp",
    "logaddexp2",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "positive",
    "power:pow",
    "rad2deg",
    "reciprocal",
    "remainder",
    "rint:round",
    "sign",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "trunc",
    "i0",
    "nan_to_num",
    "matmul",
    "dot",
    "inner",
    "vdot",
    "outer",
    "kron",
    "tensordot",
    "sum",
    "mean",
    "prod",
    "cumsum",
    "cumprod",
    "amax",
    "amin",
    "nansum",
    "moveaxis",
    "swapaxes",
    "flip",
    "roll",
    "rot90",
    "fliplr",
    "flipud",
    "squeeze",
    "expand_dims:unsqueeze",
    "broadcast_to",
    "ravel",
    "concatenate",
    "stack",
    "vstack",
    "hstack",
    "dstack",
    "column_stack",
    "tile",
    "tril",
    "triu",
    "diagonal",
    "diag",
    "trace",
    "where",
]
SPECIAL = [
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "digamma:psi",
    "gammaln",
    "expit",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log_ndtr",
    "logit",
    "ndtr",
    "ndtri",
    "xlogy",
    "xlog1py",
    "entr",
    "log1p",
    "expm1",
    "exp2",
    "sinc",
    "logsumexp",
]
LINALG = ["inv", "det", "solve", "matrix_power", "slogdet", "pinv", "cross", "multi_dot", "matmul"]
STEPS = frozenset({"fit", "near", "part", "-a", "@", ".reshape", ".ravel", ".sum", ".mean", ".prod", ".cumsum",
                   ".cumprod", "+", "-", "*", "/", "**", "%", "index"})  # fmt: skip
AXES = {"axis": "dim", "keepdims": "keepdim"}


class Names:
    """A module's functions under NumPy's names."""

    def __init__(self, **functions: Any) -> None:
        self.__dict__.update(functions)


def resized(x: Any, shape: Any) -> Any:
    """`np.resize`."""
    import torch

    count = int(np.prod(shape))
    return x.reshape(-1)[torch.arange(count) % x.numel()].reshape(shape)


@cache
def available() -> bool:
    """Whether PyTorch can be imported."""
    try:
        import torch  # noqa: F401 (whether it is there)
    except ImportError:
        return False
    return True


@cache
def modules() -> tuple[Names, Names]:
    """What stands for ``np`` and for ``special``."""
    import torch

    def table(names: list[str], home: Any) -> dict[str, Any]:
        pairs = [(name.partition(":")[0], name.partition(":")[2] or name) for name in names]
        return {ours: on_tensors(getattr(home, theirs)) for ours, theirs in pairs if hasattr(home, theirs)}

    plain = table(SAME, torch)
    plain |= {"resize": resized, "linalg": Names(**table(LINALG, torch.linalg)), "float64": torch.float64}
    return Names(**plain), Names(**table(SPECIAL, torch.special))


def on_tensors(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function with NumPy's keywords; numbers become tensors where it wants them."""

    def called(*args: Any, **kwargs: Any) -> Any:
        import torch

        kwargs = {AXES.get(key, key): value for key, value in kwargs.items()}
        try:
            return f(*args, **kwargs)
        except TypeError:
            numbers = (float, np.generic)
            return f(*(torch.as_tensor(np.asarray(a)) if isinstance(a, numbers) else a for a in args), **kwargs)

    return called


@cache
def known() -> tuple[str, ...]:
    """The functions' names as a program writes them; the same with and without PyTorch."""

    def first(names: list[str], prefix: str) -> list[str]:
        return [prefix + name.partition(":")[0] for name in names]

    return (*first(SAME, "np."), *first(LINALG, "np.linalg."), *first(SPECIAL, "special."), "np.resize")


def applies(program: Program) -> bool:
    """Whether every step has a name in PyTorch, and every number is in double precision."""
    names = set(known())
    arrays = [
        v for v in (*program.inputs.values(), *program.constants.values()) if isinstance(v, (np.ndarray, np.generic))
    ]
    if any(v.dtype not in (np.float64, np.complex128, np.int64, np.bool_) for v in arrays):
        return False
    text = program.source()
    if "hermitian=True" in text:
        return False  # NumPy reads one triangle
    if re.search(r":-\d+\]|:-\d+,", text):
        return False  # no steps backwards in PyTorch
    return all(step.kind in STEPS or step.kind in names for step in program.steps)


def gradients(program: Program, cotangents: tuple[Any, ...]) -> tuple[list[Any], list[Any]]:
    """The outputs and the gradients by PyTorch."""
    import torch

    plain, special = modules()
    constants = {
        k: torch.as_tensor(np.array(v)) for k, v in program.constants.items() if isinstance(v, (np.ndarray, np.generic))
    }
    function = program.compiled(program.source(), np=plain, special=special, **constants)
    xs = [torch.tensor(np.array(x), requires_grad=True) for x in program.inputs.values()]
    ys = function(*xs)
    moving = [(y, torch.as_tensor(np.array(u))) for y, u in zip(ys, cotangents, strict=True) if y.requires_grad]
    found = torch.autograd.grad([y for y, _ in moving], xs, [u.to(y.dtype).reshape(y.shape) for y, u in moving],
                                allow_unused=True) if moving else [None] * len(xs)  # fmt: skip
    pulled = [torch.zeros_like(x) if g is None else g for x, g in zip(xs, found, strict=True)]
    return [y.detach().resolve_conj().numpy() for y in ys], [g.resolve_conj().numpy() for g in pulled]
