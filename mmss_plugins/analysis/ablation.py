"""Ablation of CromSS on the mini world: what is compared, run so that it can be taken up again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock

from mmss_plugins.analysis.pretrained_scores import pretrained_scores
from mmss_plugins.demo.results import METRICS, latest_scalars
from mmss_plugins.demo.road import Road, finetune, last_checkpoint, prepare, pretrain
from mmss_plugins.demo.steps import StepRunner

SETTINGS = 'ablation.json'
RESULT = 'result.json'
ITSELF = 'as pretrained'  # the pretrained network's own predictions, nothing fine-tuned
CLEAN = 'train_dataloader.dataset.label_field=clean_label'
CONSISTENCY = 'model.consistency.loss_weight={}'.format


@dataclass(frozen=True)
class Arm:
    """One way to come to an encoder.

    Args:
        title: For people.
        config: Pretraining config; None for random weights.
        options: Config options beyond it.
    """

    title: str
    config: str | None = None
    options: tuple[str, ...] = ()

    @property
    def starts(self) -> tuple[str, ...]:
        """How the encoder is used: in its own network, or downstream as in the demonstration."""
        return (ITSELF, 'frozen', 'fine-tuned') if self.config else ('random',)


ARMS = {
    'random': Arm('random weights'),
    'noisy': Arm('noisy labels alone', 'noisy_r18_13b_mini'),
    'wo-consistency': Arm('CromSS without consistency', 'cromss_mid_r18_13b_mini_wo-consistency'),
    'weak-consistency': Arm(
        'CromSS, consistency weight 0.2', 'cromss_mid_r18_13b_mini', (CONSISTENCY(0.2),)
    ),
    'mid': Arm('CromSS, middle fusion', 'cromss_mid_r18_13b_mini', (CONSISTENCY(1),)),
    'late': Arm('CromSS, late fusion', 'cromss_late_r18_13b_mini', (CONSISTENCY(1),)),
    'oracle': Arm('clean labels (oracle)', 'noisy_r18_13b_mini', (CLEAN,)),
}


class AblationError(RuntimeError):
    """The study cannot go on; the message says what to do."""


@dataclass(frozen=True)
class Task:
    """One test of one arm and seed: of a fine-tuning, or of the pretrained network itself."""

    seed: int
    arm: str
    modality: str
    start: str


@dataclass(frozen=True)
class Study:
    """A whole ablation in one folder.

    Args:
        road: Sizes of every run; ``out`` is the folder of the study.
        seeds: One world and one run of every arm per seed.
        arms: Names from ``ARMS``.
        modalities: What to fine-tune on, 's1' and 's2'.
    """

    road: Road
    seeds: tuple[int, ...]
    arms: tuple[str, ...]
    modalities: tuple[str, ...]

    def road_of(self, seed: int, arm: str) -> Road:
        """Paths of one arm; its world is shared with the other arms of the seed."""
        world = self.road.out / f'seed{seed}'
        config = ARMS[arm].config or Road.config
        return replace(self.road, out=world / arm, data=world, seed=seed, config=config)

    def tasks(self) -> Iterator[Task]:
        """All that is to be scored, seed by seed."""
        for seed, arm in self.chains():
            yield from self.tasks_of(seed, arm)

    def chains(self) -> list[tuple[int, str]]:
        """(seed, arm): what has to be done one after the other."""
        return [(seed, arm) for seed in self.seeds for arm in self.arms]

    def tasks_of(self, seed: int, arm: str) -> list[Task]:
        """What is to be scored of one arm."""
        return [
            Task(seed, arm, modality, start)
            for modality in self.modalities
            for start in ARMS[arm].starts
        ]

    def result_file(self, task: Task) -> Path:
        """Where the scores of one task are kept."""
        folder = f'{task.modality}_{task.start.replace(" ", "-")}'
        return self.road_of(task.seed, task.arm).out / folder / RESULT

    def results(self) -> dict[Task, dict[str, float]]:
        """Scores in percent (OA, AA, mIoU, mF1) of what is done so far."""
        return {
            task: json.loads(self.result_file(task).read_text(encoding='utf-8'))
            for task in self.tasks()
            if self.result_file(task).is_file()
        }

    def claim_folder(self) -> None:
        """Note the settings in the folder, or compare them with those noted there.

        Raises:
            AblationError: If the folder holds a study with other settings. More seeds, arms and
                modalities may always be added.
        """
        kept = {k: v for k, v in asdict(self.road).items() if isinstance(v, (int, float))}
        settings = {k: v for k, v in kept.items() if k not in ('seed', 'workers')}
        path = self.road.out / SETTINGS
        if not path.is_file():
            _write_json(path, settings)
            return
        found = json.loads(path.read_text(encoding='utf-8'))
        names = sorted(set(found) | set(settings))
        other = [n for n in names if found.get(n) != settings.get(n)]
        if other:
            raise AblationError(
                f'{path.parent} holds a study with other settings: '
                + ', '.join(f'{n} is {found.get(n)} there, {settings.get(n)} here' for n in other)
                + '. Give the same settings to go on with it, or another --out'
            )


def run_study(study: Study, jobs: int, tell: Callable[[str], None]) -> None:
    """Do what is not done yet.

    Args:
        study: The study.
        jobs: Arms that run at the same time, each with its share of the processor's threads.
        tell: Takes one line per finished step.

    Raises:
        AblationError: If some arms failed; all others have been finished by then.
    """
    study.claim_folder()
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
        raise AblationError(f'not finished: {names}. Run the same command again to go on')


def _run_chain(
    study: Study,
    seed: int,
    arm: str,
    world: Lock,
    threads: int,
    tell: Callable[[str], None],
) -> None:
    missing = [t for t in study.tasks_of(seed, arm) if not study.result_file(t).is_file()]
    if not missing:
        return
    road = study.road_of(seed, arm)
    count = {name: str(threads) for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS')}
    with world:
        done = road.data_root / 'prepared'
        if not done.exists():
            prepare(road, StepRunner(road.data_root / 'logs', echo=False, environment=count))
            done.touch()
            tell(f'seed {seed}: world and stores')
    runner = StepRunner(road.out / 'logs', echo=False, environment=count)
    encoder = _pretrained(road, runner, ARMS[arm]) if ARMS[arm].config else None
    if runner.records:
        tell(f'seed {seed}, {arm}: pretrained ({runner.records[-1].seconds:.0f} s)')
    for task in missing:
        scores = _scores(road, runner, task, encoder)
        _write_json(study.result_file(task), scores)
        tell(f'seed {seed}, {arm}: {task.modality} {task.start}: {scores["mIoU"]:.1f} % mIoU')


def _scores(road: Road, runner: StepRunner, task: Task, encoder: Path | None) -> dict[str, float]:
    if task.start == ITSELF:
        config = road.config_path('cromss', road.config)
        return pretrained_scores(config, encoder, road.dfc_store('test'))[task.modality]
    finetune(road, runner, task.modality, task.start, encoder)
    return final_scores(road.run_dir(task.modality, task.start))


def _pretrained(road: Road, runner: StepRunner, arm: Arm) -> Path:
    """The arm's checkpoint, trained unless it is there."""
    done = road.pretrain_dir / 'finished'
    if not done.exists():
        pretrain(road, runner, arm.options, resume=True)
        done.touch()
    return last_checkpoint(road.pretrain_dir)


def final_scores(work_dir: Path) -> dict[str, float]:
    """Scores in percent of the last validation of a run: the mini configs' is on test patches."""
    records = [record for record in latest_scalars(work_dir) if 'mIoU' in record]
    return {name: float(records[-1][key]) for key, name in METRICS.items()}


def _write_json(path: Path, content: dict) -> None:
    """Write all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix('.part')
    part.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')
    part.replace(path)


def chosen_arms(names: Sequence[str]) -> tuple[str, ...]:
    """The arms in the order of ``ARMS``."""
    return tuple(name for name in ARMS if name in names)
