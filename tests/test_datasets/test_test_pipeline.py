"""At test, labels stay as they are and predictions are brought back to them."""

import numpy as np
import pytest
import torch
from helpers.store_factory import write_aerial_store, write_dfc_store, write_noldo_store
from helpers.store_runs import downstream
from helpers.tiny_segmentation import cross_modal_model
from mmengine.config import Config, ConfigDict
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.runner import Runner
from mmseg.models.segmentors import SegTTAModel
from mmseg.registry import MODELS as MMSEG_MODELS
from torch import nn

import mmss_plugins.engine
import mmss_plugins.models  # noqa: F401
from mmss_plugins.datasets import DFC2020Dataset, NoLDOPretrainDataset, PotsdamDataset

PACK = {'type': 'PackSegInputs'}
SIZE = 32


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp('store') / 'dfc.lmdb'
    write_dfc_store(path, size=SIZE)
    return path


FLIPS = [
    {'type': 'RandomFlip', 'prob': 1.0, 'direction': d}
    for d in ('horizontal', 'vertical', 'diagonal')
]
RESIZES = [
    {'type': 'Resize', 'scale': (48, 64), 'keep_ratio': False},
    {'type': 'Resize', 'scale_factor': 0.5, 'keep_ratio': True},
    {'type': 'ResizeToMultiple', 'size_divisor': 20},
]
VIEWS = {'type': 'TestTimeAug', 'transforms': [FLIPS[:2], [RESIZES[0]], [PACK]]}


@pytest.mark.parametrize(
    'pipeline', [*([t, PACK] for t in FLIPS + RESIZES), [FLIPS[0], RESIZES[0], PACK], [VIEWS]]
)
def test_labels_are_those_of_the_store(store, pipeline):
    plain = DFC2020Dataset(store, pipeline=[PACK], test_mode=True)
    dataset = DFC2020Dataset(store, pipeline=pipeline, test_mode=True)
    for index in range(len(plain)):
        found, expected = dataset[index], plain[index]
        many = isinstance(found['data_samples'], list)
        for sample in found['data_samples'] if many else [found['data_samples']]:
            label = sample.gt_sem_seg.data
            assert label.dtype == torch.int64
            assert torch.equal(label, expected['data_samples'].gt_sem_seg.data)
            assert tuple(label.shape[1:]) == tuple(sample.ori_shape) == (SIZE, SIZE)
        image = found['inputs'][0] if many else found['inputs']
        assert image.shape != expected['inputs'].shape or not torch.equal(image, expected['inputs'])


def test_alternative_flips_are_not_in_a_row(store):
    choice = {'type': 'RandomChoice', 'transforms': [[flip] for flip in FLIPS]}
    sample = DFC2020Dataset(store, pipeline=[choice, PACK], test_mode=True)[0]['data_samples']
    assert sample.flip


def test_training_moves_labels_with_the_image(store):
    plain = DFC2020Dataset(store, pipeline=[PACK])[0]
    flipped = DFC2020Dataset(store, pipeline=[FLIPS[0], PACK])[0]
    for name in ('gt_sem_seg',):
        label = plain['data_samples'].get(name).data
        assert torch.equal(flipped['data_samples'].get(name).data, label.flip(2))
    assert torch.equal(flipped['inputs'], plain['inputs'].flip(2))


