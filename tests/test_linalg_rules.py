"""Linear algebra, Fourier and special functions: what a table of samples can't say.

PyTorch agrees in complex numbers; singular, degenerate and zero points; what is refused; SciPy only on demand.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_notes as tn
from tinygrad_notes import Tensor
from tinygrad_notes.errors import BadInputError, LeavesGraphError, NoRuleError, ShapeError
from tinygrad_notes.rules.linear_algebra import _cheapest_splits

RNG = np.random.default_rng


def complex_array(seed: int, *shape: int) -> np.ndarray:
    rng = RNG(seed)
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def spread(seed: int, *shape: int) -> np.ndarray:
    """A complex matrix with eigenvalues and singular values well apart."""
    return complex_array(seed, *shape) / 4 + np.eye(*shape[-2:]) * (1 + np.arange(shape[-1]))


# ── PyTorch ──────────────────────────────────────────────────────────────────────────────────────────────────────


def hermitian(x: Any) -> Any:
    return x @ x.conj().swapaxes(-1, -2)


def numpys(name: str) -> Callable[..., Any]:
    module = np
    for part in name.split("."):
        module = getattr(module, part)
    return module  # type: ignore[return-value]


def real_loss(values: Any, weights: list[np.ndarray]) -> Any:
    """Sums of squares of sizes: no phase, no sign in it."""
    return sum(
        (w * (v.real**2 + v.imag**2 if np.iscomplexobj(v) else v**2)).sum()
        for v, w in zip(values, weights, strict=True)
    )


CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any], Callable[[], list[np.ndarray]]]] = {
    "solve": (lambda m: m.linalg.solve, lambda f, x: [f(x[0], x[1])],
              lambda: [spread(0, 2, 3, 3), complex_array(1, 2, 3, 2)]),
    "inv": (lambda m: m.linalg.inv, lambda f, x: [f(x[0])], lambda: [spread(2, 3, 3)]),
    "pinv": (lambda m: m.linalg.pinv, lambda f, x: [f(x[0])], lambda: [spread(3, 4, 3)]),
    "det": (lambda m: m.linalg.det, lambda f, x: [f(x[0])], lambda: [spread(4, 2, 3, 3)]),
    "slogdet": (lambda m: m.linalg.slogdet, lambda f, x: [f(x[0])[1]], lambda: [spread(5, 3, 3)]),
    "cholesky": (lambda m: m.linalg.cholesky, lambda f, x: [f(hermitian(x[0]))], lambda: [spread(6, 2, 3, 3)]),
    "qr": (lambda m: m.linalg.qr, lambda f, x: list(f(x[0])), lambda: [spread(7, 4, 3)]),
    "qr wide": (lambda m: m.linalg.qr, lambda f, x: list(f(x[0])), lambda: [spread(8, 3, 4)]),
    "eigh": (lambda m: m.linalg.eigh, lambda f, x: list(f(hermitian(x[0]))), lambda: [spread(9, 2, 3, 3)]),
    "eigvalsh": (lambda m: m.linalg.eigvalsh, lambda f, x: [f(hermitian(x[0]))], lambda: [spread(10, 3, 3)]),
    "eig": (lambda m: m.linalg.eig, lambda f, x: list(f(x[0])), lambda: [spread(11, 3, 3)]),
    "eigvals": (lambda m: m.linalg.eigvals, lambda f, x: [f(x[0])], lambda: [spread(12, 3, 3)]),
    "svdvals": (lambda m: m.linalg.svdvals, lambda f, x: [f(x[0])], lambda: [spread(13, 4, 3)]),
    "matrix_norm": (lambda m: m.linalg.matrix_norm, lambda f, x: [f(x[0], ord="nuc")], lambda: [spread(14, 3, 4)]),
    "vector_norm": (lambda m: m.linalg.vector_norm, lambda f, x: [f(x[0], ord=3)], lambda: [complex_array(15, 5)]),
    "einsum": (lambda m: m.einsum, lambda f, x: [f("ij,jk,k->ik", *x)],
               lambda: [complex_array(16, 2, 3), complex_array(17, 3, 4), complex_array(18, 4)]),
    "tensordot": (lambda m: m.tensordot, lambda f, x: [f(x[0], x[1], 1)],
                  lambda: [complex_array(19, 2, 3), complex_array(20, 3, 4)]),
    "fft": (lambda m: m.fft.fft, lambda f, x: [f(x[0])], lambda: [complex_array(21, 2, 5)]),
    "ifftn": (lambda m: m.fft.ifftn, lambda f, x: [f(x[0], norm="ortho")], lambda: [complex_array(22, 3, 4)]),
    "rfft": (lambda m: m.fft.rfft, lambda f, x: [f(x[0])], lambda: [RNG(23).normal(size=(2, 6))]),
    "irfft even": (lambda m: m.fft.irfft, lambda f, x: [f(x[0])], lambda: [complex_array(24, 2, 4)]),
    "irfft odd": (lambda m: m.fft.irfft, lambda f, x: [f(x[0], 7)], lambda: [complex_array(25, 2, 4)]),
    "hfft": (lambda m: m.fft.hfft, lambda f, x: [f(x[0])], lambda: [complex_array(26, 4)]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_gradients_agree_with_pytorch(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
    function, outputs, inputs = CASES[name]
    arrays = inputs()
    theirs = [torch.tensor(x, requires_grad=True) for x in arrays]
    values = outputs(function(torch), theirs)
    weights = [RNG(99).uniform(0.5, 2, size=tuple(v.shape)) for v in values]
    sum((torch.tensor(w) * v.abs() ** 2).sum() for v, w in zip(values, weights, strict=True)).backward()

    ours = [Tensor(x) for x in arrays]
    real_loss(outputs(function(np), ours), weights).backward()
    for mine, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad, their.grad.resolve_conj().numpy(), rtol=1e-9, atol=1e-11)


# ── the points where formulas divide by 0 ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", [None, 1, 2, 3, 2.5, np.inf, -np.inf, 0])
def test_the_slope_of_a_vector_norm_at_0_is_0_at_both_orders(order: Any) -> None:
    zero = np.zeros(3)
    assert np.array_equal(tn.grad(lambda x: np.linalg.norm(x, order))(zero), zero)
    assert np.all(np.isfinite(tn.hessian(lambda x: np.linalg.norm(x, order))(zero)))


@pytest.mark.parametrize("order", ["fro", 1, -1, np.inf, -np.inf])
def test_the_slope_of_a_matrix_norm_at_0_is_0(order: Any) -> None:
    assert np.array_equal(tn.grad(lambda x: np.linalg.norm(x, order))(np.zeros((2, 3))), np.zeros((2, 3)))


def test_rows_of_zeros_do_not_spoil_the_other_rows() -> None:
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert np.allclose(tn.grad(lambda x: np.sum(np.linalg.norm(x, axis=1)))(x), [[0.6, 0.8], [0.0, 0.0]])


def cofactors(a: np.ndarray) -> np.ndarray:
    n = len(a)
    minors = [[np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(n)] for i in range(n)]
    return np.array(minors) * (-1.0) ** np.add.outer(np.arange(n), np.arange(n))


@pytest.mark.parametrize(
    "a",
    [
        np.array([[1.0, 2.0], [2.0, 4.0]]),
        np.zeros((2, 2)),
        np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]]),
        np.diag([1.0, 0.0, 0.0]),
        np.zeros((3, 3)),
    ],
)
def test_a_singular_matrix_has_the_cofactors_as_gradient_of_its_determinant(a: np.ndarray) -> None:
    assert np.linalg.det(a) == 0
    np.testing.assert_allclose(tn.grad(np.linalg.det)(a), cofactors(a), atol=1e-12)


def test_second_derivatives_of_the_determinant_of_a_singular_matrix() -> None:
    hessian = tn.hessian(np.linalg.det)(np.array([[1.0, 2.0], [2.0, 4.0]]))
    expected = np.zeros((2, 2, 2, 2))
    expected[0, 0, 1, 1] = expected[1, 1, 0, 0] = 1
    expected[0, 1, 1, 0] = expected[1, 0, 0, 1] = -1
    np.testing.assert_allclose(hessian, expected, atol=1e-12)


def test_one_singular_matrix_of_a_batch_leaves_the_others_right() -> None:
    batch = np.stack([np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[2.0, 1.0], [1.0, 3.0]])])
    gradient = tn.grad(lambda a: np.sum(np.linalg.det(a)))(batch)
    np.testing.assert_allclose(gradient, [cofactors(batch[0]), cofactors(batch[1])], atol=1e-12)


def test_equal_singular_values_do_not_hurt_a_loss_of_singular_values() -> None:
    np.testing.assert_allclose(tn.grad(lambda a: np.linalg.norm(a, "nuc"))(np.eye(3)), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(
        tn.grad(lambda a: np.sum(np.linalg.svd(a)[1] ** 2))(np.eye(3)), 2 * np.eye(3), atol=1e-12
    )


def test_equal_eigenvalues_do_not_hurt_a_loss_of_eigenvalues() -> None:
    np.testing.assert_allclose(
        tn.grad(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(np.eye(3)), 2 * np.eye(3), atol=1e-12
    )
    np.testing.assert_allclose(
        tn.grad(lambda a: np.real(np.sum(np.linalg.eigvals(a) ** 2)))(np.eye(3)), 2 * np.eye(3), atol=1e-12
    )


def test_vectors_of_equal_eigenvalues_have_no_finite_gradient() -> None:
    with np.errstate(all="ignore"):
        gradient = tn.grad(lambda a: np.sum(np.linalg.eigh(a)[1] * np.arange(9.0).reshape(3, 3)))(np.eye(3))
    assert not np.all(np.isfinite(gradient))


def test_a_rank_deficient_pseudo_inverse() -> None:
    """d/dt pinv(t A) = −pinv(A) at t = 1, whatever the rank."""
    a = np.outer([1.0, 2.0, 3.0], [1.0, -1.0])
    _, tangent = tn.jvp(np.linalg.pinv, (a,), (a,))
    np.testing.assert_allclose(tangent, -np.linalg.pinv(a), atol=1e-12)


def test_least_squares_of_every_shape_gives_numpys_four_results() -> None:
    for rows, columns in ((4, 3), (3, 4), (3, 3)):
        a, b = RNG(0).normal(size=(rows, columns)), RNG(1).normal(size=(rows, 2))
        for ours, theirs in zip(np.linalg.lstsq(Tensor(a), b), np.linalg.lstsq(a, b), strict=True):
            np.testing.assert_allclose(getattr(ours, "data", ours), theirs, atol=1e-12)


# ── triangles, bases, phases ─────────────────────────────────────────────────────────────────────────────────────


def test_the_gradient_is_in_the_triangle_that_numpy_reads() -> None:
    a = np.array([[2.0, 99.0], [0.5, 3.0]])
    for f in (np.linalg.cholesky, np.linalg.eigvalsh):
        gradient = tn.grad(lambda a, f=f: np.sum(f(a) ** 3))(a)
        assert gradient[0, 1] == 0
        h = 1e-6 * np.array([[0.0, 0.0], [1.0, 0.0]])
        slope = (np.sum(f(a + h) ** 3) - np.sum(f(a - h) ** 3)) / 2e-6
        assert gradient[1, 0] == pytest.approx(slope, rel=1e-7)
    upper = tn.grad(lambda a: np.sum(np.linalg.cholesky(a, upper=True)))(a.T)
    assert upper[1, 0] == 0
    assert upper[0, 1] != 0


def test_completing_columns_may_be_used_where_the_choice_of_basis_does_not_matter() -> None:
    a = RNG(3).normal(size=(4, 2))
    weights = RNG(4).normal(size=(4, 4))

    def outside(a: Any) -> Any:
        u = np.linalg.svd(a)[0][:, 2:]
        return np.sum(weights * (u @ u.T))

    def outside_by_qr(a: Any) -> Any:
        q = np.linalg.qr(a, mode="complete")[0][:, 2:]
        return np.sum(weights * (q @ q.T))

    def expected(a: Any) -> Any:
        return -np.sum(weights * (a @ np.linalg.pinv(a)))

    for f in (outside, outside_by_qr):
        np.testing.assert_allclose(tn.grad(f)(a), tn.grad(expected)(a), atol=1e-11)
        np.testing.assert_allclose(tn.hessian(f)(a), tn.hessian(expected)(a), atol=1e-10)


def test_a_loss_that_turns_with_an_arbitrary_basis_is_refused() -> None:
    a = RNG(3).normal(size=(4, 2))
    with pytest.raises(NoRuleError, match="full_matrices=False"):
        tn.grad(lambda a: np.linalg.svd(a)[0][0, 3] * np.linalg.svd(a)[0][1, 2])(a)
    with pytest.raises(NoRuleError, match="full_matrices=False"):
        tn.grad(lambda a: np.linalg.svd(a.T)[2][2, 3])(a)
    with pytest.raises(NoRuleError, match="mode='reduced'"):
        tn.grad(lambda a: np.linalg.qr(a, mode="complete")[0][0, 3])(a)
    with pytest.raises(NoRuleError, match="not 'raw'"):
        np.linalg.qr(Tensor(a), mode="raw")


@pytest.mark.parametrize("decompose", [
    lambda a: np.linalg.eig(a)[1],
    lambda a: np.linalg.eigh(a @ np.conj(a.T))[1],
    lambda a: np.linalg.eigh(a @ np.conj(a.T), "U")[1],
    lambda a: np.linalg.svd(a)[0],
    lambda a: np.linalg.svd(a)[2],
    lambda a: np.linalg.svd(a[:2], full_matrices=False)[0],
    lambda a: np.linalg.svd(a[:2], full_matrices=False)[2],
    lambda a: np.linalg.svd(a[:, :2], full_matrices=False)[0],
    lambda a: np.linalg.qr(a)[0],
])  # fmt: skip
def test_complex_vectors_move_with_the_phase_that_lapack_gives_them(decompose: Callable[[Any], Any]) -> None:
    a, direction, h = spread(30, 3, 3), complex_array(31, 3, 3), 1e-6
    _, tangent = tn.jvp(decompose, (a,), (direction,))
    difference = (decompose(a + h * direction) - decompose(a - h * direction)) / (2 * h)
    np.testing.assert_allclose(tangent, difference, atol=1e-8)


def test_results_have_numpys_names() -> None:
    a = Tensor(np.diag([1.0, 2.0]))
    assert np.linalg.svd(a).S.shape == np.linalg.eigh(a).eigenvalues.shape == (2,)
    assert np.linalg.qr(a).R.shape == np.linalg.eig(a).eigenvectors.shape == (2, 2)
    assert np.linalg.slogdet(a).logabsdet.shape == ()
    assert np.linalg.matrix_rank(a) == 2


# ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_dimensional_products_make_no_copies_of_their_operands() -> None:
    """The transposes in the rule are views: only the two gradients are allocated."""
    from tinygrad_notes.rules.linear_algebra import transposed

    a = RNG(0).normal(size=(3, 4))
    assert transposed(a).base is a
    assert transposed(RNG(0).normal(size=(2, 3, 4))).base is not None


@pytest.mark.parametrize(("call", "error"), [
    (lambda t: np.einsum("ij,jk->ik", t), ShapeError),
    (lambda t: np.einsum("ijk->i", t), ShapeError),
    (lambda t: np.einsum("...i->i", np.stack([t, t])), ShapeError),
    (lambda t: np.einsum("ij->ij", t, dtype=np.float32), NoRuleError),
    (lambda t: np.einsum("ij->ij", t, out=np.zeros((2, 2))), NoRuleError),
    (lambda t: np.dot(t, t, out=np.zeros((2, 2))), NoRuleError),
    (lambda t: np.vecdot(t, t[:, :1]), ShapeError),
    (lambda t: np.linalg.outer(t, t), ShapeError),
    (lambda t: np.cross(t[:, :1], t[:, :1]), ShapeError),
    (lambda t: np.linalg.multi_dot([t]), ShapeError),
    (lambda t: np.linalg.matrix_power(t[0], 2), ShapeError),
    (lambda t: np.linalg.norm(np.stack([t, t]), 2), ShapeError),
    (lambda t: np.linalg.norm(t, 7), BadInputError),
    (lambda t: np.linalg.solve(t, np.zeros(3)), ShapeError),
])  # fmt: skip
def test_calls_that_make_no_sense_raise_our_errors(call: Callable[[Tensor], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        call(Tensor([[1.0, 2.0], [3.0, 5.0]]))


def test_a_repeated_operand_of_einsum_is_counted_twice() -> None:
    x = RNG(0).normal(size=(3, 3))
    np.testing.assert_allclose(tn.grad(lambda x: np.einsum("ij,ji->", x, x))(x), 2 * x.T)
    np.testing.assert_allclose(tn.grad(lambda x: np.einsum("ii,ii->", x, x))(x), 2 * np.diag(np.diag(x)))


def test_roots_of_a_quadratic() -> None:
    """x² + bx + c: the roots 1, 2 move by −r/(2r + b) with b and −1/(2r + b) with c."""
    jacobian = tn.jacobian(np.roots)(np.array([1.0, -3.0, 2.0]))
    np.testing.assert_allclose(jacobian, [[-4.0, -2.0, -1.0], [1.0, 1.0, 1.0]], atol=1e-12)
    leading_zero = tn.jacobian(np.roots)(np.array([0.0, 1.0, -3.0, 2.0]))
    np.testing.assert_allclose(leading_zero[:, 1:], jacobian, atol=1e-12)


# ── special functions ────────────────────────────────────────────────────────────────────────────────────────────


def test_scipy_is_not_imported_until_it_is_used() -> None:
    program = (
        "import sys, tinygrad_notes as tn\n"
        "assert 'scipy' not in sys.modules\n"
        "tn.special\n"
        "assert 'scipy' in sys.modules and 'tinygrad_notes.rules.special' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_scipys_ufuncs_find_their_rule_and_the_rest_say_what_to_do() -> None:
    special = pytest.importorskip("scipy.special")
    t = Tensor([0.5, 1.5])
    np.sum(special.erf(t)).backward()
    np.testing.assert_allclose(t.grad, 2 / np.sqrt(np.pi) * np.exp(-(t.data**2)))
    with pytest.raises(NoRuleError):
        special.airy(t)
    with pytest.raises(NoRuleError, match="argument 'a'"):
        special.gammainc(t, 2.0).backward(np.ones(2))
    with pytest.raises(LeavesGraphError):
        special.multigammaln(t, 2)


def test_special_functions_far_out() -> None:
    special = tn.special
    far = np.array([-1e4, -40.0, 40.0, 1e4])
    np.testing.assert_allclose(
        tn.elementwise_grad(special.expit)(far), [0, np.exp(-40.0), np.exp(-40.0), 0], rtol=1e-12
    )
    np.testing.assert_allclose(tn.elementwise_grad(special.log_expit)(far), [1, 1, np.exp(-40.0), 0], rtol=1e-12)
    np.testing.assert_allclose(
        tn.elementwise_grad(special.log_ndtr)(far), [1e4, 40.024968827883, 0, 0], rtol=1e-7, atol=1e-300
    )
    assert tn.grad(special.xlogy, (0, 1))(0.0, 0.0) == (0.0, 0.0)
    assert tn.grad(special.xlogy, (0, 1))(0.0, np.e) == (1.0, 0.0)
    assert tn.grad(special.xlog1py, (0, 1))(0.0, -1.0) == (0.0, 0.0)


def test_the_softmax_family_is_stable() -> None:
    special = tn.special
    x = np.array([1e4, 0.0, -1e4, -np.inf])
    np.testing.assert_array_equal(tn.grad(special.logsumexp)(x), [1, 0, 0, 0])
    np.testing.assert_array_equal(tn.grad(lambda x: special.softmax(x)[0])(x), np.zeros(4))
    np.testing.assert_array_equal(tn.grad(lambda x: special.log_softmax(x)[1])(x), [-1, 1, 0, 0])
    np.testing.assert_array_equal(tn.grad(special.logsumexp)(np.full(2, -np.inf)), [0, 0])
    assert np.all(np.isfinite(tn.hessian(special.logsumexp)(x[:3])))


def test_triangular_solves_read_one_triangle_in_every_direction() -> None:
    special = tn.special
    a, b = RNG(0).normal(size=(3, 3)) + 3 * np.eye(3), RNG(1).normal(size=(3, 2))
    for lower in (False, True):
        for trans in (0, 1, 2, "N", "T", "C"):
            for unit in (False, True):
                triangle = np.tril(a, -1) if lower else np.triu(a, 1)
                triangle = triangle + (np.eye(3) if unit else np.diag(np.diag(a)))
                full = triangle if trans in (0, "N") else triangle.T

                def f(a: Any, b: Any, *options: Any) -> Any:
                    return np.sum(special.solve_triangular(a, b, *options) ** 2)

                value, (a_gradient, b_gradient) = tn.value_and_grad(f, (0, 1))(a, b, trans, lower, unit)
                assert value == pytest.approx(np.sum(np.linalg.solve(full, b) ** 2))
                want_a, want_b = tn.grad(lambda a, b: np.sum(np.linalg.solve(a, b) ** 2), (0, 1))(full, b)
                want_a = want_a if trans in (0, "N") else want_a.T
                read = np.tril(np.ones((3, 3)), -unit) if lower else np.triu(np.ones((3, 3)), unit)
                np.testing.assert_allclose(a_gradient, want_a * read, atol=1e-12)
                np.testing.assert_allclose(b_gradient, want_b, atol=1e-12)
    with pytest.raises(BadInputError):
        special.solve_triangular(a, b, trans=3)


def test_functions_made_of_others_agree_with_scipy_and_with_differences() -> None:
    scipy_linalg, special = pytest.importorskip("scipy.linalg"), tn.special
    a = RNG(0).normal(size=(3, 3))
    a = a @ a.T + np.eye(3)
    b, c, r = RNG(1).normal(size=3), RNG(2).normal(size=3), RNG(3).normal(size=4)
    factor = np.linalg.cholesky(a)
    np.testing.assert_allclose(special.cho_solve((factor, True), b), np.linalg.solve(a, b))
    np.testing.assert_allclose(special.cho_solve((factor.T, False), b), np.linalg.solve(a, b))
    np.testing.assert_array_equal(special.toeplitz(c, r), scipy_linalg.toeplitz(c, r))
    np.testing.assert_array_equal(special.toeplitz(c + 1j * c), scipy_linalg.toeplitz(c + 1j * c))
    np.testing.assert_array_equal(special.block_diag(a, b, 2.0), scipy_linalg.block_diag(a, b, 2.0))
    weights = RNG(4).normal(size=(3, 4))
    np.testing.assert_allclose(
        tn.grad(lambda c: np.sum(weights * special.toeplitz(c, r)))(c),
        [np.sum(np.diagonal(weights, -k)) for k in range(3)],
    )
    np.testing.assert_allclose(tn.grad(lambda b: np.sum(special.block_diag(a, b) ** 2))(b), 2 * b)
    solved = tn.grad(lambda a: np.sum(special.cho_solve((np.linalg.cholesky(a), True), b)))(a)
    direct = tn.grad(lambda a: np.sum(np.linalg.solve(a, b)))(a)
    np.testing.assert_allclose(solved + solved.T, direct + direct.T, atol=1e-12)
    with pytest.raises(NoRuleError):
        special.logsumexp(Tensor(b), return_sign=True)
    with pytest.raises(ShapeError):
        special.block_diag(np.zeros((1, 1, 1)))


def test_logsumexp_weights_broadcast_and_are_differentiated() -> None:
    a, b = RNG(0).normal(size=(3, 4)), RNG(1).uniform(0.5, 2, size=4)
    gradient = tn.grad(lambda b: np.sum(tn.special.logsumexp(a, axis=1, b=b)))(b)
    np.testing.assert_allclose(gradient, np.sum(np.exp(a) / np.sum(b * np.exp(a), axis=1, keepdims=True), axis=0))


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0)])
@pytest.mark.parametrize("name", ["eigh", "eig", "svd"])
def test_complex_vectors_of_empty_matrices(name: str, shape: tuple[int, ...]) -> None:
    a = Tensor(np.zeros(shape, complex))
    vectors = next(y for y in getattr(np.linalg, name)(a) if y.ndim == len(shape))
    np.sum(np.abs(vectors) ** 2).backward()
    assert a.grad.shape == shape


def multiplications(sizes: list[int], split: Callable[[int, int], int], i: int, j: int) -> int:
    if i == j:
        return 0
    k = split(i, j)
    both = multiplications(sizes, split, i, k) + multiplications(sizes, split, k + 1, j)
    return both + sizes[i] * sizes[k + 1] * sizes[j + 1]


@pytest.mark.parametrize("seed", range(5))
def test_a_product_of_many_is_done_in_the_cheapest_order(seed: int) -> None:
    sizes = [int(n) for n in RNG(seed).integers(1, 30, 6)]
    chosen = _cheapest_splits(list(itertools.pairwise(sizes)))

    def fewest(i: int, j: int) -> int:
        costs = (fewest(i, k) + fewest(k + 1, j) + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j))
        return min(costs, default=0)

    assert multiplications(sizes, lambda i, j: chosen[i, j], 0, 4) == fewest(0, 4)
