import numpy as np
import pytest
import torch
from helpers.store_factory import LABEL_FIELD, image_field, write_dfc_store, write_noldo_store
from helpers.tiny_segmentation import Samples
from mmengine.dataset import ConcatDataset, RepeatDataset
from mmseg.models import SegDataPreProcessor
from torch import nn
from torch.utils.data import Subset

from mmss_plugins.bands import S2, S2_L2A
from mmss_plugins.checkpoints.spec.input_specification import InputSpecificationError
from mmss_plugins.checkpoints.spec.run_specification import run_specification, with_method
from mmss_plugins.checkpoints.spec.specification_difference import compare
from mmss_plugins.datasets import DFC2020Dataset, NoLDOPretrainDataset
from mmss_plugins.engine.hooks import CrossModalSelectionHook
from mmss_plugins.models.data_preprocessors import (
    MultiBandSegDataPreProcessor,
    MultiBandSelfSupDataPreprocessor,
)
from mmss_plugins.store.reader import StoreMeta, StoreWriter


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp('store') / 'dfc.lmdb'
    write_dfc_store(path, size=8)
    return str(path)


def spec(store, preprocessor=None, **kwargs):
    return run_specification(DFC2020Dataset(store, **kwargs), preprocessor)


def test_bands_units_and_classes_of_a_data_set(store):
    found = spec(store, modality='s12', bands={'s2': ['B8', 'B2'], 's1': [1, 0]})
    assert list(found.modalities) == ['s1', 's2']
    s1, s2 = found.modalities.values()
    assert (s1.bands, s1.unit) == (('VH', 'VV'), 'dB')
    assert s1.mean == (-20.19237134, -12.54847273)
    assert (s2.bands, s2.unit, s2.normalize) == (('B8', 'B2'), 'reflectance x 10000', 'clip8')
    assert s2.mean == (2299.90463006, 1390.78157673)
    assert s2.std == (1248.42891965, 850.34818441)
    assert found.classes == DFC2020Dataset.METAINFO['classes']
    chosen = spec(store, metainfo={'classes': ('forest', 'water')})
    assert chosen.classes == ('forest', 'water')


def test_the_two_processing_levels_of_sentinel_2_differ(store, tmp_path):
    """The same nine bands of L1C and L2A: a network of one must not get the other unnoticed."""
    rng = np.random.default_rng(0)
    fields = {'s2': image_field(S2_L2A), 'label': LABEL_FIELD}
    meta = StoreMeta('DFC2020', 'test', fields, DFC2020Dataset.METAINFO['classes'])
    with StoreWriter(tmp_path / 'l2a', meta) as writer:
        s2 = rng.integers(0, 5000, (12, 8, 8)).astype(np.uint16)
        writer.put('p0', {'s2': s2, 'label': np.zeros((8, 8), np.uint8)})
    dataset = DFC2020Dataset(str(tmp_path / 'l2a'), bands=9)
    l1c, l2a = spec(store, bands=9), run_specification(dataset, None)
    differing = {row.name for row in compare(l1c, l2a, True) if row.differs}
    assert any('unit' in name for name in differing)
    entry = l2a.modalities['s2']
    assert entry.unit == 'surface reflectance x 10000'
    assert entry.bands == l1c.modalities['s2'].bands
    chosen = [S2_L2A.bands.index(band) for band in entry.bands]
    assert entry.mean == tuple(S2_L2A.mean[index] for index in chosen)
    mean, std = (np.array(v)[chosen, None, None] for v in (S2_L2A.mean, S2_L2A.std))
    expected = np.clip((s2[chosen] - (mean - 2 * std)) / (4 * std), 0, 1)
    image = dataset[0]['img'].transpose(2, 0, 1)
    np.testing.assert_allclose(image, expected, atol=1.01 / 255)


def test_seasons_do_not_matter(tmp_path):
    write_noldo_store(tmp_path / 'x', ids=('0000001',), size=8)
    found = run_specification(NoLDOPretrainDataset(str(tmp_path / 'x')), None)
    assert [len(entry.bands) for entry in found.modalities.values()] == [2, 13]


@pytest.mark.parametrize(
    ('normalize', 'values'),
    [('clip8', '0..1'), ('standardise', 'standardised'), (None, 'physical')],
)
def test_normalisations(store, normalize, values):
    entry = spec(store, normalize=normalize).modalities['s2']
    assert (entry.normalize, entry.values) == (normalize, values)
    assert (entry.mean is None) == (entry.std is None) == (normalize is None)


def test_eight_bits_count_by_who_divides_them(store, tmp_path):
    ours, stock = MultiBandSegDataPreProcessor(), SegDataPreProcessor()
    plain = spec(store, ours)
    assert spec(store, ours, image_dtype='uint8') == plain
    assert spec(store, stock) == plain
    assert spec(store, stock, image_dtype='uint8').modalities['s2'].values == '0..255'
    field = image_field(S2, 'uint8', 'clip8')
    write_eight_bit(tmp_path / 'eight_bit', field)
    assert spec(str(tmp_path / 'eight_bit'), ours) == plain


