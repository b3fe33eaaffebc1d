"""What the segmentation losses have in common."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from mmss_plugins.land_cover import IGNORE_INDEX


class PixelLoss(nn.Module):
    """A function of logits, targets and pixel weights, with the signature of MM's losses.

    Args:
        function (Callable): ``function(logits, target, weight, ignore_mask, ignore_index)``, one of
            :mod:`mmss_plugins.models.functional`.
        loss_weight (float): Weight of this loss.
        loss_name (str): Name in the log; starts with 'loss_'.
    """

    def __init__(self, function: Callable[..., Tensor], loss_weight: float, loss_name: str) -> None:
        super().__init__()
        self.function = function
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
        """The weighted loss of a batch, a scalar; for the arguments see the function."""
        return self.loss_weight * self.function(cls_score, label, weight, ignore_mask, ignore_index)

    @property
    def loss_name(self) -> str:
        """Name of this loss in the log."""
        return self._loss_name
