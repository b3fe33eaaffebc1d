"""Hooks, loops, samplers and what else drives a run."""

from .any_device_ddp import AnyDeviceDistributedDataParallel
from .hooks import (
    IterationSeedHook,
    MultiBandVisualizationHook,
    ResumeValidationHook,
    TransferReportHook,
)
from .loops import NonEmptyEpochTrainLoop
from .samplers import EpochSeededSampler

__all__ = [
    'AnyDeviceDistributedDataParallel',
    'EpochSeededSampler',
    'IterationSeedHook',
    'MultiBandVisualizationHook',
    'NonEmptyEpochTrainLoop',
    'ResumeValidationHook',
    'TransferReportHook',
]
