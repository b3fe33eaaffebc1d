"""Options of the train tool that need something of the config."""

import pytest

from mmss_plugins.apis import training
from mmss_plugins.cli.usage import UsageError
from mmss_plugins.store.reader import StoreReader

CONFIG = 'grass_r50_350e_potsdam'


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/train.py'])
    return training


def test_the_rate_is_scaled_if_asked_for(tool):
    plain = tool.prepare(tool.parse_args([CONFIG]))
    assert not plain.auto_scale_lr.enable
    cfg = tool.prepare(tool.parse_args([CONFIG, '--auto-scale-lr']))
    assert cfg.auto_scale_lr == {'enable': True, 'base_batch_size': 256}


def test_scaling_needs_the_batch_that_the_rate_is_for(tool, capsys):
    arguments = [CONFIG, '--auto-scale-lr', '--cfg-options', 'auto_scale_lr=None']
    with pytest.raises(UsageError, match=r'set auto_scale_lr=dict\(base_batch_size'):
        tool.prepare(tool.parse_args(arguments))
    with pytest.raises(SystemExit, match='2'):
        tool.main(arguments)
    assert capsys.readouterr().err.startswith('train.py: error: --auto-scale-lr needs')


def test_what_the_run_lacks_is_reported_before_it_begins(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    encoder = 'pspnet_r18_mini_dfc2020-s2_cromss'
    with pytest.raises(UsageError, match=r'model\.backbone\.init_cfg\.checkpoint: .* not a file'):
        tool.prepare(tool.parse_args([encoder]))
    with pytest.raises(UsageError, match=r'checkpoint: .* is not a file'):
        tool.prepare(tool.parse_args([encoder, '--resume', 'auto']))  # nothing to resume: a new run
    (tmp_path / 'taken').touch()
    with pytest.raises(SystemExit, match='2'):
        tool.main([CONFIG, '--work-dir', 'taken'])
    assert "--work-dir 'taken': cannot make this folder" in capsys.readouterr().err
    monkeypatch.setattr(tool.Runner, 'from_cfg', lambda cfg: len(StoreReader(cfg.work_dir)))
    with pytest.raises(SystemExit, match=r'train\.py: error: StoreFormatError: .* a directory'):
        tool.main([CONFIG, '--work-dir', 'run'])
