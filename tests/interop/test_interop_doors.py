"""safetensors, SciPy, networkx, GraphML, JSON, scikit-learn; and that importing the package loads none of them."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import nn, optim
from tinygrad_notes.errors import BadInputError, DTypeError, MissingExtraError, ShapeError


def test_importing_the_package_opens_no_door() -> None:
    code = (
        "import sys, tinygrad_notes as tn; tn.interop; "
        "print([m for m in ('torch','jax','onnx','dask','distributed','sklearn','scipy','networkx','safetensors')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


NEEDS = {
    "torch": ("torch", lambda door: door.from_torch([]), "tinygrad-notes[torch]"),
    "jax": ("jax", lambda door: door.to_jax([]), "tinygrad-notes[jax]"),
    "onnx": ("onnx", lambda door: door.export(np.tanh, np.ones(2)), "tinygrad-notes[onnx]"),
    "safetensors": ("safetensors", lambda door: door.save("x", [1.0]), "tinygrad-notes[safetensors]"),
    "scipy": ("scipy.optimize", lambda door: door.minimize(np.sum, np.ones(2)), "tinygrad-notes[scipy]"),
    "graphs": ("networkx", lambda door: door._networkx(), "tinygrad-notes[networkx]"),
    "dask": ("distributed", lambda door: door.value_and_grad(np.sum, [[1.0]])(1.0), "tinygrad-notes[dask]"),
}


@pytest.mark.parametrize("door", NEEDS)
def test_a_missing_package_is_one_line(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, use, command = NEEDS[door]
    module = getattr(tn.interop, door)
    for name in [m for m in sys.modules if m == package or m.startswith(package + ".")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError) as caught:
        use(module)
    assert command in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_door_of_another_name() -> None:
    with pytest.raises(AttributeError, match="tensorflow"):
        _ = tn.interop.tensorflow
    assert set(tn.interop.__all__) <= set(dir(tn.interop))


# ── SciPy ────────────────────────────────────────────────────────────────────────────────────────────────────────

optimize = pytest.importorskip("scipy.optimize")


def bowl(p: Any) -> Any:
    """Convex, smallest at x = y = 1, and no quadratic."""
    return (p["x"] - 1) ** 2 + np.sum(np.cosh(p["y"] - p["x"]))


@pytest.mark.parametrize(
    "method",
    [None, "CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov", "trust-constr", "dogleg",
     "trust-exact", "Nelder-Mead", "Powell", "COBYLA"],
)  # fmt: skip
def test_every_method_of_scipy_finds_the_minimum(method: str | None) -> None:
    start = {"x": 0.5, "y": np.array([0.4, 2.6])}
    result = tn.interop.scipy.minimize(bowl, start, method=method, tol=1e-7)
    assert np.allclose(result.x["x"], 1, atol=1e-3)
    assert np.allclose(result.x["y"], 1, atol=1e-3)
    assert result.jac["y"].shape == (2,)
    assert start["x"] == 0.5


def test_the_gradient_is_the_one_scipy_sees() -> None:
    seen = []

    def callback(p: Any) -> None:
        seen.append(p["y"].shape)

    start = {"x": np.float64(0.5), "y": np.array([0.4, 0.6])}
    result = tn.interop.scipy.minimize(bowl, start, callback=callback)
    assert seen
    assert set(seen) == {(2,)}
    assert result.nfev < 30  # differences would take four times as many


def test_bounds_arguments_and_a_model() -> None:
    result = tn.interop.scipy.minimize(
        lambda p, target: np.sum((p["a"] - target) ** 2), {"a": np.zeros(3)}, (np.array([1.0, 2.0, 3.0]),),
        bounds=({"a": np.zeros(3)}, 2.0), method="L-BFGS-B",
    )  # fmt: skip
    assert np.allclose(result.x["a"], [1, 2, 2])
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(2, 50)), rng.normal(size=(1, 50))
    model = nn.Sequential(nn.Linear(2, 4, rng), np.tanh, nn.Linear(4, 1, rng))
    result = tn.interop.scipy.minimize(lambda model: nn.mse(model(X), Y), model, method="BFGS")
    assert isinstance(result.x, nn.Sequential)
    assert result.fun < nn.mse(model(X), Y)


def test_what_scipy_cannot_be_given() -> None:
    with pytest.raises(BadInputError, match="jac= is computed"):
        tn.interop.scipy.minimize(np.sum, np.ones(2), jac=True)
    with pytest.raises(DTypeError, match="z is complex128"):
        tn.interop.scipy.minimize(np.sum, {"z": 1j})
    from tinygrad_notes.interop.flat import Flat

    with pytest.raises(ShapeError, match="structure"):
        Flat({"a": 1.0}).ravel([1.0])
    kept = Flat({"a": np.ones(2, np.float32)})
    assert kept.unravel(np.arange(2.0))["a"].dtype == np.float32


# ── graphs ───────────────────────────────────────────────────────────────────────────────────────────────────────


def a_graph() -> Any:
    X = np.arange(6.0).reshape(2, 3)
    w, b = tn.Tensor(np.ones((2, 1)), name="w"), tn.Tensor(0.5, name="b")
    with tn.scope("layer 1"):
        A = nn.sigmoid(w.T @ X + b)
    J = np.mean(A)
    J.backward()
    return tn.graph(J)


def test_json_comes_back_as_it_was(tmp_path: Any) -> None:
    graph = a_graph()
    text = tn.interop.graphs.to_json(graph, tmp_path / "J.json")
    read = tn.interop.graphs.from_json(tmp_path / "J.json")
    assert tn.interop.graphs.to_json(read) == text == tn.interop.graphs.to_json(graph)
    assert read == tn.interop.graphs.describe_graph(graph)
    assert read.node("w").gradient == np.asarray(graph.node("w").gradient).tolist()
    assert read.node("b").shape == []
    assert read.node("A").scope == ["layer 1"]
    assert [e.broadcast for e in read.edges if e.source == read.node("b").key] == [[0, 1]]
    constants = [node for node in read.nodes if node.kind == "constant"]
    assert [node.value for node in constants] == [[[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]]


def test_json_holds_nan_inf_and_complex_numbers_and_leaves_large_values_out() -> None:
    x = tn.Tensor(np.array([np.nan, np.inf, 1.0]), name="x")
    read = tn.interop.graphs.from_json(tn.interop.graphs.to_json(tn.graph(x * 2)))
    assert read.node("x").value == ["nan", "inf", 1.0]
    z = tn.Tensor(1 + 2j, name="z")
    assert json.loads(tn.interop.graphs.to_json(tn.graph(z * z)))["nodes"][0]["value"] == {"re": 1.0, "im": 2.0}
    large = tn.Tensor(np.ones(1000), name="large")
    assert tn.interop.graphs.describe_graph(tn.graph(large * 2)).node("large").value is None


@pytest.mark.parametrize(
    ("text", "message"),
    [("{}", "no graph"), ('{"format": "other", "version": 1}', "not known"), ("{", "no graph"),
     ('{"format": "tinygrad-notes graph", "version": 1, "root": "v9", "nodes": [], "edges": []}', "v9"),
     ('{"format": "tinygrad-notes graph", "version": 9}', "version 9")],
)  # fmt: skip
def test_other_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        tn.interop.graphs.from_json(text)


def test_networkx_and_graphml(tmp_path: Any) -> None:
    networkx = pytest.importorskip("networkx")
    graph = a_graph()
    G = tn.interop.graphs.to_networkx(graph)
    assert networkx.is_directed_acyclic_graph(G)
    assert {d["op"] for _, d in G.nodes(data=True)} >= {"matmul", "sigmoid", "mean"}
    assert len(G) == len(graph.nodes) + len(graph.constants)
    assert networkx.descendants(G, graph.node("w").key) >= {graph.root.key}
    tn.interop.graphs.to_graphml(graph, tmp_path / "J.graphml")
    read = networkx.read_graphml(tmp_path / "J.graphml", force_multigraph=True)
    assert set(read.nodes) == set(G.nodes)
    assert read.number_of_edges() == G.number_of_edges()
    assert read.nodes[graph.node("A").key]["label"] == "A"
    x = tn.Tensor(2.0)
    square = tn.interop.graphs.to_networkx(tn.graph(x * x))
    assert square.number_of_edges() == 2  # both arguments of the product


# ── safetensors ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_safetensors_are_the_ones_of_training(tmp_path: Any) -> None:
    numpy_files = pytest.importorskip("safetensors.numpy")
    model = nn.Linear(3, 2, np.random.default_rng(0))
    door = tn.interop.safetensors
    door.save(tmp_path / "m.safetensors", model)
    assert np.array_equal(door.load(tmp_path / "m.safetensors", like=model).W, model.W)
    assert set(numpy_files.load_file(tmp_path / "m.safetensors")) == {"W", "b"}


# ── scikit-learn ─────────────────────────────────────────────────────────────────────────────────────────────────

sklearn = pytest.importorskip("sklearn")


@pytest.mark.filterwarnings("ignore")  # scikit-learn provokes its own
@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_scikit_learns_own_checks_pass_whole(kind: str) -> None:
    from sklearn.utils.estimator_checks import check_estimator

    estimator = getattr(tn.interop.sklearn, kind)(epochs=40, optimizer=optim.Adam(lr=0.05))
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    counts = Counter(result["status"] for result in results)
    assert [result for result in results if result["status"] == "failed"] == []
    assert counts["passed"] >= 48
    assert counts["skipped"] <= 2  # pandas, and SciPy's array API switch


def five_units(inputs: int, outputs: int, rng: Any) -> Any:
    return nn.Sequential(nn.Linear(inputs, 5, rng), np.tanh, nn.Linear(5, outputs, rng))


def test_pipelines_grid_search_and_own_models() -> None:
    from sklearn.datasets import load_iris
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = load_iris(return_X_y=True)
    fast = {"epochs": 40, "optimizer": optim.Adam(lr=0.05), "random_state": 0}
    pipeline = make_pipeline(StandardScaler(), tn.interop.sklearn.Classifier(**fast))
    assert cross_val_score(pipeline, X, y, cv=3).mean() > 0.93
    search = GridSearchCV(tn.interop.sklearn.Classifier(**fast), {"hidden": [(), (8,)]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.93

    own = tn.interop.sklearn.Regressor(five_units, batch_size=16, **fast).fit(X[:, :3], X[:, 3])
    assert own.score(X[:, :3], X[:, 3]) > 0.9
    assert len(own.parameters_) == 4
    again = pickle.loads(pickle.dumps(own))
    assert np.array_equal(again.predict(X[:, :3]), own.predict(X[:, :3]))


def test_a_rule_is_the_same_one_in_another_process() -> None:
    assert pickle.loads(pickle.dumps(nn.relu)) is nn.relu
    assert pickle.loads(pickle.dumps(nn.Sequential(nn.sigmoid))).layers[0].f is nn.sigmoid
