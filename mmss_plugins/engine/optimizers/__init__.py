"""Optimizers, and how their parameter groups are made."""

from mmss_plugins.engine.optimizers.larc import LARC
from mmss_plugins.engine.optimizers.layer_decay_constructor import LayerDecayOptimWrapperConstructor

__all__ = ['LARC', 'LayerDecayOptimWrapperConstructor']
