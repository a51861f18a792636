"""The first graph of the notes, J = 3(a + bc): forward, backward, picture.

    python examples/01_first_graph.py [-o J.svg]

Forward, left to right:   u = bc,  v = a + u,  J = 3v.
Backward, right to left:  dJ/dv = 3,  dJ/da = dJ/dv · 1,  dJ/du = dJ/dv · 1,  dJ/db = dJ/du · c,  dJ/dc = dJ/du · b.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import tinygrad_notes as tn
from tinygrad_notes import Tensor


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="J = 3(a + bc): its value, its derivatives, its picture.")
    parser.add_argument("-o", "--output", type=Path, default=Path("J.svg"), help="where the picture goes (J.svg)")
    output = parser.parse_args(argv).output

    a, b, c = Tensor(5.0), Tensor(3.0), Tensor(2.0)
    u = b * c
    v = a + u
    J = 3 * v
    J.backward()

    print(f"J = 3(a + bc) = {J.item():g}")
    for name, t in (("v", v), ("a", a), ("u", u), ("b", b), ("c", c)):
        print(f"dJ/d{name} = {t.grad:g}")

    tn.graph(J).save(output)
    print(f"drawn to {output}")


if __name__ == "__main__":
    main()
