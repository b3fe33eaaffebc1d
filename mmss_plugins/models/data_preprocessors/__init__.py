"""Data preprocessors."""

from .multi_band_seg_data_preprocessor import MultiBandSegDataPreProcessor
from .multi_band_selfsup_data_preprocessor import MultiBandSelfSupDataPreprocessor

__all__ = ['MultiBandSegDataPreProcessor', 'MultiBandSelfSupDataPreprocessor']
