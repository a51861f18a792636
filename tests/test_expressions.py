"""Formulas on the command line: what they compute, and what is no formula."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError
from tinygrad_notes.expressions import parse

A, B = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.5, -1.0])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-a", -A),
        ("+a - -b", A + B),
        ("einsum('ij,j->i', a, b)", A @ B),
        ("reshape(a, (4, 1))", A.reshape(4, 1)),
        ("reshape(a, -1)", A.reshape(-1)),
        ("stack((b, b))", np.stack((B, B))),
        ("concatenate((a, a), axis=1)", np.concatenate((A, A), 1)),
        ("sum(a, axis=0, keepdims=True)", A.sum(0, keepdims=True)),
        ("a.T @ b", A.T @ B),
        ("2*pi", 2 * np.pi),
        ("a[0] * b[1]", A[0] * B[1]),
    ],
)
def test_values(text, wanted):
    values = parse(f"J = {text} + 0*sum(a)*sum(b)").run({"a": Tensor(A), "b": Tensor(B)})
    np.testing.assert_allclose(values["J"].data, wanted, rtol=1e-14)


@pytest.mark.parametrize(
    "text",
    [
        "~a",
        "not a",
        "a if b else a",
        "[a, b]",
        "a.dtype",
        "(lambda: 1)()",
        "f'{a}'",
        "a < b",
        "sum(a, axis='x')",
        "sum(a, axis=b)",
        "sum(a, **b)",
        "a = b = 3",
        "a.x = 3",
        "import os",
    ],
)
def test_what_is_no_formula(text):
    with pytest.raises(BadInputError):
        parse(text)
