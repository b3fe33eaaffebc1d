"""MMSegmentation's visualizer for images of any number of bands."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmseg.structures import SegDataSample
from mmseg.visualization import SegLocalVisualizer

from mmss_plugins.registry import VISUALIZERS
from mmss_plugins.visualization.rgb import composites


@VISUALIZERS.register_module()
class MultiBandSegVisualizer(SegLocalVisualizer):
    """``SegLocalVisualizer`` that draws on an RGB version of images that are not 8-bit RGB.

    It has true colours where the sample names its channels and they include red, green and blue.
    """

    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: SegDataSample | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Draw labels and prediction on an image.

        Args:
            name: Of the figure.
            image: (H, W, C) or (H, W).
            data_sample: With what is to be drawn.
            *args: Of ``SegLocalVisualizer``.
            **kwargs: Of ``SegLocalVisualizer``.
        """
        image = image[..., None] if image.ndim == 2 else image
        if image.dtype != np.uint8 or image.shape[2] != 3:
            channels = None if data_sample is None else data_sample.metainfo.get('channels')
            fits = channels is not None and len(channels) == image.shape[2]
            rgb = composites(image.transpose(2, 0, 1), channels if fits else None)
            image = np.ascontiguousarray(rgb[0])
        super().add_datasample(name, image, data_sample, *args, **kwargs)
