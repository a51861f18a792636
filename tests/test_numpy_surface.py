"""A walk over all of NumPy with a Tensor in every place: differentiated, documented as plain, or our error.

What may never happen is a silent detach: a float result that no longer knows where it came from. The list of calls
is found by trying plausible arguments on plain arrays, so a function that a new NumPy brings is walked as well.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from oracles import leaves, rebuild

from tinygrad_notes import Tensor
from tinygrad_notes.backward import LEAF
from tinygrad_notes.errors import TinygradNotesError
from tinygrad_notes.rules import BOOK, Plain

M = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.25], [0.5, -0.25, 2.0]])
N = np.array([[0.3, -1.2, 0.7], [0.9, 0.4, -0.6], [0.2, 1.1, 0.8]])
V = np.array([0.5, 0.25, 0.75])
W = np.array([0.1, 0.6, 0.9])
MASK = np.array([True, False, True])
PLACES = np.array([0, 2, 1])

NOT_ABOUT_ARRAYS = {
    "settings, files, text and types: nothing to differentiate": (
        "base_repr binary_repr broadcast_shapes can_cast datetime_as_string datetime_data diag_indices "
        "from_dlpack frombuffer fromfile fromfunction fromiter frompyfunc fromregex fromstring genfromtxt get_include "
        "get_printoptions getbufsize geterr geterrcall indices info is_busday busday_count busday_offset isdtype "
        "issubdtype load loadtxt mask_indices mintypecode printoptions promote_types save savetxt savez "
        "savez_compressed set_printoptions setbufsize seterr seterrcall show_config show_runtime test tril_indices "
        "triu_indices typename nested_iters bmat asmatrix isnat ravel_multi_index unpackbits"
    )
}  # fmt: skip
SKIPPED = set(" ".join(NOT_ABOUT_ARRAYS.values()).split())

PLAUSIBLE: list[tuple[Any, ...]] = [
    (M,), (V,), (np.float64(0.5),), (M, N), (V, W), (M, V), (V, M), (M, N, M), (V, W, W), (M, 1), (V, 1), (1, V),
    (M, 0, 1), (V, 0), ([M, N],), ([V, W],), (M, (3, 3)), (V, PLACES), (M, MASK), (MASK, M), (MASK, M, N), (MASK, V, W),
    (MASK, [V, W]), (V, 0.5), (2, M), ((M,),), (PLACES, V), (PLACES,), (PLACES, PLACES), (3,),
]  # fmt: skip

WRITTEN_OUT: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "np.einsum": [(("ij,jk", M, N), {}), (("ii", M), {})],
    "np.einsum_path": [(("ij,jk", M, N), {})],
    "np.pad": [((V, 1), {}), ((V, 1), {"mode": "edge"}), ((V, 1), {"constant_values": np.float64(2.0)})],
    "np.choose": [((PLACES, [V, W, V]), {})],
    "np.select": [(([MASK, ~MASK], [V, W]), {}), (([MASK], [V], np.float64(1.0)), {})],
    "np.piecewise": [((V, [V > 0.3], [np.sin, np.cos]), {})],
    "np.apply_along_axis": [((np.sum, 0, M), {})],
    "np.apply_over_axes": [((np.sum, M, [0]), {})],
    "np.put_along_axis": [((V.copy(), PLACES, W, 0), {})],
    "np.take_along_axis": [((V, PLACES, 0), {})],
    "np.put": [((V.copy(), PLACES, W), {})],
    "np.place": [((V.copy(), MASK, W), {})],
    "np.putmask": [((V.copy(), MASK, W), {})],
    "np.copyto": [((V.copy(), W), {})],
    "np.fill_diagonal": [((M.copy(), W), {})],
    "np.interp": [((V, np.array([0.0, 0.5, 1.0]), W), {})],
    "np.histogram": [((V,), {}), ((V,), {"weights": W}), ((V, np.array([0.0, 0.5, 1.0])), {})],
    "np.histogram2d": [((V, W), {})],
    "np.histogramdd": [((M,), {})],
    "np.histogram_bin_edges": [((V,), {})],
    "np.linspace": [((np.float64(0.0), np.float64(1.0), 3), {}), ((V, W, 3), {})],
    "np.logspace": [((np.float64(0.0), np.float64(1.0), 3), {})],
    "np.geomspace": [((np.float64(0.5), np.float64(1.0), 3), {})],
    "np.arange": [((np.float64(3.0),), {})],
    "np.full": [((3, np.float64(2.0)), {})],
    "np.full_like": [((np.zeros(3, int), np.float64(2.0)), {})],
    "np.astype": [((V, np.float32), {}), ((V, np.complex128), {})],
    "np.unwrap": [((V * 9,), {})],
    "np.insert": [((V, 1, np.float64(0.3)), {}), ((V, [0, 1], W[:2]), {})],
    "np.delete": [((V, 1), {})],
    "np.bincount": [((PLACES,), {"weights": V})],
    "np.digitize": [((V, np.array([0.0, 0.5, 1.0])), {})],
    "np.unravel_index": [((PLACES, (2, 2)), {})],
    "np.polyint": [((V,), {}), ((V, 1), {}), ((V, 1, np.float64(2.0)), {})],
    "np.polyfit": [((V, W, 1), {})],
    "np.vander": [((V,), {})],
    "np.ix_": [((V,), {})],
    "np.ldexp": [((V, PLACES), {})],
    "np.kaiser": [((3, np.float64(2.0)), {})],
    "np.require": [((V,), {"requirements": "C"})],
    "np.rollaxis": [((M, 1), {})],
    "np.extract": [((MASK, V), {})],
    "np.compress": [((MASK, V), {})],
    "np.matvec": [((M, V), {})],
    "np.vecmat": [((V, M), {})],
    "np.lexsort": [(([V, W],), {})],
    "np.tensordot": [((M, N), {}), ((M, N), {"axes": 1})],
    "np.trim_zeros": [((V,), {})],
    "np.block": [(([[M, N]],), {})],
    "np.moveaxis": [((M, 0, 1), {})],
    "np.array_split": [((V, 2), {})],
    "np.row_stack": [],
    "np.linalg.tensorsolve": [((M, V), {})],
    "np.linalg.tensorinv": [((M,), {"ind": 1})],
    "np.linalg.multi_dot": [(([M, N, M],), {})],
    "np.linalg.matrix_power": [((M, 3), {})],
    "np.linalg.cross": [((V, W), {})],
    "np.linalg.lstsq": [((M, V), {"rcond": None})],
    "np.angle": [((V,), {}), ((V,), {"deg": True})],
    "np.real_if_close": [((V,), {})],
    "np.trapezoid": [((V,), {}), ((V, W), {}), ((V,), {"dx": np.float64(0.5)})],
    "np.trapz": [((V,), {}), ((V, W), {}), ((V,), {"dx": np.float64(0.5)})],
    "np.where": [((MASK, V, W), {}), ((V,), {})],
    "np.nan_to_num": [((V,), {}), ((V,), {"nan": np.float64(1.0)})],
    "np.dsplit": [((np.ones((1, 2, 4)), 2), {})],
    "np.fft.fftfreq": [((4,), {"d": np.float64(0.5)})],
    "np.fft.rfftfreq": [((4,), {"d": np.float64(0.5)})],
}
RETURNS_NO_VALUES = (bool, int, str, bytes, type(None), np.dtype, type, np.bool_, np.integer)


def names() -> Iterator[tuple[str, Any]]:
    for prefix, module in (("np", np), ("np.linalg", np.linalg), ("np.fft", np.fft)):
        for name in sorted(dir(module)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                f = getattr(module, name)
            if not name.startswith("_") and callable(f) and not isinstance(f, type) and name not in SKIPPED:
                yield f"{prefix}.{name}", f


def attempt(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return f(*args, **kwargs)


def fresh_copies(call: Any) -> Any:
    return rebuild(call, iter([x.copy() if isinstance(x, np.ndarray) else x for x in leaves(call)]))


def calls(name: str, f: Any) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Calls that NumPy accepts on plain arrays."""
    found = []
    for call in WRITTEN_OUT.get(name, [(args, {}) for args in PLAUSIBLE]):
        try:
            attempt(f, *fresh_copies(call))
        except Exception:  # these arguments are not for this function
            continue
        found.append(call)
    return found


