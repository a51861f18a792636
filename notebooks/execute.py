"""Write each notebook's ``.ipynb`` from its ``.py``, with what its cells show.

    python notebooks/execute.py [notebooks/1_logistic_regression.py …]

The two are one notebook (jupytext's percent format). Edit the ``.py``, or the ``.ipynb`` with jupytext at work, then
run this; tests/test_notebooks.py holds them together.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def scripts() -> list[Path]:
    """The notebooks, as Python."""
    return sorted(FOLDER.glob("[0-9]*.py"))


def execute(script: Path) -> Path:
    """Run one notebook from its first cell to its last; return the file that was written."""
    notebook = jupytext.read(script)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(FOLDER))
    for k, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{k}"
        cell["metadata"] = {}
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output["metadata"] = {}
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "jupytext": {"formats": "ipynb,py:percent"},
    }
    nbformat.validate(notebook)
    written = script.with_suffix(".ipynb")
    written.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return written


if __name__ == "__main__":
    for script in [Path(argument) for argument in sys.argv[1:]] or scripts():
        print(execute(script))
