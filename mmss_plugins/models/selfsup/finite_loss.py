"""Refuses losses that are not finite, and says where they come from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.logging import MessageHub
from torch import Tensor

from mmss_plugins.models.segmentors.batch_checks import sample_names


@torch.no_grad()
def check_finite_loss(
    loss: Tensor, stage: str, views: Sequence[Tensor], data_samples: Sequence | None = None
) -> None:
    """Refuse a loss that is not finite; waits for the device once.

    Args:
        loss: A scalar.
        stage: To name it.
        views: (B, C, H, W) each. Batch statistics carry a bad value from its sample to all others,
            so only the inputs identify the sample.
        data_samples: B samples, to name them by ``sample_id`` or ``img_path``.

    Raises:
        FloatingPointError: If it is not; the message names iteration, stage and samples.
    """
    if loss.isfinite():
        return
    iteration = MessageHub.get_current_instance().get_info('iter')
    place = f'iteration {iteration + 1}, ' if iteration is not None else ''
    message = f'the loss is {loss.item()} ({place}stage {stage}). '
    finite = torch.stack([view.flatten(1).isfinite().all(dim=1).cpu() for view in views]).all(dim=0)
    if not finite.all():
        raise FloatingPointError(
            f'{message}Views of the samples {sample_names(data_samples, ~finite)} hold values that '
            'are no numbers: correct these samples, or remove them from the data set'
        )
    raise FloatingPointError(
        f'{message}The inputs of this process are fine, so the training diverged: lower the '
        'learning rate, or warm it up for longer'
    )
