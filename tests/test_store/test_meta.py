import json
import math
from dataclasses import replace

import numpy as np
import pytest
from helpers.small_store import LABEL_SPEC, image_spec, make_meta

from mmss_plugins.store.errors import StoreFormatError, StoreVersionError
from mmss_plugins.store.fields import mask_field, to_physical
from mmss_plugins.store.meta import StoreMeta


def test_json_round_trip():
    meta = make_meta(count=3, complete=True)
    assert StoreMeta.from_json(meta.to_json(), 'x') == meta
    record = json.loads(meta.to_json())
    assert (record['format'], record['version'], record['count']) == ('mmss-lmdb', 1, 3)
    assert record['fields']['s1']['bands'] == ['VV', 'VH']


def test_equal_descriptions_give_equal_bytes():
    fields = make_meta().fields
    turned = dict(reversed(list(fields.items())))
    assert make_meta(fields=turned).to_json() == make_meta().to_json()


@pytest.mark.parametrize('data', [b'', b'\xff', b'[]', b'{}', b'7', b'{"format": "other"}'])
def test_what_is_not_a_description(data):
    with pytest.raises(StoreFormatError, match=r'^store: '):
        StoreMeta.from_json(data, 'store')


@pytest.mark.parametrize('version', [0, 2, '1', None])
def test_another_version(version):
    record = {**json.loads(make_meta().to_json()), 'version': version}
    with pytest.raises(StoreVersionError, match=r'^store: store version'):
        StoreMeta.from_json(json.dumps(record).encode(), 'store')


@pytest.mark.parametrize('change', [{'extra': 1}, {'fields': {}}, {'count': -1}, {'complete': 1}])
def test_a_broken_record(change):
    record = {**json.loads(make_meta().to_json()), **change}
    with pytest.raises(StoreFormatError, match=r'^store: '):
        StoreMeta.from_json(json.dumps(record).encode(), 'store')


@pytest.mark.parametrize(
    'changes',
    [
        {'dataset': ''},
        {'fields': {'a/b': LABEL_SPEC}},
        {'fields': {'__a': LABEL_SPEC}},
        {'fields': {'a': {}}},
        {'fields': {'a': {**LABEL_SPEC, 'kind': 'other'}}},
        {'fields': {'a': {**LABEL_SPEC, 'bands': ['x']}}},
        {'fields': {'a': image_spec([])}},
        {'fields': {'a': image_spec(['x'], scale='other')}},
        {'seasons': ('a/b',)},
        {'classes': (1, 2)},
        {'source': 'me'},
    ],
)
def test_validation(changes):
    with pytest.raises(ValueError, match=r'must|is no'):
        make_meta(**changes)


COLOURS = ((0, 0, 255), (0, 255, 0))
LINEAR = {**image_spec(['x', 'y'], 'int16', 'linear'), 'gain': [0.01, 2], 'offset': [0, -1.5]}


def test_extra_fields_palette_and_info():
    fields = {**make_meta().fields, 'cloud_mask': mask_field('0 clear, 1 cloud'), 'dem': LINEAR}
    info = {'seasons': {'season0': {'gap_days': {'median': 2.5}}}, 'regions': ['east', 'wést']}
    meta = make_meta(fields=fields, palette=COLOURS, info=info)
    again = StoreMeta.from_json(meta.to_json(), 'x')
    assert again == meta
    assert (again.palette, again.info) == (COLOURS, info)
    assert meta.differences(replace(meta, info={})) == [], 'info does not shape the content'
    assert meta.differences(replace(meta, palette=())), 'a palette is part of the data set'


def test_a_store_without_the_newer_entries_has_the_record_of_earlier_versions():
    record = json.loads(make_meta().to_json())
    assert not {'palette', 'info'} & set(record)
    assert StoreMeta.from_json(json.dumps(record).encode(), 'x').info == {}


def test_linear_values():
    stored = np.array([[[100, 200]], [[-1, 4]]], np.int16)
    expected = [[[1, 2]], [[-3.5, 6.5]]]
    np.testing.assert_allclose(to_physical(LINEAR, stored, (0, 1)), expected, rtol=1e-6)
    np.testing.assert_allclose(to_physical(LINEAR, stored[1:], [1]), expected[1:], rtol=1e-6)
    raw = image_spec(['x', 'y'], 'int16', 'raw')
    assert to_physical(raw, stored, (0, 1)) is stored


def nested(levels):
    return {'a': nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    'changes',
    [
        {'fields': {'a': {**LINEAR, 'gain': [1]}}},
        {'fields': {'a': {**LINEAR, 'gain': [1, 0]}}},
        {'fields': {'a': {**LINEAR, 'offset': [1, math.nan]}}},
        {'fields': {'a': {**LINEAR, 'scale': 'raw'}}},
        {'fields': {'a': {**mask_field('x'), 'dtype': 'uint16'}}},
        {'fields': {'a': image_spec(['x', 'x'])}},
        {'fields': {'a': image_spec(['x'], dtype='object')}},
        {'fields': {'a': {**LABEL_SPEC, 'unit': 1}}},
        {'palette': COLOURS[:1]},
        {'palette': ((0, 0, 256), (0, 0, 0))},
        {'palette': ((0, 0, 0.5), (0, 0, 0))},
        {'classes': 'ab'},
        {'classes': tuple(map(str, range(256)))},
        {'seasons': ('a', 'a')},
        {'source': {'options': []}},
        {'source': {'options': {'s2_offset': '0'}}},
        {'source': {1: 2}},
        {'info': {'x': math.inf}},
        {'info': {'x': 1 << 64}},
        {'info': {'x': '\ud800'}},
        {'info': nested(70)},
        {'info': {'x': 'y' * (1 << 16)}},
        {'info': {'seasons': {'winter': {}}}},
        {'info': {'x': object()}},
    ],
)
def test_what_a_description_cannot_hold(changes):
    with pytest.raises(ValueError, match=r'must|is no|nested|whole number'):
        make_meta(**changes)


def test_differences_name_what_differs_and_ignore_progress():
    meta = make_meta()
    assert meta.differences(replace(meta, count=9, complete=True)) == []
    other = make_meta(split='test', source={'tool': 'test', 'options': {'size': 264}})
    assert meta.differences(other) == [
        'source.options.size: None here, 264 there',
        "split: 'train' here, 'test' there",
    ]
    again = StoreMeta.from_json(meta.to_json(), 'x')
    assert again.differences(meta) == []
