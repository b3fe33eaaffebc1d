"""Variants of pretraining compared on synthetic data over several seeds, in resumable studies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from mmengine.config import Config

from mmss_plugins.analysis.jobs.commands import last_checkpoint
from mmss_plugins.analysis.jobs.results import METRICS, latest_scalars
from mmss_plugins.analysis.jobs.steps import StepRunner
from mmss_plugins.utils.atomic_files import write_json
from mmss_plugins.utils.run_settings import differences, digest, read_json, resolved_settings
from projects.pipeline.run import PipelineRun

SETTINGS = 'study.json'
RESULT = 'result.json'
CONFIGS = 'configs'
Used = tuple[str, Sequence[str]]  # path of a config, and further options
Run = TypeVar('Run', bound=PipelineRun)


class StudyError(RuntimeError):
    """The study cannot continue; the message says what to do."""


@dataclass(frozen=True)
class Variant:
    """One way to obtain an encoder.

    Args:
        title: Its name in tables and figures.
        config: Name of the pretraining config; None for no pretraining.
        options: Further config options.
    """

    title: str
    config: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One score: of one variant and seed, in one use of its encoder (a column of the table)."""

    seed: int
    variant: str
    column: str


Results = Mapping[Task, Mapping[str, float]]


@dataclass(frozen=True)
class Layout:
    """Contents of a study's table and figure.

    Args:
        variants: Titles of the variants by name, in order.
        panels: Titles of the columns by name, row by row of the figure.
        baseline: The variant that others are compared with.
        accented: Variants that the figure highlights.
        stand_ins: The column under which a variant's score is stored, by variant and the column
            in which it is shown, where they differ: random weights are used in one way only.
    """

    variants: Mapping[str, str]
    panels: Sequence[Mapping[str, str]]
    baseline: str
    accented: Sequence[str]
    stand_ins: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """Titles of all columns."""
        return {name: title for row in self.panels for name, title in row.items()}


