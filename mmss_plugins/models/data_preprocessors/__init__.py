"""Data preprocessors."""

from .multi_band_seg_data_preprocessor import MultiBandSegDataPreProcessor

__all__ = ['MultiBandSegDataPreProcessor']
