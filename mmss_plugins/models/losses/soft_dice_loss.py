"""Soft Dice as a registered loss."""

from __future__ import annotations

from mmss_plugins.functional import soft_dice_loss
from mmss_plugins.models.losses.pixel_loss import PixelLoss
from mmss_plugins.registry import MODELS


@MODELS.register_module()
class SoftDiceLoss(PixelLoss):
    """Soft Dice over the batch, with hard or soft targets and pixel weights.

    The mathematics: :func:`mmss_plugins.functional.soft_dice_loss`.

    Args:
        loss_weight (float): Weight of this loss. Defaults to 1.0.
        loss_name (str): Name in the log; starts with 'loss_'. Defaults to 'loss_dice'.
    """

    per_pixel = False

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_dice') -> None:
        super().__init__(soft_dice_loss, loss_weight, loss_name)
