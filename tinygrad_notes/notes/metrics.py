"""One number to choose by, the target, human level, and what a look at the mistakes tells."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..testing.distributions import bits
from ..train import metrics
from .claims import Every, Identity, Procedure, Value
from .entry import right, text, wrong
from .procedures import avoidable_bias, ceiling, choose

MODELS: dict[str, Any] = {"accuracy": {"A": 90, "B": 92, "C": 95}, "ms": {"A": 80, "B": 95, "C": 1500}}
"""The notes' three classifiers: accuracy in percent, running time in milliseconds."""


def of_counts(name: str, reference: Any) -> Any:
    """A metric of the counts, against one that looks at the labels."""

    def check(run: Any, rng: Any) -> dict[str, Any]:
        """Ten random sets of labels and predictions."""
        same = []
        for _ in range(10):
            y, said = rng.integers(0, 2, 50), rng.integers(0, 2, 50)
            TP, FP, FN = (int(np.sum(said[y == a] == b)) for a, b in ((1, 1), (0, 1), (1, 0)))
            P, R = metrics.precision(said, y), metrics.recall(said, y)
            same.append(np.isclose(run(TP=TP, FP=FP, FN=FN, P=P, R=R)[name], reference(said, y)))
        return {"the share counted on ten random sets of labels": all(same)}

    return check


def share_of_the_said(said: Any, y: Any) -> float:
    """Of those said to be 1, the share that is."""
    return float(np.mean(y[said == 1]))


def share_of_the_real(said: Any, y: Any) -> float:
    """Of those that are 1, the share that was found."""
    return float(np.mean(said[y == 1]))


def overlap(said: Any, y: Any) -> float:
    """2 TP / (2 TP + FP + FN), counted one by one."""
    both = sum(a and b for a, b in zip(said, y, strict=True))
    return float(2 * both / (np.sum(said) + np.sum(y)))


def best_within_limit(run: Any, rng: Any) -> dict[str, Any]:
    """Random tables: nobody within the limit is better, and the choice is within it."""
    right = []
    for _ in range(30):
        accuracy = {name: int(a) for name, a in zip("ABCDE", rng.permutation(100)[:5], strict=True)}
        ms = {name: int(t) for name, t in zip("ABCDE", [1, *rng.integers(1, 200, 4)], strict=True)}
        limit = int(np.median(list(ms.values())))
        best = run(accuracy=accuracy, ms=ms, limit=limit)["best"]
        better = [name for name in "ABCDE" if accuracy[name] > accuracy[best] and ms[name] <= limit]
        table = {name: {"accuracy": accuracy[name], "ms": ms[name]} for name in "ABCDE"}
        right.append(ms[best] <= limit and not better and best == choose(table, "accuracy", {"ms": limit}))
    return {"nobody within the limit is better, in 30 random tables": all(right)}


def one_optimising(run: Any, rng: Any) -> dict[str, Any]:
    """Whether any two models can be compared by the optimising metrics."""
    comparable, sums = [], []
    for N in range(1, 6):
        found = run(N=N)
        models = rng.permutation(20 * N).reshape(20, N)[:, : found["optimising"]]
        pairs = itertools.combinations(models, 2)
        comparable.append(all(np.all(a > b) or np.all(a < b) for a, b in pairs) and models.shape[1] > 0)
        sums.append(found["optimising"] + found["satisficing"] == N)
    two = rng.permutation(40).reshape(20, 2)
    return {
        "together they are N": all(sums),
        "by the optimising one any two of 20 models can be compared": all(comparable),
        "by two they could not": not all(np.all(a > b) or np.all(a < b) for a, b in itertools.combinations(two, 2)),
    }


def metric_and_users(run: Any, rng: Any) -> dict[str, Any]:
    """The metric is the lowest error; A lets porn through; the users want B."""
    del rng
    error = run()["error"]
    porn = {"A": 0.8, "B": 0.0}  # percent of all images, counted ten times
    weighted = {name: (error[name] + 9 * porn[name]) / 1.09 for name in error}
    return {
        f"by the error {error} the metric prefers A": min(error, key=error.__getitem__) == "A",
        "with weight 10 on porn it prefers B, as the users do": min(weighted, key=weighted.__getitem__) == "B",
    }


def errors_add_up(human: Any, train: Any, dev: Any) -> dict[str, Any]:
    """As `procedures.avoidable_bias` has it."""
    bias, variance = avoidable_bias(human, train, dev)
    return {"bias": bias, "variance": variance}


