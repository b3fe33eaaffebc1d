import json
import os
import subprocess
import sys

import numpy as np
import pytest
from helpers.legacy_lmdbs import (
    record,
    write_dfc_legacy,
    write_downstream,
    write_lmdb,
    write_pretraining,
)
from helpers.paths import ROOT
from helpers.small_store import dump

from mmss_plugins.datasets import NoLDOPretrainDataset
from mmss_plugins.store.reader import StoreReader, all_requests
from mmss_plugins.store.tools.cli import main
from mmss_plugins.store.tools.verify import verify_store

IDS = [41, 7, 103792, 12]
NAMES = ['-1.25_44.5-20200101', '10.5_-3.25-20210630']


def migrate(*arguments, workers=1):
    return main(['migrate', *map(str, arguments), '--workers', str(workers), '--commit-every', '2'])


def content(path):
    with StoreReader(path) as reader:
        requests = all_requests(reader.meta)
        return {
            sample_id: {
                request.name: array
                for request, array in zip(requests, reader.read(sample_id, requests), strict=True)
            }
            for sample_id in reader.sample_ids
        }


def same_bytes(found, expected):
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(('protocol', 'integer'), [(2, np.int32), (4, np.uint64), (5, np.int64)])
def test_pretraining(tmp_path, protocol, integer):
    source = write_pretraining(tmp_path / 'old', IDS, protocol=protocol, integer=integer)
    assert migrate(tmp_path / 'old', tmp_path / 'new.lmdb') == 0
    found = content(tmp_path / 'new.lmdb')
    assert list(found) == [f'{number:07d}' for number in IDS]
    for index, arrays in enumerate(found.values()):
        for (season, field), array in arrays.items():
            name = {'s1': 's1', 's2': 's2c', 'label': 'labels'}[field]
            same_bytes(array, source[name][index][int(season.removeprefix('season'))])
    assert not (tmp_path / 'new.lmdb.part').exists()
    assert verify_store(tmp_path / 'new.lmdb', 1, isolate=False).problems == []
    options = {'season': 2, 'modality': 's12', 'normalize': 'clip8', 'image_dtype': 'uint8'}
    dataset = NoLDOPretrainDataset(str(tmp_path / 'new.lmdb'), season_labels=True, **options)
    assert len(dataset) == len(IDS)
    for index, sample in enumerate(dataset):
        assert sample['sample_id'] == f'{IDS[index]:07d}'
        image = np.concatenate([source['s1'][index][2], source['s2c'][index][2]])
        np.testing.assert_array_equal(sample['img'], image.transpose(1, 2, 0))
        np.testing.assert_array_equal(sample['gt_seg_map'], source['labels'][index][2])
        np.testing.assert_array_equal(sample['season_labels'], source['labels'][index])


def test_dynamic_world_and_osm(tmp_path):
    source = write_downstream(tmp_path / 'osm_train.lmdb', NAMES, osm=True)
    for label, classes in (('osm', 13), ('dw', 9)):
        out = tmp_path / f'{label}.lmdb'
        assert migrate(tmp_path / 'osm_train.lmdb', out, '--label', label, '--split', 'train') == 0
        found = content(out)
        assert list(found) == NAMES
        for index, name in enumerate(NAMES):
            same_bytes(found[name]['s1'], source['s1'][index])
            same_bytes(found[name]['s2'], source['s2'][index])
            raw = source[label][index]
            expected = np.where((raw >= 1) & (raw <= classes), raw - 1, 255).astype(np.uint8)
            same_bytes(found[name]['label'], expected)
        with StoreReader(out) as reader:
            assert reader.meta.split == 'train'
            assert len(reader.meta.classes) == classes


def test_dfc2020(tmp_path):
    source = write_dfc_legacy(tmp_path / 'old.mdb', 12)
    assert migrate(tmp_path / 'old.mdb', tmp_path / 'new.lmdb', '--statistics') == 0
    found = content(tmp_path / 'new.lmdb')
    assert list(found) == list(map(str, range(12)))
    for index, arrays in enumerate(found.values()):
        same_bytes(arrays['s1'], source['s1'][index])
        same_bytes(arrays['s2'], source['s2'][index])
        raw = source['lbl'][index]
        same_bytes(arrays['label'], np.where(raw == 8, 255, raw).astype(np.uint8))
    summary = json.loads((tmp_path / 'new.lmdb.summary.json').read_text())
    assert summary['samples'] == 12
    assert summary['bands']['s1']['VV']['min'] == min(a[0].min() for a in source['s1'])


