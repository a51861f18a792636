"""`export`: run a function or a model on Symbols, and write what it did as an ONNX file."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ...arguments import common_numbers, need_axis, need_count
from ...errors import BadInputError, NoRuleError, missing_extra, user_line
from ...failures import need_function, operation_failed, what_is
from ...pytree import flatten, paths, unflatten
from .arrays import ARRAYS, OF_SEVERAL, OF_TWO, PLAIN, VARIADIC, WITH_RESULT
from .builder import BOOL, Builder
from .elementwise import COMPARISONS, ELEMENTWISE, LOGICAL
from .indexing import scatter
from .program import SIZES, Counting, Dim, Filled, merged
from .symbol import Program, Ref, Step, Symbol

__all__ = ["export"]

OLDEST = 18  # since then a reduction's axes are an input
OPSET = 23
IR_VERSION = 11


def export(
    f: Callable[..., Any],
    *inputs: Any,
    path: str | os.PathLike[str] | None = None,
    params: Any = None,
    batch_axis: int | Sequence[int | None] | None = None,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    dtype: Any = np.float32,
    opset: int = OPSET,
) -> Any:
    """Write a model or a function as an ONNX graph.

    The function is run on stand-ins that know their shape but not their value, so what it decides by a value
    (``if x > 0``) is refused instead of frozen; comparisons inside ``np.where`` are exported.

    Parameters
    ----------
    f : Layer, or callable
        A model of `tn.nn` (or any dataclass of arrays that can be called): its arrays become initialisers named by
        their place (``layers[0].W``). A plain function is called as ``f(params, *inputs)`` if `params` is given, else
        as ``f(*inputs)``; arrays that it closes over become unnamed initialisers.
    *inputs : array_like
        Examples of the inputs: shapes and dtypes count. Integer inputs (token numbers) stay integers.
    path : str or Path, optional
        Where to write the file.
    params : container of arrays, optional
        Become initialisers, named by their place.
    batch_axis : int, None, or a sequence of these (one per input)
        The axis that counts the examples, left open in the file under the name ``batch``. The function is then run
        at three batch sizes, and what differs is computed from the input's shape.
    input_names, output_names : sequence of str, optional
        By default f's own parameter names, and ``y`` or the keys of the result.
    dtype : dtype
        What float64 is written as.
    opset : int
        Version of ONNX's operator set, from 18 on.

    Returns
    -------
    onnx.ModelProto
        Checked by ``onnx.checker``, with shapes of all values.

    Raises
    ------
    NoRuleError
        For an operation without an ONNX counterpart, named with your line.
    BadInputError
        If something depends on the batch size in a way that can't be written down.
    LeavesGraphError
        If the function looks at a value.
    MissingExtraError
        Without onnx.

    Examples
    --------
    >>> import tinygrad_notes as tn
    >>> rng = np.random.default_rng(0)
    >>> model = tn.nn.Sequential(tn.nn.Linear(3, 4, rng), np.tanh, tn.nn.Linear(4, 1, rng), tn.nn.sigmoid)
    >>> file = export(model, np.ones((3, 5)), batch_axis=1)
    >>> [node.op_type for node in file.graph.node]
    ['MatMul', 'Add', 'Tanh', 'MatMul', 'Add', 'Sigmoid']
    >>> [parameter.name for parameter in file.graph.initializer]
    ['layers[0].W', 'layers[0].b', 'layers[2].W', 'layers[2].b']
    """
    need_function("onnx.export", f)
    need_count("opset", opset, OLDEST)
    _need_a_place(path)
    try:
        dtype = np.dtype(dtype)
    except TypeError as error:
        operation_failed("onnx.export", error, dtype)
    try:
        import onnx
    except ImportError as error:
        raise missing_extra("onnx", "onnx", "ONNX export") from error
    arrays = [
        common_numbers("onnx.export takes arrays of numbers", x.data if hasattr(x, "node") else x) for x in inputs
    ]
    axes = _batch_axes(batch_axis, arrays)
    call, weights, weight_names = _with_weights(f, params)
    names = _input_names(f, params, input_names, len(arrays))
    runs = [_run(call, weights, [_resized(x, axis, more) for x, axis in zip(arrays, axes, strict=True)])
            for more in (SIZES if any(axis is not None for axis in axes) else SIZES[:1])]  # fmt: skip
    first = next((k for k, axis in enumerate(axes) if axis is not None), 0)
    counted = axes[first] if axes else None
    base = 0 if counted is None else arrays[first].shape[counted]
    programs = [program for program, _, _ in runs]
    steps, shapes = merged(programs, [base + more for more in SIZES[: len(runs)]])
    _, outputs, structure = runs[0]
    b = Builder(onnx, dtype)
    b.shapes = shapes
    used = _used(steps, outputs)
    values = programs[0].values
    for k, name in enumerate(names):
        index = len(weights) + k
        b.names[index] = b.fresh(name)
        b.kinds[b.names[index]] = b.written(values[index].dtype)
    for k, name in enumerate(weight_names):
        if k in used:
            value = values[k]
            b.names[k] = b.initializer(value.astype(b.written(value.dtype)).reshape(value.shape), name)
    if counted is not None:
        b.batch = (b.names[len(weights) + first], counted)
    for step in steps:
        if any(index in used for index in step.outputs):
            _write(b, step, values)
    results = _write_outputs(b, outputs, values, output_names or _output_names(structure, len(outputs)))
    model = _model(b, names, results, len(weights), outputs, opset, f)
    if path is not None:
        onnx.save(model, os.fspath(path))
    return model


# ── what is run ──────────────────────────────────────────────────────────────────────────────────────────────────


def _need_a_place(path: Any) -> None:
    if path is None:
        return
    if not isinstance(path, (str, os.PathLike)):
        raise BadInputError(f"path= is a str or a Path, not {what_is(path)}.{user_line()}")
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise BadInputError(f"there is no folder {folder}: make it before saving.{user_line()}")


def _batch_axes(batch_axis: Any, arrays: list[Any]) -> list[int | None]:
    axes = list(batch_axis) if isinstance(batch_axis, (list, tuple)) else [batch_axis] * len(arrays)
    if len(axes) != len(arrays):
        raise BadInputError(f"batch_axis has {len(axes)} entries for {len(arrays)} inputs.{user_line()}")
    checked: list[int | None] = []
    sizes = set()
    for k, (axis, x) in enumerate(zip(axes, arrays, strict=True)):
        if axis is not None:
            need_axis(axis, x, f"input {k}")
        checked.append(None if axis is None else axis % x.ndim)
        sizes |= {x.shape[axis]} if axis is not None else set()
    if len(sizes) > 1 or 0 in sizes:
        raise BadInputError(f"the inputs have {sorted(sizes)} examples; give each the same number, at least 1")
    return checked


def _with_weights(f: Any, params: Any) -> tuple[Callable[..., Any], list[Any], list[str]]:
    """How to call `f` with its weights in front, the weights, and their names."""
    if params is not None:
        leaves, structure = flatten(params)
        names = [name or "params" for name in paths(params)]
        return (lambda weights, *xs: f(unflatten(structure, weights), *xs)), [np.asarray(x) for x in leaves], names
    leaves, structure = flatten(f)
    if len(leaves) == 1 and leaves[0] is f:
        return (lambda _weights, *xs: f(*xs)), [], []
    return (lambda weights, *xs: unflatten(structure, weights)(*xs)), [np.asarray(x) for x in leaves], paths(f)


def _input_names(f: Any, params: Any, given: Sequence[str] | None, count: int) -> list[str]:
    if given is not None:
        if len(given) != count:
            raise BadInputError(f"input_names has {len(given)} names for {count} inputs.{user_line()}")
        return list(given)
    try:
        found = [p.name for p in inspect.signature(f).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    except (TypeError, ValueError):
        found = []
    found = found[params is not None :][:count]
    return found + [f"x{k}" for k in range(len(found), count)]


def _resized(x: Any, axis: int | None, more: int) -> Any:
    return x if axis is None or not more else np.take(x, np.arange(x.shape[axis] + more) % x.shape[axis], axis)


def _run(call: Callable[..., Any], weights: list[Any], inputs: list[Any]) -> tuple[Program, list[Any], Any]:
    program = Program()
    symbols = [program.symbol(w) for w in weights]
    result = call(symbols, *(program.symbol(x) for x in inputs))
    leaves, structure = flatten(result)
    for y in leaves:
        if not isinstance(y, Symbol):
            common_numbers("an exported function returns arrays of numbers", y)
    return program, [Ref(y.index) if isinstance(y, Symbol) else y for y in leaves], structure


def _output_names(structure: Any, count: int) -> list[str]:
    found = paths(unflatten(structure, [0.0] * count)) if count > 1 else [""]
    return [name or "y" for name in (n if not n.startswith("[") else f"y{n}" for n in found)]


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _refs(x: Any) -> set[int]:
    if isinstance(x, Ref):
        return {x.index}
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, slice):
        x = (x.start, x.stop, x.step)
    return set().union(*map(_refs, x)) if isinstance(x, (tuple, list)) and x else set()


def _used(steps: list[Step], outputs: list[Any]) -> set[int]:
    """Values that an output depends on."""
    used = _refs(outputs)
    for step in reversed(steps):
        if used.intersection(step.outputs):
            used |= _refs(step.args) | _refs(step.params)
    return used


def _write(b: Builder, step: Step, values: list[Any]) -> None:
    dtype = values[step.outputs[0]].dtype
    b.dtype = b.written(dtype if dtype.kind in "fiub" else np.float64)
    b.scope = tuple(part.replace("/", " ") for part in step.scope)
    if any(values[i].dtype.kind not in "fiub" for i in (*step.outputs, *_refs(step.args))):
        raise NoRuleError(f"{step.name}: ONNX has no complex numbers.{step.line}")
    shape = b.shapes[step.outputs[0]]
    try:
        if len(step.outputs) == 1 and 0 in shape and not any(isinstance(n, Dim) for n in shape):
            written: Any = b.constant(np.zeros(shape), b.dtype)
        else:
            written = _written(b, step, values)
    except NotImplementedError as error:
        raise NoRuleError(f"{step.name} has no ONNX counterpart for {error}.{step.line}") from error
    if written is None:
        raise NoRuleError(
            f"{step.name} has no ONNX counterpart; tn.interop.onnx.operators() lists those that have.{step.line}"
        )
    for index, name in zip(step.outputs, written if isinstance(written, tuple) else (written,), strict=True):
        b.names[index] = name
        b.kinds[name] = b.written(values[index].dtype)


def _shape(b: Builder, x: Any) -> tuple[Any, ...]:
    if isinstance(x, Ref):
        return b.shapes[x.index]
    return x.shape if isinstance(x, (Filled, Counting)) else np.shape(x)


def _written(b: Builder, step: Step, values: list[Any]) -> Any:
    """The names of a step's results; None if there is no way to write it."""
    name, args, key = step.name, step.args, step.key
    out = b.shapes[step.outputs[0]]
    inputs = getattr(key, "inputs", 0)
    if name in ELEMENTWISE and getattr(key, "vjps", None):
        operands = [None if x is None else _operand(b, x) for x in args[:inputs]]
        return ELEMENTWISE[name](b, *operands, *args[inputs:])
    if name == "where":
        return b.Where(b.cast(args[0], BOOL), _operand(b, args[1]), _operand(b, args[2]))
    if name == "putitem":
        return scatter(b, _operand(b, args[0]), _operand(b, args[1]), _shape(b, args[0]), args[2])
    if name == "imag":
        return b.Mul(_operand(b, args[0]), 0.0)
    if key in COMPARISONS:
        common = np.result_type(*(_dtype(x, values) for x in args))
        b.dtype = b.written(np.float64 if common.kind == "b" and len(args) == 1 else common)
        if b.dtype == BOOL:
            b.dtype = np.dtype(np.int32)
        return COMPARISONS[key](b, *(_operand(b, x) for x in args))
    if key in LOGICAL:
        if any(_dtype(x, values).kind != "b" for x in args) and key not in (
            np.logical_and, np.logical_or, np.logical_xor, np.logical_not,
        ):  # fmt: skip
            raise NotImplementedError("integers")
        return LOGICAL[key](b, *(b.cast(x, BOOL) for x in args))
    if key in PLAIN:
        return PLAIN[key](b, args[0], _shape(b, args[0]), *args[1:], **step.params)
    if name in VARIADIC:
        params = {**dict(zip(key.param_names, key.defaults, strict=True)), **step.params}
        return VARIADIC[name](b, tuple(_operand(b, x) for x in args), [_shape(b, x) for x in args], **params)
    if name in OF_TWO:
        shapes = (_shape(b, args[0]), _shape(b, args[1]))
        return OF_TWO[name](b, _operand(b, args[0]), _operand(b, args[1]), shapes, *args[2:])
    if name in OF_SEVERAL:
        operands = [None if x is None else _operand(b, x) for x in args[:inputs]]
        return OF_SEVERAL[name](b, *operands, _shape(b, args[0]), *args[inputs:])
    first = args[0] if name == "astype" else _operand(b, args[0])
    if name in ARRAYS:
        return ARRAYS[name](b, first, _shape(b, args[0]), *args[1:])
    if name in WITH_RESULT:
        return WITH_RESULT[name](b, first, _shape(b, args[0]), *args[1:], out)
    return None


