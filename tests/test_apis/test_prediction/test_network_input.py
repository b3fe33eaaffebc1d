import numpy as np
import pytest
import torch
from helpers.downstream_trees import S1_MEAN, S1_STD, check_image
from helpers.small_raw_trees import S2_BANDS
from helpers.small_scenes import aerial, backscatter, optical, radar, reflectance
from helpers.store_factory import write_aerial_store, write_dfc_store
from mmseg.models import SegDataPreProcessor

from mmss_plugins.apis.prediction.network_input import (
    RawValues,
    advice,
    backscatter_limits,
    network_channels,
)
from mmss_plugins.checkpoints.spec.run_specification import run_specification
from mmss_plugins.datasets import DFC2020Dataset, PotsdamDataset
from mmss_plugins.models.data_preprocessors import MultiBandSegDataPreProcessor
from mmss_plugins.raster import RasterError, check_units
from mmss_plugins.store.reader import ReadRequest, StoreReader

NINE = [S2_BANDS[i] for i in (1, 2, 3, 4, 5, 6, 7, 11, 12)]


@pytest.mark.parametrize(('scale', 'offset'), [(1, 1000), (10000, 0), (2, 100), (10000, 1000)])
def test_reflectance_is_scaled_then_shifted_then_cut_at_zero(scale, offset):
    image = np.array([[[0, 50, 3000]]], np.uint16)
    found = RawValues(s2_scale=scale, s2_offset=offset).physical(image, 's2')
    expected = [max(value * scale - offset, 0.0) for value in (0, 50, 3000)]
    np.testing.assert_allclose(found, [[expected]])
    assert image[0, 0, 1] == 50


def test_power_is_converted_to_decibels():
    power = np.array([[[1.0, 0.01, 2.0, 0.0, -1.0]]])
    found = RawValues(s1_linear=True).physical(power, 's1')
    np.testing.assert_allclose(found, [[[0, -20, 3.0103, -100, -100]]], atol=1e-4)


def test_values_that_are_right_stay():
    every = RawValues(10000, 1000, s1_linear=True)
    for modality in ('s1', 's2', 'aerial'):
        image = np.array([[[3, 250]]], np.uint8)
        assert every.physical(image, modality) is image, 'quantised to 8 bits'
    image = np.ones((1, 1, 1), np.float32)
    assert every.physical(image, 'aerial') is image
    assert RawValues(10000, 1000).physical(image, 's1') is image
    assert RawValues(s1_linear=True).physical(image, 's2') is image


@pytest.mark.parametrize(
    ('modality', 'raw', 'change', 'said'),
    [
        ('s2', RawValues(), lambda v: v / 10_000, r'add --s2-scale 10000$'),
        ('s2', RawValues(s2_scale=10_000), lambda v: v, r'--s2-scale \(now 10000\)$'),
        ('s1', RawValues(), lambda v: 10 ** (v / 10), r'add --s1-linear$'),
        ('s1', RawValues(s1_linear=True), lambda v: v, r'omit --s1-linear'),
        ('s1', RawValues(), lambda v: v * 100, r'declare their scale in the file$'),
    ],
)
def test_values_of_another_unit_are_refused_with_the_option_to_give(modality, raw, change, said):
    image = {'s1': backscatter, 's2': reflectance}[modality]((30, 30)).astype(np.float32)
    bands = {'s1': ('VV', 'VH'), 's2': S2_BANDS}[modality]
    found = raw.physical(change(image), modality)
    with pytest.raises(RasterError, match=f'^a.tif: expected Sentinel-[12] .*{said}'):
        check_units(found, modality, bands, 'a.tif', advice=advice(raw))


@pytest.mark.parametrize('normalize', ['clip8', 'standardise', None])
@pytest.mark.parametrize('bands', [13, 9])
def test_s2_inputs_against_the_formulas(normalize, bands):
    image = reflectance((9, 8))
    names = S2_BANDS if bands == 13 else NINE
    chosen = [S2_BANDS.index(name) for name in names]
    found = network_channels(image[chosen], optical(names, normalize), 's2')
    assert found.dtype == np.float32
    if normalize is None:
        np.testing.assert_array_equal(found, image[chosen])
        return
    check_image(found.transpose(1, 2, 0), image, 's2', bands, normalize)


@pytest.mark.parametrize('normalize', ['clip8', 'standardise'])
def test_s1_inputs_against_the_formulas(normalize):
    image = backscatter((30, 20))
    found = network_channels(image, radar(normalize=normalize), 's1')
    check_image(found.transpose(1, 2, 0), image, 's1', 2, normalize)


def test_standardised_s1_is_clipped_by_the_limits_of_the_scene():
    image = backscatter((40, 50))
    entry = radar(normalize='standardise')
    limits = backscatter_limits(image.reshape(2, -1), entry)
    whole = network_channels(image, entry, 's1', limits)
    check_image(whole.transpose(1, 2, 0), image, 's1', 2, 'standardise')
    part = network_channels(image[:, 10:15, 5:9], entry, 's1', limits)
    np.testing.assert_array_equal(part, whole[:, 10:15, 5:9])


