"""Backbones."""

from .dual_backbone import DualBackbone
from .stem_resnet import StemResNet

__all__ = ['DualBackbone', 'StemResNet']
