"""What to read of an image field of any bands, and how to normalise it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmss_plugins.bands import AERIAL, BandSpec, Sensor
from mmss_plugins.datasets.sensor_reader import SensorReader
from mmss_plugins.store.fields import to_physical
from mmss_plugins.store.normalisation import CLIP_STDS, clip8, standardise

UINT8_MAX = 255


class FieldReader(SensorReader):
    """Chooses bands of an image field and normalises them by the store's own numbers.

    'clip8' gives values in 8 bits: those of 8-bit images as they are; scaled images ('linear') as
    they are stored; others clipped to mean +- 2 standard deviations. 'standardise' subtracts the
    mean and divides by the standard deviation of the physical values, clipped likewise.

    Args:
        name: Of the field.
        field: The store's description of it.
        statistics: ``dict(mean=[...], std=[...])`` of all bands of the field, physical values;
            None if the store has none.
        bands: None for all, or a sequence of band names or indices.
        normalize: 'clip8', 'standardise' or None (physical values).
        image_dtype: 'float32' or 'uint8', see :class:`SensorReader`.

    Raises:
        ValueError: If statistics are needed, but there are none.
    """

    def __init__(
        self,
        name: str,
        field: Mapping[str, Any],
        statistics: Mapping[str, Sequence[float]] | None,
        bands: BandSpec,
        normalize: str | None,
        image_dtype: str,
    ) -> None:
        self.field, names = field, field['bands']
        self.plain = field['dtype'] == 'uint8' and field['scale'] == 'raw'
        scaled = field['dtype'] == 'uint8' and field['scale'] == 'linear'
        mean: Sequence[float] | None = None
        std: Sequence[float] | None = None
        if scaled and normalize == 'clip8':
            mean, std = _limits(field)
        if mean is None and normalize is not None and not (self.plain and normalize == 'clip8'):
            if not statistics or not statistics.get('mean') or not statistics.get('std'):
                raise ValueError(
                    f'normalize={normalize!r} needs mean and standard deviation of the field '
                    f'{name!r}, but the store has none: set normalize=None, or prepare it with '
                    'mmss prepare folder or scenes'
                )
            mean, std = statistics['mean'], [value or 1.0 for value in statistics['std']]
        mean, std = mean or [0.0] * len(names), std or [1.0] * len(names)
        sensor = Sensor(
            name, tuple(names), (), field['unit'], tuple(mean), tuple(std), (),
            {len(names): tuple(range(len(names)))},
        )  # fmt: skip
        super().__init__(sensor, field, bands, normalize, image_dtype)
        self.quantised = self.plain or scaled

    @property
    def modality(self) -> str:
        """Name of the modality in input specifications."""
        return AERIAL

    @property
    def specified(self) -> str | None:
        """The normalisation as input specifications name it: None for plain 8-bit images."""
        return None if self.plain and self.normalize == 'clip8' else self.normalize

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names: those of the bands."""
        return self.bands

    def normalise(self, image: np.ndarray) -> np.ndarray:
        """Bring stored values (C, H, W) to the network's."""
        if self.normalize == 'clip8':
            if not self.quantised:
                image = clip8(self._physical(image), self.mean, self.std)
            return image if self.image_dtype == 'uint8' else image.astype(np.float32) / UINT8_MAX
        physical = self._physical(image)
        if self.normalize is None:
            return physical.astype(np.float32)
        return standardise(physical, self.mean, self.std)

    def _physical(self, image: np.ndarray) -> np.ndarray:
        return to_physical(self.field, image, self.indices)


def _limits(field: Mapping[str, Any]) -> tuple[list[float], list[float]]:
    """Mean and standard deviation by which 'clip8' gives the values of a scaled 8-bit image."""
    pairs = zip(field['offset'], field['gain'], strict=True)
    ranges = [(low, low + UINT8_MAX * gain) for low, gain in pairs]
    return (
        [(low + high) / 2 for low, high in ranges],
        [(high - low) / (2 * CLIP_STDS) for low, high in ranges],
    )