def _dtype(x: Any, values: list[Any]) -> Any:
    if isinstance(x, Ref):
        return values[x.index].dtype
    return np.asarray(x.value).dtype if isinstance(x, Filled) else getattr(x, "dtype", np.min_scalar_type(x))


def _operand(b: Builder, x: Any) -> Any:
    """An operand in the result's dtype."""
    return b.cast(x, b.dtype)


def _write_outputs(b: Builder, outputs: list[Any], values: list[Any], names: Sequence[str]) -> list[str]:
    if len(names) != len(outputs):
        raise BadInputError(f"output_names has {len(names)} names for {len(outputs)} results.{user_line()}")
    results = []
    for y, name in zip(outputs, names, strict=True):
        source = b.cast(y, _dtype(y, values)) if not isinstance(y, Ref) else b.names[y.index]
        result = b.fresh(name)
        b.nodes.append(b.onnx.helper.make_node("Identity", [source], [result], name=f"result/{name}"))
        b.kinds[result] = b.kinds[source]
        results.append(result)
    return results


def _without_last_identities(b: Builder, results: list[str]) -> None:
    """Let the node that computes a result carry its name, where nobody else reads it."""
    readers: dict[str, int] = {}
    for node in b.nodes:
        for name in node.input:
            readers[name] = readers.get(name, 0) + 1
    makers = {name: node for node in b.nodes for name in node.output}
    for node in [n for n in b.nodes if n.output[0] in results]:
        source = node.input[0]
        if source in makers and readers[source] == 1:
            maker = makers[source]
            maker.output[list(maker.output).index(source)] = node.output[0]
            b.nodes.remove(node)
            for index, name in b.names.items():
                if name == source:
                    b.names[index] = node.output[0]


