"""Hooks, loops, samplers, optimizers, schedules and what else drives a run."""

from .any_device_ddp import AnyDeviceDistributedDataParallel
from .hooks import (
    InputContractHook,
    IterationSeedHook,
    MultiBandVisualizationHook,
    ResumeValidationHook,
    TransferReportHook,
)
from .loops import NonEmptyEpochTrainLoop
from .optimizers import LARC
from .samplers import EpochSeededSampler
from .schedulers import CosineWarmRestartLR, LinearWarmUpLR

__all__ = [
    'AnyDeviceDistributedDataParallel',
    'CosineWarmRestartLR',
    'EpochSeededSampler',
    'InputContractHook',
    'IterationSeedHook',
    'LARC',
    'LinearWarmUpLR',
    'MultiBandVisualizationHook',
    'NonEmptyEpochTrainLoop',
    'ResumeValidationHook',
    'TransferReportHook',
]
