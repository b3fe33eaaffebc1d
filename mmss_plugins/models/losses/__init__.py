"""Registered losses."""

from mmss_plugins.models.losses.consistency_loss import ConsistencyLoss
from mmss_plugins.models.losses.soft_cross_entropy_loss import SoftCrossEntropyLoss
from mmss_plugins.models.losses.soft_dice_loss import SoftDiceLoss
from mmss_plugins.models.losses.soft_focal_loss import SoftFocalLoss

__all__ = ['ConsistencyLoss', 'SoftCrossEntropyLoss', 'SoftDiceLoss', 'SoftFocalLoss']
