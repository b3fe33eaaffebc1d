"""Finding and reading configs."""

import argparse
import os

import pytest

from mmss_plugins.cli.config_files import find_config, load_config, packaged_configs
from mmss_plugins.cli.run_options import add_run_options
from mmss_plugins.cli.usage import UsageError


def parse(*arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_run_options(parser)
    return parser.parse_args(arguments)


@pytest.fixture
def config_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')
    path = tmp_path / 'some_run.py'
    path.write_text("optim_wrapper = dict(type='OptimWrapper')\nepochs = 3\n")
    return path


def test_work_dir_is_named_after_the_config(config_file):
    cfg = load_config(parse('some_run.py'))
    assert cfg.work_dir == 'work_dirs/some_run'
    assert cfg.launcher == 'none'


def test_command_line_overrides_the_config(config_file):
    config_file.write_text(config_file.read_text() + "work_dir = 'here'\n")
    assert load_config(parse('some_run.py')).work_dir == 'here'
    cfg = load_config(
        parse(
            'some_run.py', '--work-dir', 'there', '--launcher', 'mpi', '--cfg-options', 'epochs=5'
        )
    )
    assert (cfg.work_dir, cfg.launcher, cfg.epochs) == ('there', 'mpi', 5)


def test_both_spellings_of_the_local_rank(config_file, monkeypatch):
    for spelling in ('--local_rank=3', '--local-rank=3'):
        monkeypatch.delenv('LOCAL_RANK')
        load_config(parse('some_run.py', spelling))
        assert os.environ['LOCAL_RANK'] == '3'


def test_our_configs_are_found_by_name(config_file):
    expected = packaged_configs() / 'cromss' / 'cromss_mid_r50_13b_200e_noldo.py'
    assert find_config('cromss_mid_r50_13b_200e_noldo.py') == expected
    assert find_config('cromss_mid_r50_13b_200e_noldo') == expected


def test_a_file_comes_before_a_name(config_file, tmp_path):
    own = tmp_path / 'cromss_mid_r50_13b_200e_noldo.py'
    own.write_text('')
    assert find_config(own.name).resolve() == own


@pytest.mark.parametrize('name', ['no_such_config.py', 'cromss/no_such_config', '../some_run.py'])
def test_missing_config_is_named(config_file, name):
    with pytest.raises(UsageError, match=f"config '{name}' is neither a file"):
        find_config(name)


def test_a_config_of_a_similar_name_is_suggested(config_file):
    with pytest.raises(UsageError, match=r'did you mean .*pspnet_r50_50e_dfc2020-s2_cromss\.py'):
        find_config('pspnet_r50_50e_dfc2020-s2_cross')


def test_an_override_that_nothing_reads_is_refused(config_file):
    for given, message in (
        ('optim_wraper.optimizer.lr=1', r"'optim_wraper'; did you mean 'optim_wrapper'\?"),
        ('wings=2', r"--cfg-options wings: the config has no 'wings'$"),
    ):
        with pytest.raises(UsageError, match=message):
            load_config(parse('some_run.py', '--cfg-options', given))
    cfg = load_config(parse('some_run.py', '--cfg-options', 'randomness.seed=5'))
    assert cfg.randomness.seed == 5, 'a runner reads it, though the config omits it'


def test_an_override_that_comes_too_late_is_reported(config_file, capsys):
    load_config(parse('some_run.py', '--cfg-options', 'epochs=5'))
    assert "'epochs' is a variable of the config file" in capsys.readouterr().err
    load_config(parse('some_run.py', '--cfg-options', 'optim_wrapper.clip_grad=5'))
    assert capsys.readouterr().err == ''


def test_an_override_without_a_value_is_named(config_file, capsys):
    for given in ('epochs', '=3'):
        with pytest.raises(SystemExit, match='2'):
            parse('some_run.py', '--cfg-options', given)
        assert f"expected KEY=VALUE, but got '{given}'" in capsys.readouterr().err


def test_blanks_stay_in_paths(config_file):
    given = ('randomness.note=a b/c d=e', 'randomness.seed=3', 'randomness.list=[1, 2]')
    cfg = load_config(parse('some_run.py', '--cfg-options', *given))
    assert cfg.randomness == {'note': 'a b/c d=e', 'seed': 3, 'list': [1, 2]}


def test_an_override_that_does_not_fit_is_named(config_file):
    with pytest.raises(UsageError, match=r'--cfg-options optim_wrapper\.type\.x: does not fit'):
        load_config(parse('some_run.py', '--cfg-options', 'optim_wrapper.type.x=5'))


def test_a_config_of_another_kind_is_named(config_file):
    config_file.with_suffix('.md').touch()
    with pytest.raises(UsageError, match=r"config 'some_run\.md': expected a \.py"):
        load_config(parse('some_run.md'))


def test_no_workers_need_no_further_setting(config_file):
    text = 'train_dataloader = dict(num_workers=2, persistent_workers=True)\n'
    config_file.write_text(text + text.replace('train', 'val'))
    given = 'val_dataloader.num_workers=0'
    cfg = load_config(parse('some_run.py', '--cfg-options', given))
    assert cfg.train_dataloader == {'num_workers': 2, 'persistent_workers': True}
    assert cfg.val_dataloader == {'num_workers': 0}


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
        load_config(parse('pspnet_r18_mini_dfc2020-s2', '--cfg-options', options))
