"""From network outputs back to the image as it was before padding, flip and resize."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from torch import Tensor

FLIP_DIMS = {'horizontal': (2,), 'vertical': (1,), 'diagonal': (1, 2)}


def restore_logits(logits: Tensor, metainfo: Mapping, align_corners: bool = False) -> Tensor:
    """Undo the padding, flip and resize that a sample's metainfo tells of.

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


def prediction_fields(answer: Tensor, each: Mapping[str, Tensor]) -> dict[str, PixelData]:
    """The predictions of one sample as the fields of a data sample.

    Args:
        answer: (C, H, W) logits of the model's answer.
        each: (C, H, W) logits of each modality.

    Returns:
        'seg_logits' (C, H, W), 'pred_sem_seg' and 'pred_sem_seg_{modality}' (1, H, W) indices.
    """
    named = {'pred_sem_seg': answer} | {f'pred_sem_seg_{name}': each[name] for name in each}
    return {'seg_logits': PixelData(data=answer)} | {
        key: PixelData(data=logits.argmax(dim=0, keepdim=True)) for key, logits in named.items()
    }


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
