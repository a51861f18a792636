"""Logistic regression: one example, a loop over m examples, all of them at once; gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..testing import bits
from ..transforms import grad, value_and_grad
from .claims import Every, Evidence, Gradient, Identity, Procedure, Value, size
from .entry import right, text, wrong
from .formula import Formula

CHANCE = (0.05, 0.95)
LOSS = "L = -(y * np.log(a) + (1 - y) * np.log(1 - a))"
LOSS_OF_Z = f"a = sigmoid(z)\n{LOSS}"
ONE_EXAMPLE = f"z = np.sum(w * x) + b\n{LOSS_OF_Z}"
TWO_FEATURES = f"z = w1 * x1 + w2 * x2 + b\n{LOSS_OF_Z}"
TWO_FEATURES_MEAN = """
m = len(y)
z = w1 * x1 + w2 * x2 + b
a = sigmoid(z)
J = -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))
"""
COST = """
n, m = X.shape
Z = w.T @ X + b
A = sigmoid(Z)
J = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
"""

of_a = Gradient(LOSS, {"a": "", "y": ""}, {"a": CHANCE, "y": bits})
of_z = Gradient(LOSS_OF_Z, {"z": "", "y": ""}, {"y": bits})
one_example = Gradient(ONE_EXAMPLE, {"w": "n 1", "x": "n 1", "b": "", "y": ""}, {"y": bits})
two_features = Gradient(TWO_FEATURES, dict.fromkeys(("w1", "w2", "b", "x1", "x2", "y"), ""), {"y": bits})
two_features_mean = Gradient(
    TWO_FEATURES_MEAN, {"w1": "", "w2": "", "b": "", "x1": "m", "x2": "m", "y": "m"}, {"y": bits}
)
batch = Gradient(COST, {"w": "n 1", "X": "n m", "b": "", "Y": "1 m"}, {"Y": bits})

LABELS = {"a": CHANCE, "y": bits}
COLUMN = {"w": "n 1", "x": "n 1", "b": ""}
neuron = Identity("z = np.sum(w * x, keepdims=True) + b\na = 1 / (1 + np.exp(-z))", COLUMN)
chance_of_y = Identity("P = yhat if y == 1 else 1 - yhat", {"yhat": "", "y": ""}, {"yhat": CHANCE, "y": bits})
log_chance = Identity("log_P = np.log(yhat if y == 1 else 1 - yhat)", chance_of_y.shapes, chance_of_y.given)
mean_loss = Identity(
    "J = np.mean([-np.log(a if y == 1 else 1 - a) for a, y in zip(A, Y)])",
    {"A": "m", "Y": "m", "m": ""},
    {"A": CHANCE, "Y": bits, "m": size("m")},
)
loss_by_cases = Identity("L = -np.log(a if y == 1 else 1 - a)", {"a": "", "y": ""}, LABELS)


def log_of_product(A: Any, Y: Any) -> dict[str, Any]:
    """The logarithm of the product of all p(y | x), and the mean of −log p(y | x)."""
    p = np.where(Y == 1, A, 1 - A)
    return {"log_likelihood": np.log(np.prod(p)), "J": np.mean(-np.log(p))}


def slope_of_sigmoid(z: Any) -> Any:
    """The slope of σ by central differences."""
    h = 1e-5
    return (np.tanh((z + h) / 2) - np.tanh((z - h) / 2)) / (4 * h)


def loss_of(w1: Any, w2: Any, b: Any, x1: Any, x2: Any, y: Any) -> Any:
    """−log p(y | x) for one example or the mean over several."""
    z = w1 * x1 + w2 * x2 + b
    return np.mean(np.log1p(np.exp(-z)) + (1 - y) * z)


def step_by_autodiff(w1: Any, w2: Any, b: Any, x1: Any, x2: Any, y: Any, alpha: Any) -> dict[str, Any]:
    """The cost, its gradient by autodiff, and one step down along it."""
    J, (dw1, dw2, db) = value_and_grad(loss_of, (0, 1, 2))(w1, w2, b, x1, x2, y)
    return {
        "dw1": dw1,
        "dw2": dw2,
        "db": db,
        "J": J,
        "w1": w1 - alpha * dw1,
        "w2": w2 - alpha * dw2,
        "b": b - alpha * db,
    }


def updated_by_autodiff(w1: Any, w2: Any, b: Any, x1: Any, x2: Any, y: Any, alpha: Any) -> dict[str, Any]:
    """One step down along the gradient by autodiff."""
    found = step_by_autodiff(w1, w2, b, x1, x2, y, alpha)
    return {name: found[name] for name in ("w1", "w2", "b")}


def lowers_the_loss(run: Formula, rng: np.random.Generator) -> Evidence:
    """A small step lowers the loss."""
    lower = []
    for _ in range(20):
        w1, w2, b, x1, x2 = rng.standard_normal(5)
        y = float(rng.integers(2))
        new = run(w1=w1, w2=w2, b=b, x1=x1, x2=x2, y=y, alpha=0.05)
        lower.append(loss_of(new["w1"], new["w2"], new["b"], x1, x2, y) < loss_of(w1, w2, b, x1, x2, y))
    return {"the loss is lower after the step, 20 times of 20": all(lower)}


def leaves_the_interval(run: Formula) -> Evidence:
    """A linear output is no probability."""
    w, x = np.ones((2, 1)), np.ones((2, 1))
    return {
        "5 at x = 1: above 1": run(w=w, x=x, b=3.0)["yhat"] == 5,
        "−1 at x = −2: below 0": run(w=w, x=-2 * x, b=3.0)["yhat"] == -1,
    }


def stepped(w: Any, dw: Any, b: Any, db: Any, alpha: Any) -> dict[str, Any]:
    """A step of α times the gradient, downhill."""
    return {"w": np.add(w, np.negative(np.multiply(alpha, dw))), "b": np.add(b, np.negative(np.multiply(alpha, db)))}


def settles_below_two_over_c(run: Formula) -> Evidence:
    """Gradient descent on c w²/2, whose slope is c w."""
    c = 4.0

    def left(alpha: float, steps: int) -> Any:
        w = 1.0
        for _ in range(steps):
            w = run(w=w, alpha=alpha, c=c)["w"]
        return abs(w)

    return {
        "α = 1.9/c settles": left(1.9 / c, 200) < 1e-6,
        "α = 2.1/c does not": left(2.1 / c, 200) > 1e6,
        "α = 0.01/c is slower than α = 0.5/c": left(0.01 / c, 20) > 1e4 * left(0.5 / c, 20),
        "α = 1/c needs one step": left(1 / c, 1) < 1e-12,
    }


def is_convex(run: Formula, rng: np.random.Generator) -> Evidence:
    """The chord lies above the cost; all starting points end at the same height."""
    X, Y = rng.standard_normal((2, 30)), rng.integers(0, 2, (1, 30)).astype(float)

    def J(w: Any) -> Any:
        return run(X=X, Y=Y, w=w)["J"]

    pairs = [(rng.standard_normal((2, 1)) * 3, rng.standard_normal((2, 1)) * 3) for _ in range(40)]
    ends = []
    for start, _ in pairs[:3]:
        w = start
        for _ in range(300):
            w = w - X @ (1 / (1 + np.exp(-w.T @ X)) - Y).T / 30
        ends.append(J(w))
    return {
        "half way, J is below the chord (40 pairs)": all(J((p + q) / 2) <= (J(p) + J(q)) / 2 + 1e-12 for p, q in pairs),
        "three starting points end at the same J": np.ptp(ends) < 1e-6,
    }


def has_several_minima(run: Formula, rng: np.random.Generator) -> Evidence:
    """Somewhere the chord lies below; for some data there are two valleys."""
    w = np.linspace(-20, 20, 2001)
    bent = run(w=w, x=1.0, b=0.0, y=1.0)["L"]
    valleys = 0
    for _ in range(200):
        x, y, b = rng.standard_normal(3) * 3, rng.integers(0, 2, 3), rng.standard_normal()
        L = sum(run(w=w, x=x[i], b=b, y=y[i])["L"] for i in range(3))
        inside = L[1:-1]
        valleys = max(valleys, int(np.sum((inside < L[:-2] - 1e-9) & (inside < L[2:] - 1e-9))))
    return {
        "the second difference is negative somewhere": np.min(np.diff(bent, 2)) < -1e-6,
        "some data give two local optima": valleys >= 2,
    }


def gradient_at_zero(X: Any, Y: Any) -> dict[str, Any]:
    """Zeros, and the cost's gradient there by autodiff."""

    def J(w: Any) -> Any:
        Z = w.T @ X
        return np.mean(np.log1p(np.exp(Z)) - Y * Z)

    w = X[:, :1] * 0
    return {"w": w, "dw": grad(J)(w)}


