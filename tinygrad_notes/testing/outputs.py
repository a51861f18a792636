"""Which gradient is which: a by-hand result (dict, tuple, array, dataclass, container) by the names of the inputs."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import re
import textwrap
import tokenize
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import BadInputError
from ..pytree import flatten
from .draws import name_of, named_leaves

__all__ = ["is_float", "name_outputs", "owner", "unread", "wanted_names"]

_AFFIXES = (
    r"(.+)", r"d(.+)", r"d_(.+)", r"d[A-Za-z]_?d_?(.+)", r"d[A-Za-z]/d(.+)", r"grad_(.+)", r"grad(.+)", r"g_(.+)",
    r"g(.+)", r"(.+)_grad", r"(.+)\.grad", r"(.+)_bar", r"delta_(.+)", r"D(.+)", r"∂(.+)", r"∇(.+)",
)  # fmt: skip


def owner(key: str, names: Iterable[str]) -> str | None:
    """The input that a gradient called `key` belongs to: ``dW``, ``W``, ``W_grad``, ``dJ_dW`` … all mean ``W``.

    Examples
    --------
    >>> owner("dW1", ["W1", "b1"]), owner("db1", ["W1", "b1"]), owner("dZ1", ["W1", "b1"])
    ('W1', 'b1', None)
    """
    return _owner(key, tuple(names))


@functools.lru_cache(maxsize=4096)
def _owner(key: str, names: tuple[str, ...]) -> str | None:
    for pattern in _AFFIXES:
        found = re.fullmatch(pattern, key)
        if found and found.group(1) in names:
            return found.group(1)
    return None


def wanted_names(wrt: Any, leaves: Mapping[str, Any]) -> list[str] | None:
    """The leaves that ``wrt=`` names, ``None`` when it says nothing.

    Raises
    ------
    BadInputError
        If a name is no input.
    """
    if wrt is None:
        return None
    asked = wrt.replace(",", " ").split() if isinstance(wrt, str) else [str(name) for name in wrt]
    found = []
    for name in asked:
        inside = [leaf for leaf in leaves if leaf == name or leaf.startswith((f"{name}.", f"{name}["))]
        if not inside:
            raise BadInputError(f"wrt={wrt!r}: {name} is not an input (there are {', '.join(leaves)})")
        found += inside
    return found


def name_outputs(
    result: Any, inputs: Mapping[str, Any], wrt: list[str] | None, by_hand: Callable[..., Any], keep: bool = False
) -> dict[str, Any]:
    """The gradients in `result`, keyed by the leaf of the inputs that they belong to, in the inputs' order.

    As arrays, unless `keep` leaves them what they are (Tensors, for a second derivative).

    Raises
    ------
    BadInputError
        If it can't be told which gradient is which, one that ``wrt=`` asks for is missing, or a name is misspelt.
    """
    leaves = named_leaves(inputs)
    found = _matched(result, inputs, leaves, wrt, by_hand)
    if wrt is not None:
        missing = [name for name in wrt if name not in found]
        if missing:
            raise BadInputError(
                f"{name_of(by_hand)} returned no gradient for {', '.join(missing)} "
                f"(wrt={' '.join(wrt)!r}); it returned {_listing(result)}"
            )
        found = {name: found[name] for name in wrt}
    else:
        _refuse_misspelt(result, inputs, found, by_hand)
    if not found:
        raise BadInputError(
            f"{name_of(by_hand)} returned {_listing(result)}: none is named after an input "
            f"({', '.join(leaves)}); return a dict such as {{'d{next(iter(leaves), 'W')}': ...}}"
        )
    return {name: found[name] if keep else _plain(found[name]) for name in leaves if name in found}


def _matched(
    result: Any, inputs: Mapping[str, Any], leaves: Mapping[str, Any], wrt: list[str] | None, by_hand: Any
) -> dict[str, Any]:
    result = _as_mapping(result)
    if result is None:
        return {}
    if isinstance(result, Mapping):
        found = _by_key(result, inputs, leaves)
        return found or _by_structure(result, inputs)
    if isinstance(result, (tuple, list)):
        found = _by_structure(result, inputs)
        if found:
            return found
        return _by_position(list(result), inputs, leaves, wrt, by_hand)
    return {_only_name(leaves, wrt, by_hand): result}


def unread(result: Any, inputs: Mapping[str, Any]) -> list[str]:
    """Keys that name no input, of a dict in which others do: intermediates, and misspelt gradients."""
    result, leaves = _as_mapping(result), named_leaves(inputs)
    if not isinstance(result, Mapping) or not _by_key(result, inputs, leaves):
        return []
    containers = [name for name in inputs if name not in leaves]
    found = []
    for key, value in result.items():
        container = owner(str(key), containers)
        if container is not None:
            found += unread(value, {container: inputs[container]})
        elif owner(str(key), leaves) is None:
            found.append(str(key))
    return found


def _refuse_misspelt(result: Any, inputs: Mapping[str, Any], found: Mapping[str, Any], by_hand: Any) -> None:
    """An error for a gradient whose name differs from its input's in its capitals alone: it would not be judged."""
    lacking = {name.casefold(): name for name, x in named_leaves(inputs).items() if is_float(x) and name not in found}
    for key in unread(result, inputs):
        name = owner(key.casefold(), lacking)
        if name is not None:
            raise BadInputError(
                f"{name_of(by_hand)} returned {key}: no input is called so. The gradient of {lacking[name]} is "
                f"d{lacking[name]}; if {key} is another, say what to judge: wrt={' '.join(found)!r}"
            )