def with_one_tensor(call: Any) -> Iterator[tuple[Any, Tensor]]:
    """The call with each of its float arrays, in turn, as a Tensor; and a fresh Tensor for each."""
    flat = leaves(call)
    for k, leaf in enumerate(flat):
        if isinstance(leaf, (np.ndarray, np.floating)) and leaf.dtype.kind == "f":
            t = Tensor(leaf)
            others = [x.copy() if isinstance(x, np.ndarray) else x for x in flat]
            yield rebuild(call, iter([*others[:k], t, *others[k + 1 :]])), t


def is_tracked(x: Any) -> bool:
    return isinstance(x, Tensor) and x.node is not None


def outcome(name: str, f: Any, call: Any, t: Tensor) -> str:
    """What became of the Tensor: one of the words that `test_no_silent_detach` accepts, or a complaint."""
    key = f if not isinstance(getattr(f, "__self__", None), np.ufunc) else (f.__self__, f.__name__)
    try:
        result = attempt(f, *call)
    except TinygradNotesError as error:
        known = key in BOOK or not dispatches(f) or "has no derivative rule here" not in str(error)
        return "refused" if known else f"not in the rule book: {name}"
    except AttributeError as error:
        return "refused" if not dispatches(f) and "'Tensor' object" in str(error) else f"{name}: {error}"
    except Exception as error:
        return f"{name}{describe(call)} raises {type(error).__name__}: {error}"
    if t.node.op is not LEAF:
        return "recorded in place"
    values = leaves(list(result) if isinstance(result, Iterator) else result)
    if any(is_tracked(y) for y in values):
        return "differentiated"
    if isinstance(BOOK.get(key), Plain):
        return "plain"
    if all(isinstance(y, RETURNS_NO_VALUES) or getattr(y, "dtype", np.dtype(float)).kind in "biuUS" for y in values):
        if result is None:
            return f"{name}{describe(call)} returned None: was something written?"
        if key in BOOK or not dispatches(f):
            return "plain"
        return f"{name} has a bool or integer result but is not listed as plain"
    return f"SILENT DETACH: {name}{describe(call)} returned {type(result).__name__} without its graph"


