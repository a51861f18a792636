"""Complex numbers: the gradient is dJ/dRe + i dJ/dIm."""

import numpy as np

from . import derivation


def complex_normal(rng, shape, _dims):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def power_of(w, z):
    y = np.sum(w * z)
    return np.real(y * np.conj(y))


def power_of_by_hand(w, z):
    y = np.sum(w * z)
    dw = 2 * np.conj(z) * y
    dz = 2 * np.conj(w) * y
    return {"dw": dw, "dz": dz}


d = derivation(power_of, power_of_by_hand, "w: n, z: n", w=complex_normal, z=complex_normal)
d.slip("no-conj", "2 * np.conj(z) * y", "2 * z * y", "conj", "w")
d.slip("conj-of-result", "dz = 2 * np.conj(w) * y", "dz = 2 * w * np.conj(y)", "conj", "z")
d.slip("wirtinger-half", "dw = 2 *", "dw = 1 *", "scale", "w")
d.slip("conj-missing-on-y", "dz = 2 * np.conj(w) * y", "dz = 2 * np.conj(w) * np.conj(y)", "conj", "z")


def phase(z, r):
    return np.sum(r * np.real(z**2))


def phase_by_hand(z, r):
    dz = r * 2 * np.conj(z)
    return {"dz": dz}


d = derivation(phase, phase_by_hand, "z: n, r: n", z=complex_normal)
d.slip("no-conj", "2 * np.conj(z)", "2 * z", "conj", "z")
d.slip(
    "real-only",
    "dz = r * 2 * np.conj(z)",
    "dz = r * 2 * np.real(z)",
    "conj dtype missing-term wrong-operand wrong-local",
    "z",
)
