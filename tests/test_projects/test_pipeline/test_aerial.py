from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.paths import ROOT
from mmengine.config import Config, DictAction
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS

from mmss_plugins.analysis.jobs.commands import ProjectPaths
from projects.pipeline.aerial import AerialRun

PATHS = ProjectPaths(ROOT)


class Recorder:
    """Takes the commands instead of running them."""

    def __init__(self, run):
        self.commands = []
        run.pretrain_dir.mkdir(parents=True, exist_ok=True)
        (run.pretrain_dir / 'last_checkpoint').write_text('epoch.pth')

    def run(self, name, command, show=None):
        self.commands.append(command)


def config_of(command):
    """The config that a training command builds."""
    cfg = Config.fromfile(command[1])
    options = command[command.index('--cfg-options') + 1 :]
    pairs = (option.split('=', 1) for option in options)
    cfg.merge_from_dict({key: DictAction._parse_iterable(value) for key, value in pairs})
    return cfg


@pytest.mark.parametrize('epochs', [None, 70])
def test_a_run_of_another_length_keeps_the_shares_of_its_stages(tmp_path, epochs):
    run = AerialRun(PATHS, tmp_path, epochs=epochs, seed=4)
    recorder = Recorder(run)
    assert run.pretrain(recorder) == Path('epoch.pth')
    cfg = config_of(recorder.commands[0])
    published = Config.fromfile(PATHS.config('grass', 'grass_r18_mini'))
    factor = 1 if epochs is None else epochs / published.train_cfg.max_epochs
    (hook,) = [h for h in cfg.custom_hooks if h.type.endswith('GradientGuidedSamplingHook')]
    (own,) = [h for h in published.custom_hooks if h.type.endswith('GradientGuidedSamplingHook')]
    assert hook.begin == round(own.begin * factor)
    assert cfg.train_cfg.max_epochs == published.train_cfg.max_epochs * factor
    first, second = cfg.param_scheduler
    assert first.end == second.begin == round(published.warm_up * factor)
    assert second.end == cfg.train_cfg.max_epochs
    assert cfg.train_dataloader.dataset.data_root == f'{tmp_path}/potsdam/train.lmdb'
    assert cfg.randomness.seed == 4


def test_the_shortest_run_has_schedules_that_can_be_built(tmp_path):
    recorder = Recorder(run := AerialRun(PATHS, tmp_path, epochs=1))
    run.pretrain(recorder)
    cfg = config_of(recorder.commands[0])
    wrapper = build_optim_wrapper(torch.nn.Linear(2, 2), cfg.optim_wrapper)
    for schedule in cfg.param_scheduler:
        PARAM_SCHEDULERS.build(
            schedule, default_args={'optimizer': wrapper, 'epoch_length': 3}
        ).step()


def test_both_starts_see_the_same_labels(tmp_path):
    run = AerialRun(PATHS, tmp_path, labelled=5, seed=2)
    recorder = Recorder(run)
    run.finetune(recorder, 'random', None)
    run.finetune(recorder, 'GraSS', Path('encoder.pth'), ['randomness.seed=9'])
    random, pretrained = map(config_of, recorder.commands)
    assert random.train_dataloader.dataset.subset == pretrained.train_dataloader.dataset.subset
    assert random.train_dataloader.dataset.subset.count == 5
    assert random.train_dataloader.dataset.subset.seed == 2
    assert random.val_dataloader.dataset.data_root == f'{tmp_path}/potsdam/test.lmdb'
    assert 'init_cfg' not in random.model.backbone
    assert pretrained.model.backbone.init_cfg.checkpoint == 'encoder.pth'
    assert (random.randomness.seed, pretrained.randomness.seed) == (2, 9)
    work_dirs = [command[command.index('--work-dir') + 1] for command in recorder.commands]
    assert work_dirs == [f'{tmp_path}/random', f'{tmp_path}/GraSS']


def test_commands_by_name_are_those_of_mim(tmp_path):
    run = AerialRun(replace(PATHS, by_name=True), tmp_path)
    recorder = Recorder(run)
    run.run_dir('GraSS').mkdir()
    (run.run_dir('GraSS') / 'last_checkpoint').write_text('tuned.pth')
    encoder = run.pretrain(recorder)
    run.test(recorder, 'GraSS', encoder)
    train, test = recorder.commands
    assert train[:5] == ['-m', 'mim', 'train', 'mmss_plugins', 'grass_r18_mini.py']
    assert test[:5] == ['-m', 'mim', 'test', 'mmss_plugins', 'pspnet_r18_mini_potsdam_grass.py']
    assert test[5:7] == ['--checkpoint', 'tuned.pth']


def test_the_data_are_generated_where_the_stores_are_looked_for(tmp_path):
    run = AerialRun(PATHS, tmp_path / 'variant', data=tmp_path / 'data', tiles=3, test_tiles=2)
    recorder = Recorder(run)
    run.prepare(recorder)
    generated, store = recorder.commands
    assert generated[1] == f'{tmp_path}/data/raw'
    assert generated[generated.index('--potsdam-train') + 1] == '3'
    assert generated[generated.index('--potsdam-test') + 1] == '2'
    assert store[1:3] == [f'{tmp_path}/data/raw/potsdam', f'{tmp_path}/data/potsdam']
    assert run.store('train') == tmp_path / 'data' / 'potsdam' / 'train.lmdb'
