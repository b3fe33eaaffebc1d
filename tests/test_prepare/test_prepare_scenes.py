"""Scenes and labels to stores: pixels, splits, seasons, and what is refused."""

import json

import numpy as np
import pytest
from PIL import Image
from test_image_files import write

from mmss_plugins.bands import S2
from mmss_plugins.prepare import scenes
from mmss_plugins.store.reader import StoreReader, all_requests
from mmss_plugins.store.tools.cli import main as lmdb_main

rasterio = pytest.importorskip('rasterio')

SIZE = 48
NAMES = ('x', 'y', 'z')
CLASSES = '{1: land, 2: lake, 0: ignore}'


def sentinel(rng, offset=0):
    """Plausible S1 in dB and S2, and a label map."""
    label = rng.integers(0, 3, (6, 6)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    s1 = rng.normal(-14, 2, (2, SIZE, SIZE)).astype(np.float32)
    s2 = rng.integers(300, 4000, (13, SIZE, SIZE)).astype(np.uint16) + np.uint16(offset)
    s2[10] = rng.integers(5, 60, (SIZE, SIZE)) + offset  # B10 is dark
    return s1, s2, label


@pytest.fixture
def raw(tmp_path):
    """Three places, 10 m apart from each other in a row, by kind and name."""
    rng, found = np.random.default_rng(0), {}
    for number, name in enumerate(NAMES):
        place = rasterio.Affine(10, 0, 500_000 + number * 10 * SIZE, 0, -10, 5_300_000)
        for kind, array in zip(('s1', 's2', 'label'), sentinel(rng), strict=True):
            array = array if array.ndim == 3 else array[None]
            (tmp_path / kind).mkdir(exist_ok=True)
            write(tmp_path / kind / f'{name}.tif', array, crs='EPSG:32633', transform=place)
            found[kind, name] = array
    (tmp_path / 'classes.yml').write_text(CLASSES)
    return found


def run(folder, *options, out='out'):
    texts = [str(folder / text[1:]) if text.startswith('@') else text for text in options]
    return scenes.main([str(folder / out), '--size', '16', '--workers', '1', *texts])


SENTINEL = ('--s1', '@s1', '--s2', '@s2', '--labels', '@label', '--classes', '@classes.yml')


def read(path):
    with StoreReader(path) as store:
        requests = all_requests(store.meta)
        samples = {
            i: {r.name: a for r, a in zip(requests, store.read(i, requests), strict=True)}
            for i in store.sample_ids
        }
        return store.meta, samples


def test_sentinel_scenes_and_their_labels(tmp_path, raw):
    assert run(tmp_path, *SENTINEL, '--s2-offset', '0') == 0
    meta, samples = read(tmp_path / 'out/train.lmdb')
    assert (meta.classes, len(samples)) == (('land', 'lake'), 3 * 9)
    assert meta.fields['s2']['bands'] == list(S2.bands)
    for sample_id, fields in samples.items():
        name, row, col = sample_id.split('-')
        part = np.s_[..., int(row) : int(row) + 16, int(col) : int(col) + 16]
        for kind in ('s1', 's2'):
            np.testing.assert_array_equal(fields[kind], raw[kind, name][part])
        label = raw['label', name][0][part]
        np.testing.assert_array_equal(fields['label'], np.where(label == 0, 255, label - 1))


def test_scenes_without_labels(tmp_path, raw):
    assert run(tmp_path, '--s2', '@s2', '--s2-offset', '0', '--quantise', 'clip8') == 0
    meta, samples = read(tmp_path / 'out/train.lmdb')
    assert (meta.classes, list(meta.fields), len(samples)) == ((), ['s2'], 3 * 9)
    part = raw['s2', 'y'][:, 16:32, 32:].astype(float)
    mean, std = (np.array(values)[:, None, None] for values in (S2.mean, S2.std))
    expected = (np.clip(part, mean - 2 * std, mean + 2 * std) - mean + 2 * std) / (4 * std) * 255
    assert np.abs(samples['y-0016-0032']['s2'] - expected).max() <= 1


def test_one_mosaic_of_labels_on_another_grid_and_seasons(tmp_path, raw):
    row = np.concatenate([raw['label', name] for name in NAMES], axis=2)
    fine = row.repeat(2, 1).repeat(2, 2)  # pixels of 5 m
    place = rasterio.Affine(5, 0, 500_000, 0, -5, 5_300_000)
    write(tmp_path / 'mosaic.tif', fine, crs='EPSG:32633', transform=place)
    options = [*SENTINEL[:5], '@mosaic.tif', *SENTINEL[6:], '--s2-offset', '0', '--seasons']
    assert run(tmp_path, *options) == 0
    meta, samples = read(tmp_path / 'out/train.lmdb')
    assert meta.seasons == ('date1',)
    for sample_id, fields in samples.items():
        name, top, left = sample_id.split('-')
        label = raw['label', name][0, int(top) :, int(left) :][:16, :16]
        expected = np.where(label == 0, 255, label - 1)
        np.testing.assert_array_equal(fields['date1', 'label'], expected)


def test_a_list_gives_dates_splits_and_offsets(tmp_path, raw, capsys):
    rng = np.random.default_rng(5)
    later = sentinel(rng, offset=1000)[1]
    with rasterio.open(tmp_path / 's2/x.tif') as file:
        profile = {'crs': file.crs, 'transform': file.transform}
    write(tmp_path / 's2/x_later.tif', later, **profile)
    rows = [
        's1,s2,label,place,date,split,s2_offset',
        's1/x.tif,s2/x_later.tif,label/x.tif,X,2022-07-01,val,1000',
        's1/x.tif,s2/x.tif,label/x.tif,X,2021-01-01,val,0',
        's1/y.tif,s2/y.tif,label/y.tif,Y,2021-01-01,,0',
        's1/y.tif,s2/y.tif,label/y.tif,Y,2021-06-01,,0',
        's1/z.tif,s2/z.tif,label/z.tif,Z,2021-06-01,,0',
    ]
    (tmp_path / 'list.csv').write_text('\n'.join(rows))
    options = ('--list', '@list.csv', '--classes', '@classes.yml', '--seasons')
    assert run(tmp_path, *options) == 1
    assert 'skipped Z: expected 2 dates' in capsys.readouterr().out
    meta, samples = read(tmp_path / 'out/val.lmdb')
    assert (meta.seasons, set(samples)) == (
        ('date1', 'date2'), {f'X-{r:04d}-{c:04d}' for r in (0, 16, 32) for c in (0, 16, 32)},
    )  # fmt: skip
    for season, expected in (('date1', raw['s2', 'x']), ('date2', later - 1000)):
        found = samples['X-0016-0000'][season, 's2']
        np.testing.assert_array_equal(found, expected[:, 16:32, :16])


def test_blocks_of_the_ground_do_not_share_pixels(tmp_path, raw):
    options = ('--split-by', 'block', '--block-size', '240m', '--val', '0.2', '--test', '0.3')
    assert run(tmp_path, *SENTINEL, '--s2-offset', '0', *options) == 0
    seen = {}
    for split in ('train', 'val', 'test'):
        for sample_id in read(tmp_path / f'out/{split}.lmdb')[1]:
            name, row, col = sample_id.split('-')
            for r in range(int(row), min(SIZE, int(row) + 16)):
                for c in range(int(col), min(SIZE, int(col) + 16)):
                    block = name, r // 24, c // 24  # 24 pixels are 240 m
                    if r // 24 == int(row) // 24 and c // 24 == int(col) // 24:
                        assert seen.setdefault(block, split) == split
    assert len(seen) == 3 * 4
    assert set(seen.values()) == {'train', 'val', 'test'}


def test_colour_masks_and_padding(tmp_path):
    rng = np.random.default_rng(3)
    colours = np.array([(60, 16, 152), (132, 41, 246), (155, 155, 155)], np.uint8)
    content = {}
    for tile in ('Tile 1', 'Tile 2'):
        for kind in ('images', 'masks'):
            (tmp_path / tile / kind).mkdir(parents=True)
        label = rng.integers(0, 3, (20, 16))
        image = rng.integers(0, 256, (20, 16, 3)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / tile / 'images/part 1.png')
        Image.fromarray(colours[label]).save(tmp_path / tile / 'masks/part 1.png')
        content[tile] = image, np.where(label == 2, 255, label)
    lines = ['"60,16,152": building', '"132,41,246": land', '"155,155,155": unlabelled']
    (tmp_path / 'c.yml').write_text('\n'.join(lines))
    options = ('--image', '@*/images/*.png', '--labels', '@*/masks/*.png', '--classes', '@c.yml')
    assert run(tmp_path, *options, '--size', '24') == 0
    meta, samples = read(tmp_path / 'out/train.lmdb')
    assert meta.palette == ((60, 16, 152), (132, 41, 246))
    for tile, (image, label) in content.items():
        fields = samples[f'{tile}__part 1-0000-0000']
        np.testing.assert_array_equal(fields['image'][:, :20, :16], image.transpose(2, 0, 1))
        np.testing.assert_array_equal(fields['label'][:20, :16], label)
        assert (fields['label'][20:] == 255).all()
        assert (fields['label'][:, 16:] == 255).all()


def test_missing_data_are_ignored_in_the_label(tmp_path, raw):
    s1 = raw['s1', 'x'].copy()
    s1[1, :20] = np.nan
    with rasterio.open(tmp_path / 's1/x.tif', 'r+') as file:
        file.write(s1)
    assert run(tmp_path, *SENTINEL, '--s2-offset', '0') == 0
    _, samples = read(tmp_path / 'out/train.lmdb')
    assert 'x-0000-0000' not in samples  # nothing is left there
    fields = samples['x-0016-0000']
    assert np.isfinite(fields['s1']).all()
    assert (fields['label'][:4] == 255).all()
    assert (fields['label'][4:] != 255).any()


def polygon(x, y, side, name):
    ring = [[x, y], [x + side, y], [x + side, y - side], [x, y - side], [x, y]]
    geometry = {'type': 'Polygon', 'coordinates': [ring]}
    return {'type': 'Feature', 'properties': {'kind': name}, 'geometry': geometry}


def test_polygons_as_labels(tmp_path, raw):
    pytest.importorskip('pyogrio')
    features = [polygon(500_100, 5_299_900, 200, 'lake'), polygon(500_600, 5_299_990, 50, 'land')]
    crs = {'type': 'name', 'properties': {'name': 'urn:ogc:def:crs:EPSG::32633'}}
    content = {'type': 'FeatureCollection', 'crs': crs, 'features': features}
    (tmp_path / 'all.geojson').write_text(json.dumps(content))
    (tmp_path / 'kinds.csv').write_text('value,class\nlake,water\nland,land\n')
    options = ['--s1', '@s1', '--labels', '@all.geojson', '--classes', '@kinds.csv']
    assert run(tmp_path, *options, '--attribute', 'kind') == 0
    meta, samples = read(tmp_path / 'out/train.lmdb')
    assert meta.classes == ('water', 'land')
    whole = np.full((SIZE, 2 * SIZE), 255, np.uint8)
    for sample_id, fields in samples.items():
        name, row, col = sample_id.split('-')
        left = int(col) + SIZE * NAMES.index(name)
        whole[int(row) : int(row) + 16, left : left + 16] = fields['label']
    expected = np.full_like(whole, 255)
    expected[10:30, 10:30] = 0
    expected[1:6, 60:65] = 1
    np.testing.assert_array_equal(whole, expected)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (SENTINEL, 'give --s2-offset 1000 or'),
        (SENTINEL[:6], 'labels need --classes'),
        (('--s2', '@label', '--s2-offset', '0'), '--s2-bands'),
        (('--s1', '@s2'), '--s1-bands'),
        ((), 'give the images by'),
        (('--s1', '@s1', '--labels', '@classes.yml', '--classes', '@classes.yml'), 'classes.yml'),
        ((*SENTINEL, '--attribute', 'x', '--s2-offset', '0'), '--attribute is for vector labels'),
        ((*SENTINEL, '--s2-offset', '0', '--split-by', 'block'), 'needs --block-size'),
        ((*SENTINEL, '--s2-offset', '0', '--split-by', 'city'), 'a column of the list'),
        (('--image', '@s1', '--labels', '@x*.tif', '--classes', '@classes.yml'), 'found none'),
    ],
)
def test_wrong_arguments(tmp_path, raw, capsys, options, message):
    assert run(tmp_path, *options) == 2
    assert message in capsys.readouterr().err


