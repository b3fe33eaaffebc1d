"""Transforms for images of any number of bands."""

from .color_distortion import ColorDistortion
from .load_multi_band_image import LoadMultiBandImage
from .multi_band_distortion import MultiBandDistortion
from .pack_cross_modal_inputs import PackCrossModalInputs
from .random_gaussian_blur import RandomGaussianBlur
from .random_resized_crop_multi_band import RandomResizedCropMultiBand
from .random_rotate_multi_band import RandomRotateMultiBand
from .smoothing_prior import SmoothingPrior

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
