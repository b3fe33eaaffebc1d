import json
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from helpers.small_raw_trees import S2_BANDS, write_tiff
from helpers.small_scenes import (
    CLASSES,
    CORNER,
    PALETTE,
    ContextModel,
    PixelModel,
    aerial,
    backscatter,
    optical,
    radar,
    read_map,
    reflectance,
    scene_model,
    scene_of,
    write_scene,
)
from rasterio import CRS
from rasterio.control import GroundControlPoint
from rasterio.enums import Resampling
from rasterio.transform import from_origin

from mmss_plugins.apis.prediction import PredictionOptions, RasterError, predict_scene
from mmss_plugins.apis.prediction.network_input import RawValues, network_channels
from mmss_plugins.apis.prediction.scene_checks import judge_values, sample_windows
from mmss_plugins.raster.scene_reader import SceneReader
from mmss_plugins.store.normalisation import S1_PERCENTILES

RGB = optical(['B4', 'B3', 'B2'])
KINDS = ('classes', 'confidence', 'probabilities')


def open_files(folder):
    links = [os.path.realpath(link) for link in Path('/proc/self/fd').glob('*')]
    return [link for link in links if link.startswith(str(folder))]


def predict(folder, model, kinds=('classes',), **options):
    """Predict the scenes of a folder's files, named by modality; returns report and maps."""
    paths = {name: folder / f'{name}.tif' for name in model.spec.modalities}
    outputs = {kind: folder / 'maps' / f'{kind}.tif' for kind in kinds}
    options = PredictionOptions(**{'window': 8, 'overlap': 2, **options})
    named = {kind: str(path) for kind, path in outputs.items()}
    report = predict_scene(model, scene_of(model, **paths), named, options)
    assert sorted(path.name for path in (folder / 'maps').iterdir()) == sorted(
        f'{kind}.tif' for kind in kinds
    )
    return report, {kind: read_map(path) for kind, path in outputs.items()}


def whole_probabilities(model, inputs):
    """One pass over the whole image."""
    with torch.no_grad():
        logits = model.model.logits(torch.from_numpy(inputs)[None])
    return logits.softmax(1)[0].numpy()


SHAPES = [(20, 33), (8, 8), (3, 5), (9, 17), (17, 1), (1, 26), (1, 1), (8, 40)]


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize(
    'options',
    [
        {},
        {'overlap': 0, 'batch_size': 1},
        {'overlap': 4, 'batch_size': 3, 'panel': 5},
        {'window': 5, 'overlap': 1, 'panel': 7},
        {'window': 64, 'overlap': 32, 'panel': 16},
    ],
)
def test_pixel_by_pixel_models_see_no_windows(tmp_path, shape, options):
    image = reflectance(shape)
    write_scene(tmp_path / 's2.tif', image)
    model = scene_model(PixelModel(3), s2=RGB)
    report, maps = predict(tmp_path, model, KINDS, **options)
    expected = whole_probabilities(model, network_channels(image[[3, 2, 1]], RGB, 's2'))
    np.testing.assert_array_equal(maps['classes'], expected.argmax(0))
    np.testing.assert_allclose(maps['confidence'], expected.max(0), atol=1e-6)
    np.testing.assert_allclose(maps['probabilities'], expected, atol=1e-6)
    counts = [(expected.argmax(0) == index).sum() for index in range(3)]
    assert list(report.pixels.items()) == list(zip(CLASSES, counts, strict=True))
    assert (report.shape, report.without_data) == (shape, 0)
    assert max(model.model.batches) <= options.get('batch_size', 8)


