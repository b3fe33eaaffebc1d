"""A run with resume=True continues from the newest whole checkpoint, in any MM project."""

import logging

import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

import mmss_plugins.engine  # noqa: F401


@pytest.fixture(autouse=True)
def _scope():
    yield
    DefaultScope._instance_dict.clear()


@MODELS.register_module()
class Counting(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, inputs, data_samples=None, mode='loss'):
        return {'loss': self.weight * 1.0}


def run(work_dir, epochs, resume, caplog):
    cfg = {
        'model': {'type': 'Counting'},
        'work_dir': str(work_dir),
        # MMEngine finds visualizers by this name and the second: each test needs names of its own
        'experiment_name': f'{work_dir.parent.name}-{work_dir.name}-{epochs}-{resume}',
        'train_dataloader': DataLoader([{'inputs': torch.ones(1)}] * 2),
        'train_cfg': {'by_epoch': True, 'max_epochs': epochs},
        'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 1.0}},
        'default_hooks': {'checkpoint': {'type': 'CheckpointHook', 'interval': 1}},
        'custom_hooks': [{'type': 'mmss_plugins.InputSpecificationHook'}],
        'resume': resume,
    }
    runner = Runner(**cfg, cfg=Config({'default_hooks': cfg['default_hooks']}))
    runner.logger.addHandler(caplog.handler)
    runner.train()
    return runner


@pytest.mark.parametrize('damage', ['empty note', 'no note', 'moved', 'cut file'])
def test_the_run_continues(tmp_path, caplog, damage):
    caplog.set_level(logging.INFO)
    folder = tmp_path / 'run'
    run(folder, 3, False, caplog)
    newest = 3
    if damage == 'empty note':
        (folder / 'last_checkpoint').write_text('')
    elif damage == 'no note':
        (folder / 'last_checkpoint').unlink()
    elif damage == 'moved':
        folder = folder.rename(tmp_path / 'moved')
    else:
        file = folder / 'epoch_3.pth'
        file.write_bytes(file.read_bytes()[:-100])
        newest = 2
    runner = run(folder, 4, True, caplog)
    assert runner.iter == 8
    assert runner.model.weight.item() == -8.0  # as an uninterrupted run of 4 epochs
    place = f'the run continues from {folder}/epoch_{newest}.pth (epoch {newest}, iteration'
    assert place in caplog.text
    assert ('not used: ' in caplog.text) == (damage == 'cut file')


def test_a_folder_without_checkpoints_starts_again_and_logs_it(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'last_checkpoint').write_text('')
    runner = run(tmp_path / 'run', 1, True, caplog)
    assert runner.iter == 2
    assert 'holds no checkpoint, so a new run starts' in caplog.text


def test_damaged_files_alone_are_an_error(tmp_path, caplog):
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'epoch_7.pth').write_bytes(b'PK')
    with pytest.raises(RuntimeError, match=r'no checkpoint in .* can be read: .*epoch_7\.pth'):
        run(tmp_path / 'run', 1, True, caplog)
