import numpy as np
import pytest
from helpers.small_scenes import (
    backscatter,
    optical,
    radar,
    reflectance,
    scene_model,
    scene_of,
    spec,
    write_scene,
)

from mmss_plugins.apis.prediction import RasterError
from mmss_plugins.apis.prediction.network_input import RawValues, network_channels
from mmss_plugins.apis.prediction.scene_windows import SceneWindows
from mmss_plugins.raster.image import fill_missing
from mmss_plugins.raster.scene_reader import SceneReader
from mmss_plugins.raster.windows import Window

S2 = optical(['B4', 'B2'])
IMAGE = reflectance((6, 9))
TWO = IMAGE[[3, 1]]


def windows_of(windows, raw=None, nodata=None, limits=None, entries=None, **paths):
    entries = entries or {'s2': S2}
    scene = scene_of(scene_model(None, **entries), **paths)
    reader = SceneReader(scene, nodata)
    return SceneWindows(reader, windows, spec(**entries), raw or RawValues(), limits or {})


def test_a_window_is_what_the_network_gets(tmp_path):
    path = write_scene(tmp_path / 'a.tif', IMAGE)
    data = windows_of([Window(0, 0, 4, 4), Window(2, 5, 4, 4)], s2=path)
    assert len(data) == 2
    inputs, valid = data[1]
    np.testing.assert_array_equal(inputs, network_channels(TWO[:, 2:, 5:], S2, 's2'))
    assert valid.shape == (4, 4)
    assert valid.all()


@pytest.mark.parametrize('size', [8, 12, 40])
def test_small_scenes_are_mirrored_beyond_their_border(tmp_path, size):
    path = write_scene(tmp_path / 'a.tif', IMAGE)
    inputs, valid = windows_of([Window(0, 0, size, size)], s2=path)[0]
    whole = network_channels(TWO, S2, 's2')
    assert inputs.shape == (2, size, size)
    for row in range(size):
        for col in range(size):
            back, there = divmod(row, 6), divmod(col, 9)
            y = back[1] if back[0] % 2 == 0 else 5 - back[1]
            x = there[1] if there[0] % 2 == 0 else 8 - there[1]
            assert (inputs[:, row, col].numpy() == whole[:, y, x]).all()
    assert valid[:6, :9].all()
    assert valid.sum() == 6 * min(9, size)


def test_modalities_are_stacked_and_valid_where_both_are(tmp_path):
    radar_image = backscatter((6, 9))
    radar_image[1, 2, 3] = np.nan
    image = IMAGE.copy()
    image[3, 4, 5] = 0
    paths = {
        's1': write_scene(tmp_path / 's1.tif', radar_image),
        's2': write_scene(tmp_path / 's2.tif', image, nodata=0),
    }
    entries = {'s1': radar(), 's2': S2}
    inputs, valid = windows_of([Window(0, 0, 6, 6)], entries=entries, **paths)[0]
    holes = np.ones((6, 6), bool)
    holes[2, 3] = holes[4, 5] = False
    np.testing.assert_array_equal(valid, holes)
    assert inputs.shape == (4, 6, 6)
    expected = network_channels(radar_image[:, :, :6], radar(), 's1')
    np.testing.assert_array_equal(inputs[:2, holes], expected[:, holes])
    expected = network_channels(TWO[:, :, :6], S2, 's2')
    np.testing.assert_array_equal(inputs[2:, holes], expected[:, holes])


def test_pixels_without_data_get_the_mean_of_the_others(tmp_path):
    image = np.array(TWO, np.float32)
    image[0, 1, 1] = np.nan
    image[1, 5, 2] = -1
    path = write_scene(tmp_path / 'a.tif', image, names=['B04', 'B02'], nodata=-1)
    entries = {'s2': optical(['B4', 'B2'], None)}
    inputs, valid = windows_of([Window(0, 0, 6, 6)], entries=entries, s2=path)[0]
    holes = np.ones((6, 6), bool)
    holes[1, 1] = holes[5, 2] = False
    np.testing.assert_array_equal(valid, holes)
    for band in range(2):
        mean = image[band, :, :6][holes].mean()
        np.testing.assert_allclose(inputs[band][~holes], mean, rtol=1e-6)
        np.testing.assert_array_equal(inputs[band][holes], image[band, :, :6][holes])


def test_what_filling_leaves_alone():
    image = TWO.copy()
    assert fill_missing(image, np.ones((6, 9), bool)) is image
    nothing = fill_missing(image, np.zeros((6, 9), bool))
    assert (nothing == 0).all()
    assert (fill_missing(image, np.arange(54).reshape(6, 9) > 3) == image).sum() >= 100
    np.testing.assert_array_equal(image, TWO)


@pytest.mark.parametrize('entry', [S2, radar(('VV',), 'standardise')])
def test_windows_without_any_data_are_zeros(tmp_path, entry):
    image = np.full((1, 6, 9), np.nan, np.float32)
    image = np.concatenate([image] * len(entry.bands))
    path = write_scene(tmp_path / 'a.tif', image, names=entry.bands)
    name = 's2' if entry is S2 else 's1'
    inputs, valid = windows_of([Window(0, 0, 8, 8)], entries={name: entry}, **{name: path})[0]
    assert (inputs == 0).all()
    assert inputs.shape == (len(entry.bands), 8, 8)
    assert not valid.any()


def test_raw_values_and_limits_are_used(tmp_path):
    path = write_scene(tmp_path / 'a.tif', IMAGE + 1000)
    raw = RawValues(s2_offset=1000)
    inputs, _ = windows_of([Window(0, 0, 6, 6)], raw, s2=path)[0]
    np.testing.assert_array_equal(inputs, network_channels(TWO[:, :, :6], S2, 's2'))
    entry, image = radar(normalize='standardise'), backscatter((6, 9))
    path = write_scene(tmp_path / 'b.tif', image)
    limits = {'s1': ([-16, -14], [-13, -12])}
    entries = {'s1': entry}
    inputs, _ = windows_of([Window(0, 3, 6, 6)], limits=limits, entries=entries, s1=path)[0]
    low, high = (np.reshape(values, (2, 1, 1)) for values in limits['s1'])
    mean, std = (np.reshape(values, (2, 1, 1)) for values in (entry.mean, entry.std))
    expected = (np.clip(image[:, :, 3:], low, high) - mean) / std
    np.testing.assert_allclose(inputs, expected, atol=1e-5)


def test_nodata_comes_before_offset_and_scale(tmp_path):
    image = IMAGE.copy()
    image[3, 0, 0] = 0
    image[3, 0, 1] = 1000  # becomes 0, and counts
    path = write_scene(tmp_path / 'a.tif', image)
    _, valid = windows_of([Window(0, 0, 6, 6)], RawValues(s2_offset=1000), 0, s2=path)[0]
    assert valid.sum() == 35
    assert not valid[0, 0]


def test_an_error_ends_a_batch_and_is_given(tmp_path):
    path = write_scene(tmp_path / 'a.tif', reflectance((64, 64)))
    path.write_bytes(path.read_bytes()[:40000])
    data = windows_of([Window(0, 0, 8, 8), Window(48, 0, 8, 8), Window(0, 8, 8, 8)], s2=path)
    with pytest.raises(RasterError, match=r'a\.tif: unreadable image'):
        data[1]
    first, second = data.__getitems__([0, 1, 2])
    assert first.valid.all()
    assert isinstance(second, RasterError)
    assert len(data.__getitems__([0, 2])) == 2
