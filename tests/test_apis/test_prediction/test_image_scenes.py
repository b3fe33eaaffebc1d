"""Scenes that are PNG or JPEG images, and images that training has scaled."""

import numpy as np
import pytest
from helpers.small_scenes import PixelModel, read_map, scene_model, scene_of, write_scene
from PIL import Image

from mmss_plugins.apis.prediction import PredictionOptions, RasterError, predict_scene
from mmss_plugins.checkpoints.spec.input_specification import ModalityInput

BANDS = ('R', 'G', 'B', 'NIR')
RNG = np.random.default_rng(0)
LOW, HIGH = np.array([100.0, 0.0, 300.0, 50.0]), np.array([3000.0, 2500.0, 4100.0, 5000.0])


def model_of(normalize=None, unit='8-bit value', values='0..1', **kwargs):
    entry = ModalityInput(BANDS, unit, normalize, values, **kwargs)
    return scene_model(PixelModel(4), aerial=entry)


def classes(folder, path, model):
    scene = scene_of(model, aerial=path)
    predict_scene(model, scene, {'classes': folder / 'map.tif'}, PredictionOptions(8, 2))
    return read_map(folder / 'map.tif')


def expected(model, inputs):
    import torch

    with torch.no_grad():
        return model.model.logits(torch.from_numpy(inputs)[None].float())[0].argmax(0).numpy()


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_alpha_is_a_band_where_the_network_wants_four(tmp_path, suffix):
    image = RNG.integers(0, 256, (11, 13, 4)).astype(np.uint8)
    image[:4, :, 3] = 0  # near infrared of water, not missing data
    path = tmp_path / f'scene{suffix}'
    if suffix == '.png':
        Image.fromarray(image).save(path)
    else:
        write_scene(path, image.transpose(2, 0, 1))
    model = model_of()
    found = classes(tmp_path, path, model)
    np.testing.assert_array_equal(found, expected(model, image.transpose(2, 0, 1) / 255))


def test_images_are_scaled_as_in_training(tmp_path):
    image = RNG.integers(0, 6000, (4, 11, 13)).astype(np.uint16)
    mean, std = (LOW + HIGH) / 2, (HIGH - LOW) / 4
    model = model_of('clip8', 'value of the files', mean=tuple(mean), std=tuple(std))
    write_scene(tmp_path / 'deep.tif', image)
    low, high = LOW[:, None, None], HIGH[:, None, None]
    quantised = np.floor((np.clip(image, low, high) - low) / (high - low) * 255 + 1e-6)
    found = classes(tmp_path, tmp_path / 'deep.tif', model)
    assert (found == expected(model, quantised / 255)).mean() > 0.99
    write_scene(tmp_path / 'flat.tif', (image % 256).astype(np.uint8))
    with pytest.raises(RasterError, match='expected values of more than 8 bits, but found uint8'):
        classes(tmp_path, tmp_path / 'flat.tif', model)
