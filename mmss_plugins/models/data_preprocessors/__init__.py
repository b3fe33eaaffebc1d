"""Data preprocessors."""

from mmss_plugins.models.data_preprocessors.multi_band_seg_data_preprocessor import (
    MultiBandSegDataPreProcessor,
)
from mmss_plugins.models.data_preprocessors.multi_band_selfsup_data_preprocessor import (
    MultiBandSelfSupDataPreprocessor,
)

__all__ = ['MultiBandSegDataPreProcessor', 'MultiBandSelfSupDataPreprocessor']
