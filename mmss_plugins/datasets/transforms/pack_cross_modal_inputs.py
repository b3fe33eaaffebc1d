"""The end of a pretraining pipeline."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.datasets.transforms import PackSegInputs

from mmss_plugins.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackCrossModalInputs(PackSegInputs):
    """MMSegmentation's ``PackSegInputs``, with the label smoothing prior and clean labels if any.

    Required keys: those of ``PackSegInputs``; of :class:`SmoothingPrior` or of a data set with
    ``clean_labels=True`` where there are such.
    The data sample gets ``smoothing_prior``, a PixelData (C, H, W) float32 over all classes, and
    ``clean_sem_seg``, a PixelData (1, H, W) int64.

    Args:
        meta_keys: Keys to pack as metainfo.
    """

    def transform(self, results: dict) -> dict:
        """Pack the sample."""
        packed = super().transform(results)
        sample = packed['data_samples']
        if 'smoothing_prior' in results:
            prior = expand_classes(
                results['smoothing_prior'],
                results['smoothing_prior_classes'],
                results['num_classes'],
            )
            sample.smoothing_prior = PixelData(data=torch.from_numpy(prior))
        if 'clean_seg_map' in results:
            clean = results['clean_seg_map'][None].astype(np.int64)
            sample.clean_sem_seg = PixelData(data=torch.from_numpy(clean))
        return packed


def expand_classes(maps: np.ndarray, classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Maps of some classes as maps of all.

    Args:
        maps: (H, W, K).
        classes: (K,) which class each map is of.
        num_classes: C.

    Returns:
        (C, H, W), 0 for the classes that were omitted.
    """
    expanded = np.zeros((num_classes, *maps.shape[:2]), maps.dtype)
    for position, index in enumerate(classes):
        expanded[index] = maps[..., position]
    return expanded
