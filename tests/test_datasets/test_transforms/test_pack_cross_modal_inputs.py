import numpy as np
import torch
from mmengine.registry import TRANSFORMS
from mmseg.datasets.transforms import PackSegInputs

from mmss_plugins.datasets.transforms.pack_cross_modal_inputs import PackCrossModalInputs


def make_results():
    rng = np.random.default_rng(0)
    return {
        'img': rng.integers(0, 256, (6, 7, 15), dtype=np.uint8),
        'gt_seg_map': rng.integers(0, 4, (6, 7), dtype=np.uint8),
        'num_classes': 4,
        'sample_id': 'a',
        'season': 'season1',
    }


def test_without_a_prior_it_is_pack_seg_inputs():
    keys = ('sample_id', 'season')
    ours = TRANSFORMS.build({'type': 'mmss_plugins.PackCrossModalInputs', 'meta_keys': keys})
    found, expected = ours(make_results()), PackSegInputs(meta_keys=keys)(make_results())
    assert torch.equal(found['inputs'], expected['inputs'])
    found, expected = found['data_samples'], expected['data_samples']
    assert found.metainfo == expected.metainfo == {'sample_id': 'a', 'season': 'season1'}
    assert found.keys() == expected.keys() == ['gt_sem_seg']
    assert torch.equal(found.gt_sem_seg.data, expected.gt_sem_seg.data)


def test_prior_is_expanded_to_all_classes():
    maps = np.random.default_rng(1).random((6, 7, 2), dtype=np.float32)
    results = make_results() | {
        'smoothing_prior': maps,
        'smoothing_prior_classes': np.array([3, 1]),
    }
    prior = PackCrossModalInputs()(results)['data_samples'].smoothing_prior.data
    expected = np.stack([np.zeros((6, 7)), maps[..., 1], np.zeros((6, 7)), maps[..., 0]])
    assert prior.dtype == torch.float32
    np.testing.assert_array_equal(prior, expected)


def test_clean_labels():
    clean = np.random.default_rng(2).integers(0, 4, (6, 7), dtype=np.uint8)
    sample = PackCrossModalInputs()(make_results() | {'clean_seg_map': clean})['data_samples']
    assert sample.clean_sem_seg.data.dtype == torch.int64
    np.testing.assert_array_equal(sample.clean_sem_seg.data, clean[None])
