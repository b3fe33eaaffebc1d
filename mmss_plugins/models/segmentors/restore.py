"""From network outputs back to the image as it was before padding, flip and resize."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor

FLIP_DIMS = {'horizontal': (2,), 'vertical': (1,), 'diagonal': (1, 2)}


def restore_logits(logits: Tensor, metainfo: Mapping, align_corners: bool = False) -> Tensor:
    """Undo the padding, flip and resize that a sample's metainfo names.

    Args:
        logits: (C, H, W) of one sample.
        metainfo: MM's image metainfo. Used where present: 'img_padding_size' or 'padding_size'
            (left, right, top, bottom), 'flip' with 'flip_direction', 'ori_shape' (H, W).
        align_corners: Of the bilinear resize.

    Returns:
        (C, ori_H, ori_W).

    Raises:
        ValueError: If the flip direction is unknown.
    """
    padding = metainfo.get('img_padding_size', metainfo.get('padding_size', (0, 0, 0, 0)))
    left, right, top, bottom = padding
    height, width = logits.shape[1:]
    logits = logits[:, top : height - bottom, left : width - right]
    if metainfo.get('flip'):
        direction = metainfo.get('flip_direction')
        if direction not in FLIP_DIMS:
            raise ValueError(
                f'flip_direction must be one of {list(FLIP_DIMS)}, but got {direction!r}'
            )
        logits = logits.flip(dims=FLIP_DIMS[direction])
    size = tuple(metainfo.get('ori_shape', logits.shape[1:]))[:2]
    if size != tuple(logits.shape[1:]):
        logits = F.interpolate(
            logits[None], size=size, mode='bilinear', align_corners=align_corners
        )[0]
    return logits


def restore_samples(
    logits: Tensor, data_samples: Sequence[BaseDataElement], align_corners: bool = False
) -> list[Tensor]:
    """:func:`restore_logits` of each sample of a batch (N, C, H, W)."""
    return [
        restore_logits(item, sample.metainfo, align_corners)
        for item, sample in zip(logits, data_samples, strict=True)
    ]


def mean_probability_logits(logits: list[Tensor]) -> Tensor:
    """Logits whose softmax is the mean of the softmax probabilities of several predictions.

    Args:
        logits: One or more tensors (N, C, H, W).

    Returns:
        (N, C, H, W) log-probabilities; a single tensor is returned as it is.
    """
    if len(logits) == 1:
        return logits[0]
    log_probabilities = torch.stack([item.log_softmax(dim=1) for item in logits])
    return log_probabilities.logsumexp(dim=0) - math.log(len(logits))


def prediction_fields(output: Tensor, branches: Mapping[str, Tensor]) -> dict[str, PixelData]:
    """The predictions of one sample as the fields of a data sample.

    Args:
        output: (C, H, W) logits of the model's output.
        branches: (C, H, W) logits of each branch.

    Returns:
        'seg_logits' (C, H, W), 'pred_sem_seg' and 'pred_sem_seg_{branch}' (1, H, W) indices.
    """
    named = {'pred_sem_seg': output} | {f'pred_sem_seg_{n}': z for n, z in branches.items()}
    return {'seg_logits': PixelData(data=output)} | {
        key: PixelData(data=logits.argmax(dim=0, keepdim=True)) for key, logits in named.items()
    }


def set_predictions(
    data_samples: Sequence[BaseDataElement],
    output: Tensor,
    logits: Mapping[str, Tensor],
    align_corners: bool = False,
) -> dict[str, list[Tensor]]:
    """Write the predictions of a batch into its samples, see :func:`prediction_fields`.

    Args:
        data_samples: N samples.
        output: (N, C, H, W) logits of the model's output.
        logits: (N, C, H, W) of each branch.
        align_corners: Of the bilinear resize.

    Returns:
        The logits (C, ori_H, ori_W) of each branch and sample.
    """
    restored = {
        name: restore_samples(batch, data_samples, align_corners) for name, batch in logits.items()
    }
    outputs = restore_samples(output, data_samples, align_corners)
    for index, sample in enumerate(data_samples):
        branches = {name: items[index] for name, items in restored.items()}
        sample.set_data(prediction_fields(outputs[index], branches))
    return restored


def pad_to_common_size(maps: list[Tensor], value: float) -> Tensor:
    """Stack maps of different sizes, padded at the right and bottom.

    Args:
        maps: Tensors (..., H_i, W_i) that differ in H and W only.
        value: Fill value.

    Returns:
        (len(maps), ..., max H_i, max W_i).
    """
    height = max(item.shape[-2] for item in maps)
    width = max(item.shape[-1] for item in maps)
    return torch.stack(
        [
            F.pad(item, (0, width - item.shape[-1], 0, height - item.shape[-2]), value=value)
            for item in maps
        ]
    )


def common_size(
    restored: Mapping[str, list[Tensor]],
    branches: Collection[str],
    data_samples: Sequence[BaseDataElement],
    ignore_index: int,
) -> tuple[dict[str, Tensor], Tensor]:
    """Logits and labels of samples of different sizes as one batch, padded with ignored pixels.

    Args:
        restored: (C, H_i, W_i) logits per branch and sample.
        branches: All branches of the model.
        data_samples: With ``gt_sem_seg`` (1, H_i, W_i).
        ignore_index: Label of the padding.

    Returns:
        (N, C, H, W) per branch, and (N, H, W).

    Raises:
        ValueError: If the input held the channels of some branches only.
    """
    if len(restored) < len(branches):
        raise ValueError(
            f'test_cfg.val_loss needs the channels of all branches {tuple(branches)}, but the '
            f'input holds {tuple(restored)} only'
        )
    labels = [sample.gt_sem_seg.data.squeeze(0) for sample in data_samples]
    logits = {name: pad_to_common_size(items, 0) for name, items in restored.items()}
    return logits, pad_to_common_size(labels, ignore_index)
