"""What must hold for every config."""

import re
from pathlib import Path

import pytest
import torch
from helpers.config_files import (
    CONFIGS,
    FINETUNE,
    encoders,
    inner_dataset,
    load,
    loaders,
    read,
)
from helpers.config_runs import channels
from helpers.paths import ROOT
from mmengine.fileio import load as yaml_load
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

SELF_SUPERVISED = [name for name in CONFIGS if name.startswith('grass/')]
SENTINEL = [name for name in FINETUNE if not re.search('potsdam|loveda|scenes', name)]
SIZE = 8
WIDTH = 8


@pytest.fixture(autouse=True)
def _scope():
    yield
    DefaultScope._instance_dict.clear()


def narrow(head):
    """The decode head with inputs of few channels."""
    if head.type.endswith('UNetHead'):
        return {**head, 'in_channels': (WIDTH,) * 5, 'decoder_channels': (WIDTH,) * 5}
    in_channels = [WIDTH] * 4 if isinstance(head.in_channels, (list, tuple)) else WIDTH
    return {**head, 'in_channels': in_channels, 'channels': WIDTH}


def distinct(names):
    """Names of configs that differ in the model's type or decode head."""
    found = {}
    for name in names:
        model = read(name).model
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
    train = inner_dataset(cfg.train_dataloader)
    # LoveDA's Test has no public labels
    assert test.data_root.endswith('val.lmdb' if 'loveda' in name else 'test.lmdb')
    assert not test.get('holdout')
    assert not val.get('subset')
    assert not test.get('subset')
    if 'scenes' in name:  # whose preparation has made a split for this
        assert [Path(part.data_root).stem for part in (train, val)] == ['train', 'val']
    elif cfg.default_hooks.checkpoint.save_best is not None:
        assert val.data_root == train.data_root != test.data_root
        assert (train.holdout.pop('part'), val.holdout.pop('part')) == ('train', 'val')
        assert train.holdout == val.holdout == {'fraction': 0.1, 'seed': 0}
    else:  # all labels train, and validation only draws the curve
        assert not train.holdout
        assert (val.data_root, val.get('holdout')) == (test.data_root, None)
    for option in ('type', 'label', 'modality', 'scene', 'bands'):
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
    guards = {hook.type for hook in cfg.default_hooks.values() if hook}
    assert guards >= {'mmss_plugins.RunCheckHook', 'mmss_plugins.FiniteValuesHook'}
    assert cfg.env_cfg.dist_cfg.timeout == 1800


NAME = re.compile(
    r'(?P<head>[a-z0-9]+)_(?P<encoder>[a-z0-9-]+)_(?P<schedule>50e|mini)_'
    r'(?P<data>dfc2020|dw|osm)-(?P<modality>s12|s1|s2)'
    r'(_(?P<weights>(?!frozen)[a-z0-9-]+?))?([-_](?P<frozen>frozen))?'
)
HEADS = {
    'pspnet': 'PSPHead',
    'deeplabv3plus': 'DepthwiseSeparableASPPHead',
    'fpn': 'FPNHead',
    'upernet': 'UPerHead',
    'unet': 'mmss_plugins.UNetHead',
}
ENCODERS = {'r': 'ResNet', 'vit': 'VisionTransformer', 'dofa': 'DOFAViT', 'satmae': 'SatMAEViT'}
CLASSES = {'dfc2020': 8, 'dw': 9, 'osm': 13}
COUNTS = {None: 13, 9: 9, 'rgb9': 9, 10: 10}
CROMSS = {  # pretraining that weights are of
    'cromss': 'cromss_mid_r50_13b_200e_noldo',
    'cromss-late': 'cromss_late_r50_13b_200e_noldo',
    'cromss-9b': 'cromss_mid_r50_9b_200e_noldo',
    'cromss-late-9b': 'cromss_late_r50_9b_200e_noldo',
}


def expected_bands(told):
    """Sentinel-2's bands by what the name tells."""
    if told['modality'] == 's2':
        if told['weights'] == 'satlas' or told['encoder'] == 'dofa-l16':
            return 'rgb9'
        if told['encoder'].startswith('satmae'):
            return 10
        if (told['weights'] or '').endswith('-9b'):
            return 9
    return None


