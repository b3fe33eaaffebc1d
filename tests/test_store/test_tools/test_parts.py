"""Subset, merge and export."""

import json
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from helpers.aerial_stores import write_patches
from helpers.small_store import dump, make_meta, make_samples, write_store

from mmss_plugins.store.reader import StoreError, StoreReader, StoreWriter
from mmss_plugins.store.splits import read_split_file, subset_part
from mmss_plugins.store.tools.balance import balanced_choice
from mmss_plugins.store.tools.cli import main
from mmss_plugins.store.tools.export import file_path

COUNT = 20


def run(*arguments):
    return main([*map(str, arguments), '--workers', '1'])


def ids(path):
    with StoreReader(path) as reader:
        assert reader.meta.complete
        return list(reader.sample_ids)


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp('store') / 'a.lmdb'
    return write_store(path, make_samples(COUNT, size=8))


def test_subset_is_the_one_of_a_data_set(store, tmp_path):
    out = tmp_path / 'few.lmdb'
    assert run('subset', store, out, '--fraction', 0.3, '--seed', 5) == 0
    assert ids(out) == subset_part(ids(store), fraction=0.3, seed=5)
    whole, found = dump(store), dump(out)
    values = {key: value for key, value in found.items() if not key.startswith(b'__')}
    assert len(values) == 6 * 12
    assert all(whole[key] == value for key, value in values.items())
    assert run('subset', store, tmp_path / 'few.txt', '--count', 6, '--seed', 5) == 0
    assert read_split_file(tmp_path / 'few.txt') == ids(out)
    assert run('subset', store, tmp_path / 'few.txt', '--count', 6, '--seed', 5) == 2
    assert run('subset', store, tmp_path / 'other.txt', '--count', 6, '--seed', 6) == 0
    assert read_split_file(tmp_path / 'other.txt') != ids(out)


@pytest.mark.parametrize(
    ('size', 'message'),
    [
        (('--fraction', 0), '--fraction must lie in (0, 1], but got 0.0'),
        (('--fraction', 1.5), '--fraction must lie in (0, 1], but got 1.5'),
        (('--fraction', 'nan'), '--fraction must lie in (0, 1], but got nan'),
        (('--count', COUNT + 1), f'1..{COUNT} samples, but got {COUNT + 1}'),
    ],
)
def test_sizes_that_cannot_be(store, tmp_path, size, message, capsys):
    assert run('subset', store, tmp_path / 'few.lmdb', *size) == 2
    said = capsys.readouterr().err
    assert 'a.lmdb' in said
    assert message in said
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_is_never_written_over(tmp_path, capsys):
    path = write_store(tmp_path / 'a.lmdb', make_samples(3, size=8))
    before = dump(path)
    (tmp_path / 'link').symlink_to(path)
    for command in (
        ('subset', path, path, '--count', 1),
        ('subset', path, tmp_path / 'link', '--count', 1),
        ('merge', path, path),
        ('migrate', path, path),
        ('migrate', tmp_path, path),  # one of the LMDBs in the folder that is read
    ):
        assert run(*command, '--overwrite') == 2
        assert 'the output is also an input' in capsys.readouterr().err
    assert dump(path) == before
    assert {entry.name for entry in tmp_path.iterdir()} == {'a.lmdb', 'link'}


def test_patches_of_one_tile_stay_together(tmp_path):
    names = write_patches(tmp_path / 'a.lmdb', tiles=5, patches=4)
    for options in ((), ('--balanced',)):
        out = tmp_path / f'few{len(options)}.txt'
        assert run('subset', tmp_path / 'a.lmdb', out, '--count', 10, *options) == 0
        chosen = read_split_file(out)
        assert [name for name in names if name in chosen] == chosen
        tiles = [name.partition('-')[0] for name in chosen]
        assert sorted(tiles.count(tile) for tile in set(tiles)) == [2, 4, 4]
    assert (
        run('subset', tmp_path / 'a.lmdb', tmp_path / 's.txt', '--count', 10, '--by', 'sample') == 0
    )
    tiles = [name.partition('-')[0] for name in read_split_file(tmp_path / 's.txt')]
    assert len(set(tiles)) > 3


