"""Dask: the value and gradient of a cost over data that is spread over the workers of a cluster.

    step = value_and_grad(cost, partitions)
    J, gradients = step(params)                       # as tn.value_and_grad(cost)(params, *all_data)

Every worker differentiates the cost on its own partitions; what travels is the parameters and one gradient per
partition, added up on the cluster in a tree. The sum is taken in the partitions' order whatever finishes first, so
neither the number of workers nor a loss changes more than the last bits:

* a worker that dies takes nothing along: parameters, partitions and partial sums are tasks that Dask runs again;
* a part that raises is tried again `retries` times, then its error is raised here, naming the partition;
* a part that lags behind is started once more elsewhere, and whichever copy is first counts (once).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..arguments import need_count, need_number
from ..errors import BadInputError, missing_extra, user_line
from ..failures import need_function, what_is
from ..pytree import flatten, unflatten
from ..transforms import value_and_grad as differentiated

__all__ = ["value_and_grad"]

PATIENCE = 0.05
"""Seconds between two looks for stragglers."""


def value_and_grad(
    f: Callable[..., Any],
    partitions: Sequence[Any],
    *,
    client: Any = None,
    axis: int = -1,
    reduction: str = "mean",
    fan_in: int = 8,
    retries: int = 2,
    straggler: float | None = 4.0,
    timeout: float | None = None,
) -> Callable[[Any], tuple[Any, Any]]:
    """Return the function of the parameters that gives f's value and gradient over all partitions.

    Parameters
    ----------
    f : callable
        ``f(params, *batch)`` returns one number: the mean over the batch's examples (or their sum).
    partitions : sequence
        Each an array or a tuple of arrays; a callable that returns one on the worker, such as those of
        `interop.stores.partitions` (then nothing stays in memory); or a Dask future.
    client : distributed.Client or False, optional
        The cluster; by default the current client. False: in this process, partition after partition, added up in
        the same order.
    axis : int
        Where the examples are in the batch's first array: columns by default.
    reduction : {"mean", "sum"}
        What `f` takes over the examples, and so what is returned for all of them.
    fan_in : int
        How many partial sums one task adds.
    retries : int
        How often a part that raises is tried again.
    straggler : float, optional
        A part that takes so many times as long as the others is started a second time on another worker. None: never.
    timeout : float, optional
        Seconds after which a step is given up.

    Returns
    -------
    callable
        ``params -> (value, gradients)``; the gradients have the parameters' structure, shapes and dtypes.

    Raises
    ------
    BadInputError
        Without partitions, for another reduction, or without a client.
    TimeoutError
        When a step takes longer than `timeout`, naming the partitions that are missing.
    MissingExtraError
        Without dask and distributed.

    Examples
    --------
    >>> cost = lambda w, X, Y: np.mean((w @ X - Y) ** 2)
    >>> X, Y = np.ones((1, 6)), np.arange(6.0)
    >>> step = value_and_grad(cost, [(X[:, :4], Y[:4]), (X[:, 4:], Y[4:])], client=False)
    >>> value, gradient = step(np.array([1.0]))
    >>> round(float(value), 6), gradient.round(6)
    (5.166667, array([-3.]))
    """
    need_function("dask.value_and_grad", f)
    if not isinstance(partitions, Iterable) or isinstance(partitions, (str, dict)):
        raise BadInputError(f"partitions is a list of arrays, or of loaders, not {what_is(partitions)}.{user_line()}")
    need_count("retries", retries)
    for name, seconds in (("straggler", straggler), ("timeout", timeout)):
        if seconds is not None:
            need_number(name, seconds, 0)
    if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
        raise BadInputError(f"axis is a whole number, where the examples are, not {what_is(axis)}.{user_line()}")
    if reduction not in ("mean", "sum"):
        raise BadInputError(f'reduction is "mean" or "sum", not {reduction!r}.{user_line()}')
    parts = [x if callable(x) or hasattr(x, "key") else _in_one_piece(x) for x in partitions]
    if not parts:
        raise BadInputError(f"there are no partitions.{user_line()}")
    need_count("fan_in", fan_in, 2)
    if client is False:
        add: Callable[..., Any] = _InThisProcess(f, axis, parts, reduction, fan_in)
    else:
        add = _OnACluster(f, axis, parts, reduction, fan_in, _current(client), retries, straggler, timeout)

    def step(params: Any) -> tuple[Any, Any]:
        total = add(params)
        leaves, structure = flatten(params)
        count = total[0] if reduction == "mean" else 1
        gradients = [_divided(g, count, leaf) for g, leaf in zip(total[2:], leaves, strict=True)]
        return total[1] / count, unflatten(structure, gradients)

    step.__name__ = f"value_and_grad_of_{getattr(f, '__name__', 'f')}"
    return step


def _in_one_piece(batch: Any) -> Any:
    """Arrays without gaps, as they arrive elsewhere: products of gappy ones differ in the last bit."""
    leaves, structure = flatten(batch)
    return unflatten(structure, [x.copy() if isinstance(x, np.ndarray) and not x.flags.forc else x for x in leaves])


def _divided(total: Any, count: int, leaf: Any) -> Any:
    dtype = getattr(leaf, "dtype", np.dtype(float))
    return (total / count).astype(dtype if dtype.kind in "fc" else float, copy=False)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise missing_extra("distributed", "dask", "a cluster") from error
    return distributed


def _current(client: Any) -> Any:
    library = _distributed()
    if client is not None:
        if not hasattr(client, "submit"):
            raise BadInputError(
                f"client is a distributed.Client, or False for none, not {what_is(client)}: "
                f"distributed.Client({client!r}).{user_line()}"
            )
        return client
    try:
        return library.default_client()
    except ValueError as error:
        raise BadInputError(
            "there is no cluster: client = distributed.Client() makes one on this machine; client=False does without"
            f"{user_line()}"
        ) from error


# ── what the workers run ─────────────────────────────────────────────────────────────────────────────────────────


def hand_on(x: Any) -> Any:
    """Give back the argument: as a task it can be computed again when the worker that holds it is lost."""
    return x


def part(context: tuple[int, str, Any, Any], partition: Any) -> list[Any]:
    """One partition's number of examples, and so many times its value and gradients."""
    axis, reduction, f, params = context  # not the function first: such a tuple was a task to Dask until 2024
    batch = partition() if callable(partition) else partition
    batch = batch if isinstance(batch, tuple) else (batch,)
    count = _examples(flatten(batch)[0], axis) if reduction == "mean" else 1
    value, gradient = differentiated(f)(params, *batch)
    return [count, count * value, *(count * g for g in flatten(gradient)[0])]


