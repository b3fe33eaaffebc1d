"""Mistakes of a config are found before its first iteration."""

import copy

import pytest
import torch
from helpers.config_files import load
from helpers.config_runs import narrow
from helpers.store_factory import write_dfc_store
from helpers.store_runs import data, downstream
from mmengine.config import ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

import mmss_plugins.engine
import mmss_plugins.models  # noqa: F401
from mmss_plugins.engine.run_checks import (
    check_batch_labels,
    check_batch_norm,
    check_class_count,
    check_negatives,
    smallest_batch,
    spare_classes,
)


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


@pytest.mark.parametrize(
    ('samples', 'size', 'drop_last', 'expected'),
    [(9, 4, False, 1), (9, 4, True, 4), (8, 4, False, 4), (3, 4, False, 3), (2, 1, False, 1)],
)
def test_smallest_batch_is_that_of_an_epoch(samples, size, drop_last, expected):
    loader = DataLoader(range(samples), batch_size=size, drop_last=drop_last)
    assert smallest_batch(loader) == expected == min(len(batch) for batch in loader)


def test_smallest_batch_of_a_stream_is_its_batch_size():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(5))

    assert smallest_batch(DataLoader(Stream(), batch_size=3)) == 3


def head(num_classes, **kwargs):
    cfg = {'type': 'FCNHead', 'in_channels': 4, 'channels': 4, 'num_convs': 0,
           'concat_input': False, 'num_classes': num_classes}  # fmt: skip
    return MODELS.build(ConfigDict({**cfg, **kwargs}))


class Parts(nn.Module):
    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def test_a_head_with_too_few_classes():
    for heads, name in ((head(3), 'decode_head'), (nn.ModuleList([head(4), head(3)]),
                                                   r'decode_head\.1')):  # fmt: skip
        message = rf"model\.{name}\.num_classes is 3, but the data set has 4 classes \['a'"
        with pytest.raises(ValueError, match=message):
            check_class_count(Parts(decode_head=heads), 'abcd')
    with pytest.raises(ValueError, match=r'^model\.auxiliary_head\.num_classes is 3'):
        check_class_count(Parts(decode_head=head(4), auxiliary_head=head(3)), 'abcd')
    edges = head(2, type='STDCHead', boundary_threshold=0.1)
    check_class_count(Parts(decode_head=head(4), auxiliary_head=edges), 'abcd')
    check_class_count(Parts(decode_head=head(3)), 'abc')
    check_class_count(Parts(decode_head=head(3)), None)
    check_class_count(Parts(decode_head=head(2, out_channels=1, threshold=0.5)), 'ab')
    check_class_count(Parts(backbone=nn.Linear(1, 1)), 'abcd')


def test_a_head_with_too_many_classes():
    model = Parts(decode_head=nn.ModuleList([head(3), head(5)]))
    (text,) = spare_classes(model, 'abc')
    assert text.startswith('model.decode_head.1.num_classes is 5, but the data set has only 3')
    assert spare_classes(model, 'abcde') == spare_classes(model, None) == []
    assert spare_classes(Parts(decode_head=head(2)), 'a') == []


def test_labels_of_a_batch():
    def sample(value, name='p'):
        label = torch.zeros(1, 3, 5, dtype=torch.int64)
        label[0, 2, 4] = value
        return SegDataSample(metainfo={'sample_id': name}, gt_sem_seg=PixelData(data=label))

    model = Parts(decode_head=head(3))
    check_batch_labels(model, [sample(2), sample(255)])
    with pytest.raises(ValueError, match=r'labels 0\.\.2, .* found \[3\] in the samples bad'):
        check_batch_labels(model, [sample(1), sample(3, 'bad')])
    check_batch_labels(model, [SegDataSample()])
    check_batch_labels(model, None)
    check_batch_labels(Parts(), [sample(9)])


POOLING = {
    'pspnet_r18_mini_dfc2020-s2': True,
    'deeplabv3plus_r18_mini_dw-s2': True,
    'upernet_r18_mini_dfc2020-s2': True,
    'fpn_r18_mini_dfc2020-s2': False,
    'unet_r18_mini_dfc2020-s2': False,
}