def test_damaged_samples_are_skipped(tmp_path, capsys):
    write_pretraining(tmp_path / 'old', [*range(10), 3])
    write_lmdb(tmp_path / 'old/s1.lmdb', {'2': b'cos\nsystem\n(Vtrue\ntR.'})
    write_lmdb(tmp_path / 'old/labels.lmdb', {'4': b'K\x01.'})
    other = record(np.zeros((4, 13, 8, 8), np.uint8), 99)
    write_lmdb(tmp_path / 'old/s2c.lmdb', {'5': other, '12': other})
    assert migrate(tmp_path / 'old', tmp_path / 'new.lmdb') == 1
    assert [int(name) for name in content(tmp_path / 'new.lmdb')] == [0, 1, 3, 6, 7, 8, 9]
    summary = json.loads((tmp_path / 'new.lmdb.summary.json').read_text())
    reasons = {entry['sample']: entry['reason'] for entry in summary['skipped']}
    assert set(reasons) == {'0000002', '4', '0000005', '10', '11', '12'}
    assert "s1.lmdb: key '2'" in reasons['0000002']
    assert "'os.system'" in reasons['0000002']
    assert "labels.lmdb: key '4'" in reasons['4']
    assert "s2c.lmdb: key '5': the record is of '0000099'" in reasons['0000005']
    assert "'0000003' is that of number 3" in reasons['10']
    assert 'missing' in reasons['11']
    assert "s1.lmdb: key '12'" in reasons['12']
    assert 'skipped 0000002' in capsys.readouterr().out


def test_what_is_there_is_kept(tmp_path, capsys):
    write_pretraining(tmp_path / 'old', IDS)
    out = tmp_path / 'new.lmdb'
    assert migrate(tmp_path / 'old', out) == 0
    before = dump(out)
    capsys.readouterr()
    assert migrate(tmp_path / 'old', out) == 0
    assert 'already complete with 4 samples' in capsys.readouterr().out
    write_pretraining(tmp_path / 'other', [1, 2])
    assert migrate(tmp_path / 'other', out) == 2
    assert 'another store is there' in capsys.readouterr().err
    assert dump(out) == before
    assert migrate(tmp_path / 'other', out, '--overwrite') == 0
    assert list(content(out)) == ['0000001', '0000002']
    assert {path.name for path in tmp_path.iterdir()} == {
        'old', 'other', 'new.lmdb', 'new.lmdb.summary.json',
    }  # fmt: skip
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder/mine.txt').write_text('mine')
    assert migrate(tmp_path / 'old', tmp_path / 'folder', '--overwrite') == 2
    assert (tmp_path / 'folder/mine.txt').exists()


@pytest.mark.parametrize('case', ['nothing', 'all damaged', 'truncated'])
def test_sources_that_cannot_be_read(tmp_path, case, capsys):
    source = tmp_path / 'old.lmdb'
    if case == 'all damaged':
        write_lmdb(source, {'s1_0': b'x', 's2_0': b'x', 'lbl_0': b'x'})
    elif case == 'truncated':
        write_dfc_legacy(source, 4)
        os.truncate(source / 'data.mdb', 5 * 4096)
    assert migrate(source, tmp_path / 'new.lmdb') == 2
    assert 'error: ' in capsys.readouterr().err
    assert not (tmp_path / 'new.lmdb').exists()


def command(*arguments):
    return [sys.executable, str(ROOT / 'tools/lmdb.py'), *map(str, arguments)]


ENVIRONMENT = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}


def test_the_script_in_its_own_folder_with_two_workers(tmp_path):
    """The script has the library's name, and workers start in the current folder."""
    write_pretraining(tmp_path / 'old', IDS)
    run = subprocess.run(
        command('migrate', tmp_path / 'old', tmp_path / 'two.lmdb', '--workers', 2),
        env=ENVIRONMENT,
        cwd=ROOT / 'tools',
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert migrate(tmp_path / 'old', tmp_path / 'one.lmdb') == 0
    assert dump(tmp_path / 'one.lmdb') == dump(tmp_path / 'two.lmdb')


def test_scripts_beside_it_find_the_library():
    code = 'import lmdb; print(lmdb.version(), lmdb.Environment.__module__, lmdb.__file__)'
    run = subprocess.run(
        [sys.executable, '-c', code], cwd=ROOT / 'tools', capture_output=True, text=True, check=True
    )
    assert 'site-packages' in run.stdout or 'dist-packages' in run.stdout
