"""The assignments' data: made again from their seeds, read from the user's own copy, or a stand-in named as such."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import BadInputError, missing_extra, user_line

__all__ = ["cats_from_files", "circles", "flower", "flower_and_china", "football_from_file", "pitch"]

Array = Any
Set = tuple[Array, Array]


def flower() -> Set:
    """The planar flower: 400 points on petals, half of them 1 (the course's recipe, NumPy seed 1).

    Examples
    --------
    >>> X, Y = flower()
    >>> X.shape, Y.sum()
    ((2, 400), np.float64(200.0))
    """
    rng = np.random.RandomState(1)
    X, Y = np.zeros((2, 400)), np.zeros((1, 400))
    for label in (0, 1):
        columns = slice(200 * label, 200 * (label + 1))
        theta = np.linspace(3.12 * label, 3.12 * (label + 1), 200) + 0.2 * rng.randn(200)
        radius = 4 * np.sin(4 * theta) + 0.2 * rng.randn(200)
        X[:, columns] = radius * np.sin(theta), radius * np.cos(theta)
        Y[:, columns] = label
    return X, Y


def circles(m: int, seed: int, noise: float = 0.05) -> Set:
    """Two noisy circles, the inner one 1: what scikit-learn's ``make_circles(m, noise=…)`` returns, bit for bit.

    Examples
    --------
    >>> X, Y = circles(300, seed=1)
    >>> X.shape, Y.sum()
    ((2, 300), np.float64(150.0))
    """
    rng = np.random.RandomState(seed)
    angle = np.linspace(0, 2 * np.pi, m // 2, endpoint=False)
    X = np.vstack([np.append(np.cos(angle), np.cos(angle) * 0.8), np.append(np.sin(angle), np.sin(angle) * 0.8)]).T
    Y = np.append(np.zeros(m // 2), np.ones(m // 2))
    order = np.arange(m)
    rng.shuffle(order)
    X, Y = X[order] + rng.normal(scale=noise, size=(m, 2)), Y[order]
    return np.ascontiguousarray(X.T), Y.reshape(1, m)


def football_from_file(path: str | os.PathLike[str]) -> tuple[Set, Set]:
    """The course's ``data.mat`` (X, y, Xval, yval), from the user's own copy.

    Raises
    ------
    BadInputError
        If it isn't that file.
    MissingExtraError
        Without SciPy.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise missing_extra("scipy", "scipy", "reading data.mat") from error
    try:
        held = loadmat(path)
        return (held["X"].T, held["y"].T.astype(float)), (held["Xval"].T, held["yval"].T.astype(float))
    except (KeyError, ValueError, IndexError, NotImplementedError, MatReadError) as error:
        raise BadInputError(f"{path} is not the course's data.mat (X, y, Xval, yval): {error}{user_line()}") from error


NOISE, FLIP = 0.05, 0.05


def pitch(seed: int, m_train: int = 211, m_test: int = 200) -> tuple[Set, Set]:
    """A stand-in for the football data: two teams on a pitch, a bent border between them, some points across it.

    It is not the course's data, and one draw of it says little: report the mean of several. Of two settings of
    `NOISE` and `FLIP` that were tried, this is the one whose accuracies lie nearer the notes'.
    """
    rng = np.random.RandomState(seed)

    def draw(m: int) -> Set:
        X = np.vstack([rng.uniform(-0.8, 0.4, m), rng.uniform(-0.65, 0.6, m)])
        border = 0.9 * X[0] + 0.25 + 0.15 * np.sin(5 * X[0])
        Y = (X[1] - border + NOISE * rng.randn(m) < 0).astype(float)
        flipped = rng.rand(m) < FLIP
        return X, np.where(flipped, 1 - Y, Y).reshape(1, m)

    return draw(m_train), draw(m_test)


def cats_from_files(folder: str | os.PathLike[str]) -> tuple[Set, Set]:
    """The course's ``train_catvnoncat.h5`` and ``test_catvnoncat.h5`` in `folder`, flattened and divided by 255.

    Raises
    ------
    BadInputError
        If they aren't there.
    MissingExtraError
        Without h5py.
    """
    try:
        h5py = import_module("h5py")
    except ImportError as error:
        raise missing_extra("h5py", "data", "reading the course's h5 files") from error
    sets = []
    for part in ("train", "test"):
        path = Path(folder) / f"{part}_catvnoncat.h5"
        try:
            with h5py.File(path) as file:
                X, Y = np.array(file[f"{part}_set_x"]), np.array(file[f"{part}_set_y"])
        except (OSError, KeyError) as error:
            raise BadInputError(f"{path} is not the course's h5 file: {error}{user_line()}") from error
        sets.append((X.reshape(len(X), -1).T / 255, Y.reshape(1, -1).astype(float)))
    return sets[0], sets[1]


def flower_and_china(seed: int, m_train: int = 209, m_test: int = 50) -> tuple[Set, Set]:
    """A stand-in for the cats: 64 by 64 colour patches of scikit-learn's two photographs, 1 = the flower.

    Training patches come from the left two thirds of each photograph, test patches from the right third.

    Raises
    ------
    MissingExtraError
        Without scikit-learn and Pillow.
    """
    try:
        from sklearn.datasets import load_sample_image

        photos = [load_sample_image("china.jpg"), load_sample_image("flower.jpg")]
    except ImportError as error:
        raise missing_extra("scikit-learn and Pillow", "data", "the photographs") from error
    rng = np.random.RandomState(seed)

    def draw(m: int, columns: slice) -> Set:
        Y = np.arange(m) % 3 != 0  # two flowers to one street
        patches = []
        for y in Y:
            photo = photos[int(y)][:, columns]
            top, left = rng.randint(photo.shape[0] - 64), rng.randint(photo.shape[1] - 64)
            patches.append(photo[top : top + 64, left : left + 64].ravel())
        return np.array(patches).T / 255, Y.reshape(1, m).astype(float)

    edge = photos[0].shape[1] * 2 // 3
    return draw(m_train, slice(0, edge)), draw(m_test, slice(edge, None))
