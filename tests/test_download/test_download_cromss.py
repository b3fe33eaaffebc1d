"""Published CromSS checkpoints by name: downloaded from a local hub, and converted."""

import io
from importlib.util import find_spec

import pytest
import torch
from helpers.hub_server import COMMIT, serve
from helpers.lightning_checkpoints import lightning
from helpers.published_networks import published_state

from mmss_plugins.checkpoints.convert.cromss_cli import main
from mmss_plugins.download import noldo, repository
from mmss_plugins.download.cromss import CHECKPOINTS

pytestmark = pytest.mark.skipif(
    find_spec('huggingface_hub') is None, reason='needs huggingface_hub (extra hub)'
)
FILE = 'weights-cromss-13B-midFusion-epoch=199.ckpt'


@pytest.fixture(autouse=True)
def _program(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/convert/cromss.py'])


@pytest.fixture(scope='module')
def content():
    stream = io.BytesIO()
    torch.save(lightning(published_state('mid2_resnet18')), stream)
    return stream.getvalue()


@pytest.fixture
def hub(monkeypatch, content):
    monkeypatch.setattr(repository, 'WAITS', (0, 0))
    for name in ('HF_TOKEN', 'HF_HUB_OFFLINE', 'http_proxy', 'HTTP_PROXY', 'ALL_PROXY'):
        monkeypatch.delenv(name, raising=False)
    with serve({FILE: content}) as running:
        yield running


def run(hub, *arguments):
    return main([*map(str, arguments), '--endpoint', hub.url])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_names_of_the_published_files():
    assert {
        f'cromss-{bands}b-{fusion}': f'weights-cromss-{bands}B-{fusion}Fusion-epoch=199.ckpt'
        for bands in (13, 9)
        for fusion in ('mid', 'late')
    } == CHECKPOINTS


def test_one_command_downloads_and_converts(hub, tmp_path, capsys, content):
    out = tmp_path / 'new' / 'ours.pth'
    assert run(hub, 'cromss-13b-mid', out) == 0
    assert names(out.parent) == sorted(['ours.pth', FILE, f'{FILE}.sha256'])
    assert (out.parent / FILE).read_bytes() == content
    said = capsys.readouterr().out
    assert f'commit {COMMIT}' in said
    assert 'converted: 302 tensors' in said
    made = torch.load(out, weights_only=True)
    assert made['meta']['converted_from'] == FILE
    expected = published_state('mid2_resnet18')['encoder.conv1.weight']
    assert torch.equal(made['state_dict']['backbones.s2.conv1.weight'], expected)
    hub.requests.clear()
    s2 = tmp_path / 's2.pth'
    folder = ('--download-dir', out.parent, '--revision', COMMIT)
    assert run(hub, 'cromss-13b-mid', s2, *folder, '--modality', 's2') == 0
    assert hub.ranges() == []  # it is there already
    assert len(torch.load(s2, weights_only=True)['state_dict']) == 120


def failure(capsys, hub, *arguments):
    assert run(hub, *arguments) == 2
    streams = capsys.readouterr()
    assert 'cromss.py: error: ' in streams.err
    return streams.err


def test_what_cannot_be_fetched_is_reported(hub, tmp_path, capsys):
    out = tmp_path / 'ours.pth'
    assert 'has no file weights-cromss-9B-late' in failure(capsys, hub, 'cromss-9b-late', out)
    assert "no revision 'gone'" in failure(capsys, hub, 'cromss-13b-mid', out, '--revision', 'gone')
    hub.published[FILE] = '0' * 64
    assert 'expected SHA-256 0000' in failure(capsys, hub, 'cromss-13b-mid', out)
    assert 'no such file' in failure(capsys, hub, 'cromss-13b-mid', out, '--reverse')
    assert 'no such file' in failure(capsys, hub, 'cromss-14b-mid', out)
    assert names(tmp_path) == []


def test_nothing_is_fetched_for_a_file_that_must_not_be_written(hub, tmp_path, capsys):
    out = tmp_path / 'ours.pth'
    out.write_text('mine')
    assert '--overwrite' in failure(capsys, hub, 'cromss-13b-mid', out)
    assert hub.requests == []
    assert names(tmp_path) == ['ours.pth']


def test_a_file_of_that_name_comes_first(hub, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'cromss-13b-mid').write_bytes(b'mine')
    assert 'cromss-13b-mid: expected a checkpoint' in failure(
        capsys, hub, 'cromss-13b-mid', 'ours.pth'
    )
    assert hub.requests == []


def test_without_the_client_the_command_says_what_to_install(hub, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(noldo.fetch.__globals__, 'DatasetRepository', _absent)
    said = failure(capsys, hub, 'cromss-13b-mid', tmp_path / 'ours.pth')
    assert 'pip install "mmss_plugins[hub]"' in said


def _absent(*arguments):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__('sys').modules, 'huggingface_hub', None)
        repository.require_hub()
