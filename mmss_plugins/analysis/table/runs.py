"""Trains and tests what a table is to hold, by the commands that users type."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mmss_plugins.analysis.jobs.commands import ProjectPaths, last_checkpoint
from mmss_plugins.analysis.jobs.results import metrics_of_test
from mmss_plugins.analysis.jobs.steps import StepRunner
from mmss_plugins.analysis.table.plan import Run
from mmss_plugins.store.lock import WriterLock
from mmss_plugins.utils.atomic_files import write_json
from mmss_plugins.utils.run_settings import read_json

TRAINED = 'trained'
MakeRunner = Callable[[Path], StepRunner]


def quiet_runner(log_dir: Path) -> StepRunner:
    """A runner that keeps logs and prints nothing."""
    return StepRunner(log_dir, echo=False)


def run_all(
    runs: Sequence[Run],
    home: ProjectPaths,
    report: Callable[[str], None],
    make_runner: MakeRunner = quiet_runner,
) -> list[str]:
    """Do what is not done yet, one run after the other.

    Args:
        runs: In the order wanted.
        home: Where the tools are.
        report: Takes one line per finished run, and what failed.
        make_runner: Gives the runner that keeps its logs in a folder.

    Returns:
        Names of the runs that failed; all others are done.
    """
    failed = []
    for number, run in enumerate(runs, 1):
        if is_done(run):
            continue
        start = time.monotonic()
        try:
            run.folder.mkdir(parents=True, exist_ok=True)
            with WriterLock(run.folder, 'at this run'):
                scores = do(run, home, make_runner(run.folder / 'logs'))
        except Exception as error:
            failed.append(run.name)
            report(f'[{number}/{len(runs)}] {run.name}: FAILED: {error}')
        else:
            shown = ', '.join(f'{name} {value:.1f}' for name, value in scores.items())
            seconds = time.monotonic() - start
            report(f'[{number}/{len(runs)}] {run.name}: {shown} ({seconds:.0f} s)')
    return failed


def is_done(run: Run) -> bool:
    """Whether a run has its scores, with these settings."""
    return run.result_file.is_file() and read_json(run.result_file)['digest'] == run.digest


def do(run: Run, home: ProjectPaths, runner: StepRunner) -> dict[str, float]:
    """Train, from the last checkpoint of a run that was cut; test; note the scores.

    Returns:
        OA, AA, mIoU and mF1 in percent.
    """
    config, options, trained = str(run.config), run.options, run.folder / TRAINED
    if not trained.exists():
        home.train(runner, f'train {run.name}', config, run.train_dir, options, resume=True)
        trained.touch()
    checkpoint = tested_checkpoint(run)
    home.test(runner, f'test {run.name}', config, checkpoint, run.test_dir, None, options)
    scores = metrics_of_test(run.test_dir)
    found = {'digest': run.digest, 'checkpoint': checkpoint.name, 'scores': scores}
    write_json(run.result_file, found)
    return scores


def tested_checkpoint(run: Run) -> Path:
    """The best checkpoint by validation if the config keeps one, otherwise the last.

    Raises:
        FileNotFoundError: If there is none.
    """
    if not run.best:
        return last_checkpoint(run.train_dir)
    found = sorted(run.train_dir.glob('best_*.pth'), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise FileNotFoundError(
            f'{run.train_dir} has no best_*.pth, although the config sets save_best: has the '
            'training validated?'
        )
    return found[-1]
