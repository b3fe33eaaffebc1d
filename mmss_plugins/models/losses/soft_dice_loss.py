"""Soft Dice as a registered loss."""

from __future__ import annotations

from torch import Tensor, nn

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.models.functional import soft_dice_loss
from mmss_plugins.registry import MODELS


@MODELS.register_module()
class SoftDiceLoss(nn.Module):
    """Soft Dice over the batch, with hard or soft targets and pixel weights.

    Args:
        loss_weight (float): Weight of this loss. Defaults to 1.0.
        loss_name (str): Name in the log; starts with 'loss_'. Defaults to 'loss_dice'.
    """

    def __init__(self, loss_weight: float = 1.0, loss_name: str = 'loss_dice') -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = IGNORE_INDEX,
        ignore_mask: Tensor | None = None,
        **kwargs,  # noqa: ARG002  (decode heads may pass more)
    ) -> Tensor:
        """See :func:`~mmss_plugins.models.functional.soft_dice_loss`."""
        return self.loss_weight * soft_dice_loss(
            cls_score, label, weight, ignore_mask, ignore_index
        )

    @property
    def loss_name(self) -> str:
        """Name of this loss in the log."""
        return self._loss_name
