"""Hooks, samplers and what else drives a run."""

from .hooks import IterationSeedHook, MultiBandVisualizationHook, TransferReportHook
from .samplers import EpochSeededSampler

__all__ = [
    'EpochSeededSampler',
    'IterationSeedHook',
    'MultiBandVisualizationHook',
    'TransferReportHook',
]
