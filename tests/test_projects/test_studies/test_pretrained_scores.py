import numpy as np
import pytest
import torch
from helpers.store_factory import write_dfc_store
from mmengine.structures import PixelData

from mmss_plugins.datasets import DFC2020Dataset
from projects.studies.pretrained_scores import matrix_scores, modality_confusions


def test_scores_against_sets_of_pixels():
    rng = np.random.default_rng(0)
    label, prediction = rng.integers(0, 3, 500), rng.integers(0, 4, 500)  # class 3 never is right
    matrix = np.zeros((4, 4), int)
    np.add.at(matrix, (label, prediction), 1)
    sets = [
        (set(np.flatnonzero(label == c)), set(np.flatnonzero(prediction == c))) for c in (0, 1, 2)
    ]
    iou = [len(a & b) / len(a | b) for a, b in sets]
    f1 = [2 * len(a & b) / (len(a) + len(b)) for a, b in sets]
    recall = [len(a & b) / len(a) for a, b in sets]
    expected = {
        'OA': np.mean(label == prediction), 'AA': np.mean(recall),
        'mIoU': np.mean(iou), 'mF1': np.mean(f1),
    }  # fmt: skip
    found = matrix_scores(matrix, 3)
    assert found == {name: pytest.approx(100 * v, abs=0.006) for name, v in expected.items()}


def test_a_class_without_pixels_is_omitted():
    matrix = np.diag([10, 0, 30])
    assert matrix_scores(matrix, 3)['mIoU'] == 100


class Oracle(torch.nn.Module):
    """Knows the labels: s2 predicts them, s1 the class above."""

    num_classes, modalities = 9, ('s1', 's2')

    def test_step(self, batch):
        for sample in batch['data_samples']:
            label = sample.gt_sem_seg.data.clone().long()
            label[label == 255] = 0
            sample.set_data(
                {
                    'pred_sem_seg_s2': PixelData(data=label),
                    'pred_sem_seg_s1': PixelData(data=label + 1),
                }
            )
        return batch['data_samples']


def test_every_labelled_pixel_counts_once(tmp_path):
    path = tmp_path / 'test.lmdb'
    write_dfc_store(path, [f'p{i}' for i in range(19)])  # more than one batch, the last not full
    confusions = modality_confusions(Oracle(), path)
    data = DFC2020Dataset(str(path), modality='s12')
    labels = np.concatenate([data.load_sample(i)['gt_seg_map'].ravel() for i in range(19)])
    counts = np.bincount(labels[labels != 255], minlength=9)
    assert np.array_equal(confusions['s2'], np.diag(counts))
    assert np.array_equal(confusions['s1'], np.diag(counts[:8], 1))
