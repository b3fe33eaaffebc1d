"""CromSS's road from raw files to test scores, as the commands that a user types."""

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

MODALITIES = ('s2', 's1')
STARTS = {'random': '', 'frozen': '_cromss-frozen', 'fine-tuned': '_cromss'}
PRETRAIN_CONFIG = 'cromss_mid_r18_13b_mini'


@dataclass(frozen=True)
class Road:
    """Paths and sizes of one run of the demonstration.

    Args:
        home: Where the tools and configs are.
        out: Folder of this run's checkpoints and logs.
        data: Folder of the world and its stores; None for ``out``.
        config: Name of the pretraining config.
        seed: Of the world and of all training.
        locations: Places to pretrain on (four seasons each).
        labelled: Patches with labels to fine-tune on.
        tested: Patches to test on.
        size: Edge of a patch in pixels of 10 m.
        confusion: Factor on the rate of confused classes in the noisy labels.
        epochs: Pretraining epochs; None for the config's.
        finetune_epochs: Fine-tuning epochs; None for the config's.
        workers: Processes that make the world and the stores.
        starts: What the encoders are fine-tuned from, keys of ``STARTS``.
    """

    home: ProjectPaths
    out: Path
    data: Path | None = None
    config: str = PRETRAIN_CONFIG
    seed: int = 0
    locations: int = 100
    labelled: int = 8
    tested: int = 64
    size: int = 72
    confusion: float = 1.0
    epochs: int | None = None
    finetune_epochs: int | None = None
    workers: int = 2
    starts: tuple[str, ...] = ('random', 'fine-tuned')

    @property
    def data_root(self) -> Path:
        """Folder of the world and its stores."""
        return self.data or self.out

    @property
    def raw(self) -> Path:
        """Root of the raw trees."""
        return self.data_root / 'raw'

    @property
    def pretrain_store(self) -> Path:
        """The store of the pretraining set."""
        return self.data_root / 'noldo.lmdb'

    def dfc_store(self, split: str) -> Path:
        """The store of one DFC2020 split."""
        return self.data_root / 'dfc2020' / f'{split}.lmdb'

    @property
    def pretrain_dir(self) -> Path:
        """Work directory of pretraining."""
        return self.out / 'pretrain'

    def run_dir(self, modality: str, start: str) -> Path:
        """Work directory of one fine-tuning."""
        return self.out / f'{modality}_{start}'

    def test_dir(self, modality: str, start: str) -> Path:
        """Work directory of one test."""
        return self.out / f'{modality}_{start}_test'

    def predictions(self, modality: str, start: str) -> Path:
        """Where one test writes its class maps."""
        return self.out / f'{modality}_{start}_predictions'


def prepare(road: Road, runner: StepRunner) -> None:
    """Make the mini world and its stores."""
    runner.run(
        'make the mini world',
        [
            road.home.project('synthetic'), str(road.raw),
            '--seed', str(road.seed), '--locations', str(road.locations),
            '--size', str(road.size), '--dfc-train', str(road.labelled),
            '--dfc-test', str(road.tested), '--confusion', str(road.confusion),
            '--workers', str(road.workers), '--overwrite',
        ],
    )  # fmt: skip
    workers = ['--workers', str(road.workers), '--overwrite']
    runner.run(
        'prepare the pretraining store',
        [
            road.home.tool('prepare/noldo_pretrain.py'), str(road.raw / 'noldo'),
            str(road.pretrain_store), '--quantise', 'clip8', *workers,
        ],
    )  # fmt: skip
    runner.run(
        'prepare the DFC2020 stores',
        [
            road.home.tool('prepare/dfc2020.py'), str(road.raw / 'dfc2020'),
            str(road.data_root / 'dfc2020'), *workers,
        ],
    )  # fmt: skip


def pretrain(
    road: Road, runner: StepRunner, options: Sequence[str] = (), resume: bool = False
) -> Path:
    """Pretrain on noisy labels.

    Args:
        road: The run.
        runner: Runs the command.
        options: Config options beyond the road's.
        resume: Go on from the last checkpoint in the work directory, if there is one.

    Returns:
        The checkpoint.
    """
    config = road.home.config('cromss', road.config)
    options = [
        f'randomness.seed={road.seed}',
        *data_options(road.pretrain_store, 'train', 'val', 'test'),
        *length_options(road.epochs),
        *_ramp_length(config, road.epochs),
        *options,
    ]
    name = 'pretrain on noisy labels'
    road.home.train(runner, name, config, road.pretrain_dir, options, resume)
    return last_checkpoint(road.pretrain_dir)


def finetune(
    road: Road, runner: StepRunner, modality: str, start: str, encoder: Path | None
) -> None:
    """Train PSPNet on the few labelled patches from one start, validated on the test patches."""
    config, options = _downstream(road, modality, start, encoder)
    name = f'fine-tune {modality.upper()} ({start})'
    road.home.train(runner, name, config, road.run_dir(modality, start), options)


def test(road: Road, runner: StepRunner, modality: str, start: str, encoder: Path | None) -> None:
    """Test what :func:`finetune` trained, and write its class maps."""
    config, options = _downstream(road, modality, start, encoder)
    checkpoint = last_checkpoint(road.run_dir(modality, start))
    road.home.test(
        runner,
        f'test {modality.upper()} ({start})',
        config,
        checkpoint,
        road.test_dir(modality, start),
        road.predictions(modality, start),
        options,
    )


def _downstream(
    road: Road, modality: str, start: str, encoder: Path | None
) -> tuple[str, list[str]]:
    """Config and options of one fine-tuning."""
    options = [
        f'randomness.seed={road.seed}',
        *data_options(road.dfc_store('validation'), 'train'),
        *data_options(road.dfc_store('test'), 'val', 'test'),
        f'train_dataloader.dataset.indices={road.labelled}',
        *length_options(road.finetune_epochs),
    ]
    if start != 'random':
        options.append(f'model.backbone.init_cfg.checkpoint={encoder}')
    name = f'pspnet_r18_mini_dfc2020-{modality}{STARTS[start]}'
    return road.home.config('finetune', name), options


def _ramp_length(config: str, epochs: int | None) -> list[str]:
    """The option that keeps the selection's ramp as large a part of a run of another length."""
    cfg = Config.fromfile(config)
    return [
        f'custom_hooks.{index}.length={hook.length * epochs / cfg.train_cfg.max_epochs:g}'
        for index, hook in enumerate(cfg.custom_hooks)
        if epochs is not None and hook.type.endswith('CrossModalSelectionHook')
    ]
