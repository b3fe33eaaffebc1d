"""The download command against a local hub."""

import hashlib
import io
import os
import random
import runpy
import subprocess
import sys
import zipfile
from collections import namedtuple
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import pytest
from helpers.hub_server import COMMIT, REPOSITORY, serve
from helpers.paths import ROOT

from mmss_plugins.download import noldo, repository, transfer
from mmss_plugins.download.noldo import main
from mmss_plugins.download.published import PARTS

BLOCK = 1000
CHECKPOINT = 'weights-cromss-13B-midFusion-epoch=199.ckpt'
NOISE = random.Random(1).randbytes(10_500)

needs_hub = pytest.mark.skipif(
    find_spec('huggingface_hub') is None,
    reason='needs huggingface_hub (extra hub)',
)


def zipped(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w') as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


DW = {'dw_train/image_s1/s1_a.tif': NOISE[:3000], 'dw_test/image_s1/s1_b.tif': NOISE[:100]}


@pytest.fixture
def hub(monkeypatch):
    monkeypatch.setattr(transfer, 'BLOCK', BLOCK)
    monkeypatch.setattr(repository, 'WAITS', (0, 0))
    for name in ('HF_TOKEN', 'HF_HUB_OFFLINE', 'http_proxy', 'HTTP_PROXY', 'ALL_PROXY'):
        monkeypatch.delenv(name, raising=False)
    files = {name: b'checkpoint ' + name.encode() for name in PARTS['checkpoints']}
    with serve({**files, CHECKPOINT: NOISE, 'ssl4eo_s12_dw.zip': zipped(DW)}) as running:
        yield running


def run(hub, out, *arguments):
    return main([*map(str, arguments), '--out', str(out), '--endpoint', hub.url])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@needs_hub
def test_download_and_again(hub, tmp_path, capsys):
    out = tmp_path / 'new' / 'folder'
    assert run(hub, out, 'checkpoints') == 0
    assert names(out) == sorted(
        name for file in PARTS['checkpoints'] for name in (file, f'{file}.sha256')
    )
    assert (out / CHECKPOINT).read_bytes() == NOISE
    digest = hashlib.sha256(NOISE).hexdigest()
    assert (out / f'{CHECKPOINT}.sha256').read_text() == f'{digest}  {CHECKPOINT}\n'
    assert f'--revision {COMMIT}' in capsys.readouterr().out
    blocks = [(first, min(first + BLOCK, 10_500) - 1) for first in range(0, 10_500, BLOCK)]
    assert [span for span in hub.ranges() if span in blocks] == blocks
    assert len(hub.ranges()) == len(blocks) + 3
    hub.requests.clear()
    assert run(hub, out, CHECKPOINT, '--revision', COMMIT) == 0
    assert [path for _, path, _ in hub.requests] == [
        f'/api/datasets/{REPOSITORY}/revision/{COMMIT}'
    ]


@needs_hub
@pytest.mark.parametrize('trouble', ['cuts', 'busy'])
def test_broken_connections_are_retried(hub, tmp_path, trouble):
    setattr(hub, trouble, 2)
    assert run(hub, tmp_path, CHECKPOINT) == 0
    assert (tmp_path / CHECKPOINT).read_bytes() == NOISE
    assert len(hub.ranges()) == 11 + 2


@needs_hub
def test_an_interrupted_download_is_continued(hub, tmp_path, capsys, monkeypatch):
    once = repository.DatasetRepository._read_once

    def read(self, name, start, stop):
        hub.cuts = 1 if start >= 4000 else 0
        return once(self, name, start, stop)

    with monkeypatch.context() as patch:
        patch.setattr(repository.DatasetRepository, '_read_once', read)
        assert run(hub, tmp_path, CHECKPOINT, '--connections', 1) == 2
    assert 'after 3 attempts: the same command continues' in capsys.readouterr().err
    (part,) = tmp_path.iterdir()
    assert part.suffix == '.part'
    assert part.read_bytes() == NOISE[:4000]
    hub.cuts = 0
    hub.requests.clear()
    assert run(hub, tmp_path, CHECKPOINT, '--connections', 3) == 0
    assert 'continuing after 4000 of 10500 bytes' in capsys.readouterr().out
    assert hub.ranges()[0] == (4000, 4999)
    assert len(hub.ranges()) == 7
    assert (tmp_path / CHECKPOINT).read_bytes() == NOISE
    assert names(tmp_path) == [CHECKPOINT, f'{CHECKPOINT}.sha256']


@needs_hub
def test_the_beginning_of_another_version_is_not_continued(hub, tmp_path):
    (tmp_path / f'{CHECKPOINT}.{"0" * 12}.part').write_bytes(b'old')
    assert run(hub, tmp_path, CHECKPOINT) == 0
    assert (tmp_path / CHECKPOINT).read_bytes() == NOISE


@needs_hub
def test_wrong_content_never_gets_the_name(hub, tmp_path, capsys):
    hub.published[CHECKPOINT] = '0' * 64
    assert run(hub, tmp_path, CHECKPOINT) == 2
    error = capsys.readouterr().err
    assert '0' * 64 in error
    assert hashlib.sha256(NOISE).hexdigest() in error
    assert names(tmp_path) == []
    hub.published.clear()
    part = tmp_path / f'{CHECKPOINT}.{hashlib.sha256(NOISE).hexdigest()[:12]}.part'
    part.write_bytes(b'x' * 2000)  # damaged after it came
    assert run(hub, tmp_path, CHECKPOINT) == 2
    assert names(tmp_path) == []
    assert run(hub, tmp_path, CHECKPOINT) == 0


@needs_hub
def test_what_was_checked_is_not_read_again(hub, tmp_path, monkeypatch):
    assert run(hub, tmp_path, CHECKPOINT) == 0
    with monkeypatch.context() as patch:
        patch.setattr(transfer, 'checksum_of', lambda path, _: pytest.fail(f'{path} read again'))
        assert run(hub, tmp_path, CHECKPOINT) == 0
    hub.files[CHECKPOINT] = NOISE[::-1]  # another revision, as long
    assert run(hub, tmp_path, CHECKPOINT) == 2
    assert run(hub, tmp_path, CHECKPOINT, '--overwrite') == 0
    assert (tmp_path / CHECKPOINT).read_bytes() == NOISE[::-1]


@needs_hub
def test_another_file_of_the_name_is_not_lost(hub, tmp_path, capsys):
    mine = tmp_path / CHECKPOINT
    mine.write_bytes(NOISE[::-1])
    assert run(hub, tmp_path, CHECKPOINT) == 2
    assert '--overwrite' in capsys.readouterr().err
    assert mine.read_bytes() == NOISE[::-1]
    assert run(hub, tmp_path, CHECKPOINT, '--overwrite') == 0
    assert mine.read_bytes() == NOISE
    hub.requests.clear()
    (tmp_path / f'{CHECKPOINT}.sha256').unlink()  # came by another way, but is the one
    assert run(hub, tmp_path, CHECKPOINT) == 0
    mine.write_bytes(NOISE[::-1])  # changed since it was checked
    os.utime(mine, ns=(2**62, 2**62))
    assert run(hub, tmp_path, CHECKPOINT) == 2
    assert hub.ranges() == []


@needs_hub
def test_unpacking(hub, tmp_path, capsys):
    content = hub.files['ssl4eo_s12_dw.zip']
    assert run(hub, tmp_path, 'dw', '--unpack', '--keep-archive') == 0
    folder = tmp_path / 'ssl4eo_s12_dw'
    assert {name: (folder / name).read_bytes() for name in DW} == DW
    assert (tmp_path / 'ssl4eo_s12_dw.zip').read_bytes() == content
    assert run(hub, tmp_path, 'dw', '--unpack') == 0
    assert names(tmp_path) == ['ssl4eo_s12_dw', 'ssl4eo_s12_dw.zip.unpacked']
    hub.requests.clear()
    assert run(hub, tmp_path, 'dw', '--unpack') == 0
    assert hub.ranges() == []
    (tmp_path / 'ssl4eo_s12_dw.zip.unpacked').unlink()
    (folder / 'dw_test/image_s1/s1_b.tif').write_bytes(b'mine')
    assert run(hub, tmp_path, 'dw', '--unpack') == 1
    assert 's1_b.tif is there with other content' in capsys.readouterr().out
    assert (folder / 'dw_test/image_s1/s1_b.tif').read_bytes() == b'mine'
    assert (tmp_path / 'ssl4eo_s12_dw.zip').exists()
    assert run(hub, tmp_path, 'dw', '--unpack', '--overwrite') == 0
    assert {name: (folder / name).read_bytes() for name in DW} == DW
    hub.files['ssl4eo_s12_dw.zip'] = zipped({'../evil': b'x', **DW})
    assert run(hub, tmp_path, 'dw', '--unpack') == 2
    assert "'../evil' has" in capsys.readouterr().err
    assert 'evil' not in {*names(tmp_path), *names(tmp_path.parent)}


@needs_hub
def test_dry_run_and_full_disk(hub, tmp_path, capsys, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    monkeypatch.setattr(noldo.shutil, 'disk_usage', lambda path: usage(0, 0, 10_499))
    out = tmp_path / 'none' / 'yet'
    assert run(hub, out, CHECKPOINT, '--dry-run') == 0
    printed = capsys.readouterr().out
    assert '10500 bytes to fetch' in printed
    assert '10499 bytes free' in printed
    assert COMMIT in printed
    assert run(hub, out, CHECKPOINT) == 2
    assert 'but 10499 bytes are free' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert hub.ranges() == []
    monkeypatch.setattr(noldo.shutil, 'disk_usage', lambda path: usage(0, 0, 10_500))
    assert run(hub, out, CHECKPOINT) == 0


@needs_hub
@pytest.mark.parametrize(
    ('refuse', 'arguments', 'message'),
    [
        ((404, 'RepoNotFound'), (), 'no such data set'),
        ((403, 'GatedRepo'), (), 'granted on request'),
        ((500, ''), (), '500'),
        (None, ('--revision', 'v9'), "no revision 'v9'"),
        (None, ('nol',), 'has no file ssl4eo_s12_nol.zip'),
        (None, ('README.md',), 'has no file README.md'),
        (None, ('--repository', 'some/where'), 'some/where'),
    ],
)
def test_refusals_are_one_line(hub, tmp_path, capsys, refuse, arguments, message):
    hub.refuse = refuse
    assert run(hub, tmp_path, CHECKPOINT, *arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1
    assert names(tmp_path) == []


@needs_hub
def test_no_hub_and_a_mirror_without_ranges(hub, tmp_path, capsys):
    hub.ignore_range = True
    assert run(hub, tmp_path, CHECKPOINT) == 2
    assert 'cannot send parts' in capsys.readouterr().err
    closed = type('Closed', (), {'url': 'http://127.0.0.1:9'})
    assert run(closed, tmp_path, CHECKPOINT) == 2
    assert 'http://127.0.0.1:9' in capsys.readouterr().err


@needs_hub
def test_one_download_at_a_time(hub, tmp_path, capsys):
    with noldo._alone(tmp_path):
        assert run(hub, tmp_path, CHECKPOINT) == 2
    assert 'another download' in capsys.readouterr().err


def test_the_client_is_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, 'huggingface_hub', None)
    monkeypatch.setattr(sys, 'argv', ['tool', 'dw', '--out', str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / 'tools/prepare/download_noldo.py'), run_name='__main__')
    assert ended.value.code == 2
    assert 'pip install "mmss_plugins[hub]"' in capsys.readouterr().err


@needs_hub
def test_the_clients_own_endpoint(hub):
    code = (
        'from mmss_plugins.download.repository import DatasetRepository as R\n'
        f'r = R({REPOSITORY!r})\n'
        f'print(r.commit, r.read({CHECKPOINT!r}, 10, 30).hex())'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, 'HF_ENDPOINT': hub.url, 'PYTHONPATH': os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.split() == [COMMIT, NOISE[10:30].hex()], done.stderr


IMAGES = {
    f'{folder}/{folder}.tar.gz.part{part}': f'{folder} {part}'.encode() * 200
    for folder in ('s1_grd', 's2_l1c', 's2_l2a')
    for part in ('aa', 'ab')
}
ZARR = {
    f'{split}/{modality}/ssl4eos12_shard_000001.tar': f'{split} {modality}'.encode() * 100
    for split in ('train', 'val')
    for modality in ('S1GRD', 'S2L1C', 'S2L2A', 'DEM')
}


@pytest.fixture
def images(hub):
    hub.others = {'wangyi111/SSL4EO-S12': IMAGES, 'embed2scale/SSL4EO-S12-v1.1': ZARR}
    return hub


def fetched(out):
    """Name to content of what was downloaded."""
    files = (path for path in out.rglob('*') if path.is_file() and path.suffix != '.sha256')
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@needs_hub
@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ([], ['s1_grd/*', 's2_l1c/*']),
        (['--modalities', 's2a'], ['s2_l2a/*']),
        (['--modalities', 's1', '--select', '*.partaa'], ['s1_grd/*.partaa']),
        (['--edition', '1.1'], ['*/S1GRD/*', '*/S2L1C/*']),
        (['--edition', '1.1', '--select', 'val/*'], ['val/S1GRD/*', 'val/S2L1C/*']),
    ],
)
def test_images_of_ssl4eo(images, tmp_path, options, expected):
    assert run(images, tmp_path, 'ssl4eo', *options) == 0
    there = {**IMAGES, **ZARR}
    wanted = {n: c for n, c in there.items() if any(fnmatch(n, e) for e in expected)}
    assert len(wanted) in (1, 2, 4)
    assert fetched(tmp_path) == wanted
    for name, content in wanted.items():
        digest = hashlib.sha256(content).hexdigest()
        record = (tmp_path / f'{name}.sha256').read_text()
        assert record == f'{digest}  {Path(name).name}\n'
    images.requests.clear()
    assert run(images, tmp_path, 'ssl4eo', *options) == 0
    assert images.ranges() == [], 'what is there is not fetched again'


@needs_hub
def test_a_part_of_images_is_continued_and_checked(images, tmp_path, capsys):
    name = 's1_grd/s1_grd.tar.gz.partab'
    options = ['ssl4eo', '--modalities', 's1', '--select', '*ab']
    sha256 = hashlib.sha256(IMAGES[name]).hexdigest()
    part = tmp_path / f'{name}.{sha256[:12]}.part'
    part.parent.mkdir()
    part.write_bytes(IMAGES[name][:1500])
    assert run(images, tmp_path, *options) == 0
    assert 'continuing after 1500' in capsys.readouterr().out
    assert fetched(tmp_path) == {name: IMAGES[name]}
    (tmp_path / name).unlink()
    images.published[name] = '0' * 64
    assert run(images, tmp_path, *options) == 2
    assert fetched(tmp_path) == {}


@needs_hub
def test_what_archives_hold_and_what_else_is_needed(images, tmp_path, capsys):
    images.files['ssl4eo_s12_nol.zip'] = zipped({'a/b.csv': b'1'})
    assert run(images, tmp_path, 'nol', 'dw', 'ssl4eo', '--dry-run') == 0
    printed = capsys.readouterr().out
    assert 'It holds no images: pretraining needs those of SSL4EO-S12 too (part ssl4eo' in printed
    assert 'ssl4eo_s12_dw.zip: images and labels' in printed
    assert 'all parts of a modality from partaa on are needed' in printed
    assert 's2_l1c/s2_l1c.tar.gz.partab' in printed
    assert list(tmp_path.iterdir()) == []


@needs_hub
@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['ssl4eo', '--select', '*.partzz'], 'no file of s1 matches *.partzz: there are s1_grd/'),
        (['ssl4eo', '--repository', REPOSITORY], 'has no file s1_grd/*.part*'),
        (['ssl4eo', 'dw', '--revision', COMMIT], 'download ssl4eo on its own'),
        (['ssl4eo', '--edition', '1.1-zarr'], 'no such data set'),
    ],
)
def test_images_that_are_not_there(images, tmp_path, capsys, arguments, message):
    assert run(images, tmp_path, *arguments) == 2
    assert message in capsys.readouterr().err
