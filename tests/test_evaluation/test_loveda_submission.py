from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs
from PIL import Image

from mmss_plugins.evaluation.loveda_submission import write_prediction


def sample(name, prediction):
    return {
        'img_path': f'/data/test.lmdb/{name}',
        'pred_sem_seg': {'data': torch.as_tensor(prediction)[None]},
    }


def test_files_are_what_the_benchmark_asks_for(tmp_path):
    """One {n}.png per image, one 8-bit channel, classes from 0."""
    metric = METRICS.build(
        {'type': 'mmss_plugins.LoveDASubmission', 'output_dir': str(tmp_path / 'a' / 'b')}
    )
    rng = np.random.default_rng(0)
    maps = {name: rng.integers(0, 7, (20, 30)) for name in ('urban_5167', 'rural_4191', 'rural_0')}
    samples = [sample(name, prediction) for name, prediction in maps.items()]
    metric.process({}, samples[:2])
    metric.process({}, samples[2:])
    assert metric.evaluate(size=3) == {'loveda/images': 3}
    found = {path.name for path in Path(tmp_path / 'a' / 'b').iterdir()}
    assert found == {'5167.png', '4191.png', '0.png'}
    for name, prediction in maps.items():
        with Image.open(tmp_path / 'a' / 'b' / f'{name.split("_")[1]}.png') as image:
            assert image.mode == 'L'
            np.testing.assert_array_equal(np.asarray(image), prediction)
    assert set(np.unique(list(maps.values()))) == set(range(7))


def test_samples_of_a_test_loop(tmp_path):
    """As MMSegmentation's pipeline packs them and MMEngine's evaluator passes them on."""
    info = {'img_path': '/data/test.lmdb/rural_4191', 'img_shape': (4, 6), 'ori_shape': (4, 6)}
    packed = PackSegInputs()({'img': np.zeros((4, 6, 3), np.uint8), **info})
    prediction = torch.arange(24).reshape(1, 4, 6) % 7
    packed['data_samples'].pred_sem_seg = PixelData(data=prediction)
    evaluator = Evaluator({'type': 'mmss_plugins.LoveDASubmission', 'output_dir': str(tmp_path)})
    evaluator.process([packed['data_samples']], {})
    assert evaluator.evaluate(1) == {'loveda/images': 1}
    with Image.open(tmp_path / '4191.png') as image:
        np.testing.assert_array_equal(np.asarray(image), prediction[0])


@pytest.mark.parametrize(
    ('name', 'prediction', 'message'),
    [
        ('urban_5167-0000-0512', np.zeros((4, 4), int), 'no whole LoveDA image.*without --size'),
        ('2_10-0000-0000', np.zeros((4, 4), int), 'no whole LoveDA image'),
        ('urban_1', np.full((4, 4), 7), r'classes 0\.\.6, but the prediction has 7\.\.7'),
        ('urban_1', np.full((4, 4), -1), r'has -1\.\.-1'),
        ('urban_1', np.zeros((4, 4)), r'\(H, W\) integers, but got \(4, 4\) float64'),
        ('urban_1', np.zeros((1, 4, 4), int), r'got \(1, 4, 4\)'),
    ],
)
def test_what_is_no_submission_is_refused(tmp_path, name, prediction, message):
    with pytest.raises(ValueError, match=message):
        write_prediction(tmp_path, name, prediction)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(OSError, match='file'):
        write_prediction(tmp_path / 'file', 'urban_1', np.zeros((4, 4), int))


def test_two_images_of_one_number_are_noticed(tmp_path):
    metric = METRICS.build({'type': 'mmss_plugins.LoveDASubmission', 'output_dir': str(tmp_path)})
    zeros = np.zeros((4, 4), int)
    metric.process({}, [sample('urban_1', zeros), sample('rural_1', zeros)])
    with pytest.raises(ValueError, match=r"more than once: \['1.png'\]"):
        metric.evaluate(size=2)
