"""Models: registered modules and, in :mod:`~mmss_plugins.models.functional`, their mathematics."""

from .backbones import DOFAViT, DualBackbone, SatMAEViT, StemResNet
from .data_preprocessors import MultiBandSegDataPreProcessor
from .decode_heads import UNetHead
from .losses import ConsistencyLoss, SoftCrossEntropyLoss, SoftDiceLoss
from .segmentors import CrossModalSegmentor

__all__ = [
    'ConsistencyLoss',
    'CrossModalSegmentor',
    'DOFAViT',
    'DualBackbone',
    'MultiBandSegDataPreProcessor',
    'SatMAEViT',
    'SoftCrossEntropyLoss',
    'SoftDiceLoss',
    'StemResNet',
    'UNetHead',
]
