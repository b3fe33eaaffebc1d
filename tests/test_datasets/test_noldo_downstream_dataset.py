"""SSL4EO-S12@DW and @OSM from raw files to samples, against a naive reading of the raw files."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers.downstream_trees import (
    CHOICES,
    NAMES,
    check_image,
    read_label,
    tile_path,
    write_tiles,
)
from helpers.legacy_lmdbs import record, write_lmdb
from helpers.paths import ROOT
from helpers.small_raw_trees import read_raw, write_tiff
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS
from mmengine.runner import Runner

from mmss_plugins.datasets import NoLDODownstreamDataset
from mmss_plugins.models.data_preprocessors import MultiBandSegDataPreProcessor
from mmss_plugins.prepare.noldo_downstream import main as prepare
from mmss_plugins.store.tools.cli import main as lmdb_tool
from projects.synthetic.data_set import make_data_set
from projects.synthetic.plan import SyntheticOptions

REAL = Path(os.environ.get('MMSS_REAL_DATA', ROOT.parent / 'shared' / 'data' / 'real'))
PLACES = sorted(path.stem for path in (REAL / 'sentinel' / 'S2L1C').glob('*.tif'))
# land cover of the real samples (Esri) -> value in a Dynamic World label file
COVER = [0, 1, 2, 4, 5, 7, 8, 9, 10, 3]
SPLITS = ('dw_train', 'osm_test')


def random_tree(root):
    write_tiles(root, 'dw_train', dict(zip(NAMES, (22, 24, 22), strict=True)), NAMES[1:2])
    write_tiles(root, 'osm_test', dict(zip(NAMES, (24, 22, 24), strict=True)), seed=1)


def synthetic_tree(root):
    counts = {'dw_train': 3, 'dw_test': 0, 'osm_train': 0, 'osm_test': 2}
    make_data_set(
        root.parent, SyntheticOptions(parts=('dw', 'osm'), downstream_size=40, **counts), 1
    )
    root.mkdir()
    for folder in (root.parent / 'noldo_downstream').glob('ssl4eo_s12_*/*'):
        folder.rename(root / folder.name)


def real_tree(root):
    if not PLACES:
        pytest.skip(f'no real samples: {REAL / "sentinel"} does not hold them')
    for number, place in enumerate(PLACES):
        images = {kind: read_raw(REAL / 'sentinel' / folder / f'{place}.tif') for kind, folder in
                  (('s1', 'S1RTC'), ('s2', 'S2L1C'), ('dw', 'LULC'))}  # fmt: skip
        images['dw'] = np.array(COVER, np.uint8)[images['dw']]
        if number == 1:
            images['dw'] = np.concatenate([images['dw'][:, ::-1], images['dw']])
        images['osm'] = images['dw'][-1:]
        for split in SPLITS:
            for kind, image in images.items():
                if kind in ('s1', 's2', split.partition('_')[0]):
                    part = image[:, :46, :46] if number else image[:, 100:148, 100:148]
                    write_tiff(tile_path(root, split, kind, NAMES[number]), part)


TREES = {'random': random_tree, 'synthetic': synthetic_tree, 'real': real_tree}


@pytest.fixture(scope='module', params=TREES.values(), ids=TREES)
def tree(request, tmp_path_factory):
    root = tmp_path_factory.mktemp('downstream') / 'raw'
    request.param(root)
    out = root.parent / 'stores'
    assert prepare([str(root), str(out), '--splits', *SPLITS, '--workers', '1']) == 0
    return root, out


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp('small') / 'raw'
    random_tree(root)
    assert prepare([str(root), str(root.parent / 'stores'), '--workers', '1']) == 0
    return root, root.parent / 'stores'


def data_of(out, split, label=None, **options):
    options |= {'serialize_data': False}  # which would collect all garbage each time
    label = label or split.partition('_')[0]
    return NoLDODownstreamDataset(str(out / f'{split}.lmdb'), label=label, **options)


def names_of(root, split):
    return sorted(path.stem[3:] for path in (root / split / 'image_s2').iterdir())


@pytest.mark.parametrize('normalize', ['clip8', 'standardise'])
@pytest.mark.parametrize('bands', [*CHOICES, 's1'])
@pytest.mark.parametrize('split', SPLITS)
def test_samples_equal_the_raw_files(tree, split, bands, normalize):
    root, out = tree
    sensor = 's1' if bands == 's1' else 's2'
    options = {'modality': 's1'} if bands == 's1' else {'bands': bands}
    data = data_of(out, split, normalize=normalize, **options)
    names = names_of(root, split)
    assert [data[i]['sample_id'] for i in range(len(data))] == names
    for sample, name in zip(data, names, strict=True):
        raw = read_raw(tile_path(root, split, sensor, name))
        assert sample['img'].dtype == np.float32
        check_image(sample['img'], raw, sensor, bands, normalize)
        expected = read_label(root, split, data.label, name)
        np.testing.assert_array_equal(sample['gt_seg_map'], expected)
        assert sample['gt_seg_map'].dtype == np.uint8
        assert sample['img_shape'] == sample['ori_shape'] == raw.shape[1:]


def test_both_modalities_are_stacked_radar_first(tree):
    root, out = tree
    name = names_of(root, 'dw_train')[0]
    sample = data_of(out, 'dw_train', modality='s12', bands=9, normalize='standardise')[0]
    for sensor, part in (('s1', np.s_[..., :2]), ('s2', np.s_[..., 2:])):
        raw = read_raw(tile_path(root, 'dw_train', sensor, name))
        check_image(sample['img'][part], raw, sensor, 9, 'standardise')


@pytest.mark.parametrize('label', ['dw', 'osm'])
def test_classes_and_colours(small, label):
    split = {'dw': 'dw_train', 'osm': 'osm_test'}[label]
    data = data_of(small[1], split)
    classes, palette = data.metainfo['classes'], data.metainfo['palette']
    first, last, count = {
        'dw': ('water', 'ice and snow', 9),
        'osm': ('urban fabric', 'coastal wetlands', 13),
    }[label]
    assert (classes[0], classes[-1]) == (first, last)
    assert len(classes) == len({*map(tuple, palette)}) == data.num_classes == count
    chosen = data_of(small[1], split, metainfo={'classes': classes[3:1:-1]})
    assert chosen.metainfo['palette'] == [palette[3], palette[2]]
    whole, part = data[1]['gt_seg_map'], chosen[1]['gt_seg_map']
    np.testing.assert_array_equal(part, np.select([whole == 3, whole == 2], [0, 1], 255))


def test_labels_must_fit(small):
    with pytest.raises(ValueError, match=r"label must be one of .*, but got 'esri'"):
        NoLDODownstreamDataset(str(small[1] / 'dw_train.lmdb'), label='esri')
    with pytest.raises(ValueError, match=r'holds labels of the classes.*coastal wetlands'):
        NoLDODownstreamDataset(str(small[1] / 'dw_train.lmdb'), label='osm')
    options = {'type': 'mmss_plugins.NoLDODownstreamDataset', 'label': 'osm', 'lazy_init': True}
    data = DATASETS.build({**options, 'data_root': str(small[1] / 'osm_test.lmdb')})
    assert data.metainfo['classes'][4] == 'forest'


@pytest.mark.parametrize('normalize', ['clip8', 'standardise'])
@pytest.mark.parametrize('split', SPLITS)
def test_migrated_files_give_the_same_samples(small, tmp_path, split, normalize):
    root, out = small
    records = {}
    for index, name in enumerate(names_of(root, split)):
        for kind in ('s1', 's2', 'dw', *(['osm'] if split == 'osm_test' else [])):
            path = tile_path(root, split, kind, name)
            array = read_raw(path)[-1] if kind in ('dw', 'osm') else read_raw(path)
            records[f'{kind}_{index}'] = record(array, path.name)
    old = tmp_path / 'old.lmdb'
    write_lmdb(old, records)
    assert lmdb_tool(['migrate', str(old), str(tmp_path / f'{split}.lmdb'), '--workers', '1']) == 0
    for options in ({'modality': 's1'}, {'bands': 'rgb9'}, {'modality': 's12'}):
        options |= {'normalize': normalize}
        ours = data_of(out, split, **options)
        theirs = data_of(tmp_path, split, **options)
        assert ours.metainfo == theirs.metainfo
        assert len(ours) == len(theirs) == 3
        for one, other in zip(ours, theirs, strict=True):
            assert one['sample_id'] == other['sample_id']
            np.testing.assert_array_equal(one['img'], other['img'])
            np.testing.assert_array_equal(one['gt_seg_map'], other['gt_seg_map'])
    if split == 'osm_test':  # which holds both
        arguments = ['--label', 'dw', '--workers', '1']
        assert lmdb_tool(['migrate', str(old), str(tmp_path / 'dw_test.lmdb'), *arguments]) == 0
        data = data_of(tmp_path, 'dw_test')
        name = names_of(root, split)[2]
        np.testing.assert_array_equal(data[2]['gt_seg_map'], read_label(root, split, 'dw', name))


def test_tiles_of_both_sizes_in_a_batch_and_every_one_is_tested(small):
    data = data_of(small[1], 'osm_test', image_dtype='uint8', test_mode=True)
    data.pipeline.transforms.append(pack())
    loader = {'batch_size': 2, 'num_workers': 0, 'dataset': data}
    loader |= {'sampler': {'type': 'DefaultSampler', 'shuffle': False}}
    preprocessor, seen = MultiBandSegDataPreProcessor(), []
    for batch in Runner.build_dataloader(loader):
        for training in (False, True):
            done = preprocessor(batch, training)
            assert done['inputs'].shape[1:] == (13, 24, 24)
        seen += [sample.sample_id for sample in batch['data_samples']]
    assert seen == sorted(NAMES)
    batch = pseudo_collate([data[0], data[1]])
    done = preprocessor(batch, True)
    sizes = [sample['img'].shape[0] for sample in map(data.load_sample, (0, 1))]
    assert sorted(sizes) == [22, 24]
    for sample, size in zip(done['data_samples'], sizes, strict=True):
        label = sample.gt_sem_seg.data[0]
        assert label.shape == (24, 24)
        assert (label[size:] == 255).all()
        assert (label[:, size:] == 255).all()


def pack():
    from mmseg.registry import TRANSFORMS

    keys = ('sample_id', 'ori_shape', 'img_shape', 'reduce_zero_label')
    return TRANSFORMS.build({'type': 'PackSegInputs', 'meta_keys': keys})


def test_patches_of_a_tile_stay_together(small, tmp_path):
    sizes = {f'{lon}_-0.5-2019010{lon + 5}': 16 for lon in range(-4, 4)}
    write_tiles(tmp_path / 'raw', 'dw_train', sizes)
    options = ['--workers', '1', '--patch-size', '8']
    assert prepare([str(tmp_path / 'raw'), str(tmp_path / 'out'), *options]) == 0

    def tiles(data):
        found = [data.get_data_info(i)['sample_id'] for i in range(len(data))]
        return [name.rsplit('-', 2)[0] for name in found]

    for seed in range(2):
        split = {'fraction': 0.25, 'seed': seed}
        train, val = (
            tiles(data_of(tmp_path / 'out', 'dw_train', holdout={**split, 'part': part}))
            for part in ('train', 'val')
        )
        assert (len(set(train)), len(set(val))) == (6, 2)
        assert len(train) + len(val) == 32
        assert not set(train) & set(val)
        few = tiles(data_of(tmp_path / 'out', 'dw_train', subset={'count': 8, 'seed': seed}))
        assert sorted(few.count(tile) for tile in set(few)) == [4, 4]
    store, ids = str(tmp_path / 'out' / 'dw_train.lmdb'), tmp_path / 'few.txt'
    for extra in ([], ['--balanced']):
        argv = ['subset', store, str(ids), '--count', '8', '--overwrite', '--workers', '1', *extra]
        assert lmdb_tool(argv) == 0
        few = tiles(data_of(tmp_path / 'out', 'dw_train', split_file=str(ids)))
        assert sorted(few.count(tile) for tile in set(few)) == [4, 4]


@pytest.mark.parametrize('mini', ['', '_mini'])
@pytest.mark.parametrize('sensor', ['s1', 's2'])
@pytest.mark.parametrize('label', ['dw', 'osm'])
def test_configs_test_on_every_tile_of_the_test_split(label, sensor, mini):
    config = Config.fromfile(ROOT / f'configs/_base_/datasets/{label}_{sensor}{mini}.py')
    test = config.test_dataloader
    assert not test.get('drop_last')
    assert test.sampler.shuffle is False
    assert Path(test.dataset.data_root).name == f'{label}_test.lmdb'
    for key in ('holdout', 'subset', 'indices', 'split_file'):
        assert test.dataset.get(key) is None
    assert 'Crop' not in str(test.dataset.pipeline)
    parts = {'train': config.train_dataloader, 'val': config.val_dataloader, 'test': test}
    for loader in parts.values():
        assert (loader.dataset.label, loader.dataset.modality) == (label, sensor)
    if not mini:
        for part in ('train', 'val'):
            assert Path(parts[part].dataset.data_root).name == f'{label}_train.lmdb'
            assert parts[part].dataset.holdout == {'fraction': 0.1, 'seed': 0, 'part': part}
