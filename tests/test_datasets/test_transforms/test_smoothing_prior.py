import numpy as np
import pytest
import torch
from helpers.store_factory import SEASONS, write_noldo_store
from mmengine.dataset import Compose
from mmengine.registry import TRANSFORMS, init_default_scope
from scipy.ndimage import gaussian_filter

from mmss_plugins.datasets import NoLDOPretrainDataset
from mmss_plugins.datasets.class_prior import class_prior
from mmss_plugins.datasets.transforms import SmoothingPrior
from mmss_plugins.datasets.transforms.random_rotate_multi_band import RandomRotateMultiBand

SIZE, CLASSES = 48, 5


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')


def make_results(seed=0):
    """A patch whose two image bands are the pixel's row and column."""
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.normal(size=(4, CLASSES, SIZE, SIZE)), (0, 0, 3, 3))
    noise[:, 1] = -1  # a class that does not occur
    labels = noise.argmax(1).astype(np.uint8)
    return {
        'img': np.stack(np.indices((SIZE, SIZE)), -1).astype(np.float32),
        'gt_seg_map': labels[2].copy(),
        'seg_fields': ['gt_seg_map'],
        'season_labels': labels,
        'season_index': 2,
        'num_classes': CLASSES,
    }


def whole_prior():
    results = make_results()
    prior, classes = class_prior(results['season_labels'], 2, CLASSES)
    full = np.zeros((CLASSES, SIZE, SIZE), np.float32)
    full[classes] = prior
    return full


def run(steps, seed=0):
    np.random.seed(seed)
    pipeline = Compose(
        [
            {'type': 'mmss_plugins.SmoothingPrior'},
            *steps,
            {'type': 'mmss_plugins.PackCrossModalInputs'},
        ]
    )
    packed = pipeline(make_results())
    sample = packed['data_samples']
    prior = sample.smoothing_prior.data
    assert prior.dtype == torch.float32
    assert prior.shape == (CLASSES, *packed['inputs'].shape[-2:])
    return packed['inputs'].numpy(), sample.gt_sem_seg.data[0].numpy(), prior.numpy()


def test_keys():
    results = SmoothingPrior()(make_results())
    assert 'season_labels' not in results
    assert results['seg_fields'] == ['gt_seg_map', 'smoothing_prior']
    assert results['smoothing_prior'].shape == (SIZE, SIZE, 4)
    assert results['smoothing_prior_classes'].tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_crop_and_flip_move_image_label_and_prior_alike(direction):
    for seed in range(3):
        (rows, cols), label, prior = run(
            [
                {'type': 'RandomCrop', 'crop_size': (32, 40)},
                {'type': 'RandomFlip', 'prob': 1.0, 'direction': direction},
            ],
            seed,
        )
        assert label.shape == (32, 40)
        rows, cols = rows.astype(int), cols.astype(int)
        if direction != 'vertical':
            assert cols[0, 0] > cols[0, -1]
        np.testing.assert_array_equal(label, make_results()['gt_seg_map'][rows, cols])
        np.testing.assert_array_equal(prior, whole_prior()[:, rows, cols])


def test_the_filter_sees_what_is_cropped_away():
    (rows, cols), _, prior = run([{'type': 'RandomCrop', 'crop_size': (24, 24)}])
    top, left = int(rows[0, 0]), int(cols[0, 0])
    labels = make_results()['season_labels'][:, top : top + 24, left : left + 24]
    after, classes = class_prior(labels, 2, CLASSES)
    assert np.abs(prior[classes] - after).max() > 0.05


def test_quarter_turn():
    (rows, cols), label, prior = run(
        [{'type': 'mmss_plugins.RandomRotateMultiBand', 'prob': 1.0, 'degree': (90, 90)}]
    )
    rows, cols = rows.round().astype(int), cols.round().astype(int)
    assert rows[0, 0] == 0
    assert cols[0, 0] == SIZE - 1
    np.testing.assert_array_equal(label, make_results()['gt_seg_map'][rows, cols])
    np.testing.assert_allclose(prior, whole_prior()[:, rows, cols], atol=1e-6)


def test_rotation_interpolates_the_prior_and_not_the_labels():
    (rows, cols), label, prior = run(
        [{'type': 'mmss_plugins.RandomRotateMultiBand', 'prob': 1.0, 'degree': (31, 31)}]
    )
    inside = np.s_[12:36, 12:36]  # not reflected
    rows, cols = rows[inside], cols[inside]
    top, left = np.floor(rows).astype(int), np.floor(cols).astype(int)
    down, right = rows - top, cols - left
    whole = whole_prior()
    expected = (
        (1 - down) * (1 - right) * whole[:, top, left]
        + (1 - down) * right * whole[:, top, left + 1]
        + down * (1 - right) * whole[:, top + 1, left]
        + down * right * whole[:, top + 1, left + 1]
    )
    # OpenCV quantises the weights to 1/32 pixel; nearest neighbour would be off by more
    np.testing.assert_allclose(prior[(slice(None), *inside)], expected, atol=0.01)
    nearest = whole[:, rows.round().astype(int), cols.round().astype(int)]
    assert np.abs(nearest - expected).max() > 0.03
    np.testing.assert_allclose(prior.sum(0), 1, atol=1e-5)
    assert set(np.unique(label)) <= {0, 2, 3, 4}


def test_integer_maps_stay_integer_under_rotation():
    results = {
        'img': np.zeros((16, 16, 1), np.float32),
        'codes': np.kron([[0, 200], [7, 90]], np.ones((8, 8))).astype(np.int64).astype(np.uint8),
        'seg_fields': ['codes'],
    }
    turned = RandomRotateMultiBand(prob=1.0, degree=(40, 40))(results)['codes']
    assert set(np.unique(turned)) == {0, 7, 90, 200}


def test_store_to_data_sample(tmp_path):
    content = write_noldo_store(tmp_path / 'noldo.lmdb')
    data = NoLDOPretrainDataset(
        str(tmp_path / 'noldo.lmdb'),
        season=1,
        season_labels=True,
        pipeline=[
            {'type': 'mmss_plugins.SmoothingPrior', 'kind': 'ts', 'sigma': 2.0, 'truncate': 3.0},
            {'type': 'mmss_plugins.PackCrossModalInputs'},
        ],
    )
    labels = np.stack([content['0000003'][season]['label'] for season in SEASONS])
    one_hot = (labels[:, None] == np.arange(9)[:, None, None]).astype(float)
    expected = [
        gaussian_filter((one_hot.mean(0)[c] + one_hot[1, c]) / 2, 2.0, truncate=3.0)
        for c in range(9)
    ]
    np.testing.assert_allclose(data[2]['data_samples'].smoothing_prior.data, expected, atol=1e-6)


def test_labels_of_the_seasons_must_be_there():
    results = make_results()
    del results['season_labels']
    with pytest.raises(ValueError, match='set season_labels=True in the data set'):
        SmoothingPrior()(results)


def test_a_label_that_is_no_class_names_the_sample():
    results = make_results() | {'seg_map_path': 'store/season1/0000001'}
    results['season_labels'][0, 0, 0] = 5
    with pytest.raises(ValueError, match=r'store/season1/0000001: expected labels 0..4 or 255'):
        SmoothingPrior()(results)


@pytest.mark.parametrize('kwargs', [{'kind': 'st'}, {'sigma': 0}, {'truncate': -1}])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match='but got'):
        SmoothingPrior(**kwargs)


def test_registered():
    built = TRANSFORMS.build({'type': 'mmss_plugins.SmoothingPrior', 'kind': 't'})
    assert built.kind == 't'
