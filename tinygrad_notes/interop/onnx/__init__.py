"""Export of models and functions as ONNX files, for serving and for looking at in netron.

`symbol` runs the function and writes its calls down, `program` finds what grows with the batch, `elementwise`,
`arrays` and `indexing` say how each operation is written, `export` puts the file together.
"""

from __future__ import annotations

from .export import export, operators

__all__ = ["export", "operators"]
