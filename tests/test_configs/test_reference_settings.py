"""The pretraining configs, built, against the published settings."""

import numpy as np
import pytest
import torch
from helpers.paths import ROOT, TESTS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope, init_default_scope
from mmseg.registry import HOOKS, MODELS, PARAM_SCHEDULERS, TRANSFORMS

from mmss_plugins.bands import S2, resolve_bands
from mmss_plugins.checkpoints import to_segmentor_key

FOLDER = ROOT / 'configs' / 'cromss'
NAMES = TESTS / 'data' / 'cromss_tensor_names.npz'
CROMSS = [
    f'cromss_{fusion}_r50_{bands}_200e_noldo'
    for fusion in ('mid', 'late')
    for bands in ('13b', '9b')
]
NOISY = ['noisy_r50_s1_200e_noldo', 'noisy_r50_s2_200e_noldo']
UNSELECTED = [f'{name}_wo-selection' for name in CROMSS]
COMMON = ['cromss_mid-common_r50_13b_200e_noldo']
REFERENCE = [*CROMSS, *COMMON, *UNSELECTED, *NOISY]
PRIOR = 'mmss_plugins.SmoothingPrior'


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


def load(name):
    return Config.fromfile(FOLDER / f'{name}.py')


def build(name):
    with torch.device('meta'):
        return MODELS.build(load(name).model)


def selection_hooks(name):
    kind = HOOKS.get('mmss_plugins.CrossModalSelectionHook')
    built = [HOOKS.build(dict(cfg)) for cfg in load(name).custom_hooks]
    return [hook for hook in built if isinstance(hook, kind)]


def test_every_config_is_checked_here():
    there = {path.stem for path in FOLDER.glob('*.py')}
    others = ('_mini', '_scenes', '_area')
    assert {name for name in there if not any(part in name for part in others)} == set(REFERENCE)


@pytest.mark.parametrize('name', REFERENCE)
def test_optimisation(name):
    cfg = load(name)
    assert (cfg.train_cfg.max_epochs, cfg.train_dataloader.batch_size) == (200, 128)
    assert cfg.train_cfg.val_interval == 1
    assert cfg.train_dataloader.dataset.season == 'random'
    wrapper = build_optim_wrapper(torch.nn.Linear(2, 2), cfg.optim_wrapper)
    (group,) = wrapper.optimizer.param_groups
    assert type(wrapper.optimizer) is torch.optim.Adam
    assert (group['lr'], group['weight_decay']) == (5e-3, 1e-8)
    (scheduler,) = [
        PARAM_SCHEDULERS.build(dict(item), default_args={'optimizer': wrapper})
        for item in cfg.param_scheduler
    ]
    assert (scheduler.factor, scheduler.patience, scheduler.threshold) == (0.5, 30, 1e-4)
    assert (scheduler.monitor, scheduler.rule, scheduler.threshold_rule) == (
        'val_loss', 'less', 'rel',
    )  # fmt: skip


@pytest.mark.parametrize('name', REFERENCE)
def test_data(name):
    cfg = load(name)
    train, val = cfg.train_dataloader.dataset, cfg.val_dataloader.dataset
    assert train.holdout == {'fraction': 0.01, 'seed': 0, 'part': 'train'}
    assert val.holdout == {'fraction': 0.01, 'seed': 0, 'part': 'val'}
    steps = [TRANSFORMS.build(dict(step)) for step in train.pipeline]
    by_name = {type(step).__name__: step for step in steps}
    assert by_name['RandomCrop'].crop_size == (256, 256)
    flip = by_name['RandomFlip']
    assert flip.direction == ['horizontal', 'vertical', 'diagonal']
    assert flip.prob == pytest.approx([1 / 6] * 3)  # one of the three with 0.5
    rotation = by_name['RandomRotateMultiBand']
    assert (rotation.prob, rotation.degree) == (0.2, (-90, 90))
    smooths = name not in NOISY
    assert train.get('season_labels', False) == smooths
    assert ('SmoothingPrior' in by_name) == smooths
    if smooths:
        assert type(steps[0]).__name__ == 'SmoothingPrior'  # it filters the whole patch
        assert (steps[0].kind, steps[0].sigma, steps[0].truncate) == ('ts', 3, 4)
    modality = name.split('_')[2] if name in NOISY else 's12'
    parts = [cfg[f'{part}_dataloader'].dataset for part in ('train', 'val', 'test')]
    assert {part.modality for part in parts} == {modality}
    bands = {len(resolve_bands(part.get('bands'), S2.bands, S2)) for part in parts}
    assert bands == {9 if '_9b_' in name else 13}


