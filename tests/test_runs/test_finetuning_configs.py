"""The configs that fine-tune on aerial images: their data fit their models and encoders."""

import copy
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.config_files import FINETUNE
from helpers.config_files import load as load_config
from helpers.store_factory import write_aerial_store
from mmengine.dataset import default_collate, pseudo_collate
from mmengine.registry import DATASETS, MODELS, DefaultScope, init_default_scope
from mmpretrain.registry import TRANSFORMS as PRETRAIN_TRANSFORMS

from mmss_plugins.checkpoints import transfer_report
from mmss_plugins.datasets import LoveDADataset, PotsdamDataset

NAMES = [Path(name).stem for name in FINETUNE if 'potsdam' in name or 'loveda' in name]
DATA = ('potsdam', 'loveda-urban', 'loveda-rural')
FROM_RANDOM = [name for name in NAMES if not name.endswith(('_grass', '_simclr'))]
FEW = [name for name in FROM_RANDOM if 'pct' in name]
SIZE = 64


def load(name, folder='finetune'):
    return load_config(f'{folder}/{name}.py')


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    """Stores in which 1 % of the training samples is one at least, by data set."""
    root = tmp_path_factory.mktemp('stores')
    patches = [f'{tile}-{row:04d}-0000' for tile in range(10) for row in range(10)]
    images = [f'{scene}_{i}' for scene in ('urban', 'rural') for i in range(20)]
    return {
        'potsdam': str(write_aerial_store(root / 'p.lmdb', PotsdamDataset, patches, SIZE)),
        'loveda': str(write_aerial_store(root / 'l.lmdb', LoveDADataset, images, SIZE)),
    }


def dataset(cfg, part, stores):
    """The data set of a part, over a small store and with crops of 32 pixels."""
    outer = cfg[f'{part}_dataloader'].dataset
    inner = outer.dataset if outer.type == 'RepeatDataset' else outer
    inner.data_root = stores['loveda' if 'LoveDA' in inner.type else 'potsdam']
    for step in inner.pipeline:
        if step.type == 'RandomResize':
            step.scale = (SIZE, SIZE)
        if step.type == 'RandomCrop':
            step.crop_size = (32, 32)
    return DATASETS.build(outer)


def small(model):
    """The model with the smallest network, but its own data preprocessor and kind of head."""
    width = 4
    if 'size' in model.data_preprocessor:
        model.data_preprocessor.size = (32, 32)
    model.backbone.update(depth=18, stem_channels=width, base_channels=width)
    model.backbone.norm_cfg = model.decode_head.norm_cfg = {'type': 'BN'}
    many = isinstance(model.decode_head.in_channels, (list, tuple))
    widths = [width * 2**i for i in range(4)]
    model.decode_head.update(in_channels=widths if many else widths[-1], channels=width)
    if 'c1_in_channels' in model.decode_head:
        model.decode_head.update(c1_in_channels=width, c1_channels=width)
    return MODELS.build(model)


@pytest.mark.parametrize('name', [name for name in FROM_RANDOM if 'pct' not in name])
def test_training_and_validation_step(stores, name):
    cfg = load(name)
    model = small(cfg.model)
    train = dataset(cfg, 'train', stores)
    assert model.decode_head.num_classes == len(train.metainfo['classes'])
    batch = pseudo_collate([train[i] for i in range(3)])
    data = model.data_preprocessor(batch, training=True)
    if 'mini' not in name:
        assert data['inputs'].shape == (3, 3, 32, 32)
    losses = model(**data, mode='loss')
    terms = {key for key in losses if 'loss' in key}
    assert terms == {'decode.loss_ce', 'decode.loss_dice'}
    assert all(losses[key].isfinite() and losses[key] > 0 for key in terms)
    model.parse_losses(losses)[0].backward()
    assert model.backbone.conv1.weight.grad.abs().sum() > 0
    model.eval()
    for part in ('val', 'test'):
        samples = dataset(cfg, part, stores)
        predicted = model.val_step(pseudo_collate([samples[0], samples[1]]))
        assert predicted[0].pred_sem_seg.shape == (SIZE, SIZE)


@pytest.mark.parametrize(
    ('name', 'stride', 'dilations'),
    [
        ('deeplabv3plus_r50_50e_potsdam', 8, (1, 1, 2, 4)),
        ('pspnet_r50_50e_potsdam', 8, (1, 1, 2, 4)),
        ('upernet_r50_50e_potsdam', 32, (1, 1, 1, 1)),
        ('pspnet_r18_mini_potsdam', 8, (1, 1, 2, 4)),
    ],
)
def test_whole_networks(name, stride, dilations):
    cfg = load(name)
    assert (cfg.model.backbone.type, cfg.model.backbone.dilations) == ('ResNet', dilations)
    with torch.device('meta'):
        model = MODELS.build(cfg.model).eval()
        features = model.backbone(torch.empty(1, 3, 64, 64))
        logits = model.decode_head(features)
    assert features[-1].shape[-1] == 64 // stride
    assert logits.shape[1] == 6


