import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from helpers.aerial_raw_trees import POTSDAM_COLOURS, loveda_path, read_png
from helpers.small_raw_trees import read_raw
from PIL import Image
from scipy import ndimage
from test_data_set import digests, run_tool

from mmss_plugins.prepare.loveda import main as prepare_loveda
from mmss_plugins.prepare.potsdam import main as prepare_potsdam
from mmss_plugins.store.reader import ReadRequest, StoreReader
from projects.synthetic.aerial import loveda, potsdam
from projects.synthetic.aerial.surfaces import KIND
from projects.synthetic.data_set import MARKER, make_data_set
from projects.synthetic.plan import SyntheticOptions, data_set_files

SMALL = SyntheticOptions(
    seed=2,
    parts=('potsdam', 'loveda'),
    potsdam_train=3,
    potsdam_test=1,
    tile_size=96,
    tile_metres=0.4,
    loveda_train=1,
    loveda_val=1,
    loveda_test=1,
    loveda_size=64,
    loveda_metres=1.0,
)
TRAIN, TEST = ['2_10', '2_11', '2_12'], ['2_13']
LOVEDA_NUMBERS = {
    ('Train', 'Rural'): 0,
    ('Train', 'Urban'): 1366,
    ('Val', 'Rural'): 2522,
    ('Val', 'Urban'): 3514,
    ('Test', 'Rural'): 4191,
    ('Test', 'Urban'): 5167,
}
POTSDAM = {
    'RGB': '2_Ortho_RGB/top_potsdam_{}_RGB.tif',
    'IRRG': '3_Ortho_IRRG/top_potsdam_{}_IRRG.tif',
    'RGBIR': '4_Ortho_RGBIR/top_potsdam_{}_RGBIR.tif',
    'label': 'top_potsdam_{}_label.tif',
    'noBoundary': '5_Labels_all_noBoundary/top_potsdam_{}_label_noBoundary.tif',
    'DSM': '1_DSM/dsm_potsdam_{:02d}_{:02d}.tif',
}


def potsdam_path(tree, kind, name):
    parts = map(int, name.split('_')) if kind == 'DSM' else [name]
    return tree / POTSDAM[kind].format(*parts)


def potsdam_label(tree, name, kind='label'):
    """Class indices of a label file, by an independent reading."""
    colours = read_raw(potsdam_path(tree, kind, name)).transpose(1, 2, 0)
    same = (colours[:, :, None] == POTSDAM_COLOURS).all(axis=-1)
    return np.where(same.any(axis=-1), same.argmax(axis=-1), 255)


@pytest.fixture(scope='module')
def aerial(tmp_path_factory):
    root = tmp_path_factory.mktemp('aerial') / 'data'
    return root, make_data_set(root, SMALL, workers=1)


@pytest.fixture(scope='module')
def tiles():
    """Twelve tiles, twice every style, as classes and heights."""
    options = SyntheticOptions(seed=5, parts=('potsdam',), tile_size=200, tile_metres=0.6)
    return [potsdam.make_tile(options, 3, index)[1:] for index in range(12)]


def test_files_do_not_depend_on_the_number_of_workers(aerial, tmp_path):
    make_data_set(tmp_path / 'w', SMALL, workers=2)
    found = digests(aerial[0])
    assert digests(tmp_path / 'w') == found
    assert set(found) == {str(path) for path in data_set_files(SMALL)} | {MARKER}


