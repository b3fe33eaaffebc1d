"""What the segmentation losses have in common."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from mmss_plugins.land_cover import IGNORE_INDEX


class PixelLoss(nn.Module):
    """A function of logits, targets and pixel weights, with the signature of MM's losses.

    Args:
        function (Callable): ``function(logits, target, weight, ignore_mask, ignore_index)``, one of
            :mod:`mmss_plugins.functional`.
        loss_weight (float): Weight of this loss.
        loss_name (str): Name in the log; starts with 'loss_'.
    """

    per_pixel = True  # whether it is a mean over pixels; then the function takes ``reduction``

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
        reduction_override: str | None = None,
        **kwargs,  # noqa: ARG002  (decode heads may pass more)
    ) -> Tensor:
        """The weighted loss of a batch; for the other arguments see the function.

        Args:
            cls_score: (N, C, H, W) logits.
            label: (N, H, W) class indices, also as (N, 1, H, W) as MMSegmentation's pixel samplers
                pass them, or (N, C, H, W) probabilities.
            weight: (N, H, W).
            ignore_index: Class index that is ignored.
            ignore_mask: (N, H, W) bool.
            reduction_override: 'mean' or None for a scalar; 'sum', or 'none' for a map (N, H, W),
                where the loss is a mean over pixels.
            **kwargs: Not used; decode heads may pass more.

        Raises:
            ValueError: If the loss has no such reduction.
        """
        if label.ndim == 4 and not label.is_floating_point():
            label = label.squeeze(1)
        options = {}
        if reduction_override not in (None, 'mean'):
            if not self.per_pixel:
                raise ValueError(
                    f'{type(self).__name__} is computed over all pixels at once and has no '
                    f'reduction {reduction_override!r}: with OHEMPixelSampler, set its thresh (it '
                    'then looks at probabilities, not at losses), or train the head with '
                    'mmss_plugins.SoftCrossEntropyLoss or SoftFocalLoss alone'
                )
            options['reduction'] = reduction_override
        return self.loss_weight * self.function(
            cls_score, label, weight, ignore_mask, ignore_index, **options
        )

    @property
    def loss_name(self) -> str:
        """Name of this loss in the log."""
        return self._loss_name
