"""Cross-entropy as a registered loss."""

from __future__ import annotations

from mmss_plugins.functional import soft_cross_entropy
from mmss_plugins.models.losses.pixel_loss import PixelLoss
from mmss_plugins.registry import MODELS


@MODELS.register_module()
class SoftCrossEntropyLoss(PixelLoss):
    """Cross-entropy with hard or soft targets and pixel weights.

    Ignored pixels count in neither the sum nor the number that it is divided by.

    The mathematics: :func:`mmss_plugins.functional.soft_cross_entropy`.

    Args:
        loss_weight (float): Weight of this loss. Defaults to 1.0.
        loss_name (str): Name in the log; starts with 'loss_'. Defaults to 'loss_ce'.
    """

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_ce') -> None:
        super().__init__(soft_cross_entropy, loss_weight, loss_name)
