"""From a box on the map to a store, over a STAC API and COGs with range requests."""

import json
import re
import shutil

import numpy as np
import pytest
import rasterio
from helpers.dask_workers import two_workers
from helpers.paths import ROOT
from helpers.stac_server import (
    DATES,
    LEFT,
    MAP_BOUNDS,
    PIXELS,
    S2_ASSETS,
    TOP,
    Catalogue,
    Faults,
    file_server,
    stac_api,
    write_cog,
)
from rasterio import Affine
from rasterio.warp import Resampling, reproject, transform, transform_bounds

from mmss_plugins.bands import S2, S2_L2A
from mmss_plugins.prepare.area import reading
from mmss_plugins.prepare.area.cli import main
from mmss_plugins.prepare.area.item_list import list_path, read_list
from mmss_plugins.prepare.area.items import Item, PatchItems
from mmss_plugins.prepare.area.loader import PatchLoader, read_label
from mmss_plugins.prepare.area.patches import Patch
from mmss_plugins.prepare.area.products import CLASSES, Product
from mmss_plugins.prepare.area.stratified import class_counts, stratified
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.store.creation.facts_log import read_facts
from mmss_plugins.store.reader import ReadRequest, StoreReader
from mmss_plugins.store.tools.cli import main as store_tool

SIZE = 120  # pixels of a patch
EDGE = SIZE * 10
# centres of 2 x 2 patches of the grid, which lie inside the scenes
BOX = transform_bounds(
    'EPSG:32632',
    'EPSG:4326',
    LEFT + 1.9 * EDGE,
    TOP - 3.9 * EDGE,
    LEFT + 3.4 * EDGE,
    TOP - 2 * EDGE,
)


def fetch(server, out, *more, box=BOX, workers=1):
    return main(
        [
            str(out), *(('--bbox', *map(str, box)) if box else ()),
            *(('--dates', *DATES) if box else ()), '--size', str(SIZE),
            '--catalogue', str(server.catalogue), '--workers', str(workers), *map(str, more),
        ]
    )  # fmt: skip


def samples(out):
    with StoreReader(out) as reader:
        fields = list(reader.meta.fields)
        return {
            (name, season, field): reader.read(name, [ReadRequest(field, season)])[0]
            for name in reader.sample_ids
            for season in reader.meta.seasons
            for field in fields
        }


@pytest.fixture(scope='module')
def store(server, tmp_path_factory):
    out = tmp_path_factory.mktemp('fetched') / 'area.lmdb'
    assert fetch(server, out, workers=2) == 0
    return out


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(reading.time, 'sleep', lambda seconds: None)
    monkeypatch.setitem(reading.GDAL_OPTIONS, 'GDAL_HTTP_RETRY_DELAY', '0.01')


def corner(name):
    epsg, left, top = map(int, name.split('_'))
    assert epsg == 32632
    return left, top


def test_pixels_equal_those_of_the_scenes(server, store):
    found = samples(store)
    names = {name for name, *_ in found}
    assert len(names) == 4
    for name in names:
        left, top = corner(name)
        assert (left % EDGE, top % EDGE) == (0, 0)
        row, column = (TOP - top) // 10, (left - LEFT) // 10
        for season in range(2):
            scene = server.scenes[f'clear_{season}']
            stored = found[name, f'season{season}', 's2']
            for band, (asset, size) in enumerate(S2_ASSETS.values()):
                expected = on_grid(scene[asset][0], size, left, top) - 1000
                if size == 10:
                    cut = scene[asset][0][row : row + SIZE, column : column + SIZE]
                    np.testing.assert_array_equal(expected, cut - 1000)
                np.testing.assert_array_equal(stored[band], expected, err_msg=asset)
            power = server.scenes[f'S1A_{season}_1']
            for band, asset in enumerate(('vv', 'vh')):
                cut = power[asset][0][row : row + SIZE, column : column + SIZE]
                np.testing.assert_allclose(
                    found[name, f'season{season}', 's1'][band], 10 * np.log10(cut), rtol=1e-5
                )


