"""graph.source: the program runs on NumPy and gives the gradients; what can't be written is done by tn.vjp."""

from __future__ import annotations

import importlib
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import derivations
import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Graph, Tensor, nn
from tinygrad_notes.errors import BadInputError, NotScalarError
from tinygrad_notes.graphs.numpy_source import Source, write_source
from tinygrad_notes.rules import book
from tinygrad_notes.testing.draws import recipe_for
from tinygrad_notes.testing.strategies import calls

EXAMPLES = Path(__file__).parent.parent / "examples"


def check(graph: Graph) -> Source:
    """Run the source on the graph's inputs; its gradients are the graph's."""
    source = write_source(graph)
    program: dict[str, Any] = {}
    exec(source.text, program)
    with np.errstate(all="ignore"):
        found = program["backward"](**source.inputs)
    leaves = [node for node in graph.nodes if node.is_leaf and node.gradient is not None]
    assert [source.gradient_names[node] for node in leaves] == list(found)
    for node, name in source.gradient_names.items():
        expected = node.gradient
        assert np.shape(found[name]) == node.shape, name
        scale = np.max(np.abs(expected), initial=0)
        np.testing.assert_allclose(found[name], expected, rtol=1e-9, atol=1e-9 * scale, err_msg=name)
    return source


def body(graph: Graph) -> list[str]:
    """The lines between ``def`` and ``return``."""
    lines = [line.strip() for line in check(graph).text.splitlines()]
    return lines[next(k for k, line in enumerate(lines) if line.startswith("def ")) + 1 : -1]


def share(sources: list[Source]) -> float:
    """How many programs have no line with ``tn.vjp``."""
    return sum(not source.fallbacks for source in sources) / len(sources)


# ── how it reads ─────────────────────────────────────────────────────────────────────────────────────────────────


def first_cost(a: Any, b: Any, c: Any) -> Any:
    u = b * c
    v = a + u
    return 3 * v


def test_the_first_graph() -> None:
    assert tn.graph(first_cost, 5.0, 3.0, 2.0).source == (
        "import numpy as np\n\n\n"
        "def backward(a, b, c):\n"
        "    u = b * c\n"
        "    v = a + u\n"
        "    J = 3 * v\n"
        "\n"
        "    dv = 3\n"
        "    du = dv\n"
        "    dc = du * b\n"
        "    db = du * c\n"
        "    da = dv\n"
        '    return {"da": da, "db": db, "dc": dc}\n'
    )


def test_logistic_regression_with_a_sigmoid_written_out(rng: np.random.Generator) -> None:
    X, Y = rng.normal(size=(3, 5)), rng.integers(0, 2, (1, 5))

    def cost(w: Any, b: Any) -> Any:
        m = X.shape[1]
        Z = w.T @ X + b
        A = 1 / (1 + np.exp(-Z))
        L = -(Y * np.log(A) + (1 - Y) * np.log(1 - A))
        return np.sum(L) / m

    assert body(tn.graph(cost, rng.normal(size=(3, 1)), 0.0)) == [
        "m = Y.shape[1]",
        "Z = w.T @ X + b",
        "A = 1 / (1 + np.exp(-Z))",
        "L = -(Y * np.log(A) + (1 - Y) * np.log(1 - A))",
        "J = np.sum(L) / m",
        "",
        "dZ = (A - Y) / m",
        "db = np.sum(dZ)",
        "dw = X @ dZ.T",
    ]


