"""Puts the losses of all branches together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from mmss_plugins.models.segmentors.targets import PixelWeights, SegTargets


def branch_losses(
    logits: Mapping[str, Tensor],
    modalities: Sequence[str],
    targets: SegTargets,
    weights: PixelWeights,
    losses: Iterable[nn.Module],
    consistency: nn.Module | None,
    ignore_index: int,
) -> dict[str, Tensor]:
    """Segmentation losses of each branch, and the modalities' consistency with each other.

    A modality's consistency is the mean over its teachers, all other modalities; each teacher's
    weight applies to its students.

    Args:
        logits: (N, C, H, W) per branch.
        modalities: The branches that teach each other.
        targets: What the segmentation losses learn from.
        weights: Pixel weights.
        losses: Segmentation losses; those of one name are added up.
        consistency: Consistency loss, or None.
        ignore_index: Label that takes part in nothing.

    Returns:
        Scalars ``{branch}.{loss_name}``; their sum is the total loss.
    """
    found: dict[str, Tensor] = {}
    hard = not targets.target.is_floating_point()
    extra = {} if hard else {'ignore_mask': targets.ignored}
    losses = list(losses)
    for student in logits:
        for module in losses:
            loss = module(
                logits[student],
                targets.target,
                weight=weights.segmentation.get(student),
                ignore_index=ignore_index,
                **extra,
            )
            name = f'{student}.{module.loss_name}'
            found[name] = found[name] + loss if name in found else loss
        teachers = [name for name in modalities if name != student and name in logits]
        if consistency is None or student not in modalities or not teachers:
            continue
        pairs = [
            consistency(
                logits[student],
                logits[teacher],
                weight=weights.consistency.get(teacher),
                valid=~targets.ignored,
            )
            for teacher in teachers
        ]
        found[f'{student}.{consistency.loss_name}'] = torch.stack(pairs).mean()
    return found


@torch.no_grad()
def accuracies(
    logits: Mapping[str, Tensor], modalities: Sequence[str], labels: Tensor, ignore_index: int
) -> dict[str, Tensor]:
    """How often the branches agree with the labels, and the modalities with each other.

    Args:
        logits: (N, C, H, W) per branch.
        modalities: The branches whose agreement with each other is asked for.
        labels: (N, H, W) class indices.
        ignore_index: Label that counts nowhere.

    Returns:
        Percent of the valid pixels: '{branch}.acc_seg', and with several modalities 'agreement',
        the mean over all pairs.
    """
    valid = labels != ignore_index
    total = valid.sum().clamp_min(1)
    # max is several times as fast as argmax over the channels on CPUs
    classes = {name: z.max(dim=1).indices for name, z in logits.items()}
    found = {
        f'{name}.acc_seg': 100 * ((indices == labels) & valid).sum() / total
        for name, indices in classes.items()
    }
    pairs = [
        ((classes[a] == classes[b]) & valid).sum()
        for i, a in enumerate(modalities)
        for b in modalities[i + 1 :]
    ]
    if pairs:
        found['agreement'] = 100 * torch.stack(pairs).sum() / (len(pairs) * total)
    return found