@pytest.mark.parametrize('shape', [(20, 33), (3, 26), (15, 15)])
@pytest.mark.parametrize(('window', 'overlap'), [(8, 3), (8, 0), (10, 5)])
def test_blending_is_the_weighted_mean_of_all_windows(tmp_path, shape, window, overlap):
    image = reflectance(shape)
    write_scene(tmp_path / 's2.tif', image)
    model = scene_model(ContextModel(3), s2=RGB)
    _, maps = predict(tmp_path, model, KINDS, window=window, overlap=overlap, panel=13)
    inputs = network_channels(image[[3, 2, 1]], RGB, 's2')
    padding = [(0, 0), *((0, max(0, window - length)) for length in shape)]
    inputs = np.pad(inputs, padding, mode='symmetric')
    height, width = inputs.shape[1:]
    total, weight = np.zeros((3, height, width)), np.zeros((height, width))
    ramp = [min((min(i, window - 1 - i) + 0.5) / (overlap or 0.5), 1) for i in range(window)]
    weights = np.outer(ramp, ramp)
    for row in starts(height, window, window - overlap):
        for col in starts(width, window, window - overlap):
            place = np.s_[row : row + window, col : col + window]
            seen = whole_probabilities(model, inputs[(slice(None), *place)].copy())
            total[(slice(None), *place)] += weights * seen
            weight[place] += weights
    expected = (total / weight)[:, : shape[0], : shape[1]]
    np.testing.assert_allclose(maps['probabilities'], expected, atol=1e-5)
    np.testing.assert_allclose(maps['confidence'], expected.max(0), atol=1e-5)
    clear = np.diff(np.sort(expected, axis=0)[-2:], axis=0)[0] > 1e-4
    np.testing.assert_array_equal(maps['classes'][clear], expected.argmax(0)[clear])
    assert clear.mean() > 0.9
    assert len(np.unique(maps['classes'])) > 1


def starts(length, size, stride):
    found, start = [], 0
    while start + size < length:
        found.append(start)
        start += stride
    return [*found, length - size]


@pytest.mark.parametrize('options', [{'workers': 2}, {'batch_size': 1}, {'panel': 18}])
def test_how_it_is_done_changes_nothing(tmp_path, options):
    write_scene(tmp_path / 's2.tif', reflectance((20, 33)))
    model = scene_model(ContextModel(3), s2=RGB)
    _, plain = predict(tmp_path, model, KINDS)
    _, maps = predict(tmp_path, model, KINDS, **options)
    np.testing.assert_allclose(maps['probabilities'], plain['probabilities'], atol=1e-6)
    np.testing.assert_array_equal(maps['classes'], plain['classes'])


def with_holes(shape):
    holes = np.zeros(shape, bool)
    holes[3, 4] = True
    holes[:, 14:] = True
    image = reflectance(shape)
    image[:, holes] = 0
    return image, holes


@pytest.mark.parametrize(
    ('profile', 'options'), [({'nodata': 0}, {}), ({}, {'nodata': 0}), ({}, {'nodata': 0.0})]
)
@pytest.mark.parametrize('batch_size', [1, 8])
def test_pixels_without_data_have_no_class(tmp_path, profile, options, batch_size):
    image, holes = with_holes((20, 40))
    write_scene(tmp_path / 's2.tif', image, **profile)
    model = scene_model(PixelModel(3), s2=RGB)
    report, maps = predict(tmp_path, model, KINDS, batch_size=batch_size, **options)
    expected = whole_probabilities(model, network_channels(image[[3, 2, 1]], RGB, 's2'))
    np.testing.assert_array_equal(maps['classes'], np.where(holes, 255, expected.argmax(0)))
    assert np.isnan(maps['confidence'][holes]).all()
    assert np.isnan(maps['probabilities'][:, holes]).all()
    np.testing.assert_allclose(maps['confidence'][~holes], expected.max(0)[~holes], atol=1e-6)
    assert report.without_data == holes.sum()
    assert sum(report.pixels.values()) == (~holes).sum()
    assert sum(model.model.batches) == 3 * 3, 'wholly empty windows are not predicted'


@pytest.mark.parametrize('entry', [radar(), radar(normalize='standardise')])
def test_a_scene_without_any_data_is_an_error(tmp_path, entry):
    write_scene(tmp_path / 's1.tif', np.full((2, 20, 9), np.nan, np.float32))
    model = scene_model(PixelModel(2), s1=entry)
    with pytest.raises(RasterError, match='scene s1: no pixel has data in all bands'):
        predict(tmp_path, model, KINDS)
    assert model.model.batches == []
    assert not list((tmp_path / 'maps').iterdir())


