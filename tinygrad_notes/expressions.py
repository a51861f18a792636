"""Formulas typed on the command line, computed on Tensors without ever being run as Python.

The text is parsed, every node of the tree is held against a list of what is allowed, and the tree is walked here:
there is no ``eval``, no attribute but ``.T``, no function but the ones in `FUNCTIONS`.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .array_files import printable, read_array
from .errors import BadInputError
from .tensor import Tensor

__all__ = ["FUNCTIONS", "Program", "parse", "read_value"]

LONGEST = 10_000
"""Characters of a formula."""
LONGEST_VALUE = 1_000_000
"""Characters of a value."""
DEEPEST = 200
"""Levels of a formula: far more than anybody can read, and few enough for Python's own stack."""
MOST_NUMBERS = 100_000_000
"""What all results of a formula may hold together: 800 MB."""
MOST_PRODUCTS = 2_000_000_000
"""Multiplications in one product of arrays: a second or two."""
NAMES = "uvwpqrstzhkmnxyfgdeijloabc"
"""Given to unnamed results in this order, as the notes do."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        *(np.add, np.subtract, np.multiply, np.divide, np.negative, np.power, np.reciprocal, np.square),
        *(np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.logaddexp, np.sqrt, np.cbrt, np.hypot),
        *(np.sin, np.cos, np.tan, np.arcsin, np.arccos, np.arctan, np.arctan2, np.deg2rad, np.rad2deg, np.sinc),
        *(np.sinh, np.cosh, np.tanh, np.arcsinh, np.arccosh, np.arctanh),
        *(np.absolute, np.sign, np.maximum, np.minimum, np.clip, np.where),
        *(np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std, np.cumsum, np.sort),
        *(np.dot, np.matmul, np.inner, np.outer, np.vdot, np.cross, np.einsum, np.trace, np.diagonal),
        *(np.reshape, np.transpose, np.squeeze, np.tril, np.triu, np.stack, np.concatenate),
    )
} | {"abs": np.absolute}
"""What a formula may call."""

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
}
_KEYWORDS = ("axis", "keepdims", "ddof")


def _functions() -> dict[str, Callable[..., Any]]:
    from . import nn

    ours = ("sigmoid", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "softmax", "log_softmax")
    return FUNCTIONS | {name: getattr(nn, name) for name in (*ours, "logsumexp")}


class Program:
    """One or more statements, ``u = b*c; J = 3*(a + u)``, parsed and allowed.

    Attributes
    ----------
    names : tuple of str
        What has to be given a value.
    """

    def __init__(self, statements: list[tuple[str | None, ast.expr]], names: tuple[str, ...]) -> None:
        self.statements: list[tuple[str | None, ast.expr]] = statements
        self.names: tuple[str, ...] = names

    def run(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Compute every statement.

        Parameters
        ----------
        values : dict
            Name to Tensor or array.

        Returns
        -------
        dict
            All names and what they stand for; the last is the result, ``J`` if it has no name of its own.

        Raises
        ------
        BadInputError
            If a name has no value, or NumPy refuses (shapes, domains); the message says which.
        """
        missing = [name for name in self.names if name not in values and name != "pi"]
        if missing:
            raise BadInputError(f"give {_spelled(missing)} a value: {' '.join(f'{n}=2' for n in missing)}")
        walk = _Walk({"pi": np.pi, **values})
        for name, expression in self.statements:
            walk.variables[name or "J"] = walk.value(expression)
        return walk.variables

    @property
    def result(self) -> str:
        """The last statement's name."""
        return self.statements[-1][0] or "J"

    @property
    def is_one_formula(self) -> bool:
        """Whether it is a single formula, whose parts have no names."""
        return len(self.statements) == 1


def parse(text: str) -> Program:
    """Parse and check a formula.

    Parameters
    ----------
    text : str
        ``"3*(a + b*c)"``, or assignments with ``;`` or line ends between them.

    Raises
    ------
    BadInputError
        For anything that is not arithmetic on names and numbers.

    Examples
    --------
    >>> parse("3*(a + b*c)").names
    ('a', 'b', 'c')
    >>> parse("u = b*c; J = 3*(a + u)").names
    ('b', 'c', 'a')
    """
    if len(text) > LONGEST:
        raise BadInputError(f"the formula has {len(text):,} characters; put it into a file: draw model.py:loss")
    try:
        with warnings.catch_warnings(action="ignore"):  # of Python about the syntax: what is odd is refused below
            tree = ast.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error) or "it is nested too deeply"
        raise BadInputError(f"can't read the formula {_short(text)}: {printable(message)}") from error
    statements: list[tuple[str | None, ast.expr]] = []
    for statement in tree.body:
        if isinstance(statement, ast.Expr) and statement is tree.body[-1]:
            statements.append((None, statement.value))
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target = statement.targets[0]
            if not isinstance(target, ast.Name):
                raise _refused(target)
            statements.append((target.id, statement.value))
        else:
            raise _refused(statement)
    if not statements:
        raise BadInputError("the formula is empty")
    known: set[str] = set()
    names: dict[str, None] = {}
    functions = _functions()
    for name, expression in statements:
        if _depth(expression) > DEEPEST:
            raise BadInputError(f"the formula {_short(text)} is nested too deeply: more than {DEEPEST} levels")
        _check(expression, functions, known, names)
        known.add(name or "J")
    return Program(statements, tuple(names))


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _spelled(names: list[str]) -> str:
    """The names; letters that look like others are named too: there are three that look like a."""
    return ", ".join(
        name if name.isascii() else f"{name} ({', '.join(unicodedata.name(c, '?') for c in name if not c.isascii())})"
        for name in names
    )