def two_layers(rng: np.random.Generator) -> Graph:
    X, Y = rng.normal(size=(3, 5)), rng.integers(0, 2, (1, 5)).astype(float)

    def cost(W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
        Z1 = W1 @ X + b1
        A1 = np.tanh(Z1)
        Z2 = W2 @ A1 + b2
        A2 = nn.sigmoid(Z2)
        return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

    shapes = [(4, 3), (4, 1), (1, 4), (1, 1)]
    return tn.graph(cost, *(rng.normal(size=shape) for shape in shapes))


def test_two_layers(rng: np.random.Generator) -> None:
    lines = body(two_layers(rng))
    assert lines[lines.index("") + 1 :] == [
        "dZ2 = (A2 - Y) / Y.shape[1]",
        "dA1 = W2.T @ dZ2",
        "dZ1 = dA1 * (1 - A1**2)",
        "db2 = np.sum(dZ2, axis=1, keepdims=True)",
        "dW2 = dZ2 @ A1.T",
        "db1 = np.sum(dZ1, axis=1, keepdims=True)",
        "dW1 = dZ1 @ X.T",
    ]


def test_softmax_and_one_hot_labels(rng: np.random.Generator) -> None:
    X, Y = rng.normal(size=(3, 6)), np.eye(4)[:, [0, 1, 2, 3, 1, 2]]

    def cost(W: Any) -> Any:
        Z = W @ X
        A = nn.softmax(Z)
        return -np.sum(Y * np.log(A)) / 6

    assert "dZ = (A - Y) / Y.shape[1]  # for 0/1 labels, one 1 per column" in body(
        tn.graph(cost, rng.normal(size=(4, 3)))
    )


def test_a_short_form_that_only_happens_to_hold_is_not_written() -> None:
    Y = np.array([[1.0, 0.0, 1.0, 0.0]])
    A = Tensor(np.array([[2.0, 1.0, 3.0, 2.0]]), name="A")
    U = A * 1.0
    U.name = "U"
    J = np.sum(U * np.array([[1.0, 1.0, 2.0, 2.0]]) + Y * 0)  # here dU = U − Y
    assert "U - Y" not in "".join(body(tn.graph(J, gradients=True)))


def test_names_that_python_cannot_have() -> None:
    params = [Tensor(2.0), Tensor(3.0)]
    weight, odd = Tensor(4.0, name="lambda"), Tensor(1.0, name="x; import os")
    source = check(tn.graph(params[0] * params[1] * weight + odd, gradients=True))
    assert "def backward(params_0, params_1, lambda_, x_import_os):" in source.text


@pytest.mark.parametrize(
    ("f", "line"),
    [
        (lambda x: np.sum(x**3), "dx = 3 * x**2"),
        (lambda x: np.sum(np.maximum(x, 0)), "dx = (x > 0) + (x == 0) / 2"),
        (lambda x: np.sum(np.exp(-x)), "dx = -np.exp(-x)"),
        (lambda x: np.sum(x * np.sin(x)), "dx = np.sin(x) + x * np.cos(x)"),
        (lambda x: np.sum(x[1:, 0] ** 2), "dv2[1:, 0] += 2 * x[1:, 0]"),
        (lambda x: np.sum(np.sqrt(x * x + 1)), None),
        (lambda x: np.sum(x / (1 + np.sum(x**2, axis=0))), None),
        (lambda x: np.max(x) + np.min(x, axis=0)[1] + np.linalg.norm(x), None),
        (lambda x: np.sum((x.T @ x) ** 2 * np.eye(4)) / 4 - -np.mean(-x, axis=1)[0], None),
        (lambda x: -(-x * 2 - (1 - x) / -2)[0, 0] * -3, None),
    ],
)
def test_lines(f: Callable[..., Any], line: str | None, rng: np.random.Generator) -> None:
    lines = body(tn.graph(f, rng.uniform(0.3, 2, (3, 4))))
    assert line is None or line in lines


def test_without_backward_and_of_arrays() -> None:
    x = Tensor(3.0)
    graph = tn.graph(x**2)
    program: dict[str, Any] = {}
    exec(graph.source, program)
    assert program["backward"](x=5.0) == {"dx": 10.0}
    with pytest.raises(NotScalarError, match="one number"):
        _ = tn.graph(Tensor([1.0, 2.0]) * 2).source


def test_a_function_without_a_name_is_refused() -> None:
    @tn.primitive("y = x³:  dy/dx = 3x²", lambda g, _y, x: g * 3 * x**2)
    def cube(x: Any) -> Any:
        return x**3

    with pytest.raises(BadInputError, match="no module has it"):
        _ = tn.graph(cube(Tensor(2.0)) + 1, gradients=True).source


def test_it_is_right_at_other_inputs_and_at_ties(rng: np.random.Generator) -> None:
    labels = np.array([1, 0, 2])

    def cost(W: Any, b: Any) -> Any:
        A = np.maximum(0, W + b)
        return np.mean(A[labels, np.arange(3)] ** 2) + np.sum(np.tanh(A) * np.abs(W))

    graph = tn.graph(cost, rng.normal(size=(3, 3)), rng.normal(size=(3, 1)))
    program: dict[str, Any] = {}
    exec(graph.source, program)
    assert "labels" in graph.inputs
    for W, b in [(rng.normal(size=(3, 3)), rng.normal(size=(3, 1))), (np.zeros((3, 3)), np.zeros((3, 1)))]:
        found = program["backward"](**{**graph.inputs, "W": W, "b": b})
        for name, expected in zip(("dW", "db"), tn.grad(cost, (0, 1))(W, b), strict=True):
            np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-14)


