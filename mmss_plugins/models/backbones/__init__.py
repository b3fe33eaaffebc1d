"""Backbones."""

from mmss_plugins.models.backbones.dofa_vit import DOFAViT
from mmss_plugins.models.backbones.dual_backbone import DualBackbone
from mmss_plugins.models.backbones.satmae_vit import SatMAEViT
from mmss_plugins.models.backbones.stem_resnet import StemResNet

__all__ = ['DOFAViT', 'DualBackbone', 'SatMAEViT', 'StemResNet']
