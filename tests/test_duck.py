"""Arrays that are not NumPy's go through the same rules: a strict duck array stands for a GPU's."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracles
import pytest
from duck import Duck
from oracles import Case, is_inexact, leaves, rebuild
from test_rules import ENTRIES, all_cases, case_of, quiet, title

import tinygrad_notes as tn

WITHOUT = {
    "logsumexp": "scipy.special.logsumexp turns its argument into a NumPy array (nn.logsumexp does not)",
    "expm": "scipy.linalg calls LAPACK on NumPy arrays",
    "logm": "scipy.linalg calls LAPACK on NumPy arrays",
    "sqrtm": "scipy.linalg calls LAPACK on NumPy arrays",
    "solve_triangular": "scipy.linalg calls LAPACK on NumPy arrays",
    "solve_sylvester": "scipy.linalg calls LAPACK on NumPy arrays",
}
"""Entries whose function takes NumPy's arrays alone, and why; every other name of the book takes any."""

SCIPYS = {"logsumexp": "tinygrad_notes.rules.special"}
"""Names that nn has too: the entry that is meant is of this module."""


def can_not(key: Any) -> bool:
    name = title(key)
    return name in WITHOUT and getattr(key, "__module__", "") == SCIPYS.get(name, getattr(key, "__module__", ""))


ALL = [
    pytest.param(key, k, id=f"{title(key)}-{k}")
    for key, cases in all_cases().items()
    if not can_not(key)
    for k, case in enumerate(cases)
    if case.inputs
]


def test_what_takes_numpy_arrays_alone_is_listed_and_still_so() -> None:
    """Six names, each refused loudly; a name that works now is to be taken off the list."""
    keys = [key for key in ENTRIES if can_not(key)]
    assert {title(key) for key in keys} == set(WITHOUT)
    for key in keys:
        case = case_of(key, 0)
        with pytest.raises(TypeError, match="implicit conversion"):
            case.on_tensors(*map(tn.Tensor, map(Duck, case.inputs)))


@pytest.mark.parametrize(("key", "k"), ALL)
def test_a_strict_duck_array_goes_through(key: Any, k: int, rng: np.random.Generator) -> None:
    """Value, gradient, tangent and second order are Ducks with NumPy's numbers: no rule left for an ndarray."""
    case = case_of(key, k)
    others = [
        Duck(x) if isinstance(x, np.ndarray) and x.ndim and not chosen else x
        for x, chosen in zip(leaves((case.args, case.kwargs)), case.slots, strict=True)
    ]
    args, kwargs = rebuild((case.args, case.kwargs), iter(others))
    ducks = Case(case.name, case.plain, case.recorded, args, kwargs)
    ducks.slots = case.slots
    with quiet():
        u = case.cotangent(rng)
        w = case.tangents(rng)
        wrapped = rebuild(u, iter([Duck(x) if is_inexact(x) else x for x in leaves(u)]))
        inputs, directions = [Duck(x) for x in case.inputs], tuple(Duck(x) for x in w)

        def second(case: Case, u: Any, w: Any, inputs: Any) -> Any:
            return tn.vjp(lambda *xs: oracles.gradient(case, u, *xs), *inputs)[1](w)

        for what, found, expected in (
            ("gradient", oracles.gradient(ducks, wrapped, *inputs), oracles.gradient(case, u)),
            ("second order", second(ducks, wrapped, directions, inputs), second(case, u, w, case.inputs)),
            ("tangent", leaves(tn.jvp(ducks.on_tensors, tuple(inputs), directions)[1]),
             leaves(tn.jvp(case.on_tensors, tuple(case.inputs), w)[1])),
        ):  # fmt: skip
            for a, b in zip(found, expected, strict=True):
                assert isinstance(a, Duck) or not np.ndim(b) or not np.any(b), (
                    f"{case.name}: {what} is {type(a).__name__}"
                )
                assert np.allclose(getattr(a, "inside", a), b, rtol=1e-10, atol=1e-12, equal_nan=True), what
