"""Convolution and pooling of images ``(N, C, H, W)``: examples, channels, height, width.

All of it rests on one linear map: `unfold` lays out, for each place of the window, the numbers under it; `fold` is
its transpose and adds them back. A convolution is then one matrix product, ``Z = W · columns + b``, and a pooling one
maximum or mean. The columns are many times larger than the image, so they are made again for the backward step
rather than kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..arguments import need_count, need_numbers
from ..errors import BadInputError, ShapeError, describe, user_line
from ..failures import what_is
from ..rules import call, rule
from ..rules.book import untracked
from . import init
from .layer import SETTING, Layer

__all__ = ["AvgPool2d", "Conv2d", "MaxPool2d", "avg_pool2d", "conv2d", "fold", "max_pool2d", "to_columns", "unfold"]

Array = Any
Pair = tuple[int, int]


def _pair(value: int | Pair, name: str = "size", least: int = 1) -> Pair:
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise BadInputError(f"{name} is a whole number, or two, (down, across), not {what_is(value)}.{user_line()}")
    return need_count(name, pair[0], least), need_count(name, pair[1], least)


def _stride(value: int | Pair) -> Pair:
    return _pair(value, "stride")


def _padding(value: int | Pair) -> Pair:
    return _pair(value, "padding", 0)


def _dilation(value: int | Pair) -> Pair:
    return _pair(value, "dilation")


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


def _need_images(x: Array) -> None:
    need_numbers("images", x)
    if np.ndim(untracked(x)) != 4:
        raise ShapeError(f"images are (N, C, H, W), not {describe(x)}.{user_line()}")


def _padded(x: Array, padding: Pair, fill: float) -> Array:
    """The images with a frame of `fill` around them; themselves where there is no padding."""
    up, left = padding
    if not (up or left):
        return x
    N, C, H, W = x.shape
    padded = np.full_like(x, fill, shape=(N, C, H + 2 * up, W + 2 * left))
    padded[:, :, up : up + H, left : left + W] = x
    return padded


def _unfold(x: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, fill: float) -> Array:
    _need_images(x)
    places = _places(x.shape, size, stride, padding, dilation)
    padded = _padded(x, padding, fill)
    columns = np.empty_like(x, shape=(x.shape[1], *size, x.shape[0], *places), order="C")
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
    return _unfold_rule(x, _pair(size), _stride(stride), _padding(padding), _dilation(dilation), fill)


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


def _rows(g: Array) -> Array:
    """(N, filters, down, across) as one row per filter."""
    return g.transpose(1, 0, 2, 3).reshape(g.shape[1], -1)


def _columns(x: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """`unfold` as a matrix: one column per place, one row per number under the window."""
    columns = _unfold_rule(x, size, stride, padding, dilation, 0.0)
    return columns.reshape(columns.shape[0] * size[0] * size[1], -1)


def _conv2d(x: Array, W: Array, b: Array | None, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    size = (W.shape[2], W.shape[3])
    places = _places(x.shape, size, stride, padding, dilation)
    Z = W.reshape(W.shape[0], -1) @ _columns(x, size, stride, padding, dilation)
    if b is not None:
        Z += b.reshape(-1, 1)
    return Z.reshape(W.shape[0], x.shape[0], *places).transpose(1, 0, 2, 3)


def _conv2d_x(g: Array, x: Array, W: Array, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    filters, channels, down, across = W.shape
    columns = W.reshape(filters, -1).T @ _rows(g)
    shape = (channels, down, across, x.shape[0], *g.shape[2:])
    return fold(columns.reshape(shape), x.shape, (down, across), stride, padding, dilation)


def _conv2d_W(g: Array, x: Array, W: Array, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    return (_rows(g) @ _columns(x, (W.shape[2], W.shape[3]), stride, padding, dilation).T).reshape(W.shape)


_conv2d_rule = rule(
    _conv2d, "Z = W · columns + b:  ∂J/∂x = fold(Wᵀ g),  ∂J/∂W = g · columnsᵀ,  ∂J/∂b = Σ g",
    lambda g, _y, _x, W, _b, stride, padding, dilation: _conv2d_x(g, _x, W, stride, padding, dilation),
    lambda g, _y, x, _W, _b, stride, padding, dilation: _conv2d_W(g, x, _W, stride, padding, dilation),
    lambda g, _y, _x, _W, _b, _stride, _padding, _dilation: np.sum(g, axis=(0, 2, 3)),
    name="conv2d",
    samples=lambda draw: [
        call(draw(2, 3, 5, 4), draw(2, 3, 2, 3), draw(2), (1, 1), (0, 0), (1, 1)),
        call(draw(1, 2, 6, 5), draw(3, 2, 2, 2), draw(3), (2, 1), (1, 0), (2, 1)),
        call(draw(2, 1, 4, 4), draw(1, 1, 3, 3), None, (1, 1), (1, 1), (1, 1))])  # fmt: skip


def _max_pool2d(x: Array, size: Pair, stride: Pair, padding: Pair) -> Array:
    padded = _padded(x, padding, -np.inf)
    places = _places(x.shape, size, stride, padding, (1, 1))
    y = np.full_like(x, -np.inf, shape=(*x.shape[:2], *places))
    for _, _, window in _windows(places, size, stride, (1, 1)):
        np.maximum(y, padded[window], out=y)
    return y


def _max_pool2d_pullback(g: Array, y: Array, x: Array, size: Pair, stride: Pair, padding: Pair) -> Array:
    """The gradient to the largest number under each place; equal ones share it."""
    largest = _unfold_rule(x, size, stride, padding, (1, 1), -np.inf) == y.swapaxes(0, 1)[:, None, None]
    share = g / largest.sum(axis=(1, 2)).swapaxes(0, 1).astype(g.dtype)
    return fold(largest * share.swapaxes(0, 1)[:, None, None], x.shape, size, stride, padding)


_max_pool2d_rule = rule(
    _max_pool2d, "the largest number under each place of the window:  g to it, ties share equally",
    lambda g, y, x, size, stride, padding: _max_pool2d_pullback(g, y, x, size, stride, padding),
    name="max_pool2d", holomorphic=False,
    samples=lambda draw: [call(draw(2, 3, 4, 6), (2, 2), (2, 2), (0, 0)),
                          call(draw(1, 2, 5, 5), (3, 2), (2, 1), (1, 1))])  # fmt: skip


def _avg_pool2d(x: Array, size: Pair, stride: Pair, padding: Pair) -> Array:
    padded = _padded(x, padding, 0.0)
    places = _places(x.shape, size, stride, padding, (1, 1))
    y = np.zeros_like(x, shape=(*x.shape[:2], *places))
    for _, _, window in _windows(places, size, stride, (1, 1)):
        y += padded[window]
    return y / (size[0] * size[1])


def _avg_pool2d_pullback(g: Array, x: Array, size: Pair, stride: Pair, padding: Pair) -> Array:
    """Each number under a place gets an equal part of its gradient."""
    part = (g / (size[0] * size[1])).swapaxes(0, 1)[:, None, None]
    return fold(np.broadcast_to(part, (x.shape[1], *size, *part.shape[3:])), x.shape, size, stride, padding)


_avg_pool2d_rule = rule(
    _avg_pool2d, "the mean of the numbers under each place of the window:  g in equal parts to them",
    lambda g, _y, _x, size, stride, padding: _avg_pool2d_pullback(g, _x, size, stride, padding),
    name="avg_pool2d", linear="jointly",
    samples=lambda draw: [call(draw(2, 3, 4, 6), (2, 2), (2, 2), (0, 0)),
                          call(draw(1, 2, 5, 5), (3, 2), (2, 1), (1, 1))])  # fmt: skip


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
    need_numbers("conv2d", x, W)
    if np.ndim(untracked(x)) != 4 or np.ndim(untracked(W)) != 4 or x.shape[1] != W.shape[1]:
        raise ShapeError(
            f"conv2d of images {np.shape(untracked(x))} with W {np.shape(untracked(W))}: images are (N, C, H, W) and "
            f"W is (filters, C, height, width).{user_line()}"
        )
    return _conv2d_rule(x, W, b, _stride(stride), _padding(padding), _dilation(dilation))


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
    _need_images(x)
    return _max_pool2d_rule(x, _pair(size), _stride(size if stride is None else stride), _padding(padding))


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
    _need_images(x)
    return _avg_pool2d_rule(x, _pair(size), _stride(size if stride is None else stride), _padding(padding))


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
        self.stride, self.padding, self.dilation = (
            _stride(stride),
            _padding(padding),
            _dilation(dilation),
        )

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
