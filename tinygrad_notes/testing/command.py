"""``tinygrad-notes check file.py``: every derivation of a file, one line each, exit code 1 unless all are right."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from ..errors import BadInputError
from ..terminal import print_table
from .derivations import collected
from .report import Report

__all__ = ["check_files"]


def check_files(paths: Iterable[str], out: TextIO | None = None, as_json: bool = False, **changes: Any) -> int:
    """Check the derivations of some files and print a table of verdicts.

    Parameters
    ----------
    paths : iterable of str
        Python files; they are imported.
    out : file, optional
        Where to print; standard output by default.
    as_json : bool
        Print the reports as one JSON object, by file and name, and nothing else.
    **changes
        For `check_gradient`: ``seed``, ``max_examples``, ``artefacts``.

    Returns
    -------
    int
        0 when all are right, 1 when one is not, 2 when a file has no derivation.

    Raises
    ------
    BadInputError
        If a file isn't there.
    """
    out = sys.stdout if out is None else out
    code, told = 0, {}
    for path in paths:
        found = collected(vars(_imported(path)))
        if as_json:
            reports = {name: claim.check(**changes) for name, claim in found.items()}
            told[path] = {name: json.loads(report.to_json()) for name, report in reports.items()}
            code = max(code, 2 if not reports else 0 if all(reports.values()) else 1)
            continue
        if not found:
            print(f"{path}: no derivation here; mark one with @tn.testing.derivation(of=cost, shapes=...)", file=out)
            code = max(code, 2)
            continue
        reports = {name: claim.check(**changes) for name, claim in found.items()}
        rows = [(report.verdict, name, _outputs(report)) for name, report in reports.items()]
        print_table(("verdict", "derivation", "outputs"), rows, out=out)
        for name, report in reports.items():
            if not report:
                print(f"\n{path}: {name}\n{report}", file=out)
                code = max(code, 1)
        count = sum(map(bool, reports.values()))
        print(f"\n{path}: {count} of {len(reports)} right", file=out)
    if as_json:
        print(json.dumps(told, ensure_ascii=False, indent=1), file=out)
    return code


def _outputs(report: Report) -> str:
    parts = [("wrong", report.wrong), ("right", report.right)]
    return "; ".join(f"{', '.join(names)} {verdict}" for verdict, names in parts if names)


def _imported(path: str) -> ModuleType:
    """The file as a module, with its folder importable as for a script."""
    file = Path(path).resolve()
    spec = importlib.util.spec_from_file_location(file.stem, file) if file.is_file() else None
    if spec is None or spec.loader is None:
        if file.is_dir():
            raise BadInputError(f"{path} is a folder: name the files, such as {path}/*.py")
        raise BadInputError(f"{path} is not a Python file" if file.exists() else f"no such file: {path}")
    module = importlib.util.module_from_spec(spec)
    known = sys.modules.get(file.stem)
    sys.modules[file.stem] = module
    sys.path.insert(0, str(file.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.parent))
        if known is not None:
            sys.modules[file.stem] = known
    return module