def spoil_units(modality, image):
    """Values of another unit, and a single pixel that hides them from a look at extremes."""
    if modality == 's1':
        image = (10 ** (image / 10)).astype(np.float32)
        image[0, 0, 0] = -1e-6
    else:
        image = (image / 10_000).astype(np.float32)
        image[0, 0, 0] = 6.5535
    return image


@pytest.mark.parametrize(('modality', 'said'), [('s1', '--s1-linear'), ('s2', '--s2-scale 10000')])
def test_a_single_odd_pixel_hides_no_other_unit(tmp_path, modality, said):
    image = {'s1': backscatter, 's2': reflectance}[modality]((20, 33))
    entry = {'s1': radar(), 's2': optical()}[modality]
    model = scene_model(PixelModel(len(entry.bands)), **{modality: entry})
    write_scene(tmp_path / f'{modality}.tif', spoil_units(modality, image))
    with pytest.raises(RasterError, match=f'{modality}.tif: expected Sentinel-.*{said}'):
        predict(tmp_path, model)


def test_an_option_too_many_is_refused(tmp_path):
    write_scene(tmp_path / 's1.tif', backscatter((20, 33)))
    model = scene_model(PixelModel(2), s1=radar())
    with pytest.raises(RasterError, match='omit --s1-linear'):
        predict(tmp_path, model, raw=RawValues(s1_linear=True))


NINE = ['B2', 'B3', 'B4', 'B5', 'B6', 'B7', 'B8', 'B11', 'B12']


@pytest.mark.parametrize('bands', [S2_BANDS, NINE])
def test_an_offset_that_nobody_spoke_of_is_refused(tmp_path, bands):
    image = reflectance((20, 33))
    model = scene_model(PixelModel(len(bands)), s2=optical(bands))
    write_scene(tmp_path / 's2.tif', image)
    _, plain = predict(tmp_path, model)
    write_scene(tmp_path / 's2.tif', image + 1000)
    with pytest.raises(RasterError, match=r's2\.tif: B10 is nowhere below 900, .*--s2-offset 1000'):
        predict(tmp_path, model)
    _, subtracted = predict(tmp_path, model, raw=RawValues(s2_offset=1000))
    np.testing.assert_array_equal(subtracted['classes'], plain['classes'])
    predict(tmp_path, model, raw=RawValues(s2_offset=0))


def test_scales_that_a_file_declares_are_applied(tmp_path):
    image = reflectance((20, 33))
    model = scene_model(PixelModel(13), s2=optical())
    write_scene(tmp_path / 's2.tif', image)
    _, plain = predict(tmp_path, model)
    write_scene(tmp_path / 's2.tif', image + 1000)
    with rasterio.open(tmp_path / 's2.tif', 'r+') as file:
        file.scales, file.offsets = [1e-4] * 13, [-0.1] * 13
    _, declared = predict(tmp_path, model)
    np.testing.assert_array_equal(declared['classes'], plain['classes'])


def test_overviews_change_no_limits(tmp_path):
    """Overviews are averages: their percentiles are narrower than the scene's."""
    image = backscatter((300, 280))
    write_scene(tmp_path / 's1.tif', image)
    with rasterio.open(tmp_path / 's1.tif', 'r+') as file:
        file.build_overviews([2, 4, 8], Resampling.average)
    model = scene_model(PixelModel(2), s1=radar(normalize='standardise'))
    reader = SceneReader(scene_of(model, s1=tmp_path / 's1.tif'))
    limits = judge_values(reader, model.spec, RawValues())
    expected = np.percentile(image, S1_PERCENTILES, axis=(1, 2))
    np.testing.assert_allclose(limits['s1'], expected, rtol=1e-6)


