"""Rare ways through the rooms around the core: what a layer, a table, a primitive or a command does at its edge."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor, errors, nn, optim
from tinygrad_notes.cli import main
from tinygrad_notes.coverage import Coverage
from tinygrad_notes.rules import BOOK


def test_a_layer_without_a_call_says_so():
    class Mine(nn.Layer):
        pass

    with pytest.raises(NotImplementedError, match="Mine has no __call__"):
        Mine()(np.ones(2))


def test_what_a_layer_shows(rng):
    layer = nn.Linear(2, 3, rng=rng)
    assert layer.summary() == repr(layer)
    assert "W (3, 2)" in layer.summary()
    inside = nn.Sequential(layer, nn.Dropout(0.5))
    assert "Linear" in inside.summary()
    assert "Dropout" in inside.summary()
    with pytest.raises(errors.BadInputError, match='layout is "columns" or "rows"'):
        nn.Linear(2, 3, rng=rng, layout="diagonal")


def test_an_optimiser_of_ones_own_has_two_methods():
    class Mine(optim.Optimizer):
        pass

    with pytest.raises(NotImplementedError):
        Mine().init({})
    with pytest.raises(NotImplementedError):
        Mine().step({}, {}, {})


def test_the_table_of_rules():
    table = tn.coverage()
    with pytest.raises(KeyError, match="nothing"):
        table["nothing"]
    one = Coverage([table["tanh"]])
    page = one.to_markdown()
    assert "## " in page
    assert page.count("\n## ") == 1
    assert len(one) == 1
    assert "np.tanh" in page


def test_the_table_of_rules_without_scipy(monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "scipy" else found(name, *a))
    monkeypatch.delitem(sys.modules, "scipy.special", raising=False)
    names = [row.name for row in tn.coverage()]
    assert "np.tanh" in names
    assert not any(name.startswith("scipy.special") for name in names)


def test_a_numpy_function_is_given_a_rule():
    def scaled(x, factor):
        return x * factor

    made = tn.primitive("y = 3x", lambda g, _y, x, factor: g * factor, name="scaled")(scaled)
    x = Tensor(2.0)
    made(x, 3.0).backward()
    assert x.grad == 3
    spacing = np.spacing
    before = BOOK[spacing]
    try:
        entered = tn.primitive("y = the gap to the next number, taken as constant", lambda g, _y, x: 0.0 * g * x)(
            spacing
        )
        assert BOOK[spacing] is entered
        t = Tensor(2.0)
        np.spacing(t).backward()
        assert t.grad == 0
    finally:
        BOOK[spacing] = before


def test_a_checkpointed_function_returns_an_array():
    with pytest.raises(errors.BadInputError, match="array"):
        tn.checkpoint(lambda x: "text")(Tensor(1.0))


def test_a_function_whose_parameters_python_does_not_know():
    """It is taken as it is given; a vjp must still take g, y and one argument at least."""
    with pytest.raises(errors.BadInputError, match="takes g, y"):
        tn.primitive("y = |x|", lambda g: g)(max)


def test_missing_extras_are_named(monkeypatch):
    real = builtins.__import__

    def without_scipy(name, *args, **kwargs):
        if name.partition(".")[0] == "scipy":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_scipy)
    with pytest.raises(errors.MissingExtraError, match="scipy"):
        nn.gelu(np.ones(2), approximate=False)
    for module in ("tinygrad_notes.special", "tinygrad_notes.rules.special"):
        kept = sys.modules.pop(module, None)
        try:
            with pytest.raises(errors.MissingExtraError, match="scipy"):
                __import__(module)
        finally:
            if kept is not None:
                sys.modules[module] = kept


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(
        "from tinygrad_notes import Tensor\n"
        "fixed = Tensor(2.0, requires_grad=False)\n"
        "number = 3\n"
        "def cost(w, *rest, scale=2.0):\n"
        "    return w * w * scale\n",
        encoding="utf-8",
    )


def test_a_constant_is_not_drawn(model, capsys):
    assert main(["draw", "model.py:fixed", "-o", "J.dot"]) != 0
    assert "fixed in model.py is a constant" in capsys.readouterr().err


def test_only_parameters_of_the_function_are_given(model, capsys):
    assert main(["draw", "model.py:cost", "w=3", "-o", "J.dot"]) == 0
    assert main(["draw", "model.py:cost", "w=3", "v=1", "-o", "J.dot"]) != 0
    assert "cost() has no parameter v" in capsys.readouterr().err


def test_the_whole_table(capsys):
    assert main(["coverage"]) == 0
    whole = capsys.readouterr().out
    assert main(["coverage", "tanh"]) == 0
    assert len(capsys.readouterr().out) < len(whole)


def test_a_reader_that_goes_away_ends_the_command_quietly(monkeypatch):
    class Gone:
        closed = False

        def write(self, _text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

        def close(self):
            self.closed = True

    gone = Gone()
    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr(sys, "stderr", gone)
    assert main(["coverage", "tanh"]) == 1
    assert gone.closed