def test_statistics_that_only_divide_eight_bits_are_that_division(store):
    def with_std(std, **kwargs):
        preprocessor = MultiBandSelfSupDataPreprocessor([0.0] * 13, [std] * 13)
        return spec(store, preprocessor, modality='s2', normalize='clip8', **kwargs)

    usual = spec(
        store, MultiBandSegDataPreProcessor(), modality='s2', normalize='clip8', image_dtype='uint8'
    )
    assert with_std(255.0, image_dtype='uint8') == usual
    assert with_std(254.0, image_dtype='uint8') != usual
    entry = with_std(255.0).modalities['s2']  # of floats, which are in [0, 1] already
    assert (entry.values, entry.input_std) == ('0..1', (255.0,) * 13)


def write_eight_bit(path, field):
    label = {'kind': 'label', 'bands': [], 'dtype': 'uint8', 'scale': 'raw', 'unit': 'class index'}
    classes = DFC2020Dataset.METAINFO['classes']
    meta = StoreMeta(
        dataset='DFC2020', split='x', classes=classes, fields={'s2': field, 'label': label}
    )
    with StoreWriter(path, meta) as writer:
        image = torch.full((13, 8, 8), 100, dtype=torch.uint8).numpy()
        writer.put('p0', {'s2': image, 'label': 0 * image[0]})


def test_statistics_of_the_data_preprocessor_belong_to_it(store):
    mean, std = [i / 7 for i in range(5)], [1 + i / 7 for i in range(5)]
    for kind in (MultiBandSegDataPreProcessor, SegDataPreProcessor):
        found = spec(store, kind(mean=mean, std=std), modality='s12', bands=3)
        s1, s2 = found.modalities.values()
        assert s1.input_mean == pytest.approx(mean[:2])
        assert s2.input_mean == pytest.approx(mean[2:])
        assert (s1.input_std, s2.input_std) == (
            pytest.approx(std[:2]),
            pytest.approx(std[2:]),
        )
    one = spec(store, SegDataPreProcessor(mean=[0.5], std=[2]), bands=3).modalities['s2']
    assert (one.input_mean, one.input_std) == ((0.5,) * 3, (2.0,) * 3)
    assert spec(store, bands=3).modalities['s2'].input_mean is None
    with pytest.raises(
        InputSpecificationError, match='mean has 5 values, but the data set gives 3'
    ):
        spec(store, MultiBandSegDataPreProcessor(mean=mean, std=std), bands=3)


def test_a_preprocessor_that_turns_three_bands_round(store):
    turning = SegDataPreProcessor(bgr_to_rgb=True, mean=[1, 2, 3], std=[1, 1, 1])
    entry = spec(store, turning, bands=3).modalities['s2']
    assert entry.bands == ('B2', 'B3', 'B4')
    assert entry.mean == (1390.78157673, 1314.8729939, 1363.52445545)
    assert entry.input_mean == (1, 2, 3)
    four = SegDataPreProcessor(bgr_to_rgb=True)
    bands = ['B4', 'B3', 'B2', 'B8']
    assert spec(store, four, bands=bands).modalities['s2'].bands == tuple(bands)


def test_wrappers_are_looked_into(store):
    data = DFC2020Dataset(store)
    expected = run_specification(data, None)
    assert expected is not None
    joined = ConcatDataset([data, DFC2020Dataset(store, indices=2)])
    wrapped = [RepeatDataset(data, times=2), joined, Subset(joined, [0, 5])]
    assert [run_specification(each, None) for each in wrapped] == [expected] * 3
    other = DFC2020Dataset(store, normalize=None)
    with pytest.raises(InputSpecificationError, match='parts of the concatenated data set'):
        run_specification(ConcatDataset([data, other]), None)


def test_foreign_data_sets_tell_nothing(store):
    assert run_specification(Samples(15), None) is None
    assert run_specification(None, None) is None
    mixed = torch.utils.data.ConcatDataset([DFC2020Dataset(store), Samples(13)])
    assert run_specification(mixed, None) is None


class CrossModalSegmentor(nn.Module):
    def __init__(self):
        super().__init__()
        self.selection = self.consistency = None


def test_method_and_settings_are_noted(store):
    found = spec(store)
    model, config = CrossModalSegmentor(), {
        'model': {'fusion': 'late', 'backbones': {'s1': 1}, 'smoothing': {'factors': (0.15, 0.05)}},
        'custom_hooks': [
            {'type': 'mmss_plugins.CrossModalSelectionHook', 'ramp': 'exp'},
            {'type': 'IterTimerHook', 'x': 1},
        ],
    }  # fmt: skip
    noted = with_method(found, model, config)
    assert noted.settings == {
        'fusion': 'late',
        'smoothing': {'factors': [0.15, 0.05]},
        'selection_schedule': {'ramp': 'exp'},
    }
    assert (noted.method, noted.modalities) == ('noisy labels', found.modalities)
    model.selection = nn.Identity()
    config['custom_hooks'] = [{'type': CrossModalSelectionHook, 'length': 3}]
    other = with_method(found, model, config)
    assert (other.method, other.settings['selection_schedule']) == ('CromSS', {'length': 3})
    assert with_method(found, nn.Conv2d(1, 1, 1), {}).method == 'Conv2d'
