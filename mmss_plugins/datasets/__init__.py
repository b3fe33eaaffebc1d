"""Data sets."""

from .dfc2020 import DFC2020Dataset
from .legacy_reader import LegacyLMDBReader
from .loveda import LoveDADataset
from .noldo_downstream import NoLDODownstreamDataset
from .noldo_pretrain import NoLDOPretrainDataset
from .potsdam import PotsdamDataset
from .segmentation_store_dataset import SegmentationStoreDataset

__all__ = [
    'DFC2020Dataset',
    'LegacyLMDBReader',
    'LoveDADataset',
    'NoLDODownstreamDataset',
    'NoLDOPretrainDataset',
    'PotsdamDataset',
    'SegmentationStoreDataset',
]