@pytest.mark.parametrize('shape', [(3, 64), (1024, 100), (1025, 1100), (40_000, 9)])
def test_the_sample_of_a_scene_covers_it_evenly(shape):
    windows = sample_windows(shape)
    assert sum(w.height * w.width for w in windows) <= 1.2e6
    for axis, length in enumerate(shape):
        edges = sorted({(window[axis], window[axis] + window[axis + 2]) for window in windows})
        assert edges[0][0] == 0
        assert edges[-1][1] <= length
        gaps = [later[0] - earlier[1] for earlier, later in pairwise(edges)]
        assert all(gap >= 0 for gap in gaps), 'no overlap'
        assert max([*gaps, length - edges[-1][1]]) <= length / 16
        if length <= 1024:
            assert not any(gaps)
            assert edges[-1][1] == length


@pytest.mark.parametrize(
    ('pixel', 'crs', 'outcome'),
    [
        (10, 'EPSG:32633', None), (14, 'EPSG:32633', None), (16, 'EPSG:32633', 'warning'),
        (6, 'EPSG:32633', 'warning'), (31, 'EPSG:32633', 'error'), (3, 'EPSG:32633', 'error'),
        (33, 'EPSG:2225', None), (10 / 111_320, 'EPSG:4326', None),
        (60 / 111_320, 'EPSG:4326', 'error'),
    ],
)  # fmt: skip
def test_pixels_are_of_the_size_of_training(tmp_path, pixel, crs, outcome):
    """EPSG:2225 counts in feet."""
    corner = (15, 0.0) if crs == 'EPSG:4326' else CORNER
    write_scene(tmp_path / 's1.tif', backscatter((8, 9)), pixel=pixel, crs=crs, corner=corner)
    model = scene_model(PixelModel(2), s1=radar(pixel_size=10.0))
    if outcome == 'error':
        with pytest.raises(RasterError, match=r'scene s1: its pixels are .*--any-pixel-size'):
            predict(tmp_path, model)
    report, _ = predict(tmp_path, model, any_pixel_size=outcome == 'error')
    assert bool(report.warnings) == (outcome is not None)
    assert ('warning: scene s1: its pixels are' in report.text()) == (outcome is not None)
    predict(tmp_path, scene_model(PixelModel(2), s1=radar()))


def test_ground_control_points_are_carried_over(tmp_path):
    corners = [(0, 0, 15, 48, 0), (0, 33, 16, 48, 0), (20, 0, 15, 47, 0), (20, 33, 16, 47.1, 5)]
    points = [GroundControlPoint(*corner) for corner in corners]
    write_tiff(tmp_path / 's1.tif', backscatter((20, 33)))
    with rasterio.open(tmp_path / 's1.tif', 'r+') as file:
        file.gcps = points, CRS.from_epsg(4326)
    predict(tmp_path, scene_model(PixelModel(2), s1=radar()))
    with rasterio.open(tmp_path / 'maps' / 'classes.tif') as file:
        found, crs = file.gcps
        assert (file.crs, crs.to_epsg()) == (None, 4326)
    kept = [(p.row, p.col, p.x, p.y, p.z) for p in found]
    assert kept == [(p.row, p.col, p.x, p.y, p.z) for p in points]


def test_data_are_needed_in_both_modalities(tmp_path):
    radar_image, image = backscatter((12, 13)), reflectance((12, 13))
    write_scene(tmp_path / 's2.tif', image)
    corner = (CORNER[0] + 50, CORNER[1])
    write_scene(tmp_path / 's1.tif', radar_image, corner=corner)
    model = scene_model(PixelModel(5), s1=radar(), s2=RGB)
    _, maps = predict(tmp_path, model)
    assert (maps['classes'][:, :5] == 255).all()
    inputs = [
        network_channels(radar_image[..., :8], radar(), 's1'),
        network_channels(image[[3, 2, 1], :, 5:], RGB, 's2'),
    ]
    expected = whole_probabilities(model, np.concatenate(inputs)).argmax(0)
    np.testing.assert_array_equal(maps['classes'][:, 5:], expected)
    assert len(np.unique(expected)) > 1


