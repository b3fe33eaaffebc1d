"""Refuses batches from which nothing can be learnt, and names the samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

_SHOWN = 5  # labels named per sample
_IMAGE_DIMS = 3  # (C, H, W)


@torch.no_grad()
def check_finite(
    logits: Mapping[str, Tensor],
    data_samples: Sequence[BaseDataElement] | None = None,
    inputs: Tensor | None = None,
) -> None:
    """Refuse logits that are not finite; waits for the device once.

    Args:
        logits: (N, C, H, W) per branch.
        data_samples: N samples, to name them by ``sample_id`` or ``img_path``.
        inputs: (N, C, H, W) that the logits come from. Batch statistics carry a bad value from its
            sample to all others, so only the inputs identify the sample.

    Raises:
        FloatingPointError: If there are any; the message names branches and samples.
    """
    flat = [z.flatten(1) for z in logits.values()]
    # smallest and largest carry any NaN and infinity, in a fraction of isfinite's time
    ends = torch.stack([torch.stack((z.amax(dim=1), z.amin(dim=1))).float() for z in flat])
    finite = ends.isfinite().all(dim=1).cpu()
    if finite.all():
        return
    bad = [
        f'{name} (samples {sample_names(data_samples, ~row)})'
        for name, row in zip(logits, finite, strict=True)
        if not row.all()
    ]
    message = f'logits are not finite: {"; ".join(bad)}. '
    broken = ~inputs.flatten(1).isfinite().all(dim=1).cpu() if inputs is not None else None
    if broken is not None and broken.any():
        raise FloatingPointError(
            f'{message}The inputs of the samples {sample_names(data_samples, broken)} hold values '
            'that are no numbers: correct these samples, or remove them from the data set'
        )
    where = 'Look at these samples for values that are no numbers; if they are fine, the'
    raise FloatingPointError(
        f'{message}{where if inputs is None else "The inputs are fine, so the"} training diverged: '
        'lower the learning rate, or clip gradients'
    )


@torch.no_grad()
def check_labels(
    labels: Tensor,
    num_classes: int,
    ignore_index: int,
    data_samples: Sequence[BaseDataElement] | None = None,
) -> None:
    """Refuse labels that are neither a class nor ignored; waits for the device once.

    Args:
        labels: (N, H, W).
        num_classes: C.
        ignore_index: Label that takes part in nothing.
        data_samples: N samples, to name them.

    Raises:
        ValueError: If there are any; the message names samples and labels.
    """
    indices = labels.masked_fill(labels == ignore_index, 0).flatten(1)
    wrong = ((indices.amin(dim=1) < 0) | (indices.amax(dim=1) >= num_classes)).cpu()
    if not wrong.any():
        return
    found = indices[wrong.to(indices.device)].unique()
    found = found[(found < 0) | (found >= num_classes)][:_SHOWN].tolist()
    raise ValueError(
        f'expected labels 0..{num_classes - 1}, or {ignore_index} for ignored pixels, but found '
        f'{found} in the samples {sample_names(data_samples, wrong)}: compare num_classes and '
        "ignore_index of the decode head with the data set's classes, and seg_pad_val of the data "
        'preprocessor with ignore_index'
    )


def finite_samples(inputs: Tensor | Sequence) -> Tensor:
    """Which samples of a batch hold finite values only.

    Args:
        inputs: As a data loader gives them: (N, C, H, W); N images (C, H, W), which may differ in
            size; or a sequence of views, each of which is one of these.

    Returns:
        (N,) bool, on the CPU.
    """
    if isinstance(inputs, Tensor):
        return torch.tensor([_finite(image) for image in inputs])
    if all(isinstance(item, Tensor) and item.ndim <= _IMAGE_DIMS for item in inputs):
        return torch.tensor([_finite(image) for image in inputs])
    return torch.stack([finite_samples(view) for view in inputs]).all(dim=0)


def non_finite_names(tensors: Iterable[tuple[str, Tensor]]) -> list[str]:
    """Names of the floating-point tensors that hold a value that is not finite."""
    return [name for name, tensor in tensors if not _finite(tensor.detach())]


def _finite(tensor: Tensor) -> bool:
    if not tensor.is_floating_point() or tensor.sum().isfinite():  # a sum takes a fraction of the
        return True  # time, and is finite only if all values are
    return bool(tensor.isfinite().all())


def sample_names(data_samples: Sequence[BaseDataElement] | None, chosen: Tensor) -> str:
    """The chosen (N,) bool of N samples, by ``sample_id`` or ``img_path`` where they have it."""
    names = []
    for index in chosen.nonzero().flatten().tolist():
        meta = data_samples[index].metainfo if data_samples is not None else {}
        number = f'number {index} of the batch'
        names.append(str(meta.get('sample_id', meta.get('img_path', number))))
    return ', '.join(names)
