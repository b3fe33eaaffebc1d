"""Archives that are hostile, damaged, or unpacked before."""

import random
import stat
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from mmss_plugins.download import unpack as unpack_module
from mmss_plugins.download.errors import DownloadError, UnsafeArchiveError
from mmss_plugins.download.unpack import unpack

NOISE = random.Random(0).randbytes(5000)


def write_zip(path, members, **options):
    """Members are (name, content), or a ZipInfo for the name."""
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def link(name, to):
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, to


@pytest.mark.parametrize(
    'bad',
    [
        ('../evil', 'x'),
        ('a/../../evil', 'x'),
        ('a/..', 'x'),
        ('./evil', 'x'),
        ('/tmp/evil_of_test', 'x'),
        ('//host/evil', 'x'),
        ('C:evil', 'x'),
        ('c:/evil', 'x'),
        ('..\\evil', 'x'),
        ('a//evil', 'x'),
        ('evil.unpacking', 'x'),
        link('good/link', '/etc'),
        link('link', 'good/file'),
        ('good/file', 'twice'),
        ('good', 'a file where others have a folder'),
    ],
    ids=str,
)
@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_nothing_of_a_hostile_archive_is_written(tmp_path, bad):
    path = write_zip(tmp_path / 'a.zip', [('good/file', 'x'), bad])
    with pytest.raises(UnsafeArchiveError, match='nothing was unpacked') as caught:
        unpack(path, tmp_path / 'out' / 'a')
    name = bad[0] if isinstance(bad[0], str) else bad[0].filename
    assert repr(name) in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ['a.zip']


def test_a_name_with_a_null_byte_is_refused(tmp_path):
    path = write_zip(tmp_path / 'a.zip', [('evil_name', 'x')])
    path.write_bytes(path.read_bytes().replace(b'evil_name', b'evil\0name'))
    with pytest.raises(UnsafeArchiveError, match='no file name'):
        unpack(path, tmp_path / 'a')


def test_an_encrypted_member_is_refused(tmp_path):
    path = write_zip(tmp_path / 'a.zip', [('secret', 'x')])
    data = bytearray(path.read_bytes())
    data[data.index(b'PK\x01\x02') + 8] |= 1  # flags of the central directory
    path.write_bytes(data)
    with pytest.raises(UnsafeArchiveError, match='encrypted'):
        unpack(path, tmp_path / 'a')


def test_links_that_are_there_do_not_lead_out(tmp_path):
    path = write_zip(tmp_path / 'a.zip', [('in/file', 'x')])
    outside, target = tmp_path / 'outside', tmp_path / 'target'
    outside.mkdir()
    target.mkdir()
    (target / 'in').symlink_to(outside)
    with pytest.raises(UnsafeArchiveError, match='leads out'):
        unpack(path, target)
    assert list(outside.iterdir()) == []


def test_bombs_and_full_disks(tmp_path, monkeypatch):
    bomb = write_zip(tmp_path / 'bomb.zip', [('zeros', bytes(3 << 20))])
    assert bomb.stat().st_size * 200 < 3 << 20
    with pytest.raises(UnsafeArchiveError, match='--max-ratio'):
        unpack(bomb, tmp_path / 'a')
    assert not (tmp_path / 'a').exists()
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(unpack_module.shutil, 'disk_usage', lambda path: usage(0, 0, (3 << 20) - 1))
    with pytest.raises(DownloadError, match='3145727 are free'):
        unpack(bomb, tmp_path / 'a', max_ratio=2000)
    assert tree(tmp_path / 'a') == {}
    monkeypatch.setattr(unpack_module.shutil, 'disk_usage', lambda path: usage(0, 0, 3 << 20))
    assert unpack(bomb, tmp_path / 'a', max_ratio=2000).written == 1


