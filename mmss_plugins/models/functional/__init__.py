"""The mathematics of the models as pure tensor functions."""

from .consistency import CONSISTENCY_KINDS, consistency_loss
from .cross_entropy import soft_cross_entropy
from .dice import soft_dice_loss

__all__ = ['CONSISTENCY_KINDS', 'consistency_loss', 'soft_cross_entropy', 'soft_dice_loss']
