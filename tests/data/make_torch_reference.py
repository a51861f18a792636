"""Write torch_reference.npz: what PyTorch (float64, CPU) computes for the inputs of torch_cases.py.

    pip install torch && python tests/data/make_torch_reference.py

The file in the repository was made with PyTorch 2.13.0. The tests read it, so they need no PyTorch.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import torch_cases as cases  # noqa: E402 (found by the line above)

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def tensors(arrays):
    return {name: torch.tensor(value) for name, value in arrays.items()}


def functions():
    t = tensors(cases.functions())
    z, Z = t["z"], t["Z"]
    return {
        "sigmoid": torch.sigmoid(z), "tanh": torch.tanh(z), "relu": F.relu(z), "leaky_relu": F.leaky_relu(z, 0.01),
        "elu": F.elu(z), "selu": F.selu(z), "gelu": F.gelu(z, approximate="tanh"), "gelu_exact": F.gelu(z),
        "silu": F.silu(z), "softplus": F.softplus(z, threshold=1000), "softmax": F.softmax(Z, 0),
        "log_softmax": F.log_softmax(Z, 0), "logsumexp": torch.logsumexp(Z, 0),
    }  # fmt: skip


def losses():
    t = tensors(cases.losses())
    found = {}
    for reduction in ("mean", "sum", "none"):
        kl = F.kl_div(F.log_softmax(t["Z"], 0), t["P"], reduction="none").sum(0)
        values = {
            "mse": F.mse_loss(t["a"], t["b"], reduction=reduction),
            "binary_cross_entropy": F.binary_cross_entropy(t["probabilities"], t["bits"], reduction=reduction),
            "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits(
                t["a"], t["bits"], reduction=reduction
            ),
            "softmax_cross_entropy": F.cross_entropy(t["Z"].T, t["classes"], reduction=reduction),
            "soft_labels": F.cross_entropy(t["Z"].T, t["P"].T, reduction=reduction),
            "cross_entropy": F.nll_loss(torch.log(t["P"]).T, t["classes"], reduction=reduction),
            "huber": F.huber_loss(t["a"], t["b"], delta=0.7, reduction=reduction),
            "kl_div": {"mean": kl.mean(), "sum": kl.sum(), "none": kl}[reduction],
        }
        found.update({f"{name}.{reduction}": value for name, value in values.items()})
    return found


def layers():
    t = tensors(cases.layers())
    found = {}
    for key, options in {
        "conv": {}, "conv_stride": {"stride": 2}, "conv_padding": {"padding": (2, 1)}, "conv_dilation": {"dilation": 2},
        "conv_all": {"stride": (2, 1), "padding": 1, "dilation": (1, 2)},
    }.items():  # fmt: skip
        found[key] = F.conv2d(t["images"], t["kernel"], t["kernel_bias"], **options)
    found["max_pool"] = F.max_pool2d(t["images"], 2)
    found["max_pool_all"] = F.max_pool2d(t["images"], 3, stride=2, padding=1)
    found["avg_pool"] = F.avg_pool2d(t["images"], 2)
    found["avg_pool_all"] = F.avg_pool2d(t["images"], (3, 2), stride=(2, 1), padding=1)
    mean, variance = torch.zeros(5), torch.ones(5)
    found["batch_norm"] = F.batch_norm(t["columns"].T, mean, variance, t["gamma"], t["beta"], training=True).T
    found["batch_norm_mean"], found["batch_norm_variance"] = mean, variance
    found["batch_norm_test"] = F.batch_norm(t["columns"].T, mean, variance, t["gamma"], t["beta"]).T
    found["layer_norm"] = F.layer_norm(t["rows"], (6,), t["gamma6"], t["beta6"])
    for kind, module in (("rnn", torch.nn.RNN), ("gru", torch.nn.GRU), ("lstm", torch.nn.LSTM)):
        layer = module(3, 4, batch_first=True)
        with torch.no_grad():
            layer.weight_ih_l0.copy_(t[f"{kind}_x"])
            layer.weight_hh_l0.copy_(t[f"{kind}_h"])
            layer.bias_ih_l0.copy_(t["gru_bx"] if kind == "gru" else t[f"{kind}_b"])
            layer.bias_hh_l0.copy_(t["gru_bh"] if kind == "gru" else 0 * t[f"{kind}_b"])
        start = (t["h"][None], t["c"][None]) if kind == "lstm" else t["h"][None]
        out, last = layer(t["sequence"], start)
        found[kind] = out
        if kind == "lstm":
            found["lstm_cell"] = last[1][0]
    attention = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    with torch.no_grad():
        attention.in_proj_weight.copy_(t["attention_w"])
        attention.in_proj_bias.copy_(t["attention_b"])
        attention.out_proj.weight.copy_(t["attention_wo"])
        attention.out_proj.bias.copy_(t["attention_bo"])
    future = torch.triu(torch.ones(4, 4, dtype=bool), 1)
    found["attention"] = attention(t["rows"], t["rows"], t["rows"], need_weights=False)[0]
    found["attention_causal"] = attention(t["rows"], t["rows"], t["rows"], need_weights=False, attn_mask=future)[0]
    return found


def optimisers():
    """Ten steps of each on one quadratic-ish function."""
    found = {}
    for name, make in {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
        "momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.05),
        "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
        "decay": lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.05),
        "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.05),
        "adam": lambda p: torch.optim.Adam(p, lr=0.05),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.05, weight_decay=0.1),
    }.items():
        w = torch.tensor([1.0, -2.0, 0.5], requires_grad=True)
        optimiser = make([w])
        for _ in range(10):
            optimiser.zero_grad()
            (torch.cos(w).sum() + (w**2 * torch.tensor([1.0, 0.3, 3.0])).sum()).backward()
            optimiser.step()
        found[name] = w
    return found


def train(case, optimiser, loss):
    params = {name: torch.tensor(value, requires_grad=True) for name, value in case["params"].items()}
    opt = optimiser(list(params.values()))
    costs = []
    for X, Y in zip(case["X"], case["Y"], strict=True):
        opt.zero_grad()
        J = loss(params, torch.tensor(X), torch.tensor(Y))
        J.backward()
        opt.step()
        costs.append(J.item())
    return {"losses": torch.tensor(costs), **{f"final.{name}": p for name, p in params.items()}}


def mlp_loss(p, X, Y):
    A = torch.tanh(p["W1"] @ X + p["b1"])
    A = torch.relu(p["W2"] @ A + p["b2"])
    return F.cross_entropy((p["W3"] @ A + p["b3"]).T, Y)


def conv_loss(p, X, Y):
    A = F.max_pool2d(torch.relu(F.conv2d(X, p["W1"], p["b1"], padding=1)), 2)
    A = F.avg_pool2d(torch.tanh(F.conv2d(A, p["W2"], p["b2"], padding=1)), 2)
    return F.cross_entropy((p["W3"] @ A.reshape(len(X), -1).T + p["b3"]).T, Y)


def gpt_loss(p, X, Y, heads=3):
    width, time = p["W"].shape[1], X.shape[1]

    def norm(x, name):
        return F.layer_norm(x, (width,), p[f"{name}_gamma"], p[f"{name}_beta"])

    def split(x):
        return x.reshape(len(X), time, heads, width // heads).transpose(1, 2)

    x = p["symbols"][X] + p["places"]
    Q, K, V = (split(part) for part in (norm(x, "norm1") @ p["W"].T + p["b"]).chunk(3, dim=-1))
    A = F.scaled_dot_product_attention(Q, K, V, is_causal=True)
    x = x + A.transpose(1, 2).reshape(len(X), time, width) @ p["Wo"].T + p["bo"]
    x = x + F.gelu(norm(x, "norm2") @ p["W1"].T + p["b1"], approximate="tanh") @ p["W2"].T + p["b2"]
    Z = norm(x, "norm3") @ p["head"].T + p["head_b"]
    return F.cross_entropy(Z.reshape(-1, Z.shape[-1]), Y.reshape(-1))


def main():
    found = {}
    for group in (functions, losses, layers, optimisers):
        found.update({f"{group.__name__}.{name}": value for name, value in group().items()})
    runs = {
        "mlp": train(cases.mlp(), lambda p: torch.optim.Adam(p, lr=0.01), mlp_loss),
        "conv": train(cases.conv(), lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9), conv_loss),
        "gpt": train(cases.gpt(), lambda p: torch.optim.AdamW(p, lr=0.003, weight_decay=0.01), gpt_loss),
    }
    for run, values in runs.items():
        found.update({f"{run}.{name}": value for name, value in values.items()})
    np.savez_compressed(HERE / "torch_reference.npz", **{name: value.detach().numpy() for name, value in found.items()})
    print(f"{len(found)} arrays, PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