def test_limits_of_quantised_s1_are_in_decibels():
    quantised = np.random.default_rng(0).integers(0, 256, (2, 500)).astype(np.uint8)
    low, high = backscatter_limits(quantised, radar())
    for band in range(2):
        decoded = S1_MEAN[band] + S1_STD[band] * (4 * (quantised[band] / 255) - 2)
        expected = np.percentile(decoded, [1, 99])
        np.testing.assert_allclose([low[band], high[band]], expected, atol=1e-4)


def test_quantised_images_are_divided_or_decoded():
    quantised = np.random.default_rng(0).integers(0, 256, (2, 6, 7)).astype(np.uint8)
    np.testing.assert_allclose(
        network_channels(quantised, radar(), 's1'), quantised / 255, atol=1e-7
    )
    undivided = network_channels(quantised, radar(values='0..255'), 's1')
    np.testing.assert_array_equal(undivided, quantised)
    physical = network_channels(quantised, radar(normalize=None), 's1')
    mean, std = (np.reshape(values, (2, 1, 1)) for values in (S1_MEAN, S1_STD))
    np.testing.assert_allclose(physical, mean + std * (4 * (quantised / 255) - 2), atol=1e-4)
    standard = network_channels(quantised, optical(['B2', 'B3'], 'standardise'), 's2')
    np.testing.assert_allclose(standard, 4 * (quantised / 255) - 2, atol=1e-5)


def test_aerial_inputs():
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 5)).astype(np.uint8)
    np.testing.assert_allclose(network_channels(image, aerial(), 'aerial'), image / 255, atol=1e-7)
    undivided = network_channels(image, aerial(values='0..255'), 'aerial')
    np.testing.assert_array_equal(undivided, image)
    high = np.concatenate([image[:2], 100 * np.ones((1, 4, 5))]).astype(np.float32)
    found = network_channels(high, aerial(('R', 'G', 'height')), 'aerial')
    np.testing.assert_allclose(found[:2], image[:2] / 255, atol=1e-7)
    assert (found[2] == 100).all()
    assert (high[2] == 100).all()
    np.testing.assert_array_equal(high[:2], image[:2], 'the image stays')


def test_statistics_of_the_data_preprocessor():
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 5)).astype(np.uint8)
    mean, std = (0.1, 0.2, 0.3), (0.5, 2.0, 4.0)
    found = network_channels(image, aerial(input_mean=mean, input_std=std), 'aerial')
    for plane, raw, m, s in zip(found, image, mean, std, strict=True):
        np.testing.assert_allclose(plane, (raw / 255 - m) / s, atol=1e-6)


PREPROCESSORS = {
    'ours': lambda n: MultiBandSegDataPreProcessor(),
    'ours with statistics': lambda n: MultiBandSegDataPreProcessor(
        [i / 9 for i in range(n)], [1 + i for i in range(n)]
    ),
    'stock': lambda n: SegDataPreProcessor(),
    'stock with statistics': lambda n: SegDataPreProcessor(range(n), [50.0] * n),
    'stock turned round': lambda n: SegDataPreProcessor([9, 8, 7], [50, 40, 30], bgr_to_rgb=True),
}


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp('stores')
    raw = write_dfc_store(folder / 'dfc.lmdb', ids=('p0',), size=12)['p0']
    write_aerial_store(folder / 'potsdam.lmdb', PotsdamDataset, ['2_10-0000-0000'], size=12)
    return folder, raw


def trained_on(dataset, preprocessor):
    """What a network is given in training, and its specification."""
    image = torch.from_numpy(dataset.load_sample(0)['img'].transpose(2, 0, 1).copy())
    made = preprocessor({'inputs': [image], 'data_samples': None})['inputs'][0]
    return made.numpy(), run_specification(dataset, preprocessor)


@pytest.mark.parametrize('preprocessor', PREPROCESSORS)
@pytest.mark.parametrize(
    ('normalize', 'image_dtype'),
    [('clip8', 'float32'), ('clip8', 'uint8'), ('standardise', 'float32'), (None, 'float32')],
)
def test_sentinel_inputs_are_those_of_training(stores, preprocessor, normalize, image_dtype):
    folder, raw = stores
    options = {'normalize': normalize, 'image_dtype': image_dtype}
    choices = [{'modality': 's2', 'bands': 3}]
    if 'turned' not in preprocessor:
        choices += [{'modality': 's12', 'bands': 9}, {'modality': 's1'}]
    for choice in choices:
        dataset = DFC2020Dataset(str(folder / 'dfc.lmdb'), **options, **choice)
        make = PREPROCESSORS[preprocessor](len(dataset.channels))
        expected, spec = trained_on(dataset, make)
        names = {'s1': ('VV', 'VH'), 's2': S2_BANDS}
        found = [
            network_channels(raw[key][[names[key].index(b) for b in entry.bands]], entry, key)
            for key, entry in spec.modalities.items()
        ]
        np.testing.assert_allclose(np.concatenate(found), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('preprocessor', PREPROCESSORS)
def test_aerial_inputs_are_those_of_training(stores, preprocessor):
    path = stores[0] / 'potsdam.lmdb'
    (raw,) = StoreReader(path).read('2_10-0000-0000', [ReadRequest('image')])
    make = PREPROCESSORS[preprocessor](3)
    expected, spec = trained_on(PotsdamDataset(str(path)), make)
    entry = spec.modalities['aerial']
    found = network_channels(raw[['RGB'.index(band) for band in entry.bands]], entry, 'aerial')
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
