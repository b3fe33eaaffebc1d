"""Studies on mini worlds: ways of pretraining compared over seeds, run so that they can go on."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from mmengine.config import Config

from mmss_plugins.analysis.jobs.results import METRICS, latest_scalars
from mmss_plugins.analysis.jobs.steps import StepRunner
from mmss_plugins.store.lock import WriterLock
from mmss_plugins.utils.atomic_files import write_json
from mmss_plugins.utils.run_settings import (
    differences,
    digest,
    read_json,
    resolved_settings,
)

SETTINGS = 'study.json'
RESULT = 'result.json'
CONFIGS = 'configs'
Used = tuple[str, Sequence[str]]  # a config's path, and options beyond it


class StudyError(RuntimeError):
    """The study cannot go on; the message says what to do."""


@dataclass(frozen=True)
class Task:
    """One score: of one arm and seed, in one use of its encoder (a column of the table)."""

    seed: int
    arm: str
    column: str


Results = Mapping[Task, Mapping[str, float]]


@dataclass(frozen=True)
class Layout:
    """What the report of a study says, and where.

    Args:
        arms: Titles of the arms by name, in order.
        panels: Titles of the columns by name, row by row of the figure.
        baseline: The arm that others are compared with.
        accented: Arms that the figure sets off.
        stand_ins: Where an arm's score for a column is kept, if it is under another column: random
            weights are used in one way only.
    """

    arms: Mapping[str, str]
    panels: Sequence[Mapping[str, str]]
    baseline: str
    accented: Sequence[str]
    stand_ins: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """Titles of all columns."""
        return {name: title for row in self.panels for name, title in row.items()}


@dataclass(frozen=True)
class Study(ABC):
    """A whole study in one folder: a world per seed, and in it every arm.

    Args:
        out: Folder of the study.
        seeds: One world and one run of every arm per seed.
        arms: Names of the ways to come to an encoder.
    """

    out: Path
    seeds: tuple[int, ...]
    arms: tuple[str, ...]

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """What must not differ between two runs in one folder."""

    @abstractmethod
    def configs(self) -> Mapping[str, Used]:
        """The configs of all runs by what they are for; they must not differ either."""

    @abstractmethod
    def columns_of(self, arm: str) -> tuple[str, ...]:
        """What is to be scored of an arm."""

    @abstractmethod
    def layout(self) -> Layout:
        """How the results are shown."""

    @abstractmethod
    def prepare(self, seed: int, runner: StepRunner) -> None:
        """Make the world of a seed."""

    @abstractmethod
    def pretrain(self, seed: int, arm: str, runner: StepRunner) -> Path | None:
        """Come to the arm's checkpoint, unless it is there; None for random weights."""

    @abstractmethod
    def score(self, task: Task, encoder: Path | None, runner: StepRunner) -> dict[str, float]:
        """Train and test downstream; scores in percent."""

    def world_dir(self, seed: int) -> Path:
        """Folder of a seed's world, and of its arms."""
        return self.out / f'seed{seed}'

    def arm_dir(self, seed: int, arm: str) -> Path:
        """Folder of one arm."""
        return self.world_dir(seed) / arm

    def result_file(self, task: Task) -> Path:
        """Where the scores of one task are kept."""
        return self.arm_dir(task.seed, task.arm) / task.column.replace(' ', '_') / RESULT

    def chains(self) -> list[tuple[int, str]]:
        """(seed, arm): what has to be done one after the other."""
        return [(seed, arm) for seed in self.seeds for arm in self.arms]

    def tasks_of(self, seed: int, arm: str) -> list[Task]:
        """What is to be scored of one arm."""
        return [Task(seed, arm, column) for column in self.columns_of(arm)]

    def tasks(self) -> list[Task]:
        """All that is to be scored, seed by seed."""
        return [task for chain in self.chains() for task in self.tasks_of(*chain)]

    def results(self) -> dict[Task, dict[str, float]]:
        """The scores of what is done so far."""
        files = {task: self.result_file(task) for task in self.tasks()}
        return {task: read_json(path) for task, path in files.items() if path.is_file()}

    def claim_folder(self) -> None:
        """Note the settings in the folder, or compare them with those noted there.

        Raises:
            StudyError: If the folder holds a study with other settings or configs. More seeds,
                arms and columns may always be added.
        """
        path, settings = self.out / SETTINGS, dict(self.settings())
        used = {name: used_digest(*given) for name, given in self.configs().items()}
        found = read_json(path) if path.is_file() else settings
        noted = found.pop(CONFIGS, {})
        if other := differences(found, settings):
            raise StudyError(
                f'{path.parent} holds a study with other settings: {other}. Give the same settings '
                'to go on with it, or another --out'
            )
        if changed := [name for name in noted if used.get(name, noted[name]) != noted[name]]:
            raise StudyError(
                f'{path.parent} holds a study with other configs: those of '
                f'{", ".join(sorted(changed))} have changed since. Give another --out'
            )
        write_json(path, {**settings, CONFIGS: {**noted, **used}})


