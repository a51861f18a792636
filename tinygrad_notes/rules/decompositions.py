"""Inverses, equations, determinants and decompositions. Gradients of complex matrices are conjugated, as in PyTorch.

What is not a function of the matrix has no derivative, and a loss should not depend on it:

* the phase of a complex eigenvector or singular vector. The rules differentiate what LAPACK computes: for ``eig`` the
  largest entry of each vector is real, for ``eigh`` the first (``UPLO="U"``: the last), for ``svd`` the first of ``V``
  (of ``U`` for wide matrices);
* the vectors of equal eigenvalues or singular values. Their gradient divides by the difference: inf or NaN;
* the columns that ``svd(full_matrices=True)`` and ``qr(mode="complete")`` add to make a square matrix. A loss that
  turns with them raises.

The gradients of ``inv``, ``solve`` and ``slogdet`` are infinite where the matrix is singular: LinAlgError, which the
first two raise themselves. ``det`` is smooth there, and has its gradient.

``cholesky``, ``eigh``, ``eigvalsh`` read one triangle of their matrix, so the gradient is in that triangle: an entry of
it stands for its mirror image too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .book import Array, Rule, beside, call, composite, one_axis, rule
from .by_value import anywhere
from .linear_algebra import adjoint, array, conjugate, transposed
from .structure import Parts

# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _columns(x: Array) -> Array:
    """Numbers, one per column, as a row to multiply a matrix with."""
    return x[..., None, :]


def _diagonal(x: Array) -> Array:
    return np.diagonal(x, axis1=-2, axis2=-1)


def _diagonal_matrix(x: Array) -> Array:
    return _columns(x) * beside(np.eye(x.shape[-1], dtype=x.dtype), x)


def _times_inverse(x: Array, a: Array) -> Array:
    """``X A⁻ᴴ``."""
    return adjoint(np.linalg.solve(a, adjoint(x)))


def _in_triangle(g: Array, upper: bool = False) -> Array:
    """The gradient of a Hermitian matrix, gathered in the triangle that is read."""
    both = g + adjoint(g)
    return (np.triu(both, 1) if upper else np.tril(both, -1)) + _diagonal_matrix(np.real(_diagonal(g)))


def _differences(values: Array) -> Array:
    """``λⱼ − λᵢ``, with 1 on the diagonal."""
    return values[..., None, :] - values[..., :, None] + beside(np.eye(values.shape[-1], dtype=values.dtype), values)


def _fixed_phase(g: Array, vectors: Array, turn: Array, which: Array) -> Array:
    """The cotangent of vectors whose entry `which` (a mask) stays real; `turn`: the loss's slope in their phase."""
    entry = np.real(np.sum(vectors * which, axis=-2))
    return g - 1j * _columns(turn / np.where(entry == 0, 1, entry)) * which


def _row(vectors: Array, k: int) -> Array:
    """A mask of row k."""
    n = vectors.shape[-2]
    return beside((np.arange(n) == k % n)[:, None] if n else np.zeros((0, 1), bool), vectors)


def _given(g: Parts, i: int) -> bool:
    """Whether any gradient came back through result i."""
    return g.values[i] is not None


def _only_spanned(g: Array, basis: Array, name: str, instead: str) -> None:
    """Raise where the loss turns with an arbitrary basis: ``Bᴴ g`` must be Hermitian."""
    twist = adjoint(basis) @ g
    skew = np.abs(twist - adjoint(twist))
    if np.any(skew > np.sqrt(np.finfo(basis.dtype).eps) * np.max(np.abs(g), initial=0)):
        from ..errors import NoRuleError, user_line

        raise NoRuleError(
            f"{name}: the loss depends on which basis was chosen for the columns that only complete a square matrix; "
            f"there is no derivative. Use {instead}, or what all such bases agree on (U @ U.T).{user_line()}"
        )


def _regular(a: Array) -> Array:
    """A sample matrix far from singular ones."""
    n = a.shape[-1]
    return a / n + 3 * np.eye(n, dtype=a.dtype)


def _definite(a: Array) -> Array:
    """A sample positive definite matrix."""
    return a @ adjoint(a) + np.eye(a.shape[-2], dtype=a.dtype)


def _spread(a: Array) -> Array:
    """A sample matrix with eigenvalues and singular values well apart."""
    return a / 4 + np.eye(*a.shape[-2:], dtype=a.dtype) * (1 + np.arange(a.shape[-1]))


# ── inverses and equations ───────────────────────────────────────────────────────────────────────────────────────

