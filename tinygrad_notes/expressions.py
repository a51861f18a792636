"""Formulas typed on the command line, computed on Tensors without ever being run as Python.

The text is parsed, every node of the tree is held against a list of what is allowed, and the tree is walked here:
there is no ``eval``, no attribute but ``.T``, no function but the ones in `FUNCTIONS`.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .errors import BadInputError
from .tensor import Tensor

__all__ = ["FUNCTIONS", "Program", "parse", "read_value"]

LONGEST = 10_000
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
        self.statements, self.names = statements, names

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
            raise BadInputError(f"give {', '.join(missing)} a value: {' '.join(f'{n}=2' for n in missing)}")
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
        tree = ast.parse(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise BadInputError(f"can't read the formula {_short(text)}: {message}") from error
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
        try:
            _check(expression, functions, known, names)
        except RecursionError as error:
            raise BadInputError(f"the formula {_short(text)} is nested too deeply") from error
        known.add(name or "J")
    return Program(statements, tuple(names))


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _refused(node: ast.AST) -> BadInputError:
    try:
        text = ast.unparse(node)
    except RecursionError:
        text = type(node).__name__
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
    """Computes a tree that was checked."""

    def __init__(self, variables: dict[str, Any]) -> None:
        self.variables = variables
        self.functions = _functions()

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=number):
                return float(number)  # type: ignore[arg-type]
            case ast.Name(id=name):
                return self.variables[name]
            case ast.UnaryOp(op=op, operand=operand):
                value = self.value(operand)
                return -value if isinstance(op, ast.USub) else value
            case ast.Attribute(value=inner):
                return self.value(inner).T if hasattr(self.value(inner), "T") else self.value(inner)
            case ast.Subscript(value=inner, slice=index):
                return self._guarded(node, lambda: self.value(inner)[_index(index)])
            case ast.BinOp(left=left, op=op, right=right):
                a, b = self.value(left), self.value(right)
                return self._guarded(node, lambda: _OPERATORS[type(op)](a, b))
            case ast.Call():
                return self._call(node)
        raise _refused(node)

    def _call(self, node: ast.Call) -> Any:
        name, subject = _called(node.func)
        args = [self._argument(name, i, arg) for i, arg in enumerate((*subject, *node.args))]
        options = {keyword.arg or "": _literal(keyword.value) for keyword in node.keywords}
        return self._guarded(node, lambda: self.functions[name](*args, **options))

    def _argument(self, name: str, position: int, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if name == "reshape" and position:
            return _literal(node)
        if isinstance(node, ast.Tuple):
            return tuple(self.value(part) for part in node.elts)
        return self.value(node)

    def _guarded(self, node: ast.expr, compute: Callable[[], Any]) -> Any:
        try:
            return compute()
        except Exception as error:
            first = str(error).split("\n")[0]
            raise BadInputError(f"{_short(ast.unparse(node))}: {first}") from error


def read_value(text: str) -> Any:
    """Read a value from the command line.

    Parameters
    ----------
    text : str
        ``5``, ``[1, 2]``, ``[[1, 2], [3, 4]]``, or a ``.npy`` file.

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
    if text.endswith(".npy"):
        try:
            array = np.load(text, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BadInputError(
                f"can't read {text}: {str(error).splitlines()[0] if str(error) else error!r}"
            ) from error
    else:
        try:
            array = np.array(ast.literal_eval(text))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise BadInputError(f"{_short(text)} is no number, no list of numbers and no .npy file") from error
    if array.dtype.kind not in "iufc" or array.dtype.kind == "O":
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
