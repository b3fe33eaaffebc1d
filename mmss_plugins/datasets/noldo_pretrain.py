"""SSL4EO-S12@NoL, the pretraining part of NoLDO-S12."""

from __future__ import annotations

from typing import ClassVar

from mmss_plugins.datasets.sentinel_store_dataset import SentinelStoreDataset
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES, DYNAMIC_WORLD_PALETTE
from mmss_plugins.registry import DATASETS


@DATASETS.register_module()
class NoLDOPretrainDataset(SentinelStoreDataset):
    """Sentinel-1/2 patches of 103,793 places in four seasons, with Dynamic World's noisy labels.

    Classes 0..8 are Dynamic World's; there is no ignored value in the labels themselves.
    Source: Liu et al. 2025, CromSS, https://arxiv.org/abs/2405.01217 (data set NoLDO-S12).

    Args:
        modality: 's1', 's2' or 's12' (both, as cross-modal pretraining needs).
        season: 0..3, or 'random' for another season of the place each time.
        **kwargs: Of :class:`SentinelStoreDataset`.
    """

    METAINFO: ClassVar[dict] = {
        'classes': DYNAMIC_WORLD_CLASSES,
        'palette': [list(colour) for colour in DYNAMIC_WORLD_PALETTE],
    }

    def __init__(
        self, data_root: str, modality: str = 's12', season: int | str = 'random', **kwargs
    ) -> None:
        super().__init__(data_root, modality=modality, season=season, **kwargs)
