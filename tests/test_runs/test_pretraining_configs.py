"""The data of each pretraining config fit its model."""

from pathlib import Path

import pytest
from helpers.config_files import CONFIGS, load
from helpers.scene_stores import write_area_store, write_scene_store
from helpers.store_factory import write_noldo_store
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, MODELS, DefaultScope, init_default_scope

NAMES = [Path(name).stem for name in CONFIGS if name.startswith('cromss/')]


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    folder, ids = tmp_path_factory.mktemp('store'), [f'{i:07d}' for i in range(8)]
    write_noldo_store(folder / 'noldo.lmdb', ids=ids, size=40)
    write_scene_store(folder / 'scenes.lmdb', seasons=('date1',), ids=ids, size=40)
    write_area_store(folder / 'area.lmdb', ids, 40)
    return folder


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


def dataset(cfg, part, stores):
    cfg = cfg[f'{part}_dataloader'].dataset
    kind = 'noldo' if 'NoLDO' in cfg.type else 'area' if 'area' in cfg.data_root else 'scenes'
    cfg.data_root = str(stores / f'{kind}.lmdb')
    cfg.holdout.fraction = 0.5
    for step in cfg.pipeline:
        if step.type == 'RandomCrop':
            step.crop_size = (32, 32)
    return DATASETS.build(cfg)


def small(model):
    """The model with the smallest network, but its own channels."""
    backbone = {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4}
    for name, part in model.backbones.items():
        model.backbones[name] = {**backbone, 'in_channels': part['in_channels']}
    if model.get('common'):
        model.common = backbone
    head = {'in_channels': (64, 4, 8, 16, 32), 'decoder_channels': (4,) * 5}
    model.decode_head.update(norm_cfg={'type': 'BN'}, **head)
    return MODELS.build(model)


@pytest.mark.parametrize('name', NAMES)
def test_training_and_validation_step(stores, name):
    cfg = load(f'cromss/{name}.py')
    model = small(cfg.model)
    if model.selection is not None:
        model.selection.set_schedule(0.9, 0.5)
    train = dataset(cfg, 'train', stores)
    data = model.data_preprocessor(pseudo_collate([train[0], train[1]]), training=True)
    losses = model(**data, mode='loss')
    terms = {name for name in losses if 'loss' in name}
    branches = {name.split('.')[0] for name in terms}
    assert branches == set(model.backbones)
    assert all(losses[name].isfinite() and losses[name] > 0 for name in terms)
    priors = [sample.get('smoothing_prior') for sample in data['data_samples']]
    assert [prior is not None for prior in priors] == [model.smoothing is not None] * 2
    model.parse_losses(losses)[0].backward()
    model.eval()
    val = dataset(cfg, 'val', stores)
    predicted = model.val_step(pseudo_collate([val[0], val[1]]))
    assert predicted[0].val_loss > 0
    assert predicted[0].pred_sem_seg.shape == (40, 40)
