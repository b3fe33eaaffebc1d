"""The test tool holds a checkpoint to the inputs that it was trained on."""

import os
import subprocess

import torch
from helpers.paths import ROOT
from helpers.store_factory import write_dfc_store
from helpers.warm_python import warm_python
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import save_checkpoint
from mmseg.registry import MODELS

from mmss_plugins.checkpoints.spec.run_specification import run_specification
from mmss_plugins.datasets import DFC2020Dataset

CONFIG = 'configs/finetune/pspnet_r18_mini_dfc2020-s2.py'
TINY = {
    'model.backbone.base_channels': 8,
    'model.backbone.stem_channels': 8,
    'model.decode_head.in_channels': 64,
    'model.decode_head.channels': 8,
    'test_dataloader.dataset.data_root': 'dfc.lmdb',
    'test_dataloader.num_workers': 0,
    'test_dataloader.persistent_workers': False,
}


def make_checkpoint(folder):
    cfg = Config.fromfile(ROOT / CONFIG)
    cfg.merge_from_dict(TINY)
    init_default_scope('mmseg')
    model = MODELS.build(cfg.model)
    DefaultScope._instance_dict.clear()
    spec = run_specification(DFC2020Dataset(str(folder / 'dfc.lmdb')), model.data_preprocessor)
    meta = {'input_contract': spec.to_dict(), 'epoch': 1, 'iter': 1}
    save_checkpoint({'meta': meta, 'state_dict': model.state_dict()}, str(folder / 'x.pth'))
    assert torch.load(folder / 'x.pth', weights_only=True)


def run_tool(folder, *options):
    settings = [f'{key}={value}' for key, value in TINY.items()]
    command = [warm_python(), str(ROOT / 'tools/test.py'), str(ROOT / CONFIG), 'x.pth']
    return subprocess.run(
        [*command, '--cfg-options', *settings, *options], cwd=folder, capture_output=True,
        text=True, timeout=300, env={**os.environ, 'PYTHONPATH': str(ROOT)},
    )  # fmt: skip


def test_the_test_tool_compares_the_inputs(tmp_path):
    write_dfc_store(tmp_path / 'dfc.lmdb')
    make_checkpoint(tmp_path)
    right = run_tool(tmp_path)
    said = right.stdout + right.stderr
    assert right.returncode == 0, said[-3000:]
    assert 'input specification: model from x.pth fits the data' in said
    assert 'Epoch(test)' in said
    wrong = run_tool(
        tmp_path,
        'test_dataloader.dataset.normalize=standardise',
        'test_dataloader.dataset.image_dtype=float32',
    )
    said = wrong.stdout + wrong.stderr
    assert wrong.returncode != 0
    assert 'InputSpecificationError' in said
    assert "set normalize='clip8' in the data sets" in said
    assert 'Epoch(test)' not in said
