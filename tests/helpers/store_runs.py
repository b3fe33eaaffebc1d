"""Tiny runs over a store of ours, with the hooks that guard the loading of weights."""

import copy

from mmengine.config import Config
from mmengine.runner import Runner

from helpers.tiny_segmentation import cross_modal_model


def data(store, **kwargs):
    options = {'modality': 's12', 'image_dtype': 'uint8', **kwargs}
    if options.get('normalize', 'clip8') != 'clip8':
        options['image_dtype'] = 'float32'
    dataset = {
        'type': 'mmss_plugins.DFC2020Dataset',
        'data_root': store,
        'pipeline': [{'type': 'PackSegInputs'}],
        **options,
    }
    sampler = {'type': 'DefaultSampler', 'shuffle': False}
    return {'batch_size': 2, 'num_workers': 0, 'dataset': dataset, 'sampler': sampler}


def make_runner(work_dir, model, dataloader, max_iters=1, hook=None, test=False, **kwargs):
    if test:
        part = {
            'test_dataloader': dataloader,
            'test_cfg': {},
            'test_evaluator': {'type': 'IoUMetric'},
        }
    else:
        part = {
            'train_dataloader': dataloader,
            'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': max_iters},
            'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.0}},
        }
    cfg = Config(
        {
            'model': copy.deepcopy(model),
            'work_dir': str(work_dir),
            'default_hooks': {
                'checkpoint': {'type': 'CheckpointHook', 'interval': 1, 'by_epoch': False}
            },
            'custom_hooks': [
                {'type': 'mmss_plugins.InputSpecificationHook', **(hook or {})},
                {'type': 'mmss_plugins.TransferReportHook', 'allow_partial': bool(hook)},
            ],
            'default_scope': 'mmseg',
            'experiment_name': work_dir.name,
            'custom_imports': {'imports': ['mmss_plugins']},
            **kwargs,
        }
    )
    cfg.merge_from_dict(part)
    return Runner.from_cfg(cfg)


def log_of(work_dir):
    return '\n'.join(file.read_text() for file in sorted(work_dir.rglob('*.log')))


def pretraining(s2=13, **kwargs):
    model = cross_modal_model(**kwargs)
    model['backbones']['s2']['in_channels'] = s2
    model['decode_head']['num_classes'] = 8
    return model


def downstream(checkpoint, prefix='backbones.s2.', in_channels=13):
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(checkpoint), 'prefix': prefix}
    return {
        'type': 'EncoderDecoder',
        'data_preprocessor': {'type': 'mmss_plugins.MultiBandSegDataPreProcessor'},
        'backbone': {
            'type': 'ResNet',
            'depth': 18,
            'base_channels': 4,
            'in_channels': in_channels,
            'init_cfg': init_cfg,
        },
        'decode_head': {'type': 'FCNHead', 'in_channels': 32, 'channels': 4, 'num_classes': 8},
        'test_cfg': {'mode': 'whole'},
    }
