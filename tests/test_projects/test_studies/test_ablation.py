import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from helpers.paths import ROOT

from mmss_plugins.analysis.jobs.commands import ProjectPaths
from mmss_plugins.analysis.spread import spread
from mmss_plugins.store.errors import StoreWriteError
from mmss_plugins.store.lock import WriterLock
from projects.pipeline.sentinel import SentinelRun
from projects.studies import ablation_study as ablation
from projects.studies.ablation_study import Ablation
from projects.studies.execution import ThreadPoolExecutor, run_study
from projects.studies.study import StudyError, Task, used_digest
from projects.studies.study_cli import in_order
from projects.studies.study_report import draw, paired_differences, table


def study(tmp_path, seeds=(0, 1), variants=('random', 'noisy', 'mid'), **sizes):
    out = tmp_path / 'study'
    return Ablation(out, seeds, variants, SentinelRun(ProjectPaths(ROOT), out, **sizes), ('s2',))


@pytest.fixture
def steps(monkeypatch):
    """Stands in for the commands: records what would be run; ``fails`` makes a pretraining fail."""
    calls, fails, lock = [], set(), threading.Lock()

    def record(*entry):
        with lock:
            calls.append(entry)

    def prepare(run, runner):
        run.data_root.mkdir(parents=True, exist_ok=True)
        record('data', run.seed)

    def pretrain(run, runner, options, resume):
        assert resume  # an interrupted pretraining continues from its checkpoint
        variant = (run.seed, run.out.name)
        record('pretrain', *variant)
        if variant in fails:
            raise RuntimeError('no memory')
        run.pretrain_dir.mkdir(parents=True, exist_ok=True)
        (run.pretrain_dir / 'last_checkpoint').write_text(f'{run.out.name}.pth')

    def finetune(run, runner, name, encoder):
        modality, start = name.split(' ')
        record('finetune', run.seed, run.out.name, modality, start, encoder and encoder.name)
        folder = run.run_dir(name) / 'run' / 'vis_data'
        folder.mkdir(parents=True)
        records = [
            {'loss': 1.0, 'step': 1},
            {'aAcc': 50, 'mAcc': 40, 'mIoU': 20, 'mDice': 30, 'step': 10},
            {'aAcc': 60, 'mAcc': 50, 'mIoU': 30 + run.seed, 'mDice': 40, 'step': 20},
        ]
        lines = '\n'.join(json.dumps(record) for record in records)
        (folder / 'scalars.json').write_text(lines)

    def pretrained_scores(config, checkpoint, store):
        record('itself', checkpoint.name, store.parents[1].name)
        return {'s2': {'mIoU': 25}, 's1': {'mIoU': 15}}

    for stand_in in (prepare, pretrain, finetune):
        monkeypatch.setattr(SentinelRun, stand_in.__name__, stand_in)
    monkeypatch.setattr(ablation, 'pretrained_scores', pretrained_scores)
    return calls, fails


@pytest.mark.parametrize('parallel', [1, 3])
def test_every_variant_of_every_seed_is_run_once(tmp_path, steps, parallel):
    calls, _ = steps
    whole = study(tmp_path)
    run_study(whole, parallel, lambda line: None)
    assert sorted(c for c in calls if c[0] == 'data') == [('data', 0), ('data', 1)]
    assert sorted(c[1:] for c in calls if c[0] == 'pretrain') == [
        (0, 'mid'), (0, 'noisy'), (1, 'mid'), (1, 'noisy')
    ]  # fmt: skip
    assert ('finetune', 1, 'mid', 's2', 'frozen', 'mid.pth') in calls
    assert ('finetune', 1, 'random', 's2', 'random', None) in calls
    results = whole.results()
    assert len(results) == 2 * (1 + 3 + 3)
    assert results[Task(1, 'mid', 's2 as pretrained')] == {'mIoU': 25}
    assert ('itself', 'mid.pth', 'seed1') in calls
    last = {'OA': 60, 'AA': 50, 'mIoU': 31, 'mF1': 40}  # of the last validation
    assert results[Task(1, 'mid', 's2 fine-tuned')] == last
    calls.clear()
    run_study(whole, parallel, lambda line: None)
    assert calls == []


def test_an_interrupted_study_continues_where_it_was(tmp_path, steps):
    calls, _ = steps
    whole = study(tmp_path, seeds=(0,))
    run_study(whole, 1, lambda line: None)
    calls.clear()
    task = Task(0, 'mid', 's2 frozen')
    whole.result_file(task).unlink()
    (whole.result_file(task).parent / 'run' / 'vis_data' / 'scalars.json').unlink()
    (whole.result_file(task).parent / 'run' / 'vis_data').rmdir()
    run_study(whole, 1, lambda line: None)
    assert calls == [('finetune', 0, 'mid', 's2', 'frozen', 'mid.pth')]


def test_one_process_at_a_time(tmp_path, steps):
    calls, _ = steps
    whole = study(tmp_path)
    whole.out.mkdir()
    with WriterLock(whole.out), pytest.raises(StoreWriteError, match='process is at this study'):
        run_study(whole, 1, lambda line: None)
    assert calls == []
    run_study(whole, 1, lambda line: None)
    assert calls