def assert_judged_as_a_whole(tmp_path, image):
    """Windows of standardised Sentinel-1 are what the whole image is."""
    write_scene(tmp_path / 's1.tif', image)
    entry = radar(normalize='standardise')
    model = scene_model(PixelModel(2), s1=entry)
    _, maps = predict(tmp_path, model)
    expected = whole_probabilities(model, network_channels(image, entry, 's1'))
    np.testing.assert_array_equal(maps['classes'], expected.argmax(0))


def test_standardised_s1_is_judged_as_a_whole(tmp_path):
    """Percentiles of each window would show one place in several ways."""
    image = backscatter((20, 33)) + np.linspace(-9, 9, 33, dtype=np.float32)
    assert_judged_as_a_whole(tmp_path, image)


def test_quantised_s1_is_judged_as_a_whole(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (2, 20, 33)).astype(np.uint8)
    image[:, :, :20] //= 3
    assert_judged_as_a_whole(tmp_path, image)


@pytest.mark.parametrize(
    ('modality', 'raw', 'change'),
    [
        ('s2', RawValues(s2_offset=1000), lambda image: image + 1000),
        ('s2', RawValues(s2_scale=10000), lambda image: (image / 10000).astype(np.float32)),
        ('s1', RawValues(s1_linear=True), lambda image: (10 ** (image / 10)).astype(np.float64)),
    ],
)
def test_other_units_give_the_same_map(tmp_path, modality, raw, change):
    image = reflectance((12, 17)) if modality == 's2' else backscatter((12, 17))
    entries = {'s2': optical(['B4', 'B3', 'B2'], 'standardise'), 's1': radar(normalize=None)}
    entry = entries[modality]
    model = scene_model(PixelModel(len(entry.bands)), **{modality: entry})
    write_scene(tmp_path / f'{modality}.tif', image)
    _, plain = predict(tmp_path, model, KINDS)
    write_scene(tmp_path / f'{modality}.tif', change(image))
    _, maps = predict(tmp_path, model, KINDS, raw=raw)
    np.testing.assert_allclose(maps['probabilities'], plain['probabilities'], atol=1e-4)
    if modality == 's2':
        return
    with pytest.raises(RasterError, match=r's1\.tif: expected Sentinel-1 VV as backscatter in dB'):
        predict(tmp_path, model)


def test_aerial_images_are_of_eight_bits(tmp_path):
    image = reflectance((9, 9), 3)
    write_scene(tmp_path / 'aerial.tif', image)
    model = scene_model(PixelModel(3), aerial=aerial())
    with pytest.raises(RasterError, match=r'aerial\.tif: expected an 8-bit image \(uint8\), .*but '
                       'found uint16'):  # fmt: skip
        predict(tmp_path, model)
    image = (image % 256).astype(np.uint8)
    write_scene(tmp_path / 'aerial.tif', image)
    _, maps = predict(tmp_path, model)
    expected = whole_probabilities(model, network_channels(image, aerial(), 'aerial'))
    np.testing.assert_array_equal(maps['classes'], expected.argmax(0))


def test_aerial_images_with_heights_are_floats(tmp_path):
    image = np.concatenate([reflectance((9, 9), 2) % 256, np.full((1, 9, 9), 40)])
    write_scene(tmp_path / 'aerial.tif', image.astype(np.float32))
    entry = aerial(('R', 'G', 'height'), input_mean=(0, 0, 40), input_std=(1, 1, 5))
    model = scene_model(PixelModel(3), aerial=entry)
    _, maps = predict(tmp_path, model)
    inputs = np.stack([image[0] / 255, image[1] / 255, np.zeros((9, 9))]).astype(np.float32)
    np.testing.assert_array_equal(maps['classes'], whole_probabilities(model, inputs).argmax(0))


def test_limits_are_found_where_they_are_needed(tmp_path):
    write_scene(tmp_path / 's1.tif', backscatter((12, 9)))
    write_scene(tmp_path / 's2.tif', reflectance((12, 9)))
    paths = {name: tmp_path / f'{name}.tif' for name in ('s1', 's2')}
    for normalize, names in (('standardise', ['s1']), ('clip8', [])):
        entries = {'s1': radar(normalize=normalize), 's2': optical(normalize=normalize)}
        model = scene_model(None, **entries)
        reader = SceneReader(scene_of(model, **paths))
        assert list(judge_values(reader, model.spec, RawValues())) == names


