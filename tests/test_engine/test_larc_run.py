"""LARC and the schedule of the learning rate in one real run, stopped and resumed."""

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn


class ToyModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))

    def forward(self, inputs, mode='tensor'):
        return {'loss': self.net(inputs).square().mean()}


def toy_run(folder, resume=False, stop_after=None):
    torch.manual_seed(0)
    data = [{'inputs': row} for row in torch.randn(20, 3)]
    schedule = {'by_epoch': True, 'convert_to_iter_based': True}
    runner = Runner(
        model=ToyModel(),
        work_dir=str(folder),
        train_dataloader={
            'dataset': data,
            'batch_size': 4,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'collate_fn': {'type': 'default_collate'},
        },
        optim_wrapper={
            'optimizer': {'type': 'mmss_plugins.LARC', 'lr': 4.8, 'momentum': 0.9,
                          'weight_decay': 1e-2, 'trust_coefficient': 0.1},
            'paramwise_cfg': {'norm_decay_mult': 0.0},
        },
        param_scheduler=[
            {'type': 'LinearLR', 'start_factor': 0.125, 'end': 2, **schedule},
            {'type': 'mmss_plugins.CosineWarmRestartLR', 'interval': 0.334, 'begin': 2,
             'eta_min_ratio': 1e-3, **schedule},
        ],
        train_cfg={'by_epoch': True, 'max_epochs': 5},
        default_hooks={'checkpoint': {'type': 'CheckpointHook', 'interval': 1},
                       'logger': None, 'runtime_info': {'type': 'RuntimeInfoHook'}},
        log_level='ERROR',
        resume=resume,
        default_scope='mmpretrain',
        experiment_name=f'{folder.name}_{resume}',
    )  # fmt: skip
    if stop_after is not None:
        runner.register_hook(StopHook(stop_after))
    runner.train()
    return runner


class StoppedError(Exception):
    pass


class StopHook(Hook):
    def __init__(self, epoch):
        self.epoch = epoch

    def before_train_epoch(self, runner):
        if runner.epoch == self.epoch:
            raise StoppedError


def test_run_with_larc_and_schedule_resumes_exactly(tmp_path):
    whole = toy_run(tmp_path / 'whole')
    with pytest.raises(StoppedError):
        toy_run(tmp_path / 'part', stop_after=3)
    resumed = toy_run(tmp_path / 'part', resume=True)
    assert resumed.iter == whole.iter == 25
    for mine, theirs in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    group, other = (r.optim_wrapper.optimizer.param_groups[0] for r in (resumed, whole))
    assert group['lr'] == other['lr'] < group['initial_lr'] == 4.8
