import argparse
import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers.damaged_checkpoints import flipped
from helpers.lightning_checkpoints import lightning, options
from helpers.paths import ROOT
from helpers.published_networks import published_state, seeded
from mmengine.registry import DefaultScope, init_default_scope
from mmseg.registry import MODELS

from mmss_plugins.checkpoints.convert.cromss_cli import main
from mmss_plugins.compat.plain_namespace import namespaces_admitted

TOOL = ROOT / 'tools' / 'convert' / 'cromss.py'
NAME = 'weights-cromss-13B-midFusion-epoch=199.ckpt'


@pytest.fixture(autouse=True)
def _program(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/convert/cromss.py'])


@pytest.fixture(autouse=True)
def _scope():
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture
def published(tmp_path):
    torch.save(lightning(published_state('mid2_resnet18')), tmp_path / NAME)
    return tmp_path / NAME


def load(path):
    with namespaces_admitted():
        return torch.load(path, weights_only=True)


def test_there_and_back_through_files(published, tmp_path, capsys):
    ours, back = tmp_path / 'ours.pth', tmp_path / 'back.ckpt'
    assert main([str(published), str(ours)]) == 0
    said = capsys.readouterr().out
    assert 'converted: 302 tensors' in said
    assert f'written: {ours}' in said
    assert 'skipped, not weights: epoch, global_step, pytorch-lightning_version, loops, ' in said
    torch.load(ours, weights_only=True)  # nothing but plain values in it
    assert load(ours)['meta']['converted_from'] == NAME
    assert main([str(ours), str(back), '--reverse']) == 0
    before, after = load(published)['state_dict'], load(back)['state_dict']
    assert list(after) == list(before)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


@pytest.mark.parametrize(('modality', 'encoder', 'bands'), [
    ('s1', 'encoder1', 2), ('s2', 'encoder', 13),
])  # fmt: skip
@torch.no_grad()
def test_a_bare_backbone_initialises_the_stock_resnet(
    published, tmp_path, modality, encoder, bands
):
    out = tmp_path / 'backbone.pth'
    assert main([str(published), str(out), '--modality', modality]) == 0
    init_default_scope('mmseg')
    model = MODELS.build(
        {
            'type': 'ResNet',
            'depth': 18,
            'in_channels': bands,
            'init_cfg': {'type': 'Pretrained', 'checkpoint': str(out)},
        }
    )
    model.init_weights()
    state = published_state('mid2_resnet18')
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[f'{encoder}.{name}']), name
    assert model(seeded(0, (2, bands, 32, 32)))[-1].abs().sum() > 0


def failure(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 2
    streams = capsys.readouterr()
    assert streams.out == ''
    assert streams.err.startswith('cromss.py: error: ')
    return streams.err


def test_what_is_asked_for_is_checked(published, tmp_path, capsys):
    out = tmp_path / 'out.pth'
    assert '--bands 9' in failure(capsys, published, out, '--bands', 9)
    assert 'remove --modality' in failure(capsys, published, out, '--reverse', '--modality', 's1')
    assert "no branch 'common'" in failure(capsys, published, out, '--modality', 'common')
    assert not out.exists()


def test_a_tensor_outside_the_network_may_be_dropped(published, tmp_path, capsys):
    content = load(published)
    del content['hyper_parameters']
    content['state_dict']['averaged'] = torch.tensor(3)
    torch.save(content, published)
    out = tmp_path / 'out.pth'
    assert '--drop' in failure(capsys, published, out)
    assert main([str(published), str(out), '--drop', 'averaged']) == 0
    assert 'dropped: 1 tensors, as --drop says (averaged 1)' in capsys.readouterr().out
    assert len(load(out)['state_dict']) == 302


def test_nothing_is_overwritten_unasked(published, tmp_path, capsys):
    out = tmp_path / 'out.pth'
    out.write_text('mine')
    assert '--overwrite' in failure(capsys, published, out)
    assert out.read_text() == 'mine'
    assert main([str(published), str(out), '--overwrite']) == 0
    assert 'state_dict' in load(out)
    capsys.readouterr()
    before = published.read_bytes()
    assert 'same file' in failure(capsys, published, published, '--overwrite')
    assert published.read_bytes() == before


def test_files_that_cannot_be_read_are_told(tmp_path, capsys):
    out, bad = tmp_path / 'out.pth', tmp_path / 'bad.ckpt'
    assert 'no such file' in failure(capsys, bad, out)
    for value, name in (
        (argparse.Namespace(a=Path('x')), 'pathlib'),
        (functools.partial(print), 'functools.partial'),
    ):
        torch.save({'state_dict': {}, 'hyper_parameters': value}, bad)
        said = failure(capsys, bad, out)
        assert name in said
        assert 'Namespace' not in said
        assert 'torch.save(' in said
    torch.save({'state_dict': {}, 'hyper_parameters': argparse.Namespace(a=torch.ones(1))}, bad)
    assert "argparse.Namespace whose 'a' is not plain" in failure(capsys, bad, out)
    torch.save({'model': {'x': torch.ones(1)}, 'args': argparse.Namespace(a=1)}, bad)
    assert "expected a dict with 'state_dict', but the file holds 'model', 'args'" in failure(
        capsys, bad, out
    )
    bad.write_bytes(bad.read_bytes()[:200])
    assert 'incomplete' in failure(capsys, bad, out)
    assert [path.name for path in tmp_path.iterdir()] == ['bad.ckpt']


def test_a_damaged_file_is_not_converted(published, tmp_path, capsys):
    damaged = flipped(published, tmp_path / 'damaged.ckpt', 'data/100')
    assert 'Bad CRC-32' in failure(capsys, damaged, tmp_path / 'other.pth')
    assert not (tmp_path / 'other.pth').exists()


class Bomb:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize('place', ['hyper_parameters', 'Namespace', 'callbacks', 'state_dict'])
def test_a_payload_is_refused_before_anything_runs(tmp_path, capsys, place):
    file, marker = tmp_path / 'bad.ckpt', tmp_path / 'executed'
    content = lightning({'x': torch.ones(1)})
    if place == 'Namespace':
        content['hyper_parameters'] = {'args': options(bomb=Bomb(marker))}
    else:
        content[place]['bomb'] = Bomb(marker)
    torch.save(content, file)
    assert 'objects (posix.mkdir)' in failure(capsys, file, tmp_path / 'out.pth')
    assert not marker.exists()
    assert not (tmp_path / 'out.pth').exists()


def test_a_name_that_tells_another_network_is_warned_of(published, tmp_path, capsys):
    other = published.rename(tmp_path / 'weights-cromss-9B-lateFusion-epoch=199.ckpt')
    assert main([str(other), str(tmp_path / 'out.pth')]) == 0
    assert 'names another network' in capsys.readouterr().err


def test_the_tool_runs_as_a_program(published, tmp_path):
    command = [sys.executable, str(TOOL), NAME, 'out.pth', '--modality', 's2']
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert 'converted: 120 tensors' in done.stdout
    assert len(load(tmp_path / 'out.pth')['state_dict']) == 120