def used_digest(config: str, options: Sequence[str]) -> str:
    """Digest of a config as its bases resolve it, and of the options that are given with it."""
    settings = resolved_settings(Config.fromfile(config))
    return digest({'config': settings, 'options': list(options)})


def run_study(study: Study, jobs: int, tell: Callable[[str], None]) -> None:
    """Do what is not done yet.

    Args:
        study: The study.
        jobs: Arms that run at the same time, each with its share of the processor's threads.
        tell: Takes one line per finished step.

    Raises:
        StudyError: If some arms failed; all others have been finished by then.
        StoreWriteError: If another process is at the study.
    """
    study.out.mkdir(parents=True, exist_ok=True)
    with WriterLock(study.out, 'at this study'):
        study.claim_folder()
        _run_chains(study, jobs, tell)


def _run_chains(study: Study, jobs: int, tell: Callable[[str], None]) -> None:
    worlds = {seed: Lock() for seed in study.seeds}
    threads = max(1, (os.cpu_count() or 1) // jobs)
    failed = []

    def work(chain: tuple[int, str]) -> None:
        try:
            _run_chain(study, *chain, worlds[chain[0]], threads, tell)
        except Exception as error:
            failed.append(chain)
            tell(f'seed {chain[0]}, {chain[1]}: FAILED: {error}')

    with ThreadPoolExecutor(jobs) as pool:
        try:
            list(pool.map(work, study.chains()))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)  # begins nothing new
            raise
    if failed:
        names = ', '.join(f'seed {seed} {arm}' for seed, arm in failed)
        raise StudyError(f'not finished: {names}. Run the same command again to go on')


def _run_chain(
    study: Study, seed: int, arm: str, world: Lock, threads: int, tell: Callable[[str], None]
) -> None:
    missing = [t for t in study.tasks_of(seed, arm) if not study.result_file(t).is_file()]
    if not missing:
        return
    count = {name: str(threads) for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS')}
    with world:
        done = study.world_dir(seed) / 'prepared'
        if not done.exists():
            logs = study.world_dir(seed) / 'logs'
            study.prepare(seed, StepRunner(logs, echo=False, environment=count))
            done.touch()
            tell(f'seed {seed}: world and stores')
    runner = StepRunner(study.arm_dir(seed, arm) / 'logs', echo=False, environment=count)
    encoder = study.pretrain(seed, arm, runner)
    if runner.records:
        tell(f'seed {seed}, {arm}: pretrained ({runner.records[-1].seconds:.0f} s)')
    for task in missing:
        scores = study.score(task, encoder, runner)
        write_json(study.result_file(task), scores)
        tell(f'seed {seed}, {arm}: {task.column}: {scores["mIoU"]:.1f} % mIoU')


def final_scores(work_dir: Path) -> dict[str, float]:
    """Scores in percent of the last validation of a run: the mini configs' is on test patches."""
    records = [record for record in latest_scalars(work_dir) if 'mIoU' in record]
    return {name: float(records[-1][key]) for key, name in METRICS.items()}