def test_values_and_places_are_checked(tmp_path, raw, capsys):
    with rasterio.open(tmp_path / 's1/x.tif', 'r+') as file:
        file.write(10 ** (raw['s1', 'x'] / 10))  # linear power
    with rasterio.open(tmp_path / 'label/y.tif', 'r+') as file:
        file.transform = rasterio.Affine(10, 0, 900_000, 0, -10, 5_300_000)
    with rasterio.open(tmp_path / 'label/z.tif', 'r+') as file:
        file.write(np.full((1, SIZE, SIZE), 9, np.uint8))
    assert run(tmp_path, *SENTINEL, '--s2-offset', '0') == 1
    printed = capsys.readouterr().out
    for text in ('add --s1-linear', 'does not overlap', 'does not list: 9'):
        assert text in printed


def test_products_give_their_offset(tmp_path, raw):
    name = 'S2A_MSIL1C_20180101T100401_N0206_R122_T33TUN_20180101T121212'
    bands = tmp_path / f'{name}.SAFE/GRANULE/L1C_T33TUN/IMG_DATA'
    bands.mkdir(parents=True)
    with rasterio.open(tmp_path / 's2/x.tif') as file:
        profile = {'crs': file.crs, 'transform': file.transform}
    for band, plane in zip(S2.bands, raw['s2', 'x'] + np.uint16(1000), strict=True):
        spelled = f'B{int(band[1:]):02d}' if band[1:].isdecimal() else band
        write(bands / f'T33TUN_20180101T100401_{spelled}.tif', plane[None], **profile)
    text = '<RADIO_ADD_OFFSET band_id="0">-1000</RADIO_ADD_OFFSET>'  # processed again later
    (tmp_path / f'{name}.SAFE/MTD_MSIL1C.xml').write_text(text)
    options = ('--s2', '@S2*.SAFE', '--labels', '@label/x.tif', '--classes', '@classes.yml')
    assert run(tmp_path, *options) == 0
    meta, samples = read(tmp_path / 'out/train.lmdb')
    assert meta.source['options']['s2_offset'] == 1000
    found = samples[f'{name}-0016-0032']['s2']
    np.testing.assert_array_equal(found, raw['s2', 'x'][:, 16:32, 32:48])


