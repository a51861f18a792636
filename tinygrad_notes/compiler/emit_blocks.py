"""The source of a region of rows: a function of one block, called for each.

.. code-block:: python

    def block(k, rows, b0, b1):
        x_k = x[rows]
        e = exp(x_k, b0)  # line 3: e = np.exp(x)
        ...


    in_blocks(block, 4096, 32, scratch)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .blocks import Block
from .emit import Emitted, Writer, how_of
from .program import Instruction, Program, Site, Value
from .recycled import Recycled
from .storage import BlockStorage, Place, Storage
from .threads import for_threads, in_blocks

__all__ = ["emit"]


def emit(program: Program, storage: Storage, threads: int = 1) -> Emitted:
    """Write the program; its regions of rows run on so many threads."""
    return BlockWriter(program, storage, threads).written()


class BlockWriter(Writer):
    """Writes a program with regions of rows."""

    def __init__(self, program: Program, storage: Storage, threads: int) -> None:
        super().__init__(program, storage)
        self.threads = threads

    def instruction(self, i: Instruction) -> None:
        """The line, or lines, of one instruction."""
        if isinstance(i.f, Block):
            self.region(i.f, self.storage.blocks[i])
        else:
            super().instruction(i)

    def region(self, block: Block, found: BlockStorage) -> None:
        """Where the results go, the function of one block, the calls, and the results over all rows."""
        body, blocks = found.body, -(-block.count // found.rows)
        for out, _ in body.rows_out:
            self.body.append(f"{self.name(out)} = {self.destination(out)}")
        inside = _BlockFunction(self, found)
        for outer, inner in body.fixed:
            inside.names[inner] = self.laid_out(outer, inner.shape)
        for outer, inner in (*body.sliced, *found.targets.items()):
            inside.slice(inner, self.name(outer), self.laid_out(outer, (block.count, *inner.shape[1:])))
        parts = {
            inner: self.array(("buffer", number), (blocks, *inner.shape), inner.dtype, tuple(range(inner.ndim + 1)))
            for number, (_, inner, _) in zip(found.parts, body.reduced, strict=True)
        }
        self.body.extend(inside.written_with(parts))
        arrays = [self.array(("buffer", found.scratch[key[0]]), *key[1:]) for key in inside.own]
        scratch = self.free_name("scratch")
        both = f"({', '.join(arrays)}{',' if len(arrays) == 1 else ''})"
        self.header.append(f"{scratch} = {self.helper(for_threads)}({both}, {self.threads})")
        self.body.append(
            f"{self.helper(in_blocks)}({inside.title}, {block.count}, {found.rows}, {scratch}, {found.width})"
        )
        for outer, inner, ufunc in body.reduced:
            keeps = "" if outer.shape == inner.shape else f".reshape({outer.shape})"
            self.body.append(f"{self.name(outer)} = {self.function(ufunc.reduce)}({parts[inner]}){keeps}")

    def helper(self, f: Any) -> str:
        """A name for one of the functions of threads.py."""
        if f not in self.functions:
            self.functions[f] = self.constant(f, f.__name__)
        return self.functions[f]

    def destination(self, out: Value) -> str:
        """The array whose rows are made."""
        if out in self.storage.place:
            return self.memory(out)
        return f"{self.constant(Recycled(out.shape, out.dtype), 'new')}()"

    def laid_out(self, value: Value, shape: tuple[int, ...]) -> str:
        """The name of a value in another shape."""
        if value.shape == shape:
            return self.name(value)
        name = self.free_name(f"{self.name(value)}_rows")
        self.body.append(f"{name} = {self.name(value)}.reshape({shape})")
        return name


class _BlockFunction(Writer):
    """Writes what is done with one block, into the names and constants of the program around it."""

    def __init__(self, outer: BlockWriter, found: BlockStorage) -> None:
        super().__init__(found.body.program, found.storage)
        self.taken, self.header, self.constants = outer.taken, outer.header, outer.constants
        self.functions, self.arrays = outer.functions, outer.arrays
        self.own: dict[tuple[int, tuple[int, ...], Any, tuple[int, ...]], str] = {}
        self.title, self.number, self.rows = map(self.free_name, ("block", "k", "rows"))

    def slice(self, inner: Value, name: str, source: str) -> None:
        """Start with the rows of an array around."""
        self.names[inner] = self.free_name(f"{name}_k")
        self.body.append(f"{self.names[inner]} = {source}[{self.rows}]")

    def array(self, place: Place, shape: tuple[int, ...], dtype: Any, order: tuple[int, ...]) -> str:
        """The rows of a result, or one of the arrays that the function is given."""
        kind, number = place
        if kind == "input":
            return self.name(self.program.inputs[number])
        key = (number, shape, dtype, order)
        if key not in self.own:
            self.own[key] = self.free_name(f"b{len(self.own)}")
        return self.own[key]

    def under(self, errors: tuple[tuple[str, str], ...]) -> str:
        """NumPy's own context: the blocks of a region run on several threads."""
        return f"{self.function(np.errstate)}({how_of(errors)})"

    def is_fixed(self, _i: Instruction) -> bool:
        """Nothing is: the last block is shorter."""
        return False

    def written_with(self, parts: dict[Value, str]) -> list[str]:
        """The function; results over all rows are written into `parts`."""
        site: Site | None = None
        for i in self.program.instructions:
            before = len(self.body)
            if i.out in parts:
                self.body.append(f"{parts[i.out]}[{self.number}] = {self.call(i)}")
            else:
                self.instruction(i)
            if len(self.body) > before:
                self.guard(before, i)
                site = self.remark(before, i, site)
        for value, position in self.storage.copies:
            self.body.append(f"{self.name(self.program.inputs[position])}[...] = {self.name(value)}")
        arguments = ", ".join((self.number, self.rows, *self.own.values()))
        return [f"def {self.title}({arguments}):", *(f"    {line}" for line in self.body)]
