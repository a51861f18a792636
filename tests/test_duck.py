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
from tinygrad_notes.rules import Rule

NETWORKS_ARE_MADE_OF = {
    *("np.sum", "np.mean", "np.max", "np.min", "np.amax", "np.amin", "np.var", "np.std", "np.cumsum", "np.ptp"),
    *(
        "np.reshape",
        "np.ravel",
        "np.transpose",
        "np.swapaxes",
        "np.moveaxis",
        "np.expand_dims",
        "np.squeeze",
        "np.tile",
    ),
    *("np.broadcast_to", "np.split", "np.flip", "np.roll", "np.tril", "np.triu", "np.diag", "np.diagonal", "np.trace"),
    *("np.matmul", "np.dot", "np.vdot", "np.inner", "np.outer", "np.tensordot", "np.kron", "np.clip", "np.where"),
    *("np.linalg.inv", "np.linalg.solve", "np.linalg.det", "np.linalg.slogdet", "np.linalg.qr", "np.sort"),
    *("np.take_along_axis", "np.logaddexp.outer", "np.add.reduce", "np.maximum.reduce", "np.add.outer"),
    *("np.fft.fft", "np.fft.ifft", "np.fft.fft2"),
}


def is_promised(key: Any) -> bool:
    entry = ENTRIES[key]
    elementwise = isinstance(entry, Rule) and entry.elementwise and getattr(np, title(key)[3:], None) is key
    return elementwise or title(key) in NETWORKS_ARE_MADE_OF


PROMISED = [
    pytest.param(key, k, id=f"{title(key)}-{k}")
    for key, cases in all_cases().items()
    if is_promised(key)
    for k, case in enumerate(cases)
    if case.inputs and "where" not in case.kwargs
]


def test_every_promised_name_is_in_the_book() -> None:
    assert {title(key) for key in ENTRIES} >= NETWORKS_ARE_MADE_OF


@pytest.mark.parametrize(("key", "k"), PROMISED)
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
