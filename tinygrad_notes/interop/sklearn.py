"""scikit-learn: a network as a classifier or a regressor, for its pipelines, grid searches and scores.

Rows are examples here, as scikit-learn has it; the network gets columns, as the notes have it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..arguments import need_count, need_number
from ..errors import BadInputError, missing_extra, user_line
from ..failures import need_function, what_is
from ..nn import Linear, Sequential, mse, relu, softmax, softmax_cross_entropy, weights
from ..optim import Adam
from ..pytree import flatten
from ..train import fit as train

try:
    if not TYPE_CHECKING:
        from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, check_random_state, validate_data
except ImportError as _error:
    raise missing_extra("scikit-learn", "sklearn", "tn.interop.sklearn") from _error

__all__ = ["Classifier", "Regressor"]

if TYPE_CHECKING:  # scikit-learn says no types

    class BaseEstimator:
        """What scikit-learn gives an estimator."""

        def get_params(self, deep: bool = True) -> dict[str, Any]:
            """The constructor's arguments."""

        def set_params(self, **params: Any) -> Self:
            """Change some of them."""

    class ClassifierMixin:
        """What scikit-learn gives a classifier."""

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            """The share of right labels."""

    class RegressorMixin:
        """What scikit-learn gives a regressor."""

        def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
            """R²: 1 is perfect."""


class _Network(BaseEstimator):
    """What classifier and regressor share: standardised inputs, a model, the training loop."""

    def __init__(
        self,
        model: Callable[..., Any] | None = None,
        *,
        hidden: tuple[int, ...] = (32,),
        optimizer: Any = None,
        epochs: int = 200,
        batch_size: int | None = None,
        l2: float = 1e-4,
        standardize: bool = True,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.hidden = hidden
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.l2 = l2
        self.standardize = standardize
        self.random_state = random_state

    def _train(self, X: Any, Y: Any, cost: Callable[..., Any]) -> None:
        """Fit the network to columns of `Y`."""
        self._check_settings()
        X = np.asarray(X, float)
        self.mean_: Any = X.mean(axis=0) if self.standardize else np.zeros(X.shape[1])
        spread = X.std(axis=0) if self.standardize else np.ones(X.shape[1])
        self.scale_: Any = np.where(spread > 0, spread, 1.0)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31 - 1))
        network = (self.model or self._plain_network)(X.shape[1], Y.shape[0], rng)
        decay = self.l2 / (2 * X.shape[0])

        def loss(network: Any, X: Any, Y: Any) -> Any:
            penalty = sum(np.sum(w * w) for w in weights(network)) if decay else 0.0
            return cost(network(X), Y) + decay * penalty

        run = train(
            loss, network, (self._columns(X), Y), self.optimizer or Adam(lr=0.01), epochs=self.epochs,
            batch_size=self.batch_size, rng=rng if self.batch_size else None, measure_every=self.epochs,
            progress=False,
        )  # fmt: skip
        self.network_: Any = run.params
        self.loss_: float = float(run.history["loss"][-1])

    def _check_settings(self) -> None:
        need_count("epochs", self.epochs, 1)
        need_number("l2", self.l2, 0)
        if self.model is not None:
            need_function("model", self.model)
        if not isinstance(self.hidden, (tuple, list)):
            raise BadInputError(f"hidden is a tuple of sizes, (32,), not {what_is(self.hidden)}.{user_line()}")

    def _plain_network(self, inputs: int, outputs: int, rng: Any) -> Any:
        sizes = (inputs, *self.hidden, outputs)
        layers: list[Any] = []
        for n_in, n_out in pairwise(sizes):
            layers += [Linear(n_in, n_out, rng), relu]
        return Sequential(*layers[:-1])

    def _columns(self, X: Any) -> Any:
        return np.ascontiguousarray(((np.asarray(X, float) - self.mean_) / self.scale_).T)

    def _outputs(self, X: Any) -> Any:
        check_is_fitted(self, "network_")
        return self.network_(self._columns(validate_data(self, X, reset=False)))

    @property
    def parameters_(self) -> list[Any]:
        """The arrays of the trained network."""
        return list(flatten(self.network_)[0])


class Classifier(ClassifierMixin, _Network):
    """A network whose last layer is a softmax over the classes, as a scikit-learn classifier.

    Parameters
    ----------
    model : callable, optional
        ``model(inputs, classes, rng)`` makes the network: it takes columns (inputs, m) and returns the scores
        (classes, m) that the softmax is taken of. By default relu layers of the sizes in `hidden`.
    hidden : tuple of int
        Sizes of the hidden layers.
    optimizer : tn.optim optimiser, optional
        ``Adam(lr=0.01)`` by default.
    epochs : int
    batch_size : int, optional
        All examples at once by default.
    l2 : float
        λ of λ/2m ‖W‖².
    standardize : bool
        Give every input mean 0 and deviation 1 first.
    random_state : int, numpy RandomState or None
        Start values and the order of the batches.

    Attributes
    ----------
    classes_ : array
    network_ : the trained network
    loss_ : float
        The last epoch's cost.

    Examples
    --------
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> Classifier(random_state=0).fit(X, ["low", "low", "high", "high"]).predict([[0.2], [2.9]])
    array(['low', 'high'], dtype='<U4')
    """

    classes_: Any

    def fit(self, X: Any, y: Any) -> Classifier:
        """Train the network on rows `X` and labels `y`."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"the data has one class only, {self.classes_[0]!r}: a classifier needs two")
        Y = np.eye(len(self.classes_))[labels].T
        self._train(X, Y, softmax_cross_entropy)
        return self

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of the classes, one row per example."""
        return softmax(self._outputs(X)).T

    def predict(self, X: Any) -> Any:
        """The likeliest class of each row."""
        scores = self._outputs(X)
        return self.classes_[np.argmax(scores, axis=0)]


class Regressor(RegressorMixin, _Network):
    """A network with one output and the squared error, as a scikit-learn regressor.

    Parameters
    ----------
    model : callable, optional
        ``model(inputs, 1, rng)`` makes the network, from columns (inputs, m) to (1, m).
    hidden, optimizer, epochs, batch_size, l2, standardize, random_state
        As `Classifier`; `standardize` also rescales y while training.

    Attributes
    ----------
    network_ : the trained network
    loss_ : float
        The last epoch's cost.

    Examples
    --------
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> round(Regressor(random_state=0).fit(X, 3 * X[:, 0] + 1).score(X, 3 * X[:, 0] + 1), 2)
    1.0
    """

    def fit(self, X: Any, y: Any) -> Regressor:
        """Train the network on rows `X` and numbers `y`."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        y = np.asarray(y, float)
        self.y_mean_: float = float(y.mean()) if self.standardize else 0.0
        self.y_scale_: float = (float(y.std()) or 1.0) if self.standardize else 1.0
        self._train(X, ((y - self.y_mean_) / self.y_scale_)[None], mse)
        return self

    def predict(self, X: Any) -> Any:
        """The network's number for each row."""
        return self._outputs(X)[0] * self.y_scale_ + self.y_mean_
