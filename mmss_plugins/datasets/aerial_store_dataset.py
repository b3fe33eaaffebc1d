"""What the data sets over LMDB stores of aerial image patches have in common."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from mmss_plugins.datasets.store_dataset import LABEL_FIELD, StoreDataset
from mmss_plugins.store.reader import ReadRequest

IMAGE_FIELD, DSM_FIELD = 'image', 'dsm'
UINT8_MAX = 255


class AerialStoreDataset(StoreDataset):
    """Patches of 8-bit aerial images as inputs of MMSegmentation's and MMPretrain's pipelines.

    A sample enters the pipeline with ``img`` (H, W, C) uint8, contiguous, in the order of
    ``channels`` (RGB, not OpenCV's BGR: a data preprocessor must not swap them), and if there are
    labels with ``gt_seg_map`` (H, W) uint8, 255 = ignored. There is no loading transform to write.

    Args:
        data_root: The store, as written by the preparation tools.
        bands: Names of the bands to read, in the order wanted; the store may hold more.
        labels: Whether samples carry labels. Without, for pretraining, any store will do.
        dsm: Whether the surface model is added as the last channel. ``img`` is float32 then: the
            bands in [0, 1], the height in metres.
        **kwargs: Of :class:`StoreDataset` (``holdout``, ``subset``, ``split_file``, ...).

    Raises:
        ValueError: If an option is unknown or does not fit the store; the message names both.
    """

    UNLABELLED = '; labels=False reads images only'

    def __init__(
        self,
        data_root: str,
        bands: Sequence[str],
        labels: bool = True,
        dsm: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(data_root, label_field=LABEL_FIELD if labels else None, **kwargs)
        self._check_fields(IMAGE_FIELD, *([DSM_FIELD] if dsm else []))
        self.labels, self.dsm = labels, dsm
        held = self.store.meta.fields[IMAGE_FIELD]['bands']
        missing = [band for band in bands if band not in held]
        if missing:
            raise ValueError(
                f'{self.store.path} holds the bands {held}, but {missing} of {list(bands)} are not '
                'among them: choose other bands, or prepare the data with these'
            )
        self.channels = (*bands, *(['height'] if dsm else []))
        self._requests = [ReadRequest(IMAGE_FIELD, None, [held.index(band) for band in bands])]
        self._requests += [ReadRequest(DSM_FIELD)] if dsm else []
        self._requests += [ReadRequest(LABEL_FIELD)] if labels else []

    def load_sample(self, idx: int) -> dict:
        """Sample ``idx`` as the pipeline gets it."""
        info = self.get_data_info(idx)
        arrays = self.store.read(info['sample_id'], self._requests)
        planes = list(arrays.pop(0))
        if self.dsm:
            planes = [plane.astype(np.float32) / UINT8_MAX for plane in planes]
            planes += list(arrays.pop(0))
        image = cv2.merge(planes)
        place = f'{self.store.path}/{info["sample_id"]}'
        results = {
            **self.image_results(info, image, place),
            'tile': self.group_of(info['sample_id']),
            'seg_fields': [],
        }
        if self.labels:
            label = arrays.pop(0)
            if self._label_table is not None:
                label = self._label_table[label]
            results |= {
                'gt_seg_map': label,
                'seg_map_path': place,
                'seg_fields': ['gt_seg_map'],
            }
        return results
