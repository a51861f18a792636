"""Random programs over the whole rule book, judged by oracles that know nothing of the engine.

* `program`: a program as plain data; it prints itself as NumPy source, and that source is what runs.
* `calls`: what the rule book's own samples and domains offer; a new rule is fuzzed unasked.
* `generator`: seed → program.
* `judges`: program → verdict: differences, forward against reverse mode, second order, wide against narrow dtypes,
  PyTorch.
* `shrink`: a failing program → a small one that fails in the same way, and the test to paste.
"""