def moves_apart(run: Formula, rng: np.random.Generator) -> Evidence:
    """From zeros, different features get different derivatives."""
    dw = run(X=rng.standard_normal((4, 9)), Y=rng.integers(0, 2, (1, 9)), n=4, m=9)["dw"]
    return {"no two entries of dw are equal": len(np.unique(dw)) == 4}


def shapes_of(X: Any, w: Any) -> dict[str, Any]:
    """The shapes of real arrays, stacked column by column."""
    columns = [x.reshape(-1, 1) for x in X.T]
    stacked, labels = np.hstack(columns), np.hstack([np.ones((1, 1)) for _ in columns])
    Z = w.T @ stacked + 0.5
    return {"X": stacked.shape, "Y": labels.shape, "w": w.shape, "Z": Z.shape, "A": (1 / (1 + np.exp(-Z))).shape}


UPDATE = "w1 = w1 - alpha * dw1\nw2 = w2 - alpha * dw2\nb = b - alpha * db"
SCALARS_AND_STEP = dict.fromkeys(("w1", "w2", "b", "x1", "x2", "y", "alpha"), "")
DW_ROWS = "dZ = A - Y\ndw = 1 / m * np.array([[sum(X[{}] * dZ[0, i] for i in range(m))] for j in range({})])"
STEP = {"w": "n 1", "dw": "n 1", "b": "", "db": "", "alpha": ""}