rule(np.linalg.inv, "Y = A⁻¹:  ∂J/∂A = −Yᵀ g Yᵀ",
     lambda g, y, _a: -(transposed(y) @ g @ transposed(y)),
     samples=lambda draw: [call(_regular(draw(3, 3))), call(_regular(draw(2, 3, 3))), call(draw(0, 0))])  # fmt: skip


def _solve_b(g: Array, a: Array, b: Array) -> Array:
    """``A⁻ᵀ g``; a right-hand side with one axis is a vector, any other a stack of matrices."""
    if b.ndim == 1:
        return np.linalg.solve(transposed(a), g[..., None])[..., 0]
    return np.linalg.solve(transposed(a), g)


def _solve_a(g: Array, y: Array, a: Array, b: Array) -> Array:
    back = _solve_b(g, a, b)
    if b.ndim == 1:
        return -back[..., :, None] * y[..., None, :]
    return -back @ transposed(y)


rule(np.linalg.solve, "A Y = B:  ∂J/∂B = A⁻ᵀ g,  ∂J/∂A = −(A⁻ᵀ g) Yᵀ",
     lambda g, y, a, _b: _solve_a(g, y, a, _b),
     lambda g, _y, a, _b: _solve_b(g, a, _b),
     samples=lambda draw: [call(_regular(draw(3, 3)), draw(3)), call(_regular(draw(3, 3)), draw(3, 2)),
                           call(_regular(draw(2, 3, 3)), draw(2, 3, 1)), call(_regular(draw(2, 3, 3)), draw(3)),
                           call(_regular(draw(3, 3)), draw(2, 3, 2)),
                           call(_regular(draw(5, 1, 3, 3)), draw(2, 3, 2))])  # fmt: skip


def _pinv(a: Array, rcond: Any, hermitian: bool) -> Array:
    return np.linalg.pinv(a, rcond=rcond, hermitian=hermitian)


def _pinv_pullback(g: Array, y: Array, a: Array) -> Array:
    gh, yh = adjoint(g), adjoint(y)
    back = -yh @ g @ yh
    rows = gh - a @ (y @ gh)  # (I − A Y) gᴴ: 0 if the rows of A are independent
    columns = gh - (gh @ y) @ a  # gᴴ (I − Y A): 0 if the columns are
    return back + (rows @ y) @ yh + yh @ (y @ columns)


pinv: Rule = rule(_pinv, "Y = A⁺:  ∂J/∂A = −Yᴴ g Yᴴ + (I − A Y) gᴴ Y Yᴴ + Yᴴ Y gᴴ (I − Y A)",
     lambda g, y, a, rcond=None, hermitian=False: _pinv_pullback(g, y, a),
     name="pinv", holomorphic=False,
     samples=lambda draw: [call(_spread(draw(3, 3)), None, False), call(_spread(draw(4, 3)), None, False)])  # fmt: skip


