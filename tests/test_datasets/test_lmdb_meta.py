import json
from dataclasses import replace

import pytest
from small_store import LABEL_SPEC, image_spec, make_meta

from mmss_plugins.datasets.lmdb_errors import StoreFormatError, StoreVersionError
from mmss_plugins.datasets.lmdb_meta import StoreMeta


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
def test_what_is_not_ours(data):
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
