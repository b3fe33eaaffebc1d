"""Shards of a preparation, merged, are the store that one run makes."""

import argparse
import glob
import json
import shlex

import pytest
from helpers.preparation_cases import CASES, write_tree
from helpers.small_store import dump

from mmss_plugins.store.creation.shards import Shard, parse_shard
from mmss_plugins.store.reader import StoreReader, StoreWriter
from mmss_plugins.store.tools.cli import main as lmdb_tool

DFC = CASES['dfc2020']


@pytest.fixture
def tree(tmp_path):
    write_tree('dfc2020', tmp_path / 'raw')
    return tmp_path / 'raw'


def make(case, raw, out, numbers, count):
    return [case.run(raw, out, '--shard', f'{number}/{count}') for number in numbers]


def merge(*paths):
    return lmdb_tool(['merge', *map(str, paths), '--workers', '1'])


def skipped(store):
    return json.loads(store.with_name(store.name + '.summary.json').read_text())['skipped']


@pytest.mark.parametrize('text', ['', '3', '0/4', '5/4', '-1/4', '1/0', '1/4/2', 'a/b', '1.0/2'])
def test_bad_text(text, tree, tmp_path, capsys):
    with pytest.raises(argparse.ArgumentTypeError, match='i from 1 to n, such as 1/8') as error:
        parse_shard(text)
    assert repr(text) in str(error.value)
    with pytest.raises(SystemExit) as stop:
        DFC.run(tree, tmp_path / 'out', f'--shard={text}')
    assert stop.value.code == 2
    assert '--shard: expected i/n' in capsys.readouterr().err


@pytest.mark.parametrize('size', [0, 1, 5, 12, 13, 100])
@pytest.mark.parametrize('count', [1, 2, 3, 12, 13])
def test_parts_are_the_whole_in_order_and_balanced(size, count):
    items = list(range(size))
    parts = [parse_shard(f'{number}/{count}').of(items) for number in range(1, count + 1)]
    assert [item for part in parts for item in part] == items
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_names_sort_as_the_shards_do(tmp_path):
    paths = [str(Shard(number, 12).path(tmp_path / 'a.lmdb')) for number in range(1, 13)]
    assert sorted(paths) == paths
    assert paths[2] == str(tmp_path / 'a.shard-03-of-12.lmdb')
    assert Shard(1, 2).path(tmp_path / 'v1.5').name == 'v1.5.shard-1-of-2'


@pytest.mark.parametrize('name', CASES)
def test_merged_shards_are_the_unsharded_store(name, tmp_path, capsys):
    case, out = CASES[name], tmp_path / 'out of disk'
    write_tree(name, tmp_path / 'raw')
    assert case.run(tmp_path / 'raw', tmp_path / 'whole') == 1
    whole = case.store(tmp_path / 'whole')
    codes = make(case, tmp_path / 'raw', out, [3, 1, 2], 3)  # on any machine at any time
    assert codes == [0, 1, 0], 'skipped samples are reported once'
    shards = [case.store(out, f'{number}-of-3') for number in (1, 2, 3)]
    metas = [StoreReader(shard).meta for shard in shards]
    assert all(meta.complete for meta in metas)
    assert {json.dumps(meta.source['shard']) for meta in metas} == {'[1, 3]', '[2, 3]', '[3, 3]'}
    sizes = [meta.count for meta in metas]
    assert max(sizes) < len(StoreReader(whole))
    assert sum(sizes) == len(StoreReader(whole)) >= 7
    assert [entry for shard in shards for entry in skipped(shard)] == skipped(whole)
    assert len(skipped(whole)) == case.left_out
    printed = capsys.readouterr().out
    command = next(line for line in printed.splitlines() if line.startswith('shard 3 of 3;'))
    words = shlex.split(command.partition('mmss store ')[2])
    found = sorted(glob.glob(words[1]))
    assert found == [*map(str, shards)]
    assert lmdb_tool([words[0], *reversed(found), *words[2:], '--workers', '1']) == 0
    assert words[2] == str(case.store(out))
    assert dump(case.store(out)) == dump(whole)
    assert case.run(tmp_path / 'raw', out) == 1
    assert 'already complete' in capsys.readouterr().out, "the merged store is the tool's own"


def test_a_shard_is_continued(tree, tmp_path, monkeypatch, capsys):
    whole, out = tmp_path / 'whole', tmp_path / 'out'
    assert DFC.run(tree, whole, '--shard', '2/2') == 0
    put = StoreWriter.put

    def interrupted(writer, sample_id, arrays):
        if len(writer) == 3:
            raise KeyboardInterrupt
        put(writer, sample_id, arrays)

    with monkeypatch.context() as patch:
        patch.setattr(StoreWriter, 'put', interrupted)
        assert DFC.run(tree, out, '--shard', '2/2') == 130
    assert DFC.run(tree, out, '--shard', '1/2') == 1
    assert merge(*out.glob('test.shard-?-of-2.lmdb'), out / 'test.lmdb') == 2
    assert 'test.shard-2-of-2.lmdb: the shard is incomplete' in capsys.readouterr().err
    assert DFC.run(tree, out, '--shard', '2/2') == 0
    assert 'continuing after 2 of 4 samples' in capsys.readouterr().out
    assert dump(DFC.store(out, '2-of-2')) == dump(DFC.store(whole, '2-of-2'))