# ── round trips ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_derivations_of_the_course() -> None:
    sources = []
    for claim in derivations.RIGHT.values():
        options = claim.options
        recipe = recipe_for(claim.f, (), options.get("shapes"), options.get("given"), options.get("dims"))
        inputs = recipe.draw(np.random.default_rng(1)).inputs
        sources.append(check(tn.graph(claim.f, *inputs.values())))
    assert share(sources) >= 0.95


def test_the_catalogue() -> None:
    graphs = (entry.graph() for entry in tn.notes.catalogue.values())
    sources = [check(graph) for graph in graphs if graph is not None and graph.root.size == 1]
    assert len(sources) > 50
    assert share(sources) >= 0.95


def rule_calls(special: bool) -> Iterator[tuple[book.Rule, tuple[Any, ...], dict[str, Any]]]:
    """Sample calls of the package's rules: the optional chapter's, or all others (whichever test read it first)."""
    for entry in {id(entry): entry for entry in book.BOOK.values() if isinstance(entry, book.Rule)}.values():
        module = getattr(entry.f, "__module__", None) or "scipy.special"  # SciPy's ufuncs don't say where they are from
        if module.startswith(("test_", "duck", "conftest")):
            continue
        if (module in ("scipy.special", "tinygrad_notes.rules.special")) is special:
            for args, kwargs in calls(entry)[:4]:
                yield entry, args, kwargs


