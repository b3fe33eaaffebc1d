"""Hooks, loops, samplers, optimizers, schedules and what else drives a run."""

from .any_device_ddp import AnyDeviceDistributedDataParallel
from .hooks import (
    CrossModalSelectionHook,
    FiniteValuesHook,
    FreezeEncoderHook,
    GradientGuidedSamplingHook,
    InputContractHook,
    IterationSeedHook,
    LabelNoiseReportHook,
    MultiBandVisualizationHook,
    ResumeValidationHook,
    RunCheckHook,
    SSLHealthHook,
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
    'CrossModalSelectionHook',
    'EpochSeededSampler',
    'FiniteValuesHook',
    'FreezeEncoderHook',
    'GradientGuidedSamplingHook',
    'InputContractHook',
    'IterationSeedHook',
    'LARC',
    'LabelNoiseReportHook',
    'LayerDecayOptimWrapperConstructor',
    'LinearWarmUpLR',
    'MultiBandVisualizationHook',
    'NonEmptyEpochTrainLoop',
    'ResumeValidationHook',
    'RunCheckHook',
    'SSLHealthHook',
    'TransferReportHook',
    'UnfreezeEncoderHook',
]
