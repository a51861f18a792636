"""Activations: sigmoid, tanh, relu, leaky relu; their derivatives, also where they have none."""

from __future__ import annotations

import numpy as np

from .claims import Every, Evidence, Gradient, Identity, Procedure, Value
from .entry import right, text, wrong
from .formula import Formula

MANY = {"z": "n"}

is_leaky: Identity = Identity("a = np.where(z > 0, z, z / 100)", MANY)


def ends(low: float, middle: float, high: float) -> Procedure:
    """The values far left, at 0 and far right, and that it only rises."""

    def levels(run: Formula) -> Evidence:
        z = np.linspace(-10, 10, 401)
        a = run(z=z)["a"]
        return {
            f"at −10 about {low}": abs(a[0] - low) < 1e-4,
            f"at 0: {middle}": abs(a[200] - middle) < 1e-15,
            f"at 10 about {high}": abs(a[-1] - high) < 1e-4,
            "it rises all the way, and stays between": np.all(np.diff(a) > 0) and low < a[0] and a[-1] < high,
        }

    return Procedure(levels)


def steeper_near_zero(run: Formula) -> Evidence:
    """Which of the two slopes is larger, on both sides of the edge."""
    found = run(z=np.linspace(-6, 6, 1201))
    edge, z = found["edge"], np.linspace(-6, 6, 1201)
    near, far = np.abs(z) < edge - 0.01, np.abs(z) > edge + 0.01
    s = 1 / (1 + np.exp(-z))
    at_edge = run(z=edge)
    return {
        f"at {edge:.4f} they are equal": abs(at_edge["of_tanh"] - at_edge["of_sigmoid"]) < 1e-12,
        "the slopes are those of tanh and σ": np.allclose(found["of_tanh"], 1 / np.cosh(z) ** 2)
        and np.allclose(found["of_sigmoid"], s - s * s),
        f"|z| < {edge:.4f}: tanh' is larger": np.all(found["of_tanh"][near] > found["of_sigmoid"][near]),
        "beyond: σ' is larger": np.all(found["of_tanh"][far] < found["of_sigmoid"][far]),
    }


def centred(run: Formula, rng: np.random.Generator) -> Evidence:
    """Means over symmetric inputs."""
    z = rng.standard_normal(2000)
    found = run(z=np.concatenate([z, -z]))
    return {
        "tanh: mean 0": abs(np.mean(found["a"])) < 1e-12,
        "σ: mean 1/2": abs(np.mean(found["s"]) - 0.5) < 1e-12,
    }


def one_case_each(run: Formula) -> Evidence:
    """Every z falls into one case."""
    counts = [sum(run(z=z)["cases"]) for z in (-1.0, 0.0, 0.5, 1.0)]
    return {f"z = −1, 0, 0.5, 1 fall into {counts} cases": counts == [1, 1, 1, 1]}


def vanishes(run: Formula) -> Evidence:
    """The slope of learning for large |z|, with a target of 1000."""
    slopes = {z: float(run(z=z, y=1000.0)["slope"]) for z in (-10.0, 10.0, 100.0)}
    told = ", ".join(f"{s:.3g} at z = {z:g}" for z, s in slopes.items())
    return {
        f"the slope is near 0 for large |z|: {told}": all(abs(s) < 1e-3 for s in slopes.values()),
        "it is largest, 1/4, at 0": abs(run(z=0.0, y=1000.0)["slope"] - 0.25) < 1e-12,
    }


def half_of_the_units(run: Formula, rng: np.random.Generator) -> Evidence:
    """Slopes of relu for many units and examples."""
    dz = run(z=rng.standard_normal((50, 200)))["dz"]
    return {
        "every slope is 0 or 1": set(np.unique(dz)) == {0.0, 1.0},
        "every unit learns from some example": np.all(np.sum(dz, axis=1) > 0),
        "every example reaches some unit": np.all(np.sum(dz, axis=0) > 0),
    }


def is_no_distribution(run: Formula, rng: np.random.Generator) -> Evidence:
    """Sums over classes."""
    found = run(z=rng.standard_normal((4, 30)))
    return {
        "each output is between 0 and 1": np.all((found["yhat"] > 0) & (found["yhat"] < 1)),
        "over the classes σ does not sum to 1": np.all(np.abs(np.sum(found["yhat"], axis=0) - 1) > 1e-6),
        "softmax does": np.allclose(np.sum(found["over_classes"], axis=0), 1),
    }


def sides_of(g: str) -> Identity:
    """The two one-sided differences and the central one, at 0."""
    slope = Formula(f"a = {g}").function("a")

    def differences() -> Evidence:
        h = 1e-3
        return {
            "from_left": (slope(0) - slope(-h)) / h,
            "from_right": (slope(h) - slope(0)) / h,
            "central": (slope(h) - slope(-h)) / (2 * h),
        }

    return Identity(differences)


