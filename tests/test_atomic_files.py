import os
import resource
import signal

import pytest

from mmss_plugins.atomic_files import drafted, write_bytes, write_json, write_text

LIMIT = 4096  # bytes that a file may have: what is written beyond fails as on a full disk


@pytest.fixture
def small_files():
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_contents(tmp_path):
    write_bytes(tmp_path / 'a' / 'b.bin', b'\0\n')
    write_text(tmp_path / 'c.txt', 'Größe\n')
    write_json(tmp_path / 'd.json', {'a': [1]}, indent=2)
    assert (tmp_path / 'a' / 'b.bin').read_bytes() == b'\0\n'
    assert (tmp_path / 'c.txt').read_text(encoding='utf-8') == 'Größe\n'
    assert (tmp_path / 'd.json').read_text() == '{\n  "a": [\n    1\n  ]\n}\n'
    assert {path.name for path in tmp_path.iterdir()} == {'a', 'c.txt', 'd.json'}


def test_no_room(tmp_path, small_files):
    path = tmp_path / 'a.bin'
    write_bytes(path, b'old')
    with pytest.raises(OSError, match=r"a\.bin'"):
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
