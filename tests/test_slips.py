"""The public set is what it says: its right derivations are right, its slips wrong, by central differences."""

from __future__ import annotations

import numpy as np
import pytest
from slips import DERIVATIONS, SLIPS
from slips.drawing import draw_inputs, named, numerical


@pytest.mark.parametrize("name", DERIVATIONS)
def test_right_derivations_are_right(name):
    of = DERIVATIONS[name]
    for seed in (1, 2):
        _, inputs = draw_inputs(of, seed)
        hand = named(of.by_hand(**inputs), of)
        for key, value in hand.items():
            want = numerical(of, inputs, key)
            assert np.shape(value) == np.shape(want), key
            assert np.linalg.norm(value - want) <= 1e-6 * (1 + np.linalg.norm(want)), key


@pytest.mark.parametrize("name", DERIVATIONS)
def test_slips_are_wrong_where_they_say(name):
    of = DERIVATIONS[name]
    for slip in (slip for slip in SLIPS.values() if slip.of is of):
        wrong: set[str] = set()
        by_hand = slip.by_hand()
        for seed in (1, 2, 3):
            _, inputs = draw_inputs(of, seed)
            right = named(of.by_hand(**inputs), of)
            try:
                hand = named(by_hand(**inputs), of)
            except ValueError:  # a product whose shapes do not go together
                wrong |= slip.at
                continue
            for key, value in hand.items():
                if np.shape(value) != np.shape(right[key]) or not np.allclose(value, right[key], rtol=1e-9, atol=1e-12):
                    wrong.add(key)
        assert wrong == slip.at, slip.id


def test_size_of_the_set():
    assert len(SLIPS) >= 150
    assert 0.4 < sum(slip.kept_aside for slip in SLIPS.values()) / len(SLIPS) < 0.6
