"""Consistency of one modality's predictions with another's."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mmss_plugins.functional.reduction import full_precision, pixel_weights, weighted_mean

CONSISTENCY_KINDS = ('ce', 'kl', 'mse')


def consistency_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    weights: Tensor | None = None,
    kind: str = 'ce',
    valid: Tensor | None = None,
) -> Tensor:
    """Pull the student's predictions to the teacher's: ``sum(loss * W) / sum(W)`` over pixels.

    With q the student's and p the teacher's probabilities, the loss of a pixel is
    'ce': -sum_c p log q; 'kl': sum_c p (log p - log q); 'mse': sum_c (q - p)^2 (sums, not means
    over the classes). Differentiable with respect to ``student_logits`` only. Without weights this
    is the sum over the valid pixels divided by their number; 0 with zero gradients where the
    weights sum to 0.
    Source: CromSS (https://arxiv.org/abs/2405.01217), cross-modal consistency loss.

    Args:
        student_logits: (N, C, H, W), any float dtype; computed in float32 or better.
        teacher_logits: (N, C, H, W); detached here.
        weights: (N, H, W), the teacher's confidence; None is 1 everywhere.
        kind: 'ce', 'kl' or 'mse'.
        valid: (N, H, W) bool, false where a pixel takes part in nothing; None is all.

    Returns:
        A scalar, float32 or float64.

    Raises:
        ValueError: If ``kind`` is unknown or a shape does not fit the logits.
    """
    if kind not in CONSISTENCY_KINDS:
        raise ValueError(f'consistency kind must be one of {CONSISTENCY_KINDS}, but got {kind!r}')
    if student_logits.shape != teacher_logits.shape:
        raise ValueError(
            f'student and teacher logits must have one shape, but got '
            f'{tuple(student_logits.shape)} and {tuple(teacher_logits.shape)}'
        )
    student = full_precision(student_logits)
    teacher = full_precision(teacher_logits.detach())
    if valid is None:
        valid = torch.ones_like(student[:, 0], dtype=torch.bool)
    if kind == 'mse':
        per_pixel = (student.softmax(dim=1) - teacher.softmax(dim=1)).square().sum(dim=1)
    else:
        target = teacher.softmax(dim=1)
        per_pixel = F.cross_entropy(student, target, reduction='none')
        if kind == 'kl':  # minus the teacher's entropy
            per_pixel = per_pixel - F.cross_entropy(teacher, target, reduction='none')
    return weighted_mean(per_pixel, pixel_weights(valid.bool(), weights, student.dtype))
