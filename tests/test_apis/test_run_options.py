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


def test_a_config_of_a_similar_name_is_suggested(config_file):
    with pytest.raises(UsageError, match=r'did you mean .*pspnet_r50_50e_dfc2020-s2_cromss\.py'):
        run_options.find_config('pspnet_r50_50e_dfc2020-s2_cross')


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


def test_an_override_that_nothing_reads_is_refused(config_file):
    for given, message in (
        ('optim_wraper.optimizer.lr=1', r"'optim_wraper'; did you mean 'optim_wrapper'\?"),
        ('wings=2', r"--cfg-options wings: the config has no 'wings'$"),
    ):
        with pytest.raises(UsageError, match=message):
            run_options.load_config(parse('some_run.py', '--cfg-options', given))
    cfg = run_options.load_config(parse('some_run.py', '--cfg-options', 'randomness.seed=5'))
    assert cfg.randomness.seed == 5, 'a runner reads it, though the config leaves it out'


def test_an_override_that_comes_too_late_is_told(config_file, capsys):
    run_options.load_config(parse('some_run.py', '--cfg-options', 'epochs=5'))
    assert "'epochs' is a variable of the config file" in capsys.readouterr().err
    run_options.load_config(parse('some_run.py', '--cfg-options', 'optim_wrapper.clip_grad=5'))
    assert capsys.readouterr().err == ''


def test_an_override_without_a_value_is_named(config_file, capsys):
    for given in ('epochs', '=3'):
        with pytest.raises(SystemExit, match='2'):
            parse('some_run.py', '--cfg-options', given)
        assert f"expected KEY=VALUE, but got '{given}'" in capsys.readouterr().err


def test_blanks_stay_in_paths(config_file):
    given = ('randomness.note=a b/c d=e', 'randomness.seed=3', 'randomness.list=[1, 2]')
    cfg = run_options.load_config(parse('some_run.py', '--cfg-options', *given))
    assert cfg.randomness == {'note': 'a b/c d=e', 'seed': 3, 'list': [1, 2]}


def test_an_override_that_does_not_fit_is_named(config_file):
    with pytest.raises(UsageError, match=r'--cfg-options optim_wrapper\.type\.x: does not fit'):
        run_options.load_config(parse('some_run.py', '--cfg-options', 'optim_wrapper.type.x=5'))


def test_a_config_of_another_kind_is_named(config_file):
    config_file.with_suffix('.md').touch()
    with pytest.raises(UsageError, match=r"config 'some_run\.md': expected a \.py"):
        run_options.load_config(parse('some_run.md'))


def test_no_workers_need_no_further_setting(config_file):
    text = 'train_dataloader = dict(num_workers=2, persistent_workers=True)\n'
    config_file.write_text(text + text.replace('train', 'val'))
    given = 'val_dataloader.num_workers=0'
    cfg = run_options.load_config(parse('some_run.py', '--cfg-options', given))
    assert cfg.train_dataloader == {'num_workers': 2, 'persistent_workers': True}
    assert cfg.val_dataloader == {'num_workers': 0}


def test_a_missing_encoder_is_named_with_its_key(config_file, tmp_path):
    init = {'type': 'Pretrained', 'checkpoint': 'encoder.pth'}
    cfg = Config({'model': {'parts': [{'init_cfg': {'type': 'Normal'}}, {'init_cfg': init}]}})
    with pytest.raises(UsageError, match=r"^model\.parts\.1\.init_cfg\.checkpoint: 'encoder"):
        run_options.require_encoders(cfg)
    (tmp_path / 'encoder.pth').touch()
    run_options.require_encoders(cfg)
    no_kind = Config({'model': {'backbone': {'init_cfg': {'checkpoint': 'encoder.pth'}}}})
    with pytest.raises(UsageError, match=r'^model\.backbone\.init_cfg has a checkpoint, but'):
        run_options.require_encoders(no_kind)
    init['checkpoint'] = 'inflate://nowhere.pth'
    run_options.require_encoders(Config({'model': {'init_cfg': init}}))


def test_a_folder_that_cannot_be_is_named(config_file, tmp_path, monkeypatch):
    run_options.require_folder('new/deep', '--out')
    assert (tmp_path / 'new/deep').is_dir()
    for path in ('some_run.py', 'some_run.py/deep'):
        with pytest.raises(UsageError, match=f"--out '{path}': cannot make this folder"):
            run_options.require_folder(path, '--out')
    monkeypatch.setattr(run_options.os, 'access', lambda path, mode: False)
    with pytest.raises(UsageError, match="--out 'new': no permission"):
        run_options.require_folder('new', '--out')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ('model.test_cfg.predct=s2', "option 'predct' that the model does not read"),
        ('model.test_cfg.mode=slide', r'crop_size must be \(height, width\)'),
        ('model.test_cfg.crop_sise=[8,8]', "did you mean 'crop_size'"),
    ],
)
def test_options_of_the_model_s_test_that_nothing_reads(config_file, options, message):
    with pytest.raises(UsageError, match=message):
        run_options.load_config(parse('pspnet_r18_mini_dfc2020-s2', '--cfg-options', options))
