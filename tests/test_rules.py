"""Every rule of the book against an independent oracle: a new entry is picked up, and tested, by itself."""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
import warnings
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import oracles
import pytest
from oracles import Case, gradient, is_inexact, leaves, same

import tinygrad_notes as tn
import tinygrad_notes.nn
import tinygrad_notes.rules
from tinygrad_notes.rules import BOOK, Composite, Rule
from tinygrad_notes.testing.strategies import known_here

for _chapter in pkgutil.iter_modules(tinygrad_notes.rules.__path__):
    importlib.import_module(f"tinygrad_notes.rules.{_chapter.name}")

TESTED_ELSEWHERE = {
    "item": "every rule of several results",
    "join": "test_transforms: several results",
    "row_stack": "deprecated: another name of vstack",
    "unique_values": "test_unique_values: its order is the dtype's own",
}

ONE_INPUT = [((3, 4),), ((),), ((0, 3),), ((1, 1),)]
TWO_INPUTS = [((3, 4), (4,)), ((3, 1), (1, 4)), ((), (3,)), ((2, 3), (1, 1)), ((0, 3), (3,)), ((), ())]
DEFAULT_SHAPES = {1: ONE_INPUT, 2: TWO_INPUTS}


class Draw:
    """``draw(3, 4)``: a random array in the rule's domain; ``draw(4, of=1)`` in that of its second input.

    Entries of one array are spread over the domain, so that no two are close: ties and kinks are tested by name.
    """

    def __init__(self, domain: tuple[tuple[float, float], ...], seed: int) -> None:
        self.domain = domain or ((-2.0, 2.0),)
        self.rng = np.random.default_rng(seed)

    def __call__(self, *shape: int, of: int = 0) -> Any:
        low, high = self.domain[min(of, len(self.domain) - 1)]
        n = int(np.prod(shape))
        places = (self.rng.permutation(n) + self.rng.uniform(0.25, 0.75, n)) / max(n, 1)
        return (low + (high - low) * places).reshape(shape)[()]


# ── what to test: every entry of the book, at each of its samples ────────────────────────────────────────────────


def title(key: Any) -> str:
    """``np.linalg.norm``, ``np.add.reduce``, or our own primitive's name."""
    if isinstance(key, tuple):
        return f"{title(key[0])}.{key[1]}"
    if is_numpys(key):
        module = (getattr(key, "__module__", None) or "numpy").replace("numpy", "np")
        if isinstance(key, np.ufunc) and getattr(np, key.__name__, None) is not key:
            module = "special"
        return f"{module}.{key.__name__}"
    return BOOK[key].name if key in BOOK else str(getattr(key, "__name__", key))


def is_numpys(key: Any) -> bool:
    return isinstance(key, np.ufunc) or (getattr(key, "__module__", None) or "").startswith("numpy")


