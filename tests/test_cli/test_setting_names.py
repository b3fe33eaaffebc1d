"""Misspelt settings are found, wherever they are in a config."""

import re

import pytest
from mmengine.config import Config

from mmss_plugins.cli.config_files import find_config, require_known_settings
from mmss_plugins.cli.setting_names import unread_settings
from mmss_plugins.cli.usage import UsageError


@pytest.fixture(scope='module')
def fine_tuning():
    return Config.fromfile(find_config('pspnet_r18_mini_dfc2020-s2'))


@pytest.mark.parametrize(
    ('override', 'told'),
    [
        ('train_cfg.max_epoch', "NonEmptyEpochTrainLoop .*did you mean 'max_epochs'"),
        ('val_cfg.fp', r'val_cfg\.fp: .*ValLoop'),
        ('train_dataloader.batchsize', "the data loader .*'batch_size'"),
        ('train_dataloader.dataset.indicess', "DFC2020Dataset .*'indices'"),
        ('train_dataloader.dataset.pipeline.0.probability', "RandomFlip .*'prob'"),
        ('train_dataloader.sampler.shufle', "EpochSeededSampler .*'shuffle'"),
        ('test_evaluator.iou_metric', "IoUMetric .*'iou_metrics'"),
        ('optim_wrapper.clip_grads', "OptimWrapper .*'clip_grad'"),
        ('optim_wrapper.optimizer.lrr', "Adam .*'lr'"),
        ('optim_wrapper.paramwise_cfg.custom_key', "'custom_keys'"),
        ('param_scheduler.0.etamin', "CosineAnnealingLR .*'eta_min'"),
        ('env_cfg.cudnn_benchmrk', "'cudnn_benchmark'"),
        ('randomness.sed', "'seed'"),
        ('auto_scale_lr.enabled', "'enable'"),
        ('default_hooks.logger.intervall', "LoggerHook .*'interval'"),
        ('custom_hooks.0.seed', 'IterationSeedHook'),
        ('visualizer.alfa', "'alpha'"),
        ('model.train_cfg.sampler', 'model.train_cfg does not read'),
        ('model.auxilary_head', "EncoderDecoder .*'auxiliary_head'"),
        ('model.backbone.in_chanels', "'in_channels'"),
        ('model.decode_head.loss_decod', "PSPHead .*'loss_decode'"),
    ],
)
def test_a_misspelt_setting_is_named(fine_tuning, override, told):
    cfg = Config(fine_tuning.to_dict())
    cfg.merge_from_dict({override: 1})
    (line,) = unread_settings(cfg)
    assert line.startswith(override)
    assert re.search(told, line)


def test_settings_that_are_read_pass(fine_tuning):
    cfg = Config(fine_tuning.to_dict())
    assert list(unread_settings(cfg)) == []
    cfg.merge_from_dict(
        {
            'custom_hooks.0.priority': 'LOW',
            'optim_wrapper.constructor': 'Foreign',
            'optim_wrapper.paramwise_cfg': {'num_layers': 3},
            'model.backbone.init_cfg': {'type': 'Pretrained', 'checkpoint': 'x', 'prefix': 'y'},
            'model.decode_head.norm_cfg.requires_grad': True,
            'train_dataloader.dataset.type': 'NotRegistered',
            'train_dataloader.dataset.anything': 1,
        }
    )
    assert list(unread_settings(cfg)) == []
    pretraining = Config.fromfile(find_config('grass_r50_350e_potsdam'))
    pretraining.optim_wrapper.optimizer.nesterov = True  # for the optimizer within LARC
    assert list(unread_settings(pretraining)) == []


def test_the_tools_refuse_it(fine_tuning):
    cfg = Config(fine_tuning.to_dict())
    require_known_settings(cfg, 'some.py')
    cfg.val_cfg.foo = 1
    with pytest.raises(UsageError, match=r"'some\.py' with its overrides: val_cfg\.foo"):
        require_known_settings(cfg, 'some.py')