def test_potsdam_preparation_gives_the_pixels_of_an_independent_reading(aerial, tmp_path):
    tree = aerial[0] / 'potsdam'
    sizes = ['--size', '48', '--workers', '1']
    assert prepare_potsdam([str(tree), str(tmp_path), '--bands', 'RGBIR', '--dsm', *sizes]) == 0
    for split, names in (('train', TRAIN), ('test', TEST)):
        reader = StoreReader(tmp_path / f'{split}.lmdb')
        assert len(reader) == 4 * len(names)
        for name in names:
            raw = read_raw(potsdam_path(tree, 'RGBIR', name))
            label, dsm = potsdam_label(tree, name), read_raw(potsdam_path(tree, 'DSM', name))
            for row, col in ((0, 0), (0, 48), (48, 0), (48, 48)):
                part = np.s_[row : row + 48, col : col + 48]
                sample = reader.read(
                    f'{name}-{row:04d}-{col:04d}',
                    [ReadRequest(field) for field in ('image', 'label', 'dsm')],
                )
                np.testing.assert_array_equal(sample[0], raw[(slice(None), *part)])
                np.testing.assert_array_equal(sample[1], label[part])
                np.testing.assert_array_equal(sample[2], dsm[(slice(None), *part)])
        summary = json.loads((tmp_path / f'{split}.lmdb.summary.json').read_text())
        assert not any('no known colour' in text for text in summary['warnings'])


def test_band_combinations_are_of_one_image(aerial):
    rgb, irrg, all_bands = (
        read_raw(potsdam_path(aerial[0] / 'potsdam', kind, '2_11'))
        for kind in ('RGB', 'IRRG', 'RGBIR')
    )
    np.testing.assert_array_equal(rgb, all_bands[:3])
    np.testing.assert_array_equal(irrg, all_bands[[3, 0, 1]])
    label = potsdam_label(aerial[0] / 'potsdam', '2_11')
    greenness = all_bands[3].astype(int) - all_bands[0]
    assert np.median(greenness[label == 3]) > np.median(greenness[label == 0]) + 30


def test_tiles_lie_side_by_side(aerial):
    bounds = {}
    for name in TRAIN:
        for kind in ('RGB', 'IRRG', 'RGBIR', 'label', 'noBoundary', 'DSM'):
            with rasterio.open(potsdam_path(aerial[0] / 'potsdam', kind, name)) as file:
                assert file.shape == (96, 96)
                assert file.res == pytest.approx((0.4, 0.4))
                assert file.crs.to_epsg() == 32633
                assert bounds.setdefault(name, file.bounds) == file.bounds
        for kind in ('RGB', 'IRRG', 'RGBIR', 'DSM'):  # labels have no world file
            path = potsdam_path(aerial[0] / 'potsdam', kind, name).with_suffix('.tfw')
            left, top = bounds[name].left, bounds[name].top
            expected = [0.4, 0, 0, -0.4, left + 0.2, top - 0.2]
            assert list(map(float, path.read_text().split())) == pytest.approx(expected)
    assert bounds['2_10'].right == pytest.approx(bounds['2_11'].left)
    assert bounds['2_10'].top == pytest.approx(bounds['2_11'].top)


def test_boundary_is_black_where_another_class_is_near(aerial):
    tree = aerial[0] / 'potsdam'
    for name in TRAIN:
        whole, inner = potsdam_label(tree, name), potsdam_label(tree, name, 'noBoundary')
        assert (whole < 6).all()
        rows, cols = np.indices(whole.shape)
        near = np.zeros(whole.shape, bool)
        for down in range(-2, 3):
            for right in range(-2, 3):
                if down**2 + right**2 <= 4:
                    other = whole[np.clip(rows + down, 0, 95), np.clip(cols + right, 0, 95)]
                    near |= other != whole
        np.testing.assert_array_equal(inner, np.where(near, 255, whole))
        assert 0.02 < near.mean() < 0.6


def test_class_shares_are_near_potsdams(tiles):
    labels = np.stack([label for label, _ in tiles])
    shares = np.bincount(labels.ravel(), minlength=6) / labels.size
    expected = (0.28, 0.26, 0.23, 0.15, 0.017, 0.05)
    assert (np.abs(shares - expected) < (0.08, 0.08, 0.08, 0.06, 0.01, 0.04)).all(), shares
    for label in labels:
        assert len(np.unique(label)) == 6


def test_surface_model_is_high_on_buildings_and_trees(tiles):
    label, height = (np.stack(arrays) for arrays in zip(*tiles, strict=True))
    level = height - np.median(height, axis=(1, 2), keepdims=True)
    ground, building, grass, tree, car, _ = (np.median(level[label == c]) for c in range(6))
    assert building > ground + 4
    assert tree > ground + 3
    assert ground + 0.5 < car < ground + 2.5
    assert abs(grass - ground) < 0.6
    assert (height > 20).all()
    assert (height < 90).all()


