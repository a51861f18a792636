"""The order of instructions: an update is made as soon as its gradient is there.

A training step computes all gradients, then updates all parameters: every gradient waits in memory of its own. Moved
up, each update uses its gradient while that is in the cache, and its memory is free for the next.
"""

from __future__ import annotations

from .passes import is_elementwise
from .program import Instruction, Program, Value

__all__ = ["donations", "settle"]


def donations(program: Program, donated: list[int]) -> list[tuple[int, int]]:
    """Which output takes the place of which donated input: the first of its shape and dtype that is left.

    Returns
    -------
    list of (output, input)
    """
    pairs: list[tuple[int, int]] = []
    taken: set[int] = set()
    for position in donated:
        target = program.inputs[position]
        for k, v in enumerate(program.outputs):
            if k not in taken and isinstance(v, Value) and (v.shape, v.dtype) == (target.shape, target.dtype):
                taken.add(k)
                pairs.append((k, position))
                break
    return pairs


def settle(program: Program, donated: list[int]) -> None:
    """Move each update of a donated input up to where all that it reads is known."""
    made = [(program.outputs[k], program.inputs[position]) for k, position in donations(program, donated)]
    place = {i: k for k, i in enumerate(program.instructions)}
    updates = [(v.producer, target) for v, target in made if v.ndim and v.producer in place]
    for last, target in sorted(updates, key=lambda update: place[update[0]]):
        _move_up(program, _chain(program, last), target)


def _chain(program: Program, last: Instruction) -> list[Instruction]:
    """The elementwise instructions that only `last` needs, and `last`, in order."""
    readers = program.uses()
    outputs = {v for v in program.outputs if isinstance(v, Value)}
    chain = {last}
    for i in reversed(program.instructions):
        if i in chain and is_elementwise(i.f):
            for v in i.operands:
                before = v.producer
                alone = v not in outputs and all(reader in chain for reader in readers.get(v, ()))
                if before is not None and alone and is_elementwise(before.f) and v.shape == last.out.shape:
                    chain.add(before)
    return [i for i in program.instructions if i in chain]


def _move_up(program: Program, chain: list[Instruction], target: Value) -> None:
    if not is_elementwise(chain[-1].f):
        return
    inside = set(chain)
    needed = {v.producer for i in chain for v in i.operands} - inside
    looks = {target}  # the input and every view of it
    earliest = 0
    rest = [i for i in program.instructions if i not in inside]
    for k, i in enumerate(rest):
        if i in needed or looks & set(i.operands):
            earliest = k + 1
        if looks & set(i.shares):
            looks.update(i.outs)
    if earliest < program.instructions.index(chain[-1]) - (len(chain) - 1):  # else somebody else reads it first
        program.instructions = rest[:earliest] + chain + rest[earliest:]
