"""The way of docs/datasets/area.md in the commands that a user types: fetch, pretrain, predict."""

import subprocess
import sys

import numpy as np
import rasterio
from helpers.stac_server import EPSG, LEFT, PIXELS, S2_ASSETS, TOP
from rasterio import Affine
from rasterio.warp import transform_bounds

from mmss_plugins.bands import S1, S2_L2A

NAME = 'cromss_mid_r18_12b_40e_area'


def mmss(folder, *arguments):
    command = [sys.executable, '-m', 'mmss_plugins', *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def write_scene(path, bands, names):
    """One file with all bands on the 10 m grid."""
    stacked = np.stack(
        [np.kron(data, np.ones((size // 10,) * 2, data.dtype)) for data, size in bands]
    )
    with rasterio.open(
        path, 'w', driver='GTiff', height=PIXELS, width=PIXELS, count=len(stacked),
        dtype=stacked.dtype, crs=f'EPSG:{EPSG}', transform=Affine(10, 0, LEFT, 0, -10, TOP),
    ) as file:  # fmt: skip
        file.write(stacked)
        file.descriptions = names


def test_from_a_box_to_a_map(server, tmp_path):
    edge = 1200
    box = transform_bounds(
        f'EPSG:{EPSG}', 'EPSG:4326', LEFT + 1.9 * edge, TOP - 3.9 * edge,
        LEFT + 3.4 * edge, TOP - 2 * edge,
    )  # fmt: skip
    mmss(
        tmp_path, 'prepare', 'area', 'data/area.lmdb', '--bbox', *box, '--dates', '2021-03-20',
        '2021-06-21', '--size', 120, '--catalogue', server.catalogue, '--quantise', 'clip8',
        '--workers', 1,
    )  # fmt: skip
    mmss(
        tmp_path, 'train', f'{NAME}.py', '--cfg-options', 'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1', 'train_dataloader.batch_size=2',
        'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False', 'val_dataloader.persistent_workers=False',
        'train_dataloader.dataset.holdout.fraction=0.25',
        'val_dataloader.dataset.holdout.fraction=0.25', 'default_hooks.checkpoint.interval=1',
        'model.backbones.s1.base_channels=8', 'model.backbones.s2.base_channels=8',
        'model.decode_head.in_channels=(32,8,16,32,64)',
    )  # fmt: skip
    scene = server.scenes['clear_0']
    write_scene(tmp_path / 's2.tif', [scene[a][:2] for a, _ in S2_ASSETS.values()], S2_L2A.bands)
    power = server.scenes['S1A_0_1']
    decibel = [(10 * np.log10(power[name][0]), 10) for name in ('vv', 'vh')]
    write_scene(tmp_path / 's1.tif', decibel, S1.bands)
    work_dir = tmp_path / 'work_dirs' / NAME
    shown = mmss(
        tmp_path, 'predict', work_dir / f'{NAME}.py', work_dir / 'epoch_1.pth', '--s1', 's1.tif',
        '--s2', 's2.tif', '--s2-offset', 1000, '--out', 'maps', '--confidence', '--workers', 0,
    )  # fmt: skip
    assert 'water' in shown
    with rasterio.open(tmp_path / 'maps' / 's2_classes.tif') as file:
        classes = file.read(1)
        assert file.crs.to_epsg() == EPSG
        assert file.tags()['CLASS_1'] == 'trees'
    assert classes.shape == (PIXELS, PIXELS)
    assert classes.max() < 9
