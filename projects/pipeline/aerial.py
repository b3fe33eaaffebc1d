"""GraSS's road from raw aerial tiles to test scores, as the commands that a user types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmss_plugins.analysis.jobs.commands import (
    ProjectPaths,
    data_options,
    last_checkpoint,
    length_options,
)
from mmss_plugins.analysis.jobs.steps import StepRunner

STARTS = {'random': '', 'grass': '_grass'}
PRETRAIN_CONFIG = 'grass_r18_mini'
DOWNSTREAM_CONFIG = 'pspnet_r18_mini_potsdam'


@dataclass(frozen=True)
class AerialRoad:
    """Paths and sizes of one run.

    Args:
        home: Where the tools and configs are.
        out: Folder of this run's checkpoints and logs.
        data: Folder of the world and its stores; None for ``out``.
        config: Name of the pretraining config.
        seed: Of the world and of all training.
        tiles: Training tiles, all of which are pretrained on; at most 24.
        test_tiles: Test tiles, at most 14.
        tile_size: Their edge in pixels of the mini world's default, 0.2 m.
        patch: Edge of a patch in pixels.
        labelled: Patches with labels to fine-tune on.
        epochs: Pretraining epochs; None for the config's.
        finetune_epochs: Fine-tuning epochs; None for the config's.
        workers: Processes that make the world and the stores.
    """

    home: ProjectPaths
    out: Path
    data: Path | None = None
    config: str = PRETRAIN_CONFIG
    seed: int = 0
    tiles: int = 16
    test_tiles: int = 6
    tile_size: int = 640
    patch: int = 128
    labelled: int = 4
    epochs: int | None = None
    finetune_epochs: int | None = None
    workers: int = 2

    @property
    def data_root(self) -> Path:
        """Folder of the world and its stores."""
        return self.data or self.out

    @property
    def raw(self) -> Path:
        """Root of the raw trees."""
        return self.data_root / 'raw'

    def store(self, split: str) -> Path:
        """The store of a split, 'train' or 'test'."""
        return self.data_root / 'potsdam' / f'{split}.lmdb'

    @property
    def pretrain_dir(self) -> Path:
        """Work directory of pretraining."""
        return self.out / 'pretrain'

    def run_dir(self, name: str) -> Path:
        """Work directory of one fine-tuning."""
        return self.out / name

    def test_dir(self, name: str) -> Path:
        """Work directory of one test."""
        return self.out / f'{name}_test'

    def predictions(self, name: str) -> Path:
        """Where one test writes its class maps."""
        return self.out / f'{name}_predictions'


def prepare(road: AerialRoad, runner: StepRunner) -> None:
    """Make the aerial mini world and its stores."""
    workers = ['--workers', str(road.workers), '--overwrite']
    runner.run(
        'make the aerial mini world',
        [
            road.home.project('synthetic'), str(road.raw), '--parts', 'potsdam',
            '--seed', str(road.seed), '--potsdam-train', str(road.tiles),
            '--potsdam-test', str(road.test_tiles), '--tile-size', str(road.tile_size), *workers,
        ],
    )  # fmt: skip
    runner.run(
        'prepare the aerial stores',
        [
            road.home.tool('prepare/potsdam.py'), str(road.raw / 'potsdam'),
            str(road.data_root / 'potsdam'), '--size', str(road.patch), *workers,
        ],
    )  # fmt: skip


def pretrain(
    road: AerialRoad, runner: StepRunner, options: Sequence[str] = (), resume: bool = False
) -> Path:
    """Pretrain without labels, by the road's config.

    Args:
        road: The run.
        runner: Runs the command.
        options: Config options beyond the road's.
        resume: Go on from the last checkpoint in the work directory, if there is one.

    Returns:
        The checkpoint.
    """
    config = road.home.config('grass', road.config)
    options = [
        f'randomness.seed={road.seed}',
        *data_options(road.store('train'), 'train'),
        *_length(config, road.epochs),
        *options,
    ]
    name = 'pretrain without labels'
    road.home.train(runner, name, config, road.pretrain_dir, options, resume)
    return last_checkpoint(road.pretrain_dir)


def finetune(
    road: AerialRoad,
    runner: StepRunner,
    name: str,
    encoder: Path | None,
    options: Sequence[str] = (),
) -> None:
    """Train PSPNet on few labelled patches, validated on the test tiles.

    Args:
        road: The run.
        runner: Runs the command.
        name: Of the run.
        encoder: Checkpoint with the pretrained encoder; None for random weights.
        options: Config options beyond the road's.
    """
    config, given = downstream(road, encoder)
    step = f'fine-tune on aerial images ({name})'
    road.home.train(runner, step, config, road.run_dir(name), [*given, *options])


def test(road: AerialRoad, runner: StepRunner, name: str, encoder: Path | None) -> None:
    """Test what :func:`finetune` trained, and write its class maps."""
    config, options = downstream(road, encoder)
    road.home.test(
        runner,
        f'test on aerial images ({name})',
        config,
        last_checkpoint(road.run_dir(name)),
        road.test_dir(name),
        road.predictions(name),
        options,
    )


def downstream(road: AerialRoad, encoder: Path | None) -> tuple[str, list[str]]:
    """Config and options of one fine-tuning."""
    options = [
        f'randomness.seed={road.seed}',
        *data_options(road.store('train'), 'train'),
        *data_options(road.store('test'), 'val', 'test'),
        f'train_dataloader.dataset.subset.count={road.labelled}',
        f'train_dataloader.dataset.subset.seed={road.seed}',
        *length_options(road.finetune_epochs),
    ]
    start = 'random' if encoder is None else 'grass'
    if encoder is not None:
        options.append(f'model.backbone.init_cfg.checkpoint={encoder}')
    return road.home.config('finetune', f'{DOWNSTREAM_CONFIG}{STARTS[start]}'), options


def _length(config: str, epochs: int | None) -> list[str]:
    """Options that give pretraining another length: warm-up and stage A keep their shares of it."""
    if epochs is None:
        return []
    cfg = Config.fromfile(config)
    share = epochs / cfg.train_cfg.max_epochs
    warm_up = min(max(1, round(cfg.warm_up * share)), epochs - 1)
    return [
        f'train_cfg.max_epochs={epochs}',
        f'param_scheduler.0.end={warm_up}',
        f'param_scheduler.1.begin={warm_up}',
        f'param_scheduler.1.end={epochs}',
        f'default_hooks.checkpoint.interval={epochs}',
        *(
            f'custom_hooks.{index}.begin={round(hook.begin * share)}'
            for index, hook in enumerate(cfg.custom_hooks)
            if hook.type.endswith('GradientGuidedSamplingHook')
        ),
    ]
