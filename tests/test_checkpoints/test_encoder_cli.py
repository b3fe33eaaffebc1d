import runpy
from pathlib import Path

import pytest
import torch
from helpers import foreign_checkpoints as published
from helpers.damaged_checkpoints import flipped, repacked
from helpers.paths import ROOT

from mmss_plugins.checkpoints.convert.encoder_cli import EncoderCommand
from mmss_plugins.checkpoints.convert.ssl4eo_recipes import SSL4EO
from mmss_plugins.checkpoints.convert.vit_recipes import DOFA

TOOLS = ROOT / 'tools' / 'convert'


def run(recipes, *arguments):
    return EncoderCommand('text', recipes, '')([str(argument) for argument in arguments])


@pytest.fixture
def dofa(tmp_path):
    encoder, rest = published.dofa()
    torch.save(encoder | rest, tmp_path / 'dofa.pth')
    return encoder, tmp_path / 'dofa.pth'


def test_there_and_back_through_files(dofa, tmp_path, capsys):
    encoder, file = dofa
    ours, back = tmp_path / 'ours.pth', tmp_path / 'back.pth'
    assert run(DOFA, file, ours) == 0
    said = capsys.readouterr().out
    assert f'DOFA: {len(encoder)} of {len(encoder)} tensors of the encoder' in said
    assert 'dropped: 2 tensors, the norm of the last output' in said
    assert f'written: {ours}' in said
    state = torch.load(ours, weights_only=True)['state_dict']
    assert all(torch.equal(state[name], tensor) for name, tensor in encoder.items())
    assert run(DOFA, ours, back, '--reverse') == 0
    found = torch.load(back, weights_only=True)
    assert found.keys() == encoder.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in encoder.items())


def test_a_compressed_file_converts_and_a_damaged_one_does_not(dofa, tmp_path, capsys):
    encoder, file = dofa
    out = tmp_path / 'ours.pth'
    assert run(DOFA, repacked(file, tmp_path / 'packed.pth'), out) == 0
    state = torch.load(out, weights_only=True)['state_dict']
    assert all(torch.equal(state[name], tensor) for name, tensor in encoder.items())
    assert run(DOFA, flipped(file, tmp_path / 'damaged.pth'), tmp_path / 'other.pth') == 2
    assert 'Bad CRC-32' in capsys.readouterr().err
    assert not (tmp_path / 'other.pth').exists()


def test_scripts_options_are_admitted_and_code_is_not(tmp_path, capsys):
    file, out = tmp_path / 'dino.pth', tmp_path / 'out.pth'
    content = published.dino(18)  # with an argparse.Namespace
    torch.save(content, file)
    assert run(SSL4EO, file, out) == 0
    said = capsys.readouterr().out
    assert 'skipped: student, optimizer, epoch, args, dino_loss' in said
    assert run(SSL4EO, file, out, '--encoder', 'dino-student', '--overwrite') == 0
    state = torch.load(out, weights_only=True)['state_dict']
    assert state['conv1.weight'].flatten()[0] == 1000  # not the teacher's
    torch.save({**content, 'args': Path('here')}, file)
    assert run(SSL4EO, file, tmp_path / 'other.pth') == 2
    said = capsys.readouterr().err
    assert 'objects (pathlib' in said
    assert 'would run code of the file' in said
    assert not (tmp_path / 'other.pth').exists()


def test_which_of_two_encoders(tmp_path, capsys):
    file, out = tmp_path / 'decur.pth', tmp_path / 'out.pth'
    torch.save(published.decur(18), file)
    assert run(SSL4EO, file, out) == 2
    assert '--encoder' in capsys.readouterr().err
    assert run(SSL4EO, file, out, '--encoder', 'decur-s1') == 0
    state = torch.load(out, weights_only=True)['state_dict']
    assert state['conv1.weight'].shape == (64, 2, 7, 7)


def test_what_cannot_be_is_told(dofa, tmp_path, capsys):
    _, file = dofa
    for arguments, message in (
        ((tmp_path / 'gone.pth', tmp_path / 'o.pth'), 'no such file'),
        ((file, file, '--overwrite'), 'same file'),
        ((file, tmp_path / 'o.pth', '--encoder', 'moco'), 'expected a checkpoint of MoCo'),
        ((file, tmp_path / 'o.pth', '--reverse'), '--reverse needs --encoder'),
    ):
        assert run(SSL4EO, *arguments) == 2
        assert message in capsys.readouterr().err
    assert run(DOFA, file, tmp_path / 'o.pth', '--reverse', '--drop', 'x') == 2
    assert run(DOFA, file, tmp_path / 'o.pth') == 0
    assert run(DOFA, file, tmp_path / 'o.pth') == 2
    assert 'there already' in capsys.readouterr().err


def script(name, monkeypatch, *arguments):
    monkeypatch.setattr('sys.argv', [f'{name}.py', *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(TOOLS / f'{name}.py'), run_name='__main__')
    return end.value.code


def test_a_script_by_itself(dofa, tmp_path, monkeypatch, capsys):
    assert script('dofa', monkeypatch, dofa[1], tmp_path / 'o.pth') == 0
    assert "use: backbone=dict(type='mmss_plugins.DOFAViT'" in capsys.readouterr().out


@pytest.mark.parametrize('name', ['dofa', 'satmae', 'ssl4eo', 'satlas'])
def test_the_scripts_help(name, monkeypatch, capsys):
    assert script(name, monkeypatch, '--help') == 0
    said = capsys.readouterr().out
    assert f'usage: {name}.py' in said
    assert f'\n  {name}.py ' in said  # an example
    assert ('--encoder {moco,moco-momentum,' in said) == (name == 'ssl4eo')
