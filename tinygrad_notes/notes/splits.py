"""Training, dev and test sets; bias and variance, and what to do about them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..train import split
from .claims import Every, Procedure, Value
from .entry import right, text, wrong
from .procedures import basic_recipe, bias_variance_label

TABLE: dict[tuple[float, float], str] = {
    (1, 11): "high variance", (15, 16): "high bias", (15, 30): "high bias, high variance",
    (0.5, 1): "low bias, low variance",
}  # fmt: skip
"""The notes' four columns: training and dev error in percent (a human's is about 0) and what stands under them."""


def shares_work(run: Any, rng: Any) -> dict[str, Any]:
    """Divide 1000 and 10 000 examples by these shares."""
    found = run()
    checks: dict[str, Any] = {}
    for m in (1000, 10_000):
        two, three = (split(np.arange(m), found[name], rng) for name in ("two", "three"))
        checks |= {
            f"{m} examples: {len(two[0])} + {len(two[1])}": (len(two[0]), len(two[1]))
            == (m * 70 // 100, m * 30 // 100),
            f"{m} examples: {' + '.join(str(len(part)) for part in three)}": [len(part) for part in three]
            == [m * 60 // 100, m * 20 // 100, m * 20 // 100],
            f"every one of {m} examples is in one set": sorted(np.concatenate(three)) == list(range(m)),
        }
    return checks


def ten_thousand(run: Any, rng: Any) -> dict[str, Any]:
    """How many of a million examples the shares give the dev set."""
    train, dev, test = (len(part) for part in split(np.arange(1_000_000), run()["shares"], rng))
    return {f"{dev} for dev": dev == 10_000, f"{test} for test": test == 10_000, f"{train} are left": train == 980_000}


def four_columns(run: Any, rng: Any) -> dict[str, Any]:
    """The four columns of the table."""
    del rng
    checks: dict[str, Any] = {}
    as_human, as_function = [], []
    for (train, dev), label in TABLE.items():
        found = run(train=train, dev=dev, human=0, high=5)
        names = [name for name in ("high bias", "high variance") if found[name.replace(" ", "_")]]
        checks[f"{train} % / {dev} %: {label}"] = (", ".join(names) or "low bias, low variance") == label
        same_human = run(train=train, dev=dev, human=train, high=5)
        as_human.append(not same_human["high_bias"])
        as_function.append(bias_variance_label(train, dev) == label)
    checks["where a human errs as much, bias is low"] = all(as_human)
    checks["as `procedures.bias_variance_label` says"] = all(as_function)
    return checks


def labels_of_columns(run: Any, rng: Any) -> dict[str, Any]:
    """The row of labels, against what the numbers above it say: each of the two is high from 5 points on."""
    del rng
    checks = {}
    for said, (train, dev) in zip(run()["labels"], TABLE, strict=True):
        bias, variance = train - 0, dev - train
        names = [name for name, points in (("high bias", bias), ("high variance", variance)) if points >= 5]
        label = ", ".join(names) or "low bias, low variance"
        slip = "" if said == label else f", not {said}"
        checks[f"{train} % / {dev} %: bias {bias}, variance {variance} points: {label}{slip}"] = said == label
    return checks


def data_do_not_bend_a_line(run: Any, rng: Any) -> dict[str, Any]:
    """A straight line fitted to a parabola: with few examples and with many."""
    errors = {}
    for m in (100, 20_000):
        x = rng.uniform(-1, 1, m)
        errors[m] = run(x=x, y=x**2 + x)["error"]
    x = rng.uniform(-1, 1, 1000)
    bigger = np.polyfit(x, x**2 + x, 2)
    return {
        f"100 examples: training error {errors[100]:.3f}": errors[100] > 0.06,
        f"20 000 examples: {errors[20_000]:.4f}, what the line cannot bend (4/45)": abs(errors[20_000] - 4 / 45)
        < 0.002,
        "a bigger model cures it": np.mean((np.polyval(bigger, x) - x**2 - x) ** 2) < 1e-20,
        "which is what the recipe says": basic_recipe(100 * errors[20_000], 100 * errors[20_000])[0]
        == "bigger network",
    }


ENTRIES = [
    text(
        "split.roles",
        "train on train; choose on dev; the test set gives an unbiased estimate",
        "000:141,148; 004:1701-1709,1731-1734",
        "The dev set can be overfitted too: choosing by it is learning from it.",
    ),
    right(
        "split.old",
        "70/30, or 60/20/20",
        "000:142; 004:1714-1716,2565-2574",
        r"70/30,\quad 60/20/20",
        "two = (0.7, 0.3)\nthree = (0.6, 0.2, 0.2)",
        Procedure(shares_work),
    ),
    right(
        "split.big",
        "a million examples, 10 000 for dev and for test: 98/1/1; or 99/0.5/0.5",
        "000:143-144; 004:1718,2576-2581",
        r"10^6:\ 98/1/1 \text{ or } 99/0.5/0.5",
        "shares = (1 - 2 * n / m, n / m, n / m)",
        Every(
            Value((0.98, 0.01, 0.01), m=1_000_000, n=10_000),
            Value((0.99, 0.005, 0.005), m=1_000_000, n=5_000),
        ),
    ),
    wrong(
        "split.big-000",
        "“of a million, 10 000 for dev suffice: 99 %, 0.5 %, 0.5 %”",
        "000:144",
        r"99\,\%,\ 0.5\,\%,\ 0.5\,\%",
        "shares = (0.99, 0.005, 0.005)",
        Procedure(ten_thousand),
        right="shares = (0.98, 0.01, 0.01)",
        slip="slip",
        why="0.5 % of a million are 5 000: 98/1/1",
    ),
    text(
        "split.same-dist",
        "dev and test from one distribution; train may differ",
        "000:145-147; 004:1720-1729,2530-2560,2840-2850",
        "Shuffle before dividing; a dev set of other countries than the test set is a target that moves.",
    ),
    text(
        "split.no-test",
        "no test set may be fine",
        "000:148; 004:1730,2583-2595",
        "If no unbiased estimate is needed; 004:2595 does not recommend it.",
    ),
    text(
        "split.size",
        "the test set must be big enough for high confidence in the result",
        "004:2583-2586",
        "10 000 or 20 000 examples may be enough whatever the share.",
    ),
    right(
        "bv.table",
        "1/11 %: variance; 15/16: bias; 15/30: both; 0.5/1: neither",
        "000:151-157; 004:1749-1773",
        r"\text{bias} = \text{train} - \text{human},\quad \text{variance} = \text{dev} - \text{train}",
        "high_bias = train - human >= high\nhigh_variance = dev - train >= high",
        Procedure(four_columns),
    ),
    wrong(
        "bv.table-004",
        "the label row with “high bias” under 15 % / 30 %",
        "004:1773",
        r"\text{High Variance},\ \text{High Bias},\ \text{High Bias},\ \text{Low Bias Low Variance}",
        "labels = ['high variance', 'high bias', 'high bias', 'low bias, low variance']",
        Procedure(labels_of_columns),
        right="labels = ['high variance', 'high bias', 'high bias, high variance', 'low bias, low variance']",
        slip="OCR",
        why="the third column's variance is 15 points, as large as its bias: as at 004:1772 and 000:157",
    ),
    right(
        "bv.bayes15",
        "if the Bayes error is 15 %, 15 % is very good",
        "004:1764-1767",
        r"15\,\% - 15\,\% = 0",
        "bias = train - bayes\nhigh_bias = bias >= high",
        Every(
            Value({"bias": 0, "high_bias": False}, train=15, bayes=15, high=5),
            Value({"bias": 15, "high_bias": True}, train=15, bayes=0, high=5),
            Value({"bias": 6, "high_bias": True}, train=16, bayes=10, high=5),
        ),
    ),
    text(
        "bv.recipe",
        "bias? bigger network, longer training; variance? more data, regularisation",
        "000:158-164; 004:1787-1832",
        "First until the training set fits, then until the dev set does: `procedures.basic_recipe` answers so.",
    ),
    right(
        "bv.more-data",
        "more data does not cure high bias",
        "000:161; 004:1834-1835",
        r"\min_w \frac{1}{m} \sum (w_0 + w_1 x - y)^2 \rightarrow \frac{4}{45} \text{ for } y = x^2 + x",
        "line = np.polyfit(x, y, 1)\nerror = np.mean((np.polyval(line, x) - y) ** 2)",
        Procedure(data_do_not_bend_a_line),
    ),
    text(
        "bv.trade-off",
        "today bias and variance can each be lowered without raising the other",
        "000:165-166; 004:1741-1745,1837-1846",
        "A bigger network (with proper regularisation) lowers bias, more data lowers variance.",
        convention="bigger network with proper regularisation",
    ),
    text(
        "bv.high-dim",
        "high bias and high variance together happen in high dimensions",
        "004:1778-1783",
        "Linear in most directions, overfitting in some.",
    ),
]
