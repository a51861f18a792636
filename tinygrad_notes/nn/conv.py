"""Convolution and pooling of images ``(N, C, H, W)``: examples, channels, height, width.

The whole of it is one linear primitive: `unfold` lays out, for each place of the window, the numbers under it;
`fold` is its transpose and adds them back. A convolution is then one matrix product, ``Z = W · columns + b``, and a
pooling one maximum or mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import ShapeError, describe, user_line
from ..rules import call, rule
from . import init
from .layer import SETTING, Layer

__all__ = ["AvgPool2d", "Conv2d", "MaxPool2d", "avg_pool2d", "conv2d", "fold", "max_pool2d", "to_columns", "unfold"]

Array = Any
Pair = tuple[int, int]


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _places(shape: tuple[int, ...], size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """How often the window fits, down and across."""
    down, across = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(shape[2:], size, stride, padding, dilation, strict=True)
    )
    if down < 1 or across < 1:
        raise ShapeError(f"a window of {size} does not fit into an image of {tuple(shape[2:])}.{user_line()}")
    return down, across


def _windows(places: Pair, size: Pair, stride: Pair, dilation: Pair) -> Iterator[tuple[int, int, Any]]:
    """For each entry (i, j) of the window: where in the padded image it lies, over all places."""
    for i in range(size[0]):
        for j in range(size[1]):
            down, across = (
                slice(k * d, k * d + s * (n - 1) + 1, s)
                for k, d, s, n in zip((i, j), dilation, stride, places, strict=True)
            )
            yield i, j, (slice(None), slice(None), down, across)


def _unfold(x: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, fill: float) -> Array:
    if x.ndim != 4:
        raise ShapeError(f"images are (N, C, H, W), not {describe(x)}.{user_line()}")
    N, C, H, W = x.shape
    places = _places(x.shape, size, stride, padding, dilation)
    (up, left), padded = padding, x
    if up or left:
        padded = np.full_like(x, fill, shape=(N, C, H + 2 * up, W + 2 * left))
        padded[:, :, up : up + H, left : left + W] = x
    columns = np.empty_like(x, shape=(C, *size, N, *places), order="C")
    for i, j, window in _windows(places, size, stride, dilation):
        columns[:, i, j] = padded[window].swapaxes(0, 1)
    return columns


def _fold(columns: Array, shape: tuple[int, ...], size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    N, C, H, W = shape
    up, left = padding
    padded = np.zeros_like(columns, shape=(C, N, H + 2 * up, W + 2 * left), order="C").swapaxes(0, 1)
    for i, j, window in _windows(columns.shape[4:], size, stride, dilation):
        padded[window] += columns[:, i, j].swapaxes(0, 1)
    return padded[:, :, up : up + H, left : left + W]


_unfold_rule = rule(
    _unfold, "the numbers under each place of the window:  ∂J/∂x = fold(g), added back where they came from",
    lambda g, _y, _x, size, stride, padding, dilation, _fill: fold(g, _x.shape, size, stride, padding, dilation),
    name="unfold",
    samples=lambda draw: [call(draw(2, 3, 5, 4), (2, 3), (1, 1), (0, 0), (1, 1), 0.0),
                          call(draw(1, 2, 6, 5), (2, 2), (2, 1), (1, 1), (2, 1), 0.0)])  # fmt: skip

_fold_rule = rule(
    _fold, "the transpose of unfold:  ∂J/∂columns = unfold(g)",
    lambda g, _y, _columns, _shape, size, stride, padding, dilation: _unfold_rule(
        g, size, stride, padding, dilation, 0.0),
    name="fold", linear="jointly",
    samples=lambda draw: [
        call(draw(3, 2, 3, 2, 4, 2), (2, 3, 5, 4), (2, 3), (1, 1), (0, 0), (1, 1))])  # fmt: skip


def unfold(
    x: Array,
    size: int | Pair,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    fill: float = 0.0,
) -> Array:
    """Lay out the numbers under each place of a moving window.

    Parameters
    ----------
    x : array or Tensor, shape (N, C, H, W)
    size, stride, padding, dilation : int or (down, across)
    fill : float
        What the padding holds.

    Returns
    -------
    array or Tensor, shape (C, window height, window width, N, places down, places across)

    Raises
    ------
    ShapeError
        If `x` hasn't four axes, or the window doesn't fit.

    Examples
    --------
    >>> unfold(np.arange(9.0).reshape(1, 1, 3, 3), 2)[0, :, :, 0, 0, 0]
    array([[0., 1.],
           [3., 4.]])
    """
    return _unfold_rule(x, _pair(size), _pair(stride), _pair(padding), _pair(dilation), fill)


def fold(
    columns: Array, shape: tuple[int, ...], size: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> Array:  # fmt: skip
    """Add what `unfold` laid out back to where it came from (its transpose).

    Parameters
    ----------
    columns : array or Tensor
        Of `unfold`'s shape.
    shape : tuple
        (N, C, H, W) of the images.
    size, stride, padding, dilation : (down, across)

    Examples
    --------
    >>> fold(unfold(np.ones((1, 1, 3, 3)), 2), (1, 1, 3, 3), (2, 2))[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    return _fold_rule(columns, shape, size, stride, padding, dilation)


def conv2d(
    x: Array,
    W: Array,
    b: Array | None = None,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
) -> Array:
    """Two-dimensional convolution (cross-correlation, as everywhere), as one matrix product.

    Parameters
    ----------
    x : array or Tensor, shape (N, C, H, W)
    W : array or Tensor, shape (filters, C, height, width)
    b : array or Tensor, shape (filters,), optional
    stride, padding, dilation : int or (down, across)

    Returns
    -------
    array or Tensor, shape (N, filters, places down, places across)

    Raises
    ------
    ShapeError
        If the channels differ, or the window doesn't fit.

    Examples
    --------
    >>> conv2d(np.arange(9.0).reshape(1, 1, 3, 3), np.ones((1, 1, 2, 2)))[0, 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    filters, channels, *size = W.shape
    if x.ndim != 4 or x.shape[1] != channels:
        raise ShapeError(
            f"conv2d of images {tuple(x.shape)} with W {tuple(W.shape)}: images are (N, C, H, W) and "
            f"W is (filters, C, height, width).{user_line()}"
        )
    columns = unfold(x, (size[0], size[1]), stride, padding, dilation)
    N, down, across = columns.shape[3:]
    Z = W.reshape(filters, -1) @ columns.reshape(W.size // filters, -1)
    if b is not None:
        Z = Z + b.reshape(filters, 1)
    return Z.reshape(filters, N, down, across).transpose(1, 0, 2, 3)


def max_pool2d(x: Array, size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Array:
    """The largest number under each place of the window; equal ones share the gradient.

    Parameters
    ----------
    x : array or Tensor, shape (N, C, H, W)
    size : int or (down, across)
    stride : int or (down, across), optional
        The window's size by default.
    padding : int or (down, across)
        Padded with −inf.

    Examples
    --------
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    columns = unfold(x, size, size if stride is None else stride, padding, fill=-np.inf)
    return np.max(columns, axis=(1, 2)).transpose(1, 0, 2, 3)


def avg_pool2d(x: Array, size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0) -> Array:
    """The mean of the numbers under each place of the window.

    Parameters
    ----------
    x : array or Tensor, shape (N, C, H, W)
    size : int or (down, across)
    stride : int or (down, across), optional
        The window's size by default.
    padding : int or (down, across)
        Padded with zeros, which count.

    Examples
    --------
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    columns = unfold(x, size, size if stride is None else stride, padding)
    return np.mean(columns, axis=(1, 2)).transpose(1, 0, 2, 3)


def to_columns(x: Array) -> Array:
    """Unroll images (N, C, H, W) into columns (C·H·W, N), the notes' ``X.reshape(m, -1).T``.

    Examples
    --------
    >>> to_columns(np.ones((5, 3, 2, 2))).shape
    (12, 5)
    """
    return x.reshape(x.shape[0], -1).T


@dataclass(init=False, repr=False, eq=False)
class Conv2d(Layer):
    """Convolution of images (N, C, H, W) with ``W`` (filters, C, height, width) and ``b`` (filters,).

    Parameters
    ----------
    channels, filters : int
    size : int or (down, across)
    rng : numpy.random.Generator
    stride, padding, dilation : int or (down, across)
    init : callable
        Start values of W, from `nn.init`.
    dtype : dtype

    Examples
    --------
    >>> conv = Conv2d(1, 6, 5, np.random.default_rng(0), padding=2)
    >>> conv(np.ones((2, 1, 8, 8))).shape
    (2, 6, 8, 8)
    """

    W: Array
    b: Array
    stride: Pair = field(metadata=SETTING)
    padding: Pair = field(metadata=SETTING)
    dilation: Pair = field(metadata=SETTING)

    def __init__(
        self,
        channels: int,
        filters: int,
        size: int | Pair,
        rng: Any,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        init: Callable[..., Array] = init.he,
        dtype: Any = np.float64,
    ) -> None:
        self.W = init((filters, channels, *_pair(size)), rng, dtype=dtype)
        self.b = np.zeros(filters, dtype)
        self.stride, self.padding, self.dilation = _pair(stride), _pair(padding), _pair(dilation)

    def __call__(self, x: Array) -> Array:
        """``conv2d(x, W, b)``."""
        return conv2d(x, self.W, self.b, self.stride, self.padding, self.dilation)


@dataclass(repr=False, eq=False)
class MaxPool2d(Layer):
    """The largest number under each place of the window.

    Parameters
    ----------
    size : int or (down, across)
    stride : int or (down, across), optional
        The window's size by default.
    padding : int or (down, across)

    Examples
    --------
    >>> MaxPool2d(2)(np.ones((2, 6, 8, 8))).shape
    (2, 6, 4, 4)
    """

    size: int | Pair = field(metadata=SETTING)
    stride: int | Pair | None = field(default=None, metadata=SETTING)
    padding: int | Pair = field(default=0, metadata=SETTING)

    def __call__(self, x: Array) -> Array:
        """``max_pool2d(x, size, stride, padding)``."""
        return max_pool2d(x, self.size, self.stride, self.padding)


@dataclass(repr=False, eq=False)
class AvgPool2d(Layer):
    """The mean of the numbers under each place of the window.

    Parameters
    ----------
    size : int or (down, across)
    stride : int or (down, across), optional
        The window's size by default.
    padding : int or (down, across)

    Examples
    --------
    >>> AvgPool2d(2)(np.ones((2, 6, 8, 8))).shape
    (2, 6, 4, 4)
    """

    size: int | Pair = field(metadata=SETTING)
    stride: int | Pair | None = field(default=None, metadata=SETTING)
    padding: int | Pair = field(default=0, metadata=SETTING)

    def __call__(self, x: Array) -> Array:
        """``avg_pool2d(x, size, stride, padding)``."""
        return avg_pool2d(x, self.size, self.stride, self.padding)
