"""Tiny stores with known content, for tests."""

import numpy as np

from mmss_plugins.bands import S1, S2
from mmss_plugins.datasets import DFC2020Dataset, NoLDOPretrainDataset
from mmss_plugins.store.reader import StoreMeta, StoreWriter

SEASONS = tuple(f'season{i}' for i in range(4))


def image_field(sensor, dtype='uint16', scale='raw', bands=None):
    bands = list(sensor.bands if bands is None else bands)
    return {'kind': 'image', 'bands': bands, 'dtype': dtype, 'scale': scale, 'unit': sensor.unit}


LABEL_FIELD = {
    'kind': 'label',
    'bands': [],
    'dtype': 'uint8',
    'scale': 'raw',
    'unit': 'class index',
}


def random_sample(rng, size, num_classes, ignored=True):
    """Raw S1 (float32 dB), S2 (uint16) and a label map whose classes shift all bands."""
    blocks = rng.integers(0, num_classes, (4, 4)).astype(np.uint8)
    label = blocks.repeat(-(-size // 4), 0).repeat(-(-size // 4), 1)[:size, :size]
    shift = label.astype(np.float32) / num_classes
    s1 = rng.normal(-15, 2, (2, size, size)) + 8 * shift
    s2 = rng.normal(1200, 150, (13, size, size)) + 1500 * shift
    label = label.copy()
    if ignored:
        label[0, 0] = 255
    return {
        's1': s1.astype(np.float32),
        's2': np.clip(s2, 0, 60000).astype(np.uint16),
        'label': label,
    }


def write_dfc_store(path, ids=('p0', 'p1', 'p2', 'p3'), size=32, seed=0, s2_field=None):
    """A DFC2020-like store; returns its content by sample id."""
    rng = np.random.default_rng(seed)
    classes = DFC2020Dataset.METAINFO['classes']
    meta = StoreMeta(
        dataset='DFC2020',
        split='test',
        classes=classes,
        fields={
            's1': image_field(S1, 'float32'),
            's2': s2_field or image_field(S2),
            'label': LABEL_FIELD,
        },
    )
    content = {}
    with StoreWriter(path, meta) as writer:
        for name in ids:
            content[name] = random_sample(rng, size, len(classes))
            writer.put(name, content[name])
    return content


def write_noldo_store(
    path, ids=('0000001', '0000002', '0000003', '0000004'), size=32, seed=0, clean=False
):
    """A NoLDO-like store with four seasons; returns content[id][season][field].

    With ``clean`` it has true labels, of which the noisy ones are a corruption.
    """
    rng = np.random.default_rng(seed)
    classes = NoLDOPretrainDataset.METAINFO['classes']
    meta = StoreMeta(
        dataset='SSL4EO-S12@NoL',
        split='pretrain',
        classes=classes,
        seasons=SEASONS,
        fields={
            's1': image_field(S1, 'float32'),
            's2': image_field(S2),
            'label': LABEL_FIELD,
            **({'clean_label': LABEL_FIELD} if clean else {}),
        },
    )
    content = {}
    with StoreWriter(path, meta) as writer:
        for name in ids:
            content[name] = {s: random_sample(rng, size, len(classes), False) for s in SEASONS}
            for fields in content[name].values() if clean else ():
                fields['clean_label'] = fields['label']
                wrong = rng.random((size, size)) < 0.3
                noise = rng.integers(0, len(classes), (size, size)).astype(np.uint8)
                fields['label'] = np.where(wrong, noise, fields['label'])
            writer.put(
                name,
                {(s, f): a for s, fields in content[name].items() for f, a in fields.items()},
            )
    return content


def write_aerial_store(path, dataset, ids, size=64, seed=0, bands=('R', 'G', 'B'), dsm=False):
    """A store of random patches with blocks of labels, for a class of aerial data sets."""
    rng = np.random.default_rng(seed)
    classes = dataset.METAINFO['classes']
    fields = {
        'image': {'kind': 'image', 'bands': list(bands), 'dtype': 'uint8', 'scale': 'raw',
                  'unit': '8-bit value'},
        'label': LABEL_FIELD,
    }  # fmt: skip
    if dsm:
        fields['dsm'] = {**fields['image'], 'bands': ['height'], 'dtype': 'float32', 'unit': 'm'}
    meta = StoreMeta(dataset='aerial', split='train', classes=classes, fields=fields)
    with StoreWriter(path, meta) as writer:
        for name in ids:
            label = rng.integers(0, len(classes), (4, 4)).astype(np.uint8)
            label = label.repeat(size // 4, 0).repeat(size // 4, 1)
            label[0] = 255
            image = rng.integers(0, 256, (len(bands), size, size)).astype(np.uint8)
            height = {'dsm': 40 * rng.random((1, size, size), np.float32)} if dsm else {}
            writer.put(name, {'image': image, 'label': label, **height})
    return path
