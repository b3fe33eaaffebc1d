"""The table's command with a stand-in for the commands that it runs."""

import json
import shutil

import numpy as np
import pytest
from helpers.faked_steps import FakedSteps
from helpers.paths import ROOT

from mmss_plugins.analysis.jobs.commands import ProjectPaths
from mmss_plugins.analysis.table.cli import make_table, parse_args
from mmss_plugins.store.lock import WriterLock

HOME = ProjectPaths(ROOT)
PSP, FPN = 'pspnet_r18_mini_dfc2020-s2', 'fpn_r18_mini_dfc2020-s2'
CROMSS = 'pspnet_r18_mini_dfc2020-s2_cromss'


@pytest.fixture
def steps():
    return FakedSteps()


@pytest.fixture
def table(tmp_path, steps):
    """The command without its process; returns the exit code."""

    def run(*arguments):
        args = parse_args([*arguments, '--work-dir', str(tmp_path / 'out')])
        return make_table(args, args.configs, HOME, args.data, steps.runner)

    return run


def test_every_config_with_every_seed(tmp_path, table, steps, capsys):
    assert table(PSP, FPN, '--seeds', '3', '0', '3') == 0
    assert steps.calls == [
        (task, name, seed, fact)
        for seed in (3, 0)
        for name in (PSP, FPN)
        for task, fact in (('train', False), ('test', 'epoch_9.pth'))
    ]
    text = (tmp_path / 'out' / 'table.md').read_text()
    assert text in capsys.readouterr().out
    values = [60.0, 66.0]
    cell = f'{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}'
    assert text.count(f'| {cell} | 65.0 ± 0.0 | 2 |') == 2
    assert text.index(PSP) < text.index(FPN)  # in the order given
    assert len((tmp_path / 'out' / 'table.csv').read_text().splitlines()) == 3
    steps.calls.clear()
    assert table(PSP, FPN, '--seeds', '0', '3') == 0
    assert steps.calls == []


def test_more_seeds_and_configs_may_be_added(tmp_path, table, steps):
    table(PSP, '--seeds', '0')
    steps.calls.clear()
    assert table(PSP, FPN, '--seeds', '0', '1') == 0
    trained = [call[1:3] for call in steps.calls if call[0] == 'train']
    assert trained == [(FPN, 0), (PSP, 1), (FPN, 1)]


def test_a_failure_stops_nothing_else_and_is_made_up_for(tmp_path, table, steps, capsys):
    steps.failing.add((PSP, 0))
    assert table(PSP, FPN, '--seeds', '0', '1') == 1
    shown = capsys.readouterr()
    assert f'{PSP}, seed 0: FAILED: no memory' in shown.out
    assert f'not finished:\n  {PSP}, seed 0\n' in shown.err
    assert [call[1:3] for call in steps.calls if call[0] == 'test'] == [
        (FPN, 0), (PSP, 1), (FPN, 1)
    ]  # fmt: skip
    assert '| 1 | `pspnet' in (tmp_path / 'out' / 'table.md').read_text()
    steps.failing.clear()
    steps.calls.clear()
    assert table(PSP, FPN, '--seeds', '0', '1') == 0
    assert steps.calls == [('train', PSP, 0, False), ('test', PSP, 0, 'epoch_9.pth')]


def test_a_interrupted_training_continues(tmp_path, table, steps, capsys):
    steps.cut.add((PSP, 0))
    assert table(PSP, FPN, '--seeds', '0') == 130
    assert 'run the same command again to continue' in capsys.readouterr().err
    assert len(steps.calls) == 1
    steps.cut.clear()
    assert table(PSP, '--seeds', '0') == 0
    assert steps.calls[1:] == [('train', PSP, 0, True), ('test', PSP, 0, 'epoch_9.pth')]


def test_a_run_that_another_process_is_at_is_left_to_it(tmp_path, table, steps, capsys):
    folder = tmp_path / 'out' / PSP / 'seed0'
    folder.mkdir(parents=True)
    with WriterLock(folder):
        assert table(PSP, '--seeds', '0', '1') == 1
    assert f'{folder}: another process is at this run' in capsys.readouterr().out
    assert [call[1:3] for call in steps.calls if call[0] == 'train'] == [(PSP, 1)]
    assert table(PSP, '--seeds', '0', '1') == 0
    assert [call[1:3] for call in steps.calls if call[0] == 'train'] == [(PSP, 1), (PSP, 0)]


def test_a_failed_test_does_not_train_again(tmp_path, table, steps):
    table(PSP, '--seeds', '0')
    (tmp_path / 'out' / PSP / 'seed0' / 'result.json').unlink()
    steps.calls.clear()
    assert table(PSP, '--seeds', '0') == 0
    assert steps.calls == [('test', PSP, 0, 'epoch_9.pth')]


LR = ('--cfg-options', 'optim_wrapper.optimizer.lr=0.25')


def test_runs_of_other_settings_are_refused_or_repeated(tmp_path, table, steps, capsys):
    table(PSP, FPN, '--seeds', '0')
    steps.calls.clear()
    assert table(PSP, '--seeds', '0', '1', *LR) == 2
    error = capsys.readouterr().err
    assert f'{PSP}: optim_wrapper.optimizer.lr is 0.0005 there, 0.25 here' in error
    assert '--redo' in error
    assert steps.calls == []  # not even the new seed, whose row it is
    notes = tmp_path / 'out' / PSP / 'notes.txt'
    notes.write_text('mine')
    assert table(PSP, '--seeds', '1', *LR, '--redo') == 0
    assert notes.read_text() == 'mine'
    assert steps.calls[0] == ('train', PSP, 1, False)
    assert not (tmp_path / 'out' / PSP / 'seed0').exists()
    assert (tmp_path / 'out' / FPN / 'seed0' / 'result.json').is_file()  # not asked for
    workers = ('--cfg-options', 'train_dataloader.num_workers=0')
    steps.calls.clear()
    assert table(FPN, '--seeds', '0', *workers) == 0  # makes no other result
    assert steps.calls == []