def test_balanced_choice():
    rng = np.random.default_rng(0)
    names = [f'{index:03d}' for index in range(200)]
    pixels = np.zeros((200, 3), np.int64)
    pixels[:, 0] = 100  # a class that is everywhere, and two rare ones
    pixels[rng.choice(200, 10, replace=False), 1] = 400
    pixels[rng.choice(200, 10, replace=False), 2] = 300
    chosen = balanced_choice(names, pixels, [1] * 200, 12, seed=1)
    shares = pixels / pixels.sum(1, keepdims=True)
    found = shares[[int(name) for name in chosen]].sum(0)
    assert found.min() > 2.5, 'each class has its third of 12, as far as its samples are pure'
    at_random = shares[[int(name) for name in subset_part(names, count=12, seed=1)]].sum(0)
    assert at_random.min() < 1.5
    assert chosen == balanced_choice(names, pixels, [1] * 200, 12, seed=1)
    assert chosen == balanced_choice(names, pixels, [1] * 200, 50, seed=1)[:12]
    assert chosen != balanced_choice(names, pixels, [1] * 200, 12, seed=2)
    assert sorted(balanced_choice(names, pixels, [1] * 200, 200)) == names
    nothing = np.zeros((200, 3), np.int64)
    assert len(set(balanced_choice(names, nothing, [1] * 200, 7))) == 7


def test_balanced_subset_of_a_store(tmp_path):
    samples = make_samples(COUNT, size=8)
    for number, arrays in enumerate(samples.values()):
        for (_, field), array in arrays.items():
            if field == 'label':
                array[:] = number in (3, 11)  # land is rare
    write_store(tmp_path / 'a.lmdb', samples)
    assert run('subset', tmp_path / 'a.lmdb', tmp_path / 'b.lmdb', '--count', 4, '--balanced') == 0
    chosen = ids(tmp_path / 'b.lmdb')
    assert len(chosen) == 4
    assert {'0000003', '0000011'} < set(chosen)


def test_merge(store, tmp_path):
    samples = make_samples(COUNT, size=8)
    names = list(samples)
    shards = []
    for number in range(3):
        path = tmp_path / f'{number}.lmdb'
        options = {'shard': f'{number}/3', 's2_offset': 1000}
        meta = make_meta(source={'tool': 'test', 'options': options})
        shards.append(write_store(path, {n: samples[n] for n in names[number::3]}, meta))
    out = tmp_path / 'all.lmdb'
    assert run('merge', *shards, out) == 0
    assert ids(out) == names[::3] + names[1::3] + names[2::3]
    values = {key: value for key, value in dump(out).items() if not key.startswith(b'__')}
    assert values == {k: v for k, v in dump(store).items() if not k.startswith(b'__')}
    with StoreReader(out) as reader:
        options = reader.meta.source['options']
    assert [entry['options']['shard'] for entry in options['of']] == ['0/3', '1/3', '2/3']
    assert options['s2_offset'] == 1000
    summary = json.loads((tmp_path / 'all.lmdb.summary.json').read_text())
    assert (summary['samples'], summary['skipped']) == (COUNT, [])


def test_what_all_shards_share_is_kept(tmp_path, capsys):
    samples = make_samples(2, size=8)
    shards = []
    for index, (name, arrays) in enumerate(samples.items()):
        meta = make_meta(info={'region': 'east', 'gap': index}, palette=((0, 0, 1), (0, 2, 0)))
        shards.append(write_store(tmp_path / f'{index}.lmdb', {name: arrays}, meta))
    assert run('merge', *shards, tmp_path / 'all.lmdb') == 0
    assert 'because the shards differ: gap\n' in capsys.readouterr().out
    with StoreReader(tmp_path / 'all.lmdb') as reader:
        assert reader.meta.info == {'region': 'east'}
        assert reader.meta.palette == ((0, 0, 1), (0, 2, 0))


