import numpy as np
import pytest
import rasterio

from mmss_plugins.bands import S1, S2
from mmss_plugins.datasets.normalisation import clip8
from mmss_plugins.mini_world.materials import DFC_NUMBERS
from mmss_plugins.mini_world.plan import (
    NOLDO,
    TEST,
    WorldOptions,
    dfc_files,
    noldo_files,
    plan_place,
)
from mmss_plugins.mini_world.raw_trees import write_place

SIDES = {'B1': 10, 'B9': 10, 'B10': 10, **dict.fromkeys(('B2', 'B3', 'B4', 'B8'), 60)}


def read(path):
    with rasterio.open(path) as file:
        return file.read()


def scenes(index_rows):
    for place, *names in index_rows[1:]:
        for name in names:
            yield f'{int(place):07d}', name


def test_index_lists_every_location_and_its_scenes(world, index_rows):
    assert index_rows[0] == ['ids', 'sub1', 'sub2', 'sub3', 'sub4']
    assert [int(row[0]) for row in index_rows[1:]] == list(range(10))
    for place, scene in scenes(index_rows):
        for kind in ('s1', 's2c', 'dw_noisy_labels', 'dw_clean_labels'):
            assert (world[0] / 'noldo' / kind / place / scene).is_dir()


def test_sentinel_2_files(world, index_rows):
    for place, scene in list(scenes(index_rows))[:8]:
        folder = world[0] / 'noldo/s2c' / place / scene
        assert {path.stem for path in folder.iterdir()} == set(S2.bands)
        corners = set()
        for name in S2.bands:
            with rasterio.open(folder / f'{name}.tif') as file:
                side = SIDES.get(name, 30)
                assert (file.count, file.height, file.width) == (1, side, side), name
                assert file.dtypes == ('uint16',)
                assert file.crs.is_projected
                assert file.transform.a == -file.transform.e == 600 / side
                corners.add((file.crs.to_epsg(), *file.bounds))
                assert 0 < file.read().min() <= file.read().max() < 20_000
        assert len(corners) == 1  # all bands cover the same ground
        assert read(folder / 'B10.tif').mean() < 500


def test_sentinel_1_and_label_files(world, index_rows):
    for place, scene in list(scenes(index_rows))[:8]:
        for band in ('VV', 'VH'):
            image = read(world[0] / 'noldo/s1' / place / scene / f'{band}.tif')
            assert image.shape == (1, 60, 60)
            assert image.dtype == np.float32
            assert -50 < image.min() <= image.max() < 25
            assert -30 < image.mean() < 0
        for kind in ('dw_noisy_labels', 'dw_clean_labels'):
            label = read(world[0] / 'noldo' / kind / place / scene / 'label.tif')
            assert label.shape == (1, 60, 60)
            assert label.dtype == np.uint8
            assert label.max() <= 8


def test_all_of_a_place_shares_its_map_position(world, index_rows):
    place, scene = next(scenes(index_rows))
    names = ('s1/{}/{}/VV', 's2c/{}/{}/B2', 'dw_noisy_labels/{}/{}/label')
    positions = set()
    for name in names:
        with rasterio.open(world[0] / 'noldo' / f'{name.format(place, scene)}.tif') as file:
            positions.add((file.crs.to_epsg(), file.transform))
    assert len(positions) == 1


@pytest.mark.parametrize(('split', 'count'), [('validation', 3), ('test', 4)])
def test_dfc_files(world, split, count):
    root = world[0] / 'dfc2020' / split
    expected = {'s1': (2, 'float64'), 's2': (13, 'uint16'), 'dfc': (1, 'uint8')}
    for kind, (bands, dtype) in expected.items():
        folder = root / f'{kind}_{split}'
        assert len(list(folder.iterdir())) == count
        for index in range(count):
            with rasterio.open(folder / f'ROIs0000_{split}_{kind}_0_p{index}.tif') as file:
                assert (file.count, file.height, file.width) == (bands, 48, 48)
                assert set(file.dtypes) == {dtype}
                if kind == 'dfc':
                    assert set(np.unique(file.read())) <= {1, 2, 4, 5, 6, 7, 8, 9, 10}


