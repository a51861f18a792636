"""``tinygrad-notes train NAME``: run an experiment, print its table beside the notes', save its picture."""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentParser, Namespace
from typing import Any, TextIO

from ...errors import MissingExtraError
from . import EXPERIMENTS, run

__all__ = ["add_arguments", "train_command"]


def add_arguments(parser: ArgumentParser) -> None:
    """Give a parser the arguments of `train_command`.

    Examples
    --------
    >>> parser = ArgumentParser()
    >>> add_arguments(parser)
    >>> parser.parse_args(["planar", "--steps", "100"]).steps
    100
    """
    parser.add_argument("name", choices=list(EXPERIMENTS), help="which of the notes' assignments to run again")
    parser.add_argument("--steps", type=int, help="fewer steps than the notes took (layers, or n, where it has none)")
    parser.add_argument("--data", help="your own copy of the course's data: data.mat, or the folder of the h5 files")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.add_argument("--picture", help="where to save the picture (NAME.svg; with --json only if given)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def train_command(options: Namespace, out: TextIO | None = None) -> int:
    """Run the experiment that `options` (of `add_arguments`) name.

    Parameters
    ----------
    options : argparse.Namespace
    out : file, optional
        Where to print; standard output by default.

    Returns
    -------
    int
        0: the exit code.
    """
    out = sys.stdout if out is None else out
    result = run(options.name, steps=options.steps, data=options.data, progress=False if options.quiet else None)
    if options.json:
        print(json.dumps(_plain(result.to_json()), ensure_ascii=False), file=out)
    else:
        print(result, file=out)
    if options.picture or not options.json:
        try:
            path = result.save_picture(options.picture or f"{options.name}.svg")
        except MissingExtraError as error:
            if options.picture:
                raise
            print(f"\nno picture: {error}", file=out)
        else:
            print(f"\npicture: {path}", file=sys.stderr if options.json else out)
    return 0


def _plain(value: Any) -> Any:
    """JSON has no inf and no NaN: they become strings."""
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
