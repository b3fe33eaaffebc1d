"""LoveDA from its record, against a local server, to the stores that the unpacked tree gives."""

import hashlib
import random

import pytest
from helpers.raw_forms import FORMS, contents, prepare, write_set
from helpers.zenodo_server import serve

from mmss_plugins.download import zenodo as client
from mmss_plugins.prepare import loveda_download
from mmss_plugins.prepare.loveda_download import MD5, RECORD


def md5(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    root = tmp_path_factory.mktemp('loveda')
    places = write_set('loveda', root / 'raw')
    assert prepare('loveda', root / 'raw', root / 'out') == 0
    FORMS['archives'](places, root / 'archives')
    files = {path.name: path.read_bytes() for path in sorted((root / 'archives').iterdir())}
    return places, files, contents(root / 'out', root / 'copy')


@pytest.fixture
def zenodo(published, monkeypatch):
    for name in ('http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(client, 'WAITS', (0, 0))
    monkeypatch.setattr(client, 'MB', 1000)
    _, files, _ = published
    monkeypatch.setattr(loveda_download, 'MD5', {n: md5(content) for n, content in files.items()})
    with serve(RECORD, files) as running:
        yield running


def run(zenodo, raw, out, *options):
    return prepare('loveda', raw, out, '--download', '--url', zenodo.url, *options)


def test_the_published_sums():
    assert {name: value[:4] for name, value in MD5.items()} == {
        'Train.zip': 'de2b',
        'Val.zip': '84ca',
        'Test.zip': 'a489',
    }
    assert {len(value) for value in MD5.values()} == {32}
    assert RECORD == 5706578


def test_downloaded_archives_are_prepared_in_place(zenodo, published, tmp_path, capsys):
    _, files, expected = published
    zenodo.cuts = 2
    assert run(zenodo, tmp_path / 'raw', tmp_path / 'out') == 0
    assert contents(tmp_path / 'out', tmp_path / 'copy') == expected
    for name, content in files.items():
        assert (tmp_path / 'raw' / name).read_bytes() == content
        assert (tmp_path / 'raw' / f'{name}.md5').read_text() == f'{md5(content)}  {name}\n'
    assert 'MD5 as published' in capsys.readouterr().out
    zenodo.requests.clear()
    assert run(zenodo, tmp_path / 'raw', tmp_path / 'out') == 0
    assert [path for path, _ in zenodo.requests] == [f'/api/records/{RECORD}']
    assert 'Train.zip: there already, MD5 as published' in capsys.readouterr().out


@pytest.mark.parametrize('ranges', [True, False])
def test_an_interrupted_download_is_continued(zenodo, published, tmp_path, capsys, ranges):
    _, files, _ = published
    zenodo.ranges = ranges
    content = files['Val.zip']
    part = tmp_path / 'raw' / f'Val.zip.{md5(content)[:12]}.part'
    part.parent.mkdir()
    part.write_bytes(content[:1500])
    assert run(zenodo, tmp_path / 'raw', tmp_path / 'out', '--splits', 'Val') == 0
    assert f'continuing after 1500 of {len(content)} bytes' in capsys.readouterr().out
    assert (tmp_path / 'raw' / 'Val.zip').read_bytes() == content
    assert zenodo.requests[1][1] == 'bytes=1500-'
    assert len(zenodo.requests) == 2, 'only the split that is wanted'


def test_a_server_that_is_busy_or_gives_up(zenodo, tmp_path, capsys):
    zenodo.busy = 2
    assert run(zenodo, tmp_path / 'raw', tmp_path / 'out', '--splits', 'Val') == 0
    zenodo.busy = 99
    assert run(zenodo, tmp_path / 'other', tmp_path / 'no', '--splits', 'Val') == 2
    assert 'HTTP Error 503' in capsys.readouterr().err
    zenodo.busy, zenodo.record = 0, 7
    assert run(zenodo, tmp_path / 'other', tmp_path / 'no', '--splits', 'Val') == 2
    assert 'HTTP Error 404' in capsys.readouterr().err
    assert not (tmp_path / 'no').exists()


def test_other_content_is_refused(zenodo, published, tmp_path, capsys, monkeypatch):
    _, files, _ = published
    zenodo.files['Val.zip'] = random.Random(0).randbytes(3000)
    assert run(zenodo, tmp_path / 'raw', tmp_path / 'out', '--splits', 'Val') == 2
    assert 'expected Val.zip, MD5' in capsys.readouterr().err
    other = bytearray(files['Val.zip'])
    other[50] ^= 1
    described = client.ZenodoRecord._describe
    zenodo.files['Val.zip'] = files['Val.zip']

    def describe(record):  # the description is right, what is sent is not
        found = described(record)
        zenodo.files['Val.zip'] = bytes(other)
        return found

    monkeypatch.setattr(client.ZenodoRecord, '_describe', describe)
    assert run(zenodo, tmp_path / 'raw', tmp_path / 'out', '--splits', 'Val') == 2
    assert f'but what came has {md5(other)}: it was removed' in capsys.readouterr().err
    assert [path.name for path in (tmp_path / 'raw').iterdir()] == []
    zenodo.files['Val.zip'] = files['Val.zip']
    (tmp_path / 'raw' / 'Val.zip').write_bytes(b'mine')
    assert run(zenodo, tmp_path / 'raw', tmp_path / 'out', '--splits', 'Val') == 2
    error = capsys.readouterr().err
    assert 'is there, but is not the published file' in error
    assert error.endswith('move it away\n')
    assert (tmp_path / 'raw' / 'Val.zip').read_bytes() == b'mine'


def test_what_lies_there_unpacked_is_not_fetched(zenodo, published, tmp_path, capsys):
    places, _, expected = published
    train = {path: place for path, place in places.items() if place[0] == 'Train.zip'}
    FORMS['unpacked'](train, tmp_path / 'raw')
    assert run(zenodo, tmp_path / 'raw', tmp_path / 'out') == 0
    assert 'Train is there unpacked, and is not downloaded' in capsys.readouterr().out
    assert not (tmp_path / 'raw' / 'Train.zip').exists()
    assert contents(tmp_path / 'out', tmp_path / 'copy') == expected
