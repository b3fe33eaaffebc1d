"""Models: registered modules and, in :mod:`~mmss_plugins.models.functional`, their mathematics."""

from .backbones import DOFAViT, DualBackbone, SatMAEViT, StemResNet
from .data_preprocessors import MultiBandSegDataPreProcessor, MultiBandSelfSupDataPreprocessor
from .decode_heads import UNetHead
from .heads import InfoNCEHead
from .losses import ConsistencyLoss, SoftCrossEntropyLoss, SoftDiceLoss, SoftFocalLoss
from .necks import ProjectionNeck
from .segmentors import CrossModalSegmentor
from .selfsup import GraSS

__all__ = [
    'ConsistencyLoss',
    'CrossModalSegmentor',
    'DOFAViT',
    'DualBackbone',
    'GraSS',
    'InfoNCEHead',
    'MultiBandSegDataPreProcessor',
    'MultiBandSelfSupDataPreprocessor',
    'ProjectionNeck',
    'SatMAEViT',
    'SoftCrossEntropyLoss',
    'SoftDiceLoss',
    'SoftFocalLoss',
    'StemResNet',
    'UNetHead',
]
