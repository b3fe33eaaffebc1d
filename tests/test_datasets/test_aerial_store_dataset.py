"""Aerial data sets against an independent reading of the raw files they were prepared from."""

import numpy as np
import pytest
import torch
from helpers.aerial_raw_trees import (
    loveda_path,
    potsdam_label,
    potsdam_path,
    read_png,
    write_loveda,
    write_potsdam,
)
from helpers.small_raw_trees import read_raw
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.registry import DATASETS
from mmpretrain.registry import TRANSFORMS as PRETRAIN_TRANSFORMS

from mmss_plugins import datasets
from mmss_plugins.datasets import LoveDADataset, PotsdamDataset
from mmss_plugins.models.data_preprocessors import MultiBandSegDataPreProcessor
from mmss_plugins.prepare import loveda, potsdam
from mmss_plugins.utils.seeding import SeededIndex

TILES = ['2_10', '2_11', '3_10', '7_7']
STARTS = [(row, col) for row in (0, 16, 24) for col in (0, 16, 32, 34)]  # of 16 in 40 x 50
# where the bands lie in a RGBIR file
CHANNELS = {'RGB': [0, 1, 2], 'IRRG': [3, 0, 1], 'RGBIR': [0, 1, 2, 3]}


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    root = tmp_path_factory.mktemp('aerial')
    write_potsdam(root / 'potsdam', TILES, kinds=('RGBIR', 'RGB', 'label', 'DSM'))
    options = ['--splits', 'train', '--size', '16', '--workers', '1']
    for bands in ('RGBIR', 'RGB'):
        extra = ['--dsm'] if bands == 'RGBIR' else []
        arguments = [str(root / 'potsdam'), str(root / bands), '--bands', bands]
        assert potsdam.main([*arguments, *options, *extra]) == 0
    numbers = {('Train', 'Urban'): [7, 30], ('Train', 'Rural'): [8], ('Test', 'Urban'): [51]}
    write_loveda(root / 'loveda', {**numbers, ('Test', 'Rural'): [50]})
    arguments = [str(root / 'loveda'), str(root / 'loveda_out'), '--workers', '1']
    assert loveda.main([*arguments, '--splits', 'Train', 'Test']) == 0
    arguments[1] = str(root / 'loveda_16')
    assert loveda.main([*arguments, '--splits', 'Train', '--size', '16']) == 0
    return root


@pytest.mark.parametrize('bands', ['RGB', 'IRRG', 'RGBIR'])
def test_potsdam_pixels(raw, bands):
    data = PotsdamDataset(str(raw / 'RGBIR' / 'train.lmdb'), bands=bands)
    assert len(data) == len(TILES) * len(STARTS)
    places = [(name, row, col) for name in TILES for row, col in STARTS]
    for sample, (name, row, col) in zip(data, places, strict=True):
        part = np.s_[row : row + 16, col : col + 16]
        image = read_raw(potsdam_path(raw / 'potsdam', 'RGBIR', name))[CHANNELS[bands]]
        np.testing.assert_array_equal(sample['img'], image.transpose(1, 2, 0)[part])
        np.testing.assert_array_equal(
            sample['gt_seg_map'], potsdam_label(raw / 'potsdam', name)[part]
        )
        assert sample['sample_id'] == f'{name}-{row:04d}-{col:04d}'
        assert sample['tile'] == name
    assert sample['img'].dtype == np.uint8
    assert sample['img'].flags.c_contiguous
    assert sample['img_shape'] == sample['ori_shape'] == (16, 16)
    assert sample['img_path'].endswith('train.lmdb/7_7-0024-0034')
    assert len(data.channels) == len(CHANNELS[bands])


def test_potsdam_height_is_the_last_channel(raw):
    sample = PotsdamDataset(str(raw / 'RGBIR' / 'train.lmdb'), bands='IRRG', dsm=True)[13]
    part = np.s_[0:16, 16:32]  # the second patch of the second tile
    image = read_raw(potsdam_path(raw / 'potsdam', 'RGBIR', '2_11'))[[3, 0, 1]]
    height = read_raw(potsdam_path(raw / 'potsdam', 'DSM', '2_11'))[0]
    assert sample['channels'] == ('IR', 'R', 'G', 'height')
    assert sample['img'].dtype == np.float32
    np.testing.assert_allclose(sample['img'][..., :3], image.transpose(1, 2, 0)[part] / 255, 1e-6)
    np.testing.assert_array_equal(sample['img'][..., 3], height[part])
    assert sample['img'][..., 3].mean() > 20, 'metres'