def test_the_level_of_sentinel_2_is_known_or_asked_for(tmp_path, raw, capsys):
    with rasterio.open(tmp_path / 's2/x.tif') as file:
        profile = {'crs': file.crs, 'transform': file.transform}
    name = 'S2A_MSIL2A_20180101T100401_N0206_R122_T33TUN_20180101T121212'
    for path in (tmp_path / 'l2/x.tif', tmp_path / f'product/{name}.tif'):
        path.parent.mkdir()
        write(path, np.delete(raw['s2', 'x'], 10, axis=0), **profile)
    labels = ('--labels', '@label/x.tif', '--classes', '@classes.yml', '--s2-offset', '0')
    names = ','.join(band for band in S2.bands if band != 'B10')
    assert run(tmp_path, '--s2', '@l2', *labels, '--s2-bands', names) == 2
    assert 'give --s2-level L1C or' in capsys.readouterr().err
    assert run(tmp_path, '--s2', '@l2', *labels, '--s2-level', 'L2A', out='given') == 0
    assert run(tmp_path, '--s2', '@product', *labels, out='told') == 0
    for out in ('given', 'told'):
        spec = read(tmp_path / out / 'train.lmdb')[0].fields['s2']
        assert (len(spec['bands']), spec['unit']) == (12, 'surface reflectance x 10000')