def test_what_is_there_is_kept_and_the_rest_is_written(tmp_path):
    content = {'s/a.tif': NOISE, 's/b.tif': NOISE[::-1], 's/empty/c.txt': b'', 'd.csv': b'1,2'}
    path = write_zip(tmp_path / 'data.zip', [('s/', ''), *content.items()])
    target = tmp_path / 'out' / 'data'
    assert unpack(path, target) == (4, 0, [])
    assert tree(target) == content
    kept = (target / 's/a.tif').stat().st_mtime_ns
    (target / 's/b.tif').unlink()
    (target / 's/b.tif.unpacking').write_bytes(NOISE[:10])  # of a run that was killed
    (target / 'd.csv').write_bytes(b'1,3')  # as long, but other content
    result = unpack(path, target)
    assert result == (1, 2, [target / 'd.csv'])
    assert tree(target) == {**content, 'd.csv': b'1,3'}
    assert (target / 's/a.tif').stat().st_mtime_ns == kept
    assert unpack(path, target, overwrite=True) == (1, 3, [])
    assert tree(target) == content


def test_a_folder_of_the_archives_name_is_not_repeated(tmp_path):
    path = write_zip(tmp_path / 'dw.zip', [('dw/', ''), ('dw/a/b', '1'), ('dw/c', '2')])
    unpack(path, tmp_path / 'dw')
    assert tree(tmp_path / 'dw') == {'a/b': b'1', 'c': b'2'}
    write_zip(path, [('dw/c', '2'), ('other', '3')])
    unpack(path, tmp_path / 'x' / 'dw')
    assert tree(tmp_path / 'x') == {'dw/dw/c': b'2', 'dw/other': b'3'}


def test_a_damaged_member_does_not_get_its_name(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.writestr('first', 'x')
        archive.writestr('second', NOISE)
    data = bytearray((tmp_path / 'a.zip').read_bytes())
    data[data.index(NOISE) + 100] ^= 1
    (tmp_path / 'a.zip').write_bytes(data)
    with pytest.raises(DownloadError, match='damaged'):
        unpack(tmp_path / 'a.zip', tmp_path / 'a')
    assert tree(tmp_path / 'a') == {'first': b'x'}
    (tmp_path / 'b.zip').write_bytes(b'<html>sorry</html>')
    with pytest.raises(DownloadError, match='no ZIP archive'):
        unpack(tmp_path / 'b.zip', tmp_path / 'b')
    assert not Path(tmp_path / 'b').exists()


METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


@pytest.mark.parametrize('method', METHODS)
def test_every_changed_byte_ends_in_a_plain_error_or_the_right_files(tmp_path, method):
    content = {'a/one.txt': b'one' * 200, 'two.bin': NOISE[:300], 'gr\u00fcn.txt': b''}
    whole = tmp_path / 'whole.zip'
    with zipfile.ZipFile(whole, 'w', method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    rng, original, refused = random.Random(method), whole.read_bytes(), 0
    for number in range(150):
        data = bytearray(original)
        for _ in range(rng.choice([1, 1, 4])):
            data[rng.randrange(len(data))] = rng.choice([0, 0xFF, rng.randrange(256)])
        if number % 10 == 0:
            del data[rng.randrange(len(data)) :]
        archive, folder = tmp_path / 'a.zip', tmp_path / str(number)
        archive.write_bytes(data)
        try:
            unpack(archive, folder)
        except DownloadError:
            refused += 1
        else:
            assert set(tree(folder).values()) <= set(content.values())
    assert 40 < refused < 150


@pytest.mark.parametrize(
    'name', ['/'.join('a' * 2000), 'x' * 241, '\u00fc' * 130], ids=['deep', 'long', 'bytes']
)
def test_names_that_no_disk_takes(tmp_path, name):
    path = write_zip(tmp_path / 'a.zip', [('good', b'x'), (name, b'y')])
    with pytest.raises(
        UnsafeArchiveError, match=r'a\.zip: nothing was unpacked.*240 bytes'
    ) as error:
        unpack(path, tmp_path / 'out')
    assert len(str(error.value)) < 600
    assert not (tmp_path / 'out').exists()
