"""Hooks, loops, samplers, optimizers, schedules and what else drives a run."""

from mmss_plugins.engine.any_device_ddp import AnyDeviceDistributedDataParallel
from mmss_plugins.engine.hooks import (
    CrossModalSelectionHook,
    FiniteValuesHook,
    FreezeEncoderHook,
    GradientGuidedSamplingHook,
    InputSpecificationHook,
    IterationSeedHook,
    LabelNoiseReportHook,
    MultiBandVisualizationHook,
    ResumeValidationHook,
    RunCheckHook,
    SelectionPanelsHook,
    SSLHealthHook,
    TransferReportHook,
    UnfreezeEncoderHook,
)
from mmss_plugins.engine.loops import NonEmptyEpochTrainLoop
from mmss_plugins.engine.optimizers import LARC, LayerDecayOptimWrapperConstructor
from mmss_plugins.engine.samplers import EpochSeededSampler
from mmss_plugins.engine.schedulers import CosineWarmRestartLR, LinearWarmUpLR

__all__ = [
    'AnyDeviceDistributedDataParallel',
    'CosineWarmRestartLR',
    'CrossModalSelectionHook',
    'EpochSeededSampler',
    'FiniteValuesHook',
    'FreezeEncoderHook',
    'GradientGuidedSamplingHook',
    'InputSpecificationHook',
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
    'SelectionPanelsHook',
    'TransferReportHook',
    'UnfreezeEncoderHook',
]
