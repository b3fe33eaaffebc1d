"""The ablation's command, as small as possible: its trainings are real, in this process."""

import json
from pathlib import Path

import pytest
from helpers.faked_steps import load_tool
from helpers.store_factory import write_dfc_store, write_noldo_store
from mmengine.runner import Runner

from mmss_plugins.analysis.jobs.steps import StepRecord
from mmss_plugins.apis import training
from projects.studies import ablation as command
from projects.studies import execution

SIZES = [
    '--seeds', '0', '--modalities', 's2', '--jobs', '1', '--locations', '4', '--size', '32',
    '--labelled', '4', '--tested', '4', '--epochs', '1', '--finetune-epochs', '1',
]  # fmt: skip


class StepsHere:
    """Runs what the commands would, here: stores of noise, and trainings without workers."""

    trainings = ()

    def __init__(self, log_dir, echo=True, environment=None):
        assert not echo
        assert environment['OMP_NUM_THREADS'].isdigit()
        self.records = []

    def run(self, name, command, show=None):
        tool, arguments = Path(command[0]), command[1:]
        assert tool.is_file()
        getattr(self, tool.parent.name if tool.stem == '__main__' else tool.stem)(arguments)
        self.records.append(StepRecord(name, ' '.join(command), 1.0))

    def synthetic(self, arguments):
        args = load_tool('synthetic').parse_args(arguments)
        assert (args.locations, args.size, args.dfc_train, args.dfc_test) == (4, 32, 4, 4)
        assert (args.seed, args.confusion) == (0, 2.2)

    def noldo_pretrain(self, arguments):
        raw, store = map(Path, arguments[:2])
        assert raw.name == 'noldo'
        write_noldo_store(store, ids=[f'{i:07d}' for i in range(9)], size=32)

    def dfc2020(self, arguments):
        raw, out = map(Path, arguments[:2])
        assert raw.name == 'dfc2020'
        for split in ('validation', 'test'):
            write_dfc_store(out / f'{split}.lmdb', size=32)

    def train(self, arguments):
        cfg = training.prepare(training.parse_args(arguments))
        for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
            loader.num_workers, loader.persistent_workers = 0, False
        Runner.from_cfg(cfg).train()
        StepsHere.trainings += (Path(cfg.work_dir).name,)


@pytest.fixture
def ablation(tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)  # asks compilers: seconds
    monkeypatch.setattr(execution, 'StepRunner', StepsHere)
    monkeypatch.setattr(StepsHere, 'trainings', ())
    return lambda *arguments: command.main(['--out', str(tmp_path / 'study'), *arguments])


def test_a_study_by_the_commands_that_users_type(tmp_path, ablation, capsys):
    assert ablation(*SIZES, '--variants', 'random', 'mid') == 0
    assert StepsHere.trainings == ('s2_random', 'pretrain', 's2_frozen', 's2_fine-tuned')
    shown = capsys.readouterr().out
    table = (tmp_path / 'study' / 'table.md').read_text()
    assert table in shown
    assert '| CromSS, middle fusion |' in table
    assert (tmp_path / 'study' / 'figure.png').is_file()
    result = tmp_path / 'study' / 'seed0' / 'mid' / 's2_fine-tuned' / 'result.json'
    scores = json.loads(result.read_text())
    assert f'seed 0, mid: s2 fine-tuned: {scores["mIoU"]:.1f} % mIoU' in shown
    assert ablation(*SIZES, '--arms', 'random', 'mid') == 0  # the former name
    assert len(StepsHere.trainings) == 4  # nothing was run again
    assert table in capsys.readouterr().out


def test_other_settings_are_refused(tmp_path, ablation, capsys):
    (tmp_path / 'study').mkdir()
    (tmp_path / 'study' / 'study.json').write_text('{"labelled": 8}')
    assert ablation(*SIZES) == 1
    assert 'labelled is 8 there, 4 here' in capsys.readouterr().err