def test_other_data_sets_and_results_that_are_not_packed(tmp_path):
    write_noldo_store(tmp_path / 'noldo.lmdb', clean=True)
    write_aerial_store(tmp_path / 'potsdam.lmdb', PotsdamDataset, ['2_10-0000-0000'])
    noldo = {'data_root': tmp_path / 'noldo.lmdb', 'season': 2, 'clean_labels': True}
    packed = {'type': 'mmss_plugins.PackCrossModalInputs'}
    found = NoLDOPretrainDataset(**noldo, pipeline=[FLIPS[0], packed], test_mode=True)[1]
    expected = NoLDOPretrainDataset(**noldo, pipeline=[packed])[1]
    for name in ('gt_sem_seg', 'clean_sem_seg'):
        labels = (sample['data_samples'].get(name).data for sample in (found, expected))
        assert torch.equal(*labels)
    aerial = {'data_root': tmp_path / 'potsdam.lmdb'}
    found = PotsdamDataset(**aerial, pipeline=[FLIPS[1]], test_mode=True)[0]
    expected = PotsdamDataset(**aerial)[0]
    np.testing.assert_array_equal(found['gt_seg_map'], expected['gt_seg_map'])
    np.testing.assert_array_equal(found['img'], expected['img'][::-1])
    assert found['seg_fields'] == ['gt_seg_map']
    unlabelled = PotsdamDataset(**aerial, labels=False, pipeline=[FLIPS[0], PACK], test_mode=True)
    assert 'gt_sem_seg' not in unlabelled[0]['data_samples']


@pytest.mark.parametrize(
    ('pipeline', 'message'),
    [
        ([{'type': 'RandomCrop', 'crop_size': (16, 16)}, PACK], 'RandomCrop .* training only'),
        ([{'type': 'CenterCrop', 'crop_size': 16}, PACK], 'back to the image .* CenterCrop'),
        ([{'type': 'mmss_plugins.RandomRotateMultiBand'}, PACK], 'RandomRotateMultiBand'),
        ([{'type': 'Pad', 'size': (64, 64)}, PACK], 'preprocessor pads at test'),
        ([{'type': 'TestTimeAug', 'transforms': [[{'type': 'RandomRotate', 'prob': 1.0,
                                                   'degree': 10}], [PACK]]}], 'RandomRotate '),
        ([FLIPS[0], FLIPS[1], PACK], 'several RandomFlip in a row'),
        ([FLIPS[0], {'type': 'RandomApply', 'transforms': FLIPS[1:2]}, PACK], 'several RandomFlip'),
        ([{'type': 'TestTimeAug', 'transforms': [FLIPS[:1], FLIPS[:2], [PACK]]}], 'several'),
        ([FLIPS[0], {**PACK, 'meta_keys': ('img_path', 'ori_shape', 'flip')}],
         r"without \['flip_direction'\]"),
    ],
)  # fmt: skip
def test_what_cannot_be_undone_is_refused_at_test_only(store, pipeline, message):
    with pytest.raises(ValueError, match=message):
        DFC2020Dataset(store, pipeline=pipeline, test_mode=True)
    DFC2020Dataset(store, pipeline=pipeline)


@MMSEG_MODELS.register_module()
class ByPixel(nn.Module):
    """A backbone whose features are the image's first bands: a network that flips with it."""

    def __init__(self, in_channels=13):
        super().__init__()
        self.in_channels = in_channels

    def forward(self, x):
        return (x * torch.arange(1, x.shape[1] + 1).view(-1, 1, 1).remainder(5),)


def segmentor(cross_modal=False):
    """Random weights, but each pixel's scores depend on this pixel alone."""
    torch.manual_seed(0)
    head = {'type': 'FCNHead', 'channels': 13, 'num_convs': 0, 'concat_input': False,
            'num_classes': 8, 'dropout_ratio': 0.0}  # fmt: skip
    if not cross_modal:
        model = downstream('none')
        model['backbone'] = {'type': 'ByPixel'}
        model['decode_head'] = {**head, 'in_channels': 13}
        built = MODELS.build(ConfigDict(model))
    else:
        parts = {'s2': {'type': 'ByPixel', 'in_channels': 13}}
        model = cross_modal_model(backbones=parts, consistency=None)
        model['decode_head'] = {**head, 'in_channels': 13}
        built = MODELS.build(model)
    nn.init.normal_(built.decode_head.conv_seg.weight)
    return built.eval()


