"""SSL4EO-S12@DW and @OSM, land cover and land use from Sentinel-1 and Sentinel-2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmss_plugins.datasets.sentinel_store_dataset import SentinelStoreDataset
from mmss_plugins.land_cover import (
    DYNAMIC_WORLD_CLASSES,
    DYNAMIC_WORLD_PALETTE,
    OSM_CLASSES,
    OSM_PALETTE,
)
from mmss_plugins.registry import DATASETS

LABELS = {
    'dw': {
        'classes': DYNAMIC_WORLD_CLASSES,
        'palette': [list(colour) for colour in DYNAMIC_WORLD_PALETTE],
    },
    'osm': {'classes': OSM_CLASSES, 'palette': [list(colour) for colour in OSM_PALETTE]},
}


@DATASETS.register_module()
class NoLDODownstreamDataset(SentinelStoreDataset):
    """Tiles of 510 or 512 pixels of 10 m with labels made by hand, or patches of them.

    ``label='dw'``: 3,574 tiles of 510 x 510 for training, 340 of 512 x 512 for testing, with the
    nine classes of Dynamic World as experts marked them; in the files 1..9 are the classes and 0
    (unmarked) and 10 (cloud) are ignored. ``label='osm'``: 1,375 and 400 tiles with the thirteen
    classes of land use made from OpenStreetMap, 1..13 in the files, 0 (none) ignored. Preparation
    has made indices of them, 255 = ignored: do not set ``reduce_zero_label``.

    A store holds tiles of both sizes as they are;
    :class:`mmss_plugins.models.MultiBandSegDataPreProcessor` pads a batch to its largest one and
    cuts the predictions again. ``holdout`` and ``subset`` keep the patches of a tile together.

    Source: the two downstream sets of NoLDO-S12, CromSS, https://arxiv.org/abs/2405.01217,
    https://huggingface.co/datasets/vikki23/NoLDO-S12, which states the terms of use. The images
    are modified Copernicus Sentinel data, the labels are by Dynamic World (Brown et al. 2022,
    https://doi.org/10.1038/s41597-022-01307-4) and by the contributors of OpenStreetMap (ODbL).

    Args:
        data_root: The store of a split, as written by ``mmss prepare noldo-downstream``.
        label: 'dw' or 'osm'..
        metainfo: As in MMSegmentation; ``dict(classes=(...))`` chooses some of the classes.
        **kwargs: Of :class:`SentinelStoreDataset`.

    Raises:
        ValueError: If ``label`` is unknown, or the store holds other classes.
    """

    METAINFO: dict = LABELS['dw']

    def __init__(
        self,
        data_root: str,
        label: str = 'dw',
        metainfo: Mapping[str, Any] | None = None,
        **kwargs,
    ) -> None:
        if label not in LABELS:
            raise ValueError(f'label must be one of {list(LABELS)}, but got {label!r}')
        self.label = label
        self.METAINFO = LABELS[label]  # of this one, where that of the class is Dynamic World's
        super().__init__(data_root, metainfo={**LABELS[label], **(metainfo or {})}, **kwargs)