def graph_of_call(entry: book.Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Graph | None:
    """A number made of a rule's results, of inputs that are all differentiated."""
    inputs = [
        Tensor(x) if getattr(x, "dtype", np.dtype(int)).kind == "f" and (entry.variadic or entry.vjps[k]) else x
        for k, x in enumerate(args[: len(args) if entry.variadic else entry.inputs])
    ]
    if not any(isinstance(x, Tensor) for x in inputs):
        return None
    result = entry(*inputs, *args[len(inputs) :], **kwargs)
    J: Any = 0.0
    for y in result if isinstance(result, tuple) else (result,):
        real = np.real(y) + np.imag(y) if y.dtype.kind == "c" else y
        J = J + np.sum(np.sin(real) * np.arange(1, 1 + y.size).reshape(y.shape))
    return tn.graph(J, gradients=True)


def test_every_rule() -> None:
    graphs = (graph_of_call(*call) for call in rule_calls(special=False))
    sources = [check(graph) for graph in graphs if graph is not None]
    assert len(sources) > 300
    assert share(sources) >= 0.85


def test_every_rule_of_the_special_chapter() -> None:
    pytest.importorskip("scipy", reason="SciPy is not installed")
    importlib.import_module("tinygrad_notes.rules.special")
    graphs = (graph_of_call(*call) for call in rule_calls(special=True))
    sources = [check(graph) for graph in graphs if graph is not None]
    assert len(sources) > 60


UNARY: list[Callable[[Any], Any]] = [
    np.tanh, np.sin, np.abs, nn.relu, nn.sigmoid, lambda a: -a, lambda a: a**3, lambda a: np.exp(-(a**2)),
    lambda a: np.log(1.5 + a * a), lambda a: np.sqrt(1 + a * a), lambda a: np.sum(a, axis=-1, keepdims=True),
    lambda a: np.mean(a, axis=0), np.max, lambda a: a.T, lambda a: a[0], lambda a: nn.softmax(a, axis=0),
    lambda a: np.reshape(a, -1), lambda a: np.clip(a, -0.5, 0.7), np.linalg.norm, np.std,
]  # fmt: skip
BINARY: list[Callable[[Any, Any], Any]] = [
    np.add, np.subtract, np.multiply, lambda a, b: a / (1.5 + b * b), np.maximum, lambda a, b: a @ b,
    lambda a, b: a @ b.T, lambda a, b: np.where(a.data > 0, a, b), lambda a, b: np.concatenate([a, b]), np.outer,
    lambda a, b: np.einsum("ij,kj->ik", a, b),
]  # fmt: skip


def random_program(seed: int) -> Graph:
    """Operations drawn one after the other on what was computed before; some results get names."""
    rng = np.random.default_rng(seed)
    values = [Tensor(rng.normal(size=shape)) for shape in [(3, 4), (3, 1), (1, 4), (), (4,)]]
    for k in range(int(rng.integers(4, 14))):
        a, b = (values[int(i)] for i in rng.integers(0, len(values), 2))
        first, second = UNARY[int(rng.integers(len(UNARY)))], BINARY[int(rng.integers(len(BINARY)))]
        try:
            new = first(a) if rng.random() < 0.5 else second(a, b)
        except (ValueError, IndexError, TypeError):  # shapes that don't go together
            continue
        if new.size <= 400:
            if rng.random() < 0.4:
                new.name = f"h{k}"
            values.append(new)
    J: Any = 0.5 * np.sum(values[0] * values[0])
    for value in values[5:]:
        J = J + float(rng.normal()) * np.sum(value)
    return tn.graph(J, gradients=True)


def test_200_random_programs() -> None:
    sources = [check(random_program(seed)) for seed in range(200)]
    assert share(sources) >= 0.95


# ── the examples ─────────────────────────────────────────────────────────────────────────────────────────────────


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / name))


def test_logistic_regression_and_two_layers_of_the_examples(rng: np.random.Generator) -> None:
    e = example("02_logistic_regression.py")
    X, Y, _, _ = e["load"]()
    source = check(tn.graph(lambda w, b: e["cost"](e["forward"](X, w, b)[1], Y), 0.1 * rng.normal(size=(30, 1)), 0.0))
    assert "dZ = (A - Y) / Y.shape[1]" in source.text
    e = example("03_two_layer_net.py")
    X, Y = e["flower"]()
    shapes = [(4, 2), (4, 1), (1, 4), (1, 1)]
    source = check(
        tn.graph(lambda *parameters: e["cost"](e["network"](X, *parameters), Y), *(rng.normal(size=s) for s in shapes))
    )
    assert source.fallbacks == []


def test_digits_of_the_examples(rng: np.random.Generator) -> None:
    e = example("06_mlp_digits.py")
    X, labels = rng.uniform(size=(64, 12)), rng.integers(0, 10, 12)
    assert check(tn.graph(lambda p: e["cost"](p, X, labels, rng), e["start"](rng))).fallbacks == []
    e = example("07_conv_digits.py")
    X, labels = rng.uniform(size=(5, 1, 8, 8)), rng.integers(0, 10, 5)
    check(tn.graph(lambda model: e["cost"](model, X, labels), e["make_model"](rng)))


def test_sequences_of_the_examples(rng: np.random.Generator) -> None:
    e = example("08_char_rnn.py")
    numbers = rng.integers(0, 20, (3, 9))
    assert check(tn.graph(lambda p: e["cost"](p, numbers), e["start"](20, rng))).fallbacks == []
    e = example("09_tiny_gpt.py")
    numbers = rng.integers(0, 20, (2, e["TIME"] + 1))
    check(tn.graph(lambda gpt: e["cost"](gpt, numbers), e["make_gpt"](20, rng, np.float64)))


def test_a_long_graph_is_written() -> None:
    x = Tensor(0.5)
    y = x
    for _ in range(5000):
        y = np.sin(y) * 1.01
    graph = tn.graph(y, gradients=True)
    check(graph)
