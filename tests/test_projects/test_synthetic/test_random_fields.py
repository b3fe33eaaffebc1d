import numpy as np
import pytest

from projects.synthetic.noise import per_instance, random_field, top_share


def lag_correlation(field, lag):
    return np.corrcoef(field[:, :-lag].ravel(), field[:, lag:].ravel())[0, 1]


def test_field_is_standardised_and_reproducible():
    field = random_field(np.random.default_rng(1), (50, 70), 20.0)
    assert field.shape == (50, 70)
    assert field.dtype == np.float32
    assert abs(field.mean()) < 1e-4
    assert field.std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_array_equal(field, random_field(np.random.default_rng(1), (50, 70), 20.0))


def test_larger_scale_and_roughness_make_smoother_fields():
    def correlation(scale, roughness):
        rng = np.random.default_rng(2)
        return np.mean(
            [lag_correlation(random_field(rng, (64, 64), scale, roughness), 3) for _ in range(8)]
        )

    assert correlation(3.0, 2.0) < correlation(10.0, 2.0) < correlation(40.0, 2.0)
    assert correlation(20.0, 1.2) < correlation(20.0, 2.5)
    assert abs(correlation(20.0, 0.0)) < 0.05  # white noise


def test_field_is_isotropic():
    rng = np.random.default_rng(3)
    fields = [random_field(rng, (64, 64), 12.0) for _ in range(30)]
    across = np.mean([lag_correlation(field, 4) for field in fields])
    down = np.mean([lag_correlation(field.T, 4) for field in fields])
    assert across == pytest.approx(down, abs=0.05)


def test_opposite_borders_do_not_continue_each_other():
    rng = np.random.default_rng(4)
    fields = [random_field(rng, (64, 64), 10.0, 3.0) for _ in range(40)]
    wrapped = np.mean([np.corrcoef(field[:, 0], field[:, -1])[0, 1] for field in fields])
    neighbours = np.mean([np.corrcoef(field[:, 0], field[:, 1])[0, 1] for field in fields])
    assert neighbours > 0.9
    assert abs(wrapped) < 0.3


def test_top_share_takes_the_highest_values():
    field = np.arange(100.0).reshape(10, 10)
    assert top_share(field, 0.25).sum() == 25
    assert top_share(field, 0.25).ravel()[75:].all()
    assert not top_share(field, 0.0).any()
    assert top_share(field, 1.0).all()
    within = np.zeros((10, 10), bool)
    within[0] = True
    inside = top_share(field, 0.5, within)
    np.testing.assert_array_equal(np.flatnonzero(inside), [5, 6, 7, 8, 9])
    assert not top_share(field, 0.5, np.zeros((10, 10), bool)).any()


def test_per_instance_is_constant_over_an_instance():
    instance = np.repeat(np.arange(400).reshape(20, 20), 3, axis=0)
    values = per_instance(np.random.default_rng(5), instance, 2.0)
    assert len(np.unique(values)) == 400
    np.testing.assert_array_equal(values[0::3], values[2::3])
    assert values.std() == pytest.approx(2, rel=0.15)