@composite(
    np.linalg.pinv,
    "see pinv",
    samples=lambda draw: [
        call(_spread(draw(3, 3))),
        call(_spread(draw(4, 3))),
        call(_spread(draw(2, 2, 3))),
        call(_definite(draw(3, 3)), hermitian=True),
    ],
)
def _np_pinv(a: Array, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    a = array(a)
    if hermitian and a.size:  # the lower triangle is read
        a = np.tril(a, -1) + adjoint(np.tril(a, -1)) + _diagonal_matrix(np.real(_diagonal(a)))
    return pinv(a, rcond if rtol is None else rtol, hermitian)


@composite(
    np.linalg.lstsq,
    "x = A⁺ b, the residuals ‖b − A x‖², rank, singular values",
    samples=lambda draw: [
        call(_spread(draw(4, 3)), draw(4)),
        call(_spread(draw(4, 3)), draw(4, 2)),
        call(_spread(draw(2, 3)), draw(2)),
        call(_spread(draw(3, 3)), draw(3, 2)),
        call(_spread(draw(4, 3)), draw(4), rcond=1e-8),
    ],
)
def _lstsq(a: Array, b: Array, rcond: Any = None) -> Any:
    a, b = array(a), array(b)
    dtype = np.result_type(a.dtype, b.dtype)
    a, b = np.astype(a, dtype), np.astype(b, dtype)
    rows, columns = a.shape
    if rcond is None:
        rcond = max(a.shape) * np.finfo(a.dtype).eps
    x = pinv(a, rcond, False) @ b
    s = np.linalg.svdvals(a)
    rank = int(np.sum(s > rcond * np.max(s, initial=0)))
    left = b - a @ x
    if rank == columns < rows:
        residuals = np.sum(np.real(left * conjugate(left)), axis=0, keepdims=b.ndim == 1)
    else:
        residuals = np.zeros(0, s.dtype)
    return x, residuals, rank, s


@composite(
    np.linalg.tensorsolve,
    "Σ A[…, k] Y[k] = B: solve, with the axes of A gathered into two",
    samples=lambda draw: [
        call(_regular(draw(6, 6)).reshape(2, 3, 6), draw(2, 3)),
        call(_regular(draw(6, 6)).reshape(2, 3, 3, 2), draw(2, 3)),
        call(np.moveaxis(_regular(draw(6, 6)).reshape(2, 3, 6), 2, 0), draw(2, 3), axes=(0,)),
        call(draw(1) + 3, draw(1, 1)),
    ],
)
def _tensorsolve(a: Array, b: Array, axes: Any = None) -> Array:
    a, b = array(a), array(b)
    if axes is not None:
        last = [one_axis(axis, a.ndim) for axis in axes]
        a = np.transpose(a, ([k for k in range(a.ndim) if k not in last] + last))
    shape = a.shape[-(a.ndim - b.ndim) :]  # as NumPy slices, also where A has no axes beyond B's
    rows = a.size // b.size if b.size else 0
    return np.linalg.solve(a.reshape(rows, b.size), b.reshape(b.size)).reshape(shape)


@composite(
    np.linalg.tensorinv,
    "Y such that tensordot(Y, A, ind) is the identity",
    samples=lambda draw: [
        call(_regular(draw(6, 6)).reshape(2, 3, 6)),
        call(_regular(draw(6, 6)).reshape(6, 3, 2), ind=1),
    ],
)
def _tensorinv(a: Array, ind: int = 2) -> Array:
    if ind <= 0:
        raise ValueError(f"tensorinv: ind counts the first axes, 1 or more, not {ind}")
    a = array(a)
    rows = int(np.prod(a.shape[:ind]))
    return np.linalg.inv(a.reshape(rows, -1)).reshape(a.shape[ind:] + a.shape[:ind])


# ── determinants ─────────────────────────────────────────────────────────────────────────────────────────────────


def _cofactors(y: Array, a: Array) -> Array:
    """``det(A) A⁻ᵀ``, which a singular matrix has too: then from the singular values, each left out once."""
    if not anywhere(y == 0):
        return y[..., None, None] * transposed(np.linalg.inv(a))
    u, s, vh = np.linalg.svd(a)
    others = np.prod(np.where(beside(np.eye(s.shape[-1], dtype=bool), s), 1, _columns(s)), axis=-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return sign[..., None, None] * (conjugate(u * _columns(others)) @ conjugate(vh))


rule(np.linalg.det, "y = det A:  ∂J/∂A = g det(A) A⁻ᵀ",
     lambda g, y, a: g[..., None, None] * _cofactors(y, a),
     samples=lambda draw: [call(draw(3, 3)), call(draw(2, 2, 2)), call(draw(1, 1)), call(draw(0, 0))])  # fmt: skip


def _slogdet(a: Array) -> tuple[Array, ...]:
    return tuple(np.linalg.slogdet(a))


def _slogdet_pullback(g: Parts, y: Parts, a: Array) -> Array:
    slope = g[1]
    if np.iscomplexobj(a):  # the sign is on the unit circle: it turns with Im tr A⁻¹ dA
        slope = slope + np.imag(g[0] * np.conj(y[0])) * 1j
    return slope[..., None, None] * adjoint(np.linalg.inv(a))


slogdet: Rule = rule(_slogdet, "s, l = det A / |det A|, ln |det A|:  ∂J/∂A = g_l A⁻ᵀ",
     lambda g, y, a: _slogdet_pullback(g, y, a), name="slogdet", holomorphic=False,
     samples=lambda draw: [call(draw(3, 3)), call(draw(2, 2, 2))])  # fmt: skip

SlogdetResult: Any = type(np.linalg.slogdet(np.eye(1)))


@composite(np.linalg.slogdet, "see slogdet", samples=lambda draw: [call(draw(3, 3)), call(draw(2, 2, 2))])
def _np_slogdet(a: Array) -> Any:
    return SlogdetResult(*slogdet(a))


# ── Cholesky and QR ──────────────────────────────────────────────────────────────────────────────────────────────


def _cholesky(a: Array) -> Array:
    return np.linalg.cholesky(a)


def _cholesky_pullback(g: Array, y: Array) -> Array:
    inner = adjoint(y) @ g
    inner = np.tril(inner, -1) + _diagonal_matrix(np.real(_diagonal(inner)) / 2)
    yh = adjoint(y)
    return _in_triangle(adjoint(np.linalg.solve(yh, adjoint(np.linalg.solve(yh, inner)))))


cholesky: Rule = rule(_cholesky, "A = L Lᴴ:  ∂J/∂A = L⁻ᴴ Φ(Lᴴ g) L⁻¹, Φ: the lower triangle, half the diagonal",
     lambda g, y, _a: _cholesky_pullback(g, y), name="cholesky", holomorphic=False,
     samples=lambda draw: [call(_definite(draw(3, 3))), call(_definite(draw(2, 3, 3)))])  # fmt: skip


@composite(
    np.linalg.cholesky,
    "see cholesky",
    samples=lambda draw: [
        call(_definite(draw(3, 3))),
        call(_definite(draw(2, 3, 3))),
        call(_definite(draw(3, 3)), upper=True),
    ],
)
def _np_cholesky(a: Array, /, *, upper: bool = False) -> Array:
    return adjoint(cholesky(adjoint(a))) if upper else cholesky(a)


def _qr(a: Array, mode: Any) -> tuple[Array, ...]:
    return tuple(np.linalg.qr(a, mode))


def _qr_pullback(g: Parts, y: Parts, a: Array) -> Array:
    """``dQ = (I − Q Qᴴ) dA R⁻¹ + Q Ω`` and ``dR = (Qᴴ dA R⁻¹ − Ω) R`` with Ω skew; here is the transpose of that."""
    n = a.shape[-1]
    q, r, gq, gr = y[0][..., :n], y[1][..., :n, :], g[0][..., :n], g[1][..., :n, :]
    from_r = gr @ adjoint(r)
    inner = adjoint(q) @ gq
    skew = inner - from_r
    turn = np.tril(skew - adjoint(skew), -1)
    if np.iscomplexobj(skew):
        turn = turn + 1j * _diagonal_matrix(np.imag(_diagonal(skew)))
    back = gq + q @ (from_r + turn - inner)
    if y[0].shape[-1] > n:
        extra, g_extra = y[0][..., n:], g[0][..., n:]
        _only_spanned(g_extra, extra, "qr(mode='complete')", "mode='reduced'")
        back = back - extra @ (adjoint(g_extra) @ q)
    return _times_inverse(back, r)


qr: Rule = rule(_qr, "A = Q R:  ∂J/∂A = (g_Q + Q (tril-skew(Qᴴ g_Q − g_R Rᴴ) + g_R Rᴴ − Qᴴ g_Q)) R⁻ᴴ",
     lambda g, y, _a, mode="reduced": _qr_pullback(g, y, _a), name="qr", holomorphic=False,
     samples=lambda draw: [call(draw(4, 3), "reduced"), call(_spread(draw(2, 3, 3)), "complete")])  # fmt: skip

QRResult: Any = type(np.linalg.qr(np.eye(1)))


@composite(
    np.linalg.qr,
    "see qr; a wide A = [A₁ A₂] is Q [R₁ Qᴴ A₂]",
    samples=lambda draw: [
        call(draw(4, 3)),
        call(draw(3, 3)),
        call(_spread(draw(2, 3, 5))),
        call(draw(4, 3), "r"),
        call(_spread(draw(3, 4)), "r"),
        call(draw(3, 3), mode="complete"),
        call(_spread(draw(3, 4)), mode="complete"),
    ],
)
def _np_qr(a: Array, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete", "r"):
        from ..errors import NoRuleError, user_line

        raise NoRuleError(f"qr of a Tensor takes mode 'reduced', 'complete' or 'r', not {mode!r}.{user_line()}")
    rows, columns = a.shape[-2:]
    if rows >= columns:
        q, r = qr(a, "complete" if mode == "complete" else "reduced")
    else:
        q, left = qr(a[..., :rows], "reduced")
        r = np.concatenate([left, adjoint(q) @ a[..., rows:]], axis=-1)
    return r if mode == "r" else QRResult(q, r)


# ── singular values ──────────────────────────────────────────────────────────────────────────────────────────────


def _svd(a: Array, full_matrices: bool) -> tuple[Array, ...]:
    return tuple(np.linalg.svd(a, full_matrices=full_matrices))


def _svd_pullback(g: Parts, y: Parts, a: Array) -> Array:
    k = min(a.shape[-2:])
    s = y[1]
    u, vh = y[0][..., :k], y[2][..., :k, :]
    if not _given(g, 0) and not _given(g, 2):
        return (u * _columns(g[1])) @ vh
    v, gu, gv = adjoint(vh), g[0][..., :k], adjoint(g[2][..., :k, :])
    if np.iscomplexobj(a):
        turn = np.imag(np.sum(np.conj(u) * gu, axis=-2) + np.sum(np.conj(v) * gv, axis=-2))
        if a.shape[-2] >= a.shape[-1]:
            gv = _fixed_phase(gv, v, turn, _row(v, 0))
        else:
            gu = _fixed_phase(gu, u, turn, _row(u, 0))
    inner_u, inner_v = adjoint(u) @ gu, adjoint(v) @ gv
    gaps = _differences(s * s)
    inner = _columns(s) * ((inner_u - adjoint(inner_u)) / gaps) + s[..., :, None] * (
        (inner_v - adjoint(inner_v)) / gaps
    )
    inner = inner + _diagonal_matrix(g[1])
    if np.iscomplexobj(a):
        phase = np.imag(_diagonal(inner_u))
        inner = inner - _diagonal_matrix(_diagonal(inner)) + _diagonal_matrix(g[1] + 1j * phase / s)
    back = u @ inner @ vh
    rest_u = _outside(gu, u, inner_u, g[0], y[0], k)
    if rest_u is not None:
        back = back + (rest_u / _columns(s)) @ vh
    rest_v = _outside(gv, v, inner_v, adjoint(g[2]), adjoint(y[2]), k)
    if rest_v is not None:
        back = back + (u / _columns(s)) @ adjoint(rest_v)
    return back


def _outside(g: Array, basis: Array, inner: Array, g_all: Array, all_columns: Array, k: int) -> Array | None:
    """The part of a cotangent that is orthogonal to the singular vectors, completing columns included."""
    if basis.shape[-2] == k:
        return None
    rest = g - basis @ inner
    if all_columns.shape[-1] > k:
        extra, g_extra = all_columns[..., k:], g_all[..., k:]
        _only_spanned(g_extra, extra, "svd(full_matrices=True)", "full_matrices=False")
        rest = rest - extra @ (adjoint(g_extra) @ basis)
    return rest


svd: Rule = rule(_svd, "A = U S Vᴴ:  ∂J/∂A = U (skew(Uᴴg_U)/E S + S skew(Vᴴg_V)/E + g_S) Vᴴ + …,  E = sⱼ² − sᵢ²",
     lambda g, y, _a, full_matrices=True: _svd_pullback(g, y, _a), name="svd", holomorphic=False,
     samples=lambda draw: [call(_spread(draw(3, 3)), True), call(_spread(draw(4, 3)), False),
                           call(_spread(draw(2, 2, 3)), False)])  # fmt: skip

SVDResult: Any = type(np.linalg.svd(np.eye(1)))


@composite(
    np.linalg.svd,
    "see svd",
    samples=lambda draw: [
        call(_spread(draw(3, 3))),
        call(_spread(draw(4, 3)), full_matrices=False),
        call(_spread(draw(2, 2, 3)), full_matrices=False),
        call(_spread(draw(4, 3)), compute_uv=False),
        call(_definite(draw(3, 3)) - 2 * np.eye(3), hermitian=True),
    ],
)
def _np_svd(a: Array, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    if hermitian:
        return _hermitian_svd(a, compute_uv)
    if not compute_uv:
        return np.linalg.svdvals(a)
    return SVDResult(*svd(a, full_matrices))


def _hermitian_svd(a: Array, compute_uv: bool) -> Any:
    """Of a Hermitian matrix: the eigenvalues' sizes; their signs go to V."""
    w, v = np.linalg.eigh(a)
    s, sign = np.abs(w), np.sign(w)
    order = np.argsort(s, axis=-1)[..., ::-1]
    s = np.take_along_axis(s, order, axis=-1)
    if not compute_uv:
        return s
    u = np.take_along_axis(v, order[..., None, :], axis=-1)
    vh = adjoint(u * np.take_along_axis(sign, order, axis=-1)[..., None, :])
    return SVDResult(u, s, vh)


@composite(
    np.linalg.svdvals,
    "the singular values:  ∂J/∂A = U g Vᴴ",
    samples=lambda draw: [call(_spread(draw(3, 3))), call(_spread(draw(2, 4, 3))), call(_spread(draw(2, 3)))],
)
def _svdvals(x: Array, /) -> Array:
    return svd(array(x), False)[1]


# ── eigenvalues ──────────────────────────────────────────────────────────────────────────────────────────────────


def _eigh(a: Array, UPLO: Any) -> tuple[Array, ...]:
    return tuple(np.linalg.eigh(a, UPLO))


def _eigh_pullback(g: Parts, y: Parts, UPLO: str) -> Array:
    w, v = y
    vh, upper = adjoint(v), UPLO.upper() == "U"
    if not _given(g, 1):
        return _in_triangle((v * _columns(g[0])) @ vh, upper)
    gv = g[1]
    if np.iscomplexobj(v):
        turn = np.imag(np.sum(np.conj(v) * gv, axis=-2))
        gv = _fixed_phase(gv, v, turn, _row(v, -1 if upper else 0))
    inner = (vh @ gv) / _differences(w)
    inner = inner - _diagonal_matrix(_diagonal(inner)) + _diagonal_matrix(g[0])
    return _in_triangle(v @ inner @ vh, upper)


eigh: Rule = rule(_eigh, "A = V diag(λ) Vᴴ:  ∂J/∂A = V (g_λ + Vᴴ g_V / E) Vᴴ in the triangle read,  E = λⱼ − λᵢ",
     lambda g, y, _a, UPLO="L": _eigh_pullback(g, y, UPLO), name="eigh", holomorphic=False,
     samples=lambda draw: [call(_definite(draw(3, 3)), "L"), call(_definite(draw(2, 3, 3)), "U")])  # fmt: skip

EighResult: Any = type(np.linalg.eigh(np.eye(1)))


@composite(
    np.linalg.eigh,
    "see eigh",
    samples=lambda draw: [call(_definite(draw(3, 3))), call(_definite(draw(2, 3, 3)), UPLO="U")],
)
def _np_eigh(a: Array, UPLO: str = "L") -> Any:
    return EighResult(*eigh(a, UPLO))


@composite(
    np.linalg.eigvalsh,
    "the eigenvalues:  ∂J/∂A = V g Vᴴ in the triangle read",
    samples=lambda draw: [call(_definite(draw(3, 3))), call(_definite(draw(2, 3, 3)), UPLO="U")],
)
def _eigvalsh(a: Array, UPLO: str = "L") -> Array:
    return eigh(array(a), UPLO)[0]


def _eig(a: Array) -> tuple[Array, ...]:
    return tuple(np.linalg.eig(a))


def _eig_pullback(g: Parts, y: Parts) -> Array:
    w, v = y
    vh = adjoint(v)
    if not _given(g, 1):
        return np.linalg.solve(vh, g[0][..., :, None] * vh)
    gv = g[1]
    if np.iscomplexobj(v) and v.shape[-1]:
        size = np.abs(v)
        largest = beside(np.arange(v.shape[-2])[:, None], v) == np.argmax(size, axis=-2)[..., None, :]
        gv = _fixed_phase(gv, v, np.imag(np.sum(np.conj(v) * gv, axis=-2)), largest)
    inner = vh @ gv
    inner = inner - (vh @ v) * _columns(np.real(_diagonal(inner)))  # a vector's length stays 1
    inner = inner / conjugate(_differences(w))
    inner = inner - _diagonal_matrix(_diagonal(inner)) + _diagonal_matrix(g[0])
    return np.linalg.solve(vh, inner @ vh)


eig: Rule = rule(_eig, "A V = V diag(λ):  ∂J/∂A = V⁻ᴴ (g_λ + (Vᴴ g_V − Vᴴ V Re diag(Vᴴ g_V)) / Ē) Vᴴ,  E = λⱼ − λᵢ",
     lambda g, y, _a: _eig_pullback(g, y), name="eig", holomorphic=False,
     samples=lambda draw: [call(_spread(draw(3, 3))), call(draw(2, 3, 3))])  # fmt: skip

EigResult: Any = type(np.linalg.eig(np.eye(1)))


@composite(np.linalg.eig, "see eig", samples=lambda draw: [call(_spread(draw(3, 3))), call(draw(2, 3, 3))])
def _np_eig(a: Array) -> Any:
    return EigResult(*eig(a))


@composite(
    np.linalg.eigvals,
    "the eigenvalues:  ∂J/∂A = V⁻ᴴ g Vᴴ",
    samples=lambda draw: [call(_spread(draw(3, 3))), call(draw(2, 3, 3))],
)
def _eigvals(a: Array) -> Array:
    return eig(array(a))[0]
