"""Optimizers, and how their parameter groups are made."""

from .larc import LARC
from .layer_decay_constructor import LayerDecayOptimWrapperConstructor

__all__ = ['LARC', 'LayerDecayOptimWrapperConstructor']