def _examples(arrays: list[Any], axis: int) -> int:
    """How many examples a batch has: the mean over none is no number."""
    shape = np.shape(arrays[0]) if arrays else ()
    if not -len(shape) <= axis < len(shape):
        raise BadInputError(
            f"a partition of shape {shape} has no axis {axis}: axis= is where the examples are.{user_line()}"
        )
    if not shape[axis]:
        raise BadInputError(f"a partition of shape {shape} holds no examples: leave it out.{user_line()}")
    return int(shape[axis])


def add_up(*parts: list[Any]) -> list[Any]:
    """The sum of partial sums, in the order given."""
    total = list(parts[0])
    for other in parts[1:]:
        total = [a + b for a, b in zip(total, other, strict=True)]
    return total


def _in_a_tree(parts: list[Any], fan_in: int, add: Callable[..., Any]) -> Any:
    """The sum of neighbours, then of neighbouring sums, until one is left."""
    while len(parts) > 1:
        groups = [parts[k : k + fan_in] for k in range(0, len(parts), fan_in)]
        parts = [add(*group) if len(group) > 1 else group[0] for group in groups]
    return parts[0]


class _InThisProcess:
    """All partitions one after the other; as few partial sums at a time as the tree allows."""

    def __init__(self, f: Any, axis: int, parts: list[Any], reduction: str, fan_in: int) -> None:
        self.f, self.axis, self.parts, self.reduction, self.fan_in = f, axis, parts, reduction, fan_in

    def __call__(self, params: Any) -> list[Any]:
        context = (self.axis, self.reduction, self.f, params)
        levels: list[list[Any]] = [[]]
        for partition in self.parts:
            levels[0].append(part(context, partition))
            for k, level in enumerate(levels):
                if len(level) == self.fan_in:
                    if k + 1 == len(levels):
                        levels.append([])
                    levels[k + 1].append(add_up(*level))
                    level.clear()
        rest: list[Any] = []
        for level in levels:  # what a level has left over goes to the end of the next one
            total = _in_a_tree([*level, *rest], self.fan_in, add_up) if level or rest else None
            rest = [] if total is None else [total]
        return list(rest[0])


