"""SciPy: ``scipy.optimize.minimize`` of a function of containers of arrays, with exact derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import BadInputError, missing_extra, user_line
from ..failures import need_function
from ..transforms import grad, hvp, value_and_grad
from .flat import Flat

__all__ = ["minimize"]

WITH_PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")
WITH_HESSIAN = ("dogleg", "trust-exact")
WITHOUT_GRADIENT = ("nelder-mead", "powell", "cobyla", "cobyqa")


def minimize(
    f: Callable[..., Any],
    x0: Any,
    args: tuple[Any, ...] = (),
    method: str | None = None,
    *,
    bounds: Any = None,
    **options: Any,
) -> Any:
    """Minimise ``f(x, *args)`` over a container of arrays.

    The gradient is exact; methods that use second derivatives (Newton-CG, trust-ncg, trust-krylov, trust-constr) get
    Hessian times vector, dogleg and trust-exact the Hessian, put together from such products.

    Parameters
    ----------
    f : callable
        Returns one number; plain NumPy inside.
    x0 : container of arrays
        Where to start; it is not changed.
    args : tuple
        Further arguments, not differentiated.
    method : str, optional
        One of SciPy's.
    bounds : tuple of two containers, optional
        Lower and upper bounds, each of x0's structure (or one number for all).
    **options
        Handed on: tol, callback, constraints, options. `callback` is given x as a container.

    Returns
    -------
    scipy.optimize.OptimizeResult
        With ``x`` and ``jac`` as containers of x0's structure.

    Raises
    ------
    BadInputError
        If ``jac=``, ``hess=`` or ``hessp=`` are given: they are computed.
    NotScalarError
        If `f` does not return one number.
    MissingExtraError
        Without SciPy.

    Examples
    --------
    >>> result = minimize(lambda p: (p["a"] - 3) ** 2 + np.sum((p["b"] - p["a"]) ** 2), {"a": 0.0, "b": np.zeros(2)})
    >>> bool(result.success), round(float(result.x["a"]), 4), result.x["b"].round(4)
    (True, 3.0, array([3., 3.]))
    """
    try:
        from scipy.optimize import Bounds, minimize
    except ImportError as error:
        raise missing_extra("scipy", "scipy", "tn.interop.scipy") from error
    given = {"jac", "hess", "hessp"}.intersection(options)
    if given:
        raise BadInputError(f"{', '.join(sorted(given))}= is computed here; use scipy.optimize itself.{user_line()}")
    need_function("minimize", f)
    flat = Flat(x0)
    name = (method or "").lower()

    def value_and_slope(vector: Any) -> Any:
        value, slope = both(flat.unravel(vector), *args)
        return float(value), flat.ravel(slope)

    def product(vector: Any, direction: Any) -> Any:
        return flat.ravel(hvp(lambda x: f(x, *args), (flat.unravel(vector),), (flat.unravel(direction),))[0])

    def hessian(vector: Any) -> Any:
        return np.stack([product(vector, unit) for unit in np.eye(flat.size)])

    both = value_and_grad(f)
    settings = dict(options)
    if name not in WITHOUT_GRADIENT:
        settings["jac"] = True
    if name in WITH_PRODUCTS:
        settings["hessp"] = product
    if name in WITH_HESSIAN:
        settings["hess"] = hessian
    if "callback" in settings:
        settings["callback"] = _on_containers(settings["callback"], flat)
    if bounds is not None:
        low, high = (np.full(flat.size, b) if isinstance(b, (int, float)) else flat.ravel(b) for b in bounds)
        settings["bounds"] = Bounds(low, high)
    target = value_and_slope if "jac" in settings else lambda vector: float(f(flat.unravel(vector), *args))
    result = minimize(target, flat.ravel(x0), method=method, **settings)
    result.x = flat.unravel(result.x)
    if "jac" in result and np.size(result.jac) == flat.size:
        result.jac = flat.unravel(np.ravel(result.jac))
    else:
        result.jac = grad(f)(result.x, *args)
    return result


def _on_containers(callback: Callable[..., Any], flat: Flat) -> Callable[..., Any]:
    def called(vector: Any, *rest: Any) -> Any:
        return callback(flat.unravel(vector), *rest)

    return called
