"""The archives of v1.0, read in parts as downloaded, give what their unpacked folders give."""

import gzip
import io
import random
import tarfile

import numpy as np
import pytest
from helpers.ssl4eo_trees import pack, write_images, write_labels

from mmss_plugins.prepare.noldo_pretrain import main
from mmss_plugins.prepare.scene_archive import JoinedParts, Member, SceneArchive, parse_member
from mmss_plugins.prepare.ssl4eo_archives import ArchiveSupply
from mmss_plugins.prepare.ssl4eo_loader import Place
from mmss_plugins.store.creation.facts_log import log_path
from mmss_plugins.store.reader import StoreReader, all_requests

LOCATIONS = [3, 7, 11, 200]
IDS = [f'{location:07d}' for location in LOCATIONS]


@pytest.fixture(scope='module')
def master(tmp_path_factory):
    root = tmp_path_factory.mktemp('master')
    write_images(root / 'images', LOCATIONS, seasons=[1], size=6)
    write_labels(root / 'images', root / 'labels')
    assert prepare(root, root / 'images', out=root / 'folders.lmdb') == 0
    return root


def prepare(master, *images, out):
    options = ['--labels', master / 'labels', '--seasons', '1', '--workers', '1']
    return main(list(map(str, [out, '--images', *images, *options])))


def packed(master, out, parts=3, **orders):
    """Both archives; ``s1`` and ``s2c`` give the order of locations."""
    files = pack(master / 'images/s1', out / 's1_grd', 's1_grd', parts, orders.get('s1'))
    return files + pack(master / 'images/s2c', out / 's2_l1c', 's2_l1c', parts, orders.get('s2c'))


def content(store):
    reader = StoreReader(store)
    return {
        sample: [array.tobytes() for array in reader.read(sample, all_requests(reader.meta))]
        for sample in reader.sample_ids
    }


@pytest.mark.parametrize('parts', [1, 3])
def test_the_store_is_that_of_the_folders(master, tmp_path, parts):
    files = packed(master, tmp_path / 'hub', parts)
    out = tmp_path / 'out' / 'a.lmdb'
    assert prepare(master, *files, out=out) == 0
    assert content(out) == content(master / 'folders.lmdb')
    there, here = StoreReader(master / 'folders.lmdb').meta, StoreReader(out).meta
    assert there.differences(here) == []
    assert there.info == here.info
    names = [path.name for path in out.parent.iterdir()]
    assert not [name for name in names if 'spool' in name], 'what was unpacked is removed'
    assert prepare(master, tmp_path / 'hub', out=out) == 0, 'recognised as complete'


def test_other_orders_of_locations(master, tmp_path, monkeypatch):
    mixed = random.Random(2).sample(IDS, len(IDS))
    waiting = []
    from mmss_plugins.prepare.ssl4eo_loader import LocationLoader

    load = LocationLoader.__call__

    def counted(self, place, types):
        spool = place.images.s1.parents[1]
        waiting.append(len(list(spool.glob('*/*'))))
        return load(self, place, types)

    monkeypatch.setattr(LocationLoader, '__call__', counted)
    for order in (IDS, IDS[::-1], mixed):
        out = tmp_path / f'{len(waiting)}.lmdb'
        packed(master, tmp_path / out.stem, s2c=order)
        assert prepare(master, tmp_path / out.stem, out=out) == 0
        assert content(out) == content(master / 'folders.lmdb')
        if order == IDS:
            assert max(waiting) <= 3, 'in the same order no location waits for its other half'


def test_an_interrupted_run_continues(master, tmp_path, monkeypatch):
    packed(master, tmp_path / 'hub')

    def stop(*arguments):
        raise KeyboardInterrupt

    from mmss_plugins.store.reader import StoreWriter

    put, calls = StoreWriter.put, []

    def counted(self, sample_id, arrays):
        calls.append(sample_id)
        if len(calls) == 3:
            stop()
        put(self, sample_id, arrays)

    options = ['--labels', master / 'labels', '--seasons', '1', '--workers', '1']
    command = [tmp_path / 'a.lmdb', '--images', tmp_path / 'hub', *options, '--commit-every', '1']
    monkeypatch.setattr(StoreWriter, 'put', counted)
    assert main(list(map(str, command))) == 130
    assert not list(tmp_path.glob('*spool*'))
    assert main(list(map(str, command))) == 0
    assert calls[:2] == IDS[:2]
    assert calls[3:] == IDS[2:], 'only the missing ones are unpacked'
    assert content(tmp_path / 'a.lmdb') == content(master / 'folders.lmdb')