def test_scenes_show_the_season_of_their_date(world, index_rows):
    greenness = {1: [], 7: []}
    for place, scene in scenes(index_rows):
        month = int(scene[4:6])
        trees = read(world[0] / f'noldo/dw_clean_labels/{place}/{scene}/label.tif')[0] == 1
        if month in greenness and trees.any():
            red, infrared = (
                read(world[0] / f'noldo/s2c/{place}/{scene}/{band}.tif')[0][trees].mean()
                for band in ('B4', 'B8')
            )
            greenness[month].append((infrared - red) / (infrared + red))
    assert min(map(len, greenness.values())) >= 3
    assert np.mean(greenness[7]) > np.mean(greenness[1]) + 0.1


def test_dfc_numbers_are_the_simplified_igbp_ones():
    to_training = {10: 0, 1: 1, 4: 2, 5: 3, 6: 4, 2: 5, 7: 6, 9: 7}
    for index, number in enumerate(DFC_NUMBERS[:8]):
        assert to_training[int(number)] == index
    assert DFC_NUMBERS[8] == 8


def test_eight_bit_coding_is_that_of_the_normalisation(tmp_path):
    raw = WorldOptions(locations=1, size=36)
    coded = WorldOptions(locations=1, size=36, coding='clip8')
    write_place(tmp_path / 'raw', raw, NOLDO, 0)
    write_place(tmp_path / 'coded', coded, NOLDO, 0)
    for path in noldo_files(plan_place(raw, NOLDO, 0)):
        original, found = read(tmp_path / 'raw' / path), read(tmp_path / 'coded' / path)
        sensor = {'s1': S1, 's2c': S2}.get(path.parts[1])
        if sensor is None:
            np.testing.assert_array_equal(found, original)
        else:
            band = sensor.bands.index(path.stem)
            expected = clip8(original, sensor.mean[band : band + 1], sensor.std[band : band + 1])
            np.testing.assert_array_equal(found, expected)


def explained(image, label):
    """Share of an image's variance that the classes explain."""
    total = ((image - image.mean()) ** 2).sum()
    within = sum(
        ((image[label == c] - image[label == c].mean()) ** 2).sum() for c in np.unique(label)
    )
    return 1 - within / total


def best_shift(pairs):
    """The shift of the labels that explains the images best, over rows and columns -3..3."""
    scores = {}
    for down in range(-3, 4):
        for right in range(-3, 4):
            rows, cols = slice(3 + down, -3 + down or None), slice(3 + right, -3 + right or None)
            scores[down, right] = np.mean(
                [explained(image[3:-3, 3:-3], label[rows, cols]) for image, label in pairs]
            )
    return max(scores, key=scores.get), scores


@pytest.mark.parametrize('channel', ['s1/{}/{}/VV.tif', 's1/{}/{}/VH.tif', 's2c/{}/{}/B8.tif'])
def test_images_and_labels_are_registered_to_the_pixel(world, index_rows, channel):
    pairs = []
    for place, scene in scenes(index_rows):
        label = read(world[0] / f'noldo/dw_clean_labels/{place}/{scene}/label.tif')[0]
        if len(np.unique(label)) > 1:
            image = read(world[0] / 'noldo' / channel.format(place, scene))[0]
            pairs.append((image.astype(np.float64), label))
    best, scores = best_shift(pairs)
    assert best == (0, 0)
    assert scores[3, 3] < 0.9 * scores[0, 0]


@pytest.mark.parametrize(('kind', 'band'), [(0, 0), (1, 7), (1, 11)])
def test_dfc_patches_are_registered_to_the_pixel(tmp_path, kind, band):
    options = WorldOptions(dfc_test=12, dfc_size=60, seed=1)
    pairs = []
    for index in range(12):
        write_place(tmp_path, options, TEST, index)
        files = dfc_files(plan_place(options, TEST, index))
        label, image = read(tmp_path / files[2])[0], read(tmp_path / files[kind])[band]
        if len(np.unique(label)) > 1:
            pairs.append((image.astype(np.float64), label))
    best, _ = best_shift(pairs)
    assert best == (0, 0)
