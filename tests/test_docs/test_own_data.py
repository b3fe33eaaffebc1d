"""The example of docs/datasets/own-data.md, as it stands there."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import ROOT
from helpers.small_raw_trees import read_raw, write_tiff
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import DATASETS

from mmss_plugins.bands import S2
from mmss_plugins.store.reader import StoreReader, StoreWriter

PAGE = ROOT / 'docs/datasets/own-data.md'
NAMES = {'train': [f'place{n}' for n in range(5)], 'test': ['a', 'b']}
SIZE = 32


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A folder with the page's files, raw data and stores; the current one while in use."""
    folder = tmp_path_factory.mktemp('project')
    for block in re.findall(r'```python\n(# (?:\w+)\.py\n.*?)```', PAGE.read_text(), re.DOTALL):
        (folder / block.split()[1]).write_text(block)
    rng = np.random.default_rng(0)
    for split, names in NAMES.items():
        (folder / 'raw' / split).mkdir(parents=True)
        for name in names:
            image = rng.integers(0, 8000, (13, SIZE, SIZE)).astype(np.uint16)
            label = np.where(image[7] < 3000, 1, 0).astype(np.uint8)
            label[0, :3] = 255
            write_tiff(folder / 'raw' / split / f'{name}_image.tif', image)
            write_tiff(folder / 'raw' / split / f'{name}_label.tif', label)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        runpy.run_path('prepare_mine.py', run_name='__main__')
        yield folder
        for name in ('MyDataset', 'MyAerialDataset'):
            DATASETS.module_dict.pop(name, None)
        for name in ('my_dataset', 'my_aerial_dataset'):
            sys.modules.pop(name, None)


def naive_clip8(band, number):
    mean, std = S2.mean[number], S2.std[number]
    low, high = mean - 2 * std, mean + 2 * std
    return ((np.clip(band.astype(np.float64), low, high) - low) / (high - low) * 255).astype(int)


def test_the_stores_and_the_data_set(project):
    for split, names in NAMES.items():
        with StoreReader(project / f'data/mine/{split}.lmdb') as store:
            assert (list(store.sample_ids), store.meta.complete) == (sorted(names), True)
    cfg = Config.fromfile('my_config.py')
    data = DATASETS.build({**cfg.test_dataloader.dataset, 'pipeline': []})
    sample = data[1]
    raw = read_raw(project / 'raw/test/b_image.tif')
    assert sample['img'].shape == (SIZE, SIZE, 9)
    for channel, number in enumerate([1, 2, 3, 4, 5, 6, 7, 11, 12]):
        difference = sample['img'][..., channel] - naive_clip8(raw[number], number)
        assert np.abs(difference).max() <= 1
        assert (difference != 0).mean() < 0.01
    label = read_raw(project / 'raw/test/b_label.tif')
    assert np.array_equal(sample['gt_seg_map'], label.reshape(SIZE, SIZE))
    assert data.metainfo['classes'] == ('other', 'water')


def test_training_test_and_prediction(project):
    cfg = Config.fromfile('my_config.py')
    cfg.work_dir = str(project / 'run')
    small = {
        'train_cfg.max_epochs': 1,
        'model.backbone.base_channels': 8,
        'model.decode_head.in_channels': 64,
    }
    loaders = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    cfg.merge_from_dict({**small, **{f'{name}.num_workers': 0 for name in loaders}})
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert len(runner.train_dataloader.dataset) == 4
    assert len(runner.val_dataloader.dataset) == 1
    assert 'mIoU' in runner.test()
    with StoreReader('data/mine/test.lmdb') as store:
        meta = store.meta
    new = type(meta)('Mine', 'new', {'s2': meta.fields['s2']})
    with StoreWriter('data/mine/new.lmdb', new) as writer:
        writer.put('scene7', {'s2': np.full((13, SIZE, SIZE), 1000, np.uint16)})
    options = dict(re.findall(r'(test_\w+\.[\w.]+)=(\S+)', PAGE.read_text()))
    options = {key: {'None': None, 'True': True}.get(text, text) for key, text in options.items()}
    assert len(options) == 3
    cfg.merge_from_dict({**options, 'test_evaluator.output_dir': 'maps'})
    cfg.load_from, cfg.experiment_name = 'run/epoch_1.pth', 'own_data_prediction'
    Runner.from_cfg(cfg).test()
    assert [path.name for path in Path('maps').iterdir()] == ['scene7.png']


def test_aerial_images(project):
    page = runpy.run_path('my_aerial_dataset.py')
    with StoreWriter('data/aerial.lmdb', page['describe']('train')) as writer:
        image = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
        writer.put('one', {'image': image, 'label': np.eye(4, dtype=np.uint8)})
    data = {'type': 'MyAerialDataset', 'data_root': 'data/aerial.lmdb', 'bands': ('R', 'G', 'B')}
    sample = DATASETS.build(data)[0]
    assert np.array_equal(sample['img'], image.transpose(1, 2, 0))
    assert np.array_equal(sample['gt_seg_map'], np.eye(4))
