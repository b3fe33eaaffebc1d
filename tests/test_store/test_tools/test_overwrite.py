"""``--overwrite`` replaces what these tools made, and nothing else."""

import lmdb
import pytest
from helpers.legacy_lmdbs import write_pretraining
from helpers.small_store import dump, make_samples, write_store

from mmss_plugins.store.reader import StoreReader
from mmss_plugins.store.tools.cli import main

COUNT = 4


@pytest.fixture
def commands(tmp_path):
    samples = make_samples(COUNT, size=8)
    names = list(samples)
    whole = write_store(tmp_path / 'in.lmdb', samples)
    shards = [write_store(tmp_path / f'{n}.lmdb', {n: samples[n]}) for n in names[:2]]
    write_pretraining(tmp_path / 'legacy', [1, 2])
    return {
        'subset': ['subset', whole, 'OUT', '--count', 2],
        'merge': ['merge', *shards, 'OUT'],
        'migrate': ['migrate', tmp_path / 'legacy', 'OUT'],
    }


def run(command, out):
    words = [out if word == 'OUT' else word for word in command]
    return main([*map(str, words), '--workers', '1', '--overwrite'])


def write_foreign(path):
    with lmdb.open(str(path)) as env, env.begin(write=True) as txn:
        txn.put(b'0', b'theirs')


@pytest.mark.parametrize('name', ['subset', 'merge', 'migrate'])
@pytest.mark.parametrize('ending', ['', '.old', '.part'])
def test_an_lmdb_of_others(tmp_path, commands, name, ending, capsys):
    out = tmp_path / 'out.lmdb'
    if ending == '.old':
        write_store(out, make_samples(1, size=8))
    foreign = tmp_path / f'out.lmdb{ending}'
    write_foreign(foreign)
    assert run(commands[name], out) == 2
    assert f'{foreign}: expected a store of this package' in capsys.readouterr().err
    assert dump(foreign) == {b'0': b'theirs'}
    if ending == '.old':
        assert StoreReader(out).sample_ids == ('0000000',), 'the store there stays'


@pytest.mark.parametrize('name', ['subset', 'merge', 'migrate'])
def test_folders_of_others(tmp_path, commands, name, capsys):
    out = tmp_path / 'out.lmdb'
    assert run(commands[name], out) == 0
    assert run(commands[name], out) == 0, 'what the same command made is replaced'
    (tmp_path / 'out.lmdb.old').mkdir()
    (tmp_path / 'out.lmdb.old' / 'thesis.tex').write_text('mine')
    assert run(commands[name], out) == 2
    assert 'out.lmdb.old: expected a store' in capsys.readouterr().err
    assert (tmp_path / 'out.lmdb.old' / 'thesis.tex').read_text() == 'mine'


def test_a_list_of_others(tmp_path, commands, capsys):
    out = tmp_path / 'few.txt'
    assert run(commands['subset'], out) == 0
    assert run(commands['subset'], out) == 0
    out.write_text('my notes\n')
    assert run(commands['subset'], out) == 2
    assert 'few.txt: this file is not one that this tool wrote' in capsys.readouterr().err
    assert out.read_text() == 'my notes\n'