def test_what_never_saved_anything_may_change(table, steps):
    steps.failing.add((PSP, 0))
    assert table(PSP, '--seeds', '0') == 1
    steps.failing.clear()
    assert table(PSP, '--seeds', '0', *LR) == 0
    assert steps.configs['train'].optim_wrapper.optimizer.lr == 0.25


def test_another_encoder_at_the_same_path_is_other_settings(tmp_path, table, capsys):
    encoder = tmp_path / 'encoder.pth'
    encoder.write_bytes(b'one')
    given = ('--cfg-options', f'model.backbone.init_cfg.checkpoint={encoder}')
    assert table(CROMSS, '--seeds', '0', *given) == 0
    encoder.write_bytes(b'two')
    assert table(CROMSS, '--seeds', '0', *given) == 2
    assert f'weights.{encoder} is' in capsys.readouterr().err


def test_the_seed_goes_where_it_is_asked_for(table, steps):
    given = ('--data', 'worlds/{seed}', '--cfg-options', 'train_dataloader.dataset.indices={seed}')
    assert table(PSP, '--seeds', '5', *given) == 0
    for task in ('train', 'test'):
        cfg = steps.configs[task]
        assert cfg.randomness.seed == 5
        assert cfg.train_dataloader.dataset.indices == 5
        assert cfg.train_dataloader.dataset.data_root == 'worlds/5/mini/dfc2020/validation.lmdb'
        assert cfg.test_dataloader.dataset.data_root == 'worlds/5/mini/dfc2020/test.lmdb'


def test_wrapped_data_sets_move_too(table, steps):
    steps.best = ('best_mIoU_epoch_7.pth',)
    assert table('deeplabv3plus_r50_50e_potsdam-1pct', '--seeds', '0', '--data', '/d/') == 0
    dataset = steps.configs['train'].train_dataloader.dataset
    assert dataset.dataset.data_root == '/d/potsdam/train.lmdb'


def test_the_best_checkpoint_is_tested_where_one_is_kept(tmp_path, table, steps, capsys):
    name = 'pspnet_r50_50e_dfc2020-s2'
    steps.best = ('best_mIoU_epoch_7.pth',)
    assert table(name, PSP, '--seeds', '0') == 0
    tested = [call[1:] for call in steps.calls if call[0] == 'test']
    assert tested == [(name, 0, 'best_mIoU_epoch_7.pth'), (PSP, 0, 'epoch_9.pth')]
    result = json.loads((tmp_path / 'out' / name / 'seed0' / 'result.json').read_text())
    assert result['checkpoint'] == 'best_mIoU_epoch_7.pth'
    steps.best = ()
    shutil.rmtree(tmp_path / 'out' / name)
    assert table(name, '--seeds', '0') == 1
    assert 'has no best_*.pth, although the config sets save_best' in capsys.readouterr().out


def test_only_the_report(tmp_path, table, steps, capsys):
    assert table('--only-report') == 2
    assert 'holds no runs' in capsys.readouterr().err
    table(PSP, FPN, '--seeds', '0', '1')
    text = (tmp_path / 'out' / 'table.md').read_text()
    (tmp_path / 'out' / 'table.md').unlink()
    steps.calls.clear()
    assert table('--only-report', *LR) == 0
    lines = text.splitlines()
    assert (tmp_path / 'out' / 'table.md').read_text().splitlines() == [*lines[:2], *lines[:1:-1]]
    assert table(PSP, '--only-report', '--seeds', '1') == 0
    assert '| 62.0 ± - | 65.0 ± - | 1 |' in (tmp_path / 'out' / 'table.md').read_text()
    assert steps.calls == []


def test_configs_by_list_and_by_path(tmp_path, table, steps, capsys):
    names = tmp_path / 'names.txt'
    names.write_text(f'# all\n{PSP}  # the first\n\n{FPN}\n')
    assert table('--list', str(names), '--seeds', '0') == 0
    assert [call[1] for call in steps.calls if call[0] == 'train'] == [PSP, FPN]
    own = tmp_path / f'{PSP}.py'
    own.write_text(f'_base_ = {HOME.config("finetune", PSP)!r}\n')
    assert table(PSP, str(own), '--seeds', '0') == 2
    assert 'have one name' in capsys.readouterr().err
    assert table('no_such_config', '--seeds', '0') == 2
    assert "config 'no_such_config' is neither" in capsys.readouterr().err
    for nothing in ((), ('--list', str(tmp_path / 'missing.txt'))):
        with pytest.raises(SystemExit):
            table('--seeds', '0', *nothing)
    assert 'missing.txt' in capsys.readouterr().err


def test_metrics_that_were_not_asked_for_are_named(table, steps, capsys):
    steps.metrics.remove('mDice')
    assert table(PSP, '--seeds', '0') == 1
    assert "has no mDice, only aAcc, mAcc, mIoU: set test_evaluator=dict(type='IoUMetric'" in (
        capsys.readouterr().out
    )


def test_a_table_without_a_place_is_reported(tmp_path, table, steps, capsys):
    (tmp_path / 'out').touch()
    assert table(PSP) == 1
    assert (
        f"error: [Errno 20] Not a directory: '{tmp_path / 'out' / PSP}'" in capsys.readouterr().err
    )
    assert steps.calls == []
