"""A graph as a NumPy program: ``def backward(w, b, X, Y)``, one line per value that has a name, then one per gradient.

Rules are called on symbols, so each writes its own formula; values without a name are written where they are used;
short forms are found with numbers. An operation whose rule can't be written so gets a line with ``tn.vjp``.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import conjugated
from ..errors import NotScalarError, user_line
from ..rules import Parts
from .pullbacks import PULLBACKS, call_of, forward_symbol, full, summed_to
from .short_forms import Draws, shorter
from .symbols import ATOM, LARGEST_LITERAL, PRODUCT, Symbol, Unwritable, bare, index_text, is_number, literal, symbol

if TYPE_CHECKING:
    from .model import GraphNode, Snapshot

__all__ = ["Source", "write_source"]

LONGEST, LONGEST_READ, SHORT = 72, 40, 12
"""A value without a name is given one when its text is longer; sooner where derivatives read it, or use it twice."""

MOST_NODES, MOST_ENTRIES = 400, 2_000_000
"""Beyond these no short forms are looked for."""

THIN = {"where", "softmax_cross_entropy"}
"""Rules beside the elementwise ones that take a gradient which still has to be broadcast."""

WORD = re.compile(r"[^\W\d]\w*")
MODULE = re.compile(r"(?<![\w.'\"])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\.[A-Za-z_]\w*[(\]]")
TAKEN = {"np", "tn", "backward", "slice", "tuple", "tinygrad_notes"}


def write_source(graph: Snapshot) -> Source:
    """Write the program of a graph.

    Raises
    ------
    NotScalarError
        If the graph does not end in one number.
    """
    if graph.root.size != 1 or graph.root.shape is None:
        raise NotScalarError(f"source is written for a graph that ends in one number; sum it first.{user_line()}")
    return Source(graph)


class Source:
    """The program of a graph: a function ``backward(**inputs)`` that returns the gradients.

    Attributes
    ----------
    text : str
        The source.
    inputs : dict
        The arguments of ``backward`` and their values in this graph, in order.
    names : dict of GraphNode to str
        What each value is called in it.
    gradient_names : dict of GraphNode to str
        What the inputs' gradients are called.
    forward, backward : list of str
        The lines of both passes.
    settings : dict of str to str
        Names for numbers: ``m`` is ``X.shape[1]``.
    fallbacks : list of str
        The operations for which a ``tn.vjp`` line stands.
    """

    def __init__(self, graph: Snapshot) -> None:
        self.graph = graph
        self.root: GraphNode = graph.root
        self.taken: set[str] = set(TAKEN)
        self.inputs: dict[str, Any] = {}
        self.imports: list[str] = []
        self.fallbacks: list[str] = []
        self.draws: list[Draws] = []
        self.settings: dict[str, str] = {}  # m = X.shape[1], lam = 0.7
        self.constants: dict[int, Symbol] = {}
        self.forward_lines: list[str] = []
        self.backward_lines: list[str] = []
        self.symbols: list[Any] = [None] * len(graph.nodes)
        self.grads: dict[int, list[Any]] = {}
        self.line_of: dict[int, str] = {}
        self.grad_names: dict[int, str] = {}
        self.is_complex: bool = any(n.dtype is not None and n.dtype.kind == "c" for n in graph.nodes)
        self._name_inputs()
        self._write_forward()
        self._make_draws()
        self._write_backward()
        self.text: str = self._assembled()

    # names

    def name(self, wanted: str) -> str:
        """A free identifier close to the wanted name."""
        text = re.sub(r"\W+", "_", wanted.replace("'", "_")).strip("_") or "v"
        text = f"v{text}" if text[0].isdigit() else text
        while text in self.taken or keyword.iskeyword(text) or not text.isidentifier():
            text += "_"
        self.taken.add(text)
        return text

    def _name_inputs(self) -> None:
        graph = self.graph
        for node in graph.nodes:
            if node.is_leaf:
                name = self.name(node.name or node.key)
                self.inputs[name] = node.value
                self.symbols[node.index] = Symbol(name, node.value)
        derived = []
        for constant in graph.constants:
            if constant.name:
                self._constant(constant.value, constant.name)
            elif constant.expression:
                derived.append(constant)
        for constant in derived:
            text = constant.expression.replace("−", "-")
            words = WORD.findall(text)
            if words and words[0] in self.inputs:
                bare = text if text.endswith(".T") else text[1:-1]
                level = ATOM if text.endswith(".T") else 3 if " - " in bare else PRODUCT
                self.constants[id(constant.value)] = Symbol(bare, constant.value, level)

    def _constant(self, value: Any, name: str) -> Symbol:
        made = self.constants.get(id(value))
        if made is None:
            text = self.name(name)
            self.inputs[text] = value
            made = self.constants[id(value)] = Symbol(text, value, ATOM, ("constant",))
        return made

    # forward

    def argument(self, value: Any) -> Any:
        """An argument that is no Tensor: numbers as they are, arrays by name."""
        if isinstance(value, (list, tuple)) and any(isinstance(x, (np.ndarray, list, tuple)) for x in value):
            return type(value)(map(self.argument, value))
        if isinstance(value, np.ndarray) and value.ndim:
            known = self.constants.get(id(value))
            if known is not None:
                return known
            name = getattr(self.graph, "array_names", {}).get(id(value))
            if name is None and value.size <= LARGEST_LITERAL // 2:
                try:
                    return Symbol(literal(value), value)
                except Unwritable:
                    pass
            return self._constant(value, name or f"c{len(self.constants) + 1}")
        if isinstance(value, (np.generic, np.ndarray)) and value.dtype.kind in "fiu":
            value = value.item()
        if isinstance(value, float | int) and not isinstance(value, bool):
            return self._number(value)
        return value

    def _number(self, value: float) -> Any:
        """A number that the caller has under a name keeps it: ``m``, ``lam``."""
        if value in (0, 1, 2, -1, 0.5):
            return value
        name = next((k for k, x in getattr(self.graph, "numbers", {}).items() if x == value), "")
        if not name or (name in self.taken and name not in self.settings):
            return value
        if name not in self.settings:
            text = self._dimension(value) if value == int(value) else repr(value)
            if not text:
                return value
            self.settings[name] = text
            self.taken.add(name)
        return Symbol(name, value, ATOM, ("constant",))

    def _dimension(self, n: float) -> str:
        for name, value in reversed(self.inputs.items()):
            shape = np.shape(value)
            if len(shape) > 1 and shape.count(int(n)) == 1:
                return f"{name}.shape[{shape.index(int(n))}]"
        return ""

    def arguments(self, node: GraphNode) -> list[Any]:
        """All arguments of an operation, as symbols where they are Tensors or arrays."""
        sources = {edge.position: self.symbols[edge.source.index] for edge in node.inputs}
        rule = node.op.rule
        count = len(node.args) if rule.variadic else rule.inputs
        args = [sources[k] if k in sources else self.argument(x) for k, x in enumerate(node.args)]
        for k in range(min(count, len(args))):
            if isinstance(args[k], (int, float)) and not isinstance(args[k], bool):
                args[k] = symbol(args[k])
        return args

    def _write_forward(self) -> None:
        for node in self.graph.nodes:
            if node.is_leaf:
                continue
            with np.errstate(all="ignore"):
                made = forward_symbol(node.op, self.arguments(node), node.value)
            self._import(made.text)
            several = len(node.outputs) > 1 and len(made.text) > LONGEST_READ // 2
            is_read = any(not _is_additive(edge.target) for edge in node.outputs)
            long = len(made.text) > (LONGEST_READ if is_read else LONGEST) or type(node.value) is Parts
            if node.name or several or (long and not node.is_root):
                name = self.name(node.name or node.key)
                self.line_of[node.index] = name
                self.forward_lines.append(f"{name} = {made.text}")
                made = Symbol(name, made.value)
            self.symbols[node.index] = made

    def _import(self, text: str) -> None:
        """Note the modules that a text names in full."""
        for module in MODULE.findall(text):
            root = module.partition(".")[0]
            if (
                module not in self.imports
                and root in sys.modules
                and root not in self.inputs
                and root not in ("np", "tn")
            ):
                self.imports.append(module)
                for draws in self.draws:
                    draws.execute(f"import {module}")

    def _make_draws(self) -> None:
        graph = self.graph
        entries = sum(node.size for node in graph.nodes)
        if len(graph.nodes) <= MOST_NODES and entries <= MOST_ENTRIES and not self.is_complex:
            self.draws.append(Draws(self.inputs, self._header()))
            if any(np.ndim(x) == 2 and np.isin(x, (0, 1)).all() for x in self.inputs.values()):
                self.draws.append(Draws(self.inputs, self._header(), keep_labels=True))
            for draws in self.draws:
                for line in [*self._setting_lines(), *self.forward_lines]:
                    draws.execute(line)

    # backward

    def _write_backward(self) -> None:
        root = self.root
        self.grads[root.index] = [symbol(1.0)]
        for node in reversed(self.graph.nodes):
            parts = self.grads.pop(node.index, [])
            if not parts:
                continue
            if type(node.value) is Parts:
                self._by_vjp(node, parts)
                continue
            with np.errstate(all="ignore"):
                g = _sum(parts)
                g = self._named(node, g)
                if not node.is_leaf:
                    self._pull(node, g)

    def _named(self, node: GraphNode, g: Symbol) -> Symbol:
        """The gradient under the name of its value, where that has one."""
        if node.is_leaf:
            g = full(g, node, self.symbols[node.index])
            return self._line(node, g.text, g.value)
        if not node.name or node.is_root:
            return self._shortened(node, g) if len(g.text) > LONGEST_READ and not node.is_root else g
        return self._shortened(node, g)

    def _shortened(self, node: GraphNode, g: Symbol) -> Symbol:
        """A line of its own, in the shortest form that is equal on all draws."""
        if len(g.text) <= SHORT:
            return self._line(node, g.text, g.value)
        for draws in self.draws:
            found = shorter(g.text, self._upstream(node), self._alike(node), draws)
            if found:
                note = "for 0/1 labels, one 1 per column" if draws is not self.draws[0] else ""
                return self._line(node, self._with_names(found), g.value, note)
        return self._line(node, g.text, g.value)

    def _with_names(self, text: str) -> str:
        """``/ 5`` as ``/ m`` where a line says what m is."""
        match = re.fullmatch(r"(\(.*\)) / (\d+)", text)
        if match:
            for name, setting in self.settings.items():
                if setting.endswith("]") and eval(setting, {**self.inputs}) == int(match[2]):
                    return f"{match[1]} / {name}"
            size = self._size(int(match[2]))
            if size:
                return f"{match[1]} / {size}"
        return text

    def _size(self, n: int) -> str:
        """A count as the forward lines' ``X.shape[1]``; a number that may be something else stays one."""
        found = {
            f"{name}.shape[{len(np.shape(v)) - 1}]"
            for name, v in self.inputs.items()
            if np.ndim(v) == 2 and np.shape(v)[1] == n and np.shape(v)[0] != n
        }
        return sorted(found)[-1] if found and n > 2 else ""

    def _line(self, node: GraphNode, text: str, value: Any, note: str = "") -> Symbol:
        name = self.name("d" + (self.line_of.get(node.index) or node.name or node.key))
        if node.is_leaf:
            self.line_of[node.index] = name
        else:
            self.grad_names[node.index] = name
        self._statement(f"{name} = {text}", note)
        return Symbol(name, value)

    def _statement(self, line: str, note: str = "") -> None:
        self._import(line)
        self.backward_lines.append(f"{line}  # {note}" if note else line)
        for draws in self.draws:
            draws.execute(line)

    def _upstream(self, node: GraphNode) -> str:
        """The gradient's name of the nearest named value of this shape that is computed from this one."""
        names = self.grad_names
        level, seen = [node], set()
        while level:
            here = level.pop(0)
            for edge in here.outputs:
                if edge.target.index in names and edge.target.shape == node.shape:
                    return names[edge.target.index]
                if edge.target.index not in seen and edge.target.index not in names:
                    seen.add(edge.target.index)
                    level.append(edge.target)
        return ""

    def _alike(self, node: GraphNode) -> list[str]:
        """Names with this value's shape: values computed, then constants and inputs."""
        found = [
            self.symbols[n.index].text for n in self.graph.nodes if n.shape == node.shape and n.name and n is not node
        ]
        found += [s.text for s in self.constants.values() if s.shape == node.shape and s.text.isidentifier()]
        own = self.symbols[node.index].text
        found = [name for name in dict.fromkeys(found) if name.isidentifier()]
        near = [self.symbols[e.target.index].text for e in node.outputs if e.target.name]
        rest = [name for name in found if name not in near and name != own]
        return [*rest, *(n for n in near if n in found), *([own] if own.isidentifier() else [])]

    def _pull(self, node: GraphNode, g: Symbol) -> None:
        op, y, args = node.op, self.symbols[node.index], self.arguments(node)
        if op.rule.name == "item":
            self.grads.setdefault(node.inputs[0].source.index, []).append((args[1], full(g, node)))
            return
        if op.rule.name == "getitem":
            self._scatter(node, g, args[1])
            return
        if (len(g.text) > SHORT or "@" in g.text) and len(node.inputs) > 1 and not node.is_root:
            g = self._shortened(node, g)
        results: list[Symbol] = []
        try:
            for edge in node.inputs:
                c = self._traced(node, edge.place, edge.position, g, y, args)
                results.append(self._fitted(c, node, edge.source))
        except (Unwritable, TypeError, ValueError, AttributeError, IndexError, NotImplementedError):
            self._by_vjp(node, [g])
            return
        for edge, c in zip(node.inputs, results, strict=True):
            self.grads.setdefault(edge.source.index, []).append(c)

    def _traced(self, node: GraphNode, place: int, position: int, g: Symbol, y: Symbol, args: list[Any]) -> Symbol:
        op = node.op
        pull = PULLBACKS.get(op.rule.name)
        if pull is not None and not self.is_complex:
            made = pull(node, position, g, y, args)
            if made is not None:
                return made  # type: ignore[no-any-return]
        vjps = conjugated(op.vjps) if self.is_complex and op.holomorphic else op.vjps
        if not op.rule.elementwise and op.rule.name not in THIN:
            g = full(g, node, y)
        raw = [x.value if isinstance(x, Symbol) and is_number(x) else x for x in args]
        made = vjps[place](g, y, *raw)
        if not isinstance(made, Symbol):
            made = symbol(made)
        return made

    def _fitted(self, c: Symbol, node: GraphNode, source: GraphNode) -> Symbol:
        """A contribution in the shape of its input, or thinner where broadcasting does the rest."""
        assert source.shape is not None
        if node.op.rule.elementwise or node.op.rule.name in ("where", "broadcast_to"):
            c = summed_to(c, node.shape or (), source.shape)
        if np.broadcast_shapes(c.shape, source.shape) != source.shape:
            raise Unwritable(c.text)
        if source.dtype.kind != "c" and c.dtype.kind == "c":
            c = c.real
        if c.dtype.kind == "f" and c.dtype != source.dtype and not is_number(c) and c.ndim:
            c = c.astype(source.dtype)
        return c

    def _scatter(self, node: GraphNode, g: Symbol, index: Any) -> None:
        """A gradient that goes to some entries: zeros, then an addition in place."""
        source = node.inputs[0].source
        assert source.shape is not None
        if only_adds_axes(bare(index)):
            back = g if g.ndim == 0 else full(g, node).reshape(source.shape)
            self.grads.setdefault(source.index, []).append(back)
            return
        name = self.name("d" + node.key)
        like = self.symbols[source.index]
        zeros = f"np.zeros_like({like.text})" if like.text.isidentifier() else f"np.zeros({source.shape})"
        self._statement(f"{name} = {zeros}")
        if names_each_once(bare(index)):
            self._statement(f"{name}[{index_text(index)}] += {g.text}")
        else:
            self._statement(f"np.add.at({name}, {literal(_listed(index))}, {g.text})")
        value = np.zeros(source.shape, source.dtype)
        self.grads.setdefault(source.index, []).append(Symbol(name, value))

    def _by_vjp(self, node: GraphNode, parts: list[Any]) -> None:
        """The line for a rule that can't be written as a formula."""
        args = self.arguments(node)
        names = [f"x{k}" if len(node.inputs) > 1 else "x" for k in range(len(node.inputs))]
        names = [name if name not in self.taken else f"{name}_{node.key}" for name in names]
        inside = list(args)
        for name, edge in zip(names, node.inputs, strict=True):
            inside[edge.position] = Symbol(name, edge.source.value)
        call = call_of(node.op, inside)
        if type(node.value) is Parts:
            known = dict(parts)
            seeds = [
                known[k].text if k in known else f"np.zeros_like({self.symbols[node.index].text}[{k}])"
                for k in range(len(node.value))
            ]
            call, cotangent = f"tuple({call})", f"({', '.join(seeds)},)"
        else:
            cotangent = full(parts[0], node).text
        operands = ", ".join(self.symbols[edge.source.index].text for edge in node.inputs)
        self.fallbacks.append(node.op.name)
        name = self.name("d" + node.key)
        note = f"{node.op.name}: by tn.vjp, its rule has no short formula"
        self._statement(f"{name} = tn.vjp(lambda {', '.join(names)}: {call}, {operands})[1]({cotangent})", note)
        for k, edge in enumerate(node.inputs):
            value = np.zeros(edge.source.shape or (), edge.source.dtype)
            self.grads.setdefault(edge.source.index, []).append(Symbol(f"{name}[{k}]", value))

    # the whole

    def _header(self) -> str:
        modules = "".join(f"import {module}\n" for module in self.imports)
        return f"import numpy as np\n{modules}import tinygrad_notes as tn\n"

    def _setting_lines(self) -> list[str]:
        return [f"{name} = {text}" for name, text in self.settings.items()]

    def _assembled(self) -> str:
        leaves = {
            node: self.line_of[node.index] for node in self.graph.nodes if node.is_leaf and node.index in self.line_of
        }
        self.gradient_names = leaves
        results = ", ".join(f'"{name}": {name}' for name in leaves.values())
        end = f"return {{{results}}}"
        backward = _alive(self.backward_lines, end)
        forward = _alive(self.forward_lines, "\n".join([*backward, end]), always=self._user_lines())
        settings = _alive(self._setting_lines(), "\n".join([*forward, *backward, end]))
        self.names: dict[GraphNode, str] = {
            n: s.text
            for n, s in zip(self.graph.nodes, self.symbols, strict=True)
            if n.is_leaf or n.index in self.line_of
        }
        self.forward: list[str] = forward
        self.backward: list[str] = backward
        body = [*settings, *forward, "", *backward, end]
        head = "import numpy as np\n" + "".join(f"import {module}\n" for module in self.imports)
        head += "import tinygrad_notes as tn\n" if any("tn." in line for line in body) else ""
        lines = "\n".join(f"    {line}" if line else "" for line in body)
        return f"{head}\n\ndef backward({', '.join(self.inputs)}):\n{lines}\n"

    def _user_lines(self) -> set[str]:
        named = (n for n in self.graph.nodes if n.name and not n.is_leaf)
        return {self.line_of[n.index] for n in named if n.index in self.line_of}


