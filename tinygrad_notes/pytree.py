"""Containers of arrays as arguments and results: dict, list, tuple, namedtuple, dataclass (by the optree library)."""

from __future__ import annotations

from typing import Any

from .errors import BadInputError, user_line

__all__ = ["flatten", "unflatten"]

NAMESPACE = "tinygrad_notes"
_known: set[type] = set()
_leaf_types: set[type] = set()  # seen, and no dataclass


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """Split a container into its leaves and its structure.

    A dataclass needs no registration: its arrays, floats, Tensors and containers are children; ints, strings,
    functions and None are kept as they are, and so is a field declared with ``metadata={"static": True}``.

    Parameters
    ----------
    tree : dict, list, tuple, namedtuple, dataclass, or a leaf

    Returns
    -------
    leaves : list
    structure : optree.PyTreeSpec

    Examples
    --------
    >>> flatten({"b": 2.0, "W": [1.0, 3.0]})[0]
    [1.0, 3.0, 2.0]
    """
    import dataclasses

    import optree

    while True:
        try:
            leaves, structure = optree.tree_flatten(tree, namespace=NAMESPACE)
        except RecursionError as error:
            raise BadInputError(
                f"a {type(tree).__name__} is nested too deep, or contains itself: give a container of arrays, each in "
                f"one place.{user_line()}"
            ) from error
        kinds = {*map(type, leaves)} - _leaf_types
        unknown = {kind for kind in kinds if dataclasses.is_dataclass(kind)}
        if not unknown:
            _leaf_types.update(kinds)
            return leaves, structure
        for kind in unknown:
            _register(kind)


def unflatten(structure: Any, leaves: list[Any]) -> Any:
    """Put leaves back into a structure that `flatten` returned.

    Examples
    --------
    >>> leaves, structure = flatten((1.0, {"b": 2.0}))
    >>> unflatten(structure, [x * 10 for x in leaves])
    (10.0, {'b': 20.0})
    """
    import optree

    return optree.tree_unflatten(structure, leaves)


def paths(tree: Any) -> list[str]:
    """Readable places of the leaves, in their order: ``['W[0]', 'W[1]', 'b']``.

    Examples
    --------
    >>> paths({"b": 2.0, "W": [1.0, 3.0]})
    ['W[0]', 'W[1]', 'b']
    """
    import optree

    flatten(tree)
    found = []
    for path in optree.tree_paths(tree, namespace=NAMESPACE):
        text = ""
        for step in path:
            text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
        found.append(text)
    return found


def _register(kind: type) -> None:
    import dataclasses

    import optree

    if kind in _known:
        raise TypeError(f"{kind.__name__} could not be read as a container of arrays")
    _known.add(kind)

    def split(value: Any) -> tuple[list[Any], Any, tuple[str, ...]]:
        fields = [f.name for f in dataclasses.fields(value)]
        static = {f.name for f in dataclasses.fields(value) if f.metadata.get("static")}
        children = tuple(name for name in fields if name not in static and _is_child(getattr(value, name)))
        fixed = tuple((name, getattr(value, name)) for name in fields if name not in children)
        return [getattr(value, name) for name in children], (children, fixed), children

    def join(metadata: Any, children: Any) -> Any:
        names, fixed = metadata
        value: Any = object.__new__(kind)
        for name, child in (*zip(names, children, strict=True), *fixed):
            object.__setattr__(value, name, child)
        return value

    optree.register_pytree_node(kind, split, join, namespace=NAMESPACE)


def _is_child(value: Any) -> bool:
    import dataclasses

    return (
        isinstance(value, (float, complex, dict, list, tuple))
        or hasattr(value, "__array_function__")
        or (dataclasses.is_dataclass(value) and not isinstance(value, type))
    )