def dogs_cured(run: Any, rng: Any) -> dict[str, Any]:
    """Make every dog among the mistakes right and count again."""
    mistakes = np.zeros(10_000, bool)
    mistakes[rng.permutation(10_000)[:1000]] = True
    dog = np.zeros(10_000, bool)
    dog[rng.permutation(np.flatnonzero(mistakes))[:50]] = True
    left = 100 * np.mean(mistakes & ~dog)
    said = run(error=100 * np.mean(mistakes), dogs=np.sum(dog), examined=np.sum(mistakes))["best"]
    return {
        f"10 000 examples, 1000 mistakes, 50 of them dogs: {left:.1f} % are left": np.isclose(said, left),
        "as `procedures.ceiling` says": np.isclose(said, ceiling(10.0, 50, 1000)),
    }


def ticks(run: Any, rng: Any) -> dict[str, Any]:
    """A table of ticks, several in a row: what curing one column leaves, counted."""
    rows = rng.random((200, 4)) < 0.4
    rows[np.sum(rows, axis=1) == 0, 0] = True
    share = 100 * np.mean(rows, axis=0)
    found = run(error=10, shares=list(share))
    cured = [10 * np.sum(rows[:, column]) / len(rows) for column in range(4)]
    return {
        f"a mistake may tick several columns: the shares sum to {found['total']:.0f} %": found["total"] > 100,
        "and are summed right": np.isclose(found["total"], np.sum(share)),
        "curing a column takes away its share of the error": np.allclose(found["points"], cured),
    }


