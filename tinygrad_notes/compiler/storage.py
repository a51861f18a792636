"""Where values live: buffers made once and used again, an operand's own memory, a donated argument's, or fresh memory.

A value's memory is free again after its last reader (and the last reader of any view of it). Outputs never lie in a
buffer, so no later call can overwrite a result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import calls, kernels
from .blocks import Block, Body, like
from .passes import is_elementwise
from .program import Instruction, Program, Value
from .schedule import donations

__all__ = ["Storage", "assign", "may_write"]

Place = tuple[str, int]
"""``("buffer", 3)``, ``("input", 0)``: memory that an instruction writes its result into."""


class Storage:
    """The decisions for one program.

    Attributes
    ----------
    place : dict of Value to Place
        Values that are written into memory that is there already; the others are made by the call itself.
    buffers : list of int
        Bytes of each buffer.
    donated : dict of int to int
        Output k takes the place of donated input ``donated[k]``.
    copies : list of (Value, int)
        Outputs that have to be copied into a donated input at the end.
    dies : dict of int to list of Value
        Values made by calls that nobody reads after instruction k: their memory is given back.
    blocks : dict of Instruction to BlockStorage
        Where each region of rows has its memory.
    steady : set of Value
        What is the same at each step of a loop: nobody else writes into its memory.
    """

    def __init__(self) -> None:
        self.place: dict[Value, Place] = {}
        self.buffers: list[int] = []
        self.copies: list[tuple[Value, int]] = []
        self.donated: dict[int, int] = {}
        self.dies: dict[int, list[Value]] = {}
        self.blocks: dict[Instruction, BlockStorage] = {}
        self.steady: set[Value] = set()


class BlockStorage:
    """The decisions for one region of rows.

    Attributes
    ----------
    rows : int
        How many of them make a block.
    width : int
        Entries of the longest row.
    body : Body
    targets : list of Value
        Inputs of its program: the rows of the results that are made row by row, and not in an operand's memory.
    storage : Storage
        Of its program; its buffers have the length of a block.
    scratch, parts : list of int
        The surrounding program's buffer for each of those, and for the parts of each result over all rows.
    """

    def __init__(self, rows: int, body: Body, targets: dict[Value, Value], storage: Storage) -> None:
        self.rows: int = rows
        self.body: Body = body
        self.targets: dict[Value, Value] = targets
        self.storage: Storage = storage
        self.width: int = max(v.size for i in body.program.instructions for v in (*i.outs, *i.operands)) // rows
        self.scratch: list[int] = []
        self.parts: list[int] = []


CACHE = 1 << 20
"""Bytes that the arrays of a block may take: about what a core's own cache holds."""

FEWEST = 1 << 15
"""Elements of the largest array in a block: below, calling NumPy costs more than the cache saves."""

FEWEST_SHARED = 1 << 17
"""The same with several threads, which wait for each other (for Python's lock) at every call."""


def writable(i: Instruction) -> list[Value]:
    """The results that can be written into given memory."""
    if isinstance(i.f, Block):
        return i.f.rows_out
    return [i.out] if may_write(i) else []


