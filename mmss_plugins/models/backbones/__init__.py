"""Backbones."""

from .stem_resnet import StemResNet

__all__ = ['StemResNet']