def test_files_wait_for_processes_that_are_behind(master, tmp_path):
    """The last locations are still being read when the archives are at their end."""
    packed(master, tmp_path / 'hub', parts=1)
    supply = ArchiveSupply(
        {
            name: SceneArchive([tmp_path / f'hub/{stem}/{stem}.tar.gz.partaa'])
            for name, stem in (('s1', 's1_grd'), ('s2', 's2_l1c'))
        },
        tmp_path / 'a.lmdb',
    )
    with supply([Place(sample_id, ()) for sample_id in IDS]) as supplied:
        tasks = list(supplied)
        assert [task.sample_id for task in tasks] == IDS
        for task in tasks:
            for sensor in ('s1', 's2'):
                assert len(task.images.scenes(sensor)) == 1
    assert not list(tmp_path.glob('*spool*'))


def test_one_sensor_unpacked(master, tmp_path):
    files = pack(master / 'images/s2c', tmp_path / 's2_l1c', 's2_l1c')
    (tmp_path / 'x').mkdir()
    (tmp_path / 'x/s1').symlink_to(master / 'images/s1')
    (tmp_path / 'x/again').symlink_to(tmp_path / 'x')
    assert prepare(master, *files, tmp_path / 'x', out=tmp_path / 'a.lmdb') == 0
    assert content(tmp_path / 'a.lmdb') == content(master / 'folders.lmdb')
    assert len(list((master / 'images/s1').iterdir())) == len(IDS)


def test_locations_that_an_archive_lacks(master, tmp_path, capsys):
    packed(master, tmp_path / 'hub', s1=IDS[:2], s2c=IDS[1:])
    assert prepare(master, tmp_path / 'hub', out=tmp_path / 'a.lmdb') == 1
    assert StoreReader(tmp_path / 'a.lmdb').sample_ids == (IDS[1],)
    printed = capsys.readouterr().out
    assert f's1_grd.tar.gz.partaa and 2 more: no location {IDS[2]}' in printed
    assert f's2_l1c.tar.gz.partaa and 2 more: no location {IDS[0]}' in printed


def test_the_first_parts_of_an_archive(master, tmp_path, capsys):
    files = packed(master, tmp_path / 'hub', parts=4)
    assert prepare(master, *files[:4], *files[4:7], out=tmp_path / 'a.lmdb') == 1
    captured = capsys.readouterr()
    assert 'warning' in captured.err
    assert 'is cut off at its end' in captured.err
    assert 'it is cut off, and was read up to its last whole location' in captured.out
    found = content(tmp_path / 'a.lmdb')
    whole = content(master / 'folders.lmdb')
    assert 0 < len(found) < len(whole)
    assert all(whole[key] == value for key, value in found.items())


def test_a_damaged_archive_is_an_error_that_can_be_mended(master, tmp_path, capsys):
    files = packed(master, tmp_path / 'hub')
    whole = files[4].read_bytes()
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 0xFF
    files[4].write_bytes(broken)
    assert prepare(master, *files, out=tmp_path / 'a.lmdb') == 2
    error = capsys.readouterr().err
    assert 'damaged archive' in error
    assert 's2_l1c.tar.gz.part' in error
    files[4].write_bytes(whole)
    assert prepare(master, *files, out=tmp_path / 'a.lmdb') == 0
    assert content(tmp_path / 'a.lmdb') == content(master / 'folders.lmdb')


def test_the_checksum_at_the_end_counts(master, tmp_path, capsys):
    files = packed(master, tmp_path / 'hub', parts=1)
    data = bytearray(files[0].read_bytes())
    data[-8] ^= 1
    files[0].write_bytes(data)
    assert prepare(master, *files, out=tmp_path / 'a.lmdb') == 2
    assert 'damaged archive' in capsys.readouterr().err


