"""A resumed run repeats the losses of an uninterrupted one."""

import json
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from store_factory import write_dfc_store, write_noldo_store

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    root = tmp_path_factory.mktemp('stores')
    write_noldo_store(root / 'noldo.lmdb', ids=[f'{i:07d}' for i in range(8)], size=40)
    write_dfc_store(root / 'dfc.lmdb', ids=[f'p{i}' for i in range(8)], size=32)
    return root


def pretraining(stores):
    cfg = Config.fromfile(CONFIGS / 'cromss/cromss_mid_r18_13b_mini.py')
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(stores / 'noldo.lmdb')
        loader.dataset.holdout.fraction = 0.25
    cfg.train_dataloader.dataset.pipeline[0].crop_size = (32, 32)
    cfg.train_dataloader.update(batch_size=3, num_workers=2)
    cfg.param_scheduler[0].T_max = 4
    return cfg


def finetuning(stores):
    cfg = Config.fromfile(CONFIGS / 'finetune/pspnet_r18_mini_dfc2020-s2.py')
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.data_root = str(stores / 'dfc.lmdb')
    cfg.train_dataloader.update(batch_size=4, num_workers=2)
    cfg.model.decode_head.dropout_ratio = 0.5  # the model's own randomness has to come back too
    cfg.param_scheduler[0].T_max = 4
    return cfg


class Interruption(Exception):  # noqa: N818
    """Stands for a killed job."""


class InterruptHook(Hook):
    """Stop in the first iteration after two epochs: the checkpoint of epoch 2 is there."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.epoch == 2:
            raise Interruption


def run(cfg, work_dir, hooks=(), resume=False):
    cfg = cfg.copy()
    cfg.work_dir, cfg.resume, cfg.launcher = str(work_dir), resume, 'none'
    cfg.experiment_name = f'{Path(work_dir).name}_{resume}'
    cfg.train_cfg.update(max_epochs=4, val_interval=1)
    cfg.default_hooks.checkpoint.interval = 1
    cfg.default_hooks.logger.interval = 1
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.train()


def losses(work_dir):
    records = [
        json.loads(line)
        for path in sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
        for line in path.read_text().splitlines()
    ]
    return {r['step']: r['loss'] for r in records if 'loss' in r}


@pytest.mark.parametrize('make', [pretraining, finetuning])
def test_resumed_losses_equal_uninterrupted_ones(stores, tmp_path, make):
    cfg = make(stores)
    run(cfg, tmp_path / 'whole')
    with pytest.raises(Interruption):
        run(cfg, tmp_path / 'parts', hooks=[InterruptHook()])
    before = losses(tmp_path / 'parts')
    run(cfg, tmp_path / 'parts', resume=True)
    whole, parts = losses(tmp_path / 'whole'), losses(tmp_path / 'parts')
    assert sorted(before) == [1, 2, 3, 4]
    assert sorted(whole) == list(range(1, 9))
    assert parts == pytest.approx(whole, rel=1e-5)
    assert len(set(whole.values())) == 8
