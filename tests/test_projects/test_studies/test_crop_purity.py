from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from helpers.store_factory import write_aerial_store
from helpers.tiny_contrastive import grass_model
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope

from mmss_plugins.checkpoints.files import CheckpointFileError
from mmss_plugins.checkpoints.trained_model import load_trained
from mmss_plugins.datasets import PotsdamDataset
from projects.studies.crop_purity import (
    compare_crops,
    dominant_share,
    guided_boxes_of,
    labelled_views,
    measure_crops,
    random_box,
)

VIEW = [
    {'type': 'mmss_plugins.RandomResizedCropMultiBand', 'scale': 32, 'crop_ratio_range': (0.2, 1)},
    {'type': 'RandomFlip', 'prob': 0.5},
]


def test_dominant_share():
    label = np.array([[0, 0, 3], [255, 255, 3], [3, 1, 3]], np.uint8)
    assert dominant_share(label, 6) == pytest.approx(4 / 7)
    assert np.isnan(dominant_share(np.full((2, 2), 255), 6))


def test_random_boxes_reach_everywhere_and_stay_inside():
    rng = np.random.default_rng(0)
    boxes = np.array([random_box((3, 4, 8, 6), (10, 7), rng) for _ in range(400)])
    assert set(boxes[:, 2] - boxes[:, 0]) == {5}
    assert set(boxes[:, 3] - boxes[:, 1]) == {2}
    assert set(boxes[:, 0]) == set(range(6))
    assert set(boxes[:, 1]) == set(range(6))


def test_crops_are_compared_with_boxes_of_their_size():
    label = np.zeros((8, 8), np.uint8)
    label[:, 4:] = 1  # a box of 8 x 4 holds 4..4 columns of a class where it does not straddle
    labels = np.stack([label, label])
    boxes = np.array([[0, 4, 8, 8], [0, 0, 8, 8]])
    rows = compare_crops(labels, boxes, 2, np.random.default_rng(0), draws=4000)
    assert len(rows) == 1  # the other view was not cropped
    guided, random, whole, area = rows[0]
    assert (guided, whole, area) == (1, 0.5, 0.5)
    by_column = [max(4 - c, c) / 4 for c in range(5)]  # exact mean over the places of a box
    assert random == pytest.approx(np.mean(by_column), abs=0.01)


def test_crops_without_labels_are_omitted_on_both_sides():
    label = np.zeros((8, 8), np.uint8)
    label[:, 4:] = 255
    labels = np.stack([label, label])
    boxes = np.array([[0, 4, 8, 8], [0, 0, 8, 5]])
    rows = compare_crops(labels, boxes, 2, np.random.default_rng(0), draws=8)
    np.testing.assert_allclose(rows, [[1, 1, 1, 5 / 8]])


@pytest.fixture
def store(tmp_path):
    return write_aerial_store(
        tmp_path / 'train.lmdb', PotsdamDataset, ['2_10-0', '2_11-0', '2_12-0']
    )


def test_the_label_follows_its_view(store):
    data = PotsdamDataset(str(store), pipeline=[])
    sample = data.load_sample(0)
    sample['gt_seg_map'][:], sample['img'][:] = 0, 0
    sample['gt_seg_map'][10:40, 5:30], sample['img'][10:40, 5:30] = 1, 200
    data.load_sample = lambda index: sample
    np.random.seed(0)
    different = 0
    for _ in range(10):
        images, labels = labelled_views(data, VIEW, 0)
        for image, label in zip(images, labels, strict=True):
            assert image.shape == (32, 32, 3)
            assert ((image[..., 0] > 100) == (label == 1)).mean() > 0.97  # borders are interpolated
        different += bool((labels[0] != labels[1]).any())
    assert different > 5


def config_file(folder, store, **options):
    dataset = {'type': 'mmss_plugins.PotsdamDataset', 'data_root': 'elsewhere', 'labels': False}
    dataset['pipeline'] = [{'type': 'MultiView', 'num_views': [2], 'transforms': [VIEW]}]
    cfg = {
        'default_scope': 'mmpretrain',
        'model': grass_model(**options),
        'train_dataloader': {'batch_size': 4, 'dataset': dataset},
    }
    path = folder / 'config.py'
    path.write_text('\n'.join(f'{name} = {value!r}' for name, value in cfg.items()))
    return path


@pytest.fixture
def trained(store, tmp_path):
    """Config and checkpoint."""
    config = config_file(tmp_path, store)
    init_default_scope('mmpretrain')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile(config).model)
    model.init_weights()
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'model.pth')
    return config, tmp_path / 'model.pth'


def test_a_trained_model_is_measured(trained, store):
    found = measure_crops(*trained, store, batches=3, draws=4)
    assert found == measure_crops(*trained, store, batches=3, draws=4)
    model = load_trained(Config.fromfile(trained[0]), trained[1])
    assert 0 < found.views <= 3 * 8
    assert 1 / 6 <= found.whole <= found.guided <= 1  # random labels: a smaller part is less even
    assert 0 < found.area < 1
    views = [torch.rand(4, 3, 32, 32) * 255 for _ in range(2)]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    boxes = guided_boxes_of(model.train(), views)
    model.set_stage(True)
    model.keep_details = True
    model(model.data_preprocessor({'inputs': views})['inputs'], mode='loss')
    np.testing.assert_array_equal(boxes, model.details.boxes)
    guided_boxes_of(model, views)
    assert all((before[n] == t).all() for n, t in before.items())


def test_two_measurements_at_a_time_are_those_of_each_alone(trained, store):
    def measure(seed):
        return measure_crops(*trained, store, batches=6, draws=2, seed=seed)

    state = np.random.get_state()[1].copy()
    alone = [measure(seed) for seed in (0, 1)]
    assert (np.random.get_state()[1] == state).all()
    assert alone[0] != alone[1]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(measure, (0, 1))) == alone


def test_another_models_checkpoint_is_refused(store, tmp_path):
    config = config_file(tmp_path, store)
    torch.save({'state_dict': {'backbone.conv1.weight': torch.zeros(1)}}, tmp_path / 'model.pth')
    with pytest.raises(CheckpointFileError, match='does not hold the model of the config'):
        load_trained(Config.fromfile(config), tmp_path / 'model.pth')
