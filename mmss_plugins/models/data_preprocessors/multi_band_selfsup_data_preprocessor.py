"""Batches of views with any number of bands."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor
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
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        if (mean is None) != (std is None):
            raise ValueError('mean and std go together: give both or neither')
        if mean is not None and len(mean) != len(std):
            raise ValueError(f'mean has {len(mean)} values, but std has {len(std)}')
        if std is not None and not all(value > 0 for value in std):
            raise ValueError(f'std must be positive for every band, but got {list(std)}')
        self.normalizes = mean is not None
        if self.normalizes:
            self.register_buffer('mean', torch.tensor(mean).view(-1, 1, 1), persistent=False)
            self.register_buffer('std', torch.tensor(std).view(-1, 1, 1), persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:  # noqa: ARG002
        """Make a batch of what the loader gives.

        Args:
            data: ``inputs``: a list with a tensor (B, C, H, W) per view, or a list with a list of B
                tensors (C, H, W) per view, or one tensor (B, C, H, W); and ``data_samples``.
            training: Without effect.

        Returns:
            The same keys: ``inputs`` float on the model's device, a list if a list came.

        Raises:
            ValueError: If the images' band count is not that of ``mean``.
        """
        data = self.cast_data(data)
        views = data['inputs']
        several = not isinstance(views, Tensor)
        views = [self._normalise(view) for view in (views if several else [views])]
        return {
            'inputs': views if several else views[0],
            'data_samples': data.get('data_samples'),
        }

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