def test_shards_are_the_whole_when_merged(tmp_path, raw):
    options = [*SENTINEL, '--s2-offset', '0', '--val', '0.3']
    assert run(tmp_path, *options) == 0
    for number in (1, 2):
        assert run(tmp_path, *options, '--shard', f'{number}/2', out='parts') == 0
    parts = [tmp_path / f'parts/train.shard-{number}-of-2.lmdb' for number in (1, 2)]
    merged = tmp_path / 'parts/train.lmdb'
    assert lmdb_main(['merge', *map(str, parts), str(merged), '--workers', '1']) == 0
    (meta, samples), (whole, expected) = read(merged), read(tmp_path / 'out/train.lmdb')
    assert not meta.differences(whole)
    assert (meta.info, list(samples)) == (whole.info, list(expected))
    for sample_id, fields in samples.items():
        for name, array in fields.items():
            np.testing.assert_array_equal(array, expected[sample_id][name])


def test_names_that_do_not_match_are_shown(tmp_path, raw, capsys):
    (tmp_path / 'label/x.tif').rename(tmp_path / 'label/other.tif')
    assert run(tmp_path, *SENTINEL, '--s2-offset', '0') == 1
    printed = capsys.readouterr().out
    assert 'skipped x: no file of label' in printed
    assert 'skipped other: no file of s1, s2' in printed


