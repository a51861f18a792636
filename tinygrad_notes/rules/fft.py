"""Fourier transforms. The matrix of a transform is symmetric, so its pullback is the same transform of the gradient.

Real signals: ``rfft`` keeps half of the spectrum, since the other half mirrors it. So ``irfft`` counts each entry of
the half twice, except the first and, for even lengths, the last, which are their own mirror images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .book import Array, beside, call, composite, rule
from .linear_algebra import array

OTHER_NORM: dict[str | None, Any] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": "backward"}
"""Which norm the adjoint transform has."""


def _resized(g: Array, shape: tuple[int, ...]) -> Array:
    """Cropped where the transform had padded with zeros, padded where it had cropped."""
    if g.shape == shape:
        return g
    g = g[tuple(slice(0, n) for n in shape)]
    missing = [(0, n - m) for n, m in zip(shape, g.shape, strict=True)]
    return np.pad(g, missing) if any(after for _, after in missing) else g


def _variants(draw: Any) -> list[Any]:
    return [call(draw(5)), call(draw(3, 4)), call(draw(4, 3), axis=0), call(draw(5), n=3), call(draw(4), n=7),
            call(draw(3, 4), 6, 0, "ortho"), call(draw(5), norm="forward"), call(draw(4), norm="backward")]  # fmt: skip


rule(np.fft.fft, "Y = F a:  ∂J/∂a = F g",
     lambda g, _y, _a, n=None, axis=-1, norm=None: _resized(np.fft.fft(g, None, axis, norm), _a.shape),
     linear="jointly", samples=_variants)  # fmt: skip
rule(np.fft.ifft, "Y = F⁻¹ a:  ∂J/∂a = F⁻¹ g",
     lambda g, _y, _a, n=None, axis=-1, norm=None: _resized(np.fft.ifft(g, None, axis, norm), _a.shape),
     linear="jointly", samples=_variants)  # fmt: skip

# ── several axes ─────────────────────────────────────────────────────────────────────────────────────────────────


def _variants_2(draw: Any) -> list[Any]:
    return [call(draw(3, 4)), call(draw(2, 3, 4)), call(draw(3, 4), axes=(0, 1), norm="ortho"),
            call(draw(3, 4), s=(4, 2), axes=(0, 1)), call(draw(2, 3, 4), (2, 5), (0, 2), "forward"),
            call(draw(3, 4), s=(-1, 6), axes=(0, 1))]  # fmt: skip


def _variants_n(draw: Any) -> list[Any]:
    return [*_variants_2(draw), call(draw(5)), call(draw(2, 3, 4), axes=(1,))]


def _axes(a: Any, s: Sequence[int] | None, axes: Sequence[int] | None) -> tuple[int, ...]:
    if axes is not None:
        return tuple(axes)
    return tuple(range(a.ndim)) if s is None else tuple(range(-len(s), 0))


def _last_size(a: Array, s: Sequence[int] | None, axes: tuple[int, ...]) -> int | None:
    """The length that `s` asks for along the last axis; −1 leaves it as it is."""
    if s is None:
        return None
    return a.shape[axes[-1]] if s[-1] == -1 else s[-1]


rule(np.fft.fftn, "Y = F a along several axes:  ∂J/∂a = F g",
     lambda g, _y, _a, s=None, axes=None, norm=None: _resized(
         np.fft.fftn(g, axes=_axes(_a, s, axes), norm=norm), _a.shape),
     linear="jointly", samples=_variants_n)  # fmt: skip
rule(np.fft.ifftn, "Y = F⁻¹ a along several axes:  ∂J/∂a = F⁻¹ g",
     lambda g, _y, _a, s=None, axes=None, norm=None: _resized(
         np.fft.ifftn(g, axes=_axes(_a, s, axes), norm=norm), _a.shape),
     linear="jointly", samples=_variants_n)  # fmt: skip


@composite(np.fft.fft2, "see fftn", samples=_variants_2)
def _fft2(a: Array, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Array:
    return np.fft.fftn(a, s, axes, norm, out)


@composite(np.fft.ifft2, "see ifftn", samples=_variants_2)
def _ifft2(a: Array, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Array:
    return np.fft.ifftn(a, s, axes, norm, out)


# ── real signals ─────────────────────────────────────────────────────────────────────────────────────────────────


def _twice(size: int, n: int, axis: int, like: Array) -> Array:
    """How often a signal of length n counts each entry of its half spectrum, along `axis`."""
    count = np.full(size, 2, like.real.dtype)
    count[0] = 1
    if n % 2 == 0:
        count[-1] = 1
    return beside(count.reshape((-1,) + (1,) * (like.ndim - 1 - axis % like.ndim)), like)


def _rfft_pullback(g: Array, shape: tuple[int, ...], n: int | None, axis: int, norm: str | None) -> Array:
    n = shape[axis] if n is None else n
    halved = g / _twice(g.shape[axis], n, axis, g)
    return _resized(np.fft.irfft(halved, n, axis, OTHER_NORM[norm]), shape)


rule(np.fft.rfft, "Y = half of F a, a real:  ∂J/∂a = Re Fᴴ g",
     lambda g, _y, _a, n=None, axis=-1, norm=None: _rfft_pullback(g, _a.shape, n, axis, norm),
     linear="jointly", holomorphic=False,
     samples=lambda draw: [call(np.real(x), *rest, **options) for (x, *rest), options in _variants(draw)])  # fmt: skip


def _irfft_pullback(g: Array, shape: tuple[int, ...], axis: int, norm: str | None) -> Array:
    spectrum = np.fft.rfft(g, None, axis, OTHER_NORM[norm])
    return _resized(spectrum * _twice(spectrum.shape[axis], g.shape[axis], axis, spectrum), shape)


rule(np.fft.irfft, "y = the real signal of half a spectrum:  ∂J/∂a = F g, each entry with a mirror image twice",
     lambda g, _y, _a, n=None, axis=-1, norm=None: _irfft_pullback(g, _a.shape, axis, norm),
     linear="jointly", holomorphic=False,
     samples=lambda draw: [*_variants(draw), call(draw(4), n=6), call(draw(4), n=5), call(draw(3), n=1)])  # fmt: skip


@composite(
    np.fft.rfftn,
    "rfft along the last axis, fft along the others",
    samples=lambda draw: [call(np.real(x), *rest, **options) for (x, *rest), options in _variants_n(draw)],
)
def _rfftn(a: Array, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Array:
    a = array(a)
    axes = _axes(a, s, axes)
    y = np.fft.rfft(a, _last_size(a, s, axes), axes[-1], norm, out)
    return np.fft.fftn(y, None if s is None else s[:-1], axes[:-1], norm) if len(axes) > 1 else y


@composite(np.fft.irfftn, "ifft along all axes but the last, irfft along that", samples=_variants_n)
def _irfftn(a: Array, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Array:
    a = array(a)
    axes = _axes(a, s, axes)
    if len(axes) > 1:
        a = np.fft.ifftn(a, None if s is None else s[-2::-1], axes[-2::-1], norm)  # NumPy's order of the axes
    return np.fft.irfft(a, _last_size(a, s, axes), axes[-1], norm, out)


@composite(
    np.fft.rfft2,
    "see rfftn",
    samples=lambda draw: [call(np.real(x), *rest, **options) for (x, *rest), options in _variants_2(draw)],
)
def _rfft2(a: Array, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Array:
    return np.fft.rfftn(a, s, axes, norm, out)


@composite(np.fft.irfft2, "see irfftn", samples=_variants_2)
def _irfft2(a: Array, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Array:
    return np.fft.irfftn(a, s, axes, norm, out)


@composite(np.fft.hfft, "y = irfft ā without its scale", samples=_variants)
def _hfft(a: Array, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Array:
    a = array(a)
    return np.fft.irfft(np.conj(a), (a.shape[axis] - 1) * 2 if n is None else n, axis, OTHER_NORM[norm], out)


@composite(
    np.fft.ihfft,
    "Y = the conjugate of rfft a with a scale",
    samples=lambda draw: [call(np.real(x), *rest, **options) for (x, *rest), options in _variants(draw)],
)
def _ihfft(a: Array, n: int | None = None, axis: int = -1, norm: Any = None, out: None = None) -> Array:
    return np.conj(np.fft.rfft(a, n, axis, OTHER_NORM[norm], out))


# ── order of the spectrum ────────────────────────────────────────────────────────────────────────────────────────

rule(
    np.fft.fftshift,
    "zero frequency to the middle:  g shifted back",
    lambda g, _y, _x, axes=None: np.fft.ifftshift(g, axes),
    linear="jointly",
    samples=lambda draw: [call(draw(5)), call(draw(4, 3)), call(draw(4, 3), axes=0), call(draw(2, 3), axes=(0, 1))],
)
rule(
    np.fft.ifftshift,
    "zero frequency to the start:  g shifted back",
    lambda g, _y, _x, axes=None: np.fft.fftshift(g, axes),
    linear="jointly",
    samples=lambda draw: [call(draw(5)), call(draw(4, 3)), call(draw(4, 3), axes=0), call(draw(2, 3), axes=(0, 1))],
)
