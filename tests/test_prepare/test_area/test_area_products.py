"""Catalogues, classes and the offset of Sentinel-2 items."""

import json

import pytest

from mmss_plugins.bands import S2, S2_L2A
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES
from mmss_plugins.prepare.area.cli import main
from mmss_plugins.prepare.area.item_list import read_list
from mmss_plugins.prepare.area.items import Item, read_item
from mmss_plugins.prepare.area.loader import item_offset
from mmss_plugins.prepare.area.products import CLASSES, KINDS, PRESETS, read_products
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.utils.errors import PrepareUsageError

RULE = {'url': 'https://x', 'collection': 'c', 'kind': 'sentinel-2-l2a'}


def item(name='S2A_32ULC_20220301_0_L2A', offsets=None, **properties):
    return Item(name, 'c', '2022-03-01T10:00:00Z', None, {}, properties, offsets or {})


@pytest.mark.parametrize(
    ('found', 'offset'),
    [
        (item(**{'earthsearch:boa_offset_applied': True, 's2:processing_baseline': '05.10'}), 0),
        (
            item(**{'earthsearch:boa_offset_applied': False, 's2:processing_baseline': '05.10'}),
            1000,
        ),
        (item(**{'s2:processing_baseline': '04.00'}), 1000),
        (item(**{'s2:processing_baseline': '03.01'}), 0),
        (item(**{'processing:version': '05.09'}), 1000),
        (item('S2A_MSIL2A_20220301T101000_N0400_R022_T32ULC_20220301T134500'), 1000),
        (item(**{'s2:product_uri': 'S2A_MSIL2A_20200301T101000_N0214_R022_T32ULC_2.SAFE'}), 0),
        (item(offsets={'B4': -0.1, 'B8': -0.1, 'clouds': 0.0}), 1000),
        (item(offsets={'B4': 0.0}), 0),
        (
            item('S2A_MSIL2A_20220301T101000_N0510_R022_T32ULC', **{'processing:version': '02.11'}),
            1000,
        ),
        (item(**{'s2:processing_baseline': '5.1'}), 1000),
    ],
)
def test_offset(found, offset):
    assert item_offset(found) == offset


@pytest.mark.parametrize(
    'found',
    [
        item(),
        item(offsets={'B4': -0.1, 'B8': 0.0}),
        item(offsets={'B4': 0.1}),
        item('S2A_MSIL2A_20220301T101000_N0400_R022', **{'s2:processing_baseline': '02.11'}),
    ],
)
def test_unknown_offset(found):
    with pytest.raises(RasterError, match='is not known'):
        item_offset(found)


@pytest.mark.parametrize(
    'change',
    [
        {'id': None}, {'geometry': None}, {'geometry': {'type': 'Cube'}}, {'properties': None},
        {'properties': {'datetime': None}}, {'properties': {'datetime': 'yesterday'}},
        {'assets': None}, {'assets': {'red': {}}}, {'assets': {'red': {'href': 3}}},
        {'assets': {'red': {'href': 'x', 'raster:bands': {'a': 1}}}},
    ],
)  # fmt: skip
def test_items_that_are_none_are_passed_over(change):
    good = {
        'id': 'a', 'properties': {'datetime': None, 'start_datetime': '2021-01-01T00:00:00Z'},
        'assets': {'red': {'href': 'https://x/a.tif', 'raster:bands': [{}]}},
        'geometry': {'type': 'Point', 'coordinates': [8, 50]},
    }  # fmt: skip
    product = PRESETS['earth-search']['s2']
    assert read_item(product, good)[0].time.year == 2021
    broken = {key: value for key, value in {**good, **change}.items() if value or key != 'id'}
    assert read_item(product, broken) is None


def test_item_as_earth_search_has_it():
    product = PRESETS['earth-search']['s2']
    content = {
        'id': 'S2B_T32ULC_20230601T103629_L2A',
        'properties': {
            'datetime': '2023-06-01T10:36:29.024000Z', 'eo:cloud_cover': 12.5,
            's2:processing_baseline': '05.09', 'platform': 'sentinel-2b',
        },
        'assets': {
            'red': {'href': 'https://x/B04.tif', 'raster:bands': [{'offset': -0.1}]},
            'scl': {'href': 'https://x/SCL.tif', 'raster:bands': [{'nodata': 0}]},
            'thumbnail': {'href': 'https://x/L2A_PVI.jpg'},
            'blue': {'href': './B02.tif', 'raster:offset': -0.1},
        },
        'geometry': {
            'type': 'Polygon',
            'coordinates': [[[8, 50], [9, 50], [9, 51], [8, 51], [8, 50]]],
        },
        'links': [{'rel': 'self', 'href': 'https://x/items/a.json'}],
    }  # fmt: skip
    found, footprint = read_item(product, content)
    assert footprint.bounds == (8, 50, 9, 51)
    assert found.assets == {
        'B2': 'https://x/items/B02.tif', 'B4': 'https://x/B04.tif', 'clouds': 'https://x/SCL.tif',
    }  # fmt: skip
    assert (found.cloud, found.offsets) == (12.5, {'B2': -0.1, 'B4': -0.1})
    assert found.properties == {'s2:processing_baseline': '05.09'}
    assert found.time.isoformat() == '2023-06-01T10:36:29+00:00'


