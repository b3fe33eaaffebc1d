"""Models: registered modules and, in :mod:`~mmss_plugins.functional`, their mathematics."""

from mmss_plugins.models.backbones import DOFAViT, DualBackbone, SatMAEViT, StemResNet
from mmss_plugins.models.data_preprocessors import (
    MultiBandSegDataPreProcessor,
    MultiBandSelfSupDataPreprocessor,
)
from mmss_plugins.models.decode_heads import UNetHead
from mmss_plugins.models.heads import InfoNCEHead
from mmss_plugins.models.losses import (
    ConsistencyLoss,
    SoftCrossEntropyLoss,
    SoftDiceLoss,
    SoftFocalLoss,
)
from mmss_plugins.models.necks import ProjectionNeck
from mmss_plugins.models.segmentors import CrossModalSegmentor
from mmss_plugins.models.selfsup import GraSS

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