def plain_and_recorded(key: Any, entry: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The function on arrays, and the one that a user calls on Tensors."""
    if isinstance(key, tuple):
        f = getattr(*key)
        return f, f
    if is_numpys(key):
        return key, key
    return entry, entry


def sample_calls(key: Any, entry: Any) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    name = title(key)
    draw = Draw(getattr(entry, "domain", ()), zlib.crc32(name.encode()))
    if entry.samples is not None:
        plain, _ = plain_and_recorded(key, entry)
        return [call for call in entry.samples(draw) if known_here(plain, *call)]
    inputs = entry.inputs if isinstance(entry, Rule) else key.nin if isinstance(key, np.ufunc) else 0
    elementwise = getattr(entry, "elementwise", isinstance(key, np.ufunc))
    if not elementwise or inputs not in DEFAULT_SHAPES:
        return []
    return [(tuple(draw(*shape, of=k) for k, shape in enumerate(shapes)), {}) for shapes in DEFAULT_SHAPES[inputs]]


def constant_arguments(entry: Any) -> Callable[[Any], bool]:
    """Which arguments of a call take no derivative: a rule says so, a composite lets its functions say it."""
    if not isinstance(entry, Rule) or entry.variadic:
        return lambda _key: False
    names = entry.input_names

    def constant(key: Any) -> bool:
        position = names.index(key) if key in names else key if isinstance(key, int) else len(names)
        return position >= entry.inputs or entry.vjps[position] is None

    return constant


PLACES, MASK = np.array([4, 0, 2]), np.array([[True, False, True], [False, True, True]])
WRITES_INTO_ITS_ARGUMENT: dict[Any, list[Callable[[Any, Any], None]]] = {
    np.put: [lambda a, v: np.put(a, PLACES, v)],
    np.place: [lambda a, v: np.place(a, MASK, v)],
    np.putmask: [lambda a, v: np.putmask(a, MASK, v)],
    np.copyto: [lambda a, v: np.copyto(a, v), lambda a, v: np.copyto(a, v, where=MASK)],
    np.fill_diagonal: [lambda a, v: np.fill_diagonal(a, v[:2])],
    np.put_along_axis: [lambda a, v: np.put_along_axis(a, np.array([[1], [0]]), v[:2].reshape(2, 1), 1)],
}


def written(write: Callable[[Any, Any], None]) -> Callable[[Any, Any], Any]:
    """A function of what is written and what is written into, from a call that returns nothing."""

    def f(a: Any, v: Any) -> Any:
        a = a * 1.0
        write(a, v)
        return a

    return f


def in_place_calls(key: Any) -> tuple[list[Callable[[Any, Any], None]], tuple[tuple[float, float], ...]]:
    """Calls that write into their first argument, and the domains of the two; none for most functions."""
    if not isinstance(key, tuple) or key[1] != "at":
        return WRITES_INTO_ITS_ARGUMENT.get(key, []), ()
    ufunc: np.ufunc = key[0]
    rows, distinct, repeated = np.array([0, 1, 0]), np.array([2, 0, 1]), np.array([2, 2, 2])
    domain = getattr(BOOK[np.power if ufunc is np.float_power else ufunc], "domain", ())
    if ufunc is np.ldexp:
        return [lambda a, _v: np.ldexp.at(a, (rows, distinct), np.array([1, -2, 3]))], domain
    if ufunc.nin == 1:
        return [lambda a, _v: ufunc.at(a, (rows, distinct))], domain
    calls = [lambda a, v: ufunc.at(a, (rows, distinct), v)]
    if ufunc in (np.add, np.subtract, np.multiply, np.divide, np.maximum, np.logaddexp):
        calls.append(lambda a, v: ufunc.at(a, (rows, repeated), v))
    return calls, domain


def cases_of(key: Any, entry: Any) -> Iterator[Case]:
    in_place, domain = in_place_calls(key)
    if in_place:
        draw = Draw(domain, 11)
        for f in map(written, in_place):
            yield Case(title(key), f, f, (draw(2, 3), draw(3, of=1)))
        return
    if key is np.full_like:  # NumPy hands us the call only if the first argument is a Tensor
        likes = [np.zeros((2, 3)), np.zeros(3)]
        for like, value in zip(likes, (np.float64(0.7), np.array([0.1, 0.2, 0.3])), strict=True):
            yield Case("np.full_like", lambda v, like=like: np.full_like(like, v, dtype=v.dtype),
                       lambda v, like=like: np.full_like(tn.Tensor(like), v, dtype=v.dtype), (value,))  # fmt: skip
        return
    plain, recorded = plain_and_recorded(key, entry)
    for args, kwargs in sample_calls(key, entry):
        yield Case(title(key), plain, recorded, tuple(args), dict(kwargs), constant_arguments(entry),
                   holomorphic=getattr(entry, "holomorphic", False))  # fmt: skip


DEPRECATED = {"fix", "trapz"}  # by some NumPys, which then warn; tested as trunc and trapezoid
ENTRIES = {
    key: entry
    for key, entry in BOOK.items()
    if isinstance(entry, (Rule, Composite)) and getattr(key, "__name__", "") not in DEPRECATED
}


@cache
def all_cases() -> dict[Any, list[Case]]:
    return {key: list(cases_of(key, entry)) for key, entry in ENTRIES.items()}


def samples() -> list[Any]:
    return [
        pytest.param(key, k, id=f"{title(key)}-{k}")
        for key, cases in all_cases().items()
        for k, case in enumerate(cases)
        if case.inputs
    ]


each_sample = pytest.mark.parametrize(("key", "k"), samples())
each_entry = pytest.mark.parametrize("key", [pytest.param(key, id=title(key)) for key in ENTRIES])


def case_of(key: Any, k: int) -> Case:
    case = all_cases()[key][k]
    without_rule = refused_inputs(key, k)
    if not without_rule:
        return case
    remaining = iter(range(len(case.inputs)))
    narrowed = Case(**{f: getattr(case, f) for f in ("name", "plain", "recorded", "args", "kwargs", "constant")})
    narrowed.slots = [chosen and next(remaining) not in without_rule for chosen in case.slots]
    narrowed.holomorphic = case.holomorphic
    return narrowed


@cache
def refused_inputs(key: Any, k: int) -> frozenset[int]:
    """Inputs that have no derivative and say so with our error when they are Tensors; never all of them."""
    case = all_cases()[key][k]
    refused = set()
    for i in range(len(case.inputs)):

        def alone(x: Any, i: int = i) -> Any:
            return case.on_tensors(*case.inputs[:i], x, *case.inputs[i + 1 :])

        try:
            with np.errstate(all="ignore"):
                _, pullback = tn.vjp(alone, case.inputs[i])
                pullback(case.cotangent(np.random.default_rng(0)))
        except (tn.errors.NoRuleError, tn.errors.LeavesGraphError):
            refused.add(i)
    assert len(refused) < len(case.inputs), f"{case.name} takes no Tensor at all"
    return frozenset(refused)


@pytest.fixture
def case(key: Any, k: int) -> Case:
    return case_of(key, k)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """A library's warnings about precision are not what is tested here."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


# ── the checks ───────────────────────────────────────────────────────────────────────────────────────────────────


@each_entry
def test_has_samples_and_a_formula(key: Any) -> None:
    entry = ENTRIES[key]
    assert entry.formula, f"{title(key)} has no formula"
    if entry.name not in TESTED_ELSEWHERE:
        assert any(case.inputs for case in all_cases()[key]), (
            f"{title(key)} has no samples with a float array: nothing tests it. "
            "Give the rule samples=lambda draw: [call(draw(3, 4), …), …]"
        )


@each_sample
def test_first_order(case: Case, rng: np.random.Generator) -> None:
    oracles.check_value(case)
    oracles.check_first_order(case, rng)


@each_sample
def test_second_order(case: Case, rng: np.random.Generator) -> None:
    oracles.check_second_order(case, rng)


@each_sample
def test_calling_conventions(case: Case, rng: np.random.Generator) -> None:
    """Each input alone, one Tensor in two places, unusual memory."""
    oracles.check_each_alone(case, rng)
    oracles.check_twice(case, rng)
    oracles.check_layouts(case, rng)


def numpy_before(version: str) -> bool:
    return np.lib.NumpyVersion(np.__version__) < version


@each_sample
def test_dtypes(key: Any, k: int, rng: np.random.Generator) -> None:
    if key is np.emath.power and numpy_before("2.3.0"):
        pytest.skip("x ** p was narrower than np.power(x, p) for p of no axes; ours follows x ** p")
    case = case_of(key, k)
    for dtype in oracles.NARROW:
        with quiet():
            oracles.check_dtype(case, dtype, rng)


@each_sample
def test_no_promotion_inside(key: Any, k: int, rng: np.random.Generator) -> None:
    """Called directly, a rule gives float32 back for float32: no float64 constant is hidden in it."""
    entry, case = ENTRIES[key], case_of(key, k)
    if not isinstance(entry, Rule) or entry.variadic:
        return
    inputs = [np.asarray(x, {"f": np.float32, "c": np.complex64}[x.dtype.kind])[()] for x in case.inputs]
    narrow = case.replaced(inputs)
    try:
        with quiet():
            y = narrow.values
    except TypeError:
        return  # NumPy doesn't have it in float32
    if not is_inexact(y) or y.dtype not in (np.float32, np.complex64):
        return
    if not entry.covers(narrow.args, narrow.kwargs):
        return  # a combination of other functions takes this call
    bound = entry.bind(narrow.args, narrow.kwargs)
    bound = [np.asarray(x)[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x for x in bound]
    for i, vjp in enumerate(entry.vjps):
        if vjp is not None and is_inexact(bound[i]) and not refused_inputs(key, k):
            g = vjp(narrow.cotangent(rng), y, *bound)
            assert g.dtype in (np.float32, np.complex64), f"{case.name}: the rule of input {i} computes in {g.dtype}"


@each_sample
def test_complex(key: Any, k: int, rng: np.random.Generator) -> None:
    """Complex inputs, first and second order: gradient = dL/dRe + i dL/dIm."""
    if key is np.linalg.cond and numpy_before("2.4.0"):
        pytest.skip("a condition number was complex; ours is real, as it is since")
    case = case_of(key, k)
    inputs = [x + 1j * rng.uniform(0.1, 0.4, x.shape) if x.dtype.kind == "f" else x for x in case.inputs]
    turned = case.replaced([np.asarray(x)[()] for x in inputs])
    with quiet():
        try:
            ys = leaves(turned.values)
        except TypeError:
            return  # NumPy has no complex version
        if any(is_inexact(y) for y in ys):
            try:
                oracles.check_value(turned)
                oracles.check_first_order_along(turned, rng)
            except tn.errors.NoRuleError:
                return  # refused in our own words
            oracles.check_second_order(turned, rng)


def test_unique_values() -> None:
    """The gradient goes to the first of equal entries, in whatever order NumPy returns them."""
    x = np.array([3.0, 1.0, 3.0, 2.0])
    y, pullback = tn.vjp(np.unique_values, x)
    assert np.array_equal(y, np.unique_values(x))
    (g,) = pullback(y * 10)
    assert g.tolist() == [30.0, 10.0, 0.0, 20.0]


def points_with_kinks() -> list[Any]:
    return [
        pytest.param(key, point, slopes, id=f"{title(key)}-{point}")
        for key, entry in ENTRIES.items()
        for point, slopes in getattr(entry, "kinks", {}).items()
    ]


@pytest.mark.parametrize(("key", "point", "slopes"), points_with_kinks())
def test_kinks(key: Any, point: Any, slopes: Any) -> None:
    """At a point without a derivative the gradient is exactly what the book's table says."""
    _, recorded = plain_and_recorded(key, ENTRIES[key])
    arrays = [np.asarray(x, float)[()] for x in point]
    with np.errstate(all="ignore"):
        y, pullback = tn.vjp(recorded, *arrays)
        found = pullback(np.ones_like(y))
    same(f"{title(key)} at {point}", found, [np.asarray(s, float)[()] for s in slopes], 0.0)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(k, id=title(k))
        for k, e in ENTRIES.items()
        if isinstance(e, Rule) and e.elementwise and is_numpys(k)
    ],
)
def test_nan_and_infinity_stay_where_they_are(key: Any, rng: np.random.Generator) -> None:
    """A NaN or an infinity in one entry leaves the other entries' gradients alone."""
    entry = ENTRIES[key]
    if entry.samples is not None:
        return
    draw = Draw(entry.domain, 7)
    clean = [draw(4, of=k) for k in range(entry.inputs)]
    u = rng.normal(size=4)
    for bad in (np.nan, np.inf, -np.inf):
        spoilt = [x.copy() for x in clean]
        for x in spoilt:
            x[1] = bad
        with np.errstate(all="ignore"):
            expected, found = tn.vjp(key, *clean)[1](u), tn.vjp(key, *spoilt)[1](u)
            value = tn.vjp(key, *spoilt)[0]
            same(f"{title(key)}: value", [value], [key(*spoilt)])
        for a, b in zip(expected, found, strict=True):
            same(f"{title(key)}: beside {bad}", [np.delete(b, 1)], [np.delete(a, 1)])


def test_gradient_function_is_the_plain_one() -> None:
    """The helper that all checks use gives the textbook's numbers for a product."""
    case = Case("product", np.multiply, np.multiply, (np.array([2.0, 3.0]), np.array([5.0, 7.0])))
    da, db = gradient(case, np.array([1.0, 10.0]))
    assert da.tolist() == [5.0, 70.0]
    assert db.tolist() == [2.0, 30.0]