def on_grid(data, size, left, top):
    """A band on the grid of a patch, bilinear, from memory."""
    found = np.zeros((SIZE, SIZE), data.dtype)
    reproject(
        data, found, src_crs='EPSG:32632', dst_crs='EPSG:32632', resampling=Resampling.bilinear,
        src_transform=Affine(size, 0, LEFT, 0, -size, TOP),
        dst_transform=Affine(10, 0, left, 0, -10, top),
    )  # fmt: skip
    return found


def test_labels_are_those_where_pixel_centres_lie(server, store):
    west, south, east, north = MAP_BOUNDS
    height, width = server.label.shape
    found = samples(store)
    for name in {name for name, *_ in found}:
        left, top = corner(name)
        x, y = np.meshgrid(left + 5 + 10 * np.arange(SIZE), top - 5 - 10 * np.arange(SIZE))
        longitude, latitude = transform('EPSG:32632', 'EPSG:4326', x.ravel(), y.ravel())
        columns = (np.array(longitude) - west) / (east - west) * width
        rows = (north - np.array(latitude)) / (north - south) * height
        near_edge = np.minimum(*(np.abs(v - np.rint(v)) for v in (rows, columns))) < 0.02
        value = server.label[rows.astype(int), columns.astype(int)]
        expected = np.vectorize(CLASSES['esa-worldcover'].get)(value)
        for season in range(2):
            stored = found[name, f'season{season}', 'label'].ravel()
            np.testing.assert_array_equal(stored[~near_edge], expected[~near_edge])
            assert (stored == expected).mean() > 0.99


def test_the_store_says_where_it_comes_from(store):
    with StoreReader(store) as reader:
        options = reader.meta.source['options']
        assert reader.meta.fields['s2']['unit'] == 'surface reflectance x 10000'
        assert reader.meta.fields['s2']['dtype'] == 'uint16'
    assert options['classes']['10'] == 1
    assert options['products']['s2']['collection'] == 's2'
    _, tasks = read_list(list_path(store))
    assert {task.sample_id for task in tasks} == {name for name, *_ in samples(store)}
    assert [item.id for item in tasks[0].s2[0]] == ['cloudy_0', 'clear_0', 'old_0']
    facts = list(read_facts(store).values())
    assert all(row['s2'] == ['clear_0', 'clear_1'] for row in facts)
    assert all(row['s1'] == ['S1A_0_1', 'S1A_1_1'] for row in facts)
    assert all(row['days'] == [1.0, 1.0] and row['labels'] == ['map_2021'] for row in facts)


def test_clouds_are_kept_and_their_labels_ignored(server, tmp_path):
    out = tmp_path / 'a.lmdb'
    assert fetch(server, out, '--max-patch-cloud', '1', '--number', '4') == 0
    found = samples(out)
    hidden = 0
    for (name, season, field), array in found.items():
        if field == 'cloud_mask':
            cloudy = array == 9
            assert set(np.unique(array)) <= {4, 9}
            np.testing.assert_array_equal(found[name, season, 'label'] == 255, cloudy)
            hidden += cloudy.sum()
    assert hidden > 0


def test_scenes_without_the_offset_keep_their_values(server, store, tmp_path):
    content = json.loads(list_path(store).read_text())
    for patch in content['patches']:
        patch['s2'] = [[name for name in season if 'old' in name] for season in patch['s2']]
    listed = tmp_path / 'old.json'
    listed.write_text(json.dumps(content))
    out = tmp_path / 'a.lmdb'
    assert main([str(out), '--items', str(listed), '--workers', '1']) == 0
    found = samples(out)
    name = next(iter(found))[0]
    expected = on_grid(server.scenes['old_0']['blue'][0], 10, *corner(name))
    np.testing.assert_array_equal(found[name, 'season0', 's2'][1], expected)


