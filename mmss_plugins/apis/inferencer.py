"""MMSegmentation's inferencer, with images of files that OpenCV cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmseg.apis import MMSegInferencer
from mmseg.structures import SegDataSample

from mmss_plugins.datasets.transforms import LoadMultiBandImage


class MultiBandSegInferencer(MMSegInferencer):
    """``MMSegInferencer`` that also draws on GeoTIFF files of many bands.

    Predictions alone (``inferencer(files)['predictions']``) need no more than ``MMSegInferencer``,
    which reads each file again for its figures, by OpenCV. Here a figure shows what the network
    has got, in true colours where its bands allow it.

    Args:
        *args: Of ``MMSegInferencer``.
        **kwargs: Of ``MMSegInferencer``.
    """

    def visualize(
        self, inputs: Sequence[str | np.ndarray], preds: Sequence[SegDataSample], **kwargs: Any
    ) -> list[np.ndarray] | None:
        """Draw predictions.

        Args:
            inputs: Files and arrays.
            preds: Their predictions.
            **kwargs: Of ``MMSegInferencer.visualize``.

        Returns:
            Figures (H, W, 3), if requested.
        """
        loader = self.pipeline.transforms[0]
        wanted = any(kwargs.get(name) for name in ('show', 'img_out_dir', 'return_vis'))
        if wanted and isinstance(loader, LoadMultiBandImage):
            inputs = [loader(each)['img'] for each in inputs]
        return super().visualize(inputs, preds, **kwargs)