@pytest.mark.parametrize('name', FEW)
def test_few_labels_are_as_many_iterations(stores, name):
    cfg = load(name)
    percent = int(name.split('pct')[0].rpartition('-')[2])
    few = dataset(cfg, 'train', stores)
    everything = dataset(load(name.replace(f'-{percent}pct', '')), 'train', stores)
    count = max(1, round(len(everything) * percent / 100))
    assert len(few.dataset) == count
    assert len(few) == count * 100 // percent
    chosen = [few.dataset.get_data_info(i)['sample_id'] for i in range(count)]
    assert set(chosen) <= {everything.get_data_info(i)['sample_id'] for i in range(len(everything))}
    if percent == 10 and 'potsdam' in name:
        assert len({sample_id.partition('-')[0] for sample_id in chosen}) > 3  # not tile by tile
    few = load(f'{name}_grass')
    assert few.train_dataloader == load(name).train_dataloader
    full = load(f'{name}_grass'.replace(f'-{percent}pct', ''))
    for part in ('model', 'param_scheduler', 'train_cfg', 'val_dataloader', 'test_dataloader'):
        assert few[part] == full[part]


@pytest.mark.parametrize('part', ['train', 'val', 'test'])
@pytest.mark.parametrize('scene', ['urban', 'rural'])
def test_loveda_reads_its_scene(stores, scene, part):
    data = dataset(load(f'pspnet_r50_50e_loveda-{scene}'), part, stores)
    ids = [data.get_data_info(i)['sample_id'] for i in range(len(data))]
    assert len(ids) == {'train': 18, 'val': 2, 'test': 20}[part]
    assert all(sample_id.startswith(f'{scene}_') for sample_id in ids)


@cache
def pretrained_tensors(run):
    """The tensors of a pretraining config's model, by their names in its checkpoints."""
    init_default_scope('mmpretrain')
    encoder = MODELS.build(load(run, 'grass').model.backbone)
    return {f'backbone.{key}': tensor for key, tensor in encoder.state_dict().items()}


@pytest.mark.parametrize('name', [name for name in NAMES if name not in FROM_RANDOM])
def test_the_encoder_is_that_of_the_checkpoint(name):
    cfg = load(name)
    init_cfg = cfg.model.backbone.pop('init_cfg')
    folder, run, file = Path(init_cfg.checkpoint).parts
    data, method = name.split('_')[-2:]
    data = re.sub('-[0-9]+pct', '', data)
    pretraining = f'{method}_r18_mini' if 'mini' in name else f'{method}_r50_350e_{data}'
    last = load(run, 'grass').train_cfg.max_epochs
    assert (folder, run, file) == ('work_dirs', pretraining, f'epoch_{last}.pth')
    state = pretrained_tensors(pretraining)
    init_default_scope('mmseg')
    with torch.device('meta'):
        ours = MODELS.build(cfg.model.backbone).state_dict()
    report = transfer_report(ours, state, init_cfg.prefix)
    assert report.complete
    assert report.unused == ()


@pytest.mark.parametrize('data', DATA)
def test_the_encoder_gets_the_values_that_it_was_pretrained_on(stores, data):
    fine = load(f'deeplabv3plus_r50_50e_{data}_grass')
    samples = dataset(fine, 'test', stores)
    preprocessor = MODELS.build(fine.model.data_preprocessor)
    given = preprocessor(pseudo_collate([samples[1]]))['inputs']

    cfg = load(f'grass_r50_350e_{data}', 'grass')
    pretraining = copy.deepcopy(cfg.train_dataloader.dataset)
    pretraining.update(data_root=samples.store.path, pipeline=[])
    init_default_scope('mmpretrain')
    raw = DATASETS.build(pretraining)[1]
    raw['img'] = [raw['img'], raw['img']]  # the views, had nothing been changed
    packed = PRETRAIN_TRANSFORMS.build(cfg.train_pipeline[-1])(raw)
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    views = preprocessor(default_collate([packed, packed]), training=True)['inputs']

    mean, std = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
    expected = ((raw['img'][0] - mean) / std).transpose(2, 0, 1)
    np.testing.assert_allclose(given[0].numpy(), expected, rtol=1e-4, atol=1e-5)
    for view in views:
        torch.testing.assert_close(view[0], given[0], rtol=1e-4, atol=1e-5)
