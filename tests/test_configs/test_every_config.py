"""Every config builds and trains for two iterations, by the Runner and with the config's hooks.

Left out by default, for it takes long: ``pytest -m every_config``. Networks have their full size,
but for transformers of four blocks; images have 64 pixels; pretrained weights are random ones
under the names that the config reads.
"""

import re

import pytest
import torch
from helpers.config_files import CONFIGS, encoders, load
from helpers.config_runs import shallow, small_views, use_stores, write_stores
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.runner import Runner

pytestmark = pytest.mark.every_config
ITERATIONS = 2


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Stores and random encoders."""
    return write_stores(tmp_path_factory.mktemp('stores'))


@pytest.fixture(autouse=True)
def _scope():
    yield
    DefaultScope._instance_dict.clear()


def random_weights(folder, encoder):
    """Let the encoder start from a file with random weights; returns them by its own names."""
    start = encoder.init_cfg
    settings = {key: value for key, value in encoder.items() if key != 'init_cfg'}
    inflated = re.fullmatch(r'inflate://.*(\?.*)', start.checkpoint)
    if inflated:
        settings['in_channels'] = 3
    prefix = start.get('prefix', '')
    kind, bands = settings['type'], settings.get('in_channels', settings.get('bands'))
    file = folder / re.sub(r'\W', '_', f'{kind}-{settings.get("depth")}-{bands}-{prefix}')
    if not file.exists():
        state = MODELS.build(settings).state_dict()
        torch.save({'state_dict': {f'{prefix}{k}': v for k, v in state.items()}}, file)
    start.checkpoint = f'inflate://{file}{inflated[1]}' if inflated else str(file)
    state = torch.load(file, weights_only=True)['state_dict']
    return {name.removeprefix(prefix): tensor for name, tensor in state.items()}


def reduced(name, folder, work_dir):
    cfg = small_views(use_stores(load(name), folder))
    init_default_scope(cfg.default_scope)
    for encoder in encoders(cfg.model).values():
        if 'arch' in encoder:
            shallow(encoder)
    cfg.train_dataloader.dataset.indices = 2 * ITERATIONS
    cfg.train_cfg.max_epochs = 1
    for part in ('val', 'test'):
        for what in ('dataloader', 'evaluator', 'cfg'):
            cfg.pop(f'{part}_{what}', None)
    cfg.param_scheduler = [  # those of a run that is over after an epoch
        s for s in cfg.param_scheduler if 'Plateau' not in s.type and not s.get('begin')
    ]
    cfg.default_hooks.checkpoint = None
    cfg.update(work_dir=str(work_dir), experiment_name=work_dir.name, log_level='ERROR')
    cfg.visualizer.vis_backends = []
    return cfg


@pytest.mark.parametrize('name', CONFIGS)
def test_two_iterations(name, folder, tmp_path):
    cfg = reduced(name, folder, tmp_path)
    starts = {
        key: random_weights(folder, encoder)
        for key, encoder in encoders(cfg.model).items()
        if encoder.get('init_cfg')
    }
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == ITERATIONS
    losses = runner.message_hub.get_scalar('train/loss').data[0]
    assert len(losses) == ITERATIONS
    assert all(0 < loss < 1e4 for loss in losses)
    owner = runner.model if hasattr(runner.model, 'backbones') else runner.model.backbone
    for key, start in starts.items():
        encoder = owner.backbones[key] if key else owner
        later = dict(encoder.state_dict())
        body = [n for n in start if n.endswith('weight') and start[n].shape == later[n].shape]
        kept = [torch.equal(start[n], later[n]) for n in body]
        assert len(body) > 20
        assert all(kept) if 'frozen' in name else not any(kept)