@pytest.mark.parametrize('name', REFERENCE)
def test_losses_and_label_smoothing(name):
    model = build(name)
    losses = [(type(loss).__name__, loss.loss_weight) for loss in model.losses]
    assert losses == [('SoftCrossEntropyLoss', 1), ('SoftDiceLoss', 1)]
    if name in NOISY:
        assert (model.consistency, model.smoothing, model.selection) == (None, None, None)
        return
    assert (model.consistency.kind, model.consistency.loss_weight) == ('ce', 1)
    assert (tuple(model.smoothing.factors), model.smoothing.prior) == ((0.15, 0.05), True)


@pytest.mark.parametrize('name', [*REFERENCE, 'noisy_r18_13b_mini'])
def test_selection(name):
    model, hooks = build(name), selection_hooks(name)
    if name not in (*CROMSS, *COMMON):
        assert model.selection is None
        assert hooks == []
        return
    assert (model.selection.confidence, model.selection.class_balance) == ('entropy', True)
    (hook,) = hooks
    assert (hook.ramp, hook.length, hook.by_epoch, hook.proportion) == ('exp', 80, True, 0.5)
    # R(t) = exp(-5 (1 - t / 80)^2), epochs counted from 0
    assert hook.ramp_value(0, 99) == pytest.approx(np.exp(-5))
    assert hook.ramp_value(40, 0) == pytest.approx(np.exp(-1.25))
    assert hook.ramp_value(80, 0) == hook.ramp_value(199, 0) == 1


@pytest.mark.parametrize('name', REFERENCE)
def test_networks_have_the_published_tensors(name):
    """A modality alone has the tensors of its encoder and of the decoder."""
    fusion = 'late' if '_late_' in name else 'mid'
    kind = f'{fusion}{3 if name in COMMON else 2}_resnet50'
    with np.load(NAMES) as file:
        rows = [str(row).partition(' ') for row in file[kind]]
    expected = {to_segmentor_key(key): dims for key, _, dims in rows}
    if name in NOISY:
        other = {'s1': 's2', 's2': 's1'}[name.split('_')[2]]
        expected = {k: v for k, v in expected.items() if not k.startswith(f'backbones.{other}.')}
    if '_9b_' in name:
        expected['backbones.s2.conv1.weight'] = '64x9x7x7'
    found = {key: 'x'.join(map(str, t.shape)) for key, t in build(name).state_dict().items()}
    assert found == expected


@pytest.mark.parametrize('name', ['cromss_mid_r18_13b_mini', 'cromss_late_r18_13b_mini'])
def test_small_configs_are_the_method_in_fewer_epochs(name):
    small, large = build(name), build('cromss_mid_r50_13b_200e_noldo')
    assert small.fusion == name.split('_')[1]
    assert vars(small.selection) == vars(large.selection)
    assert vars(small.smoothing) == vars(large.smoothing)
    (hook,), (reference,) = selection_hooks(name), selection_hooks('cromss_mid_r50_13b_200e_noldo')
    epochs = load(name).train_cfg.max_epochs
    assert (hook.length, epochs) == (16, 40)
    assert hook.length / epochs == reference.length / 200
    assert hook.proportion == reference.proportion
    assert load(name).train_dataloader.dataset.pipeline[0].type == PRIOR


def test_the_small_config_without_the_method_has_none_of_it():
    name = 'noisy_r18_13b_mini'
    model, cfg = build(name), load(name)
    assert (model.consistency, model.smoothing, model.selection) == (None, None, None)
    assert model.modalities == ('s1', 's2')
    method = load('cromss_mid_r18_13b_mini')
    train, other = cfg.train_dataloader.dataset, method.train_dataloader.dataset
    assert not train.season_labels
    assert [step.type for step in other.pipeline] == [
        PRIOR,
        *(step.type for step in train.pipeline),
    ]
    assert {**cfg.optim_wrapper} == {**method.optim_wrapper}
    assert {**cfg.train_cfg} == {**method.train_cfg}
