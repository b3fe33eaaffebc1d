"""The windows of a scene as a torch data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from mmss_plugins.apis.prediction.network_input import RawValues, network_channels
from mmss_plugins.checkpoints.spec.input_specification import InputSpecification
from mmss_plugins.raster import RasterError
from mmss_plugins.raster.image import fill_missing
from mmss_plugins.raster.scene_reader import SceneReader
from mmss_plugins.raster.windows import Window
from mmss_plugins.store.normalisation import Limits


class WindowInput(NamedTuple):
    """A window as the network gets it.

    Args:
        inputs: (C, size, size) float32; zeros if nothing of the window is valid.
        valid: (size, size) bool, False where data are missing and beyond the scene.
    """

    inputs: Tensor
    valid: Tensor


class SceneWindows(Dataset):
    """Reads, mirrors beyond the scene's border, and normalises windows.

    Pixels without data get the mean of the window's others, band by band, so that no edge stands
    out where data end.

    Args:
        reader: Of the scene.
        windows: All of one size; they may reach beyond the right and the lower border.
        spec: The network's inputs.
        raw: What the scene's values are.
        limits: Per modality, see :func:`.network_input.backscatter_limits`.
    """

    def __init__(
        self,
        reader: SceneReader,
        windows: Sequence[Window],
        spec: InputSpecification,
        raw: RawValues,
        limits: Mapping[str, Limits],
    ) -> None:
        self.reader, self.windows, self.spec = reader, windows, spec
        self.raw, self.limits = raw, limits

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> WindowInput:
        window = self.windows[index]
        inside = _inside(window, self.reader.scene.grid.shape)
        images, valid = {}, np.ones(1, bool)
        for modality in self.spec.modalities:
            image, present = self.reader.read(modality, inside)
            images[modality] = self.raw.physical(image, modality)
            valid = valid & present
        channels = [
            network_channels(
                fill_missing(image, valid), self.spec.modalities[name], name, self.limits.get(name)
            )
            for name, image in images.items()
        ]
        inputs = np.concatenate(channels)
        if not valid.any():
            inputs = np.zeros_like(inputs)
        beyond = (0, window.height - inside.height), (0, window.width - inside.width)
        inputs = np.pad(inputs, ((0, 0), *beyond), mode='symmetric')
        return WindowInput(torch.from_numpy(inputs), torch.from_numpy(np.pad(valid, beyond)))

    def __getitems__(self, indices: Sequence[int]) -> list[WindowInput | RasterError]:
        """A batch, as torch's loaders ask for it.

        An error ends it and is given instead of raised: loaders wrap what their processes raise in
        a traceback.
        """
        items: list[WindowInput | RasterError] = []
        try:
            for index in indices:
                items.append(self[index])
        except RasterError as error:
            items.append(RasterError(str(error)))  # causes of GDAL's cannot always be sent
        return items


def _inside(window: Window, shape: tuple[int, int]) -> Window:
    row, col, height, width = window
    return Window(row, col, min(height, shape[0] - row), min(width, shape[1] - col))
