"""One engine in one process: reads a request per line as JSON, answers with a line of JSON.

``["value", case]`` gives the value and gradient as a list, ``["time", case, seconds]`` the CPU seconds of each pass
that fitted into that time, ``["memory", operations]`` the growth of the process's peak memory over one chain.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .peers import PEERS
from .programs import chain_operations, chain_start


def make_pass(peer: Any, case: str) -> Callable[[], Any]:
    """The function to time: ``"demo"`` or ``"chain SIZE ROUNDS"``."""
    if case == "demo":
        run: Callable[[], Any] = peer.demo
        return run
    size, rounds = map(int, case.split()[1:])
    return partial(peer.chain, chain_start(size), rounds)


def timed(run: Callable[[], Any], seconds: float) -> list[float]:
    """CPU seconds of each pass, for about `seconds` in all, after one pass to warm up."""
    run()
    passes: list[float] = []
    end = time.perf_counter() + seconds
    while not passes or time.perf_counter() < end:
        start = time.process_time()
        run()
        passes.append(time.process_time() - start)
    return passes


def status_bytes(key: str) -> int:
    """One of the kernel's figures on this process's memory (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def memory(peer: Any, rounds: int) -> float | None:
    """Bytes of peak memory per node of one chain; None where the kernel doesn't say."""
    peer.chain(chain_start(0), 100)
    if not Path("/proc/self/clear_refs").exists():
        return None
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before = status_bytes("VmRSS")
    peer.chain(chain_start(0), rounds)
    return (status_bytes("VmHWM") - before) / chain_operations(rounds)


def answer(peer: Any, request: list[Any]) -> Any:
    """The reply to one request."""
    what, argument, *more = request
    if what == "memory":
        return memory(peer, argument)
    run = make_pass(peer, argument)
    if what == "time":
        return timed(run, *more)
    value, gradient = run()
    return [float(value), *np.ravel(np.asarray(gradient, dtype=float)).tolist()]


def main() -> None:
    """Serve requests until standard input ends."""
    peer = PEERS[sys.argv[1]]()
    for line in sys.stdin:
        print(json.dumps(answer(peer, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
