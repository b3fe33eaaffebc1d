"""Runs what is missing of a study, several jobs at the same time."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from mmss_plugins.analysis.jobs.steps import StepRunner
from mmss_plugins.store.lock import WriterLock
from mmss_plugins.utils.atomic_files import write_json
from projects.studies.study import Study, StudyError


def run_study(study: Study, parallel: int, report: Callable[[str], None]) -> None:
    """Do what is not done yet.

    Args:
        study: The study.
        parallel: Jobs to run at the same time, each with its share of the processor's threads.
        report: Takes one line per finished step.

    Raises:
        StudyError: If some jobs failed; all others have been finished by then.
        StoreWriteError: If another process is at the study.
    """
    study.out.mkdir(parents=True, exist_ok=True)
    with WriterLock(study.out, 'at this study'):
        study.record_settings()
        _run_jobs(study, parallel, report)


def _run_jobs(study: Study, parallel: int, report: Callable[[str], None]) -> None:
    locks = {seed: Lock() for seed in study.seeds}
    threads = max(1, (os.cpu_count() or 1) // parallel)
    failed = []

    def work(job: tuple[int, str]) -> None:
        try:
            _run_job(study, *job, locks[job[0]], threads, report)
        except Exception as error:
            failed.append(job)
            report(f'seed {job[0]}, {job[1]}: FAILED: {error}')

    with ThreadPoolExecutor(parallel) as pool:
        try:
            list(pool.map(work, study.jobs()))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)  # begins nothing new
            raise
    if failed:
        names = ', '.join(f'seed {seed} {variant}' for seed, variant in failed)
        raise StudyError(f'not finished: {names}. Run the same command again to continue')


def _run_job(
    study: Study,
    seed: int,
    variant: str,
    data_lock: Lock,
    threads: int,
    report: Callable[[str], None],
) -> None:
    missing = [t for t in study.tasks_of(seed, variant) if not study.result_file(t).is_file()]
    if not missing:
        return
    count = {name: str(threads) for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS')}
    with data_lock:
        done = study.seed_dir(seed) / 'prepared'
        if not done.exists():
            logs = study.seed_dir(seed) / 'logs'
            study.prepare(seed, StepRunner(logs, echo=False, environment=count))
            done.touch()
            report(f'seed {seed}: data set and stores')
    runner = StepRunner(study.variant_dir(seed, variant) / 'logs', echo=False, environment=count)
    encoder = study.pretrain(seed, variant, runner)
    if runner.records:
        report(f'seed {seed}, {variant}: pretrained ({runner.records[-1].seconds:.0f} s)')
    for task in missing:
        scores = study.score(task, encoder, runner)
        write_json(study.result_file(task), scores)
        report(f'seed {seed}, {variant}: {task.column}: {scores["mIoU"]:.1f} % mIoU')
