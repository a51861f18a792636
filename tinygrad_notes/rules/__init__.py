"""The rule book: every function that can be differentiated, with its formula. Open `elementwise` first."""

from __future__ import annotations

from . import decompositions, einsum, elementwise, fft, linear_algebra, norms, reductions, roots, shapes, sorting
from .book import (
    BOOK,
    Composite,
    Op,
    Plain,
    Refusal,
    Rule,
    alias,
    call,
    composite,
    find,
    otherwise,
    plain,
    refuse,
    rule,
)
from .indexing import getitem, putitem
from .structure import Parts, identity, item

__all__ = [
    "BOOK",
    "Composite",
    "Op",
    "Parts",
    "Plain",
    "Refusal",
    "Rule",
    "alias",
    "call",
    "composite",
    "decompositions",
    "einsum",
    "elementwise",
    "fft",
    "find",
    "getitem",
    "identity",
    "item",
    "linear_algebra",
    "norms",
    "otherwise",
    "plain",
    "putitem",
    "reductions",
    "refuse",
    "roots",
    "rule",
    "shapes",
    "sorting",
]