def test_potsdam_tiles_are_never_split(raw):
    path = str(raw / 'RGB' / 'train.lmdb')
    tiles = {}
    for part in ('train', 'val'):
        data = PotsdamDataset(path, holdout={'fraction': 0.25, 'seed': 1, 'part': part})
        tiles[part] = {sample['tile'] for sample in data}
        assert len(data) == len(tiles[part]) * len(STARTS), 'tiles are whole'
    assert len(tiles['val']) == 1
    assert tiles['train'] == set(TILES) - tiles['val']
    few = PotsdamDataset(path, subset={'fraction': 0.25, 'seed': 0})
    assert len({sample['tile'] for sample in few}) == 1
    spread = PotsdamDataset(path, subset={'fraction': 0.25, 'seed': 0, 'by': 'sample'})
    assert len(spread) == len(few) == 12
    assert len({sample['tile'] for sample in spread}) > 2


@pytest.mark.parametrize(
    ('scene', 'names'),
    [
        ('urban', ['urban_7', 'urban_30']),
        ('rural', ['rural_8']),
        (None, ['urban_7', 'urban_30', 'rural_8']),
    ],
)
def test_loveda_pixels(raw, scene, names):
    data = LoveDADataset(str(raw / 'loveda_out' / 'train.lmdb'), scene=scene)
    assert [sample['sample_id'] for sample in data] == names
    for sample in data:
        place, number = sample['sample_id'].split('_')
        files = [
            loveda_path(raw / 'loveda', 'Train', place.title(), number, kind)
            for kind in ('images', 'masks')
        ]
        np.testing.assert_array_equal(sample['img'], read_png(files[0]))
        mask = read_png(files[1]).astype(int)
        np.testing.assert_array_equal(sample['gt_seg_map'], np.where(mask == 0, 255, mask - 1))
        assert sample['reduce_zero_label'] is False


def test_loveda_patches_of_an_image_stay_together(raw):
    options = {'scene': 'urban', 'holdout': {'fraction': 0.5, 'part': 'val'}}
    data = LoveDADataset(str(raw / 'loveda_16' / 'train.lmdb'), **options)
    assert len(data) == 9
    assert len({sample['tile'] for sample in data}) == 1


def test_loveda_test_has_images_only(raw):
    path = str(raw / 'loveda_out' / 'test.lmdb')
    with pytest.raises(ValueError, match=r"test.lmdb has no field 'label'.*labels=False"):
        LoveDADataset(path)
    data = LoveDADataset(path, labels=False)
    assert [sample['sample_id'] for sample in data] == ['urban_51', 'rural_50']
    assert 'gt_seg_map' not in data[0]


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda raw: PotsdamDataset(str(raw / 'RGB/train.lmdb'), bands='BGR'), "but got 'BGR'"),
        (
            lambda raw: PotsdamDataset(str(raw / 'RGB/train.lmdb'), bands='IRRG'),
            r"holds the bands \['R', 'G', 'B'\], but \['IR'\] of",
        ),
        (lambda raw: PotsdamDataset(str(raw / 'RGB/train.lmdb'), dsm=True), "no field 'dsm'"),
        (lambda raw: LoveDADataset(str(raw / 'RGB/train.lmdb')), 'holds labels of the classes'),
        (
            lambda raw: LoveDADataset(str(raw / 'loveda_out/train.lmdb'), scene='Urban'),
            "but got 'Urban'",
        ),
    ],
)
def test_options_that_do_not_fit(raw, build, message):
    with pytest.raises(ValueError, match=message):
        build(raw)


