"""Real Sentinel images, where they are at hand.

They are not part of the project. MMSS_REAL_DATA names the folder that holds their folder
``sentinel``; by default it is looked for in ``shared/data/real`` beside the checkout.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from helpers.downstream_trees import S1_MEAN, S1_STD, S2_MEAN, S2_STD
from helpers.paths import ROOT
from helpers.small_raw_trees import S2_BANDS, read_raw
from helpers.small_scenes import (
    PixelModel,
    optical,
    radar,
    read_map,
    scene_model,
    scene_of,
    write_scene,
)

from mmss_plugins.apis.prediction import PredictionOptions, RasterError, predict_scene
from mmss_plugins.apis.prediction.network_input import RawValues
from mmss_plugins.bands import S2

REAL = Path(os.environ.get('MMSS_REAL_DATA', ROOT.parent / 'shared' / 'data' / 'real')) / 'sentinel'
SCENES = sorted(path.name for path in REAL.glob('S2L1C/*.tif'))

pytestmark = pytest.mark.skipif(not SCENES, reason=f'no real samples: {REAL} does not hold them')

AS_IS = RawValues(s2_offset=0)  # one of the scenes has the offset, which changes nothing here


def standardised(image, mean, std, percentiles=False):
    mean, std = (np.reshape(values, (-1, 1, 1)) for values in (mean, std))
    low, high = mean - 2 * std, mean + 2 * std
    if percentiles:
        low, high = np.percentile(image, [1, 99], axis=(1, 2))[..., None, None]
    return (np.clip(image, low, high) - mean) / std


def predict(model, out, options, **paths):
    predict_scene(model, scene_of(model, **paths), {'classes': out}, options)
    return read_map(out)


@pytest.mark.parametrize('name', SCENES)
def test_both_sensors_by_windows_are_one_pass(tmp_path, name):
    paths = {'s1': REAL / 'S1RTC' / name, 's2': REAL / 'S2L1C' / name}
    entries = {'s1': radar(normalize='standardise'), 's2': optical(normalize='standardise')}
    model = scene_model(PixelModel(15), **entries)
    found = predict(
        model, tmp_path / 'map.tif', PredictionOptions(96, 24, panel=130, raw=AS_IS), **paths
    )
    raw = {key: read_raw(path).astype(np.float64) for key, path in paths.items()}
    inputs = np.concatenate(
        [
            standardised(raw['s1'], S1_MEAN, S1_STD, percentiles=True),
            standardised(raw['s2'], S2_MEAN, S2_STD),
        ]
    )
    with torch.no_grad():
        expected = model.model.logits(torch.from_numpy(inputs)[None])[0].argmax(0).numpy()
    assert found.shape == (224, 224)
    assert (found == expected).mean() > 0.9999  # float32 there, float64 here
    assert len(np.unique(found)) > 1
    with rasterio.open(paths['s2']) as source, rasterio.open(tmp_path / 'map.tif') as file:
        assert (file.crs, file.transform) == (source.crs, source.transform)


def test_bands_at_their_own_resolutions(tmp_path):
    """What sensors measure at 20 and 60 m is smooth at 10 m: the map hardly changes."""
    path = REAL / 'S2L1C' / SCENES[0]
    image = read_raw(path)[:, :180, :180].astype(np.float64)
    for band, pixel, plane in zip(S2_BANDS, S2.resolutions, image, strict=True):
        times = pixel // 10
        coarse = plane.reshape(180 // times, times, 180 // times, times).mean(axis=(1, 3))
        file = tmp_path / 'scene' / f'T22_{band}.tif'
        write_scene(file, coarse.round()[None].astype(np.uint16), pixel=float(pixel))
    whole = write_scene(tmp_path / 'whole.tif', image.astype(np.uint16))
    model = scene_model(PixelModel(13), s2=optical())
    options = PredictionOptions(64, 16, raw=AS_IS)
    found = predict(model, tmp_path / 'a.tif', options, s2=tmp_path / 'scene')
    expected = predict(model, tmp_path / 'b.tif', options, s2=whole)
    assert found.shape == (180, 180)
    assert (found == expected).mean() > 0.8


def test_the_scene_with_the_offset_is_recognised(tmp_path):
    model = scene_model(PixelModel(13), s2=optical())
    for name in SCENES:
        out, path = tmp_path / name, REAL / 'S2L1C' / name
        if read_raw(path)[10].min() > 900:
            with pytest.raises(RasterError, match=f'{name}: B10 is nowhere below 900'):
                predict(model, out, PredictionOptions(), s2=path)
        else:
            predict(model, out, PredictionOptions(), s2=path)