def test_presets_name_every_band():
    for products in PRESETS.values():
        assert set(products) == {'s1', 's2', 'labels'}
        names = products['s2'].asset_names()
        assert set(names) == {*S2_L2A.bands, 'clouds'}
        assert len(set(names.values())) == 13
    assert PRESETS['planetary-computer']['s2'].asset_names()['B8A'] == 'B8A'
    assert PRESETS['planetary-computer']['s2'].asset_names()['B1'] == 'B01'


def test_classes_are_dynamic_worlds():
    names = dict(enumerate(DYNAMIC_WORLD_CLASSES))
    cover = {value: names[label] for value, label in CLASSES['esa-worldcover'].items()}
    assert cover[10] == cover[10] == 'trees'
    assert (cover[20], cover[30], cover[40]) == ('shrub and scrub', 'grass', 'crops')
    assert (cover[50], cover[60], cover[70]) == ('built area', 'bare land', 'ice and snow')
    assert (cover[80], cover[90], cover[95]) == ('water', *['flooded vegetation'] * 2)
    lulc = {value: names[label] for value, label in CLASSES['io-lulc'].items()}
    assert [lulc[v] for v in (1, 2, 4, 5, 7, 8, 9, 11)] == [
        'water', 'trees', 'flooded vegetation', 'crops', 'built area', 'bare land',
        'ice and snow', 'grass',
    ]  # fmt: skip
    assert 10 not in lulc, 'clouds are ignored'


def test_mapping_file(tmp_path):
    path = tmp_path / 'c.json'
    rules = {
        's1': {**RULE, 'kind': 'sentinel-1-rtc', 'linear': False},
        's2': {**RULE, 'kind': 'sentinel-2-l1c'},
        'labels': {**RULE, 'kind': 'dynamic-world', 'assets': {'label': 'lc'}},
    }
    path.write_text(json.dumps(rules))
    found = read_products(path)
    assert set(found['s2'].asset_names()) == set(S2.bands)
    assert found['labels'].asset_names() == {'label': 'lc'}
    assert not found['s1'].linear


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'s2': {'url': 'x'}}, 's2: expected an object of url, collection and kind'),
        ({'s2': {**RULE, 'kind': 'landsat'}}, 's2.kind: expected one of'),
        ({'s2': {**RULE, 'assets': {'B99': 'x'}}}, "'B99'.* are none of"),
        ({'s2': {**RULE, 'sign': 'me'}}, 's2.sign'),
        ({'s2': {**RULE, 'linear': 1}}, 's2.linear'),
        ({'s2': {**RULE, 'collection': 3}}, 's2: expected text'),
        ({'s3': RULE}, "expected an object of .'s1', 's2', 'labels'."),
    ],
)
def test_wrong_mapping_files(tmp_path, change, message):
    path = tmp_path / 'c.json'
    rules = {
        's1': {**RULE, 'kind': 'sentinel-1-rtc'},
        's2': RULE,
        'labels': {**RULE, 'kind': 'io-lulc'},
    }
    path.write_text(json.dumps({**rules, **change}))
    with pytest.raises(PrepareUsageError, match=message):
        read_products(path)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--bbox', '1', '2', '0', '3', '--year', '2020'], 'expected WEST < EAST'),
        (['--bbox', '1', '2', '3', '4'], 'expected --year or --dates'),
        (['--bbox', '1', '2', '3', '4', '--year', '2010'], 'since 2015'),
        (['--bbox', '1', '2', '3', '4', '--year', '2020', '--catalogue', 'x'], 'expected one of'),
        (['--items', 'x', '--year', '2020'], 'expected no --year'),
    ],
)
def test_wrong_options(tmp_path, capsys, options, message):
    with pytest.raises(SystemExit, match='2'):
        main([str(tmp_path / 'a.lmdb'), *options])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    'change',
    [
        {'request': {}}, {'request': {'products': {'s1': {}}}}, {'items': {'a': {'id': 1}}},
        {'patches': [{'patch': [1, 0, 0, 64], 's2': [[]], 's1': [[]], 'labels': []}]},
        {'patches': [{'patch': [32632, 0, 0, 10**7], 's2': [[]], 's1': [[]], 'labels': []}]},
        {'patches': [{'patch': [32632, 0, 0, 64], 's2': [[]] * 5, 's1': [[]] * 5, 'labels': []}]},
        {'patches': [{'patch': [32632, 0, 0, 64], 's2': [[]], 's1': [], 'labels': []}]},
        {'patches': [{'patch': [32632, 0, 0, 64], 's2': [['x']], 's1': [[]], 'labels': []}]},
    ],
)  # fmt: skip
def test_lists_that_were_edited_wrongly(tmp_path, capsys, change):
    rules = {role: {**RULE, 'kind': kinds[0]} for role, kinds in KINDS.items()}
    good = {'format': 1, 'request': {'products': rules}, 'items': {}, 'patches': []}
    path = tmp_path / 'list.json'
    path.write_text(json.dumps(good))
    assert read_list(path)[1] == []
    path.write_text(json.dumps({**good, **change}))
    assert main([str(tmp_path / 'a.lmdb'), '--items', str(path)]) == 2
    assert str(path) in capsys.readouterr().err


def test_a_list_that_is_none(tmp_path, capsys):
    path = tmp_path / 'list.json'
    path.write_text('{"format": 2}')
    assert main([str(tmp_path / 'a.lmdb'), '--items', str(path)]) == 2
    assert 'expected the list of items' in capsys.readouterr().err