@dataclass(frozen=True)
class Study(ABC, Generic[Run]):
    """A whole study in one folder: a data set per seed, and on it every variant.

    Args:
        out: Folder of the study.
        seeds: One data set and one run of every variant per seed.
        variants: Names of the variants.
        run: Sizes of every run.
    """

    known: ClassVar[Mapping[str, Variant]]  # all variants that the study has
    variable: ClassVar[tuple[str, ...]] = ('seed', 'workers')  # sizes that may differ

    out: Path
    seeds: tuple[int, ...]
    variants: tuple[str, ...]
    run: Run

    @abstractmethod
    def finetune_configs(self) -> Mapping[str, Used]:
        """The configs of fine-tuning by what they are for."""

    @abstractmethod
    def columns_of(self, variant: str) -> tuple[str, ...]:
        """The scores to compute for a variant."""

    @abstractmethod
    def layout(self) -> Layout:
        """How the results are shown."""

    @abstractmethod
    def score(self, task: Task, encoder: Path | None, runner: StepRunner) -> dict[str, float]:
        """Train and test downstream; scores in percent."""

    def settings(self) -> dict[str, object]:
        """The sizes that must not differ between two runs in one folder."""
        sizes = {k: v for k, v in asdict(self.run).items() if isinstance(v, (int, float))}
        return {k: v for k, v in sizes.items() if k not in self.variable}

    def configs(self) -> dict[str, Used]:
        """The configs of all runs by what they are for; they must not differ either."""
        pretraining = {
            f'{name} pretraining': (self.run.paths.config(self.run.method, config), options)
            for name in self.variants
            for config, options in [(self.known[name].config, self.known[name].options)]
            if config
        }
        return {**pretraining, **self.finetune_configs()}

    def run_of(self, seed: int, variant: str) -> Run:
        """The run of one variant; the variants of a seed share its data set."""
        config = self.known[variant].config or self.run.config
        out, data = self.variant_dir(seed, variant), self.seed_dir(seed)
        return replace(self.run, out=out, data=data, seed=seed, config=config)

    def prepare(self, seed: int, runner: StepRunner) -> None:
        """Generate the data set of a seed and prepare its stores."""
        self.run_of(seed, self.variants[0]).prepare(runner)

    def pretrain(self, seed: int, variant: str, runner: StepRunner) -> Path | None:
        """The variant's checkpoint, trained or continued unless finished; None for no training."""
        if self.known[variant].config is None:
            return None
        run = self.run_of(seed, variant)

        def work() -> None:
            run.pretrain(runner, self.known[variant].options, resume=True)
            self.measure(run, variant)

        return finish(run.pretrain_dir, work)

    def measure(self, run: Run, variant: str) -> None:
        """Measure something about a pretrained encoder; by default nothing."""

    @property
    def titles(self) -> dict[str, str]:
        """Titles of the variants by name."""
        return {name: self.known[name].title for name in self.variants}

    def seed_dir(self, seed: int) -> Path:
        """Folder of a seed's data set, and of its variants."""
        return self.out / f'seed{seed}'

    def variant_dir(self, seed: int, variant: str) -> Path:
        """Folder of one variant."""
        return self.seed_dir(seed) / variant

    def result_file(self, task: Task) -> Path:
        """The file of the scores of one task."""
        folder = self.variant_dir(task.seed, task.variant)
        return folder / task.column.replace(' ', '_') / RESULT

    def jobs(self) -> list[tuple[int, str]]:
        """(seed, variant): each is done step by step, by one thread."""
        return [(seed, variant) for seed in self.seeds for variant in self.variants]

    def tasks_of(self, seed: int, variant: str) -> list[Task]:
        """The scores to compute for one variant and seed."""
        return [Task(seed, variant, column) for column in self.columns_of(variant)]

    def tasks(self) -> list[Task]:
        """All scores to compute, seed by seed."""
        return [task for job in self.jobs() for task in self.tasks_of(*job)]

    def results(self) -> dict[Task, dict[str, float]]:
        """The scores computed so far."""
        files = {task: self.result_file(task) for task in self.tasks()}
        return {task: read_json(path) for task, path in files.items() if path.is_file()}

    def record_settings(self) -> None:
        """Record the settings in the folder, or compare them with those recorded there.

        Raises:
            StudyError: If the folder holds a study with other settings or configs. More seeds,
                variants and columns may always be added.
        """
        path, settings = self.out / SETTINGS, dict(self.settings())
        used = {name: used_digest(*given) for name, given in self.configs().items()}
        found: dict[str, Any] = read_json(path) if path.is_file() else settings
        recorded = found.pop(CONFIGS, {})
        if other := differences(found, settings):
            raise StudyError(
                f'{path.parent} holds a study with other settings: {other}. Give the same settings '
                'to continue it, or another --out'
            )
        changed = [name for name in recorded if used.get(name) not in (None, recorded[name])]
        if changed:
            raise StudyError(
                f'{path.parent} holds a study with other configs: those of '
                f'{", ".join(sorted(changed))} have changed since. Give another --out'
            )
        write_json(path, {**settings, CONFIGS: {**recorded, **used}})


def used_digest(config: str, options: Sequence[str]) -> str:
    """Digest of a config with its bases resolved, and of the options given with it."""
    settings = resolved_settings(Config.fromfile(config))
    return digest({'config': settings, 'options': list(options)})


def finish(work_dir: Path, work: Callable[[], None]) -> Path:
    """Do ``work`` unless it is finished; returns the last checkpoint in ``work_dir``."""
    done = work_dir / 'finished'
    if not done.exists():
        work()
        done.touch()
    return last_checkpoint(work_dir)


def final_scores(work_dir: Path) -> dict[str, float]:
    """Scores in percent of the last validation of a run: the mini configs' is on test patches."""
    records = [record for record in latest_scalars(work_dir) if 'mIoU' in record]
    return {name: float(records[-1][key]) for key, name in METRICS.items()}