def test_more_shards_than_samples(tree, tmp_path):
    assert DFC.run(tree, tmp_path / 'whole') == 1
    out = tmp_path / 'out'
    make(DFC, tree, out, range(1, 11), 10)
    shards = sorted(out.glob('*.lmdb'))
    assert min(len(StoreReader(shard)) for shard in shards) == 0
    assert merge(*shards, out / 'test.lmdb') == 0
    assert dump(out / 'test.lmdb') == dump(tmp_path / 'whole' / 'test.lmdb')


def test_all_shards_must_be_there(tree, tmp_path, capsys):
    out = tmp_path / 'out'
    make(DFC, tree, out, range(1, 5), 4)
    one, two, three, four = (DFC.store(out, f'{number}-of-4') for number in range(1, 5))
    assert merge(one, three, out / 'test.lmdb') == 2
    assert f'{one}: a shard of 4, of which these are not given: 2, 4' in capsys.readouterr().err
    assert merge(one, two, three, three, four, out / 'test.lmdb') == 2
    assert 'twice' in capsys.readouterr().err
    assert not (out / 'test.lmdb').exists()


def test_shards_of_different_preparations(tree, tmp_path, capsys):
    out = tmp_path / 'out'
    assert DFC.run(tree, out, '--shard', '1/2') == 1
    assert DFC.run(tree, out, '--shard', '1/2', '--s2-offset', '1000') == 2
    assert 'source.options.s2_offset: 0 here, 1000 there' in capsys.readouterr().err
    assert DFC.run(tree, out, '--shard', '2/2', '--s2-offset', '1000') == 0
    shards = [DFC.store(out, f'{number}-of-2') for number in (1, 2)]
    assert merge(*shards, out / 'test.lmdb') == 2
    assert f'{shards[0]}: a shard of 2, of which these are not given: 2' in capsys.readouterr().err


def test_two_wholes_of_shards(tmp_path):
    out, stores = tmp_path / 'out', []
    for part in ('a', 'b'):
        folder = tmp_path / part
        write_tree('potsdam', folder)
        names = {'a': '2_10', 'b': '3_10'}[part]
        for path in [*folder.rglob('*2_11*'), *folder.rglob(f'*{names}*')]:
            path.unlink()
        stores.append([])
        for number in (1, 2):
            CASES['potsdam'].run(folder, out / part, '--shard', f'{number}/2', '--no-labels')
            stores[-1].append(CASES['potsdam'].store(out / part, f'{number}-of-2'))
    (a1, a2), (b1, b2) = stores
    assert merge(b2, a2, b1, a1, out / 'c.lmdb') == 0
    reader = StoreReader(out / 'c.lmdb')
    ids = [sample for store in (b1, b2, a1, a2) for sample in StoreReader(store).sample_ids]
    assert list(reader.sample_ids) == ids
    assert reader.meta.source['tool'] == 'lmdb merge'
    assert ['shard' in source for source in reader.meta.source['options']['of']] == [False] * 2


def test_shards_of_files(tmp_path, capsys):
    case, out, whole = CASES['potsdam'], tmp_path / 'out', tmp_path / 'whole'
    write_tree('potsdam', tmp_path / 'raw')
    assert case.run(tmp_path / 'raw', whole, '--format', 'files') == 1
    for number, code in ((2, 0), (1, 1), (3, 0)):
        arguments = ('--format', 'files', '--shard', f'{number}/3')
        assert case.run(tmp_path / 'raw', out, *arguments) == code
    content, expected = (
        {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob('*')
            if path.is_file() and not path.name.endswith('.summary.json')
        }
        for folder in (out, whole)
    )
    assert content == expected
    parts = [
        json.loads((out / f'train.shard-{n}-of-3.summary.json').read_text()) for n in (1, 2, 3)
    ]
    summary = json.loads((whole / 'train.summary.json').read_text())
    assert sum(part['samples'] for part in parts) == summary['samples'] == 12
    assert [entry for part in parts for entry in part['skipped']] == summary['skipped']
    colours = [text for part in parts for text in part['warnings'] if 'known colour' in text]
    assert colours == [text for text in summary['warnings'] if 'known colour' in text]
    assert len(colours) == 2
    arguments = ('--format', 'files', '--shard', '1/3', '--overwrite')
    assert case.run(tmp_path / 'raw', out, *arguments) == 2
    assert 'would remove the files of all' in capsys.readouterr().err
