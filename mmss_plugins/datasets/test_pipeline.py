"""Pipelines at test: the image may be transformed, its label stays as it is.

Predictions are brought back to the image as it was and compared with the label there.
MMSegmentation gets this by loading the label last in the pipeline. Here the label comes with the
sample, so it is kept apart while the pipeline runs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dataset import BaseDataset, Compose
from mmengine.structures import BaseDataElement, PixelData

PACKED = {'gt_seg_map': 'gt_sem_seg', 'clean_seg_map': 'clean_sem_seg'}
# What segmentors do not undo: they cut the padding of their data preprocessor, flip back, and
# resize to the original shape.
NOT_UNDONE = {
    'Albu', 'Albumentations', 'AutoAugment', 'BioMedical3DPad', 'BioMedical3DRandomCrop',
    'BioMedical3DRandomFlip', 'CenterCrop', 'EfficientNetCenterCrop', 'EfficientNetRandomCrop',
    'Pad', 'RandAugment', 'RandomAffine', 'RandomCrop', 'RandomMosaic', 'RandomResizedCrop',
    'RandomResizedCropMultiBand', 'RandomRotFlip', 'RandomRotate', 'RandomRotateMultiBand',
    'Rotate', 'Shear', 'Translate',
}  # fmt: skip
UNDONE = {
    'MultiScaleFlipAug', 'RandomChoiceResize', 'RandomFlip', 'RandomResize', 'Resize', 'ResizeEdge',
    'ResizeShortestEdge', 'ResizeToMultiple',
}  # fmt: skip
_NEEDED = ('ori_shape', 'flip', 'flip_direction')  # metainfo by which it is undone


def steps(transform: object) -> Iterator[object]:
    """All transforms of a pipeline, those within others (test-time augmentation) included."""
    if isinstance(transform, (list, tuple)):
        for part in transform:
            yield from steps(part)
    elif isinstance(transform, Compose):
        yield from steps(transform.transforms)
    else:
        yield transform
        for name in ('transforms', 'subroutines'):
            yield from steps(getattr(transform, name, None) or ())


def _flips_in_a_row(transform: object) -> int:
    """The most flips that an image can go through; alternatives do not add up."""
    if isinstance(transform, (list, tuple)):
        return sum(map(_flips_in_a_row, transform))
    inner = getattr(transform, 'transforms', None) or []
    views = getattr(transform, 'subroutines', None)
    if views is not None or type(transform).__name__ == 'RandomChoice':
        return max(map(_flips_in_a_row, views or inner), default=0)
    return (type(transform).__name__ == 'RandomFlip') + _flips_in_a_row(inner)


def check_test_pipeline(pipeline: Compose, owner: str) -> None:
    """Refuse a pipeline whose effect on the image cannot be undone in the prediction.

    Args:
        pipeline: Of a data set with ``test_mode=True``.
        owner: The data set class, for the message.

    Raises:
        ValueError: Names the transform.
    """
    names = [type(step).__name__ for step in steps(pipeline)]
    for name in names:
        if name in NOT_UNDONE:
            hint = (
                'the data preprocessor pads at test, by its size_divisor'
                if name.endswith('Pad')
                else 'use it in training only'
            )
            raise ValueError(
                f'{owner} with test_mode=True: predictions cannot be brought back to the image as '
                f'it was before {name} of its pipeline: {hint}'
            )
    if not UNDONE.intersection(names):
        return
    if _flips_in_a_row(pipeline) > 1:
        raise ValueError(
            f'{owner} with test_mode=True: its pipeline has several RandomFlip in a row, of which '
            'only the last is recorded and undone in the prediction: give one, whose direction may '
            'be a list'
        )
    for step in steps(pipeline):
        keys = getattr(step, 'meta_keys', None)
        if keys is None:
            continue
        missing = [key for key in _NEEDED if key not in keys]
        if missing:
            raise ValueError(
                f'{owner} with test_mode=True: {type(step).__name__} of its pipeline packs the '
                f'metainfo {list(keys)} without {missing}, by which flips and resizes are undone: '
                'add them to meta_keys'
            )


def check_labels_untouched(dataset: BaseDataset) -> None:
    """Refuse to evaluate a data set that moves labels with the image.

    Raises:
        ValueError: If its own labels run through geometric transforms.
    """
    if dataset.test_mode or not getattr(dataset, 'LABELS_BEFORE_PIPELINE', False):
        return
    moving = [type(s).__name__ for s in steps(dataset.pipeline)]
    moving = sorted((UNDONE | NOT_UNDONE).intersection(moving))
    if moving:
        raise ValueError(
            f'{type(dataset).__name__} is evaluated with {", ".join(moving)} in its pipeline, but '
            'without test_mode=True: labels would be transformed with the image, while predictions '
            'are brought back to the image as it was. Set test_mode=True in the data set'
        )


def check_flips(pipeline: Compose) -> None:
    """Refuse flips that MMSegmentation's own segmentors do not undo.

    Raises:
        ValueError: If there is a diagonal one.
    """
    for step in steps(pipeline):
        direction = getattr(step, 'direction', None)
        directions = [direction] if isinstance(direction, str) else direction or ()
        if type(step).__name__ == 'RandomFlip' and 'diagonal' in directions:
            raise ValueError(
                "RandomFlip with direction='diagonal' in a test pipeline: MMSegmentation's "
                "segmentors undo 'horizontal' and 'vertical' flips only"
            )


def run_test_pipeline(pipeline: Compose, results: dict) -> dict | None:
    """Run a pipeline on a sample, its labels kept apart.

    Args:
        pipeline: The transforms.
        results: The sample, with the label maps that ``seg_fields`` names.

    Returns:
        What the pipeline gives, with the labels as they were: packed into each data sample (there
        are several with test-time augmentation), or in the results where nothing is packed.
    """
    labels = {name: results.pop(name) for name in results.get('seg_fields', ())}
    results['seg_fields'] = []
    packed = pipeline(results)
    if packed is None or not labels:
        return packed
    if 'data_samples' not in packed:
        return {**packed, **labels, 'seg_fields': [*packed.get('seg_fields', ()), *labels]}
    samples = packed['data_samples']
    for sample in [samples] if isinstance(samples, BaseDataElement) else samples:
        for name, label in labels.items():
            data = torch.from_numpy(np.ascontiguousarray(label, dtype=np.int64))[None]
            sample.set_data({PACKED[name]: PixelData(data=data)})
    return packed
