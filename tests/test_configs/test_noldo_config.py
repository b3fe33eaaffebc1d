import pytest
from helpers.paths import ROOT
from helpers.store_factory import write_noldo_store
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope, init_default_scope

CONFIG = ROOT / 'configs' / '_base_' / 'datasets' / 'noldo_s12.py'


@pytest.fixture
def build(tmp_path):
    write_noldo_store(tmp_path / 'noldo.lmdb', size=264)
    init_default_scope('mmseg')
    cfg = Config.fromfile(CONFIG)

    def build_one(loader, **changes):
        options = {**cfg[loader].dataset, 'data_root': str(tmp_path / 'noldo.lmdb'), **changes}
        return DATASETS.build(options)

    yield build_one
    DefaultScope._instance_dict.clear()


def test_training_samples_carry_the_prior_and_validation_samples_do_not(build):
    packed = build('train_dataloader')[0]
    assert packed['inputs'].shape == (15, 256, 256)
    sample = packed['data_samples']
    assert sample.smoothing_prior.data.shape == (9, 256, 256)
    assert sample.gt_sem_seg.data.shape == (1, 256, 256)
    sample = build('val_dataloader')[0]['data_samples']
    assert sample.gt_sem_seg.data.shape == (1, 264, 264)
    assert 'smoothing_prior' not in sample


def test_training_without_smoothing(build):
    pipeline = Config.fromfile(CONFIG).train_pipeline[1:]
    data = build('train_dataloader', season_labels=False, pipeline=pipeline)
    assert 'smoothing_prior' not in data[0]['data_samples']


def test_published_settings():
    cfg = Config.fromfile(CONFIG)
    prior, crop, flip, rotate, _ = cfg.train_pipeline
    assert (prior.kind, prior.sigma, prior.truncate) == ('ts', 3, 4)
    assert crop.crop_size == (256, 256)
    assert sum(flip.prob) == pytest.approx(0.5)
    assert len(set(flip.prob)) == 1
    assert set(flip.direction) == {'horizontal', 'vertical', 'diagonal'}
    assert (rotate.prob, rotate.degree) == (0.2, 90)
    assert cfg.train_dataloader.batch_size == 128
    assert cfg.holdout.fraction == 0.01
