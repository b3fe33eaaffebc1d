"""GraSS on real aerial pictures, both stages, where the pictures are at hand.

They are not part of the project. MMSS_REAL_DATA names the folder that holds their folder ``vhr``;
by default it is looked for in ``shared/data/real`` beside the checkout.
"""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from helpers.aerial_raw_trees import potsdam_path
from helpers.paths import ROOT
from helpers.small_raw_trees import write_tiff
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmss_plugins.datasets import PotsdamDataset
from mmss_plugins.prepare import potsdam

REAL = Path(os.environ.get('MMSS_REAL_DATA', ROOT.parent / 'shared' / 'data' / 'real'))
PICTURES = sorted((REAL / 'vhr').glob('*_image_part_*.jpg'))
TILES = [f'{row}_{col}' for row in (2, 3, 4, 5) for col in (10, 11, 12)]  # of Potsdam's training
PART, PATCH, VIEW = 512, 256, 96  # pixels
BATCH, BATCHES = 8, 3
EPOCHS, GUIDED_FROM = 4, 1

pytestmark = pytest.mark.skipif(
    len(PICTURES) < len(TILES), reason=f'no real pictures: {REAL / "vhr"} does not hold them'
)


def read_picture(path):
    """The middle (PART, PART, 3) of a picture, or what there is of it, RGB."""
    picture = cv2.imread(str(path))[..., ::-1]
    top, left = (max(0, (length - PART) // 2) for length in picture.shape[:2])
    return np.ascontiguousarray(picture[top : top + PART, left : left + PART])


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    """The pictures as tiles of Potsdam, through its preparation."""
    root = tmp_path_factory.mktemp('vhr')
    for name, path in zip(TILES, PICTURES, strict=False):
        picture = read_picture(path).transpose(2, 0, 1)
        write_tiff(potsdam_path(root / 'raw', 'RGB', name), picture)
    options = ['--splits', 'train', '--size', str(PATCH), '--workers', '1', '--no-labels']
    assert potsdam.main([str(root / 'raw'), str(root / 'stores'), *options]) == 0
    return root / 'stores' / 'train.lmdb'


class Watch(Hook):
    """Keeps what every step of the model did."""

    priority = 'LOWEST'

    def __init__(self):
        self.losses, self.details = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        runner.model.keep_details = True

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(float(outputs['loss']))
        self.details.append(runner.model.details)


def config(store, work_dir):
    cfg = Config.fromfile(ROOT / 'configs' / 'grass' / 'grass_r18_mini.py')
    loader = cfg.train_dataloader
    views, _ = loader.dataset.pipeline
    (crop,) = (step for step in views.transforms[0] if 'RandomResizedCrop' in step.type)
    crop.scale = VIEW
    loader.dataset.update(data_root=str(store), indices=BATCH * BATCHES)
    loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
    for hook in cfg.custom_hooks:
        if hook.type == 'mmss_plugins.GradientGuidedSamplingHook':
            hook.update(begin=GUIDED_FROM, panel_interval=1, panel_samples=3)
    cfg.model.backbone.base_channels, cfg.model.backbone.stem_channels = 16, 16
    cfg.model.neck.in_channels = 128
    cfg.train_cfg.max_epochs = EPOCHS
    cfg.param_scheduler, cfg.optim_wrapper.optimizer = (
        None,
        {
            'type': 'SGD',
            'lr': 0.05,
            'weight_decay': 1e-6,
        },
    )
    cfg.default_hooks.checkpoint.interval = EPOCHS
    cfg.work_dir, cfg.launcher = str(work_dir), 'none'
    cfg.experiment_name = 'real_aerial'
    return cfg


@pytest.fixture(scope='module')
def watched(store, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('grass')
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('mmengine.runner.runner.collect_env', dict)
        runner = Runner.from_cfg(config(store, work_dir))
        runner.register_hook(watch)
        try:
            runner.train()
        finally:
            DefaultScope._instance_dict.clear()
    return watch, work_dir


def test_store_holds_the_real_pixels(store):
    data = PotsdamDataset(str(store), labels=False)
    assert {sample['tile'] for sample in data} == set(TILES)
    for sample in (data[0], data[len(data) - 1]):
        name, row, col = sample['sample_id'].split('-')
        row, col = int(row), int(col)
        picture = read_picture(PICTURES[TILES.index(name)])
        expected = picture[row : row + PATCH, col : col + PATCH]
        np.testing.assert_array_equal(sample['img'], expected)


def test_views_are_not_blank(watched):
    watch, _ = watched
    views = torch.cat([step.views for step in watch.details if step.views is not None])
    assert views.shape[1:] == (3, VIEW, VIEW)
    assert views.isfinite().all()
    spread = views.flatten(1).std(dim=1)
    assert (spread > 0.02).float().mean() > 0.9
    assert spread.median() > 0.2, 'in units of the normalised image'


def test_losses_of_both_stages(watched):
    watch, _ = watched
    assert len(watch.losses) == EPOCHS * BATCHES
    assert np.isfinite(watch.losses).all()
    # chance is the logarithm of the number of other views
    assert 0 < np.mean(watch.losses) < np.log(2 * BATCH - 1) + 0.5
    guided = [step.boxes is not None for step in watch.details]
    assert guided == [False] * BATCHES * GUIDED_FROM + [True] * BATCHES * (EPOCHS - GUIDED_FROM)


def test_boxes_are_parts_of_the_views_and_what_training_saw(watched):
    watch, _ = watched
    areas = []
    for step in watch.details[BATCHES * GUIDED_FROM :]:
        for view, map_, box, crop in zip(
            step.views, step.maps, step.boxes.tolist(), step.crops, strict=True
        ):
            row0, col0, row1, col1 = box
            assert 0 <= row0 < row1 <= VIEW
            assert 0 <= col0 < col1 <= VIEW
            assert map_.isfinite().all()
            areas.append((row1 - row0) * (col1 - col0) / VIEW**2)
            part = view[:, row0:row1, col0:col1][None]
            expected = torch.nn.functional.interpolate(part, (VIEW, VIEW), mode='nearest')[0]
            assert torch.equal(crop, expected)
    assert min(areas) < 0.5, 'some views are cut down'
    assert len(set(areas)) > 10


def test_panels_are_written(watched):
    _, work_dir = watched
    panels = sorted(work_dir.glob('*/vis_data/vis_image/guided_*.png'))
    assert len(panels) == 3 * (EPOCHS - GUIDED_FROM)
    for path in panels:
        picture = cv2.imread(str(path))
        height, width = picture.shape[:2]
        assert width > 3 * VIEW
        assert height > 2 * VIEW
        colours = picture.astype(int) @ (1, 256, 256**2)
        assert len(np.unique(colours)) > 500, 'a picture, not a blank'
