"""A container of arrays as one vector of float64, and back: what SciPy's and other optimisers work on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import BadInputError, DTypeError, ShapeError, describe, user_line
from ..pytree import flatten, paths, unflatten

__all__ = ["Flat", "need_a_point"]


def need_a_point(name: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Raise unless a check is told where: arrays, or the shapes of arrays to draw.

    Examples
    --------
    >>> need_a_point("check_function", (), {"shapes": {"x": "n"}})
    """
    if not args and not options.get("shapes") and not options.get("given"):
        raise BadInputError(f'{name} needs a point: give arrays, or shapes={{"x": "n m"}}.{user_line()}')


class Flat:
    """How the arrays of a container lie in a vector.

    Parameters
    ----------
    tree : container of arrays
        Real numbers; integers become float64.

    Raises
    ------
    DTypeError
        For complex numbers and what is no number, naming the place.

    Examples
    --------
    >>> flat = Flat({"W": np.ones((2, 2)), "b": 3.0})
    >>> flat.ravel({"W": np.ones((2, 2)), "b": 3.0})
    array([1., 1., 1., 1., 3.])
    >>> flat.unravel(np.arange(5.0))
    {'W': array([[0., 1.],
           [2., 3.]]), 'b': np.float64(4.0)}
    """

    structure: Any

    def __init__(self, tree: Any) -> None:
        leaves, self.structure = flatten(tree)
        self.shapes: list[tuple[int, ...]] = []
        self.dtypes: list[Any] = []
        for leaf, path in zip(leaves, paths(tree), strict=True):
            array = np.asarray(leaf.data if hasattr(leaf, "node") else leaf)
            if array.dtype.kind not in "fiu":
                raise DTypeError(f"{path or 'x'} is {describe(array)}: an optimiser needs real numbers.{user_line()}")
            self.shapes.append(array.shape)
            self.dtypes.append(array.dtype if array.dtype.kind == "f" else np.dtype(float))
        if not leaves:
            raise BadInputError(f"there are no numbers in {describe(tree)}: give arrays to start from.{user_line()}")
        self.sizes: list[int] = [int(np.prod(shape)) for shape in self.shapes]
        self.size: int = sum(self.sizes)

    def ravel(self, tree: Any) -> Any:
        """The vector of a container of this structure.

        Raises
        ------
        ShapeError
            If the structure is another.
        """
        leaves, structure = flatten(tree)
        if structure != self.structure:
            raise ShapeError(f"the structure {structure} is not {self.structure}.{user_line()}")
        parts = [np.ravel(np.asarray(leaf.data if hasattr(leaf, "node") else leaf, float)) for leaf in leaves]
        return np.concatenate(parts) if parts else np.zeros(0)

    def unravel(self, vector: Any) -> Any:
        """The container of a vector, each array of its own shape and dtype."""
        pieces = np.split(np.asarray(vector), np.cumsum(self.sizes)[:-1]) if self.sizes else []
        leaves = [piece.reshape(shape).astype(dtype)[()] for piece, shape, dtype in
                  zip(pieces, self.shapes, self.dtypes, strict=True)]  # fmt: skip
        return unflatten(self.structure, leaves)
