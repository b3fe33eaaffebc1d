import json

import numpy as np
import pytest

from mmss_plugins.store.creation.statistics import BandMoments, store_statistics
from mmss_plugins.store.creation.summary import format_summary, write_summary
from mmss_plugins.store.fields import label_field, mask_field
from mmss_plugins.store.reader import StoreMeta, StoreWriter


def test_moments_merge_to_those_of_everything():
    rng = np.random.default_rng(0)
    images = [rng.normal(1e4, 0.5, (3, size, 5)) for size in (1, 4, 9)]
    merged = BandMoments.of(images[0])
    for image in images[1:]:
        merged = merged.merge(BandMoments.of(image))
    together = np.concatenate(images, axis=1)
    for index, values in enumerate(merged.describe(['a', 'b', 'c']).values()):
        assert values['mean'] == pytest.approx(together[index].mean(), abs=1e-9)
        assert values['std'] == pytest.approx(together[index].std(), rel=1e-9)
        assert (values['min'], values['max']) == (together[index].min(), together[index].max())


@pytest.mark.parametrize('workers', [1, 2])
def test_statistics_of_a_store(tmp_path, workers):
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 60000, (2, 8, size)).astype(np.uint16) for size in range(4, 44)]
    labels = [rng.choice(np.array([0, 1, 1, 255], np.uint8), i.shape[1:]) for i in images]
    image = {'kind': 'image', 'bands': ['B2', 'B3'], 'dtype': 'uint16', 'scale': 'raw', 'unit': 'x'}
    label = {'kind': 'label', 'bands': [], 'dtype': 'uint8', 'scale': 'raw', 'unit': 'class index'}
    meta = StoreMeta('toy', 'train', {'s2': image, 'label': label}, classes=('a', 'b', 'c'))
    with StoreWriter(tmp_path / 'a.lmdb', meta) as writer:
        for index, (s2, truth) in enumerate(zip(images, labels, strict=True)):
            writer.put(str(index), {'s2': s2, 'label': truth})
    found = store_statistics(tmp_path / 'a.lmdb', workers)
    pixels = np.concatenate([i.reshape(2, -1) for i in images], axis=1).astype(np.float64)
    for index, band in enumerate(['B2', 'B3']):
        values = found['bands']['s2'][band]
        np.testing.assert_allclose(
            [values['mean'], values['std'], values['min'], values['max']],
            [f(pixels[index]) for f in (np.mean, np.std, np.min, np.max)],
            rtol=1e-12,
        )
    truth = np.concatenate([label.ravel() for label in labels])
    assert found['samples'] == 40
    assert found['cirrus'].checked == 0, 'there is no B10'
    assert found['classes']['label'] == {
        'a': (truth == 0).sum(),
        'b': (truth == 1).sum(),
        'c': 0,
        'ignored': (truth == 255).sum(),
    }


def test_values_of_a_mask_are_no_classes(tmp_path):
    fields = {'label': label_field(), 'cloud_mask': mask_field('0 clear, 1 cloud')}
    with StoreWriter(tmp_path / 'a.lmdb', StoreMeta('t', 'x', fields, classes=('a',))) as writer:
        mask = np.array([[0, 7, 255], [7, 7, 0]], np.uint8)
        writer.put('1', {'label': np.zeros((2, 3), np.uint8), 'cloud_mask': mask})
    found = store_statistics(tmp_path / 'a.lmdb', 1)['classes']
    assert found['cloud_mask'] == {'0': 2, '7': 3, '255': 1}
    assert found['label'] == {'a': 6, 'ignored': 0}


def make_summary(skipped):
    band = {'mean': 1.25, 'std': 0.5, 'min': 0.0, 'max': 9.0}
    return {
        'store': 'a.lmdb',
        'samples': 3,
        'bands': {'s2': {'B10': band}},
        'units': {'s2': 'raw, reflectance x 10000'},
        'classes': {'label': {'water': 30, 'ignored': 10}},
        'warnings': ['mind the offset'],
        'skipped': [
            {'sample': f'p{n}', 'reason': f'x/p{n}.tif: missing {n}'} for n in range(skipped)
        ],
    }


def test_the_printed_summary():
    text = format_summary(make_summary(23))
    assert '3 samples, 23 skipped' in text
    assert '75.00 %' in text
    assert '1.2500' in text
    assert 'mind the offset' in text
    assert 'x/p19.tif: missing' in text
    assert 'x/p20.tif' not in text
    assert '3 more' in text


def test_the_written_summary_is_json_and_whole(tmp_path):
    path = write_summary(tmp_path / 'a.lmdb', make_summary(23))
    assert path == tmp_path / 'a.lmdb.summary.json'
    assert json.loads(path.read_text()) == make_summary(23)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
