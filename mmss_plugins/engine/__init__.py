"""Hooks, loops, samplers, optimizers, schedules and what else drives a run."""

from .any_device_ddp import AnyDeviceDistributedDataParallel
from .hooks import (
    FiniteValuesHook,
    FreezeEncoderHook,
    InputContractHook,
    IterationSeedHook,
    MultiBandVisualizationHook,
    ResumeValidationHook,
    RunCheckHook,
    TransferReportHook,
    UnfreezeEncoderHook,
)
from .loops import NonEmptyEpochTrainLoop
from .optimizers import LARC, LayerDecayOptimWrapperConstructor
from .samplers import EpochSeededSampler
from .schedulers import CosineWarmRestartLR, LinearWarmUpLR

__all__ = [
    'AnyDeviceDistributedDataParallel',
    'CosineWarmRestartLR',
    'EpochSeededSampler',
    'FiniteValuesHook',
    'FreezeEncoderHook',
    'InputContractHook',
    'IterationSeedHook',
    'LARC',
    'LayerDecayOptimWrapperConstructor',
    'LinearWarmUpLR',
    'MultiBandVisualizationHook',
    'NonEmptyEpochTrainLoop',
    'ResumeValidationHook',
    'RunCheckHook',
    'TransferReportHook',
    'UnfreezeEncoderHook',
]
