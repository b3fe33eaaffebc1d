"""Hooks."""

from .iteration_seed_hook import IterationSeedHook
from .multi_band_visualization_hook import MultiBandVisualizationHook
from .transfer_report_hook import TransferReportHook

__all__ = ['IterationSeedHook', 'MultiBandVisualizationHook', 'TransferReportHook']
