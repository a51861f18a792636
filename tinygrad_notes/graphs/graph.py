"""`tn.graph`: take a snapshot of a graph, name it as the caller does, and show it."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backward import Node
from ..errors import BadInputError, user_frame, user_line
from ..pytree import flatten, paths, unflatten
from ..recording import call_sites
from ..tensor import Tensor
from .drawing import Drawing, View, draw
from .layout import Engine, find_engine, lay_out, no_engine
from .model import GraphNode, Snapshot, root_of
from .names import Names, names_of_frame, watch_names
from .picture import picture

if TYPE_CHECKING:
    from .latex import Latex
    from .numpy_source import Source

__all__ = ["Graph", "graph"]

FORMATS = {".svg": "svg", ".png": "png", ".pdf": "pdf", ".dot": "dot", ".gv": "dot", ".html": "html", ".txt": "txt"}


def graph(
    result: Tensor | Callable[..., Any],
    *args: Any,
    gradients: bool | None = None,
    direction: str = "both",
    level: int | None = None,
    max_nodes: int | None = 300,
    constants: bool | None = None,
    chain: bool = False,
    color: str | None = None,
    highlight: Any = (),
    rankdir: str | None = None,
    unnamed: bool | None = None,
) -> Graph:
    """Draw how a result was computed, with every value and, after ``backward()``, every derivative.

    Parameters
    ----------
    result : Tensor or callable
        What was computed; or a function, which is called on `args` with its lines recorded.
    *args : array_like or containers of them
        The function's arguments: floats and float arrays are differentiated, other values are constants.
    gradients : bool, optional
        Whether to show derivatives. By default if ``result.backward()`` has run, and always for a function that
        returns one number.
    direction : {"both", "forward", "backward"}
        Which arrows to draw.
    level : int, optional
        How many levels of ``tn.scope`` to open; deeper ones are folded into boxes. By default as many as fit.
    max_nodes : int or None
        Draw at most so many boxes: the earliest operations become one. None draws all.
    constants : bool, optional
        Draw plain arrays beside Tensors. By default those that have a name.
    chain : bool
        Write the chain rule at each arrow: ``dJ/dv · dv/da = 3 · 1 = 3``.
    color : {None, "gradient"}
        Tint boxes by the size of their gradient.
    highlight : Tensor or sequence of them
        Values to mark.
    rankdir : {"LR", "TB"}, optional
        Left to right or top to bottom. By default by size.
    unnamed : bool, optional
        Draw values that have no name as boxes of their own, or inside the formula that uses them. By default the
        former up to 6 operations.

    Returns
    -------
    Graph
        Shows itself in a notebook; ``.save("J.svg")``; ``print(graph)``.

    Raises
    ------
    BadInputError
        If `result` wasn't computed from a Tensor.
    NotScalarError
        If gradients are asked of an array without ``t.backward(gradient=...)``.

    Examples
    --------
    >>> import tinygrad_notes as tn
    >>> a, b, c = tn.Tensor(5.0), tn.Tensor(3.0), tn.Tensor(2.0)
    >>> u = b * c
    >>> v = a + u
    >>> J = 3 * v
    >>> J.backward()
    >>> print(tn.graph(J))
    a          5   dJ/da = 3
    b          3   dJ/db = 6
    c          2   dJ/dc = 9
    u = bc     6   dJ/du = 3
    v = a + u  11  dJ/dv = 3
    J = 3v     33
    """
    marked = tuple(highlight) if isinstance(highlight, (list, tuple)) else (highlight,)
    view = View(direction, level, max_nodes, constants, chain, color, marked, rankdir, unnamed)
    if callable(result) and not isinstance(result, Tensor):
        return _graph_of_call(result, args, gradients, view)
    if args:
        raise BadInputError(f"tn.graph(J) takes one Tensor; tn.graph(f, *args) a function first.{user_line()}")
    return Graph(root_of(result), gradients=gradients, names=names_of_frame(user_frame()), view=view)


def _graph_of_call(f: Callable[..., Any], args: tuple[Any, ...], gradients: bool | None, view: View) -> Graph:
    if not args and _wants_arguments(f):
        raise BadInputError(f"a graph is one call's: give the function's arguments too, tn.graph(f, x).{user_line()}")
    leaves, structure = flatten(args)
    tensors = [_as_input(leaf) for leaf in leaves]
    with call_sites(), watch_names() as names_seen:
        result = f(*unflatten(structure, tensors))
    root = root_of(result)
    names = _argument_names(f, args, tensors)
    found = names_seen()
    for node, name in found.of_nodes.items():
        names.of_nodes.setdefault(node, name)
    for identity, name in found.of_arrays.items():
        names.of_arrays.setdefault(identity, name)
    names.keep(found)
    names.search(getattr(f, "__globals__", {}))
    wanted = result.size == 1 if gradients is None else gradients
    return Graph(root, gradients=wanted, names=names, view=view)


def _wants_arguments(f: Callable[..., Any]) -> bool:
    try:
        inspect.signature(f).bind()
    except TypeError:
        return True
    except ValueError:  # its signature is unknown
        return False
    return False


def _as_input(x: Any) -> Any:
    """A function's argument as a fresh Tensor; labels, masks and flags stay as they are."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, (bool, np.bool_)) or not isinstance(x, (int, float, complex, np.generic, np.ndarray)):
        return x
    if isinstance(x, np.ndarray) and x.dtype.kind not in "fc":
        return x
    return Tensor(x)