@pytest.mark.parametrize('fault', [503, 429, 'cut'])
def test_faults_of_the_servers_are_overcome(server, store, tmp_path, fault):
    planned = server.faults.planned
    planned['clear_0/red.tif'] = [fault] * 2
    planned['map_2021/map.tif'] = [fault]
    planned['/search'] = [] if fault == 'cut' else [fault]
    out = tmp_path / 'a.lmdb'
    assert fetch(server, out) == 0
    assert not any(planned.values()), 'every fault happened'
    found, expected = samples(out), samples(store)
    assert found.keys() == expected.keys()
    for key, array in expected.items():
        np.testing.assert_array_equal(found[key], array)


def with_own_file(server, store, path):
    """A list in which the third patch has a file of Sentinel-1 of its own; gives its address."""
    content = json.loads(list_path(store).read_text())
    address = f'{server.files}/s1/alone/vh.tif'
    there = server.folder / 'files' / 's1'
    (there / 'alone').mkdir(exist_ok=True)
    shutil.copy(there / 'S1A_1_1' / 'vh.tif', there / 'alone' / 'vh.tif')
    item = content['items']['s1/s1/S1A_1_1']
    alone = {**item, 'id': 'alone', 'assets': {**item['assets'], 'VH': address}}
    content['items']['s1/s1/alone'] = alone
    content['patches'][2]['s1'][1] = ['s1/s1/alone']
    path.write_text(json.dumps(content))
    return path


def test_a_server_that_stays_down_loses_nothing(server, store, tmp_path, capsys):
    listed, out = with_own_file(server, store, tmp_path / 'list.json'), tmp_path / 'a.lmdb'
    server.faults.planned['alone/vh.tif'] = [503] * 10_000
    assert main([str(out), '--items', str(listed), '--workers', '1']) == 1
    error = capsys.readouterr().err
    assert '1 samples cannot be read now' in error
    assert 'alone/vh.tif: cannot be read after 4 attempts' in error
    server.faults.planned.clear()
    assert main([str(out), '--items', str(listed), '--workers', '1']) == 0
    assert 'continuing after 3 of 4' in capsys.readouterr().out
    found, expected = samples(out), samples(store)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_a_file_that_is_gone_is_a_fault_of_its_patch(server, store, tmp_path, capsys):
    listed, out = with_own_file(server, store, tmp_path / 'list.json'), tmp_path / 'a.lmdb'
    listed.write_text(listed.read_text().replace('alone/vh.tif', 'gone/vh.tif'))
    assert main([str(out), '--items', str(listed), '--workers', '1']) == 1
    shown = capsys.readouterr()
    assert '3 samples, 1 skipped' in shown.out, shown.err
    assert 'gone/vh.tif: cannot be read (' in shown.out


def test_the_list_makes_the_same_store_again(server, store, tmp_path):
    out = tmp_path / 'again.lmdb'
    assert main([str(out), '--items', str(list_path(store)), '--workers', '1']) == 0
    found, expected = samples(out), samples(store)
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_shards_are_merged_to_the_same_store(server, store, tmp_path):
    out = tmp_path / 'a.lmdb'
    for number in (1, 2):
        assert fetch(server, out, '--shard', f'{number}/2') == 0
    shards = sorted(map(str, tmp_path.glob('a.shard-*.lmdb')))
    assert store_tool(['merge', *shards, str(out)]) == 0
    found, expected = samples(out), samples(store)
    assert list(found) == list(expected)
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_other_options_do_not_mix_with_a_list(server, tmp_path, capsys):
    out = tmp_path / 'a.lmdb'
    assert fetch(server, out, '--search-only') == 0
    assert not out.exists()
    assert fetch(server, out, '--search-only', '--days', '10') == 2
    assert 'days differ' in capsys.readouterr().err


