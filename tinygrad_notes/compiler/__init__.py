"""`tn.compile`: trace a function once, tidy the program, write NumPy source that reuses its memory, replay it.

compiled.py   the function one calls; its cache, donated arguments, threads
  capture.py  what a function reads beside its arguments
  trace.py    running it on stand-ins (traced.py, recorder.py) gives a program (program.py, calls.py)
  passes.py   the same program, simpler
  blocks.py   regions that run a block of rows at a time (kernels.py), written by emit_blocks.py, run by threads.py
  storage.py  where each value lives (recycled.py: large results)
  emit.py     the source that runs
"""

from __future__ import annotations

from . import lowering
from .compiled import Compiled, compile

__all__ = ["Compiled", "compile"]

del lowering  # imported for what it enters in the trace's tables
