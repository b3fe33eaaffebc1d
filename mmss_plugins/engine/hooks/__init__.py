"""Hooks."""

from .iteration_seed_hook import IterationSeedHook
from .multi_band_visualization_hook import MultiBandVisualizationHook

__all__ = ['IterationSeedHook', 'MultiBandVisualizationHook']
