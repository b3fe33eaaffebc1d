"""Models: registered modules and, in :mod:`~mmss_plugins.models.functional`, their mathematics."""

from .backbones import DualBackbone, StemResNet
from .data_preprocessors import MultiBandSegDataPreProcessor
from .decode_heads import UNetHead
from .losses import ConsistencyLoss, SoftCrossEntropyLoss, SoftDiceLoss
from .segmentors import CrossModalSegmentor

__all__ = [
    'ConsistencyLoss',
    'CrossModalSegmentor',
    'DualBackbone',
    'MultiBandSegDataPreProcessor',
    'SoftCrossEntropyLoss',
    'SoftDiceLoss',
    'StemResNet',
    'UNetHead',
]
