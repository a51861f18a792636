"""Run one fuzzer: ``python tests/fuzzers/run_fuzzer.py formula -max_total_time=600``.

The first argument names a target (`targets.py`); the others are libFuzzer's. Needs atheris (``pip install atheris``).
New inputs go to a folder of their own, ``build/fuzz/<target>``; what is worth keeping is copied into ``corpus`` by
``python tests/fuzzers/run_fuzzer.py formula --keep``.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
KEPT = 60
"""Files of a corpus in the repository, the smallest first."""

with atheris.instrument_imports(
    include=["tinygrad_notes.expressions", "tinygrad_notes.array_files", "tinygrad_notes.train", "zipfile", "json"]
):
    sys.path.insert(0, str(HERE))
    import targets


def main(arguments: list[str]) -> None:
    """Fuzz, or keep what fuzzing found."""
    name, *options = arguments
    target = targets.TARGETS[name]
    corpus, found = HERE / "corpus" / name, HERE.parents[1] / "build" / "fuzz" / name
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in targets.seeds()[name]:
        write(corpus, seed)
    if "--keep" in options:
        for file in sorted(found.iterdir(), key=lambda file: file.stat().st_size):
            if len(list(corpus.iterdir())) < KEPT:
                write(corpus, file.read_bytes())
        return
    limits = ["-timeout=120", "-rss_limit_mb=2048", "-max_len=4096", f"-artifact_prefix={found.parent}/{name}-"]
    atheris.Setup([sys.argv[0], *limits, *options, str(found), str(corpus)], target)
    atheris.Fuzz()


def write(folder: Path, content: bytes) -> None:
    """A file named after its content."""
    (folder / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1:])
