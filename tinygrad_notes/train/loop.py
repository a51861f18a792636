"""The training loop: batches, steps, measurements, early stopping, checkpoints.

    def loss(params, X, Y):
        return binary_cross_entropy_with_logits(forward(params, X), Y)

    run = fit(loss, params, (X, Y), Adam(0.01), epochs=100, batch_size=64, rng=np.random.default_rng(0))
    run.params, run.history

One step is three lines of `_Loop.step`; the rest is what surrounds it.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..arguments import need_count, need_generator, need_number
from ..errors import BadInputError, NonFiniteLossError, ShapeError, user_line
from ..failures import need_function, what_is
from ..optim import Optimizer, shortened
from ..pytree import flatten, paths
from ..transforms import value_and_grad
from .batches import as_tuple, count_examples, take
from .checkpoints import generator_state, read, restore, save, set_generator_state
from .history import History
from .nonfinite import is_finite, origin_of_gradient, origin_of_value
from .progress import progress_bar

__all__ = ["EarlyStopping", "Fit", "fit"]


@dataclass(frozen=True)
class EarlyStopping:
    """Stop when the dev loss has not fallen for a while, and keep the parameters of its lowest point.

    Parameters
    ----------
    patience : int
        How many measurements in a row may pass without a new lowest value.
    monitor : str
        Which measurement: "dev_loss", or the name of one of `fit`'s metrics ("dev_error").
    least : float
        By how much a new lowest value must be lower.

    Examples
    --------
    >>> EarlyStopping(patience=3)
    EarlyStopping(patience=3, monitor='dev_loss', least=0.0)
    """

    patience: int
    monitor: str = "dev_loss"
    least: float = 0.0

    def __post_init__(self) -> None:
        need_count("patience", self.patience, 1)
        need_number("least", self.least, 0)


@dataclass
class Fit:
    """What `fit` returns.

    Attributes
    ----------
    params : as given
        The trained parameters (of the lowest point, with early stopping).
    history : History
    optimizer_state : dict
    state : as given
        Running statistics, for a loss with ``state``.
    stopped : str
        Why it ended.
    """

    params: Any
    history: History
    optimizer_state: Any
    state: Any
    stopped: str

    def __repr__(self) -> str:
        return f"Fit({self.stopped}; {self.history})"


@dataclass
class _Run:
    """All that a run is at one moment: saved whole in a checkpoint, continued from it bit for bit."""

    params: Any
    optimizer_state: Any
    state: Any
    best_params: Any
    order: Any = None  # this epoch's shuffled examples
    epoch: int = 0
    start: int = 0  # the next batch's first place in `order`
    steps: int = 0
    total: float = 0.0  # sum of this epoch's losses, each times its examples
    best: float = float("inf")
    waited: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    generator: Any = None


def fit(
    loss: Callable[..., Any],
    params: Any,
    data: Any,
    optimizer: Optimizer,
    *,
    epochs: int = 1,
    batch_size: int | None = None,
    rng: Any = None,
    axis: int = -1,
    state: Any = None,
    dev: Any = None,
    metrics: dict[str, Callable[..., Any]] | None = None,
    measure_every: int = 1,
    clip: float | None = None,
    early_stopping: EarlyStopping | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    progress: bool | None = None,
) -> Fit:
    """Minimise ``loss(params, *batch)``.

    Parameters
    ----------
    loss : callable
        ``loss(params, *batch) -> J``, plain NumPy on Tensors. If it has a parameter ``rng`` it is given the
        generator (dropout) in training and None in measuring. With `state`, ``loss(params, *batch, state=state)``
        returns ``(J, new_state)``, and gets ``state`` with ``training=False`` (if it has that parameter) in measuring.
    params : container of arrays
    data : array or tuple of arrays
    optimizer : optim.SGD, Adam, …
    epochs : int
    batch_size : int, optional
        All examples at once by default.
    rng : numpy.random.Generator, optional
        Shuffles the examples before every epoch, and is handed to the loss. Without it batches come in order.
    axis : int
        Where the examples are: columns by default, 0 for images and sequences.
    state : container of arrays, optional
        What the loss carries from step to step (running statistics).
    dev : as `data`, optional
        Measured, never trained on.
    metrics : dict of callables, optional
        ``f(params, *data) -> number``, recorded as "train_…" and "dev_…".
    measure_every : int
        Record a row every so many epochs (and after the last).
    clip : float, optional
        Largest norm of the gradient.
    early_stopping : EarlyStopping, optional
    checkpoint : path, optional
        Written as the run goes; if the file is there already, the run continues from it bit for bit (delete it to
        start anew). Needs the same data, settings and code.
    checkpoint_every : int, optional
        Steps between two writes; one epoch by default.
    progress : bool, optional
        A progress bar (needs rich). By default when rich is installed and somebody is watching.

    Returns
    -------
    Fit
        ``.params``, ``.history``, ``.optimizer_state``, ``.state``, ``.stopped``.

    Raises
    ------
    NonFiniteLossError
        When a loss is NaN or inf, naming step, operation and parameter. The checkpoint on disk, and ``error.params``,
        are of the last step whose loss was finite.
    BadInputError
        If the checkpoint is of another run.

    Examples
    --------
    >>> from tinygrad_notes.optim import SGD
    >>> X, Y = np.array([[0.0, 1.0, 2.0]]), np.array([[1.0, 3.0, 5.0]])
    >>> run = fit(lambda p, X, Y: np.mean((p["w"] * X + p["b"] - Y) ** 2), {"w": 0.0, "b": 0.0}, (X, Y), SGD(0.3),
    ...           epochs=200)
    >>> round(float(run.params["w"]), 3), round(float(run.params["b"]), 3)
    (2.0, 1.0)
    """
    need_function("tn.train.fit", loss)
    if not isinstance(optimizer, Optimizer):
        given = f"the class {optimizer.__name__}" if isinstance(optimizer, type) else what_is(optimizer)
        raise BadInputError(f"optimizer is one of tn.optim, SGD(0.1) or Adam(0.001), not {given}.{user_line()}")
    need_count("epochs", epochs)
    need_count("measure_every", measure_every, 1)
    if batch_size is not None:
        need_count("batch_size", batch_size, 1)
    if checkpoint_every is not None:
        need_count("checkpoint_every", checkpoint_every, 1)
    if clip is not None:
        need_number("clip", clip, 0)
    need_generator(rng)
    for name, metric in (metrics or {}).items():
        if not callable(metric):
            raise BadInputError(
                f"the metric {name!r} is a function, f(params, *data) -> number, not {what_is(metric)}.{user_line()}"
            )
    if checkpoint is not None and not Path(checkpoint).parent.is_dir():
        raise BadInputError(f"there is no folder {Path(checkpoint).parent}: make it before training.{user_line()}")
    if early_stopping is not None and dev is None:
        raise BadInputError(f"early_stopping needs dev=(X, Y).{user_line()}")
    loop = _Loop(
        loss,
        as_tuple(data),
        optimizer,
        rng,
        axis,
        clip,
        metrics or {},
        None if dev is None else as_tuple(dev),
        batch_size or 0,
    )
    run = _Run(params, optimizer.init(params), state, params if early_stopping else None)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        run = loop.continued(run, path)
    every = checkpoint_every or -(-loop.m // loop.size)
    stopped = f"all {epochs} epochs"
    warned = np.geterr()
    try:
        with progress_bar(progress, epochs) as show:
            while run.epoch < epochs:
                if early_stopping is not None and run.waited >= early_stopping.patience:
                    stopped = f"no lower {early_stopping.monitor} for {early_stopping.patience} measurements"
                    break
                last_of_epoch = loop.step(run, path if run.steps % every == 0 else None)
                if last_of_epoch:
                    if run.epoch % measure_every == 0 or run.epoch == epochs:
                        loop.measure(run)
                        _note_best(run, early_stopping)
                    run.total = 0.0
                    show(run.epoch, run.rows[-1] if run.rows else {})
    finally:
        np.seterr(**warned)  # which np.errstate may leave undone when Ctrl-C hits it
    if path is not None and is_finite(run.params):
        loop.write(run, path)
    trained = run.best_params if early_stopping else run.params
    return Fit(trained, History(run.rows), run.optimizer_state, run.state, stopped)


def _note_best(run: _Run, stopping: EarlyStopping | None) -> None:
    if stopping is None:
        return
    row = run.rows[-1]
    if stopping.monitor not in row:
        raise BadInputError(f"early stopping watches {stopping.monitor!r}; measured are {sorted(row)}.{user_line()}")
    if row[stopping.monitor] < run.best - stopping.least:
        run.best, run.best_params, run.waited = row[stopping.monitor], run.params, 0
    else:
        run.waited += 1


@dataclass
class _Loop:
    """What does not change during a run."""

    loss: Callable[..., Any]
    data: tuple[Any, ...]
    optimizer: Optimizer
    rng: Any
    axis: int
    clip: float | None
    metrics: dict[str, Callable[..., Any]]
    dev: tuple[Any, ...] | None
    size: int

    def __post_init__(self) -> None:
        self.m = count_examples(self.data, self.axis)
        if not self.m:
            raise ShapeError(f"there are no examples along axis {self.axis} of the data.{user_line()}")
        self.size = self.size or self.m
        takes = inspect.signature(self.loss).parameters
        self.draws = "rng" in takes
        self.knows_training = "training" in takes
        self.gradient = {stateful: value_and_grad(self.loss, has_aux=stateful) for stateful in (False, True)}
        self.before: _Run | None = None  # the run one step ago, to explain a NaN

    def step(self, run: _Run, path: Path | None) -> bool:
        """One step, in place of `run`; writes a checkpoint (of the point it starts from) if given a path."""
        run.generator = generator_state(self.rng) if path or self.draws else None
        if run.start == 0 and self.size < self.m:
            run.order = self.shuffled()
        batch = self.batch(run)
        with np.errstate(all="ignore"):  # a NaN is reported below, with more to say
            J, gradients, state = self.value_and_grad(run, batch)
        if not np.isfinite(J):
            raise self.explained(run, float(J))
        if path is not None:
            self.write(run, path)
        if self.clip is not None:
            gradients, _ = shortened(gradients, self.clip)
        self.before = copy(run)
        run.generator = None
        with np.errstate(all="ignore"):
            run.params, run.optimizer_state = self.optimizer.step(run.params, gradients, run.optimizer_state)
        run.state = state
        run.total += float(J) * (min(run.start + self.size, self.m) - run.start)
        run.steps += 1
        run.start += self.size
        if run.start >= self.m:
            run.start, run.epoch = 0, run.epoch + 1
            return True
        return False

    def shuffled(self) -> Any:
        """The examples in this epoch's order."""
        return np.arange(self.m) if self.rng is None else self.rng.permutation(self.m)

    def batch(self, run: _Run) -> tuple[Any, ...]:
        """The examples of the next step."""
        if self.size >= self.m:
            return self.data
        return take(self.data, run.order[run.start : run.start + self.size], self.axis)

    def value_and_grad(self, run: _Run, batch: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        """The loss, its gradient, and the new state."""
        options: dict[str, Any] = {"rng": self.rng} if self.draws else {}
        if run.state is None:
            J, gradients = self.gradient[False](run.params, *batch, **options)
            return J, gradients, None
        (J, state), gradients = self.gradient[True](run.params, *batch, state=run.state, **options)
        return J, gradients, state

    def measure(self, run: _Run) -> None:
        """Record a row: the epoch's mean loss, the dev loss, the metrics on both."""
        row: dict[str, Any] = {"epoch": run.epoch, "step": run.steps, "loss": run.total / self.m}
        if self.dev is not None:
            row["dev_loss"] = self.measured_loss(run, self.dev)
        for name, f in self.metrics.items():
            row[f"train_{name}"] = float(f(run.params, *self.data))
            if self.dev is not None:
                row[f"dev_{name}"] = float(f(run.params, *self.dev))
        run.rows.append(row)

    def measured_loss(self, run: _Run, data: tuple[Any, ...]) -> float:
        """The loss on arrays: nothing is recorded, nothing drawn."""
        options: dict[str, Any] = {"rng": None} if self.draws else {}
        if run.state is None:
            return float(self.loss(run.params, *data, **options))
        if self.knows_training:
            options["training"] = False
        return float(self.loss(run.params, *data, state=run.state, **options)[0])

    def explained(self, run: _Run, J: float) -> NonFiniteLossError:
        """The error for a loss that isn't finite: where it came from, and the last parameters that were good."""
        last = self.before or run  # a first step has no good one before it
        if is_finite(run.params):
            origin = origin_of_value(self.replayed(run), run.params)
            what = f"the loss became {J} in step {run.steps}"
        else:
            origin = origin_of_gradient(self.replayed(last), last.params) if self.before else None
            what = f"the loss became {J} in step {run.steps}: the step before it made parameters that are not finite"
        op = origin.op if origin else "the optimiser's step"
        parameter = origin.parameter if origin else _first_bad(run.params)
        error = NonFiniteLossError(
            f"{what}\n  first not finite: {op}, nearest parameter: {parameter}"
            + (f"\n  at {origin.line}" if origin and origin.line else "")
            + "\n  try a smaller learning rate, clip=1.0, or a loss that takes logits (nn.*_with_logits, "
            "nn.softmax_cross_entropy); error.params holds the last good parameters"
        )
        error.step, error.op, error.parameter, error.params = run.steps, op, parameter, last.params
        return error

    def replayed(self, run: _Run) -> Callable[[Any], Any]:
        """The loss of one past step as a function of the parameters, drawing the same random numbers again."""

        def again(params: Any) -> Any:
            set_generator_state(self.rng, run.generator)
            if run.start == 0 and self.size < self.m:
                self.shuffled()  # as the step did, before the loss drew
            options: dict[str, Any] = {"rng": self.rng} if self.draws else {}
            if run.state is None:
                return self.loss(params, *self.batch(run), **options)
            return self.loss(params, *self.batch(run), state=run.state, **options)[0]

        return again

    # checkpoints

    def write(self, run: _Run, path: Path) -> None:
        """Write all of `run`, with the generator as it was before this step drew anything."""
        notes = {key: getattr(run, key) for key in _NUMBERS}
        notes["generator"] = run.generator if run.generator is not None else generator_state(self.rng)
        notes["run"] = self.fingerprint()
        save(path, self.arrays(run), notes)

    def arrays(self, run: _Run) -> dict[str, Any]:
        """The arrays of a run, in one container."""
        return {
            "params": run.params,
            "optimizer": run.optimizer_state,
            "state": run.state,
            "best": run.best_params,
            "order": run.order if run.order is not None else np.zeros(0, int),
        }

    def fingerprint(self) -> dict[str, Any]:
        """What must be the same for a run to be continued."""
        return {"examples": self.m, "batch_size": self.size, "optimizer": type(self.optimizer).__name__}

    def continued(self, run: _Run, path: Path) -> _Run:
        """The run that the checkpoint holds."""
        arrays, notes = read(path)
        if "run" not in notes or "order" not in arrays:
            raise BadInputError(f"{path} is not a checkpoint of fit; give it another name.{user_line()}")
        if notes["run"] != self.fingerprint():
            raise BadInputError(
                f"{path} is a checkpoint of another run: {notes['run']}, this one is {self.fingerprint()}; "
                f"delete it to start anew.{user_line()}"
            )
        run.order = arrays["order"]
        held = restore(arrays, self.arrays(run), str(path))
        numbers: dict[str, Any] = {key: notes.get(key) for key in _NUMBERS}
        continued = _Run(
            held["params"],
            held["optimizer"],
            held["state"],
            held["best"],
            held["order"] if len(held["order"]) else None,
            **numbers,
        )
        if not self.could_be(continued):
            raise BadInputError(f"{path} is damaged: its numbers can't be those of a run.{user_line()}")
        set_generator_state(self.rng, notes.get("generator"))
        return continued

    def could_be(self, run: _Run) -> bool:
        """Whether a run that was read from a file is one that `write` may have written."""
        counts = (run.epoch, run.start, run.steps, run.waited)
        in_order = run.order is None or np.array_equal(np.sort(run.order, axis=None), np.arange(self.m))
        return (
            all(type(count) is int and count >= 0 for count in counts)
            and (run.start == 0 or (run.start < self.m and run.start % self.size == 0 and run.order is not None))
            and all(type(number) is float for number in (run.total, run.best))
            and type(run.rows) is list
            and all(type(row) is dict and set(row) >= {"epoch", "step", "loss"} for row in run.rows)
            and in_order
        )


_NUMBERS = ("epoch", "start", "steps", "total", "best", "waited", "rows")


def _first_bad(params: Any) -> str:
    return next((name for name, leaf in zip(paths(params), flatten(params)[0], strict=True) if not is_finite(leaf)), "")
