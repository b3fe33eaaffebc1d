"""Transforms for images of any number of bands."""

from .random_rotate_multi_band import RandomRotateMultiBand

__all__ = ['RandomRotateMultiBand']