def test_cars_are_smaller_than_buildings(tiles):
    areas = {}
    for number in (1, 4):
        sizes = []
        for label, _ in tiles:
            objects = ndimage.label(label == number)[0]
            sizes += list(np.bincount(objects.ravel())[1:] * 0.6**2)
        areas[number] = np.median([size for size in sizes if size > 3])
    assert 4 < areas[4] < 20
    assert areas[1] > 3 * areas[4]


def test_another_seed_is_another_tile_and_more_tiles_are_not(aerial, tmp_path):
    other = potsdam.make_tile(replace(SMALL, seed=3), 3, 0)
    same = potsdam.make_tile(replace(SMALL, potsdam_train=20, loveda_train=2), 3, 0)
    tree = aerial[0] / 'potsdam'
    np.testing.assert_array_equal(same[0], read_raw(potsdam_path(tree, 'RGBIR', '2_10')))
    np.testing.assert_array_equal(same[1], potsdam_label(tree, '2_10'))
    assert (other[0] != same[0]).mean() > 0.9
    assert (other[1] != same[1]).mean() > 0.2
    test = potsdam.make_tile(SMALL, 4, 0)
    assert (test[1] != same[1]).mean() > 0.2


def test_flights_differ_in_their_light():
    options = SyntheticOptions(seed=1, parts=('potsdam',), tile_size=64, tile_metres=0.6)
    means = [potsdam.make_tile(options, 3, i)[0].mean((1, 2)) for i in (0, 4, 10, 16)]  # one style
    means = np.array(means)
    assert means.mean(1).std() > 4
    assert (means[:, 0] - means[:, 2]).std() > 3


def test_loveda_preparation_gives_the_pixels_of_an_independent_reading(aerial, tmp_path):
    tree = aerial[0] / 'loveda'
    assert prepare_loveda([str(tree), str(tmp_path), '--workers', '1']) == 0
    for (split, scene), number in LOVEDA_NUMBERS.items():
        reader = StoreReader(tmp_path / f'{split.lower()}.lmdb')
        assert len(reader) == 2
        name = f'{scene.lower()}_{number}'
        image = read_png(loveda_path(tree, split, scene, number))
        assert image.shape == (64, 64, 3)
        fields = ['image'] if split == 'Test' else ['image', 'label']
        assert sorted(reader.meta.fields) == fields
        sample = reader.read(name, [ReadRequest(field) for field in fields])
        np.testing.assert_array_equal(sample[0].transpose(1, 2, 0), image)
        mask_path = loveda_path(tree, split, scene, number, 'masks')
        assert mask_path.is_file() == (split != 'Test')
        if split != 'Test':
            mask = read_png(mask_path)
            assert mask.dtype == np.uint8
            assert mask.max() <= 7
            np.testing.assert_array_equal(sample[1], np.where(mask == 0, 255, mask - 1))


def test_loveda_scenes_are_two_domains():
    options = replace(SMALL, loveda_size=128)
    shares = {}
    for stream, scene in ((5, 'Urban'), (6, 'Rural')):
        masks = [loveda.make_image(options, stream, index)[1] for index in range(8)]
        shares[scene] = np.bincount(np.ravel(masks), minlength=8) / np.size(masks)
    urban, rural = shares['Urban'], shares['Rural']
    assert urban[2] > 0.15  # buildings
    assert 0.003 < rural[2] < urban[2] / 4
    assert urban[3] > 2 * rural[3]  # roads
    assert urban[7] == 0
    assert rural[7] > 0.25  # agriculture
    assert rural[6] > 0.08  # forest
    assert (rural[1:] > 0).all()
    assert (urban[1:7] > 0).all()


def test_small_things_count_as_what_they_stand_on(monkeypatch):
    def paint(scene, rng, style):
        del rng, style
        scene.ground[:] = KIND['road']
        scene.kind[:] = KIND['car']

    monkeypatch.setattr(loveda, 'paint_town', paint)
    monkeypatch.setattr(loveda, 'paint_river', lambda *_: None)
    monkeypatch.setattr(loveda, 'paint_quarry', lambda *_: None)
    monkeypatch.setattr(loveda, 'CORNER_SHARE', 0)
    _, mask = loveda.make_image(SMALL, 5, 0)
    assert (mask == 3).all()


