"""Transforms for images of any number of bands."""

from .pack_cross_modal_inputs import PackCrossModalInputs
from .random_rotate_multi_band import RandomRotateMultiBand
from .smoothing_prior import SmoothingPrior

__all__ = ['PackCrossModalInputs', 'RandomRotateMultiBand', 'SmoothingPrior']
