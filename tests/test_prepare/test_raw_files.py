import os
import zipfile

import numpy as np
import pytest
from helpers.aerial_raw_trees import write_png
from helpers.small_raw_trees import read_raw, write_tiff

from mmss_plugins.prepare.raw_files import find_files, missing_files, require_source, unique_files
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.geotiff import read_tiff
from mmss_plugins.raster.windows import Window, image_shape, read_window
from mmss_plugins.raster.zip_members import MAX_IN_MEMORY, ZipMember
from mmss_plugins.utils.errors import PrepareUsageError

ARRAY = np.random.default_rng(0).integers(0, 256, (3, 40, 50)).astype(np.uint8)


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, 'w', compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def image(tmp_path):
    write_tiff(tmp_path / 'image.tif', ARRAY, blockysize=8)
    return (tmp_path / 'image.tif').read_bytes()


def names(found):
    return [(str(file.path), file.folders[1:]) for file in found]


def test_files_of_folders_and_archives(tmp_path):
    root = tmp_path / 'raw'
    for name in ('a/x.tif', 'b/._y.tif', '__MACOSX/a/x.tif', 'b/z.TIF', 'b/n.txt', 'skip/s.tif'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    members = ['m/p.tif', '__MACOSX/m/._p.tif', 'm/._p.tif', 'w\\q.tif', './r.tif', 'm/', 'n.txt']
    zipped(root / 'b' / 'data.zip', dict.fromkeys(members, b''))
    (root / 'b' / '._data.zip').write_bytes(b'no archive')
    found = names(find_files(root, ('.tif',), prune=['skip']))
    assert found == [
        (f'{root}/a/x.tif', ('a',)),
        (f'{root}/b/data.zip/./r.tif', ('b', 'data')),
        (f'{root}/b/data.zip/m/p.tif', ('b', 'data', 'm')),
        (f'{root}/b/data.zip/w\\q.tif', ('b', 'data', 'w')),
        (f'{root}/b/z.TIF', ('b',)),
    ]
    alone = names(find_files(root, ('.tif',), archives=False, prune=['skip']))
    assert [name for name, _ in alone] == [f'{root}/a/x.tif', f'{root}/b/z.TIF']
    given = names(find_files(root / 'b' / 'data.zip', ('.tif',), archives=False))
    assert len(given) == 3, 'an archive that is given is read'


def test_links_that_go_round_end(tmp_path):
    (tmp_path / 'a' / 'b').mkdir(parents=True)
    (tmp_path / 'a' / 'b' / 'x.tif').touch()
    (tmp_path / 'a' / 'b' / 'up').symlink_to(tmp_path / 'a')
    (tmp_path / 'elsewhere').symlink_to(tmp_path / 'a' / 'b')
    found = find_files(tmp_path, ('.tif',))
    assert len(found) == 1


def test_a_damaged_archive_is_named(tmp_path):
    (tmp_path / 'half.zip').write_bytes(b'PK\3\4 and no end')
    with pytest.raises(PrepareUsageError, match=r'half\.zip: damaged, not whole, or no ZIP'):
        find_files(tmp_path, ('.tif',))
    assert find_files(tmp_path, ('.tif',), archives=False) == []
    with pytest.raises(PrepareUsageError, match='expected a set, in folders or ZIP archives'):
        require_source(tmp_path / 'none', 'a set')


def test_archives_within_archives_are_named(tmp_path):
    inner = zipped(tmp_path / 'inner.zip', {'x.tif': b''})
    zipped(tmp_path / 'raw' / 'outer.zip', {'in/inner.zip': inner.read_bytes()})
    with pytest.raises(PrepareUsageError, match=r'outer\.zip/in/inner\.zip: an archive within'):
        find_files(tmp_path / 'raw', ('.tif',))
    (tmp_path / 'raw' / 'y.tif').touch()
    assert len(find_files(tmp_path / 'raw', ('.tif',))) == 1


@pytest.mark.parametrize('compression', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_as_files_are(tmp_path, image, compression):
    write_png(tmp_path / 'image.png', ARRAY[::-1].transpose(1, 2, 0))
    content = {'a b/{x}.tif': image, 'p.png': (tmp_path / 'image.png').read_bytes()}
    archive = zipped(tmp_path / 'a{b} #1.zip', content, compression)
    for name in content:
        member = ZipMember(archive, name)
        assert image_shape(member, 3, ['uint8']) == (40, 50)
        part = read_window(member, 3, ['uint8'], Window(7, 19, 20, 31))
        np.testing.assert_array_equal(part, ARRAY[:, 7:27, 19:50])
    np.testing.assert_array_equal(read_tiff(ZipMember(archive, 'a b/{x}.tif'), 3), ARRAY)


@pytest.mark.parametrize('compression', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize('suffix', ['.tif', '.png'])
def test_a_flipped_bit_is_never_read(tmp_path, image, compression, suffix):
    write_png(tmp_path / 'i.png', ARRAY.transpose(1, 2, 0))
    content = image if suffix == '.tif' else (tmp_path / 'i.png').read_bytes()
    archive = zipped(tmp_path / 'a.zip', {f'x{suffix}': content}, compression)
    data = bytearray(archive.read_bytes())
    rng = np.random.default_rng(1)
    for number, place in enumerate(rng.integers(60, len(data) - 120, 12)):
        spoiled = data.copy()
        spoiled[place] ^= 4
        archive.write_bytes(spoiled)
        os.utime(archive, (number, number))
        with pytest.raises(RasterError, match=rf'a\.zip/x\{suffix}: '):
            read_window(ZipMember(archive, f'x{suffix}'), 3, ['uint8'])


def test_what_cannot_be_read_is_named(tmp_path, image):
    archive = zipped(
        tmp_path / 'a.zip', {'x.tif': image, 'vrt.tif': b'<VRTDataset/>', 'x.png': b''}
    )
    for name, message in (
        ('none.tif', 'missing file|unreadable image'),
        ('vrt.tif', 'unreadable image'),
        ('x.png', 'unreadable image'),
    ):
        with pytest.raises(RasterError, match=message) as error:
            read_window(ZipMember(archive, name), 3, ['uint8'])
        assert f'{archive}/{name}' in str(error.value)
    data = archive.read_bytes()
    place = data.index(b'PK\1\2') + 8
    archive.write_bytes(data[:place] + b'\1' + data[place + 1 :])  # flagged as encrypted
    with pytest.raises(RasterError, match=r'unreadable in its archive \(File .* is encrypted'):
        ZipMember(archive, 'x.tif').read()
    with pytest.raises(RasterError, match='missing file'):
        ZipMember(tmp_path / 'gone.zip', 'x.tif').read()


def test_absurd_members_are_judged_by_their_size(tmp_path):
    archive = zipped(tmp_path / 'a.zip', {'x.png': b'1234567'})
    data = archive.read_bytes()
    place = data.index(b'PK\1\2') + 24
    size = (MAX_IN_MEMORY + 1).to_bytes(4, 'little')
    archive.write_bytes(data[:place] + size + data[place + 4 :])
    with pytest.raises(RasterError, match=rf'at most {MAX_IN_MEMORY} bytes, but found'):
        ZipMember(archive, 'x.png').read()


def test_files_in_two_places_are_refused_with_both(tmp_path):
    zipped(tmp_path / 'one.zip', {'in/1.tif': b'', 'in/2.tif': b''})
    (tmp_path / 'two').mkdir()
    (tmp_path / 'two' / '1.tif').touch()

    def found():
        return [(file.path.stem, file) for file in find_files(tmp_path, ('.tif',))]

    with pytest.raises(PrepareUsageError, match='images 1 is there twice: ') as error:
        unique_files(found(), 'images')
    assert f'{tmp_path}/one.zip/in/1.tif' in str(error.value)
    assert f'{tmp_path}/two/1.tif' in str(error.value)
    (tmp_path / 'two' / '1.tif').rename(tmp_path / 'two' / '3.tif')
    with pytest.raises(PrepareUsageError, match='lie in 2 places') as error:
        unique_files(found(), 'images')
    assert f'{tmp_path}/two/3.tif' in str(error.value)
    (tmp_path / 'one.zip').unlink()
    for name in ('4', '5'):  # a folder of its own for each
        (tmp_path / name).mkdir()
        (tmp_path / name / f'{name}.tif').touch()
    (tmp_path / 'two' / '3.tif').unlink()
    assert set(unique_files(found(), 'images')) == {'4', '5'}


def test_a_member_that_is_there_twice(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.writestr('x.tif', b'1')
        with pytest.warns(UserWarning, match='Duplicate name'):
            archive.writestr('x.tif', b'2')
    found = [(file.path.stem, file) for file in find_files(tmp_path, ('.tif',))]
    with pytest.raises(PrepareUsageError, match='twice'):
        unique_files(found, 'images')


def test_missing_files_are_named_where_they_would_be(tmp_path):
    member = ZipMember(tmp_path / 'a.zip', 'f/s1_1.tif')
    found = {'s1': {'1': member}, 's2': {'2': tmp_path / 's2_2.tif'}}
    text = missing_files(found, '2', {'s1': 's1_2.tif', 's2': 's2_2.tif'})
    assert text == f'{tmp_path}/a.zip/f/s1_2.tif: missing file'
    found['s1']['2'] = member
    assert missing_files(found, '2', {'s1': 's1_2.tif', 's2': 's2_2.tif'}) is None


def test_an_archive_that_has_changed_is_read_again(tmp_path, image):
    archive = zipped(tmp_path / 'a.zip', {'x.tif': image})
    np.testing.assert_array_equal(read_tiff(ZipMember(archive, 'x.tif'), 3), ARRAY)
    write_tiff(tmp_path / 'other.tif', 255 - ARRAY)
    zipped(archive, {'y.tif': b'1', 'x.tif': (tmp_path / 'other.tif').read_bytes()})
    found = read_window(ZipMember(archive, 'x.tif'), 3, ['uint8'])
    np.testing.assert_array_equal(found, read_raw(tmp_path / 'other.tif'))