def may_write(i: Instruction) -> bool:
    """Whether the call can write its result into given memory."""
    if len(i.outs) != 1 or i.effect or not i.out.ndim or i.shares:
        return False
    f = i.f
    if is_elementwise(f):
        return not {"where", "out"} & set(i.kwargs)
    if f is np.where:
        return i.out.nbytes >= LARGE  # two passes over small arrays cost more than fresh memory
    owner = getattr(f, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f.__name__ in ("reduce", "accumulate")
    return f in WRITERS


LARGE = 1 << 16
"""Bytes from which fresh memory costs more than a second pass."""

WRITERS: frozenset[Callable[..., Any]] = frozenset(
    (
        np.matmul,
        np.clip,
        kernels.log1p,
        np.concatenate,
        np.stack,
        calls.astype,
        calls.reshape,
        calls.putitem,
        calls.add_at,
    )
)


def overwrites(out: Value) -> list[Value]:
    """The operands in whose memory a result may be written while they are read."""
    i = out.producer
    if i is None:
        return []
    if isinstance(i.f, Block):
        return i.f.overwrites(out)
    if is_elementwise(i.f) or i.f is np.clip:
        shape, dtype, order = out.shape, out.dtype, out.order
        return [v for v in i.operands if (v.shape, v.dtype, v.order) == (shape, dtype, order)]
    if i.f in (calls.putitem, calls.add_at):
        return [v for v in i.operands[:1] if v not in i.operands[1:] and v.order == out.order]
    return []


def assign(program: Program, donated: list[int], threads: int = 1, loop: bool = False) -> Storage:
    """Decide where each value lives.

    Parameters
    ----------
    program : Program
    donated : list of int
        Positions in ``program.inputs`` that may be written.
    threads : int
        How many of them share the regions of rows.
    loop : bool
        Whether it may be run as the steps of a loop that hands the donated inputs on.
    """
    return _Assignment(program, donated, threads, loop).storage


class _Assignment:
    def __init__(self, program: Program, donated: list[int], threads: int, loop: bool) -> None:
        self.program, self.threads = program, threads
        self.storage = Storage()
        self.roots: dict[Value, Value] = {}
        self.last: dict[Value, int] = {}
        self.made: dict[Value, int] = {}
        self.escaping: set[Value] = set()
        self.free: list[int] = []
        self._live()
        if loop:
            self._keep_steady(donated)
        self._donate(donated)
        self._place()

    def root(self, value: Value) -> Value:
        """The value whose memory it looks into."""
        while value in self.roots:
            value = self.roots[value]
        return value

    def _live(self) -> None:
        """When the memory of each value is read last."""
        for k, i in enumerate(self.program.instructions):
            for out in i.outs:
                self.made[out] = k
                if i.shares:
                    self.roots[out] = i.shares[0]
            if len(i.shares) > 1:  # a view of one of several: all of them stay
                for other in i.shares[1:]:
                    self.last[self.root(other)] = len(self.program.instructions)
            for v in i.operands:
                root = self.root(v)
                self.last[root] = max(self.last.get(root, -1), k)
        for v in self.program.outputs:
            if isinstance(v, Value):
                root = self.root(v)
                self.escaping.add(root)
                if root.kind == "input":
                    self.last[root] = len(self.program.instructions)

    def _keep_steady(self, donated: list[int]) -> None:
        """Let small values that no donated input goes into live to the end: a loop computes them once, before."""
        changing = {self.program.inputs[position] for position in donated}
        for i in self.program.instructions:
            own = [out for out in i.outs if self.root(out) is out]
            if (
                i.effect
                or isinstance(i.f, Block)
                or (i.site is not None and i.site.errors)
                or any(self.root(v) in changing for v in (*i.operands, *i.outs))
                or any(out in self.escaping or out.nbytes > LARGE for out in own)
            ):
                changing.update(i.outs)
            else:
                self.storage.steady.update(i.outs)
                for out in i.outs:
                    self.last[self.root(out)] = len(self.program.instructions)

    def _donate(self, donated: list[int]) -> None:
        """Which output is written into which donated input."""
        for k, position in donations(self.program, donated):
            self._into(self.program.outputs[k], self.program.inputs[position], position, k)

    def _into(self, v: Value, target: Value, position: int, output: int) -> None:
        if v is target or not v.ndim:
            self.storage.donated[output] = position
            return
        if v in self.storage.place or self.root(v) is not v or v.producer is None:
            self.storage.copies.append((v, position))
            self.storage.donated[output] = position
            return
        self.storage.donated[output] = position
        if _fits_anywhere(v) and self._is_free(target, v):
            self.storage.place[v] = ("input", position)
            self._chain(v, target, position)
        else:
            self.storage.copies.append((v, position))

    def _is_free(self, target: Value, v: Value) -> bool:
        """Whether nobody reads `target` after `v` is made, and `v` itself may be written over it."""
        made, last = self.made[v], self.last.get(target, -1)
        if last < made:
            return True
        producer = v.producer
        if producer is None or last > made:
            return False
        reads = [x for x in producer.operands if self.root(x) is target]
        return all(x is target for x in reads) and target in overwrites(v)

    def _chain(self, v: Value, target: Value, position: int) -> None:
        """Let what `v` is made from in place live there too: ``m·β₁`` in m's memory, then ``+=``."""
        while v.producer is not None:
            nearer = [
                x
                for x in overwrites(v)
                if x.kind == "result"
                and _fits_anywhere(x)
                and self.root(x) is x
                and x not in self.escaping
                and x not in self.storage.place
                and self.last[x] == self.made[v]
                and self._is_free(target, x)
            ]
            if not nearer:
                return
            v = nearer[0]
            self.storage.place[v] = ("input", position)

    def _place(self) -> None:
        """Walk through the program, taking and giving back buffers."""
        waiting: dict[int, list[Value]] = {}
        for root, k in self.last.items():
            waiting.setdefault(k, []).append(root)
        for k, i in enumerate(self.program.instructions):
            for out in writable(i):
                if out not in self.storage.place and out not in self.escaping:
                    self.storage.place[out] = self._in_place(out, k) or (
                        "buffer",
                        self._new_buffer(out.nbytes) if out in self.storage.steady else self._buffer(out.nbytes),
                    )
            if isinstance(i.f, Block):
                self._place_block(i, i.f)
            dead = waiting.get(k, [])
            dead += [out for out in i.outs if self.root(out) is out and out not in self.last]
            for root in dead:
                self._give_back(root, k)

    def _place_block(self, i: Instruction, block: Block) -> None:
        """Give a region memory for its blocks; it is free again afterwards."""
        found = self.storage.blocks[i] = block_storage(block, self._under(block), self.threads)
        blocks = -(-block.count // found.rows)
        found.scratch = [self._buffer(nbytes) for nbytes in found.storage.buffers]
        found.parts = [self._buffer(blocks * part.nbytes) for _, part, _ in found.body.reduced]
        self.free += found.scratch + found.parts

    def _under(self, block: Block) -> dict[Value, Value]:
        """The operands in whose memory its results are written."""
        place = self.storage.place

        def where(v: Value) -> Place | None:
            return ("input", self.program.inputs.index(v)) if v.kind == "input" else place.get(v)

        pairs = ((out, v) for out in block.rows_out if out in place for v in block.overwrites(out))
        return {out: v for out, v in pairs if where(v) == place[out]}

    def _in_place(self, out: Value, k: int) -> Place | None:
        i = out.producer
        assert i is not None
        for v in overwrites(out):
            root = self.root(v)
            place = self.storage.place.get(v)
            held = v is root and place is not None and place[0] == "buffer" and self.last[v] == k
            if held and all(self.root(x) is not v or x is v for x in i.operands):
                self.last[v] = -2  # its buffer lives on as the result's
                return place
        return None

    def _give_back(self, root: Value, k: int) -> None:
        if self.last.get(root) == -2 or root in self.escaping:
            return
        place = self.storage.place.get(root)
        if place is None:
            if root.kind == "result" and root.ndim:
                self.storage.dies.setdefault(k, []).append(root)
        elif place[0] == "buffer":
            self.free.append(place[1])

    def _buffer(self, nbytes: int) -> int:
        """The free buffer that fits best, the one used last of those; else a new one."""
        sizes = self.storage.buffers
        fitting = [b for b in self.free if nbytes <= sizes[b] <= 2 * nbytes + 512]
        if fitting:
            best = min(reversed(fitting), key=lambda b: sizes[b])
            self.free.remove(best)
            return best
        return self._new_buffer(nbytes)

    def _new_buffer(self, nbytes: int) -> int:
        self.storage.buffers.append(nbytes)
        return len(self.storage.buffers) - 1


def _fits_anywhere(v: Value) -> bool:
    """Whether it can be written into a donated array, however that is laid out in memory."""
    i = v.producer
    if i is None or v not in writable(i):
        return False
    return not i.f.several_axes(v) if isinstance(i.f, Block) else i.f is not calls.reshape


def block_storage(block: Block, under: dict[Value, Value], threads: int = 1) -> BlockStorage:
    """Decide how many rows make a block, and where its values live.

    Parameters
    ----------
    block : Block
    under : dict of Value to Value
        Results that are written in an operand's memory.
    threads : int
    """
    one = _of_rows(block, 1, under)
    arrays = [inner.nbytes for _, inner in (*one.body.sliced, *one.body.rows_out)]
    width = max(1, one.width)
    fitting = CACHE // max(1, sum(arrays) + sum(one.storage.buffers))
    rows = max(fitting, -(-FEWEST // width))
    if threads > 1:
        shared = min(-(-FEWEST_SHARED // width), block.count // (4 * threads))
        rows = max(rows, shared)
    return _of_rows(block, min(block.count, rows), under)


def _of_rows(block: Block, rows: int, under: dict[Value, Value]) -> BlockStorage:
    body = block.body(rows)
    inputs, inside = body.program.inputs, dict(body.sliced)
    targets: dict[Value, Value] = {}
    donated = []
    for out, inner in body.rows_out:
        target = inside[under[out]] if out in under else like(inner, "input", inner.shape)
        if out not in under:
            targets[out] = target
            inputs.append(target)
        donated.append(inputs.index(target))
    return BlockStorage(rows, body, targets, assign(body.program, donated))