class _OnACluster:
    """One step after the other on a cluster."""

    def __init__(
        self, f: Any, axis: int, parts: list[Any], reduction: str, fan_in: int, client: Any, retries: int,
        straggler: float | None, timeout: float | None,
    ) -> None:  # fmt: skip
        self.f, self.axis, self.reduction, self.fan_in = f, axis, reduction, fan_in
        self.client, self.retries, self.straggler, self.timeout = client, retries, straggler, timeout
        self.parts = [self._placed(x) for x in parts]

    def _placed(self, x: Any) -> Any:
        """Arrays are given to the cluster once, as tasks; loaders and futures are as small as they are."""
        future = _distributed().Future
        return x if callable(x) or isinstance(x, future) else self.client.submit(hand_on, x, pure=False)

    def __call__(self, params: Any) -> list[Any]:
        context = self.client.submit(hand_on, (self.axis, self.reduction, self.f, params), pure=False)
        race = _Race(self, context)
        finished = race.run()
        free = race.not_lagging()

        def added(*parts: Any) -> Any:
            return self.client.submit(
                add_up, *parts, pure=False, retries=self.retries, workers=free, allow_other_workers=free is not None
            )

        return list(_in_a_tree(finished, self.fan_in, added).result(self.timeout))

    def started(self, context: Any, k: int, workers: Any = None) -> Any:
        """A task for partition `k`."""
        return self.client.submit(
            part, context, self.parts[k], pure=False, retries=self.retries, workers=workers,
            allow_other_workers=workers is not None, key=f"part-{k}-{next(_numbers)}",
        )  # fmt: skip


class _Race:
    """One step's parts: every one is started, laggards a second time; the first copy to finish counts."""

    def __init__(self, cluster: _OnACluster, context: Any) -> None:
        self.cluster, self.context = cluster, context
        self.running: dict[Any, int] = {cluster.started(context, k): k for k in range(len(cluster.parts))}
        self.finished: dict[int, Any] = {}
        self.copied: set[int] = set()
        self.lagging: set[str] = set()
        self.begin = self.last = time.monotonic()
        self.slots = max(1, sum(cluster.client.nthreads().values()))

    def run(self) -> list[Any]:
        """Wait for every part; return its first finished copy."""
        library, cluster = _distributed(), self.cluster
        while len(self.finished) < len(cluster.parts):
            elapsed = time.monotonic() - self.begin
            if cluster.timeout is not None and elapsed > cluster.timeout:
                missing = sorted(set(range(len(cluster.parts))) - set(self.finished))
                raise TimeoutError(f"after {elapsed:.0f} s the gradients of partitions {missing} are missing")
            patience = None if cluster.straggler is None and cluster.timeout is None else PATIENCE
            try:
                library.wait(list(self.running), timeout=patience, return_when="FIRST_COMPLETED")
            except library.TimeoutError:
                self.copy_stragglers()
                continue
            self.collect()
        return [self.finished[k] for k in range(len(cluster.parts))]

    def not_lagging(self) -> list[str] | None:
        """The workers that may add up, where some are stuck: a task that runs can't be stopped."""
        free = [worker for worker in self.cluster.client.nthreads() if worker not in self.lagging]
        return free if self.lagging and free else None

    def collect(self) -> None:
        """Take what is done off the race."""
        for future in [future for future in self.running if future.done()]:
            k = self.running.pop(future)
            if future.status == "finished":
                if k not in self.finished:
                    self.finished[k] = future
                    self.last = time.monotonic()
                    for copy in [other for other, place in self.running.items() if place == k]:
                        del self.running[copy]
                        copy.cancel()
            elif k in self.finished or k in self.running.values():
                continue  # another copy is still on its way, or was faster
            elif future.status == "error":
                self.raise_from(future, k)
            else:  # lost or cancelled with its worker
                self.running[self.cluster.started(self.context, k)] = k

    def raise_from(self, future: Any, k: int) -> None:
        """The part's own error, with the partition's number."""
        error = future.exception()
        if hasattr(error, "add_note"):
            error.add_note(f"in partition {k} of {len(self.cluster.parts)} ({self.cluster.parts[k]!r})")
        raise error

    def copy_stragglers(self) -> None:
        """Start the last parts again elsewhere when the others' pace says that they should long be done."""
        done, total = len(self.finished), len(self.cluster.parts)
        if self.cluster.straggler is None or done < (total + 1) // 2 or len(self.running) > self.slots:
            return
        pace = (self.last - self.begin) * min(self.slots, total) / done  # seconds that one part takes
        if time.monotonic() - self.last < self.cluster.straggler * max(pace, PATIENCE):
            return
        busy = self.cluster.client.processing()
        for future, k in list(self.running.items()):
            elsewhere = [worker for worker, keys in busy.items() if future.key not in keys]
            if k not in self.copied and elsewhere:
                self.copied.add(k)
                self.lagging |= set(busy) - set(elsewhere)
                self.running[self.cluster.started(self.context, k, elsewhere)] = k


def _counter() -> Any:
    import itertools
    import uuid

    return (f"{uuid.uuid4().hex[:8]}-{n}" for n in itertools.count())


_numbers = _counter()
