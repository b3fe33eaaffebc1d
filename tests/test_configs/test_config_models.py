"""Every network that a config holds, and every way to read data; also on the OneDL forks.

Configs share networks: each is built once at its full size, without memory for its weights, and
trained for two iterations at a quarter of its widths. ``-m every_config`` trains every config.
"""

import pytest
import torch
from helpers.config_files import distinct_data, distinct_networks, encoders, load, loaders
from helpers.config_runs import (
    PATCHES,
    SIZE,
    build_dataset,
    build_model,
    channels,
    narrow,
    small_views,
    use_stores,
    write_stores,
)
from mmengine.dataset import default_collate, pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope, init_default_scope

pytestmark = pytest.mark.smoke


@pytest.fixture(autouse=True)
def _scope():
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    return write_stores(tmp_path_factory.mktemp('stores'))


def ready(name, stores):
    cfg = use_stores(load(name), stores)
    init_default_scope(cfg.default_scope)
    return cfg


def collate(cfg, samples):
    return (default_collate if cfg.default_scope == 'mmpretrain' else pseudo_collate)(samples)


def test_configs_share_networks():
    assert 20 < len(distinct_networks()) < 50
    assert 20 < len(distinct_data()) < 50


@pytest.mark.parametrize('name', [name for name in distinct_networks() if 'grass/' not in name])
def test_whole_network_builds(name):
    """Not those of MMPretrain, whose ResNet needs its numbers while it is built."""
    cfg = load(name)
    init_default_scope(cfg.default_scope)
    bands = sum(channels(encoder) for encoder in encoders(cfg.model).values())
    with torch.device('meta'):
        model = build_model(cfg).eval()
        logits = model(torch.empty(2, bands, SIZE, SIZE), mode='tensor')
    for each in logits.values() if isinstance(logits, dict) else [logits]:
        assert each.shape[1] == cfg.model.decode_head.num_classes
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert parameters > (5e5 if 'r18' in name or 'mini' in name else 2e7)


@pytest.mark.parametrize('name', distinct_networks())
def test_narrow_network_trains(name, stores):
    cfg = narrow(small_views(ready(name, stores)))
    for encoder in encoders(cfg.model).values():
        encoder.pop('init_cfg', None)
    torch.manual_seed(0)
    model = build_model(cfg)
    model.init_weights()
    model.train()
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    data = build_dataset(cfg.train_dataloader)
    if getattr(model, 'selection', None) is not None:
        model.selection.set_schedule(0.9, 0.5)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    for iteration in range(2):
        if cfg.default_scope == 'mmpretrain':
            model.set_stage(guided=bool(iteration))
        batch = collate(cfg, [data[2 * iteration], data[2 * iteration + 1]])
        losses = model.train_step(batch, optimizer)
        assert losses['loss'] > 0
        assert losses['loss'].isfinite()
    moved = [not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True)]
    assert sum(moved) > 0.9 * len(moved)  # all but fixed embeddings and ReLU's dead ends


@pytest.mark.parametrize('name', distinct_data())
def test_data_reach_the_network(name, stores):
    cfg = ready(name, stores)
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    assert loaders(cfg), 'the config loads no data'
    for loader_name, loader in loaders(cfg):
        dataset = build_dataset(loader)
        assert len(dataset) >= PATCHES
        batch = collate(cfg, [dataset[0], dataset[1]])
        given = preprocessor(batch, training=loader_name == 'train_dataloader')
        selfsup = cfg.default_scope == 'mmpretrain'
        views = given['inputs'] if selfsup else [given['inputs']]
        assert len(views) == (2 if selfsup else 1)
        bands = sum(channels(encoder) for encoder in encoders(cfg.model).values())
        for inputs in views:
            assert inputs.dtype == torch.float32
            assert inputs.shape[:2] == (2, bands)
            assert torch.isfinite(inputs).all()
