"""J = 3(a + bc): values from left to right, derivatives from right to left."""

from __future__ import annotations

import numpy as np

from .claims import Every, Evidence, Gradient, Identity, Procedure, Value
from .entry import right, text, wrong
from .formula import Formula

J = "u = b * c\nv = a + u\nJ = 3 * v"
J_OF_V = "J = 3 * v"
J_OF_U = "v = a + u\nJ = 3 * v"
SCALARS = {"a": "", "b": "", "c": ""}


def needs_what_it_reads(run: Formula) -> Evidence:
    """The steps, done in the order given, never read a derivative before it exists."""
    order = run()["order"]
    needed_by = {"v": None, "u": "v", "b": "u"}  # dJ/du reads dJ/dv, dJ/db reads dJ/du
    known: set[str] = set()
    ready = []
    for name in order:
        ready.append(needed_by[name] is None or needed_by[name] in known)
        known.add(name)
    return {"each derivative is there when it is read": all(ready), "all three are computed": len(known) == 3}


def slopes(run: Formula, rng: np.random.Generator) -> Evidence:
    """The two slopes, against central differences."""
    a, h = rng.uniform(0.5, 3, 20), 1e-6
    found = run(a=a)
    square, log = ((a + h) ** 2 - (a - h) ** 2) / (2 * h), (np.log(a + h) - np.log(a - h)) / (2 * h)
    return {
        "the slope of a² agrees with differences": np.allclose(found["d_square"], square, rtol=1e-6),
        "the slope of log a agrees with differences": np.allclose(found["d_log"], log, rtol=1e-6),
        "both change with a": np.ptp(found["d_square"]) > 0.1 and np.ptp(found["d_log"]) > 0.1,
    }


ENTRIES = [
    right(
        "graph.forward",
        "J = 3(a + bc), step by step; at a = 5, b = 3, c = 2 it is 33",
        "002:161-165; 004:292-301",
        r"u = bc,\quad v = a + u,\quad J = 3v = 3(a + bc)",
        J,
        Every(Identity("J = 3 * (a + b * c)", SCALARS), Value({"u": 6, "v": 11, "J": 33}, a=5, b=3, c=2)),
        shapes="scalars",
    ),
    right(
        "graph.dv",
        "dJ/dv = 3",
        "002:173; 004:324",
        r"\frac{dJ}{dv} = 3",
        "dv = 3",
        Gradient(J_OF_V, {"v": ""}),
        shapes="scalar",
    ),
    right(
        "graph.da",
        "dJ/da = dJ/dv · dv/da = 3 · 1",
        "004:326",
        r"\frac{dJ}{da} = \frac{dJ}{dv}\frac{dv}{da} = 3 \cdot 1 = 3",
        "da = 3 * 1",
        Gradient(J, SCALARS),
        shapes="scalar",
    ),
    right(
        "graph.du",
        "dJ/du = dJ/dv · dv/du = 3 · 1",
        "002:174; 004:328",
        r"\frac{dJ}{du} = \frac{dJ}{dv}\frac{dv}{du} = 3 \cdot 1 = 3",
        "du = 3 * 1",
        Gradient(J_OF_U, {"a": "", "u": ""}),
        shapes="scalar",
    ),
    right(
        "graph.db",
        "dJ/db = dJ/du · du/db = 3c = 6",
        "002:175; 004:330",
        r"\frac{dJ}{db} = \frac{dJ}{du}\frac{du}{db} = 3c",
        "db = 3 * c",
        Every(Gradient(J, SCALARS), Value(6, c=2)),
        shapes="scalar",
    ),
    right(
        "graph.dc",
        "dJ/dc = dJ/du · du/dc = 3b = 9",
        "004:333",
        r"\frac{dJ}{dc} = \frac{dJ}{du}\frac{du}{dc} = 3b",
        "dc = 3 * b",
        Every(Gradient(J, SCALARS), Value(9, b=3)),
        shapes="scalar",
    ),
    right(
        "graph.direction",
        "values from left to right, derivatives from right to left",
        "002:165; 004:307-308",
        r"\frac{dJ}{dv} \rightarrow \frac{dJ}{du} \rightarrow \frac{dJ}{db}",
        "order = ['v', 'u', 'b']",
        Procedure(needs_what_it_reads),
    ),
    wrong(
        "graph.direction-002",
        "“compute dJ/db along the arrows, from left to right”",
        "002:171",
        r"\frac{dJ}{db} \rightarrow \frac{dJ}{du} \rightarrow \frac{dJ}{dv}",
        "order = ['b', 'u', 'v']",
        Procedure(needs_what_it_reads),
        right="order = ['v', 'u', 'b']",
        slip="slip",
        why="the three steps listed below it run v, u, b: from right to left",
    ),
    text(
        "graph.dvar",
        "in code, dvar names d(FinalOutputVar)/d(var)",
        "004:318-322",
        "A name: the derivative of the final output with respect to var is called dvar.",
        shapes="same shape as var",
        convention="naming",
    ),
    right(
        "deriv.3a",
        "f(a) = 3a has slope 3 everywhere",
        "002:151-153",
        r"f(a) = 3a,\quad \frac{df}{da} = 3",
        "da = 3",
        Gradient("f = 3 * a", {"a": ""}),
        shapes="scalar",
    ),
    right(
        "deriv.varying",
        "a² and log a: the slope changes with a",
        "002:155-157",
        r"\frac{d}{da}a^2 = 2a,\quad \frac{d}{da}\log a = \frac{1}{a}",
        "d_square = 2 * a\nd_log = 1 / a",
        Procedure(slopes),
        shapes="scalar",
    ),
]