def dispatches(f: Any) -> bool:
    """Whether NumPy lets us intercept `f`."""
    return (
        isinstance(f, np.ufunc) or hasattr(f, "_implementation") or isinstance(getattr(f, "__self__", None), np.ufunc)
    )


def describe(call: Any) -> str:
    args, kwargs = rebuild(call, iter(["t" if isinstance(x, Tensor) else "x" for x in leaves(call)]))
    return f"{args}{kwargs or ''}"


WALK = dict(names())


@pytest.mark.parametrize("name", WALK)
def test_no_silent_detach(name: str) -> None:
    """Every place of every call gives a recorded result, a documented plain one, or our error."""
    f = WALK[name]
    complaints = []
    found = calls(name, f)
    assert found or name == "np.row_stack", f"no call of {name} was found: write one into WRITTEN_OUT"
    for call in found:
        for given, t in with_one_tensor(call):
            what = outcome(name, f, given, t)
            if what not in ("differentiated", "plain", "refused", "recorded in place"):
                complaints.append(what)
    assert not complaints, "\n".join(dict.fromkeys(complaints))


UFUNCS = {f"np.{n}": f for n, f in sorted(vars(np).items()) if isinstance(f, np.ufunc)}
METHOD_CALLS = {
    "reduce": [(V,), (M, 1)],
    "accumulate": [(V,), (M, 1)],
    "outer": [(V, W)],
    "reduceat": [(V, [0, 2])],
    "at": [(V, PLACES), (V, PLACES, W)],
}


@pytest.mark.parametrize("name", UFUNCS)
def test_ufunc_methods_do_not_detach(name: str) -> None:
    complaints = []
    for method, arguments in METHOD_CALLS.items():
        f = getattr(UFUNCS[name], method)
        for args in arguments:
            try:
                attempt(f, *fresh_copies((args, {})))
            except Exception:  # the ufunc hasn't this method
                continue
            for given, t in with_one_tensor((args, {})):
                what = outcome(f"{name}.{method}", f, given, t)
                if what not in ("differentiated", "plain", "refused", "recorded in place"):
                    complaints.append(what)
    assert not complaints, "\n".join(dict.fromkeys(complaints))


METHOD_ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    "astype": [(np.float32,), (int,)],
    "choose": [([V, W],)],
    "clip": [(0.3, 0.6)],
    "compress": [(MASK,)],
    "dot": [(W,)],
    "fill": [(1.0,)],
    "item": [(0,)],
    "partition": [(1,)],
    "argpartition": [(1,)],
    "put": [(PLACES, W)],
    "repeat": [(2,)],
    "reshape": [(3, 1), ((1, 3),)],
    "resize": [((3, 1),)],
    "searchsorted": [(0.5,)],
    "swapaxes": [(0, 0)],
    "take": [(PLACES,)],
    "to_device": [("cpu",)],
    "view": [(), (np.int64,)],
    "byteswap": [()],
    "getfield": [(np.float64,)],
    "setfield": [(1.0, np.float64)],
    "setflags": [()],
    "trace": [()],
    "diagonal": [()],
}
EXPLICIT_WAYS_OUT = {"item", "tolist", "data", "shape", "dtype", "size", "ndim", "nbytes", "itemsize"}


