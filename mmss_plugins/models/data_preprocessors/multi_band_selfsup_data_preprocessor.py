"""Batches of views with any number of bands."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
from mmpretrain.models.utils.batch_augments import RandomBatchAugment
from torch import Tensor

from mmss_plugins.registry import MODELS


@MODELS.register_module()
class MultiBandSelfSupDataPreprocessor(BaseDataPreprocessor):
    """Move the views of a batch to the device, bring them to float and normalise them.

    MMPretrain's takes images of one or three bands only. Values stay in the units in which they
    come (8-bit images in 0..255); bands stay in their order.

    Args:
        mean: Per band, or one value for all bands, in the images' units; None to leave it.
        std: The same; given if and only if ``mean`` is.
        non_blocking: Whether copies to the device need not be waited for.
        batch_augments: For MMPretrain's image classifiers, which pass their ``train_cfg`` here:
            Mixup, CutMix and the like for batches in training, arguments of its
            ``RandomBatchAugment``. Defaults to None.
        num_classes: For ``batch_augments``; without it, the samples' ``num_classes`` counts.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        non_blocking: bool = False,
        batch_augments: dict | None = None,
        num_classes: int | None = None,
    ) -> None:
        super().__init__(non_blocking)
        if (mean is None) != (std is None):
            raise ValueError('mean and std go together: give both or neither')
        if mean is not None and std is not None and len(mean) != len(std):
            raise ValueError(f'mean has {len(mean)} values, but std has {len(std)}')
        if std is not None and not all(value > 0 for value in std):
            raise ValueError(f'std must be positive for every band, but got {list(std)}')
        self.batch_augments = RandomBatchAugment(**batch_augments) if batch_augments else None
        self.num_classes = num_classes
        self.normalizes = mean is not None
        if self.normalizes:
            self.register_buffer('mean', torch.tensor(mean).view(-1, 1, 1), persistent=False)
            self.register_buffer('std', torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make a batch of what the loader gives.

        Args:
            data: ``inputs``: a list with a tensor (B, C, H, W) per view, or a list with a list of B
                tensors (C, H, W) per view, or one tensor (B, C, H, W); and ``data_samples``.
            training: Whether to apply ``batch_augments``.

        Returns:
            The same keys: ``inputs`` float on the model's device, a list if a list came.

        Raises:
            ValueError: If the images' band count is not that of ``mean``, or ``batch_augments``
                are given and the batch has no class labels.
        """
        data = self.cast_data(data)
        views = data['inputs']
        # several views are a list of batches; the pseudo_collate of classifiers lists images
        several = not isinstance(views, Tensor)
        if several and isinstance(views[0], Tensor) and views[0].ndim == 3:
            views, several = torch.stack(list(views)), False
        views = [self._normalise(view) for view in (views if several else [views])]
        inputs, samples = views if several else views[0], data.get('data_samples')
        if training and self.batch_augments is not None:
            inputs = self._augment(inputs, samples, self.batch_augments)
        return {'inputs': inputs, 'data_samples': samples}

    def _augment(
        self, inputs: Tensor | list, samples: Sequence | None, augment: RandomBatchAugment
    ) -> Tensor:
        """Mix the images (N, C, H, W); the samples get the mixed classes as ``gt_score``."""
        labelled = samples and all('gt_label' in sample for sample in samples)
        if not isinstance(inputs, Tensor) or not samples or not labelled:
            raise ValueError(
                'batch_augments mix the images and class labels of an image classifier, but the '
                'batch has several views or samples without gt_label: remove batch_augments (the '
                "classifier's train_cfg)"
            )
        classes = self.num_classes or samples[0].get('num_classes')
        if classes is None:
            raise ValueError('batch_augments need num_classes of the data preprocessor')
        scores = inputs.new_zeros(len(samples), classes)
        for row, sample in zip(scores, samples, strict=True):
            row[sample.gt_label.to(row.device)] = 1
        mixed, scores = augment(inputs, scores)
        for sample, score in zip(samples, scores, strict=True):
            sample.set_gt_score(score)
        return mixed

    def _normalise(self, view: Tensor | Sequence[Tensor]) -> Tensor:
        images = view if isinstance(view, Tensor) else torch.stack(list(view))
        if not self.normalizes:
            return images.float()
        if len(self.mean) not in (1, images.shape[-3]):
            raise ValueError(
                f'the data preprocessor has mean and std of {len(self.mean)} bands, but the images '
                f'have {images.shape[-3]}'
            )
        return (images.float() - self.mean) / self.std
