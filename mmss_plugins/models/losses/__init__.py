"""Registered losses."""

from .consistency_loss import ConsistencyLoss
from .soft_cross_entropy_loss import SoftCrossEntropyLoss
from .soft_dice_loss import SoftDiceLoss
from .soft_focal_loss import SoftFocalLoss

__all__ = ['ConsistencyLoss', 'SoftCrossEntropyLoss', 'SoftDiceLoss', 'SoftFocalLoss']