def test_not_an_archive(master, tmp_path, capsys):
    (tmp_path / 's1_grd.tar.gz.partaa').write_bytes(b'nothing of this kind' * 100)
    assert prepare(master, tmp_path, out=tmp_path / 'a.lmdb') == 2
    assert 's1_grd.tar.gz.partaa: unreadable archive' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('name', 'member'),
    [
        ('s1/0000003/S1A_x/VV.tif', Member('s1', '0000003', 'S1A_x', 'VV.tif')),
        ('./a/s2c/0000003/2020/B8A.tif', Member('s2c', '0000003', '2020', 'B8A.tif')),
        ('0000003/2020/B10.tif', Member('', '0000003', '2020', 'B10.tif')),
        ('s1/0000003/S1A_x/metadata.json', None),
        ('s1/0000003/../VV.tif', None),
        ('s1/0000003/.x/VV.tif', None),
        ('s1/0000003/S1A_x/..', None),
        ('s1/../S1A_x/VV.tif', None),
        ('s1/3/S1A_x/VV.tif', None),
        ('s1/0000003/a\\b/VV.tif', None),
        ('s1/0000003//VV.tif', None),
        ('VV.tif', None),
        ('', None),
    ],
)
def test_only_plain_names_have_a_place(name, member):
    assert parse_member(name) == member


def test_links_and_names_that_lead_elsewhere_write_nothing(master, tmp_path):
    (outside := tmp_path / 'outside').mkdir()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as archive:
        link = tarfile.TarInfo('s1/0000003')
        link.type, link.linkname = tarfile.SYMTYPE, str(outside)
        archive.addfile(link)
        for name in ('../../../../outside/VV.tif', f'{outside}/0000003/x/VV.tif'):
            info = tarfile.TarInfo(name)
            info.size = 3
            archive.addfile(info, io.BytesIO(b'abc'))
        archive.add(master / 'images/s1', 's1')
    path = tmp_path / 's1_grd.tar.gz.partaa'
    path.write_bytes(gzip.compress(stream.getvalue(), 1))
    files = pack(master / 'images/s2c', tmp_path / 'hub', 's2_l1c')
    assert prepare(master, path, *files, out=tmp_path / 'a.lmdb') == 0
    assert list(outside.iterdir()) == []
    assert content(tmp_path / 'a.lmdb') == content(master / 'folders.lmdb')


def test_a_band_of_absurd_size(master, tmp_path, capsys):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w') as archive:
        for location in IDS:
            if location == IDS[1]:
                scene = next((master / 'images/s1' / location).iterdir()).name
                info = tarfile.TarInfo(f's1/{location}/{scene}/VV.tif')
                info.size = 17 << 20
                archive.addfile(info, io.BytesIO(bytes(info.size)))
            archive.add(master / 'images/s1' / location, f's1/{location}')
    path = tmp_path / 's1_grd.tar.gz.partaa'
    path.write_bytes(gzip.compress(stream.getvalue(), 1))
    files = pack(master / 'images/s2c', tmp_path / 'hub', 's2_l1c')
    assert prepare(master, path, *files, out=tmp_path / 'a.lmdb') == 1
    assert 'VV.tif: 17825792 bytes, but a band has at most' in capsys.readouterr().out
    assert len(StoreReader(tmp_path / 'a.lmdb')) == 3


def test_locations_whose_files_are_apart(master, tmp_path, capsys):
    files = pack(master / 'images/s2c', tmp_path / 'hub', 's2_l1c', order=[*IDS, IDS[0]])
    more = pack(master / 'images/s1', tmp_path / 'hub', 's1_grd', order=[IDS[0], IDS[1], IDS[0]])
    assert prepare(master, *files, *more, out=tmp_path / 'a.lmdb') == 2
    assert 'do not stand together' in capsys.readouterr().err


