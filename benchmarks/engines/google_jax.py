"""JAX: every step one `jax.jit` with donated parameters, the planar network's loop one `lax.scan`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..workloads import Data, gpt_parts, one_hot
from . import Engine

Run = Callable[[], Any]


class Jax(Engine):
    """`jax.jit`."""

    def __init__(self) -> None:
        import jax

        self.jax: Any = jax
        self.jax.config.update("jax_enable_x64", True)
        self.jnp: Any = self.jax.numpy

    def train(self, cost: Any, d: Data, adam: bool, *given: Any) -> Run:
        """Steps of SGD or Adam on ``cost(parameters, *given)``."""
        jax = self.jax
        step = jax.jit(self.step(cost, d["lr"], adam), donate_argnums=(0, 1))
        parameters = [jax.numpy.array(p) for p in d["parameters"]]
        state = self.start(parameters, adam)
        given = tuple(map(jax.numpy.asarray, given))

        def run() -> Any:
            nonlocal parameters, state
            parameters, state, J = step(parameters, state, *given)
            return J.block_until_ready(), parameters

        return run

    def start(self, parameters: Any, adam: bool) -> Any:
        """The optimiser's state."""
        zeros = self.jnp.zeros_like
        return ([zeros(p) for p in parameters], [zeros(p) for p in parameters], 0) if adam else ()

    def step(self, cost: Any, lr: float, adam: bool) -> Any:
        """The function of one step."""
        jax, jnp = self.jax, self.jnp

        def sgd(parameters: Any, state: Any, *given: Any) -> Any:
            J, gradients = jax.value_and_grad(cost)(parameters, *given)
            return [p - lr * g for p, g in zip(parameters, gradients, strict=True)], state, J

        def with_adam(parameters: Any, state: Any, *given: Any) -> Any:
            V, S, t = state
            J, gradients = jax.value_and_grad(cost)(parameters, *given)
            t = t + 1
            V = [0.9 * v + 0.1 * g for v, g in zip(V, gradients, strict=True)]
            S = [0.999 * s + 0.001 * g * g for s, g in zip(S, gradients, strict=True)]
            a, b = (lr / (1 - 0.9**t)).astype(V[0].dtype), (1 - 0.999**t).astype(V[0].dtype)
            parameters = [p - a * v / (jnp.sqrt(s / b) + 1e-8) for p, v, s in zip(parameters, V, S, strict=True)]
            return parameters, (V, S, t), J

        return with_adam if adam else sgd

    def cross_entropy(self, logits: Any, labels: Any) -> Any:
        """Mean over rows."""
        logged = self.jax.nn.log_softmax(logits, axis=-1)
        return -self.jnp.take_along_axis(logged, labels[..., None], axis=-1).mean()

    def standardized(self, x: Any, gamma: Any, beta: Any) -> Any:
        """Layer norm along the last axis."""
        centred = x - x.mean(axis=-1, keepdims=True)
        return gamma * centred * self.jax.lax.rsqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5) + beta

    def logistic(self, d: Data) -> Run:
        """The notes' cost."""
        jax, jnp = self.jax, self.jnp

        def cost(parameters: Any, X: Any, Y: Any) -> Any:
            w, b = parameters
            A = jax.nn.sigmoid(w.T @ X + b)
            return -(Y * jnp.log(A) + (1 - Y) * jnp.log(1 - A)).mean()

        return self.train(cost, d, False, d["X"], d["Y"])

    def planar_cost(self, parameters: Any, X: Any, Y: Any) -> Any:
        """The notes' network."""
        jnp = self.jnp
        W1, b1, W2, b2 = parameters
        A2 = self.jax.nn.sigmoid(W2 @ jnp.tanh(W1 @ X + b1) + b2)
        return -(Y * jnp.log(A2) + (1 - Y) * jnp.log(1 - A2)).mean()

    def planar(self, d: Data) -> Run:
        """One step of it."""
        return self.train(self.planar_cost, d, False, d["X"], d["Y"])

    def mlp(self, d: Data) -> Run:
        """Relu layers."""

        def cost(parameters: Any, X: Any, labels: Any) -> Any:
            A = X
            for W, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
                A = self.jax.nn.relu(A @ W + b)
            return self.cross_entropy(A @ parameters[-2] + parameters[-1], labels)

        return self.train(cost, d, d.get("adam", True), d["X"], d["labels"])

    def conv(self, d: Data) -> Run:
        """Its own convolution and windowed maximum."""
        jax = self.jax

        def block(x: Any, K: Any, b: Any) -> Any:
            Z = jax.lax.conv_general_dilated(x, K, (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW"))
            A = jax.nn.relu(Z + b[:, None, None])
            return jax.lax.reduce_window(A, -np.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

        def cost(parameters: Any, X: Any, labels: Any) -> Any:
            K1, b1, K2, b2, W, b = parameters
            A = block(block(X, K1, b1), K2, b2)
            return self.cross_entropy(A.reshape(len(X), -1) @ W + b, labels)

        return self.train(cost, d, False, d["X"], d["labels"])

    def gpt(self, d: Data) -> Run:
        """Attention written out; XLA fuses it."""
        jax, jnp, heads = self.jax, self.jnp, d["heads"]

        def cost(parameters: Any, tokens: Any, labels: Any) -> Any:
            E, positions, blocks, (gamma, beta, head) = gpt_parts(parameters)
            B, T = tokens.shape
            x = E[tokens] + positions
            C = x.shape[-1]
            past = jnp.tril(jnp.ones((T, T), bool))
            for g1, o1, Wqkv, Wo, bo, g2, o2, W1, b1, W2, b2 in blocks:
                QKV = (self.standardized(x, g1, o1) @ Wqkv).reshape(B, T, 3, heads, C // heads)
                Q, K, V = QKV.transpose(2, 0, 3, 1, 4)
                scores = jnp.where(past, Q @ K.swapaxes(-1, -2) / np.float32((C // heads) ** 0.5), -jnp.inf)
                mixed = (jax.nn.softmax(scores, axis=-1) @ V).swapaxes(1, 2).reshape(B, T, C)
                x = x + mixed @ Wo + bo
                x = x + jax.nn.gelu(self.standardized(x, g2, o2) @ W1 + b1) @ W2 + b2
            return self.cross_entropy(self.standardized(x, gamma, beta) @ head, labels)

        return self.train(cost, d, True, d["tokens"], d["labels"])

    def layer_norm(self, d: Data) -> Run:
        """Value and four gradients."""
        jax, jnp = self.jax, self.jnp

        def cost(parameters: Any, G: Any) -> Any:
            x, u, gamma, beta = parameters
            h = jax.nn.gelu(x) * jax.nn.sigmoid(u) + jnp.log1p(jnp.exp(u))
            return (G * self.standardized(h, gamma, beta)).sum()

        both = jax.jit(jax.value_and_grad(cost))
        parameters, G = [jnp.asarray(p) for p in d["parameters"]], jnp.asarray(d["G"])
        return lambda: jax.block_until_ready(both(parameters, G))

    def hessian(self, d: Data) -> Run:
        """``jax.hessian``."""
        jax, jnp = self.jax, self.jnp
        w, X, Y = (jnp.asarray(d[key]) for key in ("w", "X", "Y"))

        def cost(w: Any) -> Any:
            W1, b1, W2, b2 = w[:81].reshape(9, 9), w[81:90].reshape(9, 1), w[90:99].reshape(1, 9), w[99]
            return ((W2 @ jnp.tanh(W1 @ X + b1) + b2 - Y) ** 2).mean()

        second = jax.jit(jax.hessian(cost))
        return lambda: (0.0, [second(w).block_until_ready()])

    def hvp(self, d: Data) -> Run:
        """``jvp`` of ``grad``."""
        jax, jnp = self.jax, self.jnp
        parameters, vectors = ([jnp.asarray(x) for x in d[key]] for key in ("parameters", "vectors"))
        X, Y = jnp.asarray(d["X"]), jnp.asarray(one_hot(d["labels"], d["parameters"][-1].size, np.float64))

        def cost(p: Any) -> Any:
            W1, b1, W2, b2 = p
            return -(Y * jax.nn.log_softmax(jnp.tanh(X @ W1 + b1) @ W2 + b2, axis=-1)).sum() / len(X)

        product = jax.jit(lambda p, v: jax.jvp(jax.grad(cost), (p,), (v,))[1])
        return lambda: (0.0, jax.block_until_ready(product(parameters, vectors)))


class JaxScan(Jax):
    """All steps in one call."""

    def planar_loop(self, d: Data) -> Run:
        """`lax.scan` over the steps."""
        jax, jnp = self.jax, self.jnp
        step, X, Y = self.step(self.planar_cost, d["lr"], adam=False), jnp.asarray(d["X"]), jnp.asarray(d["Y"])

        def one(parameters: Any, _: Any) -> Any:
            parameters, _, J = step(parameters, (), X, Y)
            return parameters, J

        loop = jax.jit(lambda parameters: jax.lax.scan(one, parameters, None, length=d["steps"]))
        start = [jnp.asarray(p) for p in d["parameters"]]

        def run() -> Any:
            parameters, J = jax.block_until_ready(loop(start))
            return J[-1], parameters

        return run
