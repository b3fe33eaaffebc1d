"""DFC2020, land cover from Sentinel-1 and Sentinel-2."""

from __future__ import annotations

from typing import ClassVar

from mmss_plugins.datasets.sentinel_store_dataset import SentinelStoreDataset
from mmss_plugins.land_cover import DFC2020_CLASSES, DYNAMIC_WORLD_PALETTE
from mmss_plugins.registry import DATASETS


@DATASETS.register_module()
class DFC2020Dataset(SentinelStoreDataset):
    """Sentinel-1/2 patches with eight land-cover classes, in Dynamic World's order.

    The 'validation' split (986 patches) is for training, the 'test' split (5128) for testing, as
    in CromSS. Simplified IGBP classes become indices in preparation; savanna, snow and unlabelled
    pixels are 255 (ignored). Source: Robinson et al. 2021,
    https://doi.org/10.1109/JSTARS.2021.3063849.

    Args:
        **kwargs: Of :class:`SentinelStoreDataset`.
    """

    METAINFO: ClassVar[dict] = {
        'classes': DFC2020_CLASSES,
        'palette': [list(colour) for colour in DYNAMIC_WORLD_PALETTE[:8]],
    }