def test_corner_without_data_is_black_and_zero(monkeypatch):
    monkeypatch.setattr(loveda, 'CORNER_SHARE', 1)
    image, mask = loveda.make_image(SMALL, 6, 0)
    void = mask == 0
    assert 0.004 < void.mean() < 0.2
    assert (image[void] == 0).all()
    assert sum(void[corner] for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1))) == 1


def test_summary_counts_what_was_written(aerial):
    root, summary = aerial
    label = np.stack([potsdam_label(root / 'potsdam', name) for name in TRAIN + TEST])
    assert (
        list(summary.label_pixels['Potsdam'].values())
        == np.bincount(label.ravel(), minlength=6).tolist()
    )
    record = json.loads((root / MARKER).read_text())
    assert record['complete'] is True
    assert record['label_pixels'] == summary.label_pixels
    assert SyntheticOptions.from_dict(record['options']) == SMALL
    text = '\n'.join(summary.lines())
    assert 'label noise' not in text
    for name in ('Potsdam', 'LoveDA Urban', 'LoveDA Rural'):
        assert name in text


def test_aerial_tiles_of_the_former_data_set_go_when_it_is_replaced(aerial, tmp_path):
    fewer = replace(SMALL, potsdam_train=1, loveda_train=0, loveda_test=0)
    make_data_set(tmp_path, fewer, workers=1)
    bare = replace(fewer, potsdam_train=0, loveda_val=0)
    with pytest.raises(FileExistsError, match='other options'):
        make_data_set(tmp_path, bare, workers=1)
    make_data_set(tmp_path, bare, workers=1, overwrite=True)
    assert set(digests(tmp_path)) == {str(path) for path in data_set_files(bare)} | {MARKER}
    assert not list(tmp_path.glob('loveda/**/*.png'))


def test_tool_makes_aerial_parts_and_draws_them(aerial, tmp_path, monkeypatch, capsys):
    arguments = [tmp_path / 'w', '--seed', 2, '--parts', 'potsdam', 'loveda', '--workers', 1]
    arguments += ['--potsdam-train', 3, '--potsdam-test', 1]
    arguments += ['--tile-size', 96, '--tile-metres', 0.4]
    arguments += ['--loveda-train', 1, '--loveda-val', 1, '--loveda-test', 1]
    arguments += ['--loveda-size', 64, '--loveda-metres', 1.0]
    arguments += ['--preview', tmp_path / 'sheet.png', '--preview-places', 2]
    assert run_tool(monkeypatch, *arguments) == 0
    assert digests(tmp_path / 'w') == digests(aerial[0])
    assert 'Potsdam: impervious surface' in capsys.readouterr().out
    sheet = np.array(Image.open(tmp_path / 'sheet_potsdam.png'))
    rgb = read_raw(potsdam_path(aerial[0] / 'potsdam', 'RGB', '2_10'))
    label = read_raw(potsdam_path(aerial[0] / 'potsdam', 'label', '2_10'))
    both = np.concatenate([rgb, label], -1).transpose(1, 2, 0)
    np.testing.assert_array_equal(sheet[:96, :192], both)
    sheet = np.array(Image.open(tmp_path / 'sheet_loveda.png'))
    image = read_png(loveda_path(aerial[0] / 'loveda', 'Train', 'Urban', 1366))
    np.testing.assert_array_equal(sheet[:64, :64], image)
    assert not (tmp_path / 'sheet.png').exists()


def test_tool_refuses_more_tiles_than_there_are(tmp_path, monkeypatch, capsys):
    options = ['--parts', 'potsdam', '--potsdam-train', 25]
    assert run_tool(monkeypatch, tmp_path / 'w', *options) == 2
    assert 'potsdam_train must be 24 or less' in capsys.readouterr().err
    assert not (tmp_path / 'w').exists()
