from pathlib import Path

import pytest
from helpers.paths import ROOT

from mmss_plugins.analysis.jobs.commands import ProjectPaths
from projects.pipeline.sentinel import SentinelRun

PATHS = ProjectPaths(ROOT)


class Recorder:
    """Takes the commands instead of running them."""

    def __init__(self, run):
        self.commands = []
        run.pretrain_dir.mkdir(parents=True)
        (run.pretrain_dir / 'last_checkpoint').write_text('epoch.pth')

    def run(self, name, command, show=None):
        self.commands.append(command)


@pytest.mark.parametrize(('epochs', 'length'), [(None, None), (20, 8.0), (100, 40.0)])
def test_a_run_of_another_length_keeps_the_ramps_share(tmp_path, epochs, length):
    from mmengine.config import Config, DictAction

    run = SentinelRun(PATHS, tmp_path, epochs=epochs)
    recorder = Recorder(run)
    run.pretrain(recorder)
    command = recorder.commands[0]
    cfg = Config.fromfile(command[1])
    options = command[command.index('--cfg-options') + 1 :]
    pairs = (option.split('=', 1) for option in options)
    cfg.merge_from_dict({key: DictAction._parse_iterable(value) for key, value in pairs})
    (hook,) = [h for h in cfg.custom_hooks if h.type.endswith('CrossModalSelectionHook')]
    assert hook.length == (length or 16)
    assert cfg.train_cfg.max_epochs == (epochs or 40)


def test_synthetic_data_are_prepared_by_the_commands_for_real_data(tmp_path):
    run = SentinelRun(PATHS, tmp_path)
    recorder = Recorder(run)
    run.prepare(recorder)
    _, noldo, dfc = recorder.commands
    tools, raw = PATHS.path / 'tools/prepare', tmp_path / 'raw'
    common = ['--workers', '2', '--overwrite']
    stores = [str(tmp_path / name) for name in ('noldo.lmdb', 'dfc2020')]
    assert noldo == [
        str(tools / 'noldo_pretrain.py'), str(raw / 'noldo'), stores[0], '--quantise', 'clip8',
        *common,
    ]  # fmt: skip
    assert dfc == [str(tools / 'dfc2020.py'), str(raw / 'dfc2020'), stores[1], *common]


def test_variants_share_the_data_and_keep_their_runs_apart(tmp_path):
    run = SentinelRun(PATHS, tmp_path / 'variant', data=tmp_path / 'data', seed=3)
    recorder = Recorder(run)
    run.finetune(recorder, 's1 frozen', Path('encoder.pth'))
    command = recorder.commands[0]
    assert f'train_dataloader.dataset.data_root={tmp_path}/data/dfc2020/validation.lmdb' in command
    assert command[command.index('--work-dir') + 1] == str(tmp_path / 'variant' / 's1_frozen')
    assert 'model.backbone.init_cfg.checkpoint=encoder.pth' in command
    assert 'randomness.seed=3' in command
