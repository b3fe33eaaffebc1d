"""Training with few labels: one command saves an index file, one option of a data set takes it."""

import re

import numpy as np
import pytest

from mmss_plugins.datasets import (
    DFC2020Dataset,
    LoveDADataset,
    NoLDODownstreamDataset,
    PotsdamDataset,
)
from mmss_plugins.datasets.noldo_downstream import LABELS
from mmss_plugins.store.fields import image_field, label_field
from mmss_plugins.store.reader import StoreMeta, StoreWriter
from mmss_plugins.store.tools.cli import main

SIZE = 4
CORNERS = ('0000-0000', '0000-0256', '0256-0000', '0256-0256')
RGB = {**image_field('s2', 'uint8'), 'bands': ['R', 'G', 'B'], 'unit': 'digital number'}
DW_IDS = [f'-{n}.25_{n}.5-2019010{n}-{corner}' for n in range(10) for corner in CORNERS]
SETS = {
    'dfc2020': (DFC2020Dataset, {}, [f'p{index}' for index in range(40)], '*'),
    'dw': (
        NoLDODownstreamDataset,
        {'label': 'dw'},
        DW_IDS,
        '*',
    ),
    'osm': (
        NoLDODownstreamDataset,
        {'label': 'osm'},
        [f'{n}.25_{n}.5-20190105' for n in range(40)],
        '*',
    ),
    'potsdam': (
        PotsdamDataset,
        {},
        [f'{n}_{n}-{corner}' for n in range(10) for corner in CORNERS],
        '*',
    ),
    'loveda-urban': (
        LoveDADataset,
        {'scene': 'urban'},
        [f'{scene}_{n}' for n in range(40) for scene in ('rural', 'urban')],
        'urban_*',
    ),
}


def write(path, kind, ids):
    sentinel = kind in ('dfc2020', 'dw', 'osm')
    name, field = ('s2', image_field('s2', 'uint16')) if sentinel else ('image', RGB)
    meta = StoreMeta(
        dataset=kind, split='train', fields={name: field, 'label': label_field()},
        classes=class_names(kind), source={'tool': 'test', 'options': {}},
    )  # fmt: skip
    image = np.full((len(field['bands']), SIZE, SIZE), 100, field['dtype'])
    with StoreWriter(path, meta) as writer:
        for sample_id in ids:
            writer.put(sample_id, {name: image, 'label': np.zeros((SIZE, SIZE), np.uint8)})
    return str(path)


def class_names(kind):
    cls = SETS[kind][0]
    return LABELS[kind]['classes'] if kind in LABELS else cls.METAINFO['classes']


def ids_of(data):
    return [data.get_data_info(index)['sample_id'] for index in range(len(data))]


def tiles(ids):
    return {re.sub(r'-\d{4}-\d{4}$', '', sample_id) for sample_id in ids}


def lines(path):
    return [line for line in path.read_text().splitlines() if not line.startswith('#')]


@pytest.mark.parametrize('kind', SETS)
def test_an_index_file_of_every_downstream_set(tmp_path, kind):
    cls, options, ids, match = SETS[kind]
    store, few = write(tmp_path / 'train.lmdb', kind, ids), tmp_path / 'few.txt'
    command = ['subset', store, str(few), '--count', '12', '--seed', '2', '--workers', '1']
    assert main([*command, '--holdout', '0.2', '--holdout-seed', '5', '--match', match]) == 0
    train, val = (
        {'holdout': {'fraction': 0.2, 'seed': 5, 'part': part}} for part in ('train', 'val')
    )
    listed = lines(few)
    assert len(listed) == 12
    assert ids_of(cls(store, **options, **train, subset={'count': 12, 'seed': 2})) == listed
    assert ids_of(cls(store, **options, **train, split_file=str(few))) == listed
    validation = ids_of(cls(store, **options, **val))
    assert len(validation) == 8
    assert tiles(listed).isdisjoint(tiles(validation))
    assert all(re.match(match.replace('*', '.*'), sample_id) for sample_id in listed)
    with pytest.raises(ValueError, match='no sample'):
        cls(store, **options, **val, split_file=str(few))
    if len(tiles(ids)) < len(ids):  # whole tiles are taken
        assert len(tiles(listed)) == 3
    assert 'holdout 0.2 of seed 5 omitted' in few.read_text()


def test_a_list_that_knows_no_holdout_does_not_reach_into_it(tmp_path):
    ids = [*DW_IDS, '1.5_2.5-20200202']
    store, few = write(tmp_path / 'train.lmdb', 'dw', ids), tmp_path / 'few.txt'
    few.write_text('\n'.join(ids[::-1][:20]))
    train, val = (
        NoLDODownstreamDataset(store, split_file=str(few), holdout={'fraction': 0.5, 'part': part})
        for part in ('train', 'val')
    )
    every = ids_of(NoLDODownstreamDataset(store, holdout={'fraction': 0.5, 'part': 'val'}))
    assert ids_of(train) == [name for name in ids[::-1][:20] if name not in every]
    assert ids_of(val) == [name for name in ids[::-1][:20] if name in every]


def test_what_cannot_be_chosen_from(tmp_path, capsys):
    store = write(tmp_path / 'a.lmdb', 'dfc2020', ['p0', 'p1'])
    for wrong, message in (('--match', 'x*'), "'x*'"), (('--holdout', '1'), 'between 0 and 1'):
        assert main(['subset', store, str(tmp_path / 'few.txt'), '--count', '1', *wrong]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / 'few.txt').exists()
