import numpy as np
import pytest
import rasterio

from mmss_plugins.bands import S1, S2
from mmss_plugins.store.normalisation import clip8
from projects.synthetic.materials import DFC_NUMBERS
from projects.synthetic.plan import (
    NOLDO,
    TEST,
    SyntheticOptions,
    dfc_files,
    noldo_files,
    plan_place,
)
from projects.synthetic.raw_trees import write_place

SIDES = {'B1': 10, 'B9': 10, 'B10': 10, **dict.fromkeys(('B2', 'B3', 'B4', 'B8'), 60)}


def read(path):
    with rasterio.open(path) as file:
        return file.read()


def test_index_lists_every_location_and_its_scenes(index_rows, scene_folders):
    assert index_rows[0] == ['ids', 'sub1', 'sub2', 'sub3', 'sub4']
    assert [int(row[0]) for row in index_rows[1:]] == list(range(10))
    assert len(scene_folders) == 40
    assert all(path.is_dir() for folders in scene_folders for path in folders.values())
    assert len({folders['s1'] for folders in scene_folders}) == 40, 'each SAR scene is used once'


def test_sentinel_2_files(scene_folders):
    for folders in scene_folders[:8]:
        folder = folders['s2c']
        assert {path.stem for path in folder.glob('*.tif')} == set(S2.bands)
        for name in S2.bands:
            with rasterio.open(folder / f'{name}.tif') as file:
                side = SIDES.get(name, 30)
                assert (file.count, file.height, file.width) == (1, side, side), name
                assert file.dtypes == ('uint16',)
                assert 0 < file.read().min() <= file.read().max() < 20_000
        assert read(folder / 'B10.tif').mean() < 500


def test_sentinel_1_and_label_files(scene_folders):
    for folders in scene_folders[:8]:
        for band in ('VV', 'VH'):
            image = read(folders['s1'] / f'{band}.tif')
            assert image.shape == (1, 60, 60)
            assert image.dtype == np.float32
            assert -50 < image.min() <= image.max() < 25
            assert -30 < image.mean() < 0
        for kind in ('noisy', 'clean'):
            label = read(folders[kind] / 'label.tif')
            assert label.shape == (1, 60, 60)
            assert label.dtype == np.uint8
            assert label.max() <= 8


def test_some_labels_are_smaller_than_the_images(scene_folders):
    heights = {(read(f['noisy'] / 'label.tif').shape, f['noisy'].parts[-2]) for f in scene_folders}
    small = {place for shape, place in heights if shape == (1, 59, 60)}
    assert small == {'0000004', '0000009'}
    assert len(heights) == 10
    for folders in scene_folders:
        with (
            rasterio.open(folders['noisy'] / 'label.tif') as label,
            rasterio.open(folders['s2c'] / 'B2.tif') as image,
        ):
            assert tuple(label.bounds) == pytest.approx(tuple(image.bounds), abs=1e-9)


def test_bands_and_labels_of_a_location_declare_their_own_grids(scene_folders):
    with rasterio.open(scene_folders[0]['s2c'] / 'B2.tif') as file:
        base, crs = file.transform, file.crs
    assert crs.to_epsg() == 4326
    degrees = base.a, -base.e
    expected = {
        ('s2c', 'B8'): (1, 0, 0),
        ('s2c', 'B5'): (2, -0.5, 0.5),
        ('s2c', 'B9'): (6, -2.5, 2.5),
        ('s1', 'VH'): (1.005, -4, 3),
        ('noisy', 'label'): (1, 0, 0),
        ('clean', 'label'): (1, 0, 0),
    }
    for folders in scene_folders[:4]:
        for (kind, name), (factor, east, north) in expected.items():
            with rasterio.open(folders[kind] / f'{name}.tif') as file:
                assert file.crs == crs
                grid = file.transform
            assert (grid.a / degrees[0], -grid.e / degrees[1]) == pytest.approx([factor] * 2, 3e-3)
            assert (grid.c - base.c) / degrees[0] == pytest.approx(east, abs=0.02)
            assert (grid.f - base.f) / degrees[1] == pytest.approx(north, abs=0.02)


@pytest.mark.parametrize(('split', 'count'), [('validation', 3), ('test', 4)])
def test_dfc_files(data_set, split, count):
    root = data_set[0] / 'dfc2020' / f'ROIs0000_{split}'
    expected = {'s1': (2, 'float64'), 's2': (13, 'uint16'), 'dfc': (1, 'uint8')}
    for kind, (bands, dtype) in expected.items():
        folder = root / f'{kind}_{"0" if split == "test" else split}'
        assert len(list(folder.iterdir())) == count
        for index in range(count):
            with rasterio.open(folder / f'ROIs0000_{split}_{kind}_0_p{index}.tif') as file:
                assert (file.count, file.height, file.width) == (bands, 48, 48)
                assert set(file.dtypes) == {dtype}
                if kind == 'dfc':
                    assert set(np.unique(file.read())) <= {1, 2, 4, 5, 6, 7, 8, 9, 10}


def test_scenes_show_the_season_of_their_date(scene_folders):
    greenness = {1: [], 7: []}
    for folders in scene_folders:
        month = int(folders['s2c'].name[4:6])
        trees = read(folders['clean'] / 'label.tif')[0] == 1
        if month in greenness and trees.any():
            red, infrared = (
                read(folders['s2c'] / f'{band}.tif')[0, : len(trees)][trees].mean()
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
    raw = SyntheticOptions(locations=1, size=36)
    quantised = SyntheticOptions(locations=1, size=36, coding='clip8')
    write_place(tmp_path / 'raw', raw, NOLDO, 0)
    write_place(tmp_path / 'quantised', quantised, NOLDO, 0)
    for path in noldo_files(plan_place(raw, NOLDO, 0)):
        if path.suffix == '.json':
            texts = {(tmp_path / name / path).read_text() for name in ('raw', 'quantised')}
            assert len(texts) == 1
            continue
        original, found = read(tmp_path / 'raw' / path), read(tmp_path / 'quantised' / path)
        sensor = {'s1': S1, 's2c': S2}.get(path.parts[2])
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


@pytest.mark.parametrize(('kind', 'band'), [('s1', 'VV'), ('s1', 'VH'), ('s2c', 'B8')])
def test_arrays_of_images_and_labels_overlay_to_the_pixel(scene_folders, kind, band):
    pairs = []
    for folders in scene_folders:
        label = read(folders['clean'] / 'label.tif')[0]
        if len(np.unique(label)) > 1:
            image = read(folders[kind] / f'{band}.tif')[0, : len(label)]
            pairs.append((image.astype(np.float64), label))
    best, scores = best_shift(pairs)
    assert best == (0, 0)
    assert scores[3, 3] < 0.9 * scores[0, 0]


@pytest.mark.parametrize(('kind', 'band'), [(0, 0), (1, 7), (1, 11)])
def test_dfc_patches_are_registered_to_the_pixel(tmp_path, kind, band):
    options = SyntheticOptions(dfc_test=12, dfc_size=60, seed=1)
    pairs = []
    for index in range(12):
        write_place(tmp_path, options, TEST, index)
        files = dfc_files(plan_place(options, TEST, index))
        label, image = read(tmp_path / files[2])[0], read(tmp_path / files[kind])[band]
        if len(np.unique(label)) > 1:
            pairs.append((image.astype(np.float64), label))
    best, _ = best_shift(pairs)
    assert best == (0, 0)
