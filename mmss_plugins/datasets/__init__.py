"""Data sets."""

from .dfc2020 import DFC2020Dataset
from .noldo_pretrain import NoLDOPretrainDataset

__all__ = ['DFC2020Dataset', 'NoLDOPretrainDataset']
