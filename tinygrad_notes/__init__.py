"""Automatic differentiation on NumPy that checks, draws and explains your own derivation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import errors, operators
from .coverage import coverage
from .memory import keep_memory
from .primitive import checkpoint, primitive
from .recording import no_grad, scope
from .tensor import Tensor, stop_gradient
from .transforms import elementwise_grad, grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from .vmap import vmap

if TYPE_CHECKING:
    from . import interop as interop
    from . import nn, optim, testing, train
    from . import notes as notes
    from . import special as special
    from .compiler import compile
    from .graphs.debug import debug
    from .graphs.graph import Graph, graph
    from .graphs.why import why

__all__ = [
    "Graph",
    "Tensor",
    "checkpoint",
    "compile",
    "coverage",
    "debug",
    "elementwise_grad",
    "errors",
    "grad",
    "graph",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "keep_memory",
    "nn",
    "no_grad",
    "optim",
    "primitive",
    "scope",
    "stop_gradient",
    "testing",
    "train",
    "value_and_grad",
    "vjp",
    "vmap",
    "why",
]

__version__ = "0.1.0"

del operators

ROOMS = ("interop", "nn", "notes", "optim", "special", "testing", "train")
HOMES = {"Graph": "graphs", "compile": "compiler", "debug": "graphs", "graph": "graphs", "why": "graphs"}
"""What is loaded at its first use, so that importing the package costs little more than importing NumPy.

No name in HOMES may be a module's too, as `vmap` is: loading the module would put it in the function's place.
"""


if not TYPE_CHECKING:  # a type checker reads the imports above, and reports a name that isn't there

    def __getattr__(name: str) -> Any:
        """Load what was left for its first use."""
        if name in ROOMS:
            return import_module(f".{name}", __name__)
        if name in HOMES:
            found = globals()[name] = getattr(import_module(f".{HOMES[name]}", __name__), name)
            return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{_instead(name)}")


def __dir__() -> list[str]:
    """What there is, loaded or not; `special` only beside the SciPy that it needs."""
    from importlib.util import find_spec

    there = {*__all__, *ROOMS, *(name for name in globals() if name.startswith("__"))}
    return sorted(there if find_spec("scipy") else there - {"special"})


def _instead(name: str) -> str:
    """What to write for a name that isn't here: another room's, NumPy's, or one spelt alike."""
    if name.startswith("_"):
        return ""
    import difflib

    import numpy

    from .rules import BOOK, Composite, Rule

    for room in ("nn", "optim", "train", "testing"):
        if name in import_module(f".{room}", __name__).__all__:
            return f": it is tn.{room}.{name}"
    function = getattr(numpy, name, None)
    if callable(function) and isinstance(BOOK.get(function), (Rule, Composite)):
        return f": NumPy's own function takes Tensors, np.{name}(t)"
    alike = difflib.get_close_matches(name, [*__all__, *ROOMS], 1, cutoff=0.7)
    return f"; did you mean tn.{alike[0]}?" if alike else ": dir(tinygrad_notes) lists what there is"
