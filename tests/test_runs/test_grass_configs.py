"""The contrastive pretraining configs: published settings, and data that fit the models."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.config_files import CONFIGS
from helpers.config_files import load as load_config
from helpers.paths import TESTS
from helpers.scene_stores import write_scene_store
from helpers.store_factory import write_aerial_store, write_noldo_store
from mmengine.dataset import default_collate
from mmengine.model import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATASETS, MODELS, DefaultScope, init_default_scope
from mmengine.runner import Runner
from mmpretrain.registry import TRANSFORMS

from mmss_plugins.datasets import LoveDADataset, PotsdamDataset
from mmss_plugins.models.data_preprocessors import MultiBandSegDataPreProcessor
from mmss_plugins.utils.seeding import SeededIndex

GOLDEN = TESTS / 'data' / 'grass_lr.npz'
NAMES = [Path(name).stem for name in CONFIGS if name.startswith('grass/')]
AERIAL = ('potsdam', 'loveda-urban', 'loveda-rural')
PUBLISHED = [f'{method}_r50_350e_{data}' for method in ('grass', 'simclr') for data in AERIAL]
PATCHES = [str(number) for number in range(20)]
GUIDED = [name for name in NAMES if name.startswith('grass_')]
GUIDANCE = 'mmss_plugins.GradientGuidedSamplingHook'


def load(name):
    return load_config(f'grass/{name}.py')


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmpretrain')
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    root = tmp_path_factory.mktemp('stores')
    write_noldo_store(root / 'n.lmdb', size=48)
    images = [f'{scene}_{i}' for scene in ('urban', 'rural') for i in range(4)]
    return {
        'Potsdam': str(write_aerial_store(root / 'p.lmdb', PotsdamDataset, PATCHES, 48)),
        'LoveDA': str(write_aerial_store(root / 'l.lmdb', LoveDADataset, images, 48)),
        'NoLDOPretrain': str(root / 'n.lmdb'),
        'SegmentationStore': str(write_scene_store(root / 's.lmdb', ['image'], size=48)),
    }


def reduced(cfg, stores, size=32):
    """The config with a small store, small views and the smallest network."""
    loader = cfg.train_dataloader
    kind = loader.dataset.type.removeprefix('mmss_plugins.').removesuffix('Dataset')
    loader.dataset.data_root = stores[kind]
    for step in loader.dataset.pipeline[0].transforms[0]:
        if 'scale' in step:
            step.scale = size
    cfg.model.backbone.update(depth=18, stem_channels=4, base_channels=4)
    cfg.model.neck.update(in_channels=32, hid_channels=8, out_channels=8)
    return cfg


def build(model):
    """The model as a run on one CPU has it."""
    model = revert_sync_batchnorm(MODELS.build(model))
    model.train()
    return model


@pytest.mark.parametrize('name', GUIDED)
def test_training_step_of_both_stages(stores, name):
    cfg = reduced(load(name), stores)
    data = DATASETS.build(cfg.train_dataloader.dataset)
    torch.manual_seed(0)
    model = build(cfg.model)
    batch = default_collate([data[i] for i in range(4)])
    assert len({sample.sample_id for sample in batch['data_samples']}) == 4
    inputs = model.data_preprocessor(batch, training=True)['inputs']
    bands = cfg.model.backbone.in_channels
    assert bands == len(data.channels)
    assert [tuple(view.shape) for view in inputs] == [(4, bands, 32, 32)] * 2
    assert not torch.equal(*inputs)
    for guided in (False, True):
        model.set_stage(guided)
        losses = model(inputs, mode='loss')
        assert losses['loss'].isfinite()
        assert ('crop_area' in losses) == guided
        model.zero_grad()
        model.parse_losses(losses)[0].backward()
        assert model.backbone.conv1.weight.grad.abs().sum() > 0


@pytest.mark.parametrize('name', ['grass_r50_350e_loveda-rural', 'grass_r50_noldo-s2'])
def test_views_are_a_function_of_the_samplers_stream(stores, name):
    data = DATASETS.build(reduced(load(name), stores).train_dataloader.dataset)
    one, same, other = (
        data[SeededIndex(1, stream)]['inputs'] for stream in ((3, 0, 1), (3, 0, 1), (3, 1, 1))
    )
    assert all(map(torch.equal, one, same))
    assert not any(map(torch.equal, one, other))


@pytest.mark.parametrize(('batch_size', 'batches'), [(2, 10), (3, 6)])
def test_the_runner_gives_the_published_rates(stores, tmp_path, batch_size, batches):
    """Whatever the size of the data set, without a number of iterations in the config."""
    cfg = reduced(load('grass_r50_350e_potsdam'), stores)
    cfg.train_dataloader.update(batch_size=batch_size, num_workers=0, persistent_workers=False)
    cfg.update(work_dir=str(tmp_path), experiment_name=tmp_path.name, log_level='ERROR')
    runner = Runner.from_cfg(cfg)
    iterations = runner.train_loop.max_iters
    assert iterations == 350 * batches
    runner.optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    schedulers = runner.build_param_scheduler(cfg.param_scheduler)
    groups = runner.optim_wrapper.param_groups
    rates = []
    for _ in range(iterations):
        rates.append(groups[0]['lr'])
        assert groups[-1]['lr'] == rates[-1]
        for scheduler in schedulers:
            scheduler.step()
    with np.load(GOLDEN) as file:
        where, expected = file['where'], file['lr']
    steps = where * iterations
    meet = np.isclose(steps, steps.round(), atol=1e-6, rtol=0)
    assert meet.sum() >= 100
    found = np.array(rates)[steps[meet].round().astype(int)]
    np.testing.assert_allclose(found, expected[meet], rtol=1e-9)


@pytest.mark.parametrize('name', PUBLISHED)
def test_published_optimisation(name):
    cfg = load(name)
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (350, 256)
    assert cfg.auto_scale_lr == {'enable': False, 'base_batch_size': 256}
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))
    optimizer = build_optim_wrapper(network, cfg.optim_wrapper).optimizer
    assert (type(optimizer).__name__, type(optimizer.wrapped)) == ('LARC', torch.optim.SGD)
    assert (optimizer.trust_coefficient, optimizer.eps, optimizer.clip) == (1e-3, 1e-8, False)
    settings = {(g['lr'], g['momentum'], g['nesterov']) for g in optimizer.param_groups}
    assert settings == {(4.8, 0.9, False)}
    decays = {id(p): g['weight_decay'] for g in optimizer.param_groups for p in g['params']}
    assert [decays[id(p)] for p in network.parameters()] == [1e-6, 1e-6, 0, 0]


@pytest.mark.parametrize('name', PUBLISHED)
def test_published_model(name):
    cfg = load(name)
    encoder, neck = cfg.model.backbone, MODELS.build(cfg.model.neck)
    assert (encoder.type, encoder.depth, encoder.norm_cfg.type) == ('ResNet', 50, 'SyncBN')
    assert not encoder.zero_init_residual
    assert [tuple(layer.weight.shape) for layer in (neck.fc1, neck.fc2)] == [
        (2048, 2048), (128, 2048),
    ]  # fmt: skip
    assert isinstance(neck.act, torch.nn.ReLU)
    head = MODELS.build(cfg.model.head)
    assert (head.temperature, head.gather) == (0.5, True)
    assert cfg.model.guide == {'ratio': 0.5}


@pytest.mark.parametrize('name', ['grass_r50_350e_potsdam', 'grass_r50_noldo-s2', 'grass_r18_mini'])
def test_projector_fits_the_encoder(name):
    model = load(name).model
    assert MODELS.build(model.backbone).feat_dim == model.neck.in_channels


@pytest.mark.parametrize('name', PUBLISHED)
def test_published_views(name):
    data = load(name).train_dataloader.dataset
    assert data.labels is False
    assert data.get('scene') == (name.rpartition('-')[2] if 'loveda' in name else None)
    views = TRANSFORMS.build(data.pipeline[0])
    assert views.num_views == [2]
    crop, flip, colour, blur = views.pipelines[0].transforms
    assert (crop.size, crop.crop_ratio_range) == ((224, 224), (0.08, 1))
    assert crop.aspect_ratio_range == (3 / 4, 4 / 3)
    assert (flip.prob, flip.direction) == (0.5, 'horizontal')
    strengths = (colour.brightness, colour.contrast, colour.saturation, colour.hue)
    assert strengths == (0.8, 0.8, 0.8, 0.2)
    assert (colour.prob, colour.gray_prob) == (0.8, 0.2)
    assert (blur.prob, blur.sigma) == (0.5, (0.1, 2.0))


@pytest.mark.parametrize('name', GUIDED)
def test_guidance_is_all_that_simclr_lacks(name):
    """So what is tested of the one holds for the other."""
    cfg = load(name)
    *others, hook = cfg.custom_hooks
    assert (hook.type, hook.by_epoch) == (GUIDANCE, True)
    assert hook.begin == cfg.train_cfg.max_epochs * 100 // 350
    assert 'mmss_plugins.SSLHealthHook' in [other.type for other in others]
    if 'noldo' not in name:
        baseline = load(name.replace('grass_', 'simclr_'))
        assert baseline.custom_hooks == others
        for key in set(cfg) - {'custom_hooks'}:
            assert cfg[key] == baseline[key], key


def test_multi_band_values_are_those_of_fine_tuning(stores):
    cfg = load('grass_r50_noldo-s2')
    images = torch.randint(0, 256, (2, 13, 8, 8), dtype=torch.uint8)
    given = MODELS.build(cfg.model.data_preprocessor)({'inputs': [images, images]})['inputs']
    expected = MultiBandSegDataPreProcessor()({'inputs': list(images)})['inputs']
    for view in given:
        torch.testing.assert_close(view, expected)
