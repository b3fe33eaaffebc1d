"""GraSS on the synthetic aerial data: from raw tiles to test scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmss_plugins.analysis.jobs.commands import data_options
from mmss_plugins.analysis.jobs.steps import StepRunner
from projects.pipeline.run import PipelineRun

DOWNSTREAM_CONFIG = 'pspnet_r18_mini_potsdam'
PRETRAINED_CONFIG = f'{DOWNSTREAM_CONFIG}_grass'


@dataclass(frozen=True)
class AerialRun(PipelineRun):
    """One run of GraSS.

    Args:
        tiles: Training tiles, all of which are pretrained on; at most 24.
        test_tiles: Test tiles, at most 14.
        tile_size: Edge of a tile in pixels of the data set's default, 0.2 m.
        patch: Edge of a patch in pixels.
        labelled: Patches with labels to fine-tune on.
    """

    method = 'grass'
    pretrain_step = 'pretrain without labels'

    config: str = 'grass_r18_mini'
    tiles: int = 16
    test_tiles: int = 6
    tile_size: int = 640
    patch: int = 128
    labelled: int = 4

    def store(self, split: str) -> Path:
        """The store of a split, 'train' or 'test'."""
        return self.data_root / 'potsdam' / f'{split}.lmdb'

    def prepare(self, runner: StepRunner) -> None:
        """Generate the aerial data and prepare their stores."""
        self.generate(
            runner, 'generate the synthetic aerial data set', '--parts', 'potsdam',
            '--potsdam-train', self.tiles, '--potsdam-test', self.test_tiles,
            '--tile-size', self.tile_size,
        )  # fmt: skip
        self.prepare_stores(
            runner, 'prepare the aerial stores', 'potsdam', 'potsdam', 'potsdam',
            '--size', self.patch,
        )  # fmt: skip

    def pretrain_options(self, config: str) -> list[str]:
        """Options for the data and the length; warm-up and stage A keep their shares of it."""
        return [*data_options(self.store('train'), 'train'), *_length(config, self.epochs)]

    def finetune_config(self, name: str, pretrained: bool) -> str:  # noqa: ARG002
        """The config with or without a pretrained encoder."""
        return PRETRAINED_CONFIG if pretrained else DOWNSTREAM_CONFIG

    def finetune_options(self) -> list[str]:
        """Train on a subset of the labelled patches, test on the other tiles."""
        return [
            *data_options(self.store('train'), 'train'),
            *data_options(self.store('test'), 'val', 'test'),
            f'train_dataloader.dataset.subset.count={self.labelled}',
            f'train_dataloader.dataset.subset.seed={self.seed}',
        ]

    def title(self, name: str) -> str:
        """Such as 'on aerial images (GraSS)'."""
        return f'on aerial images ({name})'


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
