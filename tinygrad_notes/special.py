"""SciPy's functions of Tensors and arrays, as in ``tn.special.logsumexp(t)``.

The ufuncs are SciPy's own (``tn.special.erf is scipy.special.erf``) and work on Tensors under both names. The others
are made here, because SciPy's turn a Tensor into an array before NumPy's protocols are asked.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .arguments import need_count, need_numbers
from .errors import BadInputError, NoRuleError, ShapeError, missing_extra, user_line
from .failures import operation_failed

try:
    from scipy.special import (
        beta,
        betainc,
        betaln,
        dawsn,
        digamma,
        entr,
        erf,
        erfc,
        erfcinv,
        erfcx,
        erfinv,
        exp1,
        expi,
        expit,
        gamma,
        gammainc,
        gammaincc,
        gammaln,
        huber,
        i0,
        i0e,
        i1,
        i1e,
        iv,
        ive,
        j0,
        j1,
        jv,
        k0,
        k1,
        kl_div,
        kv,
        log_expit,
        log_ndtr,
        loggamma,
        logit,
        ndtr,
        ndtri,
        pseudo_huber,
        rel_entr,
        rgamma,
        xlog1py,
        xlogy,
        y0,
        y1,
        yv,
    )
except ImportError as _error:
    raise missing_extra("scipy", "scipy", "tn.special") from _error

from .rules import special as chapter
from .rules.book import Array, is_tracked, untracked
from .rules.by_value import as_one_call
from .rules.linear_algebra import array, conjugate

__all__ = [
    "beta",
    "betainc",
    "betaln",
    "block_diag",
    "cho_solve",
    "dawsn",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp1",
    "expi",
    "expit",
    "expm",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammaln",
    "huber",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "iv",
    "ive",
    "j0",
    "j1",
    "jv",
    "k0",
    "k1",
    "kl_div",
    "kv",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "loggamma",
    "logit",
    "logm",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "pseudo_huber",
    "rel_entr",
    "rgamma",
    "softmax",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
    "toeplitz",
    "xlog1py",
    "xlogy",
    "y0",
    "y1",
    "yv",
]


def logsumexp(a: Array, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Array:
    """``ln Σ b eᵃ`` without overflow, as ``scipy.special.logsumexp``.

    Parameters
    ----------
    a : Tensor or array_like
    axis : int or tuple of int, optional
        Summed axes; all by default.
    b : Tensor or array_like, optional
        Weights.
    keepdims : bool
    return_sign : bool
        Not supported: raises.

    Raises
    ------
    NoRuleError
        For ``return_sign=True``.

    Examples
    --------
    >>> float(logsumexp(np.array([1000.0, 1000.0])))
    1000.6931471805599
    """
    if return_sign:
        raise NoRuleError(f"logsumexp of a Tensor has no return_sign=: keep the weights b positive.{user_line()}")
    need_numbers("logsumexp", a, *(() if b is None else (b,)))
    a = array(a)
    if b is not None and np.shape(b) != a.shape:
        try:
            shape = np.broadcast_shapes(np.shape(b), a.shape)
        except ValueError as error:
            operation_failed("logsumexp", error, a, b)
        a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
    return chapter.logsumexp(a, b, axis, keepdims)


def softmax(x: Array, axis: Any = None) -> Array:
    """``eˣ / Σ eˣ`` without overflow, as ``scipy.special.softmax``.

    Parameters
    ----------
    x : Tensor or array_like
    axis : int or tuple of int, optional
        Summed axes; all by default.

    Examples
    --------
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    need_numbers("softmax", x)
    return chapter.softmax(array(x), axis)


