"""Backbones."""

from .dofa_vit import DOFAViT
from .dual_backbone import DualBackbone
from .satmae_vit import SatMAEViT
from .stem_resnet import StemResNet

__all__ = ['DOFAViT', 'DualBackbone', 'SatMAEViT', 'StemResNet']