@pytest.mark.parametrize("name", [n for n in dir(np.ndarray) if not n.startswith("_")])
def test_array_methods_do_not_detach(name: str) -> None:
    """``t.name`` is recorded, plain, one of the explicit ways out, or an error: never an array without its graph."""
    t = Tensor(M if name in ("trace", "diagonal", "mT") else V)
    if name in EXPLICIT_WAYS_OUT:
        assert hasattr(t, name)
        return
    try:
        attribute = getattr(t, name)
    except AttributeError:
        return
    except TinygradNotesError:
        return
    if not callable(attribute):
        assert all(map(is_tracked, leaves(list(attribute) if name == "flat" else attribute))), f"t.{name} is detached"
        return
    for args in METHOD_ARGUMENTS.get(name, [()]):
        try:
            result = attempt(attribute, args, {})
        except TinygradNotesError:
            continue
        values = leaves(result)
        inexact = [y for y in values if getattr(y, "dtype", np.dtype(bool)).kind in "fc" or isinstance(y, float)]
        changed = t.node is None or t.node.op is not LEAF
        assert changed or result is not None, f"t.{name}{args} did nothing"
        assert all(map(is_tracked, inexact)), f"t.{name}{args} is detached"


@pytest.mark.parametrize(
    "name", [n for n in dir(np.ndarray) if not n.startswith("_") and callable(getattr(Tensor, n, 0))]
)
def test_array_methods_do_what_an_array_s_do(name: str) -> None:
    for args in METHOD_ARGUMENTS.get(name, [()]):
        array = (M if name in ("trace", "diagonal") else V).copy()
        t = Tensor(array)
        try:
            result = getattr(t, name)(*args)
        except TinygradNotesError:
            continue
        # the array's ptp is gone; older NumPys have a method that says so
        expected = np.ptp(array, *args) if name == "ptp" else getattr(array, name)(*args)
        assert_plain_equal(result, expected)
        assert_plain_equal(t, array)


def assert_plain_equal(result: Any, expected: Any) -> None:
    if isinstance(expected, tuple):
        assert len(result) == len(expected)
        for r, e in zip(result, expected, strict=True):
            assert_plain_equal(r, e)
    elif expected is None:
        assert result is None
    else:
        np.testing.assert_allclose(result.data if isinstance(result, Tensor) else result, expected, rtol=1e-15)
        assert np.shape(result) == np.shape(expected)


USUAL_METHODS = (
    "all any argmax argmin argsort astype choose clip compress conj conjugate copy cumprod cumsum diagonal dot "
    "flatten item max mean min nonzero partition prod ravel repeat reshape round searchsorted sort squeeze std sum "
    "swapaxes take tolist trace transpose var T mT real imag flat shape dtype ndim size"
)


def test_every_tracked_method_of_an_array_exists() -> None:
    """The methods that a loss is written with are there."""
    t = Tensor(np.array([[0.5, 0.25], [0.75, 0.1]]))
    for name in USUAL_METHODS.split():
        assert hasattr(t, name), f"Tensor has no .{name}"


# ── beyond numpy, numpy.linalg and numpy.fft: what is written in C or converts by itself ─────────────────────────

