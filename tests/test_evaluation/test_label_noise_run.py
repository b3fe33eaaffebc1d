import numpy as np
import pytest
import torch
from helpers.store_factory import SEASONS, write_dfc_store, write_noldo_store
from helpers.tiny_segmentation import cross_modal_model
from mmengine.registry import MODELS, init_default_scope

from mmss_plugins.datasets import NoLDOPretrainDataset
from mmss_plugins.evaluation.label_noise.run import (
    SelectionOptions,
    count_label_noise,
    report_dataset,
    selection_options,
    spread_indices,
)
from mmss_plugins.functional.label_noise import LabelNoiseSums

NUM_CLASSES = 9


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp('stores') / 'noldo.lmdb'
    return path, write_noldo_store(path, clean=True)


def dataset_cfg(path, **changes):
    return {
        'type': 'mmss_plugins.NoLDOPretrainDataset',
        'data_root': str(path),
        'image_dtype': 'uint8',
        'season_labels': True,
        'pipeline': [{'type': 'mmss_plugins.SmoothingPrior'}, {'type': 'RandomCrop'}],
        **changes,
    }


def make_model(**changes):
    cfg = cross_modal_model(**changes)
    cfg['decode_head']['num_classes'] = NUM_CLASSES
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def softmax(z):
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def naive_weights(confidence, labels, proportion, class_balance):
    groups = labels if class_balance else np.zeros_like(labels)
    weights = np.zeros_like(confidence)
    for group in np.unique(groups):
        inside = groups == group
        k = int(inside.sum() * proportion)
        if k:
            threshold = np.sort(confidence[inside])[-k]
            weights[inside] = np.clip(confidence[inside] / threshold, 0, 1)
    return weights


@pytest.mark.parametrize('class_balance', [True, False])
def test_sums_are_those_of_a_naive_run(store, class_balance):
    path, content = store
    model, data = make_model(), report_dataset(dataset_cfg(path), season=2)
    found = count_label_noise(model, data, [1, 3, 0], SelectionOptions(0.3, class_balance), 2)
    expected = LabelNoiseSums(('s1', 's2'), NUM_CLASSES)
    names = ['0000002', '0000004', '0000001']
    model.eval()
    for batch in (names[:2], names[2:]):
        raw = [content[name][SEASONS[2]] for name in batch]
        images = [data[data.store.sample_ids.index(name)]['inputs'] for name in batch]
        labels = np.stack([fields['label'] for fields in raw])
        with torch.no_grad():
            logits = model._forward(torch.stack(images).float() / 255)
        p = {name: softmax(z.double().numpy()) for name, z in logits.items()}
        own = {
            name: np.take_along_axis(q, labels[:, None].astype(int), 1)[:, 0]
            for name, q in p.items()
        }
        both = own['s1'] * own['s2']
        confidence_of = {name: (c + both) / 2 for name, c in own.items()}
        expected.add(
            labels,
            {name: q.argmax(1) for name, q in p.items()},
            confidence_of,
            {n: naive_weights(c, labels, 0.3, class_balance) for n, c in confidence_of.items()},
            np.stack([fields['clean_label'] for fields in raw]),
        )
    for name, array in expected.arrays.items():
        if name.endswith('bins') or name == 'histogram':  # scores next to an edge may change bins
            assert array.sum() == found.arrays[name].sum()
            moved = np.abs(np.cumsum(array - found.arrays[name], axis=-1)).sum()
            assert moved <= 0.02 * array.sum(), name
        elif name == 'full':
            np.testing.assert_allclose(found.arrays[name], array, atol=2)
        else:
            np.testing.assert_allclose(found.arrays[name], array, rtol=1e-4, atol=1e-6)


def test_data_set_without_augmentation_and_with_clean_labels(store):
    path, content = store
    data = report_dataset(dataset_cfg(path, holdout={'fraction': 0.25, 'part': 'train'}), season=1)
    assert len(data) == 3
    sample = data[0]['data_samples']
    fields = content[sample.sample_id][SEASONS[1]]
    np.testing.assert_array_equal(sample.gt_sem_seg.data[0], fields['label'])
    np.testing.assert_array_equal(sample.clean_sem_seg.data[0], fields['clean_label'])
    assert 'smoothing_prior' not in sample


