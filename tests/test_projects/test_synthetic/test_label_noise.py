import numpy as np
import pytest

from projects.synthetic.label_noise import CONFUSIONS, NoiseSettings, corrupt
from projects.synthetic.materials import BARE, BUILT, CLASSES, CROPS, GRASS

ONLY_CONFUSION = NoiseSettings(confusion=1.0, borders=0.0)
ONLY_BORDERS = NoiseSettings(confusion=0.0, borders=1.0)


def confusion_matrix(places, settings=None, seasons=(0, 1, 2, 3)):
    matrix = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    for number, place in enumerate(places):
        for season in seasons:
            true = place.label_in(season)
            rng = np.random.default_rng([number, season])
            np.add.at(matrix, (true, corrupt(true, place.instance, season, rng, settings)), 1)
    return matrix


def error_rate(matrix):
    return 1 - np.trace(matrix) / matrix.sum()


def test_a_fifth_to_a_third_of_the_pixels_is_wrong(places):
    assert 0.2 < error_rate(confusion_matrix(places)) < 0.3


def test_no_noise_when_switched_off(places):
    matrix = confusion_matrix(places[:6], NoiseSettings(confusion=0.0, borders=0.0))
    assert error_rate(matrix) == 0


def test_confusion_stays_within_the_stated_pairs(places):
    matrix = confusion_matrix(places, ONLY_CONFUSION)
    stated = np.eye(len(CLASSES), dtype=bool)
    for pair in CONFUSIONS:
        stated[pair] = True
    assert matrix[~stated].sum() == 0
    assert 0.1 < error_rate(matrix) < 0.25
    # with displaced borders too, similar classes still make up most of what is wrong
    both = confusion_matrix(places)
    wrong = ~np.eye(len(CLASSES), dtype=bool)
    assert both[stated & wrong].sum() > 0.75 * both[wrong].sum()


def test_rates_follow_the_table(places):
    matrix = confusion_matrix(places, ONLY_CONFUSION)
    rates = matrix / matrix.sum(1, keepdims=True)
    pairs = list(CONFUSIONS)
    stated, found = np.array([(CONFUSIONS[pair], rates[pair]) for pair in pairs]).T
    assert np.corrcoef(stated, found)[0, 1] > 0.6


def test_bare_fields_are_taken_for_bare_land_out_of_season(places):
    winter = confusion_matrix(places, ONLY_CONFUSION, seasons=(0,))
    summer = confusion_matrix(places, ONLY_CONFUSION, seasons=(2,))
    rates = [m[CROPS, BARE] / m[CROPS].sum() for m in (winter, summer)]
    assert rates[0] > 1.5 * rates[1]


def test_errors_come_in_clusters_and_differ_between_seasons(places):
    alone, together, both_seasons, product = [], [], [], []
    for number, place in enumerate(places):
        wrong = [
            corrupt(place.label_in(s), place.instance, s, np.random.default_rng([number, s]))
            != place.label_in(s)
            for s in (1, 2)
        ]
        alone.append(wrong[0].mean())
        together.append((wrong[0][:, 1:] & wrong[0][:, :-1]).mean())
        both_seasons.append((wrong[0] & wrong[1]).mean())
        product.append(wrong[0].mean() * wrong[1].mean())
    rate = np.mean(alone)
    assert np.mean(together) / rate > 2 * rate  # wrong neighbours far beyond chance
    assert np.mean(both_seasons) < 0.6 * rate  # not the same map every season
    assert np.mean(both_seasons) > np.mean(product)  # but borders are hard in all of them


def test_small_objects_go_missing_and_large_ones_stay():
    label = np.full((64, 64), GRASS, np.uint8)
    label[10:12, 10:12] = BUILT
    label[30:60, 30:60] = BUILT
    instance = np.zeros((64, 64), np.int32)
    small, large, shifted = [], [], []
    for seed in range(40):
        noisy = corrupt(label, instance, 2, np.random.default_rng(seed), ONLY_BORDERS)
        small.append((noisy[4:18, 4:18] == BUILT).sum())
        large.append((noisy[35:55, 35:55] == BUILT).mean())
        shifted.append((noisy != label).any())
    assert np.mean(np.array(small) == 0) > 0.5
    assert np.mean(large) > 0.99
    assert np.mean(shifted) > 0.9


def test_borders_are_displaced_unevenly():
    label = np.full((64, 64), GRASS, np.uint8)
    label[32:] = CROPS
    positions = np.array(
        [
            (corrupt(label, label, 2, np.random.default_rng(seed), ONLY_BORDERS) == GRASS).sum(0)
            for seed in range(30)
        ]
    )  # (maps, columns): the row of the border
    assert 0.4 < np.std(positions - positions.mean(1, keepdims=True)) < 1.5
    assert 0.3 < positions.mean(1).std() < 1.5
    assert abs(positions.mean() - 32) < 0.4


def test_reproducible_and_leaves_its_input_alone(places):
    place = places[0]
    true = place.label_in(1)
    kept = true.copy()
    first, again, other = (
        corrupt(true, place.instance, 1, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(true, kept)
    assert first.dtype == np.uint8


@pytest.mark.parametrize('land_class', range(len(CLASSES)))
def test_a_place_of_one_class_stays_in_range(land_class):
    label = np.full((32, 32), land_class, np.uint8)
    noisy = corrupt(label, np.zeros((32, 32), np.int32), 0, np.random.default_rng(0))
    assert noisy.max() < len(CLASSES)