def test_chosen_classes_are_renumbered(raw):
    path = str(raw / 'RGB' / 'train.lmdb')
    chosen = ('car', 'building')
    full, some = (
        PotsdamDataset(path, **kwargs)[0]['gt_seg_map']
        for kwargs in ({}, {'metainfo': {'classes': chosen}})
    )
    np.testing.assert_array_equal(some, np.where(full == 4, 0, np.where(full == 1, 1, 255)))


def test_through_mmsegmentations_pipeline(raw):
    """Crop and flip act on image, height and labels alike; the preprocessor pads and scales."""
    pipeline = [
        {'type': 'mmseg.RandomCrop', 'crop_size': (12, 10)},
        {'type': 'mmseg.RandomFlip', 'prob': 0.5},
        {'type': 'mmseg.PackSegInputs'},
    ]
    config = {
        'type': 'mmss_plugins.PotsdamDataset',
        'data_root': str(raw / 'RGBIR' / 'train.lmdb'),
        'bands': 'RGB',
    }
    plain = DATASETS.build(config)
    data = DATASETS.build({**config, 'pipeline': pipeline})
    assert list(DefaultSampler(data, shuffle=False)) == list(range(48))
    flips = set()
    for seed in range(8):
        packed = data[SeededIndex(3, (seed,))]
        again = data[SeededIndex(3, (seed,))]
        assert torch.equal(packed['inputs'], again['inputs'])
        image, label = plain[3]['img'], plain[3]['gt_seg_map']
        sample = packed['data_samples']
        flips.add(sample.flip)
        found = packed['inputs'].numpy().transpose(1, 2, 0)
        truth = sample.gt_sem_seg.data[0].numpy()
        if sample.flip:
            found, truth = found[:, ::-1], truth[:, ::-1]
        same = [
            (row, col)
            for row in range(5)
            for col in range(7)
            if np.array_equal(image[row : row + 12, col : col + 10], found)
        ]
        assert len(same) == 1
        row, col = same[0]
        np.testing.assert_array_equal(truth, label[row : row + 12, col : col + 10])
    assert flips == {True, False}
    batch = pseudo_collate([data[SeededIndex(i, (0,))] for i in range(2)])
    out = MultiBandSegDataPreProcessor(
        mean=[0.5] * 3, std=[0.25] * 3, size=(16, 16), seg_pad_val=255
    )(batch, training=True)
    assert out['inputs'].shape == (2, 3, 16, 16)
    expected = (batch['inputs'][1].float() / 255 - 0.5) / 0.25
    torch.testing.assert_close(out['inputs'][1, :, :12, :10], expected)
    assert (out['data_samples'][1].gt_sem_seg.data[0, 12:] == 255).all()


def test_through_mmpretrains_pipeline(raw):
    pipeline = [
        {
            'type': 'MultiView',
            'num_views': 2,
            'transforms': [
                [
                    {'type': 'mmpretrain.RandomResizedCrop', 'scale': 8, 'backend': 'cv2'},
                    {'type': 'mmpretrain.RandomFlip', 'prob': 0.5},
                ]
            ],
        },
        {'type': 'PackInputs'},
    ]
    transforms = [PRETRAIN_TRANSFORMS.build(transform) for transform in pipeline]
    data = LoveDADataset(
        str(raw / 'loveda_16' / 'train.lmdb'), labels=False, pipeline=transforms, scene='rural'
    )
    packed = data[0]
    assert [tuple(view.shape) for view in packed['inputs']] == [(3, 8, 8), (3, 8, 8)]
    assert packed['inputs'][0].dtype == torch.uint8


@pytest.mark.parametrize(('name', 'store'), [('LoveDA', 'loveda_out'), ('Potsdam', 'RGBIR')])
def test_other_names_than_those_of_mmsegmentation(raw, name, store):
    kind = getattr(datasets, f'{name}Dataset')
    assert getattr(datasets, f'{name}StoreDataset') is kind
    root = str(raw / store / 'train.lmdb')
    for registered in (f'mmss_plugins.{name}Dataset', f'mmss_plugins.{name}StoreDataset'):
        assert type(DATASETS.build({'type': registered, 'data_root': root})) is kind
    assert DATASETS.get(f'mmseg.{name}StoreDataset') is None
    assert DATASETS.get(f'mmseg.{name}Dataset') is not kind