@pytest.mark.parametrize('name', SENTINEL)
def test_a_config_is_what_its_name_tells(name):
    cfg = read(name)
    told = NAME.fullmatch(Path(name).stem)
    assert told, name
    assert cfg.model.decode_head.type == HEADS[told['head']]
    assert cfg.model.decode_head.num_classes == CLASSES[told['data']]
    assert cfg.train_cfg.max_epochs == 50 or told['schedule'] == 'mini'
    parts = encoders(cfg.model)
    assert ('dual' in told['encoder']) == (len(parts) == 2)
    for part, encoder in parts.items():
        kind = re.split('[-0-9]', told['encoder'])[0]
        kinds = {
            'r': 'ResNet',
            'vit': 'VisionTransformer',
            'dofa': 'DOFAViT',
            'satmae': 'SatMAEViT',
        }
        assert encoder.type.endswith(kinds[kind])
        if kind == 'r':
            assert told['encoder'].startswith(f'r{encoder.depth}')
        start = encoder.get('init_cfg')
        assert bool(start) == bool(told['weights'])
        if start:
            check_start(start, told, part or told['modality'], encoder)
    hooks = [hook.type for hook in cfg.default_hooks.values() if hook]
    freezing = 'mmss_plugins.FreezeEncoderHook' in hooks
    stages = [encoder.get('frozen_stages', -1) for encoder in parts.values()]
    assert (freezing or stages == [4]) == bool(told['frozen'])
    assert freezing or stages == [4] or stages == [-1] * len(parts)


def check_start(start, told, modality, encoder):
    """The checkpoint is that of the weights that the name tells, and fits in depth and bands."""
    file, weights = start.checkpoint, told['weights']
    if weights == 'imagenet':
        assert file.startswith(f'inflate://torchvision://resnet{encoder.depth}?')
        assert f'bands={modality}:{encoder.in_channels}&' in file
        return
    if not weights.startswith(('cromss', 'noisy')):
        size = {'dofa': 'l16', 'satmae': 'l8'}.get(weights, f'r50_{modality}')
        assert file == f'pretrained/{weights}_{size}.pth'
        return
    folder, run, epoch = Path(file).parts
    if told['schedule'] == 'mini':
        assert run == 'cromss_mid_r18_13b_mini'
    else:
        assert run == CROMSS.get(weights, f'noisy_r50_{modality}_200e_noldo')
    pretraining = read(f'cromss/{run}.py')
    assert (folder, epoch) == ('work_dirs', f'epoch_{pretraining.train_cfg.max_epochs}.pth')
    assert start.prefix == f'backbones.{modality}.'
    source = pretraining.model.backbones[modality]
    for key in ('depth', 'in_channels', 'base_channels', 'stem_channels'):
        assert source.get(key) == encoder.get(key)


@pytest.mark.parametrize('name', SENTINEL)
def test_the_data_are_those_that_the_network_takes(name):
    cfg = read(name)
    told = NAME.fullmatch(Path(name).stem)
    parts = [channels(encoder) for encoder in encoders(cfg.model).values()]
    for _, loader in loaders(cfg):
        dataset = loader.dataset
        kind = 'DFC2020' if told['data'] == 'dfc2020' else 'NoLDODownstream'
        assert dataset.type == f'mmss_plugins.{kind}Dataset'
        assert dataset.get('label', 'dfc2020') == told['data']
        assert Path(dataset.data_root).name.startswith(
            ('validation', 'test') if kind == 'DFC2020' else told['data']
        )
        assert dataset.modality == told['modality']
        assert dataset.get('bands') == expected_bands(told)
        bands = {'s1': [2], 's2': [COUNTS[dataset.get('bands')]], 's12': [2, 13]}[dataset.modality]
        assert parts in (bands, [sum(bands)])
        assert (dataset.normalize, dataset.image_dtype) == ('clip8', 'uint8')
        assert dataset.pipeline[-1].type == 'PackSegInputs'
        assert {'ori_shape', 'img_shape', 'channels'} <= set(dataset.pipeline[-1].meta_keys)
    if cfg.model.backbone.type.endswith('DOFAViT') and told['modality'] == 's2':
        assert cfg.model.backbone.bands == f's2:{dataset.get("bands", 13)}'  # in the same order


@pytest.mark.parametrize('data', ['dfc2020', 'dw', 'osm'])
def test_every_cell_of_the_tables_has_a_config(data):
    head = {'dfc2020': 'pspnet', 'dw': 'deeplabv3plus', 'osm': 'fpn'}[data]
    both = ('imagenet', 'moco', 'decur', 'noisy', *CROMSS)
    for modality, weights in (('s1', both), ('s2', (*both, 'dino', 'satlas'))):
        cells = {f'{head}_r50_50e_{data}-{modality}_{w}' for w in weights}
        cells |= {f'upernet_dofa-l16_50e_{data}-{modality}_dofa'}
        if modality == 's2':
            cells |= {f'upernet_satmae-l8_50e_{data}-s2_satmae'}
        cells |= {f'{cell}-frozen' for cell in cells}
        cells |= {f'{head}_r50_50e_{data}-{modality}{end}' for end in ('', '_frozen')}
        assert {f'finetune/{cell}.py' for cell in cells} <= set(FINETUNE)


def test_metafiles_list_every_config():
    files = yaml_load(ROOT / 'model-index.yml')['Import']
    models = [model for file in files for model in yaml_load(ROOT / file)['Models']]
    assert sorted(model['Config'] for model in models) == [f'configs/{name}' for name in CONFIGS]
    assert all(Path(model['Config']).stem == model['Name'] for model in models)