def _depth(tree: ast.AST) -> int:
    """How many levels a tree has, counted without recursion."""
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _refused(node: ast.AST) -> BadInputError:
    text = ast.unparse(node) if _depth(node) <= DEEPEST else type(node).__name__
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
        return BadInputError(f"{_short(text)} is not allowed in a formula: a power is written with **, as in a**2")
    return BadInputError(
        f"{_short(text)} is not allowed in a formula: it takes numbers, names, + - * / ** @, brackets, .T, indices "
        "and functions such as exp, log, sum, sigmoid"
    )


def _check(node: ast.expr, functions: Mapping[str, Any], known: set[str], names: dict[str, None]) -> None:
    """Refuse everything that is not on the list, and collect the names that need a value."""
    match node:
        case ast.Constant(value=bool()) | ast.Constant(value=str()):
            raise _refused(node)
        case ast.Constant(value=int() | float()):
            return
        case ast.Name(id=name):
            if name not in known:
                names.setdefault(name)
            return
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            inner = [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            inner = [operand]
        case ast.Attribute(value=value, attr="T"):
            inner = [value]
        case ast.Subscript(value=value, slice=index):
            _index(index)
            inner = [value]
        case ast.Call(func=function, args=args, keywords=keywords):
            name, subject = _called(function)
            if name not in functions:
                near = [known for known in functions if known.startswith(name[:3])]
                hint = f"; did you mean {', '.join(near[:3])}?" if near else "; e.g. exp, log, sum, sigmoid"
                raise BadInputError(f"{name!r} is not a function of a formula{hint}")
            if name == "einsum" and args and isinstance(args[0], ast.Constant) and isinstance(args[0].value, str):
                args = args[1:]
            for keyword in keywords:
                if keyword.arg not in _KEYWORDS:
                    raise _refused(node)
                _literal(keyword.value)
            inner = [*subject, *(arg for arg in args if not isinstance(arg, ast.Tuple))]
            for arg in args:
                if isinstance(arg, ast.Tuple):
                    inner += arg.elts
        case _:
            raise _refused(node)
    for child in inner:
        _check(child, functions, known, names)


def _called(function: ast.expr) -> tuple[str, list[ast.expr]]:
    """The name of ``exp(x)``, ``np.exp(x)`` or ``x.sum()``, and in the last case x."""
    match function:
        case ast.Name(id=name):
            return name, []
        case ast.Attribute(value=ast.Name(id="np"), attr=name):
            return name, []
        case ast.Attribute(value=value, attr=name) if not name.startswith("_"):
            return name, [value]
    raise _refused(function)


def _literal(node: ast.expr) -> Any:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError) as error:
        raise _refused(node) from error
    if not isinstance(value, (int, bool, type(None), tuple)):
        raise _refused(node)
    return value


def _index(node: ast.expr) -> Any:
    match node:
        case ast.Slice(lower=low, upper=high, step=step):
            return slice(*(None if end is None else _literal(end) for end in (low, high, step)))
        case ast.Tuple(elts=parts):
            return tuple(map(_index, parts))
    return _literal(node)