def test_an_item_without_an_asset_is_passed_over(server, store, tmp_path):
    out = tmp_path / 'a.lmdb'
    assert fetch(server, out, '--search-only') == 0
    content = json.loads(list_path(out).read_text())
    del content['items']['s2/s2/clear_0']['assets']['B5']
    list_path(out).write_text(json.dumps(content))
    assert fetch(server, out) == 0
    facts = list(read_facts(out).values())
    assert {tuple(row['s2']) for row in facts} == {('old_0', 'clear_1')}


def test_places_beyond_the_scenes_are_reported(server, tmp_path, capsys):
    out = tmp_path / 'a.lmdb'
    outside = transform_bounds(
        'EPSG:32632', 'EPSG:4326', LEFT - 3 * EDGE, TOP - 3 * EDGE, LEFT - EDGE, TOP - EDGE
    )
    assert fetch(server, out, box=outside) == 1
    assert 'the catalogue has none' in capsys.readouterr().out


def edited(store, path, change):
    """A list in which every item is as ``change`` makes it."""
    content = json.loads(list_path(store).read_text())
    for name, item in content['items'].items():
        change(name, item)
    path.write_text(json.dumps(content))
    return path


def test_the_next_scene_is_taken_where_a_file_is_broken(server, store, tmp_path):
    def gone(name, item):
        if name == 's2/s2/clear_0':
            item['assets']['B4'] = item['assets']['B4'].replace('red', 'gone')

    listed, out = edited(store, tmp_path / 'list.json', gone), tmp_path / 'a.lmdb'
    assert main([str(out), '--items', str(listed), '--workers', '1']) == 0
    for row in read_facts(out).values():
        assert row['s2'] == ['old_0', 'clear_1']
        assert 'gone.tif: cannot be read' in row['rejected'][1]


def test_the_next_scene_is_taken_where_none_of_sentinel1_is_near(server, store, tmp_path):
    def later(name, item):
        if name.startswith('s2/s2/clear_0'):
            item['when'] = '2021-06-20T10:00:00Z'

    listed, out = edited(store, tmp_path / 'list.json', later), tmp_path / 'a.lmdb'
    assert main([str(out), '--items', str(listed), '--workers', '1']) == 0
    for row in read_facts(out).values():
        assert row['s2'] == ['old_0', 'clear_1']
        assert 'clear_0: no Sentinel-1 within 15 days' in row['rejected']


@pytest.mark.parametrize(
    ('item', 'properties', 'reason'),
    [
        ('clear_0', {'earthsearch:boa_offset_applied': True}, 'the metadata seem to be wrong'),
    ],
)
def test_values_that_contradict_the_metadata_are_not_used(
    server, store, tmp_path, item, properties, reason
):
    def changed(name, content):
        if name == f's2/s2/{item}':
            content['properties'] = properties
        elif name in ('s2/s2/clear_0', 's2/s2/old_0', 's2/s2/cloudy_0'):
            content['assets'] = {}

    listed, out = edited(store, tmp_path / 'list.json', changed), tmp_path / 'a.lmdb'
    assert main([str(out), '--items', str(listed), '--workers', '1']) == 1
    assert not out.exists()
    loader = PatchLoader({role: Product(**p) for role, p in products_of(listed).items()})
    with pytest.raises(RasterError, match=reason):
        loader(read_list(listed)[1][0], None)


def products_of(listed):
    return json.loads(listed.read_text())['request']['products']


