"""The missed validation in iteration-based runs, and where there is none to make up for."""

import pytest
from helpers.tiny_segmentation import cross_modal_model, loader
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

pytestmark = pytest.mark.usefixtures('quick_epochs')


class Killed(Exception):  # noqa: N818
    """Stands for a killed job."""


class CountHook(Hook):
    """Where validation ran; may kill the run in one."""

    def __init__(self, kill_at=None):
        self.kill_at, self.validated = kill_at, []

    def before_val_epoch(self, runner):
        self.validated.append(runner.iter)
        if runner.iter == self.kill_at:
            raise Killed


def run(work_dir, kill_at=None, resume=False, val_begin=1):
    runner = Runner(
        model=cross_modal_model(),
        work_dir=str(work_dir),
        train_dataloader=loader(15),
        train_cfg={
            'type': 'IterBasedTrainLoop',
            'max_iters': 5,
            'val_begin': val_begin,
            'val_interval': 2,
        },
        val_dataloader=loader(15),
        val_cfg={},
        val_evaluator={'type': 'IoUMetric'},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 1.0e-3}},
        default_hooks={'checkpoint': {'type': 'CheckpointHook', 'interval': 1, 'by_epoch': False}},
        custom_hooks=[{'type': 'mmss_plugins.ResumeValidationHook'}],
        default_scope='mmseg',
        experiment_name=f'{work_dir.name}_{resume}_{kill_at}',
        resume=resume,
    )
    hook = CountHook(kill_at)
    runner.register_hook(hook)
    try:
        runner.train()
    except Killed:
        return hook.validated
    finally:
        DefaultScope._instance_dict.clear()
    return hook.validated


def test_each_validation_that_was_missed_is_made_up_for(tmp_path):
    assert run(tmp_path) == [2, 4, 5]
    assert run(tmp_path / 'parts', kill_at=4) == [2, 4]
    assert run(tmp_path / 'parts', resume=True, kill_at=5) == [4, 5]
    assert run(tmp_path / 'parts', resume=True) == [5]


def test_none_that_was_not_due(tmp_path):
    assert run(tmp_path, kill_at=4, val_begin=3) == [4]
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_2.pth'))  # before val_begin
    assert run(tmp_path, resume=True, val_begin=3) == [4, 5]
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_3.pth'))  # between two
    assert run(tmp_path, resume=True) == [4, 5]
