"""What must hold for every config."""

import copy
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.fileio import load as yaml_load
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

ROOT = Path(__file__).resolve().parent.parent / 'configs'
CONFIGS = sorted(
    path.relative_to(ROOT).as_posix() for path in ROOT.rglob('*.py') if '_base_' not in path.parts
)
FINETUNE = [name for name in CONFIGS if name.startswith('finetune/')]
SELF_SUPERVISED = [name for name in CONFIGS if name.startswith('grass/')]
SIZE = 8
WIDTH = 8


@pytest.fixture(autouse=True)
def _scope():
    yield
    DefaultScope._instance_dict.clear()


@cache
def _read(name):
    return Config.fromfile(ROOT / name)


def load(name):
    return copy.deepcopy(_read(name))


def narrow(head):
    """The decode head with inputs of few channels."""
    in_channels = [WIDTH] * 4 if isinstance(head.in_channels, (list, tuple)) else WIDTH
    return {**head, 'in_channels': in_channels, 'channels': WIDTH}


def distinct(names):
    """Names of configs that differ in the model's type or decode head."""
    found = {}
    for name in names:
        model = _read(name).model
        found.setdefault(str((name.split('/')[0], model.type, model.decode_head)), name)
    return [*found.values()]


def total_loss(cfg, logits, labels):
    """The config's loss of given logits (N, C, H, W) and labels (N, H, W)."""
    model = cfg.model.copy()
    # the losses are what is tested: the smallest network around them
    model.decode_head.norm_cfg = {'type': 'BN'}
    if model.type == 'EncoderDecoder':
        head = MODELS.build(narrow(model.decode_head))
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


@pytest.mark.parametrize(
    'name',
    [
        *(name for name in CONFIGS if name.startswith('cromss/')),
        *distinct(FINETUNE),
    ],
)
def test_loss_does_not_depend_on_how_many_pixels_are_ignored(name):
    cfg = load(name)
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


@pytest.mark.parametrize('name', FINETUNE)
def test_nothing_is_chosen_by_the_test_split(name):
    cfg = load(name)
    train, val, test = (cfg[f'{part}_dataloader'].dataset for part in ('train', 'val', 'test'))
    train = train.dataset if train.type == 'RepeatDataset' else train
    # LoveDA's Test has no public labels
    assert test.data_root.endswith('/val.lmdb' if 'loveda' in name else '/test.lmdb')
    assert not test.get('holdout')
    assert not val.get('subset')
    assert not test.get('subset')
    if cfg.default_hooks.checkpoint.save_best is not None:
        assert val.data_root == train.data_root != test.data_root
        assert (train.holdout.pop('part'), val.holdout.pop('part')) == ('train', 'val')
        assert train.holdout == val.holdout == {'fraction': 0.1, 'seed': 0}
    else:  # all labels train, and validation only draws the curve
        assert not train.holdout
        assert (val.data_root, val.get('holdout')) == (test.data_root, None)
    for option in ('type', 'modality', 'scene', 'bands'):
        assert train.get(option) == val.get(option) == test.get(option)


@pytest.mark.parametrize('name', CONFIGS)
def test_runs_are_guarded(name):
    cfg = load(name)
    assert cfg.train_cfg.type == 'mmss_plugins.NonEmptyEpochTrainLoop'
    assert cfg.train_dataloader.sampler.type == 'mmss_plugins.EpochSeededSampler'
    assert cfg.model_wrapper_cfg.type == 'mmss_plugins.AnyDeviceDistributedDataParallel'
    assert cfg.custom_imports.imports == ['mmss_plugins']
    assert cfg.default_scope == ('mmpretrain' if name in SELF_SUPERVISED else 'mmseg')
    hooks = {hook.type.removeprefix('mmss_plugins.') for hook in cfg.custom_hooks}
    assert hooks >= {'IterationSeedHook', 'ResumeValidationHook', 'TransferReportHook'}


def test_metafiles_list_every_config():
    files = yaml_load(ROOT.parent / 'model-index.yml')['Import']
    models = [model for file in files for model in yaml_load(ROOT.parent / file)['Models']]
    assert sorted(model['Config'] for model in models) == [f'configs/{name}' for name in CONFIGS]
    assert all(Path(model['Config']).stem == model['Name'] for model in models)
