"""Our data set in somebody else's project, with MMSegmentation's own parts and own train script."""

import os
import subprocess
import sys
from pathlib import Path

import mmseg
import pytest
from helpers.paths import ROOT
from helpers.store_factory import write_dfc_store

CONFIG = """
custom_imports = dict(imports=['mmss_plugins'], allow_failed_imports=False)
default_scope = 'mmseg'
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[0.5, 0.5, 0.5], std=[0.25, 0.25, 0.25],
        size=(32, 32), pad_val=0, seg_pad_val=255),
    backbone=dict(
        type='ResNetV1c', depth=18, num_stages=4, out_indices=(0, 1, 2, 3), base_channels=16,
        strides=(1, 2, 2, 2), dilations=(1, 1, 1, 1), norm_cfg=norm_cfg, style='pytorch'),
    decode_head=dict(
        type='FCNHead', in_channels=128, in_index=3, channels=16, num_convs=1, num_classes=8,
        concat_input=False, norm_cfg=norm_cfg, align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False)),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
pipeline = [
    dict(type='RandomResize', scale=(48, 48), ratio_range=(1.0, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(32, 32)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs')]
dataset = dict(type='mmss_plugins.DFC2020Dataset', data_root='{store}', bands=3, pipeline=pipeline)
train_dataloader = dict(
    batch_size=2, num_workers=1, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dataset)
val_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmss_plugins.DFC2020Dataset', data_root='{store}', bands=3, test_mode=True,
                 pipeline=[dict(type='PackSegInputs')]))
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4, val_interval=4)
val_cfg = dict(type='ValLoop')
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1, log_metric_by_epoch=False),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=4))
log_processor = dict(by_epoch=False)
"""


@pytest.mark.smoke
def test_data_set_trains_with_stock_parts(tmp_path):
    write_dfc_store(tmp_path / 'dfc.lmdb', size=48)
    (tmp_path / 'other_project.py').write_text(
        CONFIG.replace('{store}', str(tmp_path / 'dfc.lmdb'))
    )
    script = Path(mmseg.__file__).parent / '.mim' / 'tools' / 'train.py'
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    run = subprocess.run(
        [sys.executable, str(script), 'other_project.py', '--work-dir', 'run'],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-3000:]
    assert 'Iter(train) [4/4]' in run.stdout + run.stderr
    assert 'mIoU' in run.stdout + run.stderr
    assert (tmp_path / 'run' / 'iter_4.pth').is_file()