MASKED = np.ma.masked_array([1.0, 2.0, 3.0], mask=[True, False, False])
ELSEWHERE: dict[str, Callable[[Tensor], Any]] = {
    "np.random.normal(t)": lambda t: np.random.default_rng(0).normal(t),
    "rng.uniform(0, t)": lambda t: np.random.default_rng(0).uniform(0, t),
    "rng.normal(scale=t)": lambda t: np.random.default_rng(0).normal(scale=t, size=3),
    "rng.permutation(t)": lambda t: np.random.default_rng(0).permutation(t),
    "rng.choice(t)": lambda t: np.random.default_rng(0).choice(t),
    "rng.shuffle(t)": lambda t: np.random.default_rng(0).shuffle(t),
    "rng.choice(p=t)": lambda t: np.random.default_rng(0).choice(3, p=t),
    "np.vectorize": lambda t: np.vectorize(lambda x: x * 2.0)(t),
    "np.frompyfunc": lambda t: np.frompyfunc(lambda x: x * 2.0, 1, 1)(t),
    "np.poly1d(t)": lambda t: np.poly1d(t),
    "np.poly1d()(t)": lambda t: np.poly1d([1.0, 2.0])(t),
    "np.matrix": lambda t: np.asmatrix(t),
    "np.ma.array": lambda t: np.ma.array(t, mask=[True, False, False]),
    "np.ma.masked_where": lambda t: np.ma.masked_where(MASK, t),
    "np.ma.exp": lambda t: np.ma.exp(t),
    "np.ma.dot": lambda t: np.ma.dot(MASKED, t),
    "masked array * t": lambda t: MASKED * t,
    "masked array ** t": lambda t: MASKED**t,
    "masked array > t": lambda t: MASKED.__gt__(t),
    "masked array /= t": lambda t: MASKED.copy().__itruediv__(t),
    "np.nditer": lambda t: [x.copy() for x in np.nditer(t)],
    "np.ndenumerate": lambda t: [x for _, x in np.ndenumerate(t)],
    "np.broadcast": lambda t: list(np.broadcast(t, 1.0)),
    "np.float64": lambda t: np.float64(t),
    "np.float32": lambda t: np.float32(t[0]),
    "np.fromiter": lambda t: np.fromiter(t, float),
    "np.fromfunction": lambda t: np.fromfunction(lambda i: i * t, (3,)),
    "np.polynomial.polyval": lambda t: np.polynomial.polynomial.polyval(0.5, t),
    "np.polynomial.Polynomial": lambda t: np.polynomial.Polynomial(t),
    "np.polynomial.Polynomial()(t)": lambda t: np.polynomial.Polynomial([1.0, 2.0])(t),
    "np.emath.sqrt": lambda t: np.emath.sqrt(t),
    "np.emath.log": lambda t: np.emath.log(t),
    "np.lib.stride_tricks.as_strided": lambda t: np.lib.stride_tricks.as_strided(t, (2,), (8,)),
    "np.lib.stride_tricks.sliding_window_view": lambda t: np.lib.stride_tricks.sliding_window_view(t, 2),
    "np.r_": lambda t: np.r_[t, 1.0],
    "np.c_": lambda t: np.c_[t, t],
    "np.mgrid": lambda t: np.mgrid[0 : t[1] : 0.1],
    "np.bmat": lambda t: np.bmat([[t, t]]),
    "array method": lambda t: np.ones(3).dot(t),
    "array method min": lambda t: np.ones(3).clip(t, 2.0),
    "array in-place": lambda t: np.ones(3).__iadd__(t),
    "array setitem": lambda t: np.ones(3).__setitem__(slice(None), t),
    "array fill": lambda t: np.ones(3).fill(t[0]),
    "array getitem": lambda t: np.ones(3)[t],
}  # fmt: skip
LOUD_IN_NUMPYS_OWN_WORDS = {"np.nditer", "np.ndenumerate"}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_elsewhere_in_numpy_nothing_detaches(name: str) -> None:
    t = Tensor(V)
    try:
        result = attempt(ELSEWHERE[name], (t,), {})
    except TinygradNotesError:
        return
    except (TypeError, ValueError) as error:
        ours = isinstance(error.__cause__ or error.__context__, TinygradNotesError)
        if ours or "Tensor" in str(error) or name in LOUD_IN_NUMPYS_OWN_WORDS:
            return
        raise
    if t.node.op is not LEAF:
        return  # recorded as an assignment
    flat = leaves(result) if not isinstance(result, (np.poly1d, np.polynomial.Polynomial)) else [result.coef]
    if isinstance(result, np.ndarray) and result.dtype == object:
        flat = list(result.ravel())  # an array of Tensors: each remembers
    assert flat, f"{name} gave nothing"
    assert all(map(is_tracked, flat)), f"SILENT DETACH: {name} returned {type(result).__name__}"


def test_tensors_in_a_plain_list_are_joined_or_refused() -> None:
    """``np.f([t1, t2])``: not every function looks into lists, none may lose the graph."""
    complaints = []
    for name, f in WALK.items():
        pair = [Tensor(0.25), Tensor(0.5)]
        try:
            result = attempt(f, (pair,), {})
        except Exception:  # refused, or not for a list
            continue
        flat = [y for y in leaves(result) if getattr(y, "dtype", np.dtype(bool)).kind in "fc" or isinstance(y, float)]
        if flat and not any(map(is_tracked, flat)) and not isinstance(BOOK.get(f), Plain):
            complaints.append(f"{name}([t1, t2]) returned {result!r}")
    assert not complaints, "\n".join(complaints)


def test_the_walk_is_long() -> None:
    """The walk really sees NumPy: hundreds of functions, and those that a loss is made of are differentiated."""
    assert len(WALK) > 330
    for name, args in (("np.exp", (V,)), ("np.sum", (M,)), ("np.where", (MASK, V, W)), ("np.linalg.norm", (V,))):
        for given, t in with_one_tensor((args, {})):
            assert outcome(name, WALK[name], given, t) == "differentiated", (name, describe(given))
