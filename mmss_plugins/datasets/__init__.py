"""Data sets."""

from mmss_plugins.datasets.dfc2020 import DFC2020Dataset
from mmss_plugins.datasets.loveda import LoveDADataset, LoveDAStoreDataset
from mmss_plugins.datasets.noldo_downstream import NoLDODownstreamDataset
from mmss_plugins.datasets.noldo_pretrain import NoLDOPretrainDataset
from mmss_plugins.datasets.potsdam import PotsdamDataset, PotsdamStoreDataset
from mmss_plugins.datasets.segmentation_store_dataset import SegmentationStoreDataset

__all__ = [
    'DFC2020Dataset',
    'LoveDADataset',
    'LoveDAStoreDataset',
    'NoLDODownstreamDataset',
    'NoLDOPretrainDataset',
    'PotsdamDataset',
    'PotsdamStoreDataset',
    'SegmentationStoreDataset',
]