ENTRIES = [
    right(
        "met.precision",
        "precision: TP/(TP + FP)",
        "004:2497",
        r"P = \frac{TP}{TP + FP}",
        "P = TP / (TP + FP)",
        Procedure(of_counts("P", share_of_the_said)),
        shapes="counts",
    ),
    right(
        "met.recall",
        "recall: TP/(TP + FN)",
        "004:2499",
        r"R = \frac{TP}{TP + FN}",
        "R = TP / (TP + FN)",
        Procedure(of_counts("R", share_of_the_real)),
        shapes="counts",
    ),
    right(
        "met.f1",
        "F1 = 2/(1/P + 1/R), the harmonic mean",
        "004:2501",
        r"F_1 = \frac{2}{\frac{1}{P} + \frac{1}{R}}",
        "F1 = 2 / (1 / P + 1 / R)",
        Procedure(of_counts("F1", overlap)),
        shapes="scalar",
    ),
    text(
        "met.single",
        "one real number speeds up choosing",
        "004:2493-2495",
        "F1 instead of precision and recall; the mean over countries instead of four errors.",
    ),
    right(
        "met.satisficing",
        "maximise accuracy subject to time ≤ 100 ms",
        "004:2503-2518",
        r"\max \text{accuracy} \text{ subject to } \text{time} \leq 100\,ms",
        "best = max((name for name in accuracy if ms[name] <= limit), key=accuracy.get)",
        Every(Value("B", limit=100, **MODELS), Procedure(best_within_limit)),
    ),
    right(
        "met.n-metrics",
        "N metrics: 1 optimising, N − 1 satisficing",
        "004:2520-2521",
        r"N = 1 + (N - 1)",
        "optimising = 1\nsatisficing = N - 1",
        Procedure(one_optimising),
    ),
    text(
        "met.wake",
        "wake words: maximise accuracy subject to at most 1 false positive in 24 hours",
        "004:2523-2528",
        "One optimising and one satisficing metric.",
    ),
    right(
        "met.error",
        "Error = (1/m_dev) Σ I{y_pred(i) ≠ y(i)}",
        "004:2616-2620",
        r"\text{Error} = \frac{1}{m_{dev}} \sum_{i=1}^{m_{dev}} I\{y_{pred}^{(i)} \neq y^{(i)}\}",
        "error = 1 / m_dev * sum(y_pred[i] != y[i] for i in range(m_dev))",
        Identity(
            "error = np.mean(y_pred != y)",
            {"y_pred": "m", "y": "m", "m_dev": ""},
            {"y_pred": bits, "y": bits, "m_dev": lambda _rng, _shape, dims: dims["m"]},
        ),
        shapes="scalar",
    ),
    right(
        "met.weighted",
        "Error = (1/Σ w(i)) Σ w(i) I{…}: stays in [0, 1]",
        "004:2622-2630",
        r"\text{Error} = \frac{1}{\sum_i w^{(i)}} \sum_i w^{(i)} I\{y_{pred}^{(i)} \neq y^{(i)}\}",
        "w = np.where(porn, 10, 1)\nerror = 1 / sum(w) * sum(w[i] * (y_pred[i] != y[i]) for i in range(len(y)))",
        Every(
            Identity(
                # ten copies of each porn image, counted alike
                "copies = np.repeat(np.arange(len(y)), [10 if p else 1 for p in porn])\n"
                "error = np.mean(y_pred[copies] != y[copies])",
                {"y_pred": "m", "y": "m", "porn": "m"},
                {"y_pred": bits, "y": bits, "porn": bits},
            ),
            Value(1.0, y=np.ones(3), y_pred=np.zeros(3), porn=np.array([1, 0, 1])),
        ),
        shapes="scalar",
    ),
    wrong(
        "met.ab",
        "A: 30 % error, B: 5 % error; the metric prefers A",
        "004:2603-2612",
        r"A: 30\,\%,\quad B: 5\,\%",
        "error = {'A': 30, 'B': 5}",
        Procedure(metric_and_users),
        right="error = {'A': 3, 'B': 5}",
        slip="OCR",
        why="the metric would prefer B: A has 3 %, and it is A that lets porn through (lines out of order)",
    ),
    text(
        "met.target",
        "first define the target, then aim",
        "004:2632-2657",
        "Metric and dev/test sets are the target; set them up fast, change them when the application disagrees.",
    ),
    right(
        "ab.def",
        "avoidable bias = training − human-level error; variance = dev − training error",
        "004:2675-2698,2812-2825",
        r"\text{bias} = \text{train} - \text{human},\quad \text{variance} = \text{dev} - \text{train}",
        "bias = train - human\nvariance = dev - train",
        Every(
            Identity(
                errors_add_up, {"human": "", "train": "", "dev": ""}, dict.fromkeys(("human", "train", "dev"), (0, 9))
            ),
            Value({"bias": 7, "variance": 2}, human=1, train=8, dev=10),
        ),
    ),
    right(
        "ab.table",
        "human/train/dev 1/8/10 %: bias; 7.5/8/10 %: variance",
        "004:2680-2700",
        r"8 - 1 > 10 - 8,\quad 8 - 7.5 < 10 - 8",
        "bias = train - human\nfocus = 'bias' if bias > dev - train else 'variance'",
        Every(
            Value({"bias": 7, "focus": "bias"}, human=1, train=8, dev=10),
            Value({"bias": 0.5, "focus": "variance"}, human=7.5, train=8, dev=10),
            Value({"bias": 3, "focus": "bias"}, human=5, train=8, dev=10),
        ),
    ),
    right(
        "ab.proxy",
        "3 %, 1 %, 0.7 %, team 0.5 %: human level = 0.5 %, the Bayes error is at most that",
        "004:2702-2720",
        r"\text{Bayes} \leq \min(3, 1, 0.7, 0.5)\,\%",
        "human = min(errors)",
        Every(Value(0.5, errors=[3, 1, 0.7, 0.5]), Value(1, errors=[3, 1])),
    ),
    text(
        "ab.proxy-matters",
        "with 0.7 % instead of 0.5 % one would work on variance, not bias",
        "004:2722-2728",
        "The example's numbers are only in a picture that is lost.",
    ),
    right(
        "ab.surpass",
        "0.5/0.6/0.8 %: bias 0.1, variance 0.2; 0.5/0.3/0.4 %: avoidable bias unknown",
        "004:2661-2673,2730-2778",
        r"\text{train} < \text{human} \Rightarrow \text{avoidable bias unknown}",
        "bias = train - human if train >= human else None\nvariance = dev - train",
        Every(
            Value({"bias": 0.1, "variance": 0.2}, human=0.5, train=0.6, dev=0.8),
            Value({"bias": None, "variance": 0.1}, human=0.5, train=0.3, dev=0.4),
            Value({"bias": None, "variance": 0.2}, human=0.5, train=0.4, dev=0.6),
        ),
    ),
    text(
        "ab.tools",
        "bias: bigger model, longer or better optimiser; variance: data, regularisation; both: architecture",
        "004:2800-2838",
        "`procedures.BIAS` and `procedures.VARIANCE`.",
    ),
    text(
        "ab.surpassed-where",
        "ads, recommendation, logistics, loans",
        "004:2780-2798",
        "Structured data in large amounts, no natural perception; also some speech, image and medical tasks.",
    ),
    text(
        "orth.knobs",
        "one knob, one effect: fit train, dev, test, real world, in this order",
        "004:2451-2491",
        "Each has its own knobs; a knob 0.1x + 0.5y + 1.7z + 0.2w cannot be tuned.",
    ),
    right(
        "ea.ceiling",
        "10 % error, 5 of 100 examined mistakes are dogs: at best 9.5 % is left",
        "004:2897-2915",
        r"10\,\% \cdot \left(1 - \frac{5}{100}\right) = 9.5\,\%",
        "best = error * (1 - dogs / examined)",
        Every(Value(9.5, error=10, dogs=5, examined=100), Procedure(dogs_cured)),
    ),
    right(
        "ea.table",
        "one row a mistake, one column a category: 8 %, 42 %, 61 %, 12 %",
        "004:2917-2932",
        r"8 + 42 + 61 + 12 = 123 > 100",
        "total = sum(shares)\npoints = [error * share / 100 for share in shares]",
        Every(
            Value({"total": 123, "points": [0.8, 4.2, 6.1, 1.2]}, error=10, shares=[8, 42, 61, 12]), Procedure(ticks)
        ),
    ),
]