def _argument_names(f: Callable[..., Any], args: tuple[Any, ...], tensors: list[Any]) -> Names:
    """Parameters by their own name; what is in a container by its key."""
    names = Names()
    try:
        bound = inspect.signature(f).bind(*args)
    except (TypeError, ValueError):
        return names
    position = 0
    for parameter, value in bound.arguments.items():
        several = bound.signature.parameters[parameter].kind is inspect.Parameter.VAR_POSITIONAL
        for path in paths(value):
            text = f"{parameter}{path}" if several else path
            text = parameter if not path else text if path[:1].isalpha() and not several else f"{parameter}{path}"
            names.search({text: tensors[position]})
            position += 1
    return names


class Graph(Snapshot):
    """A snapshot of a computation graph; shows itself in a notebook.

    Attributes
    ----------
    nodes : list of GraphNode
        In order of computing; the last one is ``root``.
    edges : list of GraphEdge
    has_gradients : bool
        Whether the derivatives are known.

    Examples
    --------
    >>> import tinygrad_notes as tn
    >>> x = tn.Tensor(2.0)
    >>> y = x**2
    >>> g = tn.graph(y, gradients=True)
    >>> [(node.label, node.formula, float(node.gradient)) for node in g.nodes]
    [('x', '', 4.0), ('y', 'x²', 1.0)]
    >>> float(g.edges[0].local)
    4.0
    """

    def __init__(
        self, root: Node, *, gradients: bool | None = None, names: Names | None = None, view: View | None = None
    ) -> None:
        super().__init__(root, gradients)
        self.view: View = view or View()
        names = names or Names()
        of_nodes: dict[GraphNode, str] = {}
        for node, name in names.of_nodes.items():
            entry = self.found.get(node)
            if entry is not None:
                of_nodes.setdefault(entry, name)
        self.set_names(of_nodes, names.of_arrays, names.arrays)
        self.numbers: dict[str, float] = names.numbers
        self.array_names: dict[int, str] = names.of_arrays
        self.view = replace(self.view, highlight=tuple(map(self.node, self.view.highlight)))
        self.found: dict[Node, GraphNode] = {}
        self._drawing: Drawing | None = None
        self._svg: str | None = None
        self._source: Source | None = None

    def node(self, thing: Any) -> GraphNode:
        """Find a node by its Tensor (while the graph is being made), its name, its label or its key.

        Raises
        ------
        BadInputError
            If the graph has no such node.
        """
        if isinstance(thing, GraphNode):
            return thing
        if isinstance(thing, Tensor):
            if thing.node in self.found:
                return self.found[thing.node]
        else:
            self.formulas  # noqa: B018 (labels are given with them)
            for node in self.nodes:
                if thing in (node.name, node.label, node.key):
                    return node
        known = ", ".join(node.label for node in self.nodes[:20] if node.name)
        raise BadInputError(f"no value {thing!r} in this graph; named ones: {known}.{user_line()}")

    def with_view(self, **changes: Any) -> Graph:
        """The same graph, shown otherwise: ``graph.with_view(direction="backward", level=0)``.

        Raises
        ------
        BadInputError
            If a keyword's value isn't one `tn.graph` takes.
        """
        other: Graph = object.__new__(Graph)
        other.__dict__.update(self.__dict__)
        other.view = replace(self.view, **changes)
        other.view = replace(other.view, highlight=tuple(map(self.node, other.view.highlight)))
        other._drawing = other._svg = None
        return other

    # ways of showing

    @property
    def drawing(self) -> Drawing:
        """What is drawn: boxes and arrows, without positions."""
        if self._drawing is None:
            self._drawing = draw(self, self.view)
        return self._drawing

    @property
    def text(self) -> str:
        """A readable table for terminals and logs."""
        from .text import write_text

        return write_text(self)

    @property
    def source(self) -> str:
        """NumPy code of the forward and the backward pass: a function ``backward(**graph.inputs)``.

        Examples
        --------
        >>> import tinygrad_notes as tn
        >>> a, b = tn.Tensor(5.0), tn.Tensor(3.0)
        >>> program = {}
        >>> g = tn.graph(a * b, gradients=True)
        >>> exec(g.source, program)
        >>> {name: float(value) for name, value in program["backward"](**g.inputs).items()}
        {'da': 3.0, 'db': 5.0}
        """
        return self._written.text

    @property
    def latex(self) -> Latex:
        r"""The chain-rule steps in the notes' notation; a notebook typesets them.

        Examples
        --------
        >>> import tinygrad_notes as tn
        >>> a, b = tn.Tensor(5.0), tn.Tensor(3.0)
        >>> print(tn.graph(a * b, gradients=True).latex)
        \begin{aligned}
        J &= a \, b = 15 \\
        \frac{\partial J}{\partial a} &= b = 3 \\
        \frac{\partial J}{\partial b} &= a = 5
        \end{aligned}
        """
        return self.to_latex()

    def to_latex(self, *, course: bool = False) -> Latex:
        """The same as `latex`.

        Parameters
        ----------
        course : bool
            Write dZ without the factor 1/m and put it at dW and db.
        """
        from .latex import write_latex

        return write_latex(self if self.has_gradients else self.with_gradients(), self._written, course)

    @property
    def markdown(self) -> str:
        """The steps as Markdown with display mathematics."""
        return f"$$\n{self.latex}\n$$\n"

    @property
    def steps(self) -> list[str]:
        """The chain rule as plain text: ``dJ/db = dJ/dv · dv/du · du/db = 3 · 1 · c = 6``."""
        from .latex import write_steps

        return write_steps(self if self.has_gradients else self.with_gradients())

    @property
    def inputs(self) -> dict[str, Any]:
        """The arguments of the function in `source`, with the values they have here."""
        return dict(self._written.inputs)

    @property
    def _written(self) -> Source:
        if self._source is None:
            from .numpy_source import write_source

            graph = self if self.has_gradients else self.with_gradients()
            self._source = write_source(graph)
        return self._source

    def with_gradients(self) -> Graph:
        """The same graph with derivatives, where ``backward()`` has not been called.

        Raises
        ------
        NotScalarError
            If the result is not one number.
        """
        other = self.with_view()
        other.nodes, other.edges = self.nodes, self.edges
        with np.errstate(all="ignore"):
            other._pull_back(None)
        other.has_gradients = True
        return other

    def to_dot(self) -> str:
        """The picture as DOT text, for Graphviz."""
        from .dot import write_dot

        return write_dot(self.drawing)

    def to_svg(self, *, timeout: float | None = None) -> str:
        """The picture as SVG; by our own plain layout where no engine is installed.

        Parameters
        ----------
        timeout : float, optional
            How many seconds the layout may take. Without it, 20; then our own plain layout is used.

        Raises
        ------
        DrawingError
            If the engine fails, or takes longer than the time given.
        """
        if self._svg is None:
            self._svg = picture(self.drawing, timeout)
        return self._svg

    def to_html(self, *, timeout: float | None = None) -> str:
        """A page that steps through the graph: one file, works offline.

        Parameters
        ----------
        timeout : float, optional
            How many seconds each layout may take.

        Raises
        ------
        DrawingError
            If the engine fails or takes too long.
        """
        from .html import write_html

        return write_html(self, timeout)

    def play(self) -> Any:
        """Show the page that steps through the graph, in a notebook's output."""
        from .html import Player

        return Player(self.to_html())

    def _to_pixels(self, kind: str, timeout: float | None) -> bytes:
        engine: Engine | None = find_engine()
        if engine is None:
            raise no_engine(f"a picture as {kind.upper()}")
        paper = 'graph [dpi="192" bgcolor="white"]' if kind == "png" else 'graph [bgcolor="white"]'
        return lay_out(engine, self.to_dot().replace("{\n", f"{{\n\t{paper}\n", 1), kind, timeout)

    def save(self, path: str | os.PathLike[str], *, timeout: float | None = None) -> Path:
        """Write the picture; the suffix says how.

        Parameters
        ----------
        path : str or Path
            ``.svg``, ``.png``, ``.pdf``, ``.dot``, ``.html`` (a page that steps through the graph) or ``.txt``.
        timeout : float, optional
            How many seconds the layout may take.

        Returns
        -------
        Path
            The file, written whole or not at all.

        Raises
        ------
        BadInputError
            For any other suffix.
        DrawingError, MissingExtraError
            If the picture can't be laid out.
        """
        file = Path(path)
        kind = check_suffix(file)
        picture = kind in ("png", "pdf")
        write_whole(file, self._to_pixels(kind, timeout) if picture else self._as_text(kind, timeout).encode())
        return file

    def _as_text(self, kind: str, timeout: float | None) -> str:
        if kind == "svg":
            return self.to_svg(timeout=timeout)
        if kind == "html":
            return self.to_html(timeout=timeout)
        return self.to_dot() if kind == "dot" else self.text + "\n"

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Graph of {self.root.label}: {len(self.nodes)} values, {len(self.edges)} edges>"

    def _repr_svg_(self) -> str:
        return self.to_svg()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.to_svg(), "text/plain": self.text}


def check_suffix(file: Path) -> str:
    """The kind of picture that a file name asks for.

    Raises
    ------
    BadInputError
        If there is none; the message names the known ones.
    """
    kind = FORMATS.get(file.suffix.lower())
    if kind is None:
        raise BadInputError(f"can't draw to {file.suffix or file.name!r}: known are {', '.join(FORMATS)}{user_line()}")
    return kind


def write_whole(file: Path, content: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    folder = file.parent
    if not folder.is_dir():
        raise BadInputError(f"there is no folder {folder}: make it before saving.{user_line()}")
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
