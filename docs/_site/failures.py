"""One program for every error: the errors page runs them."""

from __future__ import annotations

FAILURES: dict[str, str] = {
    "ShapeError": """
import numpy as np
from tinygrad_notes import Tensor

W, X = Tensor(np.ones((3, 4))), np.ones((3, 5))
Z = W @ X
""",
    "OutOfRangeError": """
from tinygrad_notes import Tensor

x = Tensor([1.0, 2.0, 3.0])
x[3]
""",
    "NotScalarError": """
import numpy as np
from tinygrad_notes import Tensor

A = Tensor(np.ones((2, 3)))
(A * A).backward()
""",
    "BadInputError": """
import numpy as np
import tinygrad_notes as tn

A = np.ones(3)
tn.graph(A * 2)
""",
    "DTypeError": """
from tinygrad_notes import Tensor

mask = Tensor([True, False])
""",
    "NoRuleError": """
import numpy as np
from tinygrad_notes import Tensor

x = Tensor([3.0, 4.0])
np.histogram(x)
""",
    "LeavesGraphError": """
import math
from tinygrad_notes import Tensor

x = Tensor(2.0)
y = math.exp(x)
""",
    "CompileError": """
import tinygrad_notes as tn


def magnitude(x):
    return x if x > 0 else -x


tn.compile(magnitude)(2.0)
""",
    "ReadOnlyError": """
from tinygrad_notes import Tensor

x = Tensor([1.0, 2.0, 3.0])
x.shape = (3, 1)
""",
    "GraphFreedError": """
from tinygrad_notes import Tensor

x = Tensor(2.0)
y = x * x
y.backward(free=True)
y.backward()
""",
    "LinearAlgebraError": """
import numpy as np
from tinygrad_notes import Tensor

A = Tensor([[1.0, 2.0], [2.0, 4.0]])
np.linalg.inv(A)
""",
    "TooLargeError": """
import numpy as np
from tinygrad_notes import Tensor

x = Tensor(np.ones(10))
np.tile(x, 10**13)
""",
    "NonFiniteError": """
import numpy as np
import tinygrad_notes as tn

A = tn.Tensor([0.5, 1.0])
with tn.debug(), np.errstate(all="ignore"):
    J = -np.mean(np.log(1 - A))
""",
    "NonFiniteLossError": """
import numpy as np
import tinygrad_notes as tn


def loss(params, X, Y):
    return np.mean((params["w"] * X - Y) ** 2)


X, Y = np.array([[1.0, 2.0, 3.0]]), np.array([[2.0, 4.0, 6.0]])
with np.errstate(all="ignore"):
    tn.train.fit(loss, {"w": 0.0}, (X, Y), tn.optim.SGD(1e3), epochs=200)
""",
    "DrawingError": """
from tinygrad_notes import Tensor
import tinygrad_notes as tn

a, b = Tensor(2.0), Tensor(3.0)
tn.graph(a * b).to_svg(timeout=1e-9)
""",
    "MissingExtraError": """
import sys
import numpy as np
import tinygrad_notes as tn

sys.modules["safetensors"] = None  # as if it were not installed
sys.modules["safetensors.numpy"] = None
tn.train.save("weights.safetensors", {"W": np.ones(3)})
""",
}
"""Error to a program that raises it, in the order of the tree."""
