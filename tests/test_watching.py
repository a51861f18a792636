"""What is told to the watchers of running functions, step by step.

Python tells them while it traces nothing else, so here their callbacks are called by hand, with real frames.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import NamedTuple

import numpy as np
import pytest

from tinygrad_notes import Tensor
from tinygrad_notes.graphs.names import watch_names
from tinygrad_notes.testing import watch as watching
from tinygrad_notes.testing.subject import _watching_returns
from tinygrad_notes.testing.watch import Watch


class Seen(NamedTuple):
    name: str
    value: object
    depth: int


def told(watch):
    return [Seen(a.name, a.value, a.depth) for a in watch.assigned]


@pytest.fixture
def watch():
    made = Watch()
    made._before = None  # as when nothing traced before
    before = sys.gettrace()
    yield made
    sys.settrace(before)


def by_hand(watch):
    """Call the watch as Python does: ``tell("call")`` and so on, of the function that calls it."""
    before = sys.gettrace()

    def tell(event):
        frame = sys._getframe(1)
        (watch._call if event == "call" else watch._step)(frame, event, None)
        sys.settrace(before)

    return tell


def test_an_assignment_is_seen_on_the_next_line(watch):
    tell = by_hand(watch)

    def body(x):
        tell("call")
        dZ = x * 2
        tell("line")
        dZ = dZ + 1
        tell("line")
        n = 3
        tell("return")
        return dZ, n

    body(np.ones(2))
    assert [(s.name, s.depth) for s in told(watch)] == [("dZ", 0), ("dZ", 0), ("n", 0)]
    np.testing.assert_array_equal(watch.assigned[1].value, [3, 3])
    assert watch.assigned[0].line < watch.assigned[1].line <= watch.assigned[2].line
    assert watch.assigned[0].code is body.__code__


def test_what_stays_as_it_was_is_not_seen_again(watch):
    tell = by_hand(watch)

    def body(x, t):
        tell("call")
        same = x
        tell("line")
        same = x
        tell("line")
        x[0] = 9
        tell("line")
        nan = np.array([np.nan])
        tell("line")
        tell("line")
        text = "no value"
        tell("return")
        return same, nan, text

    body(np.ones(2), Tensor(1.0))
    assert [s.name for s in told(watch)] == ["same", "x", "same", "nan"]
    np.testing.assert_array_equal(watch.assigned[0].value, [1, 1])  # a copy


def test_a_tensor_that_was_updated_is_seen(watch):
    tell = by_hand(watch)

    def body(t):
        tell("call")
        t[0] = 5.0
        tell("return")

    t = Tensor(np.ones(2)) * 1
    body(t)
    assert [s.name for s in told(watch)] == ["t"]


def test_entries_of_dicts_lists_and_of_self(watch):
    tell = by_hand(watch)

    class Layer:
        def backward(self):
            tell("call")
            self.dW = np.ones(2)
            tell("line")
            self.empty = None
            tell("return")

    def body():
        tell("call")
        grads = {}
        tell("line")
        grads["dW"] = np.ones(2)
        grads[3] = np.ones(2)
        tell("line")
        caches = []
        caches.append(np.zeros(1))
        tell("line")
        Layer().backward()
        tell("return")

    body()
    assert [(s.name, s.depth) for s in told(watch)] == [("dW", 0), ("caches", 0), ("dW", 1)]


def test_only_so_many_assignments_are_kept(watch, monkeypatch):
    monkeypatch.setattr(watching, "LIMIT", 3)
    tell = by_hand(watch)

    def body():
        tell("call")
        total = 0
        for k in range(10):
            total = total + k + 1
            tell("line")
        tell("return")

    body()
    assert len(watch.assigned) <= 4


def test_the_tracer_before_is_told_too_and_libraries_are_not_watched(watch):
    seen = deque()  # no list: those of a watched function are looked into

    def other(frame, event, arg):
        seen.append(event)
        return other

    watch._before = other
    before = sys.gettrace()
    local = watch._call(sys._getframe(), "call", None)
    sys.settrace(before)
    assert local == watch._step
    local(sys._getframe(), "line", None)
    local(sys._getframe(), "return", None)
    assert [*dict.fromkeys(seen)] == ["call", "line", "return"]

    assert watch._call(in_a_library(sys._getframe()), "call", None) is other
    sys.settrace(before)


def in_a_library(frame):
    """The nearest caller that is no user's function: pytest's own."""
    while "site-packages" not in frame.f_code.co_filename:
        frame = frame.f_back
    return frame


def test_the_locals_of_one_function_are_taken_when_it_returns():
    found = {}

    def cost():
        A = 2.0
        told = sys.getprofile()
        sys.setprofile(None)
        told(sys._getframe(), "call", None)
        told(sys._getframe(1), "return", None)
        assert found == {}
        told(sys._getframe(), "return", None)
        return A

    with _watching_returns(cost.__code__, found):
        cost()
    assert found["A"] == 2.0


def test_names_are_collected_when_a_function_returns():
    with watch_names() as collected:
        notice = sys.getprofile()
        sys.setprofile(None)

        def inner():
            deep = Tensor(2.0)
            notice(sys._getframe(), "call", None)
            notice(sys._getframe(), "c_call", None)
            notice(sys._getframe(), "return", None)
            return deep

        def outer():
            notice(sys._getframe(), "call", None)
            deep = inner()
            notice(sys._getframe(), "return", None)
            return deep

        kept = outer()
        elsewhere = in_a_library(sys._getframe())
        notice(elsewhere, "call", None)
        notice(elsewhere, "return", None)
    assert collected().of_nodes[kept.node] == "deep"