def test_kinds_of_archives(master, tmp_path):
    (s1,) = pack(master / 'images/s1', tmp_path / 'a', 'x', parts=1)
    assert SceneArchive([s1]).kind == 's1'
    (s2,) = pack(master / 'images/s2c', tmp_path / 'b', 'x', parts=1)
    assert SceneArchive([s2]).kind == 's2c'
    other = tmp_path / 'other.tar'
    with tarfile.open(other, 'w') as archive:
        archive.add(master / 'labels/dw_complete_ids.csv', 'a/b.csv')
    assert SceneArchive([other]).kind is None


def test_joined_parts_are_one_stream(tmp_path):
    data = np.random.default_rng(0).bytes(1000)
    paths = []
    for index, (start, stop) in enumerate([(0, 10), (10, 10), (10, 700), (700, 1000)]):
        paths.append(tmp_path / str(index))
        paths[-1].write_bytes(data[start:stop])
    stream = JoinedParts(paths)
    assert stream.size == 1000
    assert stream.read(5) + stream.read(300) + stream.read(300) != b''
    stream.close()
    stream = JoinedParts(paths)
    assert io.BufferedReader(stream, 64).read() == data
    assert stream.position == 1000


def test_errors_name_the_archive(master, tmp_path, capsys):
    write_images(tmp_path / 'images', [3], seasons=[1], size=6)
    path = next((tmp_path / 'images/s1').glob('*/*/VH.tif'))
    path.write_bytes(path.read_bytes()[:200])
    files = pack(tmp_path / 'images/s1', tmp_path / 'a', 's1_grd')
    files += pack(tmp_path / 'images/s2c', tmp_path / 'b', 's2_l1c')
    assert prepare(master, *files, out=tmp_path / 'a.lmdb') == 1
    place = path.relative_to(tmp_path / 'images/s1')
    assert f's1_grd.tar.gz.partaa and 2 more: {place}: unreadable' in capsys.readouterr().out


@pytest.mark.parametrize('form', ['folders', 'archives'])
def test_shards_merge_into_the_whole(master, tmp_path, form):
    from mmss_plugins.store.tools.cli import main as lmdb

    images = [master / 'images'] if form == 'folders' else packed(master, tmp_path / 'hub')
    options = ['--labels', master / 'labels', '--seasons', '1', '--workers', '1']
    command = [tmp_path / 'a.lmdb', '--images', *images, *options]
    for shard in ('1/2', '2/2'):
        assert main(list(map(str, [*command, '--shard', shard]))) == 0
    shards = sorted(tmp_path.glob('a.shard-*.lmdb'))
    out = tmp_path / 'a.lmdb'
    assert lmdb(list(map(str, ['merge', *shards, out, '--workers', '1']))) == 0
    whole = master / 'folders.lmdb'
    assert content(out) == content(whole)
    assert StoreReader(out).sample_ids == StoreReader(whole).sample_ids
    assert StoreReader(out).meta == StoreReader(whole).meta, 'days between the sensors included'
    assert log_path(out).read_text() == log_path(whole).read_text()


@pytest.mark.parametrize('name', ['{}.part{}', '{}.tar.gz.{}', '{}.tar.gz{}', '{}.tgz.part{}'])
def test_other_names_of_parts(master, tmp_path, name):
    for path in packed(master, tmp_path / 'hub'):
        stem, letters = path.name.split('.')[0], path.name[-2:]
        path.rename(path.with_name(name.format(stem, letters)))
    assert prepare(master, tmp_path / 'hub', out=tmp_path / 'a.lmdb') == 0
    assert content(tmp_path / 'a.lmdb') == content(master / 'folders.lmdb')


def test_a_file_that_is_no_archive_is_named(master, tmp_path, capsys):
    other = tmp_path / 's1_grd.tar.xz'
    other.write_bytes(b'x')
    assert prepare(master, master / 'images', other, out=tmp_path / 'a.lmdb') == 2
    assert f'{other}: expected' in capsys.readouterr().err


def test_an_archive_of_something_else_is_named(master, tmp_path, capsys):
    other = tmp_path / 'other.tar'
    with tarfile.open(other, 'w') as archive:
        archive.addfile(tarfile.TarInfo('readme.txt'))
    assert prepare(master, other, out=tmp_path / 'a.lmdb') == 2
    assert f'found, but {other}' in capsys.readouterr().err