def test_one_failure_stops_nothing_else_and_is_made_up_for(tmp_path, steps):
    calls, fails = steps
    fails.add((0, 'noisy'))
    whole, lines = study(tmp_path), []
    with pytest.raises(StudyError, match='seed 0 noisy'):
        run_study(whole, 1, lines.append)
    assert any('seed 0, noisy: FAILED: no memory' in line for line in lines)
    assert len(whole.results()) == 11
    fails.clear()
    calls.clear()
    run_study(whole, 1, lines.append)
    assert len(whole.results()) == 14
    assert {call[:3] for call in calls} == {
        ('pretrain', 0, 'noisy'), ('finetune', 0, 'noisy'), ('itself', 'noisy.pth', 'seed0')
    }  # fmt: skip


def test_nothing_new_is_begun_after_an_interrupt(tmp_path, steps, monkeypatch):
    calls, _ = steps
    pool = ThreadPoolExecutor
    stopped, real_prepare, real_shutdown = threading.Event(), SentinelRun.prepare, pool.shutdown

    def prepare(run, runner):
        real_prepare(run, runner)
        assert stopped.wait(60)  # the first variant is busy while the user interrupts

    def interrupted(self, work, jobs):
        for job in jobs:
            self.submit(work, job)
        raise KeyboardInterrupt

    def shutdown(self, wait=True, cancel_futures=False):
        real_shutdown(self, wait=False, cancel_futures=cancel_futures)
        stopped.set()
        real_shutdown(self, wait=wait)

    monkeypatch.setattr(SentinelRun, 'prepare', prepare)
    monkeypatch.setattr(pool, 'map', interrupted)
    monkeypatch.setattr(pool, 'shutdown', shutdown)
    with pytest.raises(KeyboardInterrupt):
        run_study(study(tmp_path), 1, lambda line: None)
    assert {call[1] for call in calls if call[0] == 'data'} <= {0}
    assert not any(call[0] == 'pretrain' for call in calls)


def test_a_folder_keeps_one_kind_of_study(tmp_path, steps):
    run_study(study(tmp_path, seeds=(0,), variants=('random',)), 1, lambda line: None)
    run_study(study(tmp_path, seeds=(0, 1), variants=('random', 'noisy')), 1, lambda line: None)
    with pytest.raises(StudyError, match='labelled is 8 there, 16 here'):
        run_study(study(tmp_path, labelled=16), 1, lambda line: None)

    run_study(study(tmp_path, seeds=(0,), variants=('random',)), 1, lambda line: None)


def test_a_changed_config_is_refused(tmp_path, steps, monkeypatch):
    """Not only sizes must stay: a study never mixes what was done by two configs."""
    run_study(study(tmp_path, seeds=(0,)), 1, lambda line: None)
    recorded = (tmp_path / 'study' / 'study.json').read_text()
    variant = replace(ablation.VARIANTS['mid'], options=('model.consistency.loss_weight=0.7',))
    monkeypatch.setitem(ablation.VARIANTS, 'mid', variant)
    with pytest.raises(StudyError, match='other configs: those of mid pretraining have changed'):
        run_study(study(tmp_path), 1, lambda line: None)
    run_study(study(tmp_path, seeds=(0,), variants=('noisy',)), 1, lambda line: None)  # has no part
    assert (tmp_path / 'study' / 'study.json').read_text() == recorded
    edited = tmp_path / 'edited.py'
    config = study(tmp_path).run.paths.config('cromss', 'noisy_r18_13b_mini')
    edited.write_text(f'_base_ = {config!r}\noptim_wrapper = dict(optimizer=dict(lr=0.1))\n')
    assert used_digest(str(edited), ()) != used_digest(config, ())


RESULTS = {
    Task(seed, variant, f's2 {start}'): {'mIoU': value}
    for variant, start, values in [
        ('random', 'random', (20.0, 22.0)),
        ('noisy', 'frozen', (30.0, 40.0)),
        ('mid', 'frozen', (33.0, 39.0, 50.0)),
    ]
    for seed, value in enumerate(values)
}


def test_differences_are_paired_by_seed(tmp_path):
    layout = study(tmp_path).layout()
    assert paired_differences(RESULTS, layout, 'mid', 's2 frozen', 'mIoU') == [3.0, -1.0]
    # random weights have one start, compared with every use of an encoder
    assert paired_differences(RESULTS, layout, 'random', 's2 frozen', 'mIoU') == [-10, -18]
    # and nothing to show where the pretrained network is used itself
    assert paired_differences(RESULTS, layout, 'random', 's2 as pretrained', 'mIoU') == []


def test_spread_is_mean_and_sample_standard_deviation():
    values = [33.0, 39.0, 50.0]
    assert spread(values) == f'{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}'
    assert spread([5.0]) == '5.0'


def test_table_and_figure(tmp_path):
    variants = in_order(['mid', 'noisy', 'random'], list(ablation.VARIANTS))
    assert variants == ('random', 'noisy', 'mid')
    layout = study(tmp_path, variants=variants).layout()
    rows = [line.split('|')[1:-1] for line in table(RESULTS, layout).splitlines() if line]
    cells = [[cell.strip() for cell in row] for row in rows]
    assert cells[0] == ['encoder', 'Sentinel-2, frozen']
    assert cells[2:5] == [
        ['random weights', '21.0 ± 1.4'],
        ['noisy labels alone', '35.0 ± 7.1'],
        ['CromSS, middle fusion', '40.7 ± 8.6'],
    ]
    assert cells[-2:] == [
        ['random weights', '-14.0 ± 5.7 (0/2)'],
        ['CromSS, middle fusion', '+1.0 ± 2.8 (1/2)'],
    ]
    draw(RESULTS, layout, tmp_path / 'figure.png')
    assert (tmp_path / 'figure.png').stat().st_size > 5000
