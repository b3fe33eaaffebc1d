import numpy as np
import pytest
from scipy import ndimage

from projects.synthetic.landscape import MARGIN, make_place
from projects.synthetic.materials import (
    BUILT,
    CLASSES,
    CROPS,
    SNOW,
    TREES,
    WATER,
)
from projects.synthetic.regions import REGIONS
from projects.synthetic.waters import meander


def test_a_place_follows_from_its_seed():
    first, again, other = (make_place(np.random.default_rng(seed), 40) for seed in (5, 5, 6))
    for name in ('material', 'instance', 'row_angle', 'height', 'shore', 'snow'):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert (first.material != other.material).any()


def test_arrays_fit_together(places):
    for place in places:
        shape = (place.size + 2 * MARGIN,) * 2
        assert place.material.shape == place.instance.shape == place.height.shape == shape
        assert place.snow.shape == (4, *shape)
        assert place.crop(place.height).shape == (place.size, place.size)
        assert set(np.unique(place.instance)) == set(range(place.instance.max() + 1))
        np.testing.assert_array_equal(place.shore > 0, place.label_in(2) == WATER)


def test_crop_keeps_the_middle(places):
    place = places[0]
    np.testing.assert_array_equal(
        place.crop(place.material), place.material[MARGIN:-MARGIN, MARGIN:-MARGIN]
    )


def test_every_region_and_every_class_occurs(places):
    assert {place.region for place in places} == {region.name for region in REGIONS}
    counts = np.zeros(len(CLASSES))
    for place in places:
        for season in range(4):
            counts += np.bincount(place.crop(place.label_in(season)).ravel(), minlength=9)
    shares = counts / counts.sum()
    assert shares.min() > 0.01
    assert shares.max() < 0.4


def test_seasons_change_nothing_but_snow(places):
    for place in places:
        labels = np.stack([place.label_in(season) for season in range(4)])
        snow = labels == SNOW
        bare = np.where(snow, 255, labels).min(0)
        for label, white in zip(labels, snow, strict=True):
            np.testing.assert_array_equal(label[~white], bare[~white])
        assert not (snow.any(0) & np.isin(bare, (WATER, TREES, BUILT))).any()
        assert snow[0].sum() >= snow[2].sum()


def test_snow_lies_high(places):
    higher = [
        place.height[place.snow[0]].mean() - place.height[~place.snow[0]].mean()
        for place in places
        if 0.05 < place.snow[0].mean() < 0.9
    ]
    assert len(higher) >= 3
    assert np.mean(np.array(higher) > 0) > 0.7


def test_fields_have_straight_rows_and_only_fields_do(places):
    rows = np.concatenate([np.isfinite(place.row_angle).ravel() for place in places])
    label = np.concatenate([place.label_in(2).ravel() for place in places])
    assert rows[label == CROPS].mean() > 0.8
    assert not rows[np.isin(label, (WATER, TREES, BUILT))].any()


def test_rivers_run_across_and_meander():
    ratios = []
    for seed in range(30):
        course = meander(np.random.default_rng(seed), (96, 96), 4.0)
        steps = np.hypot(*np.diff(course, axis=0).T)
        np.testing.assert_allclose(steps, 0.5, atol=1e-6)
        inside = ((course > 0) & (course < 96)).all(1)
        assert inside.sum() > 60  # at least some 30 pixels of river
        part = course[len(course) // 2 - 80 : len(course) // 2 + 80]
        ratios.append(80 / np.hypot(*(part[-1] - part[0])))
    assert 1.1 < np.median(ratios) < 3  # sinuosity of natural rivers


def test_forests_are_patches_not_speckles(places):
    woody = [place for place in places if 0.2 < (place.label_in(2) == TREES).mean() < 0.8]
    assert woody
    for place in woody:
        trees = place.label_in(2) == TREES
        inner = ndimage.binary_erosion(trees).sum() / trees.sum()
        assert inner > 0.3  # white noise at this share would keep under 0.33 ** 4


@pytest.mark.parametrize('size', [24, 47, 130])
def test_any_size_works(size):
    place = make_place(np.random.default_rng(size), size)
    assert place.crop(place.label_in(0)).shape == (size, size)
