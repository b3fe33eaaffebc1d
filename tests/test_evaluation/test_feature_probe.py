import numpy as np
import pytest
import torch

from mmss_plugins.evaluation.feature_probe import (
    accuracies,
    dominant_class,
    knn_predict,
    ridge_predict,
)

CLASSES = 3


def clouds(n, seed, dims=6, noise=0.8):
    """Features around a direction per class; classes 0, 2, 4 of 5 with one rare."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(CLASSES, n, p=[0.6, 0.3, 0.1])
    centres = np.random.default_rng(0).normal(size=(CLASSES, dims))
    features = centres[labels] + noise * rng.normal(size=(n, dims))
    return torch.from_numpy(features).float(), torch.from_numpy(labels)


def naive_knn(features, labels, queries, k, temperature):
    result = []
    for query in queries.double().numpy():
        votes = [0.0] * CLASSES
        cosines = []
        for row, label in zip(features.double().numpy(), labels.tolist(), strict=True):
            cosine = row @ query / (np.linalg.norm(row) * np.linalg.norm(query))
            cosines.append((cosine, label))
        for cosine, label in sorted(cosines, reverse=True)[:k]:
            votes[label] += 1 if temperature is None else np.exp(cosine / temperature)
        result.append(int(np.argmax(votes)))
    return result


def naive_ridge(features, labels, queries, penalty):
    """Least squares on an enlarged system, with the bias as an unpenalised column."""
    x, q = features.double().numpy(), queries.double().numpy()
    q, x = (q - x.mean(0)) / x.std(0), (x - x.mean(0)) / x.std(0)
    n, dims = x.shape
    system = np.vstack(
        [
            np.hstack([x, np.ones((n, 1))]),
            np.hstack([np.sqrt(n * penalty) * np.eye(dims), np.zeros((dims, 1))]),
        ]
    )
    wanted = np.vstack([np.eye(CLASSES)[labels.numpy()], np.zeros((dims, CLASSES))])
    weights = np.linalg.lstsq(system, wanted, rcond=None)[0]
    return (np.hstack([q, np.ones((len(q), 1))]) @ weights).argmax(1).tolist()


@pytest.mark.parametrize('temperature', [0.07, 1.0, None])
@pytest.mark.parametrize('k', [1, 4, 30])
def test_knn_equals_a_naive_one(k, temperature):
    features, labels = clouds(30, 1)
    queries, _ = clouds(200, 2)
    features = features * torch.rand(30, 1, generator=torch.Generator().manual_seed(0))
    found = knn_predict(features, labels, queries, CLASSES, k, temperature)
    assert found.tolist() == naive_knn(features, labels, queries, k, temperature)


def test_near_neighbours_outvote_the_many_by_temperature_only():
    features = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.6, 0.8]])
    labels = torch.tensor([1, 2, 2])
    query = torch.tensor([[1.0, 0.0]])
    assert knn_predict(features, labels, query, CLASSES, 3, None).item() == 2
    assert knn_predict(features, labels, query, CLASSES, 3, 0.07).item() == 1
    assert knn_predict(features, labels, query, CLASSES, 3, 1e-3).item() == 1  # exp(1000)
    assert knn_predict(features, labels, query, CLASSES, 3, 1.0).item() == 2


@pytest.mark.parametrize('penalty', [1e-3, 0.1, 0.5])
@pytest.mark.parametrize(('n', 'dims'), [(60, 6), (10, 40), (20, 20)])
def test_ridge_equals_least_squares(n, dims, penalty):
    features, labels = clouds(n, 1, dims, noise=3)
    features = features * torch.arange(1, dims + 1) + 5
    queries = clouds(300, 2, dims, noise=3)[0] * torch.arange(1, dims + 1) + 5
    found = ridge_predict(features, labels, queries, CLASSES, penalty)
    assert found.tolist() == naive_ridge(features, labels, queries, penalty)
    assert len(found.unique()) > 1


def test_features_that_never_change_do_not_matter():
    features, labels = clouds(40, 1)
    queries, _ = clouds(50, 2)
    constant = torch.full((50, 1), 7.0)
    expected = ridge_predict(features, labels, queries, CLASSES)
    features = torch.cat([features, constant[:40]], dim=1)
    found = ridge_predict(features, labels, torch.cat([queries, constant], dim=1), CLASSES)
    assert found.tolist() == expected.tolist()


def test_accuracies_over_all_and_over_the_classes():
    labels = torch.tensor([0, 0, 0, 0, 2, 2])
    overall, per_class = accuracies(torch.tensor([0, 0, 0, 1, 2, 0]), labels)
    assert overall == pytest.approx(4 / 6)
    assert per_class == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_the_dominant_class_leaves_ignored_pixels_out():
    labels = np.full((4, 4), 255, np.uint8)
    assert dominant_class(labels) == -1
    labels[0, :3] = 2
    labels[1, :2] = 1
    assert dominant_class(labels) == 2
    labels[2, 0] = 1
    assert dominant_class(labels) == 1  # a tie
    assert dominant_class(labels, ignore_index=1) == 255


@pytest.mark.parametrize(
    ('function', 'options', 'message'),
    [
        (knn_predict, {'k': 0}, r'1\.\.30, .* but got 0'),
        (knn_predict, {'k': 31}, 'but got 31'),
        (knn_predict, {'temperature': 0}, 'temperature'),
        (ridge_predict, {'penalty': 0}, 'penalty'),
    ],
)
def test_options_out_of_range_are_errors(function, options, message):
    features, labels = clouds(30, 1)
    with pytest.raises(ValueError, match=message):
        function(features, labels, features, CLASSES, **options)
