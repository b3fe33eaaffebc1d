"""Input specifications of aerial data sets: bands, and the normalisation whoever does it."""

import pytest
import torch
from helpers.paths import ROOT
from helpers.store_factory import write_aerial_store
from mmengine.config import Config
from mmpretrain.models import SelfSupDataPreprocessor
from mmseg.models import SegDataPreProcessor

from mmss_plugins.checkpoints.spec.run_specification import run_specification
from mmss_plugins.checkpoints.spec.specification_difference import advice, compare, difference_text
from mmss_plugins.datasets import LoveDADataset, PotsdamDataset
from mmss_plugins.models.data_preprocessors import (
    MultiBandSegDataPreProcessor,
    MultiBandSelfSupDataPreprocessor,
)

MODELS = ROOT / 'configs' / '_base_' / 'models'
BYTES = {'mean': [123.675, 116.28, 103.53], 'std': [58.395, 57.12, 57.375]}
UNITS = {'mean': [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225]}
BANDS = ('R', 'G', 'B', 'IR')


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp('store') / 'p.lmdb'
    return str(write_aerial_store(path, PotsdamDataset, ['a'], 8, bands=BANDS, dsm=True))


def spec(store, preprocessor=None, **kwargs):
    return run_specification(PotsdamDataset(store, **kwargs), preprocessor)


def differing(one, other):
    return [row.name for row in compare(one, other, classes=True) if row.differs]


@pytest.mark.parametrize(
    ('bands', 'names'),
    [('RGB', ('R', 'G', 'B')), ('IRRG', ('IR', 'R', 'G')), ('RGBIR', BANDS)],
)
def test_bands_units_and_classes(store, bands, names):
    found = spec(store, bands=bands)
    (entry,) = found.modalities.values()
    assert (list(found.modalities), entry.bands) == (['aerial'], names)
    assert (entry.unit, entry.values, entry.normalize) == ('8-bit value', '0..255', None)
    assert found.classes == PotsdamDataset.METAINFO['classes']
    assert spec(store, labels=False).classes == ()


def test_heights_are_in_metres_beside_bands_that_are_divided_already(store):
    statistics = {'mean': [0.5, 0.4, 0.3, 40.0], 'std': [0.2, 0.2, 0.2, 10.0]}
    for kind in (MultiBandSegDataPreProcessor, MultiBandSelfSupDataPreprocessor):
        entry = spec(store, kind(**statistics), bands='IRRG', dsm=True).modalities['aerial']
        assert entry.bands == ('IR', 'R', 'G', 'height')
        assert entry.unit == '8-bit value, height in metres'
        assert entry.values == '0..1'
        assert entry.input_mean == pytest.approx(statistics['mean'])
        assert entry.input_std == pytest.approx(statistics['std'])


def test_loveda_is_aerial_too(tmp_path):
    path = write_aerial_store(tmp_path / 'l.lmdb', LoveDADataset, ['urban_1'], 8)
    found = run_specification(LoveDADataset(str(path)), None)
    assert found.modalities['aerial'].bands == ('R', 'G', 'B')
    assert found.classes == LoveDADataset.METAINFO['classes']


@pytest.mark.parametrize(
    'preprocessor',
    [
        MultiBandSegDataPreProcessor(),
        MultiBandSegDataPreProcessor(**UNITS),
        MultiBandSelfSupDataPreprocessor(),
        MultiBandSelfSupDataPreprocessor(**BYTES),
        SegDataPreProcessor(),
        SegDataPreProcessor(**BYTES),
        SegDataPreProcessor(**BYTES, bgr_to_rgb=True),
        SegDataPreProcessor(rgb_to_bgr=True),
        SelfSupDataPreprocessor(**BYTES, to_rgb=True),
    ],
)
@pytest.mark.parametrize('bands', ['RGB', 'IRRG'])
def test_it_says_what_the_network_gets(store, preprocessor, bands):
    data = PotsdamDataset(store, bands=bands)
    entry = run_specification(data, preprocessor).modalities['aerial']
    image = torch.from_numpy(data[0]['img'].transpose(2, 0, 1).copy())
    images = [image[None]] if 'SelfSup' in type(preprocessor).__name__ else [image]
    got = preprocessor({'inputs': images, 'data_samples': None})['inputs'][0].reshape(image.shape)
    planes = dict(zip(data.channels, image.double(), strict=True))
    expected = torch.stack([planes[band] for band in entry.bands])
    expected /= {'0..255': 1, '0..1': 255}[entry.values]
    if entry.input_mean is not None:
        mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (entry.input_mean, entry.input_std))
        expected = (expected - mean) / std
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-5)


def of_config(name):
    settings = Config.fromfile(MODELS / f'{name}.py').model.data_preprocessor.to_dict()
    kinds = (MultiBandSegDataPreProcessor, MultiBandSelfSupDataPreprocessor)
    name = settings.pop('type').removeprefix('mmss_plugins.')
    return next(kind for kind in kinds if kind.__name__ == name)(**settings)


@pytest.mark.parametrize(
    ('pretraining', 'downstream'),
    [('grass_r50', 'deeplabv3plus_r50_rgb'), ('grass_r18', 'pspnet_r18_rgb')],
)
def test_the_configs_normalise_alike(store, pretraining, downstream):
    one, other = (spec(store, of_config(name)) for name in (pretraining, downstream))
    assert differing(one, other) == []


def test_rounded_statistics_are_the_same_and_others_are_not(store):
    trained = spec(store, MultiBandSelfSupDataPreprocessor(**BYTES))
    rounded = {'mean': [123.68, 116.28, 103.53], 'std': [58.395, 57.12, 57.38]}
    assert differing(trained, spec(store, SegDataPreProcessor(**rounded))) == []
    for key in ('mean', 'std'):
        values = [value + 0.001 * (i == 2) for i, value in enumerate(UNITS[key])]
        other = MultiBandSegDataPreProcessor(**{**UNITS, key: values})
        assert differing(trained, spec(store, other)) == [f'aerial input_{key}']


def test_other_bands_are_shown_on_both_sides(store):
    trained = spec(store, MultiBandSelfSupDataPreprocessor(**BYTES))
    run = spec(store, MultiBandSegDataPreProcessor(**UNITS), bands='IRRG')
    text = difference_text(compare(trained, run, classes=True))
    assert '3: R G B' in text
    assert '3: IR R G' in text
    assert 'let the network get R G B in this order' in text
    swapped = spec(store, SegDataPreProcessor(**BYTES, bgr_to_rgb=True))
    assert differing(trained, swapped) == ['aerial bands']
    height = spec(store, bands='RGB', dsm=True)
    undivided = spec(store, bands='RGB')
    rows = compare(undivided, height, classes=True)
    assert [row.name for row in rows if row.differs] == [
        'aerial bands',
        'aerial unit',
        'aerial values',
    ]
    assert len(advice(rows)) == 2, 'bands and unit are one thing to change'


def test_advice_tells_the_scale_of_statistics(store):
    trained = spec(store, MultiBandSelfSupDataPreprocessor(**BYTES))
    run = spec(store, SegDataPreProcessor(mean=[0.0] * 3, std=[255.0] * 3))
    sentences = advice(compare(trained, run, classes=True))
    assert len(sentences) == 2
    assert all('255 times that' in sentence for sentence in sentences)
    assert spec(store, MultiBandSegDataPreProcessor()) == run