def test_random_seasons_are_the_same_each_time(store):
    model, data = make_model(), report_dataset(dataset_cfg(store[0]))
    assert data.season == 'random'
    runs = [count_label_noise(model, data, range(4), SelectionOptions(), 1) for _ in range(2)]
    for name, array in runs[0].arrays.items():
        np.testing.assert_array_equal(array, runs[1].arrays[name])


def test_model_is_put_back_into_its_mode(store):
    model, data = make_model(), report_dataset(dataset_cfg(store[0]))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for mode in (True, False):
        model.train(mode)
        count_label_noise(model, data, [0], SelectionOptions(), 1)
        assert model.training == mode
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_padded_pixels_do_not_count(store):
    model = make_model(
        data_preprocessor={
            'type': 'mmss_plugins.MultiBandSegDataPreProcessor', 'size_divisor': 64,
        }
    )  # fmt: skip
    sums = count_label_noise(
        model, report_dataset(dataset_cfg(store[0])), [0, 1], SelectionOptions(), 2
    )
    assert sums.arrays['pixels'].sum() == 2 * 32 * 32
    assert sums.arrays['transition'].sum() == 2 * 32 * 32


def test_common_branch_is_a_branch_of_the_report(store):
    backbone = {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4}
    sums = count_label_noise(
        make_model(common=backbone),
        report_dataset(dataset_cfg(store[0])),
        [0],
        SelectionOptions(),
        1,
    )
    assert sums.branches == ('s1', 's2', 'common')
    assert (sums.arrays['weight'].sum((1, 2)) > 0).all()


def test_selection_options():
    hook = {'type': 'mmss_plugins.CrossModalSelectionHook', 'proportion': 0.3}
    model = make_model(selection={'class_balance': False})
    assert selection_options(model, {'custom_hooks': [hook]}) == SelectionOptions(0.3, False)
    assert selection_options(model, {'custom_hooks': [hook]}, 0.7).proportion == 0.7
    assert selection_options(make_model(), {}) == SelectionOptions(0.5, True)


def test_spread_indices():
    assert spread_indices(4, None) == spread_indices(4, 9) == [0, 1, 2, 3]
    assert spread_indices(100, 4) == [12, 37, 62, 87]


def test_a_model_without_modalities_is_refused(store):
    model = MODELS.build(
        {
            'type': 'EncoderDecoder',
            'data_preprocessor': {'type': 'mmss_plugins.MultiBandSegDataPreProcessor'},
            'backbone': {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4,
                         'in_channels': 15},
            'decode_head': {'type': 'mmss_plugins.UNetHead', 'in_channels': (64, 4, 8, 16, 32),
                            'decoder_channels': (4,) * 5, 'num_classes': 9},
        }
    )  # fmt: skip
    with pytest.raises(TypeError, match=r'needs the logits of each modality.*EncoderDecoder'):
        count_label_noise(model, report_dataset(dataset_cfg(store[0])), [0], SelectionOptions(), 1)


def test_the_data_set_may_be_named_by_its_class(store):
    data = report_dataset(dataset_cfg(store[0], type=NoLDOPretrainDataset), season=1)
    assert type(data) is NoLDOPretrainDataset
    assert data.season == 1


def test_another_data_set_is_refused(tmp_path):
    wrapped = {'type': 'RepeatDataset', 'times': 2, 'dataset': dataset_cfg('nowhere')}
    with pytest.raises(TypeError, match='take LabelNoiseReportHook out'):
        report_dataset(wrapped)
    with pytest.raises(TypeError, match=r"reads a data set over a store.*'ADE20KDataset'"):
        report_dataset({'type': 'ADE20KDataset'})
    write_dfc_store(tmp_path / 'dfc.lmdb')
    data = report_dataset(
        {'type': 'mmss_plugins.DFC2020Dataset', 'data_root': str(tmp_path / 'dfc.lmdb')}
    )
    assert 'clean_sem_seg' not in data[0]['data_samples']
