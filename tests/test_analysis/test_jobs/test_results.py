import json

import cv2
import numpy as np
import pytest

from mmss_plugins.analysis.jobs.results import (
    class_iou,
    confusion_matrix,
    curve,
    latest_images,
    latest_scalars,
    metrics_of_test,
    read_prediction,
)


def test_confusion_matrix_counts_pairs_and_leaves_out_ignored_pixels():
    label = np.array([[0, 0, 1], [2, 255, 1]], dtype=np.uint8)
    prediction = np.array([[0, 1, 1], [2, 2, 0]], dtype=np.uint8)
    matrix = confusion_matrix(label, prediction, 3)
    assert matrix.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_iou_equals_mmsegs_own(tmp_path):
    import torch
    from mmseg.evaluation import IoUMetric

    rng = np.random.default_rng(0)
    label, prediction = rng.integers(0, 5, (2, 40, 40)).astype(np.uint8)
    label[:5] = 255
    areas = IoUMetric.intersect_and_union(
        torch.from_numpy(prediction).long(), torch.from_numpy(label).long(), 6, 255
    )
    found = class_iou(confusion_matrix(label, prediction, 6))
    np.testing.assert_allclose(found[:5], (areas[0] / areas[1])[:5], rtol=1e-5)
    assert np.isnan(found[5])  # occurs nowhere


def test_curves_and_metrics_of_the_last_run(tmp_path):
    for run, value in (('20260101_000000', 1.0), ('20260102_000000', 2.0)):
        folder = tmp_path / run / 'vis_data'
        folder.mkdir(parents=True)
        rows = [
            {'loss': value, 'step': 1},
            {'mIoU': 3.0, 'step': 1},
            {'loss': value / 2, 'step': 2},
        ]
        (folder / 'scalars.json').write_text(''.join(json.dumps(row) + '\n' for row in rows))
        scores = {'aAcc': value, 'mAcc': 2.0, 'mIoU': 3.0, 'mDice': 4.0, 'time': 0.1}
        (tmp_path / run / f'{run}.json').write_text(json.dumps(scores))
    records = latest_scalars(tmp_path)
    assert curve(records, 'loss') == ([1, 2], [2.0, 1.0])
    assert curve(records, 'mIoU') == ([1], [3.0])
    assert metrics_of_test(tmp_path) == {'OA': 2.0, 'AA': 2.0, 'mIoU': 3.0, 'mF1': 4.0}


def test_missing_files_are_named(tmp_path):
    for read in (latest_scalars, metrics_of_test, lambda path: read_prediction(path, 'p7')):
        with pytest.raises(FileNotFoundError, match='has the'):
            read(tmp_path)


def test_predictions_are_read_as_written(tmp_path):
    expected = np.arange(64, dtype=np.uint8).reshape(8, 8)
    cv2.imwrite(str(tmp_path / 'p7.png'), expected)
    np.testing.assert_array_equal(read_prediction(tmp_path, 'p7'), expected)


def test_dice_is_f1_and_counts_classes_that_are_never_predicted():
    """Why mF1 is read from mDice: mmseg's mFscore leaves such classes out of the mean."""
    import torch
    from mmseg.evaluation import IoUMetric

    label = torch.tensor([0, 0, 0, 1, 1, 2])
    prediction = torch.tensor([0, 0, 1, 1, 1, 1])
    areas = IoUMetric.intersect_and_union(prediction, label, 4, 255)
    found = IoUMetric.total_area_to_metrics(*areas, metrics=['mDice', 'mFscore'])
    expected = [2 * 2 / (2 * 2 + 1), 2 * 2 / (2 * 2 + 2), 0, np.nan]  # 2 TP / (2 TP + FP + FN)
    np.testing.assert_allclose(found['Dice'], expected, rtol=1e-6)
    assert np.isnan(found['Fscore'][2])


def test_latest_images_are_of_the_last_step_of_the_last_run(tmp_path):
    for run, name in [
        ('20260101_000000', 'selection_0_99'),
        ('20260102_000000', 'selection_0_9'),
        ('20260102_000000', 'selection_1_40'),
        ('20260102_000000', 'selection_0_40'),
        ('20260102_000000', 'val_0_50'),
    ]:
        folder = tmp_path / run / 'vis_data' / 'vis_image'
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'{name}.png').touch()
    found = [path.stem for path in latest_images(tmp_path, 'selection')]
    assert found == ['selection_0_40', 'selection_1_40']
    with pytest.raises(FileNotFoundError, match='has the run finished'):
        latest_images(tmp_path, 'other')
