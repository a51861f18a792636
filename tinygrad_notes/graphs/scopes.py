"""Which box a node belongs to: the blocks of ``tn.scope``, each entry its own box; parameters with their layer."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .model import GraphNode, Snapshot

__all__ = ["Path", "places", "repeats"]

Path = tuple[str, ...]


def places(graph: Snapshot) -> dict[GraphNode, Path]:
    """The boxes around each node, outermost first.

    A scope that is entered again after other operations is another box, ``"rnn (2)"``: were both one, arrows would
    lead out of it and back in. A parameter that only one box uses stands inside it.
    """
    found: dict[GraphNode, Path] = {}
    counts: dict[tuple[Path, str], int] = {}
    before: tuple[str, ...] = ()
    path: list[str] = []
    for node in graph.nodes:
        if node.is_leaf:
            continue
        same = 0
        for name, earlier in zip(node.scope, before, strict=False):
            if name != earlier:
                break
            same += 1
        del path[same:]
        for name in node.scope[same:]:
            entry = (tuple(path), name)
            counts[entry] = counts.get(entry, 0) + 1
            path.append(name if counts[entry] == 1 else f"{name} ({counts[entry]})")
        before = node.scope
        found[node] = tuple(path)
    for node in graph.nodes:
        if node.is_leaf:
            users = [found[edge.target] for edge in node.outputs]
            found[node] = _common(users) if users else ()
    return found


def _common(paths: Sequence[Path]) -> Path:
    shared = paths[0]
    for path in paths[1:]:
        n = 0
        while n < min(len(shared), len(path)) and shared[n] == path[n]:
            n += 1
        shared = shared[:n]
    return shared


def repeats(graph: Snapshot, where: dict[GraphNode, Path], level: int) -> dict[Path, list[Path]]:
    """Boxes at depth `level` that follow each other and do the same on the same shapes: first one → all of them."""
    operations: dict[Path, list[GraphNode]] = {}
    for node in graph.nodes:
        if not node.is_leaf and len(where[node]) > level:
            operations.setdefault(where[node][: level + 1], []).append(node)
    sequence: list[Path] = []
    for node in graph.nodes:
        if not node.is_leaf:
            path = where[node][: level + 1] if len(where[node]) > level else ()
            if not sequence or sequence[-1] != path:
                sequence.append(path)
    signatures = {path: tuple((n.op.name, n.shape) for n in nodes) for path, nodes in operations.items()}
    folded: dict[Path, list[Path]] = {}
    for (signature, _), run in groupby(sequence, lambda path: (signatures.get(path), path[:-1])):
        paths = list(run)
        if signature is not None and len(paths) > 1:
            folded[paths[0]] = paths
    return folded
