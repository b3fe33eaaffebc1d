import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers.paths import ROOT
from helpers.store_factory import write_noldo_store
from helpers.tiny_segmentation import cross_modal_model
from mmengine.registry import MODELS, DefaultScope, init_default_scope

from mmss_plugins.analysis.label_noise import main

TOOL = ROOT / 'tools' / 'analysis' / 'label_noise.py'
CONFIG = """
custom_imports = dict(imports=['mmss_plugins'], allow_failed_imports=False)
default_scope = 'mmseg'
model = {model!r}
train_dataloader = dict(batch_size=2, dataset=dict(
    type='mmss_plugins.NoLDOPretrainDataset', data_root={store!r}, image_dtype='uint8',
    season=0, pipeline=[]))
custom_hooks = [dict(type='mmss_plugins.CrossModalSelectionHook', proportion=0.25)]
"""


@pytest.fixture
def run(tmp_path):
    """A folder with config, store and checkpoint of a tiny model of random weights."""
    store = tmp_path / 'noldo.lmdb'
    write_noldo_store(store, clean=True)
    cfg = cross_modal_model()
    cfg['decode_head'].update(num_classes=9, norm_cfg={'type': 'SyncBN'})
    (tmp_path / 'tiny.py').write_text(CONFIG.format(model=cfg, store=str(store)))
    init_default_scope('mmseg')
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(cfg).state_dict()}, tmp_path / 'weights.pth')
    yield tmp_path
    DefaultScope._instance_dict.clear()


def call(folder, *options):
    return main([str(folder / 'tiny.py'), str(folder / 'weights.pth'), '--device', 'cpu', *options])


def settings(folder):
    return json.loads((folder / 'report.json').read_text())['settings']


def test_writes_and_prints_the_report(run, capsys, monkeypatch):
    monkeypatch.chdir(run)
    assert call(run) == 0
    folder = run / 'work_dirs' / 'tiny' / 'label_noise'
    printed = capsys.readouterr().out
    assert (folder / 'report.md').read_text().startswith(printed.partition('\nwritten')[0].rstrip())
    assert (folder / 'report.png').is_file()
    found = settings(folder)
    assert found['samples'] == 4
    assert found['season'] == 0
    assert found['proportion'] == 0.25
    assert found['batch size'] == 2


def test_options(run):
    options = ['--out', str(run / 'out'), '--samples', '3', '--season', '2', '--batch-size', '3']
    assert call(run, *options, '--proportion', '1', '--cfg-options', 'model.fusion=mid') == 0
    found = settings(run / 'out')
    assert (found['samples'], found['season'], found['batch size']) == (3, 2, 3)
    content = json.loads((run / 'out' / 'report.json').read_text())
    assert content['branches']['s1']['selected'][-1] == 1  # all of them


def test_as_a_command(run):
    command = [sys.executable, str(TOOL), str(run / 'tiny.py'), str(run / 'weights.pth')]
    command += ['--out', str(run / 'out'), '--samples', '1', '--season', 'random']
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert settings(run / 'out')['season'] == 'random'
    assert '1/1 samples' in done.stderr


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--season', '7'], "season must be 0..3 or 'random', but got 7"),
        (['--cfg-options', 'model.fusion=late'], 'does not hold the model of the config'),
        (['--cfg-options', 'train_dataloader.dataset.data_root=nowhere'], 'nowhere'),
    ],
)
def test_mistakes(run, capsys, options, message):
    assert call(run, *options) == 2
    assert message in capsys.readouterr().err


def test_a_checkpoint_that_cannot_be_read_is_reported_without_a_traceback(run, capsys):
    (run / 'weights.pth').write_bytes(b'no checkpoint')
    assert call(run) == 2
    assert 'the file is incomplete, damaged or of another kind' in capsys.readouterr().err
    content = {'state_dict': {}, 'message_hub': Path('foreign')}
    torch.save(content, run / 'weights.pth')
    assert call(run) == 2
    assert 'it holds objects' in capsys.readouterr().err


def test_a_checkpoint_trained_on_other_bands_is_refused(run, capsys):
    from mmss_plugins.checkpoints.spec.input_specification import SPECIFICATION_KEY
    from mmss_plugins.checkpoints.spec.run_specification import run_specification
    from mmss_plugins.evaluation.label_noise.run import report_dataset

    kind = 'mmss_plugins.NoLDOPretrainDataset'
    bands = {'s2': list(range(12, -1, -1))}
    data = report_dataset(
        {'type': kind, 'data_root': str(run / 'noldo.lmdb'), 'image_dtype': 'uint8', 'bands': bands}
    )
    preprocessor = MODELS.build({'type': 'mmss_plugins.MultiBandSegDataPreProcessor'})
    content = torch.load(run / 'weights.pth', weights_only=True)
    content['meta'] = {SPECIFICATION_KEY: run_specification(data, preprocessor).to_dict()}
    torch.save(content, run / 'weights.pth')
    assert call(run) == 2
    assert 'was trained on other inputs' in capsys.readouterr().err


def test_an_override_without_a_value(capsys):
    with pytest.raises(SystemExit, match='2'):
        main(['config', 'checkpoint', '--cfg-options', 'model.fusion'])
    assert "expected KEY=VALUE, but got 'model.fusion'" in capsys.readouterr().err


def test_a_report_without_a_place_is_reported_before_the_work(run, capsys):
    (run / 'taken').touch()
    assert call(run, '--out', str(run / 'taken')) == 2
    said = capsys.readouterr()
    assert "taken': cannot make this folder" in said.err
    assert said.out == ''