def _as_mapping(result: Any) -> Any:
    """A dataclass or namedtuple as a dict of its fields."""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    return result._asdict() if hasattr(result, "_asdict") else result


def _by_key(result: Mapping[Any, Any], inputs: Mapping[str, Any], leaves: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in sorted(result.items(), key=lambda item: item[0] in leaves):  # beside "dW", "W" is the weight
        if value is None:
            continue
        container = owner(str(key), [name for name in inputs if name not in leaves])
        if container is not None:
            found.update(_inside(container, _as_mapping(value), inputs))
        else:
            name = owner(str(key), leaves)
            if name is not None and name not in found:
                found[name] = value
    return found


def _inside(container: str, value: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients of one container argument."""
    one = {container: inputs[container]}
    matched = _by_structure(value, one)
    if not matched and isinstance(value, Mapping):
        matched = _by_key(value, one, named_leaves(one))
    known = named_leaves(inputs)
    return {name if name in known else _full(container, name): grad for name, grad in matched.items()}


def _full(container: str, name: str) -> str:
    return name if name.startswith(container) else f"{container}.{name}"


def _by_structure(result: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A result built exactly like one container argument: its leaves in the same places."""
    grads, structure = flatten(result)
    for name, value in inputs.items():
        leaves, wanted = flatten(value)
        if structure == wanted and not (len(leaves) == 1 and leaves[0] is value):
            return dict(zip(named_leaves({name: value}), grads, strict=True))
    return {}


def _by_position(
    result: list[Any], inputs: Mapping[str, Any], leaves: Mapping[str, Any], wrt: list[str] | None, by_hand: Any
) -> dict[str, Any]:
    names = wrt or _returned_names(by_hand, len(result), leaves)
    if names is None and len(result) == len(inputs) and all(name in leaves for name in inputs):
        names = list(inputs)
    if names is None:
        floats = [name for name, x in leaves.items() if is_float(x)]
        names = floats if len(result) == len(floats) else None
    if names is None and len(leaves) == 1:
        return {next(iter(leaves)): np.asarray(result)}
    if names is None or len(names) != len(result):
        raise BadInputError(
            f"{name_of(by_hand)} returned {len(result)} gradients; say of which inputs: wrt='"
            f"{' '.join(list(leaves)[: len(result)])}' (there are {', '.join(leaves)})"
        )
    return {name: g for name, g in zip(names, result, strict=True) if g is not None}


def _returned_names(by_hand: Any, count: int, leaves: Mapping[str, Any]) -> list[str] | None:
    """The inputs that ``return dW, db`` names, read from the source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(by_hand)))
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and isinstance(node.value, (ast.Tuple, ast.List)):
            names = [_named_in(part, leaves) for part in node.value.elts]
            if len(names) == count and None not in names and len(set(names)) == count:
                return [name for name in names if name is not None]
    return None


def _named_in(expression: ast.expr, leaves: Mapping[str, Any]) -> str | None:
    """The input that the only gradient variable of an expression (``dw / m``) belongs to."""
    variables = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    if isinstance(expression, ast.Name):
        return owner(expression.id, leaves)
    owners = {owner(name, leaves) for name in variables - set(leaves)} - {None}
    return owners.pop() if len(owners) == 1 else None


def _only_name(leaves: Mapping[str, Any], wrt: list[str] | None, by_hand: Any) -> str:
    names = wrt or [name for name, x in leaves.items() if is_float(x)]
    if len(leaves) == 1:
        return next(iter(leaves))
    if len(names) != 1:
        raise BadInputError(
            f"{name_of(by_hand)} returned one array; say which input's gradient it is: "
            f"wrt='{(names or list(leaves))[0]}'"
        )
    return names[0]


def is_float(x: Any) -> bool:
    """Whether a gradient with respect to `x` makes sense without being asked for."""
    return isinstance(x, (float, complex)) or getattr(getattr(x, "dtype", None), "kind", "O") in "fc"


def _plain(value: Any) -> Any:
    """A gradient as an array or NumPy scalar."""
    value = value.data if hasattr(type(value), "__apply_rule__") else value
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    return np.asarray(value)[()]


def _listing(result: Any) -> str:
    result = _as_mapping(result)
    if isinstance(result, Mapping):
        return ", ".join(map(str, result)) or "an empty dict"
    if isinstance(result, (tuple, list)):
        return f"a {type(result).__name__} of {len(result)}"
    return "None (is a return missing?)"
