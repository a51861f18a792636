"""`check_gradient` and `assert_gradient`: whether the gradient derived by hand is the gradient of the function.

Three ways to the same numbers are compared on random inputs of random, pairwise different sizes: yours, autodiff's,
and numerical differences. Everything is drawn, the bias and λ too: usual start values hide mistakes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import BadInputError
from ..failures import names_line, need_function
from .checking import Check
from .draws import recipe_for
from .report import GradientError, Report

__all__ = ["assert_gradient", "check_gradient"]


@names_line
def assert_gradient(
    f: Callable[..., Any],
    grad: Any,
    *args: Any,
    shapes: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    wrt: Any = None,
    dims: Any = None,
    seed: int = 0,
    max_examples: int = 20,
    rtol: float | None = None,
    atol: float | None = None,
    order: int = 1,
    dtype: Any = np.float64,
    diagnose: bool = True,
    repair: bool = True,
    verbose: bool = False,
    artefacts: str | os.PathLike[str] | None = None,
) -> None:
    """Raise a `GradientError` unless `grad` computes the gradient of `f`.

    Takes what `check_gradient` takes; returns None, like the assertions of ``numpy.testing``.

    Raises
    ------
    GradientError
        If the gradient is wrong, or can't be judged; ``error.report`` is the `Report`.

    Examples
    --------
    >>> def cost(w, x):
    ...     return np.sum((w * x) ** 2)
    >>> assert_gradient(cost, lambda w, x: {"dw": 2 * w * x**2}, shapes={"w": "n", "x": "n"})
    >>> try:
    ...     assert_gradient(cost, lambda w, x: {"dw": 2 * w * x}, shapes={"w": "n", "x": "n"}, diagnose=False)
    ... except AssertionError as error:
    ...     print(error)
    dw is wrong in the lambda.
      right when x = 1.
      smallest failing case: n=1
        w = [1]   x = [-1]
        dw: yours [-2]   correct [2]   numerical [2]
    """
    __tracebackhide__ = True
    report = check_gradient(
        f,
        grad,
        *args,
        shapes=shapes,
        given=given,
        wrt=wrt,
        dims=dims,
        seed=seed,
        max_examples=max_examples,
        rtol=rtol,
        atol=atol,
        order=order,
        dtype=dtype,
        diagnose=diagnose,
        repair=repair,
        verbose=verbose,
        artefacts=artefacts,
    )
    if not report:
        raise GradientError(report)


@names_line
def check_gradient(
    f: Callable[..., Any],
    grad: Any,
    *args: Any,
    shapes: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    wrt: Any = None,
    dims: Any = None,
    seed: int = 0,
    max_examples: int = 20,
    rtol: float | None = None,
    atol: float | None = None,
    order: int = 1,
    dtype: Any = np.float64,
    diagnose: bool = True,
    repair: bool = True,
    verbose: bool = False,
    artefacts: str | os.PathLike[str] | None = None,
) -> Report:
    """Compare a gradient derived by hand with autodiff and with numerical differences.

    Parameters
    ----------
    f : callable
        Returns one real number; plain NumPy inside. If it can't be traced, numerical differences judge alone.
    grad : callable, or gradients
        Returns f's gradients by hand: a dict (``"dW"`` or ``"W"``), a tuple, one array, a dataclass, a container
        built like the argument. It is called with f's arguments by name; a parameter that is no argument of `f` gets
        f's local variable of that name, and ``cache`` all of them. With concrete arrays it may be the gradients
        themselves.
    *args : array_like or containers of them
        Concrete inputs. Or else:
    shapes : dict of str to str
        A shape for every argument of `f`: ``"n m"``, ``"3 k"``, ``""`` for a number; a dict of shapes for a
        container. Every symbol gets its own size, different in every case, and in the end each is 1 once.
    given : dict, optional
        What an argument's values are like: `bits`, `onehot`, `positive`, `distinct`, a function
        ``(rng, shape, dims)``, a range ``(low, high)``, a fixed value. Standard normal otherwise.
    wrt : str or list of str, optional
        The inputs whose gradients are wanted: ``"W b"``. By default those that `grad` returns.
    dims : int, list or dict, optional
        The sizes to draw from, for all symbols or for each; then no others are tried.
    seed : int
        Reproduces a check bit for bit.
    max_examples : int
        How many random cases to compare; the first wrong ones end it.
    rtol, atol : float, optional
        Allowed difference relative to the gradient's norm (1e-9 in float64, 2e-5 in float32) and absolute per entry.
    order : {1, 2}
        2 also differentiates `grad` itself by autodiff and compares that with differences of it.
    dtype : dtype
        Of the drawn inputs. `f` is always judged in float64.
    diagnose, repair : bool
        Look for the likely slip, and for a one-line change that makes it right.
    verbose : bool
        Add the sizes of the differences to the notes.
    artefacts : path, optional
        A directory to save the failing case in, as a web page, an ``.npz`` and a ten-line program.

    Returns
    -------
    Report
        True when right.

    Raises
    ------
    BadInputError
        If the call itself makes no sense: a name that is no argument, a result whose entries can't be told apart.
    NotScalarError
        If `f` doesn't return one number: that is `assert_vjp`'s work.

    Examples
    --------
    >>> report = check_gradient(lambda x: np.sum(x**3), lambda x: 3 * x**2, np.array([1.0, 2.0]))
    >>> report.verdict, report.right
    ('right', ['dx'])
    """
    need_function("check_gradient", f)
    if order not in (1, 2):
        raise BadInputError(f"order={order}: 1 checks the gradient, 2 its derivative too; there is no other")
    if max_examples < 1:
        raise BadInputError(f"max_examples={max_examples}: at least 1")
    recipe = recipe_for(f, args, shapes, given, dims, dtype)
    by_hand = grad if callable(grad) else _constant(grad, args)
    check = Check(f, by_hand, recipe, wrt, seed, max_examples, rtol, atol)
    check.run()
    return check.finished(order, diagnose, repair, verbose, artefacts)


def _constant(gradients: Any, args: tuple[Any, ...]) -> Callable[..., Any]:
    if not args:
        raise BadInputError("grad= must be a function when shapes are drawn; gradients themselves need concrete arrays")

    def given_gradients(*_args: Any) -> Any:
        return gradients

    return given_gradients
