import numpy as np
import pytest
import torch

from mmss_plugins.functional.ssl_health import effective_rank, embedding_std


def naive_std(rows):
    """Row by row and column by column."""
    rows = np.asarray(rows, np.float64)
    rows = np.stack([row / np.sqrt((row**2).sum()) for row in rows])
    n, dims = rows.shape
    means = [sum(rows[i, j] for i in range(n)) / n for j in range(dims)]
    stds = [np.sqrt(sum((rows[i, j] - means[j]) ** 2 for i in range(n)) / n) for j in range(dims)]
    return np.mean(stds) / (1 / np.sqrt(dims))


def naive_rank(rows):
    """Singular values as the roots of the covariance's eigenvalues."""
    rows = np.asarray(rows, np.float64)
    rows = rows - rows.mean(axis=0)
    eigenvalues = np.clip(np.linalg.eigvalsh(rows.T @ rows), 0, None)
    values = np.sqrt(eigenvalues[eigenvalues > 1e-9 * eigenvalues.max()])
    shares = values / values.sum()
    return np.exp(-(shares * np.log(shares)).sum())


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('shape', [(2, 5), (16, 3), (7, 7), (40, 12), (9, 64)])
def test_both_equal_naive_formulas(shape, dtype):
    generator = torch.Generator().manual_seed(sum(shape))
    rows = torch.randn(shape, generator=generator, dtype=dtype)
    rows = rows * torch.logspace(-1, 1, shape[1], dtype=dtype) + 0.5
    assert embedding_std(rows).item() == pytest.approx(naive_std(rows), rel=1e-5)
    assert effective_rank(rows).item() == pytest.approx(naive_rank(rows), rel=1e-4)
    assert 1 <= effective_rank(rows) <= min(shape[0] - 1, shape[1]) + 1e-6


@pytest.mark.parametrize('scale', [1e-4, 1.0, 300.0])
def test_collapsed_embeddings_have_no_spread_and_no_rank(scale):
    row = torch.randn(1, 16, generator=torch.Generator().manual_seed(0)) * scale
    rows = row.expand(12, 16)
    assert embedding_std(rows).item() == pytest.approx(0, abs=1e-6)
    assert effective_rank(rows) == 0
    rounded = rows * (1 + 1e-7 * torch.randn(12, 16))  # what float32 makes of equal rows
    assert effective_rank(rounded) == 0


def test_lengths_do_not_spread():
    row = torch.randn(1, 8, generator=torch.Generator().manual_seed(0))
    rows = row * torch.tensor([[1.0], [3.0], [10.0]])
    assert embedding_std(rows).item() == pytest.approx(0, abs=1e-6)
    assert effective_rank(rows).item() == pytest.approx(1, abs=1e-4)  # of rows as they are


@pytest.mark.parametrize('dims', [2, 5, 16])
def test_opposite_unit_vectors_fill_the_space(dims):
    rows = torch.cat([torch.eye(dims), -torch.eye(dims)])  # orthonormal, their mean is 0
    assert embedding_std(rows).item() == pytest.approx(1, rel=1e-6)
    assert effective_rank(rows).item() == pytest.approx(dims, rel=1e-6)
    # in n of the dimensions only, the spread is sqrt(n / D) of the whole
    padded = torch.cat([rows, torch.zeros(len(rows), 3 * dims)], dim=1)
    assert embedding_std(padded).item() == pytest.approx(0.5, rel=1e-6)
    assert effective_rank(padded).item() == pytest.approx(dims, rel=1e-6)


def test_centring_takes_one_of_the_orthonormal_directions():
    assert effective_rank(torch.eye(6)).item() == pytest.approx(5, rel=1e-6)
    assert effective_rank(torch.eye(6) + 100).item() == pytest.approx(5, rel=1e-4)


def test_unequal_singular_values_count_by_their_entropy():
    rows = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert effective_rank(rows).item() == pytest.approx(np.exp(entropy), rel=1e-6)


def test_a_uniform_distribution_has_a_spread_of_nearly_one():
    rows = torch.randn(4000, 32, generator=torch.Generator().manual_seed(3))
    assert 0.98 < embedding_std(rows).item() < 1


def test_what_is_not_finite_is_not_a_number():
    rows = torch.randn(8, 4)
    rows[3, 1] = float('nan')
    assert embedding_std(rows).isnan()
    assert effective_rank(rows).isnan()


def test_half_precision_is_computed_in_float32():
    rows = torch.randn(64, 16, generator=torch.Generator().manual_seed(0)).half()
    assert embedding_std(rows).item() == pytest.approx(naive_std(rows), rel=1e-5)
    assert effective_rank(rows).item() == pytest.approx(naive_rank(rows), rel=1e-5)


@pytest.mark.parametrize('shape', [(0, 4), (4,), (2, 3, 4)])
def test_wrong_shapes_are_errors(shape):
    for function in (embedding_std, effective_rank):
        with pytest.raises(ValueError, match=r'\(N, D\)'):
            function(torch.zeros(shape))
