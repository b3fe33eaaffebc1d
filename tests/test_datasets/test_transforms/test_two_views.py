"""From stores to batches of two views, as the pretraining configs do it."""

import numpy as np
import pytest
import torch
from helpers.aerial_raw_trees import write_potsdam
from helpers.store_factory import image_field, write_noldo_store
from mmengine.dataset import default_collate
from mmengine.registry import TRANSFORMS, init_default_scope
from torch.utils.data import DataLoader

from mmss_plugins.bands import S2
from mmss_plugins.datasets import DFC2020Dataset, NoLDOPretrainDataset, PotsdamDataset
from mmss_plugins.engine.samplers import EpochSeededSampler
from mmss_plugins.prepare import potsdam
from mmss_plugins.store.reader import StoreMeta, StoreWriter

SIZE = 24
CROP = {'type': 'mmss_plugins.RandomResizedCropMultiBand', 'scale': SIZE}
BLUR = {'type': 'mmss_plugins.RandomGaussianBlur'}
FLIP = {
    'type': 'RandomFlip',
    'prob': [0.25, 0.25, 0.25],
    'direction': ['horizontal', 'vertical', 'diagonal'],
}
RGB = [CROP, {'type': 'RandomFlip', 'prob': 0.5}, {'type': 'mmss_plugins.ColorDistortion'}, BLUR]
MULTI_BAND = [CROP, FLIP, {'type': 'mmss_plugins.MultiBandDistortion'}, BLUR]


def two_views(view):
    return [
        {'type': 'MultiView', 'num_views': [2], 'transforms': [view]},
        {'type': 'PackInputs', 'meta_keys': ('sample_id',)},
    ]


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmpretrain')


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    root = tmp_path_factory.mktemp('views')
    write_potsdam(root / 'raw', ['2_10', '7_7'], kinds=('RGBIR', 'label'))
    options = ['--bands', 'RGBIR', '--splits', 'train', '--size', '32', '--workers', '1']
    assert potsdam.main([str(root / 'raw'), str(root / 'potsdam'), *options]) == 0
    write_noldo_store(root / 'noldo.lmdb', size=32)
    bands = {'s2': image_field(S2, 'uint8', 'clip8')}
    with StoreWriter(root / 'bands.lmdb', StoreMeta('DFC2020', 'test', bands)) as writer:
        for sample in range(4):
            values = 16 * np.arange(13) + sample
            planes = np.broadcast_to(values[:, None, None], (13, 32, 40)).astype(np.uint8)
            writer.put(f'p{sample}', {'s2': np.ascontiguousarray(planes)})
    return root


def aerial(stores, view=RGB, bands='RGB'):
    path = str(stores / 'potsdam' / 'train.lmdb')
    return PotsdamDataset(path, bands=bands, labels=False, pipeline=two_views(view))


def sentinel(stores, view=MULTI_BAND):
    return NoLDOPretrainDataset(
        str(stores / 'noldo.lmdb'),
        modality='s2',
        label_field=None,
        season='random',
        image_dtype='uint8',
        pipeline=two_views(view),
    )


def batches(data, epochs=(0,), workers=0, seed=5):
    sampler = EpochSeededSampler(data, shuffle=True, seed=seed)
    loader = DataLoader(data, 2, sampler=sampler, num_workers=workers, collate_fn=default_collate)
    for epoch in epochs:
        sampler.set_epoch(epoch)
        yield from loader


def stacked(data, **kwargs):
    """(N, 2, C, H, W), sorted by sample."""
    pairs = {}
    for batch in batches(data, **kwargs):
        first, second = batch['inputs']
        for views, sample in zip(
            zip(first, second, strict=True), batch['data_samples'], strict=True
        ):
            pairs[sample.sample_id] = torch.stack(views)
    return torch.stack([pairs[key] for key in sorted(pairs)])


@pytest.mark.parametrize(('make', 'bands'), [(aerial, 3), (sentinel, 13)])
def test_batch(stores, make, bands):
    data = make(stores)
    batch = next(batches(data))
    assert isinstance(batch['inputs'], list)
    assert [tuple(view.shape) for view in batch['inputs']] == [(2, bands, SIZE, SIZE)] * 2
    assert all(view.dtype == torch.uint8 for view in batch['inputs'])
    ids = {data.get_data_info(i)['sample_id'] for i in range(len(data))}
    assert {sample.sample_id for sample in batch['data_samples']} <= ids


@pytest.mark.parametrize('make', [aerial, sentinel])
def test_seed_epoch_and_sample_decide(stores, make):
    data = make(stores)
    found = stacked(data)
    np.random.seed(99)
    assert torch.equal(found, stacked(data)), 'whatever the generators were before'
    assert torch.equal(found, stacked(data, workers=2))
    for other in (stacked(data, epochs=(1,)), stacked(data, seed=6), found.flip(1)):
        different = (found != other).flatten(1).any(dim=1)
        assert different.all(), 'other epoch, other seed, other view'


def test_bands_come_out_in_order(stores):
    data = DFC2020Dataset(
        str(stores / 'bands.lmdb'),
        modality='s2',
        label_field=None,
        image_dtype='uint8',
        pipeline=two_views([CROP, FLIP, {**BLUR, 'prob': 1.0}]),
    )
    for batch in batches(data, epochs=(0, 1)):
        for view in batch['inputs']:
            for image, sample in zip(view, batch['data_samples'], strict=True):
                expected = 16 * torch.arange(13) + int(sample.sample_id[1:])
                assert (image == expected[:, None, None]).all()


def test_views_are_parts_of_their_sample(stores):
    whole = {'type': 'mmss_plugins.RandomResizedCropMultiBand', 'scale': 32,
             'crop_ratio_range': (1, 1), 'aspect_ratio_range': (1, 1)}  # fmt: skip
    views = stacked(aerial(stores, [whole], bands='RGBIR'))
    plain = PotsdamDataset(str(stores / 'potsdam' / 'train.lmdb'), bands='RGBIR', labels=False)
    images = {sample['sample_id']: sample['img'] for sample in plain}
    expected = np.stack([images[key] for key in sorted(images)]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(views[:, 0], expected)
    np.testing.assert_array_equal(views[:, 1], expected)


@pytest.mark.parametrize('bands', [1, 3, 4, 13])
@pytest.mark.parametrize(
    ('direction', 'step'),
    [('horizontal', np.s_[:, ::-1]), ('vertical', np.s_[::-1]), ('diagonal', np.s_[::-1, ::-1])],
)
def test_the_stacks_own_flip_takes_any_bands(bands, direction, step):
    image = np.random.default_rng(0).integers(0, 256, (6, 9, bands)).astype(np.uint8)
    flip = TRANSFORMS.build({'type': 'RandomFlip', 'prob': 1.0, 'direction': direction})
    np.testing.assert_array_equal(flip({'img': image})['img'], image[step])