ENTRIES = [
    right(
        "act.sigmoid",
        "the sigmoid",
        "000:54,97-99; 002:433; 004:192-195,250,596,906",
        r"\sigma(z) = \frac{1}{1 + e^{-z}}",
        "a = 1 / (1 + np.exp(-z))",
        Every(Identity("a = (1 + np.tanh(z / 2)) / 2", MANY), ends(0, 0.5, 1)),
        shapes="elementwise",
    ),
    right(
        "act.sigmoid-grad",
        "its derivative: a(1 − a); 1/4 at 0, about 0 at ±10",
        "000:97-99; 001:166-170; 002:434; 004:988-990,1097",
        r"g'(z) = g(z)(1 - g(z)) = a(1-a)",
        "a = sigmoid(z)\ndz = a * (1 - a)",
        Every(
            Gradient("J = np.sum(sigmoid(z))", MANY),
            Value({"dz": 0.25}, z=0.0),
            Value({"dz": 0.0}, z=10.0, within=5e-5),
            Value({"dz": 0.0}, z=-10.0, within=5e-5),
        ),
        shapes="elementwise",
        convention="000 calls g'(z) “dz”",
    ),
    wrong(
        "act.sigmoid-10",
        "“if z = 10, g(z) ≈ 0”",
        "001:172-176",
        r"z = 10:\; g(z) \approx 0",
        "about = 0",
        Identity("about = np.round(1 / (1 + np.exp(-10.0)), 4)"),
        right="about = 1",
        slip="OCR",
        why="g(10) = 0.99995; it is g'(10) that is about 0",
        shapes="scalar",
    ),
    right(
        "act.tanh",
        "tanh",
        "000:101-103; 001:102,112; 002:438; 004:912,996",
        r"\tanh z = \frac{e^z - e^{-z}}{e^z + e^{-z}}",
        "a = (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))",
        Every(Identity("a = np.tanh(z)", MANY), ends(-1, 0, 1)),
        shapes="elementwise",
    ),
    right(
        "act.tanh-grad",
        "its derivative: 1 − a²; 1 at 0, about 0 at ±10",
        "000:101-103; 001:180; 002:439; 004:996-998",
        r"g'(z) = 1 - \tanh(z)^2 = 1 - a^2",
        "a = np.tanh(z)\ndz = 1 - a ** 2",
        Every(
            Gradient("J = np.sum(np.tanh(z))", MANY),
            Value({"dz": 1.0}, z=0.0),
            Value({"dz": 0.0}, z=10.0, within=1e-6),
            Value({"dz": 0.0}, z=-10.0, within=1e-6),
        ),
        shapes="elementwise",
    ),
    right(
        "act.tanh-shift",
        "tanh is a shifted and scaled sigmoid",
        "001:104; 004:873",
        r"\tanh z = 2\sigma(2z) - 1",
        "a = 2 * sigmoid(2 * z) - 1",
        Identity("a = np.tanh(z)", MANY),
        shapes="elementwise",
        convention="shift and scale, z too; the notes print no formula",
    ),
    right(
        "act.tanh-bigger",
        "tanh has the larger derivative",
        "002:419",
        r"1 - \tanh^2 z > \sigma(z)(1 - \sigma(z)) \text{ for } |z| < 2\operatorname{arccosh}\frac{1+\sqrt{3}}{2}",
        "of_tanh = 1 - np.tanh(z) ** 2\nof_sigmoid = sigmoid(z) * (1 - sigmoid(z))\n"
        "edge = 2 * np.arccosh((1 + np.sqrt(3)) / 2)",
        Procedure(steeper_near_zero),
        shapes="scalar",
        convention="for |z| < 1.6629; beyond that the sigmoid's is the larger",
    ),
    right(
        "act.tanh-mean",
        "tanh almost always beats σ in hidden layers: its mean is near 0",
        "000:104-105; 001:100,106; 004:874,915",
        r"\operatorname{mean}(\tanh z) \approx 0",
        "a = np.tanh(z)\ns = sigmoid(z)",
        Every(
            Identity(lambda z: {"a": 1 - 2 / (np.exp(2 * z) + 1), "s": 1 / (1 + np.exp(-z))}, MANY), Procedure(centred)
        ),
        convention="that it does better is a rule; the mean is computed",
    ),
    right(
        "act.relu",
        "relu",
        "000:108; 001:122; 002:443; 004:919,1007",
        r"g(z) = \max(0, z)",
        "a = np.maximum(0, z)",
        Identity("a = z * (z > 0)", MANY),
        shapes="elementwise",
    ),
    right(
        "act.relu-grad",
        "its derivative: 0 left, 1 right",
        "000:101; 001:188; 002:445-448; 004:888,1002,1007",
        r"g'(z) = \begin{cases}0 & z < 0\\ 1 & z > 0\end{cases}",
        "dz = np.where(z > 0, 1.0, 0.0)",
        Gradient("J = np.sum(np.maximum(0, z))", MANY),
        shapes="elementwise",
    ),
    right(
        "act.relu-at-0",
        "at 0: from the left 0, from the right 1",
        "000:101 (1), 000:108 (1 or 0); 001:188, 002:445-448 (undefined; set 1 or 0); 004:889",
        r"g'(0^-) = 0,\quad g'(0^+) = 1",
        "from_left = 0\nfrom_right = 1\ncentral = (from_left + from_right) / 2",
        sides_of("np.maximum(0, z)"),
        shapes="scalar",
        convention="any value between: 0 here, 1 at 000:101",
    ),
    wrong(
        "act.relu-both",
        "“1 if z ≥ 0; undefined at 0”",
        "004:1007",
        r"g'(z) = \begin{cases}0 & z < 0\\ 1 & z \ge 0\\ \text{undef} & z = 0\end{cases}",
        "cases = [z < 0, z >= 0, z == 0]",
        Procedure(one_case_each),
        right="cases = [z < 0, z > 0, z == 0]",
        slip="OCR or slip",
        why="0 falls into two cases; 1 for z > 0",
        shapes="scalar",
    ),
    right(
        "act.leaky",
        "leaky relu",
        "000:108; 001:132; 002:453; 004:1009",
        r"g(z) = \max(0.01 z, z)",
        "a = np.maximum(0.01 * z, z)",
        is_leaky,
        shapes="elementwise",
    ),
    wrong(
        "act.leaky-004",
        "“g = max(0.01, z)”",
        "004:928",
        r"g(z) = \max(0.01, z)",
        "a = np.maximum(0.01, z)",
        is_leaky,
        right="a = np.maximum(0.01 * z, z)",
        slip="OCR",
        why="z is lost: the left side becomes flat",
        shapes="scalar",
    ),
    right(
        "act.leaky-grad",
        "its derivative: 0.01 left, 1 right",
        "000:101; 001:192; 002:458; 004:1009",
        r"g'(z) = \begin{cases}0.01 & z < 0\\ 1 & z > 0\end{cases}",
        "dz = np.where(z > 0, 1.0, 0.01)",
        Gradient("J = np.sum(np.maximum(0.01 * z, z))", MANY),
        shapes="elementwise",
    ),
    right(
        "act.leaky-at-0",
        "at 0: from the left 0.01, from the right 1",
        "000:101, 004:1009 (1); 001:192, 002:458 (undefined)",
        r"g'(0^-) = 0.01,\quad g'(0^+) = 1",
        "from_left = 0.01\nfrom_right = 1\ncentral = (from_left + from_right) / 2",
        sides_of("np.maximum(0.01 * z, z)"),
        shapes="scalar",
        convention="any value between",
    ),
    right(
        "act.saturate",
        "large |z|: σ' and tanh' are near 0, gradient descent slows",
        "000:106; 001:116; 002:90,418-419; 004:876",
        r"|z| \gg 0:\quad \sigma'(z) \approx 0,\; \tanh'(z) \approx 0",
        "of_sigmoid = sigmoid(z) * (1 - sigmoid(z))\nof_tanh = 1 - np.tanh(z) ** 2",
        Every(
            Identity(lambda z: {"of_sigmoid": 1 / (2 + 2 * np.cosh(z)), "of_tanh": 1 / np.cosh(z) ** 2}, MANY),
            Value({"of_sigmoid": 0.0, "of_tanh": 0.0}, z=np.float64(-10.0), within=5e-5),
            Value({"of_sigmoid": 0.0, "of_tanh": 0.0}, z=np.float64(10.0), within=5e-5),
        ),
        convention="“very small z” means very negative",
    ),
    wrong(
        "act.saturate-001",
        "“… which slows down linear regression”",
        "001:116",
        r"\frac{dL}{dz} = z - y \approx 0",
        "slope = z - y",
        Procedure(vanishes),
        right="slope = sigmoid(z) * (1 - sigmoid(z))",
        slip="slip",
        why="linear regression has no sigmoid, its derivative z − y does not vanish; gradient descent is slowed",
    ),
    right(
        "act.relu-fast",
        "relu: slope 1 for z > 0, and enough units have z > 0",
        "000:109-110; 001:124-126; 002:90,420",
        r"g'(z) = 1 \text{ for } z > 0",
        "dz = np.where(z > 0, 1.0, 0.0)",
        Every(Gradient("J = np.sum(relu(z))", MANY), Procedure(half_of_the_units)),
    ),
    text(
        "act.choice",
        "which activation where",
        "000:105-108,113; 001:108-114,134-138; 002:418-421; 004:875,892-895,906-933",
        "σ only at a {0, 1} output; relu is the default of hidden units; leaky relu is rare; layers may differ.",
    ),
    right(
        "act.sigmoid-normal",
        "σ for the last layer of many classes “because it normalises”",
        "002:418",
        r"0 < \sigma(z_k) < 1",
        "yhat = sigmoid(z)\nover_classes = softmax(z, axis=0)",
        Every(
            Identity(
                lambda z: {"yhat": 1 / (1 + np.exp(-z)), "over_classes": np.exp(z) / np.exp(z).sum(axis=0)},
                {"z": "K m"},
            ),
            Procedure(is_no_distribution),
        ),
        shapes="(K,)",
        convention="each output into (0, 1); over classes it does not sum to 1, softmax does",
    ),
]
