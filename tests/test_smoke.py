"""The road through the installed stack; run on the original distributions and on the OneDL forks.

The mini configs are pretrained, resumed, fine-tuned from and tested by the command-line tools, on
stores of a few patches. Every network is built in test_config_models.py.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.config_files import loaders, read
from helpers.paths import ROOT
from helpers.store_factory import write_dfc_store, write_noldo_store

pytestmark = pytest.mark.smoke

PATCHES = 8


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    """Stores by data set type, as the configs name it."""
    root = tmp_path_factory.mktemp('stores')
    write_dfc_store(root / 'dfc.lmdb', ids=[f'p{i}' for i in range(PATCHES)], size=64)
    write_noldo_store(
        root / 'noldo.lmdb', ids=[f'{i:07d}' for i in range(PATCHES)], size=64
    )  # places, four seasons each
    return {
        'mmss_plugins.DFC2020Dataset': str(root / 'dfc.lmdb'),
        'mmss_plugins.NoLDOPretrainDataset': str(root / 'noldo.lmdb'),
    }


def run_tool(folder, tool, *arguments):
    """Run a tool in a folder; returns what it printed."""
    command = [sys.executable, str(ROOT / 'tools' / tool), *map(str, arguments)]
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, f'{" ".join(command)}\n{run.stdout[-3000:]}\n{run.stderr[-3000:]}'
    return run.stdout + run.stderr


def overrides(config, data, epochs):
    """Options that make a config a run of two iterations per epoch over the test stores."""
    cfg = read(config)
    options = [
        f'train_cfg.max_epochs={epochs}',
        'train_cfg.val_interval=1',
        'default_hooks.checkpoint.interval=1',
        'default_hooks.logger.interval=1',
        'param_scheduler.0.T_max=2',
    ]
    for name, loader in loaders(cfg):
        options += [
            f'{name}.dataset.data_root={data[loader.dataset.type]}',
            f'{name}.batch_size={PATCHES // 2}',
            f'{name}.num_workers=0',
            f'{name}.persistent_workers=False',
        ]
        if loader.dataset.get('holdout'):
            options.append(f'{name}.dataset.holdout=None')
    return options


def records(work_dir):
    """The scalars that a run's last log file holds, in order."""
    log = max(Path(work_dir).glob('*/vis_data/scalars.json'))
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.fixture(scope='module')
def pretrained(data, tmp_path_factory):
    """A pretraining run of two epochs, resumed in between."""
    config = 'cromss/cromss_mid_r18_13b_mini.py'
    folder = tmp_path_factory.mktemp('pretrained')
    run_tool(
        folder, 'train.py', ROOT / 'configs' / config, '--work-dir', 'run',
        '--cfg-options', *overrides(config, data, epochs=1),
    )  # fmt: skip
    first = records(folder / 'run')
    run_tool(
        folder, 'train.py', ROOT / 'configs' / config, '--work-dir', 'run', '--resume',
        '--cfg-options', *overrides(config, data, epochs=2),
    )  # fmt: skip
    return folder / 'run', first, records(folder / 'run')


def test_pretrain_and_resume(pretrained):
    folder, first, second = pretrained
    assert [row['iter'] for row in first if 'loss' in row] == [1, 2]
    assert [row['iter'] for row in second if 'loss' in row] == [3, 4]
    assert any('mIoU' in row for row in second)
    assert (folder / 'epoch_2.pth').is_file()


def test_fine_tune_and_test(pretrained, data, tmp_path):
    config = 'finetune/pspnet_r18_mini_dfc2020-s2_cromss.py'
    checkpoint = pretrained[0] / 'epoch_2.pth'
    options = overrides(config, data, epochs=1)
    options.append(f'model.backbone.init_cfg.checkpoint={checkpoint}')
    printed = run_tool(
        tmp_path, 'train.py', Path(config).name, '--work-dir', 'run', '--cfg-options', *options
    )
    assert str(checkpoint) in printed
    run_tool(
        tmp_path, 'test.py', Path(config).name, 'run/epoch_1.pth', '--work-dir', 'tested',
        '--out', 'maps', '--show-dir', 'pictures', '--cfg-options', *options,
        'train_dataloader.dataset.data_root=gone.lmdb',  # testing needs the test store only
        'val_dataloader.dataset.data_root=gone.lmdb',
    )  # fmt: skip
    metrics = json.loads(next((tmp_path / 'tested').glob('*/*.json')).read_text())
    validated = [row for row in records(tmp_path / 'run') if 'mIoU' in row][-1]
    for name in ('aAcc', 'mAcc', 'mIoU', 'mDice'):
        assert metrics[name] == pytest.approx(validated[name], abs=0.02, nan_ok=True)
    assert len(list((tmp_path / 'maps').glob('*.png'))) == PATCHES
    assert list((tmp_path / 'pictures').rglob('*.png'))