def test_beyond_a_map_there_is_no_class(server, store, tmp_path):
    """A map of Dynamic World, in which 0 is water, that ends within the patch; then another."""
    task = read_list(list_path(store))[1][0]
    grid = task.patch.grid
    half = Affine(10, 0, task.patch.left, 0, -10, task.patch.top)
    folder = server.folder / 'files' / 'dw'
    write_cog(folder / 'west.tif', np.full((SIZE, SIZE // 2), 4, np.uint8), half)
    write_cog(folder / 'all.tif', np.full((SIZE, SIZE), 6, np.uint8), half)
    product = Product('http://x', 'dw', 'dynamic-world')
    items = [task.labels[0]._replace(assets={'label': f'{server.files}/dw/{n}.tif'}) for n in
             ('west', 'all')]  # fmt: skip
    label = read_label(product, task.__class__(task.patch, (), (), tuple(items)), grid)
    assert (label[:, : SIZE // 2] == 4).all()
    assert (label[:, SIZE // 2 :] == 6).all()
    label = read_label(product, task.__class__(task.patch, (), (), tuple(items[:1])), grid)
    assert (label[:, SIZE // 2 :] == 255).all()


def test_one_dark_pixel_of_a_band_is_no_missing_data(server, tmp_path):
    address = f'{server.files}/dark.tif'
    data = np.full((SIZE, SIZE), 1500, np.uint16)
    data[3, 4] = 0
    write_cog(server.folder / 'files' / 'dark.tif', data, Affine(10, 0, LEFT, 0, -10, TOP))
    scene = Item('dark', 's2', DATES[0], 0.0, dict.fromkeys(S2_L2A.bands, address), {}, {})
    scene.assets['B4'] = address.replace('dark', 'lit')
    lit = np.full((SIZE, SIZE), 700, np.uint16)
    write_cog(server.folder / 'files' / 'lit.tif', lit, Affine(10, 0, LEFT, 0, -10, TOP))
    product = Product('http://x', 's2', 'sentinel-2-l2a')
    scene = scene._replace(properties={'s2:processing_baseline': '02.00'})
    image, _ = PatchLoader({'s2': product})._sentinel2(scene, Patch(32632, LEFT, TOP, SIZE).grid)
    assert (image[0, 3, 4], image[3, 3, 4], image[0, 0, 0]) == (0, 700, 1500)


def test_signed_addresses_are_signed_again(server, store, monkeypatch):
    signed = []

    def sign(address):
        signed.append(address)
        if len(signed) == 1:
            raise ConnectionError('the service is busy')
        return address

    monkeypatch.setattr('planetary_computer.sign_url', sign)
    address = f'{server.files}/s1/S1A_0_9/vh.tif'
    server.faults.planned['S1A_0_9/vh.tif'] = [403, 403]  # expired; GDAL asks by HEAD and GET
    band = reading.read_patch(
        address, Patch(32632, LEFT, TOP, 60).grid, resampling='nearest', sign='planetary-computer'
    )
    expected = server.scenes['S1A_0_9']['vh'][0][:60, :60]
    np.testing.assert_array_equal(band.data, expected)
    assert len(signed) == 3


def test_a_server_that_is_down_is_not_asked_for_every_patch(store, tmp_path, capsys):
    text = list_path(store).read_text()
    listed, out = tmp_path / 'list.json', tmp_path / 'a.lmdb'
    listed.write_text(re.sub(r'http://127.0.0.1:\d+/', 'http://127.0.0.1:9/', text))
    assert main([str(out), '--items', str(listed), '--workers', '1']) == 1
    assert 'the first samples cannot be read now' in capsys.readouterr().err
    assert not out.exists()


def test_a_store_is_not_continued_with_another_list(server, store, tmp_path, capsys):
    def other(name, item):
        item['id'] += 'x'

    listed, out = edited(store, tmp_path / 'list.json', other), tmp_path / 'a.lmdb'
    assert main([str(out), '--items', str(list_path(store)), '--workers', '1']) == 0
    assert main([str(out), '--items', str(listed), '--workers', '1']) == 2
    assert 'items' in capsys.readouterr().err


def test_a_search_with_another_file_of_the_same_name(server, tmp_path, capsys):
    points, out = tmp_path / 'places.csv', tmp_path / 'a.lmdb'
    options = ['--points', points, '--dates', DATES[0], '--catalogue', server.catalogue]
    for latitude, status in ((57.26, 0), (57.27, 2)):
        points.write_text(f'lon,lat\n9.87,{latitude}\n')
        assert main([str(out), *map(str, options), '--search-only']) == status
    assert 'points differ' in capsys.readouterr().err


@pytest.mark.parametrize('path', ['/nothing', '/collections'])
def test_what_is_no_stac_api(server, tmp_path, capsys, path):
    content = json.loads(server.catalogue.read_text())
    for role in content.values():
        role['url'] += path
    catalogue = tmp_path / 'c.json'
    catalogue.write_text(json.dumps(content))
    options = ['--bbox', *BOX, '--dates', DATES[0], '--catalogue', catalogue, '--size', SIZE]
    assert main([str(tmp_path / 'a.lmdb'), *map(str, options)]) == 2
    error = capsys.readouterr().err
    assert f'error: {server.address}' in error


@pytest.mark.parametrize(
    'address', ['file:///etc/passwd', '/etc/passwd', '/vsicurl/http://x', 'http:///x', 'vrt://a']
)
def test_addresses_of_this_machine_are_refused(address):
    with pytest.raises(RasterError, match='expected an address'):
        reading.gdal_path(address)


REAL = ROOT.parent / 'shared/data/real/sentinel'
LULC = {1: 1, 2: 2, 3: 4, 4: 5, 5: 7, 6: 8, 7: 9, 8: 10, 9: 11}  # of the samples to the product's


@pytest.mark.skipif(not REAL.is_dir(), reason=f'needs the real samples in {REAL}')
@pytest.mark.parametrize('name', ['282D_485L_3_3', '38D_378R_2_3', '637U_59R_1_3'])
def test_real_samples(tmp_path, name):
    """Sentinel-2 L1C with and without the offset, in zones of both hemispheres."""

    def read(kind):
        with rasterio.open(REAL / kind / f'{name}.tif') as file:
            return file.read(), file.crs.to_epsg(), file.transform

    s2, epsg, transform_ = read('S2L1C')
    left, top = (round(value / 10) * 10 for value in (transform_.c, transform_.f))
    grid = Affine(10, 0, left, 0, -10, top)
    offset = 1000 if name.startswith('282D') else 0
    s1, lulc = read('S1RTC')[0].astype(np.float32), read('LULC')[0][0]
    codes = np.vectorize(lambda value: LULC.get(value, 0))(lulc).astype(np.uint8)
    bands = dict(zip(S2.bands, s2.astype(np.uint16), strict=True))
    baseline = '04.00' if offset else '03.01'
    contents = {
        's2': (bands, {'eo:cloud_cover': 1.0, 's2:processing_baseline': baseline}),
        's1': ({'VV': s1[0], 'VH': s1[1]}, {}),
        'cover': ({'label': codes}, {}),
    }  # fmt: skip
    faults = Faults()
    edge = 224 * 10
    west, south, east, north = transform_bounds(
        f'EPSG:{epsg}', 'EPSG:4326', left, top - edge, left + edge, top
    )
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    with file_server(tmp_path / 'files', faults) as files:
        catalogue = Catalogue(tmp_path, files)
        for collection, (arrays, properties) in contents.items():
            assets = {}
            for band, data in arrays.items():
                path = tmp_path / 'files' / collection / f'{band}.tif'
                write_cog(path, data, grid, epsg)
                assets[band] = f'{files}/{collection}/{band}.tif'
            catalogue.add(
                collection, name, '2021-06-20T10:00:00Z', assets, properties, footprint=ring
            )
        with stac_api(catalogue.write(), faults) as address:
            rules = {
                's1': {'kind': 'sentinel-1-rtc', 'linear': False},
                's2': {'kind': 'sentinel-2-l1c'},
                'labels': {'kind': 'io-lulc'},
            }
            collections = {'s1': 's1', 's2': 's2', 'labels': 'cover'}
            mapping = {
                role: {'url': address, 'collection': collections[role], **rule}
                for role, rule in rules.items()
            }
            (tmp_path / 'c.json').write_text(json.dumps(mapping))
            points = tmp_path / 'places.csv'
            (lon,), (lat,) = transform(
                f'EPSG:{epsg}', 'EPSG:4326', [left + edge / 2], [top - edge / 2]
            )
            points.write_text(f'lon,lat\n{lon!r},{lat!r}\n')
            out = tmp_path / 'a.lmdb'
            arguments = ['--points', points, '--dates', '2021-06-21', '--size', 128]
            arguments += ['--catalogue', tmp_path / 'c.json', '--workers', 1]
            assert main([str(out), *map(str, arguments)]) == 0
    found = samples(out)
    ((sample, *_),) = {key[:1] for key in found}
    epsg_found, x, y = map(int, sample.split('_'))
    assert epsg_found == epsg
    cut = np.s_[(top - y) // 10 : (top - y) // 10 + 128, (x - left) // 10 : (x - left) // 10 + 128]
    raw = s2[(slice(None), *cut)].astype(int)
    np.testing.assert_array_equal(found[sample, 'season0', 's2'], np.maximum(raw - offset, 0))
    np.testing.assert_array_equal(found[sample, 'season0', 's1'], s1[(slice(None), *cut)])
    table = np.full(256, 255)
    for value, label in CLASSES['io-lulc'].items():
        table[value] = label
    np.testing.assert_array_equal(found[sample, 'season0', 'label'], table[codes[cut]])


def test_workers_of_a_dask_cluster_make_the_same_store(server, store, tmp_path):
    out = tmp_path / 'a.lmdb'
    with two_workers() as address:
        options = ['--items', list_path(store), '--dask', address]
        assert main([str(out), *map(str, options)]) == 0
    found, expected = samples(out), samples(store)
    assert list(found) == list(expected)
    assert all(np.array_equal(found[key], expected[key]) for key in expected)


def test_stratified_patches_show_the_rare_class(server, tmp_path):
    """Of 16 patches one is built up, two are water, and the others trees."""
    size = 60
    codes = np.full((PIXELS, PIXELS), 10, np.uint8)
    codes[120:180, 180:240] = 50
    codes[:60, :60] = codes[180:240, 60:120] = 80
    place = server.folder / 'files' / 'strata.tif'
    write_cog(place, codes, Affine(10, 0, LEFT, 0, -10, TOP))
    product = Product('http://x', 'cover', 'esa-worldcover')
    item = Item('strata', 'cover', DATES[0], None, {'label': f'{server.files}/strata.tif'}, {}, {})
    tasks = [
        PatchItems(Patch(32632, LEFT + 600 * x, TOP - 600 * y, size), (), (), (item,))
        for y in range(4)
        for x in range(4)
    ]
    beyond = PatchItems(Patch(32632, LEFT - 6000, TOP, size), (), (), (item,))
    built, water = tasks[2 * 4 + 3], [tasks[0], tasks[3 * 4 + 1]]
    assert class_counts(built, product).tolist() == [0] * 6 + [49, 0, 0]
    assert not class_counts(beyond, product).any()
    for seed in range(3):
        three = stratified([*tasks, beyond], product, 3, seed)
        assert built in three
        assert sum(task in water for task in three) == 1
        assert three == sorted(three, key=tasks.index)
        six = stratified([*tasks, beyond], product, 6, seed)
        assert all(task in six for task in three)
    assert len(stratified([*tasks, beyond], product, 99, 0)) == 16


def test_stratified_sampling_from_the_command_line(server, tmp_path):
    out = tmp_path / 'a.lmdb'
    options = ['--sampling', 'stratified', '--number', 2, '--search-only']
    assert fetch(server, out, *options) == 0
    assert len(read_list(list_path(out))[1]) == 2