@pytest.mark.parametrize('name', POOLING)
def test_one_image_and_batch_norm(name):
    """The check says no exactly where PyTorch fails."""
    cfg = narrow(load(f'finetune/{name}.py'))
    model = revert_sync_batchnorm(MODELS.build(cfg.model)).train()
    image = torch.randn(1, cfg.model.backbone.in_channels, 64, 64)
    if POOLING[name]:
        with pytest.raises(ValueError, match='Expected more than 1 value per channel'):
            model._forward(image)
        with pytest.raises(ValueError, match=r'one image, but decode_head.*batch_size to 2'):
            check_batch_norm(model, 1, 1)
        with pytest.raises(ValueError, match='one image'):
            check_batch_norm(model, 1, 2)  # without SyncBatchNorm other processes do not help
        synced = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(model))
        check_batch_norm(synced, 1, 2)
    else:
        model._forward(image)
        check_batch_norm(model, 1, 1)
    check_batch_norm(model, 2, 1)
    model.requires_grad_(False)
    check_batch_norm(model, 1, 1)


def test_contrastive_training_needs_other_images():
    ours = Parts(head=MODELS.build({'type': 'mmss_plugins.InfoNCEHead'}))
    for batch, processes in ((2, 1), (1, 2), (64, 8), (0, 1)):
        check_negatives(ours, batch, processes)
    with pytest.raises(ValueError, match='the loss is 0 and nothing is learnt'):
        check_negatives(ours, 1, 1)
    alone = Parts(head=MODELS.build({'type': 'mmss_plugins.InfoNCEHead', 'gather': False}))
    with pytest.raises(ValueError, match='one image in it'):
        check_negatives(alone, 1, 4)
    theirs = {'type': 'mmpretrain.ContrastiveHead', 'loss': {'type': 'mmpretrain.CrossEntropyLoss'}}
    with pytest.raises(ValueError, match='one image in it'):
        check_negatives(Parts(head=MODELS.build(theirs)), 1, 1)
    check_negatives(Parts(head=nn.Identity()), 1, 1)


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp('store') / 'dfc.lmdb'
    write_dfc_store(path)
    return str(path)


def make(tmp_path, store, test=False, batch_size=2, **model):
    loader = loader_settings(store, test, batch_size)
    parts = {
        'train_dataloader': loader,
        'train_cfg': {'by_epoch': False, 'max_iters': 1},
        'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.0}},
    }
    if test:
        parts = {'test_dataloader': loader, 'test_cfg': {}, 'test_evaluator': {'type': 'IoUMetric'}}
    settings = downstream('none')
    settings['backbone'].pop('init_cfg')
    settings = ConfigDict(settings)
    for name, value in model.items():
        settings[name] = ConfigDict({**settings[name], **value})
    return Runner(
        model=settings,
        work_dir=str(tmp_path),
        experiment_name=tmp_path.name,
        log_level='ERROR',
        default_scope='mmseg',
        default_hooks={'checks': {'type': 'mmss_plugins.RunCheckHook'}, 'checkpoint': None},
        **parts,
    )


def loader_settings(store, test, batch_size):
    loader = data(store, modality='s2', test_mode=test)
    return {**loader, 'batch_size': batch_size}


def test_runs_are_refused_before_they_begin(store, tmp_path):
    few = make(tmp_path, store, decode_head={'num_classes': 5})
    with pytest.raises(ValueError, match=r'model\.decode_head\.num_classes is 5, but .* 8 classes'):
        few.train()
    pooled = {'type': 'PSPHead', 'pool_scales': (1, 2), 'norm_cfg': {'type': 'BN'}}
    with pytest.raises(ValueError, match='one image, but decode_head'):
        make(tmp_path, store, batch_size=1, decode_head=pooled).train()
    tested = make(tmp_path, store, test=True, decode_head={'num_classes': 5})
    with pytest.raises(ValueError, match='num_classes is 5'):
        tested.test()
    with pytest.raises(ValueError, match=r"option 'cropsize' .* did you mean 'crop_size'"):
        make(tmp_path, store, test=True, test_cfg={'cropsize': 3}).test()
    make(tmp_path, store).train()
    assert 'mIoU' in make(tmp_path, store, test=True).test()


def test_labels_that_are_no_class_stop_training(store, tmp_path):
    runner = make(tmp_path, store)
    runner.train_dataloader.dataset._metainfo.pop('classes')  # a data set that tells no classes
    runner.model.decode_head.num_classes = 5
    with pytest.raises(ValueError, match=r'expected labels 0\.\.4, .* in the samples .*/p\d'):
        runner.train()
