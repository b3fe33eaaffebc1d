"""Options of the train and test tools."""

import argparse
import sys

import pytest
from mmengine.config import Config

from mmss_plugins.apis import run_options
from mmss_plugins.apis.run_options import UsageError


def parse(*arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    run_options.add_run_options(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def config_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    path = tmp_path / 'some_run.py'
    path.write_text("optim_wrapper = dict(type='OptimWrapper')\nepochs = 3\n")
    return path


def test_work_dir_is_named_after_the_config(config_file):
    cfg = run_options.load_config(parse('some_run.py'))
    assert cfg.work_dir == 'work_dirs/some_run'
    assert cfg.launcher == 'none'


def test_command_line_overrides_the_config(config_file):
    config_file.write_text(config_file.read_text() + "work_dir = 'here'\n")
    assert run_options.load_config(parse('some_run.py')).work_dir == 'here'
    cfg = run_options.load_config(
        parse(
            'some_run.py', '--work-dir', 'there', '--launcher', 'mpi', '--cfg-options', 'epochs=5'
        )
    )
    assert (cfg.work_dir, cfg.launcher, cfg.epochs) == ('there', 'mpi', 5)


def test_both_spellings_of_the_local_rank(config_file, monkeypatch):
    for spelling in ('--local_rank=3', '--local-rank=3'):
        monkeypatch.delenv('LOCAL_RANK')
        run_options.load_config(parse('some_run.py', spelling))
        assert run_options.os.environ['LOCAL_RANK'] == '3'


def test_our_configs_are_found_by_name(config_file):
    expected = run_options.packaged_configs() / 'cromss' / 'cromss_mid_r50_13b_200e_noldo.py'
    assert run_options.find_config('cromss_mid_r50_13b_200e_noldo.py') == expected
    assert run_options.find_config('cromss_mid_r50_13b_200e_noldo') == expected


def test_a_file_comes_before_a_name(config_file, tmp_path):
    own = tmp_path / 'cromss_mid_r50_13b_200e_noldo.py'
    own.write_text('')
    assert run_options.find_config(own.name).resolve() == own


@pytest.mark.parametrize('name', ['no_such_config.py', 'cromss/no_such_config', '../some_run.py'])
def test_missing_config_is_named(config_file, name):
    with pytest.raises(UsageError, match=f"config '{name}' is neither a file"):
        run_options.find_config(name)


def test_missing_checkpoint_is_named(config_file):
    with pytest.raises(UsageError, match=r"checkpoint 'x\.pth' is not a file"):
        run_options.require_file('x.pth', 'checkpoint')
    assert run_options.require_file('https://example.org/x.pth', 'checkpoint').endswith('x.pth')


def test_tensorboard_is_added_to_what_is_there(config_file):
    pytest.importorskip('tensorboard')
    cfg = Config.fromfile(config_file)
    run_options.enable_tensorboard(cfg)
    both = [{'type': 'LocalVisBackend'}, {'type': 'TensorboardVisBackend'}]
    assert cfg.visualizer == {'type': 'Visualizer', 'vis_backends': both}
    cfg.visualizer = {'type': 'Other', 'name': 'x', 'vis_backends': [{'type': 'Own'}, both[1]]}
    run_options.enable_tensorboard(cfg)
    assert cfg.visualizer.vis_backends == [{'type': 'Own'}, both[1]]
    cfg.visualizer.vis_backends = [{'type': 'Own'}]
    run_options.enable_tensorboard(cfg)
    assert cfg.visualizer.vis_backends == [{'type': 'Own'}, both[1]]
    assert (cfg.visualizer.type, cfg.visualizer.name) == ('Other', 'x')


def test_missing_tensorboard_is_named(config_file, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)
    with pytest.raises(UsageError, match=r'pip install "mmss_plugins\[tensorboard\]"'):
        run_options.enable_tensorboard(Config.fromfile(config_file))


def test_amp_is_refused_on_a_cpu(config_file, monkeypatch):
    monkeypatch.setattr(run_options, 'get_device', lambda: 'cpu')
    with pytest.raises(UsageError, match='--amp needs a GPU'):
        run_options.enable_amp(Config.fromfile(config_file))


def test_amp_on_a_gpu(config_file, monkeypatch):
    monkeypatch.setattr(run_options, 'get_device', lambda: 'cuda')
    cfg = Config.fromfile(config_file)
    run_options.enable_amp(cfg)
    assert cfg.optim_wrapper == {'type': 'AmpOptimWrapper', 'loss_scale': 'dynamic'}
    cfg.optim_wrapper.loss_scale = 512.0
    run_options.enable_amp(cfg)
    assert cfg.optim_wrapper.loss_scale == 512.0
    cfg.optim_wrapper.type = 'OtherWrapper'
    with pytest.raises(UsageError, match='OtherWrapper'):
        run_options.enable_amp(cfg)
