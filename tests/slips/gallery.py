"""Thirty slips and what is said about them: writes ``docs/gallery.md``.

python -m slips.gallery > ../docs/gallery.md      (in tests/)
"""

from __future__ import annotations

import sys

from tinygrad_notes.testing import check_gradient

from . import SLIPS, Slip

CHOSEN = {
    "logistic.dw-no-m": "the mean forgotten in one gradient",
    "logistic.divides-by-n": "divided by the number of features",
    "logistic.dw-transposed": "the product transposed",
    "logistic.db-sum-over-all-but-keepdims": "`keepdims` forgotten",
    "logistic_chain.local-missing": "the activation's derivative forgotten",
    "logistic_chain.db-not-reduced": "the bias' gradient not summed over the examples",
    "two_layers.planted-db1": "the planted bug of the gradient checking exercise",
    "two_layers.tanh-at-z": "tanh' at z in the formula for a",
    "two_layers.tanh-is-sigmoid": "the sigmoid's derivative for tanh",
    "two_layers.dZ2-extra-local": "the output's derivative taken twice: A − Y has it already",
    "two_layers.dW2-uses-Z1": "Z for A",
    "two_layers.no-activation-and-sign": "a sign",
    "three_layers.relu-inverted": "the mask of the relu the wrong way round",
    "decayed.penalty-W1-missing": "weight decay forgotten in one layer",
    "decayed.penalty-both-no-m": "λ for λ/m",
    "ridge.penalty-sign": "weight decay with the wrong sign",
    "lasso.sign-is-abs": "the slope of |w|",
    "lasso.bias-regularised": "the bias regularised too",
    "linear_dropout.mask-missing": "dropout: the mask forgotten on the way back",
    "linear_dropout.scaling-missing": "dropout: the scaling forgotten on the way back",
    "residual.skip-forgotten": "the skip connection forgotten",
    "softmax_vector.no-row-sum": "softmax without its sum",
    "softmax_vector.diagonal-only": "softmax as if elementwise",
    "attention.dQ-no-sqrt": "the √d of attention",
    "batch_norm.mean-constant": "batch norm: the mean as a constant",
    "batch_norm.dmu-no-m": "batch norm: 1/m of one path",
    "rnn.carry-transposed": "the recurrent weight not transposed",
    "rnn_all.carry-forgotten": "nothing carried from the next step",
    "embedding.repeated-rows": "an index that repeats",
    "power_of.no-conj": "complex numbers: the conjugate",
}


def entry(slip: Slip, title: str) -> str:
    """One slip: what was changed, and the message."""
    report = check_gradient(slip.of.f, slip.by_hand(), shapes=slip.of.shapes, given=slip.of.given)
    line = slip.source.splitlines()[slip.line - 1].strip()
    return f"## {title}\n\n`{line}`\n\n```text\n{report}\n```\n"


def render() -> str:
    """The whole page."""
    head = (
        "# Thirty slips, and what is said about them\n\n"
        "Generated from the public set of slips (`tests/slips`) by running the check; a test compares. Above each\n"
        "message stands the wrong line. The slips are of the kinds that people ask about in forums of the course:\n"
        "a mean forgotten, a derivative at the wrong place, a path not followed.\n"
    )
    return "\n".join([head, *(entry(SLIPS[name], title) for name, title in CHOSEN.items())])


if __name__ == "__main__":
    sys.stdout.write(render())
