"""Batches of images with any number of bands."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from mmseg.utils import stack_batch

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.registry import MODELS

UINT8_MAX = 255.0


@MODELS.register_module()
class MultiBandSegDataPreProcessor(BaseDataPreprocessor):
    """Move a batch to the device, bring it to float, pad and stack it.

    8-bit images are divided by 255, others are taken as they are (the data sets have normalised
    them); then, if given, ``mean`` is subtracted and ``std`` divided by, per band. In training,
    labels are padded with the images (``gt_sem_seg`` and ``clean_sem_seg`` with ``seg_pad_val``,
    ``smoothing_prior`` with 0); at inference they stay as they are, and the metainfo says
    how much to cut from the predictions (``img_padding_size``), as MMSegmentation's does.

    Args:
        mean: Per band, in the units after the division by 255; None to leave it.
        std: Per band; given if and only if ``mean`` is.
        size: Pad training images to this (H, W).
        size_divisor: Pad training images to a multiple of it. The default pads to the batch's
            largest image only.
        pad_val: Value of padded image pixels.
        seg_pad_val: Value of padded label pixels.
        test_cfg: ``dict(size=..., size_divisor=...)`` for inference; by default as in training,
            but for ``size``.
    """

    def __init__(
        self,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        size: tuple[int, int] | None = None,
        size_divisor: int | None = None,
        pad_val: float = 0.0,
        seg_pad_val: int = IGNORE_INDEX,
        test_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__()
        if kwargs:
            raise TypeError(
                f'MultiBandSegDataPreProcessor has no arguments {sorted(kwargs)}: it makes batches '
                'for segmentation. An image classifier (which adds batch_augments) takes '
                'mmss_plugins.MultiBandSelfSupDataPreprocessor; bands stay in their order, so '
                'it has no bgr_to_rgb and rgb_to_bgr'
            )
        if (mean is None) != (std is None):
            raise ValueError('mean and std go together: give both or neither')
        if mean is not None and std is not None and len(mean) != len(std):
            raise ValueError(f'mean has {len(mean)} values, but std has {len(std)}')
        if size is not None and size_divisor is not None:
            raise ValueError('size and size_divisor exclude each other')
        self.normalizes = mean is not None
        if self.normalizes:
            self.register_buffer('mean', torch.tensor(mean).view(-1, 1, 1), persistent=False)
            self.register_buffer('std', torch.tensor(std).view(-1, 1, 1), persistent=False)
        self.padding = {'size': size, 'size_divisor': size_divisor}
        self.test_padding = test_cfg if test_cfg is not None else {'size_divisor': size_divisor}
        self.pad_val = pad_val
        self.seg_pad_val = seg_pad_val

    def forward(self, data: dict, training: bool = False) -> dict:
        """Make a batch of what the loader gives.

        Args:
            data: ``inputs``, a list of N tensors (C, H, W) or one tensor (N, C, H, W); and
                ``data_samples``, a list of N or None.
            training: Choose the training or the inference padding.

        Returns:
            The same keys: ``inputs`` float (N, C, H, W) on the model's device.

        Raises:
            ValueError: If the images' band count is not that of ``mean``.
        """
        data = self.cast_data(data)
        images = [self._normalise(image) for image in data['inputs']]
        samples = data.get('data_samples')
        padding = {key: value for key, value in self._padding(training).items() if value}
        inputs, padded = stack_batch(
            images,
            samples if training else None,  # labels are compared with unpadded predictions
            pad_val=self.pad_val,
            seg_pad_val=self.seg_pad_val,
            **(padding or {'size_divisor': 1}),
        )
        if samples is None:
            return {'inputs': inputs, 'data_samples': None}
        pad_shape = tuple(inputs.shape[-2:])
        if training:
            for sample in samples:
                pad_map(sample, 'smoothing_prior', pad_shape, 0)
                pad_map(sample, 'clean_sem_seg', pad_shape, self.seg_pad_val)
        for image, sample, pads in zip(images, samples, padded, strict=True):
            sample.set_metainfo({'pad_shape': pad_shape})
            if not training:
                sample.set_metainfo(
                    {
                        'img_shape': tuple(image.shape[-2:]),
                        'img_padding_size': pads['img_padding_size'],
                    }
                )
        return {'inputs': inputs, 'data_samples': samples}

    def _padding(self, training: bool) -> dict:
        return self.padding if training else self.test_padding

    def _normalise(self, image: torch.Tensor) -> torch.Tensor:
        eight_bit = image.dtype == torch.uint8
        image = image.float() / UINT8_MAX if eight_bit else image.float()
        if not self.normalizes:
            return image
        if image.shape[0] != self.mean.shape[0]:
            raise ValueError(
                f'the data preprocessor has mean and std of {self.mean.shape[0]} bands, '
                f'but the image has {image.shape[0]}'
            )
        return (image - self.mean) / self.std


def pad_map(sample: SegDataSample, name: str, shape: tuple[int, int], value: float) -> None:
    """Pad a map of a sample at the right and at the bottom, if the sample has it.

    Args:
        sample: Changed in place.
        name: The PixelData (C, H, W).
        shape: The height and width to reach.
        value: What to fill in.
    """
    if name in sample:
        data = sample.get(name).data
        padding = (0, shape[1] - data.shape[-1], 0, shape[0] - data.shape[-2])
        sample.set_field(PixelData(data=F.pad(data, padding, value=value)), name)
