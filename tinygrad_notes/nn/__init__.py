"""Functions, losses, penalties, start values and layers: what the notes' networks are made of.

Layouts: in the notes' networks and in `Linear` an example is a column, ``X`` (n_x, m), ``Z = W @ A + b``; images are
``(N, C, H, W)``; sequences (recurrent layers, attention) are ``(batch, time, features)``.
"""

from __future__ import annotations

from . import init
from .attention import MultiHeadAttention, attention
from .conv import AvgPool2d, Conv2d, MaxPool2d, avg_pool2d, conv2d, fold, max_pool2d, to_columns, unfold
from .functions import (
    dropout,
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    logsumexp,
    normal_cdf,
    one_hot,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    standardize,
    tanh,
    xlogy,
)
from .layer import SETTING, Activation, Layer, Sequential, count_parameters
from .linear import Dropout, Embedding, Linear
from .losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    hinge,
    huber,
    kl_div,
    mse,
    softmax_cross_entropy,
)
from .norm import BatchNorm, LayerNorm
from .penalties import frobenius, l1, l2, weights
from .recurrent import GRU, LSTM, RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SETTING",
    "Activation",
    "AvgPool2d",
    "BatchNorm",
    "Conv2d",
    "Dropout",
    "Embedding",
    "Layer",
    "LayerNorm",
    "Linear",
    "MaxPool2d",
    "MultiHeadAttention",
    "Sequential",
    "attention",
    "avg_pool2d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "count_parameters",
    "cross_entropy",
    "dropout",
    "elu",
    "fold",
    "frobenius",
    "gelu",
    "hinge",
    "huber",
    "init",
    "kl_div",
    "l1",
    "l2",
    "leaky_relu",
    "log_softmax",
    "logsumexp",
    "max_pool2d",
    "mse",
    "normal_cdf",
    "one_hot",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "standardize",
    "tanh",
    "to_columns",
    "unfold",
    "weights",
    "xlogy",
]