class _Walk:
    """Computes a tree that was checked, and refuses what would take more memory or time than a formula should."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables
        self.functions = _functions()
        self.made = 0

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=number):
                return self._guarded(node, float, number)
            case ast.Name(id=name):
                return self.variables[name]
            case ast.UnaryOp(op=op, operand=operand):
                value = self.value(operand)
                return self._guarded(node, operator.neg, value) if isinstance(op, ast.USub) else value
            case ast.Attribute(value=inner):
                value = self.value(inner)
                return getattr(value, "T", value)  # a number is its own transpose
            case ast.Subscript(value=inner, slice=index):
                return self._guarded(node, operator.getitem, self.value(inner), _index(index))
            case ast.BinOp(left=left, op=op, right=right):
                return self._guarded(node, _OPERATORS[type(op)], self.value(left), self.value(right))
            case ast.Call():
                return self._call(node)
        raise _refused(node)

    def _call(self, node: ast.Call) -> Any:
        name, subject = _called(node.func)
        args = [self._argument(name, i, arg) for i, arg in enumerate((*subject, *node.args))]
        options = {keyword.arg or "": _literal(keyword.value) for keyword in node.keywords}
        return self._guarded(node, self.functions[name], *args, **options)

    def _argument(self, name: str, position: int, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if name == "reshape" and position:
            return _literal(node)
        if isinstance(node, ast.Tuple):
            return tuple(self.value(part) for part in node.elts)
        return self.value(node)

    def _guarded(self, node: ast.expr, compute: Callable[..., Any], *args: Any, **options: Any) -> Any:
        try:
            numbers, products = _cost(getattr(compute, "__name__", ""), args)
            if self.made + numbers > MOST_NUMBERS or products > MOST_PRODUCTS:
                much = f"{numbers:,} numbers" if self.made + numbers > MOST_NUMBERS else f"{products:,} products"
                raise ValueError(f"{much} would be computed: too large here; put it into a file: draw model.py:loss")
            self.made += numbers
            return compute(*args, **options)
        except OverflowError as error:
            raise BadInputError(f"{_short(ast.unparse(node))}: the number is too large") from error
        except Exception as error:
            first = str(error).split("\n")[0]
            raise BadInputError(f"{_short(ast.unparse(node))}: {printable(first)}") from error


def _cost(name: str, args: tuple[Any, ...]) -> tuple[int, int]:
    """At most how many numbers a call makes, and how many products of two numbers it takes; 0, 0 if it will fail."""
    arrays = [x for arg in args for x in (arg if isinstance(arg, tuple) else (arg,)) if not isinstance(x, str)]
    shapes = [np.shape(getattr(x, "data", x)) for x in arrays]
    sizes = [math.prod(shape) for shape in shapes]
    if name == "matmul" and len(shapes) == 2 and all(len(shape) >= 2 for shape in shapes):
        a, b = shapes
        numbers = _broadcast(a[:-2], b[:-2]) * a[-2] * b[-1]
        return numbers, numbers * a[-1]
    if name in ("matmul", "dot", "inner", "vdot"):
        inner = max(1, shapes[0][-1]) if shapes and shapes[0] else 1
        products = math.prod(sizes) // inner
        return (products // inner if all(shapes) else products), products
    if name == "outer":
        return math.prod(sizes), math.prod(sizes)
    if name == "einsum":
        return _cost_of_einsum(args[0] if args else "", shapes)
    if name in ("stack", "concatenate"):
        return sum(sizes), 0
    if name in ("tril", "triu") and shapes and len(shapes[0]) == 1:
        return sizes[0] ** 2, 0
    return _broadcast(*shapes), 0


def _broadcast(*shapes: tuple[int, ...]) -> int:
    """How many entries the shapes have together; 0 if they don't go together."""
    try:
        return math.prod(np.broadcast_shapes(*shapes))
    except ValueError:
        return 0


def _cost_of_einsum(subscripts: Any, shapes: list[tuple[int, ...]]) -> tuple[int, int]:
    if not isinstance(subscripts, str):
        return 0, 0
    inputs, _, output = subscripts.replace(" ", "").partition("->")
    length: dict[str, int] = {}
    hidden = 1  # axes that "..." stands for
    for letters, shape in zip(inputs.split(","), shapes, strict=False):
        named = letters.replace("...", "")
        hidden *= math.prod(shape) if "..." in letters else 1
        for letter, n in zip(named, shape, strict=False) if "..." not in letters else ():
            length[letter] = max(n, length.get(letter, 1))
    products = hidden * math.prod(length.values())
    shown = output if "->" in subscripts else "".join({c for c in inputs if inputs.count(c) == 1})
    return hidden * math.prod(length.get(letter, 1) for letter in set(shown)), products


def read_value(text: str) -> Any:
    """Read a value from the command line.

    Parameters
    ----------
    text : str
        ``5``, ``[1, 2]``, ``[[1, 2], [3, 4]]``, ``file.npy``, ``file.npz`` with one array, or ``file.npz:name``.

    Returns
    -------
    numpy.ndarray or NumPy scalar

    Raises
    ------
    BadInputError
        If it is none of these.

    Examples
    --------
    >>> read_value("5"), read_value("[1, 2]")
    (np.float64(5.0), array([1., 2.]))
    """
    file = re.fullmatch(r"(.+\.np[yz])(?::(.+))?", text, re.DOTALL)
    if file:
        array = read_array(file[1], file[2])
    else:
        if len(text) > LONGEST_VALUE:
            raise BadInputError(f"a value of {len(text):,} characters; put it into an .npy file")
        try:
            with warnings.catch_warnings(action="ignore"):
                array = np.array(ast.literal_eval(text))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise BadInputError(f"{_short(text)} is no number, no list of numbers and no .npy file") from error
        if array.dtype.kind not in "iufc":
            raise BadInputError(f"{_short(text)} holds {array.dtype}, not numbers")
    array = array.astype(float) if array.dtype.kind in "iu" else array
    return array[()] if array.ndim == 0 else array


def give_names(result: Tensor, taken: set[str]) -> dict[Any, str]:
    """Names for the parts of one formula: u, v, w … in the order of computing, J for the result.

    Parameters
    ----------
    result : Tensor
    taken : set of str
        Names that mean something already.
    """
    from .backward import LEAF, gather

    assert result.node is not None
    order, _, _ = gather(result.node)
    free = [name for name in NAMES if name not in taken and name != "J"]
    free += [f"u{i}" for i in range(1, len(order) + 1)]
    inner = [node for node in order if node.op is not LEAF and node is not result.node]
    return {**dict(zip(inner, free, strict=False)), result.node: "J"}
