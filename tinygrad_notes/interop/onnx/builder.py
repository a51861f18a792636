"""Writing ONNX nodes: ``b.Add(x, 1.0)`` writes one and returns the name of its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .program import Counting, Dim, Filled
from .symbol import Ref

__all__ = ["Builder"]

INT = np.dtype(np.int64)
BOOL = np.dtype(bool)


class Builder:
    """The nodes and initialisers of one ONNX graph.

    Operands of the methods named like ONNX operators are names of tensors, numbers (written in the current `dtype`),
    arrays (written as they are), or what `merged` left open.

    Parameters
    ----------
    library : module
        ``onnx``.
    dtype : dtype
        What float64 is written as.
    """

    def __init__(self, library: Any, dtype: Any) -> None:
        self.onnx: Any = library
        self.float: np.dtype[Any] = np.dtype(dtype)
        self.dtype: np.dtype[Any] = self.float
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.names: dict[int, str] = {}
        self.kinds: dict[str, Any] = {}
        self.shapes: list[tuple[Any, ...]] = []
        self.batch: tuple[str, int] | None = None
        self.scope: tuple[str, ...] = ()
        self._taken: set[str] = set()
        self._constants: dict[Any, str] = {}
        self._batch_name: str | None = None

    # names

    def fresh(self, name: str) -> str:
        """A name that nothing else has."""
        candidate, k = name, 2
        while candidate in self._taken:
            candidate, k = f"{name}_{k}", k + 1
        self._taken.add(candidate)
        return candidate

    def written(self, dtype: Any) -> Any:
        """The dtype that a dtype of the program is written in."""
        dtype = np.dtype(dtype)
        return self.float if dtype == np.float64 else dtype

    # constants

    def constant(self, value: Any, dtype: Any = None, name: str = "constant") -> str:
        """An initialiser; equal ones without a name of their own are written once."""
        array = np.asarray(value)
        array = np.ascontiguousarray(array.astype(self.written(array.dtype) if dtype is None else dtype))
        array = array.reshape(np.shape(value))
        key = (array.dtype.str, array.shape, array.tobytes())
        if name == "constant" and key in self._constants:
            return self._constants[key]
        found = self.initializer(array, name)
        if name == "constant":
            self._constants[key] = found
        return found

    def initializer(self, array: Any, name: str) -> str:
        """An initialiser of this name."""
        name = self.fresh(name)
        self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        self.kinds[name] = array.dtype
        return name

    # nodes

    def node(self, op: str, inputs: Sequence[Any], outputs: int = 1, dtype: Any = None, **attributes: Any) -> Any:
        """Write a node; return the name of its result, or a tuple of names."""
        given = ["" if x is None else self.operand(x) for x in inputs]
        results = [self.fresh(f"{op.lower()}_{len(self.nodes)}") for _ in range(outputs)]
        title = "/".join((*self.scope, f"{op}_{len(self.nodes)}"))
        self.nodes.append(self.onnx.helper.make_node(op, given, results, name=title, **attributes))
        for result in results:
            self.kinds[result] = np.dtype(dtype) if dtype is not None else self.kinds.get(given[0], self.dtype)
        return results[0] if outputs == 1 else tuple(results)

    def __getattr__(self, op: str) -> Callable[..., Any]:
        if not op[:1].isupper():
            raise AttributeError(op)
        return lambda *inputs, **attributes: self.node(op, inputs, **attributes)

    def operand(self, x: Any) -> str:
        """The name of an operand."""
        if isinstance(x, str):
            return x
        if isinstance(x, Ref):
            return self.names[x.index]
        if isinstance(x, (Dim, Filled, Counting)):
            return self.open_value(x)
        if isinstance(x, (bool, np.bool_)):
            return self.constant(x, BOOL if self.dtype == BOOL else self.dtype)
        if isinstance(x, (int, float, np.generic)):
            return self.constant(x, self.dtype)
        return self.constant(x)

    def cast(self, x: Any, dtype: Any) -> Any:
        """The operand in another dtype."""
        dtype = self.written(dtype)
        if isinstance(x, (str, Ref)):
            name = self.operand(x)
            if self.kinds[name] == dtype:
                return name
            to = self.onnx.helper.np_dtype_to_tensor_dtype(dtype)
            return self.node("Cast", [name], dtype=dtype, to=to)
        if isinstance(x, (Dim, Filled, Counting)):
            return self.cast(self.open_value(x), dtype)
        return self.constant(x, dtype)

    # what grows with the batch

    def open_value(self, x: Any) -> str:
        """A number or an array that grows with the batch, computed from the input's shape."""
        if isinstance(x, Filled):
            value = x.value.astype(self.written(x.value.dtype))
            return str(self.node("Expand", [value, self.ints(x.shape)], dtype=value.dtype))
        if isinstance(x, Counting):
            counted = self.node("Range", [np.array(0), self.number(x.length), np.array(1)], dtype=INT)
            return str(self.cast(self.node("Reshape", [counted, self.ints(x.shape)], dtype=INT), x.dtype))
        m = self.cast(self.batch_size(), self.dtype)
        if x.inverse:
            return str(self.node("Div", [float(x.k), m], dtype=self.dtype))
        return str(self.node("Add", [self.node("Mul", [m, x.k], dtype=self.dtype), x.c], dtype=self.dtype))

    def batch_size(self) -> str:
        """The number of examples, as one integer."""
        if self._batch_name is None:
            assert self.batch is not None
            name, axis = self.batch
            shape = self.node("Shape", [name], dtype=INT)
            self._batch_name = str(self.node("Gather", [shape, np.array(axis)], dtype=INT, axis=0))
        return self._batch_name

    def number(self, x: Any) -> Any:
        """An integer, or one that grows with the batch, as a 0-d operand."""
        if not isinstance(x, Dim):
            return np.array(int(x))
        m = self.batch_size()
        if x.k != 1:
            m = self.node("Mul", [m, np.array(int(x.k))], dtype=INT)
        return self.node("Add", [m, np.array(int(x.c))], dtype=INT) if x.c else m

    def ints(self, numbers: Any) -> Any:
        """A list of integers as a 1-d operand."""
        numbers = [int(n) if not isinstance(n, Dim) else n for n in numbers]
        if not any(isinstance(n, Dim) for n in numbers):
            return np.array(numbers, dtype=np.int64)
        parts = [
            self.node("Reshape", [self.number(n), np.array([1])], dtype=INT) if isinstance(n, Dim) else np.array([n])
            for n in numbers
        ]
        return self.node("Concat", parts, dtype=INT, axis=0) if len(parts) > 1 else parts[0]

    def reshaped(self, x: Any, shape: Any) -> str:
        """``Reshape`` to a shape of which at most one length is left open, or all are computed."""
        shape = list(shape)
        is_open = [isinstance(n, Dim) or n == -1 for n in shape]
        if sum(is_open) == 1 and 0 not in shape:
            return str(self.Reshape(x, np.array([-1 if o else n for n, o in zip(shape, is_open, strict=True)])))
        return str(self.Reshape(x, self.ints(shape), allowzero=int(0 in shape)))
