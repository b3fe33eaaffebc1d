"""Hooks, loops, samplers and what else drives a run."""

from .any_device_ddp import AnyDeviceDistributedDataParallel
from .hooks import (
    InputContractHook,
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
    'InputContractHook',
    'IterationSeedHook',
    'MultiBandVisualizationHook',
    'NonEmptyEpochTrainLoop',
    'ResumeValidationHook',
    'TransferReportHook',
]
