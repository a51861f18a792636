"""A strict duck array: wraps NumPy, but never becomes one and never mixes with one, as CuPy does not."""

from __future__ import annotations

from typing import Any

import numpy as np


class Duck:
    """An array on another "device": only NumPy's protocols reach it, and plain arrays beside it are refused."""

    __array_priority__ = 100.0

    def __init__(self, inside: Any) -> None:
        self.inside = np.asarray(inside)

    shape = property(lambda self: self.inside.shape)
    dtype = property(lambda self: self.inside.dtype)
    ndim = property(lambda self: self.inside.ndim)
    size = property(lambda self: self.inside.size)
    itemsize = property(lambda self: self.inside.itemsize)
    nbytes = property(lambda self: self.inside.nbytes)
    T = property(lambda self: Duck(self.inside.T))
    mT = property(lambda self: Duck(self.inside.mT))
    real = property(lambda self: Duck(self.inside.real))
    imag = property(lambda self: Duck(self.inside.imag))

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("implicit conversion of a Duck to a NumPy array")

    def __float__(self) -> float:
        raise TypeError("implicit conversion of a Duck to a float")

    def __int__(self) -> int:
        return int(self.inside)

    def __index__(self) -> int:
        return self.inside.__index__()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "at":
            array, index, *values = inputs
            ufunc.at(array.inside, unwrap_index(index), *unwrap(values))
            return None
        if not all(isinstance(x, (Duck, np.ndarray, np.generic, int, float, complex)) for x in inputs):
            return NotImplemented
        return wrap(getattr(ufunc, method)(*unwrap(inputs), **unwrap(kwargs)))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(t, np.ndarray) for t in types):
            raise TypeError(f"np.{func.__name__}: a Duck beside a NumPy array")
        if not all(issubclass(t, Duck) for t in types):
            return NotImplemented
        if func in MADE_LIKE:
            return wrap(func(*(x.inside if isinstance(x, Duck) else x for x in args), **kwargs))
        return wrap(func(*unwrap(args), **unwrap(kwargs)))

    def __getitem__(self, index: Any) -> Any:
        return wrap(self.inside[unwrap_index(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.inside[unwrap_index(index)] = unwrap(value)

    def __len__(self) -> int:
        return len(self.inside)

    def __bool__(self) -> bool:
        return bool(self.inside)

    def __repr__(self) -> str:
        return f"Duck({self.inside!r})"


MADE_LIKE = {np.asarray, np.array}
"""``np.asarray(x, like=duck)`` is how a NumPy array is brought over, and said aloud."""


def unwrap(x: Any) -> Any:
    """The NumPy array inside; a plain array (0-d ones aside) beside a Duck is an error."""
    if isinstance(x, Duck):
        return x.inside
    if isinstance(x, (tuple, list)):
        return type(x)(map(unwrap, x))
    if isinstance(x, dict):
        return {key: unwrap(value) for key, value in x.items()}
    if isinstance(x, np.ndarray) and x.ndim:
        raise TypeError("a NumPy array beside a Duck")
    return x


def unwrap_index(index: Any) -> Any:
    """Places may be told by a Duck or by a plain array of integers or bools, as CuPy takes them."""
    if isinstance(index, tuple):
        return tuple(map(unwrap_index, index))
    return index.inside if isinstance(index, Duck) else index


def wrap(x: Any) -> Any:
    """A Duck around whatever NumPy returned."""
    if isinstance(x, (np.ndarray, np.generic)):
        return Duck(x)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*map(wrap, x))
    return type(x)(map(wrap, x)) if isinstance(x, (tuple, list)) else x


def _operator(name: str) -> Any:
    def method(self: Duck, *others: Any) -> Any:
        if any(isinstance(other, np.ndarray) and other.ndim for other in others):
            raise TypeError("a NumPy array beside a Duck")
        if not all(isinstance(other, (Duck, int, float, complex, np.generic)) for other in others):
            return NotImplemented
        return wrap(getattr(self.inside, name)(*map(unwrap, others)))

    return method


for _name in (
    *("add", "sub", "mul", "truediv", "pow", "matmul", "mod", "floordiv"),
    *("radd", "rsub", "rmul", "rtruediv", "rpow", "rmatmul", "rmod", "rfloordiv"),
    *("neg", "pos", "abs", "lt", "le", "gt", "ge", "eq", "ne", "and", "or", "xor", "rand", "ror", "rxor", "invert"),
):
    setattr(Duck, f"__{_name}__", _operator(f"__{_name}__"))


def _method(name: str) -> Any:
    def method(self: Duck, *args: Any, **kwargs: Any) -> Any:
        return wrap(getattr(self.inside, name)(*unwrap(args), **unwrap(kwargs)))

    return method


for _name in (
    *("sum", "mean", "max", "min", "prod", "cumsum", "cumprod", "reshape", "transpose", "swapaxes", "ravel", "astype"),
    *("copy", "conj", "squeeze", "repeat", "take", "any", "all", "argmax", "argmin", "argsort", "sort", "std", "var"),
    *("clip", "diagonal", "trace", "round", "nonzero"),
):
    setattr(Duck, _name, _method(_name))
