"""Real Sentinel patches through the ordinary commands, where the samples are at hand.

The samples are not part of the project. MMSS_REAL_DATA names their folder; by default it is looked
for in ``shared/data/real`` beside the checkout.
"""

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.paths import ROOT
from helpers.small_raw_trees import scene_names, write_tiff
from helpers.warm_python import warm_python

from mmss_plugins.bands import S1, S2
from mmss_plugins.datasets import DFC2020Dataset

REAL = Path(os.environ.get('MMSS_REAL_DATA', ROOT.parent / 'shared' / 'data' / 'real'))
LAYOUT = REAL / 'make_dfc_tree.py'
BRANCHES = ('s1', 's2')
# simplified IGBP classes to Dynamic World's
DFC_TO_DYNAMIC_WORLD = {10: 0, 1: 1, 4: 2, 5: 3, 6: 4, 2: 5, 7: 6, 9: 7, 8: 8, 0: 7}

pytestmark = pytest.mark.skipif(
    not LAYOUT.is_file(), reason=f'no real samples: {LAYOUT} does not exist'
)


def run(folder, script, *arguments):
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    command = [warm_python(), str(script), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, f'{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}'
    return done.stdout + done.stderr


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp('real')
    run(folder, LAYOUT, 'raw')
    run(folder, ROOT / 'tools/prepare/dfc2020.py', 'raw', 'dfc2020', '--workers', 2)
    return folder


def lay_out_for_pretraining(dfc, root, split='validation'):
    """The DFC2020 tree of a split as a pretraining tree: its land cover stands for noisy labels.

    There is one date per place, so all seasons show it.
    """
    rasterio = pytest.importorskip('rasterio')
    rows = []
    for number in range(8):
        images = {}
        for kind in ('s1', 's2', 'dfc'):
            name = f'ROIs0000_{split}_{kind}_0_p{number}.tif'
            with rasterio.open(dfc / split / f'{kind}_{split}' / name) as source:
                images[kind] = source.read()
        label = np.vectorize(DFC_TO_DYNAMIC_WORLD.__getitem__, otypes='B')(images['dfc'][0])
        rows.append([str(number), *scene_names(number)])
        for scene in scene_names(number):
            place = f'{number:07d}/{scene}'
            for band, plane in zip(S1.bands, images['s1'], strict=True):
                write_tiff(root / 's1' / place / f'{band}.tif', plane.astype(np.float32))
            for band, plane in zip(S2.bands, images['s2'], strict=True):
                write_tiff(root / 's2c' / place / f'{band}.tif', plane.astype(np.uint16))
            write_tiff(root / 'dw_noisy_labels' / place / 'label.tif', label)
    index = '\n'.join(','.join(row) for row in rows) + '\n'
    (root / 'dw_complete_ids.csv').write_text(index)


@pytest.fixture(scope='module')
def encoder(stores):
    """A checkpoint of the whole method, briefly pretrained on the real patches."""
    lay_out_for_pretraining(stores / 'raw', stores / 'raw_noldo')
    run(
        stores, ROOT / 'tools/prepare/noldo_pretrain.py', 'raw_noldo', 'noldo.lmdb',
        '--quantise', 'clip8', '--workers', 1,
    )  # fmt: skip
    options = [
        f'{name}_dataloader.{key}'
        for name in ('train', 'val', 'test')
        for key in ('dataset.data_root=noldo.lmdb', 'batch_size=2', 'dataset.holdout.fraction=0.25')
    ]
    run(
        stores, ROOT / 'tools/train.py', 'cromss_mid_r18_13b_mini', '--work-dir', 'pretrain',
        '--cfg-options', 'train_cfg.max_epochs=4', 'train_cfg.val_interval=4',
        'default_hooks.checkpoint.interval=4', 'default_hooks.logger.interval=1',
        'param_scheduler.0.T_max=4', 'custom_hooks.5.length=2', *options,
    )  # fmt: skip
    return stores / 'pretrain' / 'epoch_4.pth'


def test_store_holds_the_real_pixels(stores):
    rasterio = pytest.importorskip('rasterio')
    data = DFC2020Dataset(str(stores / 'dfc2020/validation.lmdb'), modality='s12', normalize=None)
    assert (len(data), data[0]['img'].shape) == (8, (112, 112, 15))
    raw = stores / 'raw' / 'validation'
    for i in range(8):
        sample = data[i]
        number = sample['sample_id'].split('_')[-1].removeprefix('p')
        planes = []
        for kind in ('s1', 's2'):
            name = f'ROIs0000_validation_{kind}_0_p{number}.tif'
            with rasterio.open(raw / f'{kind}_validation' / name) as source:
                planes.append(source.read().astype(np.float32))
        np.testing.assert_array_equal(sample['img'], np.concatenate(planes).transpose(1, 2, 0))


def test_pretraining_selects_among_real_labels(stores, encoder):
    assert encoder.is_file()
    scalars = max(stores.glob('pretrain/*/vis_data/scalars.json')).read_text().splitlines()
    rows = [row for row in map(json.loads, scalars) if 'loss' in row]
    assert len(rows) == 4 * 3
    assert np.mean([row['loss'] for row in rows[-3:]]) < np.mean([row['loss'] for row in rows[:3]])
    assert [row['ratio'] for row in rows[-3:]] == [0.5] * 3  # the ramp has ended
    assert all(0.5 < row[f'{modality}.selected'] < 1 for row in rows[-3:] for modality in BRANCHES)
    panels = sorted(stores.glob('pretrain/*/vis_data/vis_image/selection_*.png'))
    assert len(panels) == 2
    report = json.loads((stores / 'pretrain' / 'label_noise' / 'report.json').read_text())
    assert sorted(report['branches']) == sorted(BRANCHES)


@pytest.mark.parametrize('modality', ['s2', 's1'])
def test_fine_tune_test_and_draw(stores, encoder, modality):
    config = f'pspnet_r18_mini_dfc2020-{modality}_cromss'
    options = [
        f'model.backbone.init_cfg.checkpoint={encoder}',
        'train_dataloader.dataset.data_root=dfc2020/validation.lmdb',
        'val_dataloader.dataset.data_root=dfc2020/test.lmdb',
        'test_dataloader.dataset.data_root=dfc2020/test.lmdb',
        'train_dataloader.batch_size=4',
        'train_cfg.max_epochs=4',
        'param_scheduler.0.T_max=4',
        'train_cfg.val_interval=4',
        'default_hooks.checkpoint.interval=4',
        'default_hooks.logger.interval=1',
    ]
    work_dir = f'finetune_{modality}'
    printed = run(
        stores, ROOT / 'tools/train.py', config, '--work-dir', work_dir, '--cfg-options', *options
    )
    assert 'tensors loaded' in printed
    scalars = max(stores.glob(f'{work_dir}/*/vis_data/scalars.json')).read_text().splitlines()
    losses = [row['loss'] for row in map(json.loads, scalars) if 'loss' in row]
    assert len(losses) == 8
    assert np.mean(losses[-2:]) < np.mean(losses[:2])
    run(
        stores, ROOT / 'tools/test.py', config, f'{work_dir}/epoch_4.pth', '--work-dir',
        f'test_{modality}', '--show-dir', f'pictures_{modality}', '--out', f'maps_{modality}',
        '--cfg-options', *options,
    )  # fmt: skip
    maps = sorted((stores / f'maps_{modality}').glob('*.png'))
    assert len(maps) == 4
    assert all(cv2.imread(str(path), cv2.IMREAD_UNCHANGED).shape == (112, 112) for path in maps)
    pictures = sorted((stores / f'pictures_{modality}').rglob('*.png'))
    assert len(pictures) == 4
    # image, label and prediction side by side, enlarged twice
    assert cv2.imread(str(pictures[0])).shape == (224, 3 * 224 + 2 * 4, 3)
