"""A resumed run repeats the losses of an uninterrupted one."""

import json
from pathlib import Path

import pytest
import torch
from helpers.paths import ROOT
from helpers.store_factory import write_dfc_store, write_noldo_store
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

CONFIGS = ROOT / 'configs'


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    root = tmp_path_factory.mktemp('stores')
    write_noldo_store(root / 'noldo.lmdb', ids=[f'{i:07d}' for i in range(8)], size=40)
    write_dfc_store(root / 'dfc.lmdb', ids=[f'p{i}' for i in range(8)], size=32)
    return root


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)


def pretraining(stores):
    cfg = Config.fromfile(CONFIGS / 'cromss/cromss_mid_r18_13b_mini.py')
    for backbone in cfg.model.backbones.values():
        backbone.update(stem_channels=8, base_channels=8)
    cfg.model.decode_head.update(in_channels=(8, 8, 16, 32, 64), decoder_channels=(32, 16, 8, 8, 8))
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(stores / 'noldo.lmdb')
        loader.dataset.holdout.fraction = 0.25
    (crop,) = (step for step in cfg.train_dataloader.dataset.pipeline if step.type == 'RandomCrop')
    crop.crop_size = (32, 32)
    cfg.train_dataloader.update(batch_size=3, num_workers=2)
    cfg.param_scheduler[0].T_max = 4
    cfg.custom_hooks[-1].update(length=3)  # the ramp changes with every epoch
    cfg.default_hooks.selection_panels.interval = 1
    return cfg


def finetuning(stores):
    cfg = Config.fromfile(CONFIGS / 'finetune/pspnet_r18_mini_dfc2020-s2.py')
    cfg.model.backbone.update(stem_channels=8, base_channels=8)
    cfg.model.decode_head.update(in_channels=64, channels=16)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(stores / 'dfc.lmdb')
    cfg.train_dataloader.update(batch_size=4, num_workers=2)
    cfg.model.decode_head.dropout_ratio = 0.5  # the model's own randomness has to come back too
    cfg.param_scheduler[0].T_max = 4
    return cfg


class Interruption(Exception):  # noqa: N818
    """Stands for a killed job."""


class InterruptHook(Hook):
    """Stop at a point after two epochs of training: the checkpoint of epoch 2 is there."""

    def __init__(self, point='before_train_iter'):
        setattr(self, point, self.interrupt)

    def interrupt(self, runner, **_):
        if runner.epoch == 2:
            raise Interruption


def run(cfg, work_dir, hooks=(), resume=False, epochs=4):
    cfg = cfg.copy()
    cfg.work_dir, cfg.resume, cfg.launcher = str(work_dir), resume, 'none'
    cfg.experiment_name = f'{Path(work_dir).name}_{resume}'
    cfg.train_cfg.update(max_epochs=epochs, val_interval=1)
    cfg.default_hooks.checkpoint.interval = 1
    cfg.default_hooks.logger.interval = 1
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()
    return runner


def records(work_dir, key='loss'):
    rows = [
        json.loads(line)
        for path in sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
        for line in path.read_text().splitlines()
    ]
    return {row['step']: row[key] for row in rows if key in row}


@pytest.mark.parametrize('make', [pretraining, finetuning])
def test_resumed_losses_equal_uninterrupted_ones(stores, tmp_path, make):
    cfg = make(stores)
    run(cfg, tmp_path / 'whole')
    with pytest.raises(Interruption):
        run(cfg, tmp_path / 'parts', hooks=[InterruptHook()])
    before = records(tmp_path / 'parts')
    run(cfg, tmp_path / 'parts', resume=True)
    whole, parts = records(tmp_path / 'whole'), records(tmp_path / 'parts')
    assert sorted(before) == [1, 2, 3, 4]
    assert sorted(whole) == list(range(1, 9))
    assert parts == pytest.approx(whole, rel=1e-5)
    assert len(set(whole.values())) == 8


def plateau(stores):
    """The small model with the reference schedule, whose rate every validation changes."""
    cfg = pretraining(stores)
    reference = Config.fromfile(CONFIGS / '_base_/schedules/cromss_200e.py')
    cfg.param_scheduler = reference.param_scheduler
    never_better = {'patience': 0, 'threshold': 1e6, 'threshold_rule': 'abs'}
    cfg.param_scheduler[0].update(never_better)  # but for the first: halved from epoch 2 on
    cfg.default_hooks.checkpoint.rule = 'greater'  # the loss rises: each epoch is the best
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
    return cfg


def nearly(value):
    return pytest.approx(value, rel=1e-5) if isinstance(value, (float, list)) else value


def state_of(runner):
    (scheduler,) = runner.param_schedulers
    hub = runner.message_hub
    best = Path(hub.get_info('best_ckpt')).name, hub.get_info('best_score')
    state = {k: v for k, v in scheduler.state_dict().items() if not callable(v)}
    return state, best, hub.get_scalar('val/val_loss').data[0].tolist()


def test_resumed_schedule_sees_every_validation_once(stores, tmp_path):
    cfg = plateau(stores)
    state, best, history = state_of(run(cfg, tmp_path / 'whole', epochs=3))
    rates = records(tmp_path / 'whole', 'lr')
    base = cfg.optim_wrapper.optimizer.lr
    assert list(rates.values()) == pytest.approx([base] * 4 + [base / 2] * 2)
    # MMEngine saves epoch 2 before its validation, and again after it if its score is the best:
    # stopped in the validation there is the first of the two, stopped later the second.
    for point, validated in {'after_val_iter': 1, 'before_train_iter': 2}.items():
        folder = tmp_path / point
        with pytest.raises(Interruption):
            run(cfg, folder, hooks=[InterruptHook(point)], epochs=3)
        saved = torch.load(folder / 'epoch_2.pth', weights_only=True)
        assert saved['message_hub']['runtime_info']['last_validated'] == validated
        found = state_of(run(cfg, folder, resume=True, epochs=3))
        assert records(folder, 'lr') == pytest.approx(rates, rel=1e-9)
        assert records(folder) == pytest.approx(records(tmp_path / 'whole'), rel=1e-5)
        assert len(found[2]) == 3
        assert found[2] == pytest.approx(history, rel=1e-5)
        assert found[0] == {key: nearly(value) for key, value in state.items()}
        assert found[1] == (best[0], pytest.approx(best[1], rel=1e-5))
        assert [path.name for path in folder.glob('best_*')] == [best[0]]
