"""Cross-modal consistency as a registered loss."""

from __future__ import annotations

from torch import Tensor, nn

from mmss_plugins.functional import CONSISTENCY_KINDS, consistency_loss
from mmss_plugins.registry import MODELS


@MODELS.register_module()
class ConsistencyLoss(nn.Module):
    """Pulls one modality's predictions to another's, which are held fixed.

    Args:
        kind (str): 'ce', 'kl' or 'mse'. Defaults to 'ce'.
        loss_weight (float): Weight of this loss. Defaults to 1.0.
        loss_name (str): Name in the log; starts with 'loss_'. Defaults to 'loss_consistency'.
    """

    def __init__(
        self,
        kind: str = 'ce',
        loss_weight: float = 1.0,
        loss_name: str = 'loss_consistency',
    ) -> None:
        super().__init__()
        if kind not in CONSISTENCY_KINDS:
            raise ValueError(f'kind must be one of {CONSISTENCY_KINDS}, but got {kind!r}')
        self.kind = kind
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    def forward(
        self,
        student_logits: Tensor,
        teacher_logits: Tensor,
        weight: Tensor | None = None,
        valid: Tensor | None = None,
    ) -> Tensor:
        """See :func:`~mmss_plugins.functional.consistency_loss`."""
        return self.loss_weight * consistency_loss(
            student_logits, teacher_logits, weight, self.kind, valid
        )

    @property
    def loss_name(self) -> str:
        """Name of this loss in the log."""
        return self._loss_name
