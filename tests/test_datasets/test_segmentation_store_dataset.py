"""Any store as a data set: classes, bands and normalisation from its description."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.scene_stores import CLASSES, write_scene_store
from helpers.store_factory import LABEL_FIELD

from mmss_plugins.apis.prediction.network_input import network_channels
from mmss_plugins.bands import FILE_VALUE, S2
from mmss_plugins.checkpoints.spec.input_specification import InputSpecification
from mmss_plugins.checkpoints.spec.run_specification import run_specification
from mmss_plugins.datasets import DFC2020Dataset, PotsdamDataset, SegmentationStoreDataset
from mmss_plugins.datasets.segmentation_store_dataset import default_palette
from mmss_plugins.models.data_preprocessors import MultiBandSegDataPreProcessor
from mmss_plugins.store.fields import band_field
from mmss_plugins.store.reader import StoreMeta, StoreWriter

RAW = np.random.default_rng(0).integers(0, 4000, (3, 8, 8)).astype(np.uint16)
STATISTICS = {'mean': [2000.0, 1900.0, 2100.0], 'std': [900.0, 1000.0, 0.0]}
LOW, GAIN = [100.0, 0.0, 50.0], [4.0, 10.0, 12.0]


def write_store(path, image, spec, statistics=STATISTICS, **kwargs):
    fields = {'image': spec, 'label': LABEL_FIELD}
    info = {'statistics': {'image': statistics}} if statistics else {}
    meta = StoreMeta('scenes', 'train', fields, CLASSES, info=info, **kwargs)
    with StoreWriter(path, meta) as writer:
        writer.put('a', {'image': image, 'label': np.eye(8, dtype=np.uint8)})
    return str(path)


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp('stores')
    bands = ['nir', 'red', 'pan']
    return {
        'deep': write_store(folder / 'deep', RAW, band_field(bands, 'uint16', FILE_VALUE)),
        'plain': write_store(
            folder / 'plain', RAW.astype(np.uint8), band_field(bands, 'uint8', '8-bit value'),
            palette=((1, 2, 3), (4, 5, 6)),
        ),
        'scaled': write_store(
            folder / 'scaled', RAW.astype(np.uint8),
            band_field(bands, 'uint8', FILE_VALUE, 'linear', GAIN, LOW),
        ),
        'bare': write_store(folder / 'bare', RAW, band_field(bands, 'uint16', FILE_VALUE), None),
        'sentinel': str(write_scene_store(folder / 'sentinel')),
        'picture': str(write_scene_store(folder / 'picture', ['image'], size=8)),
    }  # fmt: skip


def naive_clip8(image, mean, std):
    low, high = mean - 2 * std, mean + 2 * std
    return (np.clip(image, low, high) - low) / (high - low) * 255


def without_size(spec):
    parts = {k: replace(v, pixel_size=None) for k, v in spec.modalities.items()}
    return replace(spec, modalities=parts)


def test_classes_and_palette_are_the_stores(stores):
    data = SegmentationStoreDataset(stores['plain'])
    assert data.metainfo == {'classes': CLASSES, 'palette': [[1, 2, 3], [4, 5, 6]]}
    some = SegmentationStoreDataset(stores['plain'], metainfo={'classes': ('lake',)})
    assert some.metainfo == {'classes': ('lake',), 'palette': [[4, 5, 6]]}
    np.testing.assert_array_equal(some[0]['gt_seg_map'], np.where(np.eye(8) == 1, 0, 255))
    assert data[0]['num_classes'] == 2
    colours = SegmentationStoreDataset(stores['sentinel']).metainfo['palette']
    assert colours == [list(colour) for colour in default_palette(2)]
    assert len(set(default_palette(40))) == 40


def test_images_of_eight_bits_stay_as_they_are(stores):
    data = SegmentationStoreDataset(stores['plain'], bands=['red', 'nir'])
    image = data[0]['img']
    assert (image.dtype, data.channels) == (np.uint8, ('red', 'nir'))
    np.testing.assert_array_equal(image, RAW.astype(np.uint8)[[1, 0]].transpose(1, 2, 0))
    image = SegmentationStoreDataset(stores['scaled'])[0]['img']
    np.testing.assert_array_equal(image, RAW.astype(np.uint8).transpose(1, 2, 0))
    physical = SegmentationStoreDataset(stores['scaled'], normalize=None)[0]['img']
    expected = RAW.astype(np.uint8) * np.array(GAIN)[:, None, None] + np.array(LOW)[:, None, None]
    np.testing.assert_allclose(physical, expected.transpose(1, 2, 0), rtol=1e-6)


def test_deep_images_are_normalised_by_the_stores_statistics(stores):
    coded = SegmentationStoreDataset(stores['deep'], bands=[1, 0])[0]['img']
    for channel, band in enumerate((1, 0)):
        mean, std = (STATISTICS[key][band] for key in ('mean', 'std'))
        difference = coded[..., channel] - naive_clip8(RAW[band].astype(float), mean, std)
        assert np.abs(difference).max() <= 1
    given = SegmentationStoreDataset(stores['deep'], normalize='standardise', bands=[0])[0]['img']
    expected = np.clip((RAW[0] - 2000.0) / 900.0, -2, 2)
    np.testing.assert_allclose(given[..., 0], expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match='the store has none: set normalize=None'):
        SegmentationStoreDataset(stores['bare'])
    assert SegmentationStoreDataset(stores['bare'], normalize=None)[0]['img'].max() == RAW.max()


@pytest.mark.parametrize('modality', ['s1', 's2', 's12'])
def test_sentinel_is_read_as_the_published_sets_are(stores, modality):
    ours = SegmentationStoreDataset(stores['sentinel'], modality=modality)
    theirs = type('Theirs', (DFC2020Dataset,), {'METAINFO': {'classes': CLASSES}})(
        stores['sentinel'], modality=modality, image_dtype='uint8'
    )
    np.testing.assert_array_equal(ours[1]['img'], theirs[1]['img'])
    assert without_size(run_specification(ours, None)) == without_size(
        run_specification(theirs, None)
    )
    if modality == 's12':
        assert SegmentationStoreDataset(stores['sentinel']).channels == ours.channels


def test_what_does_not_fit_the_store(stores):
    with pytest.raises(ValueError, match=r'has no images s2: it has image'):
        SegmentationStoreDataset(stores['plain'], modality='s2')
    with pytest.raises(ValueError, match="band 'blue' is not there"):
        SegmentationStoreDataset(stores['plain'], bands=['blue'])
    with pytest.raises(ValueError, match='holds no seasons'):
        SegmentationStoreDataset(stores['sentinel'], season='random')


def test_photographs_have_the_specification_of_aerial_images(stores):
    """So an encoder of the one fits the other."""
    ours = SegmentationStoreDataset(stores['picture'])
    theirs = type('Theirs', (PotsdamDataset,), {'METAINFO': {'classes': CLASSES}})(
        stores['picture']
    )
    for preprocessor in (None, MultiBandSegDataPreProcessor()):
        specs = [run_specification(data, preprocessor) for data in (ours, theirs)]
        assert len({str(without_size(spec)) for spec in specs}) == 1


@pytest.mark.parametrize(
    ('store', 'normalize'),
    [('deep', 'clip8'), ('deep', 'standardise'), ('plain', 'clip8'), ('plain', 'standardise'),
     ('scaled', 'clip8'), ('scaled', 'standardise'), ('sentinel', 'clip8')],
)  # fmt: skip
def test_prediction_gives_the_network_what_training_gave_it(stores, store, normalize):
    data = SegmentationStoreDataset(stores[store], normalize=normalize)
    preprocessor = MultiBandSegDataPreProcessor()
    spec = run_specification(data, preprocessor)
    assert InputSpecification.from_dict(spec.to_dict(), 'x') == spec
    image = np.ascontiguousarray(data[0]['img'].transpose(2, 0, 1))
    trained = image.astype(np.float32) / (255 if image.dtype == np.uint8 else 1)
    physical = SegmentationStoreDataset(stores[store], normalize=None)[0]['img'].transpose(2, 0, 1)
    if store == 'plain':
        physical = physical.astype(np.uint8)
    found, start = [], 0
    for name, entry in spec.modalities.items():
        part = physical[start : start + len(entry.bands)]
        found.append(network_channels(part, entry, name))
        start += len(entry.bands)
    # 8 bits of scaled values: a value on the edge of a step may come to the next one
    tolerance = 1 / 255 + 1e-5 if store == 'scaled' else 1e-5
    np.testing.assert_allclose(np.concatenate(found), trained, atol=tolerance)
    assert len(spec.modalities) == (2 if store == 'sentinel' else 1)
    assert spec.classes == CLASSES


def test_bands_of_sentinel_may_be_chosen(stores):
    data = SegmentationStoreDataset(stores['sentinel'], modality='s2', bands=9)
    assert len(data.channels) == 9
    assert set(data.channels) <= {f's2.{band}' for band in S2.bands}
