"""What to read of one sensor's bands, and how to normalise it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmss_plugins.bands import BandSpec, Sensor, resolve_bands, sensor_statistics
from mmss_plugins.store.normalisation import clip8, decode_clip8, standardise
from mmss_plugins.store.reader import ReadRequest

NORMALISATIONS = ('clip8', 'standardise', None)
IMAGE_DTYPES = ('float32', 'uint8')


class SensorReader:
    """Chooses bands of one image field of a store and normalises them.

    Args:
        sensor: The sensor.
        field: The store's description of the field (``bands``, ``scale``).
        bands: Band choice (see :func:`mmss_plugins.bands.resolve_bands`).
        normalize: 'clip8', 'standardise' or None.
        image_dtype: 'float32', or 'uint8' for 'clip8' images kept in 8 bits.
    """

    def __init__(
        self,
        sensor: Sensor,
        field: Mapping,
        bands: BandSpec,
        normalize: str | None,
        image_dtype: str,
    ) -> None:
        if normalize not in NORMALISATIONS:
            raise ValueError(f'normalize must be one of {NORMALISATIONS}, but got {normalize!r}')
        if image_dtype not in IMAGE_DTYPES:
            raise ValueError(f'image_dtype must be one of {IMAGE_DTYPES}, but got {image_dtype!r}')
        if image_dtype == 'uint8' and normalize != 'clip8':
            raise ValueError(
                f"image_dtype='uint8' needs normalize='clip8', but normalize is {normalize!r}"
            )
        self.sensor, self.normalize, self.image_dtype = sensor, normalize, image_dtype
        self.quantised = field['scale'] == 'clip8'
        available = field['bands']
        self.indices = resolve_bands(bands, available, sensor)
        self.bands = tuple(available[index] for index in self.indices)
        self.mean, self.std = sensor_statistics(sensor, self.bands)

    @property
    def modality(self) -> str:
        """Name of the modality in input specifications."""
        return self.sensor.name

    @property
    def specified(self) -> str | None:
        """The normalisation as input specifications name it."""
        return self.normalize

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names, such as 's2.B4'."""
        return tuple(f'{self.sensor.name}.{band}' for band in self.bands)

    def request(self, season: str | None) -> ReadRequest:
        """What to ask the store for."""
        return ReadRequest(self.sensor.name, season, self.indices)

    def normalise(self, image: np.ndarray) -> np.ndarray:
        """Bring stored values to the network's.

        Args:
            image: (C, H, W) as stored: physical units, or 8-bit quantised.

        Returns:
            (C, H, W): 'clip8' gives [0, 1] float32 (or 0..255 uint8), 'standardise' float32,
            None the physical units as float32.
        """
        if self.normalize == 'clip8':
            quantised = image if self.quantised else clip8(image, self.mean, self.std)
            return quantised if self.image_dtype == 'uint8' else quantised.astype(np.float32) / 255
        physical = decode_clip8(image, self.mean, self.std) if self.quantised else image
        if self.normalize is None:
            return physical.astype(np.float32)
        clip = 'percentiles' if self.sensor.name == 's1' else 'stds'
        return standardise(physical, self.mean, self.std, clip)
