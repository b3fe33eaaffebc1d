"""What must hold for every config."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

ROOT = Path(__file__).resolve().parent.parent / 'configs'
CONFIGS = sorted(
    path.relative_to(ROOT).as_posix() for path in ROOT.rglob('*.py') if '_base_' not in path.parts
)
SIZE = 8


@pytest.fixture(autouse=True)
def _scope():
    yield
    DefaultScope._instance_dict.clear()


def total_loss(cfg, logits, labels):
    """The config's loss of given logits (N, C, H, W) and labels (N, H, W)."""
    model = cfg.model.copy()
    # the losses are what is tested: the smallest network around them
    model.decode_head.norm_cfg = {'type': 'BN'}
    if model.type == 'EncoderDecoder':
        head = MODELS.build({**model.decode_head, 'in_channels': 8, 'channels': 8})
        samples = [SegDataSample(gt_sem_seg=PixelData(data=label[None])) for label in labels]
        losses = head.loss_by_feat(logits, samples)
    else:
        backbone = {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4}
        for name, part in model.backbones.items():
            model.backbones[name] = {**backbone, 'in_channels': part['in_channels']}
        model.decode_head.update(in_channels=(64, 4, 8, 16, 32), decoder_channels=(4,) * 5)
        if model.get('common'):
            model.common = backbone
        segmentor = MODELS.build(model)
        if segmentor.selection is not None:
            segmentor.selection.set_schedule(0.9, 0.5)
        samples = [
            SegDataSample(
                gt_sem_seg=PixelData(data=label[None]),
                smoothing_prior=PixelData(data=prior),  # any that the image gives
            )
            for label, prior in zip(labels, logits.softmax(1), strict=True)
        ]
        each = {name: logits.roll(i, dims=1) for i, name in enumerate(segmentor.backbones)}
        segmentor._forward = lambda *_: each
        losses = segmentor.loss(logits, samples)
    return sum(value for name, value in losses.items() if 'loss' in name)


@pytest.mark.parametrize('name', CONFIGS)
def test_loss_does_not_depend_on_how_many_pixels_are_ignored(name):
    cfg = Config.fromfile(ROOT / name)
    init_default_scope('mmseg')
    classes = cfg.model.decode_head.num_classes
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, classes, 3 * SIZE, SIZE, generator=generator)
    labels = torch.randint(0, classes, (2, 3 * SIZE, SIZE), generator=generator)
    labels[:, SIZE:] = 255
    expected = total_loss(cfg, logits[:, :, :SIZE], labels[:, :SIZE])
    assert expected > 0.1
    for rows in (2 * SIZE, 3 * SIZE):
        found = total_loss(cfg, logits[:, :, :rows], labels[:, :rows])
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize('name', [name for name in CONFIGS if name.startswith('finetune/')])
def test_nothing_is_chosen_by_the_test_split(name):
    cfg = Config.fromfile(ROOT / name)
    train, val, test = (cfg[f'{part}_dataloader'].dataset for part in ('train', 'val', 'test'))
    assert test.data_root.endswith('/test.lmdb')
    assert not test.get('holdout')
    if cfg.default_hooks.checkpoint.save_best is not None:
        assert val.data_root == train.data_root != test.data_root
        assert (train.holdout.pop('part'), val.holdout.pop('part')) == ('train', 'val')
        assert train.holdout == val.holdout == {'fraction': 0.1, 'seed': 0}
    else:  # all labels train, and validation only draws the curve
        assert not train.holdout
        assert (val.data_root, val.get('holdout')) == (test.data_root, None)
    assert train.modality == val.modality == test.modality


@pytest.mark.parametrize('name', CONFIGS)
def test_runs_are_guarded(name):
    cfg = Config.fromfile(ROOT / name)
    assert cfg.train_cfg.type == 'mmss_plugins.NonEmptyEpochTrainLoop'
    hooks = {hook.type.removeprefix('mmss_plugins.') for hook in cfg.custom_hooks}
    assert hooks >= {'IterationSeedHook', 'ResumeValidationHook', 'TransferReportHook'}
