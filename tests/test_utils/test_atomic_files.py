import os

import pytest
from helpers.small_disks import limited_files

from mmss_plugins.utils.atomic_files import (
    check_replaceable,
    drafted,
    write_bytes,
    write_json,
    write_text,
)

LIMIT = 4096  # bytes that a file may have


def test_contents(tmp_path):
    write_bytes(tmp_path / 'a' / 'b.bin', b'\0\n')
    write_text(tmp_path / 'c.txt', 'Größe\n')
    write_json(tmp_path / 'd.json', {'a': [1]}, indent=2)
    assert (tmp_path / 'a' / 'b.bin').read_bytes() == b'\0\n'
    assert (tmp_path / 'c.txt').read_text(encoding='utf-8') == 'Größe\n'
    assert (tmp_path / 'd.json').read_text() == '{\n  "a": [\n    1\n  ]\n}\n'
    assert {path.name for path in tmp_path.iterdir()} == {'a', 'c.txt', 'd.json'}


def test_no_room(tmp_path):
    path = tmp_path / 'a.bin'
    write_bytes(path, b'old')
    with limited_files(LIMIT), pytest.raises(OSError, match=r"a\.bin'"):
        write_bytes(path, b'x' * (LIMIT + 1))
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['a.bin']


def test_errors_that_only_syncing_reports(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(OSError, match=r"No space left on device: '.*a\.bin'"):
        write_bytes(tmp_path / 'a.bin', b'x')
    assert os.listdir(tmp_path) == []


def test_the_check_decides(tmp_path):
    seen = []

    def refuse(draft):
        seen.append((draft.suffix, draft.read_bytes()))
        raise ValueError('not as written')

    def write():
        with drafted(tmp_path / 'a.tif', refuse) as draft:
            draft.write_bytes(b'broken')

    with pytest.raises(ValueError, match='not as written'):
        write()
    assert seen == [('.tif', b'broken')]
    assert os.listdir(tmp_path) == []


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / ('long' * 60 + '.txt')
    with drafted(path) as one:
        with drafted(path) as other:
            assert one != other
            other.write_text('other')
        one.write_text('one')
    assert path.read_text() == 'one'
    assert os.listdir(tmp_path) == [path.name]


def test_only_our_texts_may_be_replaced(tmp_path):
    path = tmp_path / 'a.txt'
    check_replaceable(path, '# Ours')
    path.write_text('# Ours\nmore')
    check_replaceable(path, '# Ours')
    (tmp_path / 'link.txt').symlink_to(tmp_path / 'nowhere')
    for other in (tmp_path / 'link.txt', tmp_path):
        with pytest.raises(FileExistsError, match='not one that this tool wrote'):
            check_replaceable(other, '# Ours')
    path.write_text('# Mine')
    with pytest.raises(FileExistsError, match=r'a\.txt'):
        check_replaceable(path, '# Ours')
