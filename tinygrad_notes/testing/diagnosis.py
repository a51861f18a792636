"""Name the slip: which single mistake gives exactly the user's wrong numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .draws import Draw
from .edits import candidates
from .fitting import Evidence, Match
from .relations import relations
from .scalars import symbols_of
from .subject import Subject
from .tape import Tape


def graph_explanations(evidence: Evidence, outputs: Sequence[str], spared: Sequence[str]) -> list[Match]:
    """All explanations of these outputs, plainest first."""
    found = list(relations(evidence, outputs))
    shaped = all(np.shape(evidence.hand[0][n]) == np.shape(evidence.true[0][n]) for n in outputs)
    for candidate in candidates(evidence.tapes):
        match = evidence.try_out(candidate, outputs, spared)
        if match is not None:
            found.append(match)
    return sorted(found, key=lambda match: match.cost)
