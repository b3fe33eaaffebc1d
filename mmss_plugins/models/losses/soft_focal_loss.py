"""Focal loss as a registered loss."""

from __future__ import annotations

from functools import partial

from mmss_plugins.functional import soft_focal
from mmss_plugins.models.losses.pixel_loss import PixelLoss
from mmss_plugins.registry import MODELS


@MODELS.register_module()
class SoftFocalLoss(PixelLoss):
    """Focal loss of every class against the rest, with hard or soft targets and pixel weights.

    The mathematics: :func:`mmss_plugins.functional.soft_focal`.

    Args:
        gamma (float): How strongly well-classified pixels are discounted. Defaults to 2.0.
        loss_weight (float): Weight of this loss. Defaults to 1.0.
        loss_name (str): Name in the log; starts with 'loss_'. Defaults to 'loss_focal'.
    """

    def __init__(
        self, gamma: float = 2.0, loss_weight: float = 1.0, loss_name: str = 'loss_focal'
    ) -> None:
        if gamma < 0:
            raise ValueError(f'gamma must be >= 0, but got {gamma}')
        super().__init__(partial(soft_focal, gamma=gamma), loss_weight, loss_name)