def test_shards_that_do_not_fit(tmp_path, capsys):
    samples = make_samples(4, size=8)
    a = write_store(tmp_path / 'a.lmdb', {k: samples[k] for k in list(samples)[:2]})
    twice = write_store(tmp_path / 'twice.lmdb', {k: samples[k] for k in list(samples)[1:]})
    rest = {k: samples[k] for k in list(samples)[2:]}
    other = write_store(tmp_path / 'other.lmdb', rest, make_meta(classes=('land', 'water')))
    offset = {'tool': 'test', 'options': {'s2_offset': 1000}}
    offset = write_store(tmp_path / 'offset.lmdb', rest, make_meta(source=offset))
    writer = StoreWriter(tmp_path / 'part.lmdb', make_meta())
    writer.put('0000003', samples['0000003'])
    writer.commit()
    writer.close()
    for shard, message in (
        (twice, f"sample ids are there twice: '0000001' in {a} and {twice}"),
        (other, f"{other}: the shard is unlike {a} (classes: ('water', 'land') here"),
        (offset, 'different --s2-offset'),
        (tmp_path / 'part.lmdb', 'part.lmdb: the shard is incomplete'),
        (tmp_path / 'none.lmdb', 'none.lmdb: expected an LMDB store, but found nothing'),
    ):
        assert run('merge', a, shard, tmp_path / 'out.lmdb') == 2
        assert message in capsys.readouterr().err
        assert not list(tmp_path.glob('out*'))


def test_export(store, tmp_path):
    (tmp_path / 'ids.txt').write_text('0000003\n0000001\n')
    out = tmp_path / 'tif'
    arguments = ['export', store, out, '--ids', tmp_path / 'ids.txt', '--fields', 's2', 'label']
    assert run(*arguments) == 0
    files = sorted(path for path in out.rglob('*') if path.is_file())
    assert len(files) == 2 * 4 * 2
    samples = make_samples(COUNT, size=8)
    for path in files:
        field, sample_id, _ = path.relative_to(out).parts
        with rasterio.open(path) as file:
            found, nodata, names = file.read(), file.nodata, file.descriptions
        expected = samples[sample_id][path.stem, field]
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected.reshape(found.shape))
        assert nodata == (255 if field == 'label' else None)
        assert names == (('B2', 'B3', 'B4') if field == 's2' else (None,))
    files[1].unlink()
    kept = files[2].stat()
    assert run(*arguments) == 0
    assert files[1].exists(), 'what is missing is written'
    assert files[2].stat().st_ino == kept.st_ino, 'what is right is not written again'
    assert run('export', store, out, '--fields', 'osm') == 2
    (tmp_path / 'ids.txt').write_text('0000099\n')
    assert run(*arguments) == 2


@pytest.mark.parametrize('name', ['.', '..', 'a\\b', 'a/b', 'a\0b'])
def test_names_that_leave_the_folder(tmp_path, name):
    with pytest.raises(StoreError, match='no name for a file'):
        file_path(tmp_path, name, 's2', 'season0')
    with pytest.raises(StoreError, match='no name for a file'):
        file_path(tmp_path, 'a', name, None)


def test_a_sample_whose_name_leaves_the_folder_is_skipped(tmp_path):
    samples = make_samples(2, size=8)
    write_store(tmp_path / 'a.lmdb', {'..': samples['0000000'], 'good': samples['0000001']})
    assert run('export', tmp_path / 'a.lmdb', tmp_path / 'out/deep') == 1
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['deep']
    assert {path.name for path in (tmp_path / 'out/deep').iterdir()} == {'s1', 's2', 'label'}


def test_descriptions_are_kept(store, tmp_path):
    assert run('subset', store, tmp_path / 'b.lmdb', '--count', 3) == 0
    with StoreReader(store) as one, StoreReader(tmp_path / 'b.lmdb') as other:
        source = other.meta.source
        assert source['options']['of'] == one.meta.source
        assert replace(other.meta, source={}, count=0) == replace(one.meta, source={}, count=0)
