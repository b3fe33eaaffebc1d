"""CromSS on the synthetic Sentinel data: from raw files to test scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from mmss_plugins.analysis.jobs.commands import data_options, length_options
from mmss_plugins.analysis.jobs.steps import StepRunner
from projects.pipeline.run import RANDOM, PipelineRun

MODALITIES = ('s2', 's1')
STARTS = {RANDOM: '', 'frozen': '_cromss-frozen', 'fine-tuned': '_cromss'}


@dataclass(frozen=True)
class SentinelRun(PipelineRun):
    """One run of CromSS. Its fine-tunings are named by modality and start, such as 's2 frozen'.

    Args:
        locations: Places to pretrain on (four seasons each).
        labelled: Patches with labels to fine-tune on.
        tested: Patches to test on.
        size: Edge of a patch in pixels of 10 m.
        confusion: Factor on the rate of confused classes in the noisy labels.
        starts: What the encoders are fine-tuned from, keys of ``STARTS``.
    """

    method = 'cromss'
    pretrain_step = 'pretrain on noisy labels'

    config: str = 'cromss_mid_r18_13b_mini'
    locations: int = 100
    labelled: int = 8
    tested: int = 64
    size: int = 72
    confusion: float = 1.0
    starts: tuple[str, ...] = (RANDOM, 'fine-tuned')

    @property
    def pretrain_store(self) -> Path:
        """The store of the pretraining set."""
        return self.data_root / 'noldo.lmdb'

    def dfc_store(self, split: str) -> Path:
        """The store of one DFC2020 split."""
        return self.data_root / 'dfc2020' / f'{split}.lmdb'

    def prepare(self, runner: StepRunner) -> None:
        """Generate the Sentinel data and prepare their stores."""
        self.generate(
            runner, 'generate the synthetic data set', '--locations', self.locations,
            '--size', self.size, '--dfc-train', self.labelled, '--dfc-test', self.tested,
            '--confusion', self.confusion,
        )  # fmt: skip
        self.prepare_stores(
            runner, 'prepare the pretraining store', 'noldo_pretrain', 'noldo',
            self.pretrain_store.name, '--quantise', 'clip8',
        )  # fmt: skip
        self.prepare_stores(runner, 'prepare the DFC2020 stores', 'dfc2020', 'dfc2020', 'dfc2020')

    def pretrain_options(self, config: str) -> list[str]:
        """Options for the data and the length; the selection's ramp keeps its share of it."""
        return [
            *data_options(self.pretrain_store, 'train', 'val', 'test'),
            *length_options(self.epochs),
            *_ramp_length(config, self.epochs),
        ]

    def finetune_config(self, name: str, pretrained: bool) -> str:  # noqa: ARG002
        """The config of a modality and start."""
        modality, start = name.split(' ')
        return f'pspnet_r18_mini_dfc2020-{modality}{STARTS[start]}'

    def finetune_options(self) -> list[str]:
        """Train on the first patches of one split, test on the other split."""
        return [
            *data_options(self.dfc_store('validation'), 'train'),
            *data_options(self.dfc_store('test'), 'val', 'test'),
            f'train_dataloader.dataset.indices={self.labelled}',
        ]

    def title(self, name: str) -> str:
        """Such as 'S2 (frozen)'."""
        modality, start = name.split(' ')
        return f'{modality.upper()} ({start})'


def _ramp_length(config: str, epochs: int | None) -> list[str]:
    """The option that keeps the selection's ramp as large a part of a run of another length."""
    if epochs is None:
        return []
    cfg = Config.fromfile(config)
    return [
        f'custom_hooks.{index}.length={hook.length * epochs / cfg.train_cfg.max_epochs:g}'
        for index, hook in enumerate(cfg.custom_hooks)
        if hook.type.endswith('CrossModalSelectionHook')
    ]