def _model(
    b: Builder, names: list[str], results: list[str], before: int, outputs: list[Any], opset: int, f: Any,
) -> Any:  # fmt: skip
    onnx = b.onnx
    _without_last_identities(b, results)

    def info(name: str, shape: tuple[Any, ...]) -> Any:
        kind = onnx.helper.np_dtype_to_tensor_dtype(b.kinds[name])
        return onnx.helper.make_tensor_value_info(name, kind, [_length(n) for n in shape])

    given = [info(b.names[before + k], b.shapes[before + k]) for k in range(len(names))]
    returned = [info(name, _shape(b, y)) for name, y in zip(results, outputs, strict=True)]
    known = {v.name for v in (*given, *returned)} | {w.name for w in b.initializers}
    between = [info(name, b.shapes[i]) for i, name in b.names.items() if name not in known]
    title = getattr(f, "__name__", type(f).__name__)
    read = {name for node in b.nodes for name in node.input}
    weights = [w for w in b.initializers if w.name in read]
    graph = onnx.helper.make_graph(b.nodes, title, given, returned, weights, value_info=between)
    model = onnx.helper.make_model(
        graph, producer_name="tinygrad_notes", opset_imports=[onnx.helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
    )  # fmt: skip
    try:
        onnx.checker.check_model(model, full_check=True)
        return onnx.shape_inference.infer_shapes(model)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise BadInputError(f"opset={opset} lacks an operator that this needs: {error}") from error


def _length(n: Any) -> Any:
    if not isinstance(n, Dim):
        return int(n)
    if n.inverse:
        return None
    factor = "" if n.k == 1 else f"{int(n.k)}*"
    return f"{factor}batch" + (f"{int(n.c):+d}" if n.c else "")


def operators() -> Mapping[str, bool]:
    """Every rule of the book, and whether it can be exported.

    Examples
    --------
    >>> operators()["matmul"], operators()["svd"]
    (True, False)
    """
    from ...rules import BOOK, Rule

    for chapter in ("nn", "rules.fft"):
        import_module(f"tinygrad_notes.{chapter}")
    known = {*ELEMENTWISE, *ARRAYS, *WITH_RESULT, *OF_TWO, *OF_SEVERAL, *VARIADIC, "where", "putitem", "imag"}
    names = sorted({entry.name for entry in BOOK.values() if isinstance(entry, Rule)})
    return {name: name in known for name in names}
