"""Write docs/bad_input.md from the table: ``python tests/bad_input/bad_input_page.py``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bad_input_table import Case, chapters, read_cases

PAGE = Path(__file__).parents[2] / "docs" / "bad_input.md"

TITLES = {
    "tensor": "Tensor",
    "operators": "Operators",
    "numpy_functions": "NumPy functions on Tensors",
    "compile": "tn.compile",
    "special": "tn.special",
    "interop": "tn.interop",
    "transforms": "grad, vjp, jvp, vmap, primitive …",
    "nn": "tn.nn",
    "training": "tn.optim and tn.train",
    "checking": "tn.testing",
    "drawing": "tn.graph and tn.why",
    "foreign": "Other libraries' arrays",
    "stress": "Stress",
}

HEAD = """# Bad input

What happens when something is wrong, odd or extreme, program by program: {count} of them. This page is made from
the table that the tests run (`tests/bad_input/tables`), so every line of it is tested, word by word.

Three rules hold throughout:

* What is not understood raises, before anything is changed; it never becomes a wrong number or a silent constant.
* The error names the operation, what it was given, your line, and the next step. Every error is also the nearest
  builtin, so `except ValueError` keeps working.
* What NumPy allows and a derivative makes sense of, works as in NumPy, with NumPy's warnings.

A kind that ends in *python* is an error of Python or NumPy itself, raised before this package is asked, or one
that your own function raised: it passes unchanged.
"""


def page(cases: list[Case]) -> str:
    """The page as Markdown."""
    parts = [HEAD.format(count=len(cases)), summary(cases)]
    for chapter, found in chapters(cases):
        parts.append(f"\n## {TITLES.get(chapter, chapter)}\n")
        for function in dict.fromkeys(case.function for case in found):
            parts.append(f"\n### {escaped(function)}\n\n| what | program | what happens |\n|---|---|---|\n")
            parts.extend(row(case) for case in found if case.function == function)
    return "".join(parts)


def summary(cases: list[Case]) -> str:
    """How many programs raise which error."""
    counts = Counter(case.outcome_class for case in cases)
    rows = "".join(f"| {name} | {count} |\n" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
    return f"\n| what happens | programs |\n|---|---|\n{rows}"


def row(case: Case) -> str:
    program = "<br>".join(code(line) for line in case.code)
    return f"| {escaped(case.kind)}: {escaped(case.title)} | {program} | {'<br>'.join(told(case))} |\n"


def told(case: Case) -> Iterator[str]:
    """The outcome's lines; an error's class stands out."""
    for k, line in enumerate(case.outcome):
        text = line[2:]
        if line.startswith("! ") and k == sum(other.startswith("~") for other in case.outcome):
            name, _, rest = text.partition(": ")
            yield f"**{name}** {escaped(rest)}"
        elif line.startswith("="):
            yield code(text)
        else:
            yield escaped(text.strip())


def code(text: str) -> str:
    """A line of code inside a table: spaces kept, the bar escaped."""
    fence = "``" if "`" in text else "`"
    leading = len(text) - len(text.lstrip())
    return "&nbsp;" * leading + f"{fence}{text.strip()}{fence}".replace("|", "\\|") if text.strip() else ""


def escaped(text: str) -> str:
    """Text that is no markup inside a table."""
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, {"<": "&lt;", ">": "&gt;"}.get(sign, "\\" + sign))
    return text


if __name__ == "__main__":
    PAGE.write_text(page(read_cases()), encoding="utf-8")