def _sum(parts: list[Symbol]) -> Symbol:
    """The contributions added up; equal texts are counted."""
    counts = Counter(part.text for part in parts)
    first = {part.text: part for part in reversed(parts)}
    total, *rest = (first[text] * counts[text] if counts[text] > 1 else first[text] for text in counts)
    for part in rest:
        total = total + part
    return total


def _is_additive(node: GraphNode) -> bool:
    """Whether the derivative of an operation reads no values."""
    return node.op.rule.linear == "jointly" or node.op.name in ("add", "subtract", "negative", "sum", "mean")


def names_each_once(index: Any) -> bool:
    """Whether an index is made of slices and integers, so that it names no place twice."""
    if isinstance(index, tuple):
        return all(map(names_each_once, index))
    return (
        (isinstance(index, (slice, int, np.integer)) and not isinstance(index, bool))
        or index is None
        or index is Ellipsis
    )


def only_adds_axes(index: Any) -> bool:
    """Whether an index takes everything: ``:, None``."""
    items = index if isinstance(index, tuple) else (index,)
    return all(x is None or x is Ellipsis or (isinstance(x, slice) and x == slice(None)) for x in items)


def _listed(index: Any) -> Any:
    return list(index) if isinstance(index, np.ndarray) and index.size <= 6 else index


def _alive(lines: list[str], after: str, always: set[str] | None = None) -> list[str]:
    """The lines whose result is used further down."""
    used = set(WORD.findall(after))
    kept = []
    for line in reversed(lines):
        target = WORD.findall(line)[3 if line.startswith("np.add.at(") else 0]
        if target in used or target in (always or ()):
            kept.append(line)
            used.update(WORD.findall(line.partition("  # ")[0]))
    return kept[::-1]