def scores(store, pipeline, model, tmp_path, name, **kwargs):
    cfg = Config(
        {
            'work_dir': str(tmp_path / name),
            'experiment_name': name,
            'default_scope': 'mmseg',
            'log_level': 'ERROR',
            'test_cfg': {},
            'test_evaluator': {'type': 'IoUMetric'},
            'test_dataloader': {
                'batch_size': 2,
                'num_workers': 0,
                'sampler': {'type': 'DefaultSampler', 'shuffle': False},
                'dataset': {
                    'type': 'mmss_plugins.DFC2020Dataset',
                    'data_root': str(store),
                    'test_mode': True,
                    'pipeline': pipeline,
                    **kwargs,
                },
            },
            'default_hooks': {
                'checks': {'type': 'mmss_plugins.RunCheckHook'},
                'finite': {'type': 'mmss_plugins.FiniteValuesHook'},
            },
        }
    )
    runner = Runner(model=model, **{k: v for k, v in cfg.items() if k != 'model'}, cfg=cfg)
    return runner.test()


@pytest.mark.parametrize('cross_modal', [False, True])
def test_flips_leave_the_scores_of_a_network_that_flips_with_the_image(
    store, tmp_path, cross_modal
):
    model = segmentor(cross_modal)
    expected = scores(store, [PACK], model, tmp_path, 'plain')
    assert 2 < expected['mIoU'] < 90
    directions = FLIPS if cross_modal else FLIPS[:2]
    for flip in directions:
        found = scores(store, [flip, PACK], model, tmp_path, flip['direction'])
        assert found == expected
    if not cross_modal:
        with pytest.raises(ValueError, match="undo 'horizontal' and 'vertical' flips only"):
            scores(store, [FLIPS[2], PACK], model, tmp_path, 'diagonal')
    twice = {'type': 'Resize', 'scale_factor': 2.0, 'interpolation': 'nearest', 'keep_ratio': True}
    doubled = scores(store, [twice, PACK], model, tmp_path, 'doubled')
    assert doubled['mIoU'] == pytest.approx(expected['mIoU'], abs=3)


def test_a_data_set_that_is_not_in_test_mode_is_refused(store, tmp_path):
    with pytest.raises(ValueError, match='Set test_mode=True in the data set'):
        scores(store, [FLIPS[0], PACK], segmentor(), tmp_path, 'moved', test_mode=False)
    scores(store, [PACK], segmentor(), tmp_path, 'fine', test_mode=False)


@pytest.mark.parametrize('cross_modal', [False, True])
def test_augmented_views_give_what_they_give_by_hand_in_any_order(store, tmp_path, cross_modal):
    model = segmentor(cross_modal)
    plain = DFC2020Dataset(store, pipeline=[PACK], test_mode=True)
    batch = [plain[i] for i in range(len(plain))]
    inputs = torch.stack([item['inputs'] for item in batch]).float()
    with torch.no_grad():
        logits = model._forward(inputs)
        logits = logits['s2'] if cross_modal else logits
        scaled = torch.nn.functional.interpolate(inputs, size=(64, 48), mode='bilinear')
        small = model._forward(scaled)
        small = small['s2'] if cross_modal else small
        small = torch.nn.functional.interpolate(small, size=(SIZE, SIZE), mode='bilinear')
    # by hand: flips of a network without neighbourhoods change nothing, resizing does
    mean = (logits.softmax(1) + small.softmax(1)).div(2).argmax(1)
    labels = torch.stack([item['data_samples'].gt_sem_seg.data[0] for item in batch])
    valid = labels != 255
    accuracy = 100 * (mean == labels)[valid].float().mean().item()
    resize = [{'type': 'Resize', 'scale': (SIZE, SIZE)}, RESIZES[0]]
    found = []
    for order in (1, -1):
        views = [FLIPS[:2][::order], resize[::order], [PACK]]
        pipeline = [{'type': 'TestTimeAug', 'transforms': views}]
        tta = SegTTAModel(module=model)
        found.append(scores(store, pipeline, tta, tmp_path, f'tta{order}'))
    assert found[0] == found[1]
    assert found[0]['aAcc'] == pytest.approx(accuracy, abs=0.3)


def test_configs_of_the_package_are_in_test_mode():
    settings = Config.fromfile('configs/_base_/loaders/segmentation.py')
    assert isinstance(settings, (Config, ConfigDict))
    assert settings.val_dataloader.dataset.test_mode
    assert settings.test_dataloader.dataset.test_mode