def log_softmax(x: Array, axis: Any = None) -> Array:
    """``x − ln Σ eˣ`` without overflow, as ``scipy.special.log_softmax``.

    Parameters
    ----------
    x : Tensor or array_like
    axis : int or tuple of int, optional
        Summed axes; all by default.

    Examples
    --------
    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    need_numbers("log_softmax", x)
    return chapter.log_softmax(array(x), axis)


def polygamma(n: int, x: Array) -> Array:
    """The n-th derivative of the digamma function, as ``scipy.special.polygamma``.

    Parameters
    ----------
    n : int or array_like of int
    x : Tensor or array_like
        Real.

    Raises
    ------
    NoRuleError
        For an `n` that is to be differentiated.

    Examples
    --------
    >>> round(float(polygamma(1, np.array(1.0))), 6)
    1.644934
    """
    if is_tracked(n):
        raise NoRuleError(f"polygamma has no derivative in its order n: pass a number, int(n.item()).{user_line()}")
    need_numbers("polygamma", n, x)
    return chapter.polygamma(n, array(x))


def multigammaln(a: Array, d: int) -> Array:
    """``ln Γ_d(a) = d(d−1)/4 ln π + Σ ln Γ(a − i/2)``, as ``scipy.special.multigammaln``.

    Parameters
    ----------
    a : Tensor or array_like
        Greater than (d − 1)/2.
    d : int
        At least 1.

    Raises
    ------
    BadInputError
        Outside of this domain.

    Examples
    --------
    >>> round(float(multigammaln(2.0, 2)), 6)
    0.451583
    """
    need_numbers("multigammaln", a)
    a, d = array(a), need_count("d", d, 1)
    _in_the_domain(untracked(a), d)
    y = gammaln(a)
    for i in range(1, d):
        y = y + gammaln(a - i / 2)
    return y + d * (d - 1) / 4 * float(np.log(np.pi))


@partial(as_one_call, check=True)
def _in_the_domain(a: Array, d: int) -> Array:
    if np.any(a <= (d - 1) / 2):
        raise BadInputError(f"multigammaln with d={d} takes numbers greater than {(d - 1) / 2}.{user_line()}")
    return a


def solve_triangular(a: Array, b: Array, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Array:
    """The x of ``A x = b`` for a triangular A, as ``scipy.linalg.solve_triangular``.

    Parameters
    ----------
    a : Tensor or array_like
        Only the triangle that `lower` names is read.
    b : Tensor or array_like
        A vector or a matrix.
    trans : {0, 1, 2, "N", "T", "C"}
        Solve with A, Aᵀ or Aᴴ.
    lower : bool
    unit_diagonal : bool
        Take the diagonal as ones.

    Raises
    ------
    BadInputError
        For another `trans`.

    Examples
    --------
    >>> solve_triangular(np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([4.0, 8.0]))
    array([1., 2.])
    """
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise BadInputError(f"trans= is 0, 1, 2, 'N', 'T' or 'C', not {trans!r}.{user_line()}")
    a = array(a)
    if trans in (2, "C"):
        a = conjugate(a)
    return chapter.triangular(a, array(b), trans not in (0, "N"), lower, unit_diagonal)


def cho_solve(c_and_lower: tuple[Array, bool], b: Array) -> Array:
    """The x of ``A x = b`` from A's Cholesky factor, as ``scipy.linalg.cho_solve``.

    Parameters
    ----------
    c_and_lower : tuple of (Tensor or array_like, bool)
        The factor (``np.linalg.cholesky``) and whether it is the lower one.
    b : Tensor or array_like

    Examples
    --------
    >>> cho_solve((np.linalg.cholesky(np.array([[4.0, 0.0], [0.0, 1.0]])), True), np.array([4.0, 2.0]))
    array([1., 2.])
    """
    if not isinstance(c_and_lower, (tuple, list)) or len(c_and_lower) != 2:
        raise BadInputError(f"cho_solve takes the factor and which one it is, cho_solve((c, True), b).{user_line()}")
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(c, solve_triangular(c, b, first, lower), second, lower)


def solve_sylvester(a: Array, b: Array, q: Array) -> Array:
    """The X of ``A X + X B = Q``, as ``scipy.linalg.solve_sylvester``.

    Parameters
    ----------
    a, b, q : Tensor or array_like
        Matrices.

    Examples
    --------
    >>> solve_sylvester(np.eye(1), np.eye(1), np.array([[6.0]]))
    array([[3.]])
    """
    return chapter.solve_sylvester(array(a), array(b), array(q))


def expm(a: Array) -> Array:
    """The exponential of a matrix, as ``scipy.linalg.expm``.

    Parameters
    ----------
    a : Tensor or array_like
        Square; leading axes are a batch.

    Examples
    --------
    >>> expm(np.zeros((2, 2)))
    array([[1., 0.],
           [0., 1.]])
    """
    return chapter.expm(array(a))


def logm(a: Array) -> Array:
    """The logarithm of a matrix, as ``scipy.linalg.logm``.

    Parameters
    ----------
    a : Tensor or array_like
        Square.

    Examples
    --------
    >>> np.round(np.real(logm(np.eye(2))), 12) + 0.0
    array([[0., 0.],
           [0., 0.]])
    """
    return chapter.logm(array(a))


def sqrtm(a: Array) -> Array:
    """The square root of a matrix, as ``scipy.linalg.sqrtm``.

    Parameters
    ----------
    a : Tensor or array_like
        Square and invertible.

    Examples
    --------
    >>> sqrtm(np.diag([4.0, 9.0]))
    array([[2., 0.],
           [0., 3.]])
    """
    return chapter.sqrtm(array(a))


def block_diag(*arrays: Array) -> Array:
    """The arrays along the diagonal, zeros elsewhere, as ``scipy.linalg.block_diag``.

    Parameters
    ----------
    *arrays : Tensor or array_like
        Of at most two axes.

    Raises
    ------
    ShapeError
        For more axes.

    Examples
    --------
    >>> block_diag(np.ones((1, 2)), 3.0)
    array([[1., 1., 0.],
           [0., 0., 3.]])
    """
    need_numbers("block_diag", *arrays)
    blocks = [np.atleast_2d(x) for x in arrays]
    if any(x.ndim > 2 for x in blocks):
        raise ShapeError(f"block_diag takes arrays of at most two axes.{user_line()}")
    columns = sum(x.shape[1] for x in blocks)
    rows, before = [], 0
    for x in blocks:
        height, width = x.shape
        left, right = np.zeros((height, before), x.dtype), np.zeros((height, columns - before - width), x.dtype)
        rows.append(np.concatenate([left, x, right], axis=1))
        before += width
    return np.concatenate(rows, axis=0)


def toeplitz(c: Array, r: Any = None) -> Array:
    """The matrix of constant diagonals, as ``scipy.linalg.toeplitz``.

    Parameters
    ----------
    c : Tensor or array_like
        First column.
    r : Tensor or array_like, optional
        First row; its first entry is ignored. By default c conjugated.

    Raises
    ------
    ShapeError
        For more than one axis.

    Examples
    --------
    >>> toeplitz(np.array([1.0, 2.0]), np.array([1.0, 5.0, 6.0]))
    array([[1., 5., 6.],
           [2., 1., 5.]])
    """
    need_numbers("toeplitz", c, *(() if r is None else (r,)))
    c = np.atleast_1d(array(c))
    r = conjugate(c) if r is None else np.atleast_1d(array(r))
    if c.ndim > 1 or r.ndim > 1:
        raise ShapeError(f"toeplitz of {c.shape} and {r.shape}: give a column and a row, np.ravel(c).{user_line()}")
    try:
        offset = np.arange(c.shape[0])[:, None] - np.arange(r.shape[0])
    except MemoryError as error:
        operation_failed("toeplitz", error, c, r)
    return np.concatenate([c, r[1:]])[np.where(offset >= 0, offset, c.shape[0] - 1 - offset)]
