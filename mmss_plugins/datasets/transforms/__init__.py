"""Transforms for images of any number of bands."""

from mmss_plugins.datasets.transforms.color_distortion import ColorDistortion
from mmss_plugins.datasets.transforms.load_multi_band_image import LoadMultiBandImage
from mmss_plugins.datasets.transforms.multi_band_distortion import MultiBandDistortion
from mmss_plugins.datasets.transforms.pack_cross_modal_inputs import PackCrossModalInputs
from mmss_plugins.datasets.transforms.random_gaussian_blur import RandomGaussianBlur
from mmss_plugins.datasets.transforms.random_resized_crop_multi_band import (
    RandomResizedCropMultiBand,
)
from mmss_plugins.datasets.transforms.random_rotate_multi_band import RandomRotateMultiBand
from mmss_plugins.datasets.transforms.smoothing_prior import SmoothingPrior

__all__ = [
    'ColorDistortion',
    'LoadMultiBandImage',
    'MultiBandDistortion',
    'PackCrossModalInputs',
    'RandomGaussianBlur',
    'RandomResizedCropMultiBand',
    'RandomRotateMultiBand',
    'SmoothingPrior',
]