def test_polygons_outside_of_all_scenes_make_no_store(raw, tmp_path, capsys):
    pytest.importorskip('pyogrio')
    ring = [[20, 10], [21, 10], [21, 11], [20, 10]]
    feature = {
        'type': 'Feature',
        'properties': {'k': 1},
        'geometry': {'type': 'Polygon', 'coordinates': [ring]},
    }
    content = {'type': 'FeatureCollection', 'features': [feature]}
    (tmp_path / 'f.geojson').write_text(json.dumps(content))
    options = ('--s1', '@s1', '--classes', '@classes.yml', '--attribute', 'k')
    assert run(tmp_path, *options, '--labels', '@f.geojson') == 1
    assert 'skipped as the options request: 27 (no pixel has a label)' in capsys.readouterr().out
    assert not (tmp_path / 'out').exists()


def test_scenes_of_different_splits_on_the_same_ground(raw, tmp_path, capsys):
    options = [*SENTINEL, '--s2-offset', '0', '--val', '0.3']
    assert run(tmp_path, *options) == 0
    assert 'same ground' not in capsys.readouterr().out, 'neighbours do not overlap'
    for kind in ('s1', 's2', 'label'):
        with rasterio.open(tmp_path / kind / 'y.tif', 'r+') as file:
            file.transform = rasterio.Affine(10, 0, file.transform.c - 50, 0, -10, 5_300_000)
    assert run(tmp_path, *options, '--overwrite') == 0
    assert 'different splits show the same ground' in capsys.readouterr().out


@pytest.mark.parametrize(('offset', 'border', 'status'), [(0, 0, 2), (1000, 0, 0), (1000, 30, 1)])
def test_an_offset_that_was_subtracted_already(tmp_path, capsys, offset, border, status):
    """As in Earth Engine's harmonised collection, which keeps the names of products."""
    image = sentinel(np.random.default_rng(0), offset)[1]
    image[:, :border] = 0  # no data, not declared: patches of them alone are reported
    name = 'S2A_MSIL1C_20230604T054639_N0509_R120_T43RCP_20230604T081113.tif'
    write(tmp_path / name, image)
    assert run(tmp_path, '--s2', f'@{name}') == status
    assert ('carry the offset of 1000' in capsys.readouterr().err) == (not offset)
