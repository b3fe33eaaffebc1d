"""Options of training."""

import sys

import pytest
from mmengine.config import Config

from mmss_plugins.apis import training_options
from mmss_plugins.cli.usage import UsageError


@pytest.fixture
def config_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'some_run.py'
    path.write_text("optim_wrapper = dict(type='OptimWrapper')\nepochs = 3\n")
    return path


def test_tensorboard_is_added_to_what_is_there(config_file):
    pytest.importorskip('tensorboard')
    cfg = Config.fromfile(config_file)
    training_options.enable_tensorboard(cfg)
    both = [{'type': 'LocalVisBackend'}, {'type': 'TensorboardVisBackend'}]
    assert cfg.visualizer == {'type': 'Visualizer', 'vis_backends': both}
    cfg.visualizer = {'type': 'Other', 'name': 'x', 'vis_backends': [{'type': 'Own'}, both[1]]}
    training_options.enable_tensorboard(cfg)
    assert cfg.visualizer.vis_backends == [{'type': 'Own'}, both[1]]
    cfg.visualizer.vis_backends = [{'type': 'Own'}]
    training_options.enable_tensorboard(cfg)
    assert cfg.visualizer.vis_backends == [{'type': 'Own'}, both[1]]
    assert (cfg.visualizer.type, cfg.visualizer.name) == ('Other', 'x')


def test_missing_tensorboard_is_named(config_file, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)
    with pytest.raises(UsageError, match=r'pip install "mmss_plugins\[tensorboard\]"'):
        training_options.enable_tensorboard(Config.fromfile(config_file))


def test_amp_is_refused_on_a_cpu(config_file, monkeypatch):
    monkeypatch.setattr(training_options, 'get_device', lambda: 'cpu')
    with pytest.raises(UsageError, match='--amp needs a GPU'):
        training_options.enable_amp(Config.fromfile(config_file))


def test_amp_on_a_gpu(config_file, monkeypatch):
    monkeypatch.setattr(training_options, 'get_device', lambda: 'cuda')
    cfg = Config.fromfile(config_file)
    training_options.enable_amp(cfg)
    assert cfg.optim_wrapper == {'type': 'AmpOptimWrapper', 'loss_scale': 'dynamic'}
    cfg.optim_wrapper.loss_scale = 512.0
    training_options.enable_amp(cfg)
    assert cfg.optim_wrapper.loss_scale == 512.0
    cfg.optim_wrapper.type = 'OtherWrapper'
    with pytest.raises(UsageError, match='OtherWrapper'):
        training_options.enable_amp(cfg)


def test_a_missing_encoder_is_named_with_its_key(config_file, tmp_path):
    init = {'type': 'Pretrained', 'checkpoint': 'encoder.pth'}
    cfg = Config({'model': {'parts': [{'init_cfg': {'type': 'Normal'}}, {'init_cfg': init}]}})
    with pytest.raises(UsageError, match=r"^model\.parts\.1\.init_cfg\.checkpoint: 'encoder"):
        training_options.require_encoders(cfg)
    (tmp_path / 'encoder.pth').touch()
    training_options.require_encoders(cfg)
    no_kind = Config({'model': {'backbone': {'init_cfg': {'checkpoint': 'encoder.pth'}}}})
    with pytest.raises(UsageError, match=r'^model\.backbone\.init_cfg has a checkpoint, but'):
        training_options.require_encoders(no_kind)
    init['checkpoint'] = 'inflate://nowhere.pth'
    training_options.require_encoders(Config({'model': {'init_cfg': init}}))