class Failing(PixelModel):
    """Fails at its third batch."""

    def __init__(self, error):
        super().__init__(3)
        self.error = error

    def logits(self, inputs):
        if len(self.batches) == 3:
            if self.error is None:
                return super().logits(inputs) + float('nan')
            raise self.error
        return super().logits(inputs)


@pytest.mark.parametrize(
    ('error', 'raised', 'said'),
    [
        (None, RasterError, r'scene s2: best\.pth gives values that are not finite'),
        (KeyboardInterrupt(), KeyboardInterrupt, ''),
        (RuntimeError('out of memory'), RuntimeError, 'out of memory'),
    ],
)
def test_a_failure_in_the_middle_leaves_what_was_there(tmp_path, error, raised, said):
    write_scene(tmp_path / 's2.tif', reflectance((40, 40)))
    for expected in ({}, None):
        if expected is None:
            predict(tmp_path, scene_model(PixelModel(3), s2=RGB), KINDS)
            expected = {p.name: p.read_bytes() for p in (tmp_path / 'maps').iterdir()}
            assert len(expected) == 3
        with pytest.raises(raised, match=said):
            predict(tmp_path, scene_model(Failing(error), s2=RGB), KINDS)
        assert {p.name: p.read_bytes() for p in (tmp_path / 'maps').iterdir()} == expected
        assert open_files(tmp_path) == []


@pytest.mark.parametrize('workers', [0, 1])
def test_a_file_that_breaks_off_is_named_without_a_traceback(tmp_path, workers, monkeypatch):
    path = write_scene(tmp_path / 's2.tif', reflectance((64, 64)))
    path.write_bytes(path.read_bytes()[:90000])
    for name, value in (('SAMPLE_EDGE', 8), ('SAMPLE_WINDOWS', 1)):  # so few do not see it
        monkeypatch.setitem(judge_values.__globals__, name, value)
    with pytest.raises(RasterError) as caught:
        predict(tmp_path, scene_model(PixelModel(3), s2=RGB), workers=workers)
    assert str(caught.value).startswith(f'{path}: unreadable image (')
    assert 'Traceback' not in str(caught.value)
    assert list((tmp_path / 'maps').iterdir()) == []


def test_maps_record_how_they_were_made(tmp_path):
    write_scene(tmp_path / 's2.tif', reflectance((12, 9)), pixel=20.0)
    report, _ = predict(tmp_path, scene_model(PixelModel(3), s2=RGB))
    with rasterio.open(tmp_path / 'maps' / 'classes.tif') as file:
        tags = file.tags()
        assert (tags['checkpoint'], tags['window'], tags['overlap']) == ('best.pth', '8', '2')
        assert [tags[f'CLASS_{i}'] for i in range(3)] == list(CLASSES)
        assert [file.colormap(1)[i][:3] for i in range(3)] == list(PALETTE)
        assert file.transform == from_origin(*CORNER, 20, 20)
        assert file.crs == rasterio.CRS.from_epsg(32633)
    assert (report.scene, report.pixel_area) == ('s2', 400)
    json.dumps(report.pixels)
    assert open_files(tmp_path / 's2.tif') == []


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'window': 0}, 'window must be at least 1, but got 0'),
        ({'batch_size': 0}, 'batch_size must be at least 1'),
        ({'panel': 0}, 'panel must be at least 1'),
        ({'workers': -1}, 'workers must be at least 0, but got -1'),
        ({'window': 9, 'overlap': 5}, r'overlap must be 0\.\.4, half of the window, but got 5'),
        ({'overlap': -1}, 'overlap must be 0'),
    ],
)
def test_options_out_of_range(options, said):
    with pytest.raises(ValueError, match=said):
        PredictionOptions(**options)