ENTRIES = [
    right(
        "logreg.hypothesis",
        "ŷ = σ(wᵀx + b), a probability",
        "000:54; 001:27-29; 002:114-116,215; 004:183,337-339,361,594,681",
        r"\hat{y} = a = \sigma(z),\quad z = w^T x + b",
        "z = w.T @ x + b\na = sigmoid(z)",
        neuron,
        shapes="x, w (n_x, 1); b, z, a scalar",
    ),
    wrong(
        "logreg.hypothesis-004",
        "“ŷ = σ(wᵀ + b)”",
        "004:250",
        r"\hat{y} = \sigma(w^T + b)",
        "a = sigmoid(w.T + b)",
        neuron,
        right="a = sigmoid(w.T @ x + b)",
        slip="OCR",
        why="x is lost: n_x numbers come out, and none of them sees x",
        shapes="wᵀ (1, n_x)",
    ),
    right(
        "logreg.linear-range",
        "wᵀx + b can leave [0, 1]",
        "002:116; 004:185-186",
        r"\hat{y} = w^T x + b \notin [0, 1]",
        "yhat = w.T @ x + b",
        Every(Identity("yhat = np.sum(w * x, keepdims=True) + b", COLUMN), Procedure(leaves_the_interval)),
        shapes="scalar",
    ),
    right(
        "logreg.prob",
        "P(y|x) in one line for both labels",
        "000:77-78; 004:598-604",
        r"P(y \mid x) = \hat{y}^{y}(1-\hat{y})^{1-y}",
        "P = yhat ** y * (1 - yhat) ** (1 - y)",
        chance_of_y,
        shapes="scalar",
    ),
    right(
        "logreg.loglik",
        "log P(y|x) = −L(ŷ, y)",
        "000:79; 004:606-614",
        r"\log P(y \mid x) = y\log\hat{y} + (1-y)\log(1-\hat{y}) = -L(\hat{y}, y)",
        "log_P = y * np.log(yhat) + (1 - y) * np.log(1 - yhat)",
        log_chance,
        shapes="scalar",
    ),
    wrong(
        "logreg.loglik-half",
        "“… = −1/2 (ŷ, y)”",
        "004:609",
        r"\log P(y \mid x) = -\tfrac{1}{2}(\hat{y}, y)",
        "log_P = -1 / 2 * (yhat * y)",
        log_chance,
        right="L = -y * np.log(yhat) - (1 - y) * np.log(1 - yhat)\nlog_P = -L",
        slip="OCR",
        why="the script L is read as 1/2",
        shapes="scalar",
    ),
    right(
        "logreg.mle",
        "most likely = lowest cost",
        "000:80; 004:616-642",
        r"\log\prod_i p(y^{(i)} \mid x^{(i)}) = -\sum_i L^{(i)},\quad J = \frac{1}{m}\sum_i L^{(i)}",
        "log_likelihood = np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))\nJ = -1 / m * log_likelihood",
        Identity(log_of_product, mean_loss.shapes, mean_loss.given),
        shapes="m examples",
    ),
    wrong(
        "logreg.mle-nop",
        "“−(1/m) Σ log(y|x)”",
        "000:80",
        r"-\frac{1}{m}\sum_i \log(y^{(i)} \mid x^{(i)})",
        "J = -1 / m * np.sum(np.log(Y))",
        mean_loss,
        right="J = -1 / m * np.sum(np.log(A ** Y * (1 - A) ** (1 - Y)))",
        slip="slip",
        why="p is lost: the logarithm of a label is −∞ at y = 0, whatever the model",
        shapes="m examples",
    ),
    right(
        "logreg.dLda",
        "dL/da",
        "000:54; 004:1099",
        r"\frac{dL}{da} = -\frac{y}{a} + \frac{1-y}{1-a}",
        "da = -y / a + (1 - y) / (1 - a)",
        of_a,
        shapes="scalar",
    ),
    wrong(
        "logreg.dLda-004",
        "“da/dz = dL/da = …”",
        "004:1099",
        r"\frac{da}{dz} = \frac{dL(a,y)}{da} = -\frac{y}{a} + \frac{1-y}{1-a}",
        "a = sigmoid(z)\ndadz = -y / a + (1 - y) / (1 - a)",
        Identity(slope_of_sigmoid, {"z": "", "y": ""}, {"y": bits}, rtol=1e-6),
        right="a = sigmoid(z)\ndadz = a * (1 - a)",
        slip="OCR",
        why="the left side is “da”, that is dL/da; da/dz is a(1 − a)",
        shapes="scalar",
    ),
    right(
        "logreg.dadz",
        "da/dz = a(1 − a)",
        "000:54; 004:1097",
        r"\frac{da}{dz} = \frac{e^{-z}}{(1+e^{-z})^2} = a(1-a)",
        "a = sigmoid(z)\nby_e = np.exp(-z) / (1 + np.exp(-z)) ** 2\nby_a = a * (1 - a)",
        Identity(lambda z: dict.fromkeys(("by_e", "by_a"), slope_of_sigmoid(z)), {"z": ""}, rtol=1e-6),
        shapes="scalar",
    ),
    right(
        "logreg.dz",
        "dz = a − y: the two fractions cancel",
        "000:54,61; 002:183; 004:382,470,1089-1103",
        r"dz = \frac{dL}{da}\frac{da}{dz} = -y(1-a) + a(1-y) = a - y",
        "dz = a - y",
        of_z,
        shapes="scalar",
    ),
    right(
        "logreg.dw",
        "dw = x dz, db = dz",
        "000:54,62-64; 002:183; 004:1085-1087",
        r"dw = x\,dz,\quad db = dz",
        "dz = a - y\ndw = x * dz\ndb = dz",
        one_example,
        shapes="dw (n_x, 1), db scalar",
    ),
    wrong(
        "logreg.partial-lost",
        "“dz = L(a,y)/da · da/dz”",
        "000:54",
        r"dz = \frac{L(a,y)}{da}\cdot\frac{da}{dz},\quad dw_1 = \frac{L}{dz}\cdot\frac{dz}{dw_1}",
        "dz = L * a * (1 - a)",
        of_z,
        right="dz = (-y / a + (1 - y) / (1 - a)) * a * (1 - a)",
        slip="slip",
        why="the numerator's d is lost, four times: dL(a,y)/da and dL/dz",
        shapes="scalar",
    ),
    wrong(
        "logreg.dw-a",
        "“dw₁ = a₁ dz”",
        "004:351,384-386,472",
        r"\frac{dh}{dw_1} = a_1\,dz",
        "dz = a - y\ndw1 = a * dz",
        two_features,
        right="dz = a - y\ndw1 = x1 * dz",
        slip="OCR",
        why="x is read as a, and a is the prediction",
        shapes="scalar",
    ),
    right(
        "logreg.one-step",
        "one example: forward, backward, one step lowers L",
        "002:179-183; 004:345-353",
        r"w_j := w_j - \alpha\,dw_j,\quad b := b - \alpha\,db",
        f"z = w1 * x1 + w2 * x2 + b\na = sigmoid(z)\ndz = a - y\ndw1 = x1 * dz\ndw2 = x2 * dz\ndb = dz\n{UPDATE}",
        Every(Identity(updated_by_autodiff, SCALARS_AND_STEP, {"y": bits}), Procedure(lowers_the_loss)),
        shapes="scalars",
    ),
    right(
        "logreg.loop",
        "m examples by a loop, then one step",
        "000:55-67; 002:185-197,234; 004:370-408,458-474,511-515",
        r"J \;{+}{=}\; L^{(i)},\; dz = a^{(i)} - y^{(i)},\; dw_j \;{+}{=}\; x_j^{(i)} dz,\; db \;{+}{=}\; dz",
        f"""
J = dw1 = dw2 = db = 0
for i in range(m):
    z = w1 * x1[i] + w2 * x2[i] + b
    a = sigmoid(z)
    J += -(y[i] * np.log(a) + (1 - y[i]) * np.log(1 - a))
    dz = a - y[i]
    dw1 += x1[i] * dz
    dw2 += x2[i] * dz
    db += dz
J, dw1, dw2, db = J / m, dw1 / m, dw2 / m, db / m
{UPDATE}
""",
        Identity(
            step_by_autodiff,
            {**SCALARS_AND_STEP, "x1": "m", "x2": "m", "y": "m", "m": ""},
            {"y": bits, "m": size("m")},
        ),
        shapes="n_x = 2, scalars",
    ),
    right(
        "logreg.dJdw",
        "the cost's derivative is the mean of the losses' derivatives",
        "004:368",
        r"\frac{dJ}{dw_1} = \frac{1}{m}\sum_i \frac{dL(a^{(i)}, y^{(i)})}{dw_1}",
        "dw1 = 1 / m * sum(x1[i] * (a[i] - y[i]) for i in range(m))",
        two_features_mean,
        shapes="scalar",
    ),
    right(
        "logreg.dJ-i",
        "“dJ/dw₁ⁱ” per example, summed, divided by m",
        "002:193-195",
        r"dw_1 = \frac{1}{m}\sum_i \frac{dJ^i}{dw_1}",
        "dw1 = 0\nfor i in range(m):\n    dw1 += (a[i] - y[i]) * x1[i]\ndw1 = dw1 / m",
        two_features_mean,
        shapes="scalar",
        convention="dJⁱ must mean dL⁽ⁱ⁾: a real dJ already holds the 1/m",
    ),
    text(
        "logreg.two-loops",
        "two for loops to remove",
        "002:193-194,227,231; 004:410-417",
        "Two explicit loops stand in the way of vectorising.",
        convention="004: over m and over the n features; 002: the forward pass over m and the sum over m",
    ),
    wrong(
        "logreg.j-sign",
        "“J += −[y log a + (1+y) log(1−a)]”",
        "004:382",
        r"J \;{+}{=}\; -[y\log a + (1+y)\log(1-a)]",
        "L = -(y * np.log(a) + (1 + y) * np.log(1 - a))",
        loss_by_cases,
        right="L = -(y * np.log(a) + (1 - y) * np.log(1 - a))",
        slip="OCR or slip",
        why="1 + y for 1 − y, as it is at 004:468",
        shapes="scalar",
    ),
    wrong(
        "logreg.divide",
        "“J / m, dw₁ / m, dw₂ / m, db / m”",
        "004:390-396",
        r"J / m,\; dw_1 / m,\; dw_2 / m,\; db / m",
        "J / m\ndw1 / m\ndw2 / m\ndb / m",
        Identity(
            lambda J, dw1, dw2, db, m: {"J": J / m, "dw1": dw1 / m, "dw2": dw2 / m, "db": db / m},
            {"J": "", "dw1": "", "dw2": "", "db": "", "m": ""},
            {"m": (2.0, 9.0)},
        ),
        right="J /= m\ndw1 /= m\ndw2 /= m\ndb /= m",
        slip="OCR",
        why="the = is lost: nothing is stored",
        shapes="scalar",
    ),
    wrong(
        "logreg.dww",
        "“w₂ = w₂ − α dw_w”",
        "000:67",
        r"w_2 = w_2 - \alpha\,dw_w",
        "w2 = w2 - alpha * dw_w",
        Identity("w2 = w2 + -(alpha * dw2)", {"w2": "", "alpha": "", "dw2": ""}),
        right="w2 = w2 - alpha * dw2",
        slip="slip",
        why="there is no such name: dw₂",
        shapes="scalar",
    ),
    right(
        "gd.update",
        "gradient descent's step",
        "000:46-49,75; 001:204-216; 002:138-143; 004:265-286,402-406,548-550,1035-1041",
        r"w := w - \alpha\frac{dJ}{dw},\quad b := b - \alpha\frac{dJ}{db}",
        "w = w - alpha * dw\nb = b - alpha * db",
        Identity(stepped, STEP),
        shapes="as w, b",
    ),
    wrong(
        "gd.alpha-lost",
        "“w − α dJ/dw = w − (1/m) d(ΣL)/dw”",
        "000:47-48",
        r"w - \alpha\frac{dJ}{dw} = w - \frac{1}{m}\frac{d\sum L}{dw}",
        "w = w - 1 / m * np.sum(dL)",
        Identity(
            "w = w - alpha * np.mean(dL)",
            {"w": "", "dL": "m", "alpha": "", "m": ""},
            {"m": size("m"), "alpha": (0.1, 0.9)},
        ),
        right="w = w - alpha / m * np.sum(dL)",
        slip="slip",
        why="α is lost after the second equals sign",
        shapes="as w",
    ),
    wrong(
        "gd.alpha-a",
        "“w := w − a · dw”",
        "002:246",
        r"w := w - a \cdot dw,\quad b := b - a \cdot db",
        "w = w - A * dw\nb = b - A * db",
        Identity(stepped, {**STEP, "A": "1 m"}),
        right="w = w - alpha * dw\nb = b - alpha * db",
        slip="slip",
        why="a is the activation; the step is α",
        shapes="as w, b",
    ),
    right(
        "gd.sign",
        "the minus sign: downhill on either side",
        "000:50-52; 002:133; 004:258-276",
        r"\frac{dJ}{dw} > 0 \Rightarrow w \downarrow,\quad \frac{dJ}{dw} < 0 \Rightarrow w \uparrow",
        "w = w - alpha * dw",
        Every(Value(4.4, w=5.0, alpha=0.1, dw=6.0), Value(-0.4, w=-1.0, alpha=0.1, dw=-6.0)),
        shapes="scalar",
    ),
    right(
        "gd.lr",
        "the learning rate decides speed and result",
        "002:145-147; 004:708",
        r"w := w - \alpha c w \text{ settles iff } \alpha < \frac{2}{c}",
        "w = w - alpha * c * w",
        Procedure(settles_below_two_over_c),
        convention="a rule of thumb in the notes; exact on a quadratic of curvature c",
    ),
    right(
        "gd.convex",
        "the logistic cost is convex: every start ends at the lowest point",
        "002:132-134",
        r"J\left(\tfrac{p+q}{2}\right) \le \tfrac{1}{2}J(p) + \tfrac{1}{2}J(q)",
        "A = sigmoid(w.T @ X)\nJ = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))",
        Every(
            Identity(
                "Z = w.T @ X\nJ = np.mean(np.log1p(np.exp(Z)) - Y * Z)",
                {"w": "n 1", "X": "n m", "Y": "1 m"},
                {"Y": bits},
            ),
            Procedure(is_convex),
        ),
        convention="data that can't be separated; else the minimum is at infinity",
    ),
    right(
        "logreg.zero-init",
        "logistic regression may start from zeros",
        "004:258,1189",
        r"w = 0,\quad dw = \frac{1}{m}X(A - Y)^T \ne 0",
        "w = np.zeros((n, 1))\ndw = 1 / m * X @ (sigmoid(w.T @ X) - Y).T",
        Every(
            Identity(
                gradient_at_zero,
                {"X": "n m", "Y": "1 m", "n": "", "m": ""},
                {"Y": bits, "n": size("n"), "m": size("m")},
            ),
            Procedure(moves_apart),
        ),
        shapes="w (n_x, 1)",
    ),
    right(
        "logreg.sq-nonconvex",
        "½(ŷ − y)² of a sigmoid has several local optima",
        "000:38; 004:211-217",
        r"L = \tfrac{1}{2}(\sigma(w^T x + b) - y)^2",
        "L = 1 / 2 * (sigmoid(w * x + b) - y) ** 2",
        Every(
            Identity("e = y - 1 / (1 + np.exp(-w * x - b))\nL = e * e / 2", dict.fromkeys("wxby", ""), {"y": bits}),
            Procedure(has_several_minima),
        ),
        shapes="scalar",
    ),
    right(
        "logreg.vec",
        "all m examples at once",
        "000:68-75; 002:217-247; 004:476-550",
        r"Z = w^T X + b,\; A = \sigma(Z),\; dZ = A - Y,\; dw = \frac{1}{m}X\,dZ^T,\; db = \frac{1}{m}\sum_i dz^{(i)}",
        "Z = np.dot(w.T, X) + b\nA = sigmoid(Z)\ndZ = A - Y\ndw = 1 / m * X @ dZ.T\ndb = 1 / m * np.sum(dZ)",
        batch,
        shapes="X (n_x, m); w, dw (n_x, 1); Z, A, dZ (1, m); b, db scalar",
    ),
    right(
        "logreg.vec-star",
        "dw = (1/m) * X * dZᵀ",
        "002:241,246",
        r"dw = \frac{1}{m} * X * dZ^T",
        "dZ = A - Y\ndw = 1 / m * (X @ dZ.T)",
        batch,
        shapes="(n_x, m)(m, 1)",
        convention="* read as the matrix product; NumPy's * fails or broadcasts",
    ),
    wrong(
        "logreg.vec-X",
        "“X = (1/m) * X * dZᵀ”",
        "002:241",
        r"X = \frac{1}{m} * X * dZ^T",
        "dZ = A - Y\nX = 1 / m * X @ dZ.T",
        batch,
        right="dZ = A - Y\ndw = 1 / m * X @ dZ.T",
        slip="slip",
        why="the left side is dw",
        shapes="(n_x, m) = (n_x, 1)?",
    ),
    wrong(
        "logreg.vec-dw-sum",
        "“dw = (1/m) np.sum(dZ)”",
        "004:521-523",
        r"dw = \frac{1}{m}\sum_i dz^{(i)}",
        "dZ = A - Y\ndw = 1 / m * np.sum(dZ)",
        batch,
        right="dZ = A - Y\ndb = 1 / m * np.sum(dZ)",
        slip="OCR or slip",
        why="that is db",
        shapes="scalar",
    ),
    wrong(
        "logreg.vec-dw-times",
        "“dw = (1/m) × dZᵀ”",
        "004:525,544",
        r"dw = \frac{1}{m} \times dZ^T",
        "dZ = A - Y\ndw = 1 / m * dZ.T",
        batch,
        right="dZ = A - Y\ndw = 1 / m * X @ dZ.T",
        slip="OCR",
        why="X is read as a times sign",
        shapes="(m, 1)",
    ),
    wrong(
        "logreg.vec-dw-rows",
        "rows of dw with indices swapped",
        "004:527-529",
        r"dw_j = \frac{1}{m}\sum_i n_i^{(j)} dz^{(i)},\quad j = 1..m",
        DW_ROWS.format("i, j", "m"),
        batch,
        right=DW_ROWS.format("j, i", "n"),
        slip="OCR",
        why="sub- and superscripts are swapped and x is read as n: it asks for feature m of n_x, and has m rows",
        shapes="(m, 1)?",
    ),
    wrong(
        "logreg.vec-dz1",
        "“dz⁽ⁿ⁾ = a⁽¹⁾ − y⁽ⁿ⁾”",
        "004:503",
        r"dz^{(n)} = a^{(1)} - y^{(n)}",
        "dz1 = A[0, 0] - Y[0, n - 1]",
        Identity(lambda A, Y: np.subtract(A, Y).ravel()[0], {"A": "1 n", "Y": "1 n", "n": ""}, {"n": size("n")}),
        right="dz1 = A[0, 0] - Y[0, 0]",
        slip="OCR",
        why="1 is read as n",
        shapes="scalar",
    ),
    wrong(
        "logreg.vec-dZ-shape",
        "“dZ is n × m”",
        "004:505",
        r"dZ \in \mathbb{R}^{n \times m}",
        "shape = (n, m)",
        Identity(
            lambda X, w: (w.T @ X - 1).shape,
            {"X": "n m", "w": "n 1", "n": "", "m": ""},
            {"n": size("n"), "m": size("m")},
        ),
        right="shape = (1, m)",
        slip="OCR",
        why="one row: 1 × m",
        shapes="(1, m)",
    ),
    right(
        "logreg.vec-dw-acc",
        "half vectorised: dw += x⁽ⁱ⁾ dz⁽ⁱ⁾",
        "004:478,491",
        r"dw = 0,\quad dw \;{+}{=}\; x^{(i)} dz^{(i)}",
        "dw = np.zeros((n, 1))\nfor i in range(m):\n    dw += X[:, i : i + 1] * dZ[0, i]",
        Identity("dw = X @ dZ.T", {"X": "n m", "dZ": "1 m", "n": "", "m": ""}, {"n": size("n"), "m": size("m")}),
        shapes="(n_x, 1)",
    ),
    right(
        "logreg.b-row",
        "b as a row of m equal numbers",
        "000:69; 000:20; 004:497",
        r"Z = w^T X + [b\ b\ \dots\ b]",
        "Z = w.T @ X + np.full((1, m), b)",
        Identity("Z = w.T @ X + b", {"w": "n 1", "X": "n m", "b": "", "m": ""}, {"m": size("m")}),
        shapes="(1, m) or (1, 1)",
        convention="broadcast; 000:20 has it 1 × 1, and db is one number",
    ),
    right(
        "logreg.shapes",
        "the shapes of X, Y, w, Z, A",
        "000:16-22; 002:102-106,215-225; 004:134-138,152-161,179-181",
        r"X: (n_x, m),\; Y: (1, m),\; w: (n_x, 1),\; Z, A: (1, m)",
        "X = (n, m)\nY = (1, m)\nw = (n, 1)\nZ = (1, m)\nA = (1, m)",
        Identity(shapes_of, {"X": "n m", "w": "n 1", "n": "", "m": ""}, {"n": size("n"), "m": size("m")}),
        shapes="as left",
    ),
    wrong(
        "logreg.x-row",
        "“x⁽ⁱ⁾ is 1 × n_x”, with z = wᵀx + b",
        "002:215",
        r"x^{(i)} \in \mathbb{R}^{1 \times n_x},\quad z = w^T x^{(i)} + b",
        "x = np.reshape(x, (1, n))\nz = w.T @ x + b",
        Identity(
            "z = np.sum(w[:, 0] * x).reshape(1, 1) + b", {"w": "n 1", "x": "n", "b": "", "n": ""}, {"n": size("n")}
        ),
        right="x = np.reshape(x, (n, 1))\nz = w.T @ x + b",
        slip="slip",
        why="wᵀx does not conform; x⁽ⁱ⁾ is n_x × 1, as at 002:102",
        shapes="(1, n_x)",
    ),
    wrong(
        "logreg.y-set",
        "“y takes values in (0, 1)”",
        "002:103",
        r"y \in (0, 1)",
        "inside = 0 < y < 1",
        Identity(lambda y: y * (1 - y) == 0, {"y": ""}, {"y": bits}),
        right="inside = y in (0, 1)",
        slip="slip",
        why="the open interval holds neither label; the set is {0, 1}",
        shapes="scalar",
    ),
    right(
        "logreg.X-m",
        "X and Y: the examples side by side",
        "001:80; 002:219-221; 004:154-161,493",
        r"X = [x^{(1)} \dots x^{(m)}],\quad Y = [y^{(1)} \dots y^{(m)}]",
        "X = np.column_stack(list(x))\nY = np.column_stack(list(y))",
        Identity(lambda x, y: {"X": x.T, "Y": y[np.newaxis, :]}, {"x": "m n", "y": "m"}, {"y": bits}),
        shapes="(n_x, m), (1, m)",
    ),
    wrong(
        "logreg.dot-loop",
        "the loop's last line: “Z *= b”",
        "004:425-433",
        r"Z \;{+}{=}\; w_i x_i,\quad Z \;{*}{=}\; b",
        "Z = 0\nfor i in range(n):\n    Z += w[i] * x[i]\nZ *= b",
        Identity("Z = np.dot(w, x) + b", {"w": "n", "x": "n", "b": "", "n": ""}, {"n": size("n")}),
        right="Z = 0\nfor i in range(n):\n    Z += w[i] * x[i]\nZ += b",
        slip="OCR",
        why="the last line multiplies",
        shapes="scalar",
    ),
    right(
        "logreg.dot",
        "np.dot(w, x) + b equals the loop",
        "002:199-207; 004:443",
        r"Z = w^T x + b",
        "Z = np.dot(w, x) + b",
        Identity("Z = b\nfor i in range(len(w)):\n    Z += w[i] * x[i]", {"w": "n", "x": "n", "b": ""}),
        shapes="(n,), (n,)",
    ),
    text(
        "logreg.speed",
        "“300 times faster” than the loop",
        "004:445-451",
        "np.dot against a Python loop: one processor instruction works on several numbers (SIMD).",
        shapes="length n",
        convention="machine and n: measured 23 times at n = 100, 888 at 10 000, 286 at 1 000 000",
    ),
    right(
        "logreg.image",
        "a 64 × 64 colour picture unrolled",
        "004:125-130",
        r"n_x = 64 \cdot 64 \cdot 3 = 12288",
        "n_x = 64 * 64 * 3",
        Value(12288),
        shapes="(12288, 1)",
    ),
    right(
        "logreg.predict",
        "predict 1 if ŷ > 0.5: the same as z > 0",
        "004:1264; 004:171-175",
        r"\hat{y} > 0.5 \Leftrightarrow z > 0",
        "prediction = np.where(sigmoid(z) > 0.5, 1, 0)",
        Every(Identity("prediction = (z > 0) * 1", {"z": "m"}), Value([0, 1, 0], z=np.array([-1e-9, 1e-9, 0.0]))),
        shapes="scalar",
    ),
    text(
        "logreg.steps",
        "initialise; loop {cost and gradient, update}; predict; analyse",
        "004:687-708",
        "The procedure: initialize(), propagate(), optimize(), model(); then accuracy, and another learning rate.",
    ),
]
