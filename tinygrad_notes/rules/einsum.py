"""``np.einsum``: one letter per axis, letters that the result lacks are summed.

``Y[out] = Σ A[in₁] B[in₂] …`` is linear in each operand, and its derivative is an einsum again: put the gradient in the
operand's place and ask for the operand's letters. Three things need care, each a line of `_pull`:

* a letter that is nowhere else (it was summed alone): every entry along it gets the same gradient;
* a letter that the operand has twice (``ii``): the gradient lives on the diagonal;
* an axis of length 1 that was stretched: the engine sums, as after any broadcasting.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .book import Array, Rule, beside, call, composite, plain, rule
from .linear_algebra import array

__all__ = ["einsum"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # NumPy's order: einsum(a, [0]) is einsum("A", a)


def _einsum(*arrays: Array, subscripts: str, optimize: Any = False) -> Array:
    return np.einsum(subscripts, *arrays, optimize=optimize)


def _pull(i: int, g: Array, arrays: tuple[Array, ...], subscripts: str, optimize: Any) -> Array:
    """dJ/d(operand i)."""
    inputs, out = subscripts.split("->")
    terms = inputs.split(",")
    mine = terms[i]
    others = [k for k in range(len(terms)) if k != i]
    spec, operands = [out, *(terms[k] for k in others)], [g, *(arrays[k] for k in others)]
    known = set("".join(spec))
    wanted, shape = [], []
    unused = (letter for letter in LETTERS if letter not in subscripts)
    for position, letter in enumerate(mine):
        if letter in mine[:position]:
            size = max(
                n
                for term, x in zip(terms, arrays, strict=True)
                for c, n in zip(term, x.shape, strict=True)
                if c == letter
            )
            twin = next(unused)
            spec.append(letter + twin)
            operands.append(beside(np.eye(size, dtype=g.dtype), g))
            known.add(letter)
            letter = twin
            known.add(twin)
        wanted.append(letter)
    present = [letter for letter in wanted if letter in known]
    path = optimize if isinstance(optimize, (bool, str)) else True
    pulled = einsum(*operands, subscripts=f"{','.join(spec)}->{''.join(present)}", optimize=path)
    sizes = iter(pulled.shape)
    shape = [next(sizes) if letter in known else 1 for letter in wanted]
    return pulled if len(present) == len(wanted) else pulled.reshape(tuple(shape))


einsum: Rule = rule(
    _einsum,
    "Y[out] = Σ A[in] …:  ∂J/∂A[in] = Σ g[out] …, the other operands in their places",
    lambda i, g, _y, *arrays, subscripts, optimize=False: _pull(i, g, arrays, subscripts, optimize),
    variadic=True,
    linear="each",
    name="einsum",
    samples=lambda draw: [
        call(draw(3, 4), draw(4, 2), subscripts="ij,jk->ik"),
        call(draw(3, 3), subscripts="ii->i"),
        call(draw(3, 3), subscripts="ii->"),
        call(draw(3, 4), subscripts="ij->j"),
    ],
)


def _written(item: Any) -> str:
    return "..." if item is Ellipsis else LETTERS[item]


def _as_string(operands: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """``einsum(a, [0, 1], b, [1], [0])`` as ``"AB,B->A"`` and the operands."""
    if isinstance(operands[0], str):
        return operands[0].replace(" ", ""), list(operands[1:])
    out = operands[-1] if len(operands) % 2 else None
    pairs = operands[: len(operands) // 2 * 2]
    text = ",".join("".join(map(_written, letters)) for letters in pairs[1::2])
    if out is not None:
        text += "->" + "".join(map(_written, out))
    return text, list(pairs[::2])


def _explicit(text: str, ndims: list[int]) -> str:
    """The subscripts with a letter in place of each axis of ``...``, and with an output."""
    inputs, arrow, out = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"{len(terms)} groups of subscripts in {text!r} for {len(ndims)} operands")
    spare = [letter for letter in LETTERS if letter not in text]
    hidden = [
        ndim - len(term.replace("...", "")) if "..." in term else 0 for term, ndim in zip(terms, ndims, strict=True)
    ]
    if min(hidden) < 0 or max(hidden) > len(spare):
        raise ValueError(f"the subscripts {text!r} do not fit operands of {ndims} axes")
    stretched = "".join(spare[: max(hidden)])
    terms = [term.replace("...", stretched[len(stretched) - n :]) for term, n in zip(terms, hidden, strict=True)]
    if not arrow:
        once = sorted(c for c in set(inputs) - set(",.") if inputs.count(c) == 1)
        out = "..." + "".join(once)
    elif "..." not in out and stretched:
        raise ValueError(f"{text!r} has an ellipsis on the left that the result lacks")
    return f"{','.join(terms)}->{out.replace('...', stretched)}"


@composite(
    np.einsum,
    "see einsum",
    samples=lambda draw: [
        call("ij,jk->ik", draw(3, 4), draw(4, 2)),
        call("ij,jk", draw(3, 4), draw(4, 2)),
        call("ba", draw(3, 4)),
        call("ii", draw(3, 3)),
        call("ii->i", draw(3, 3)),
        call("iij->j", draw(3, 3, 2)),
        call("iii->i", draw(3, 3, 3)),
        call("ii,i->i", draw(3, 3), draw(3)),
        call("ij->", draw(3, 4)),
        call("ij->j", draw(3, 4)),
        call("ij,k->i", draw(3, 4), draw(2)),
        call("i,j->ij", draw(3), draw(4)),
        call("ij,ij->ij", draw(1, 4), draw(3, 4)),
        call("ij,i->j", draw(3, 4), draw(1)),
        call("...ij,...jk->...ik", draw(2, 3, 4), draw(4, 2)),
        call("...ij,...jk", draw(5, 1, 3, 4), draw(2, 4, 2)),
        call("...i->...", draw(2, 3, 4)),
        call("i...,i...->...", draw(3, 4), draw(3, 1)),
        call("bij,bjk,bk->bi", draw(2, 3, 4), draw(2, 4, 5), draw(2, 5)),
        call("bij,bjk,bk->bi", draw(2, 3, 4), draw(2, 4, 5), draw(2, 5), optimize=True),
        call("ij,jk,kl->il", draw(2, 3), draw(3, 4), draw(4, 2), optimize="optimal"),
        call(draw(3, 4), [0, 1], draw(4, 2), [1, 2], [0, 2]),
        call(draw(3, 4), [0, 1], draw(4, 2), [1, 2]),
        call(draw(2, 3, 4), [Ellipsis, 0], draw(4), [0]),
        call(",ij->ij", draw(), draw(2, 3)),
        call("ij,jk->ik", draw(3, 0), draw(0, 2)),
    ],
)
def _np_einsum(*operands: Any, out: None = None, optimize: Any = False, **options: Any) -> Array:
    from ..errors import NoRuleError, user_line

    usual = {"order": "K", "casting": "safe", "dtype": None}
    changed = [key for key, value in options.items() if key not in usual or value != usual[key]]
    if out is not None or changed:
        raise NoRuleError(
            f"einsum of a Tensor does not take {' '.join(changed) or 'out'}=: "
            f"assign the result, and cast the operands, instead.{user_line()}"
        )
    text, arrays = _as_string(operands)
    arrays = [array(x) for x in arrays]
    subscripts = _explicit(text, [x.ndim for x in arrays])
    return einsum(*arrays, subscripts=subscripts, optimize=optimize)


plain("it is a plan, not a number", np.einsum_path)
