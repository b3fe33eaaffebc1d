"""From a scene's values to a network's input, by the input specification of its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmss_plugins.bands import SENSORS, sensor_of, sensor_statistics
from mmss_plugins.checkpoints.spec.input_specification import AERIAL, ModalityInput
from mmss_plugins.datasets.aerial_store_dataset import UINT8_MAX
from mmss_plugins.raster.units import physical_values
from mmss_plugins.store.normalisation import (
    S1_PERCENTILES,
    Limits,
    clip8,
    decode_clip8,
    standardise,
)


@dataclass(frozen=True)
class RawValues:
    """What a scene's values are, where they are not as the network's training data were.

    Args:
        s2_scale: Sentinel-2 values times this are reflectance x 10000 (10000 for reflectances).
        s2_offset: Then subtracted, and clipped at 0: 1000 for baseline 04.00 or later. None if it
            is not known: then it is 0, and a scene whose B10 shows an offset is refused.
        s1_linear: Sentinel-1 values are power, not dB.
    """

    s2_scale: float = 1.0
    s2_offset: float | None = None
    s1_linear: bool = False

    def physical(self, image: np.ndarray, modality: str) -> np.ndarray:
        """See :func:`~mmss_plugins.raster.units.physical_values`."""
        return physical_values(image, modality, self.s2_scale, self.s2_offset or 0, self.s1_linear)


def advice(raw: RawValues) -> dict[str, str]:
    """What to do about values of another unit: the options of the command line."""
    decibel = (
        'omit --s1-linear if these are in dB already'
        if raw.s1_linear
        else 'convert them to dB, or declare their scale in the file'
    )
    reflectance = 'if these are reflectances from 0 to 1, add --s2-scale 10000'
    return {
        'linear': 'if these are linear power, add --s1-linear',
        'decibel': decibel,
        'fill': 'if these pixels hold no data, add --nodata VALUE',
        'reflectance': reflectance,
        'reflectance x 10000': f'give the factor as --s2-scale (now {raw.s2_scale:g})',
    }


def backscatter_limits(pixels: np.ndarray, entry: ModalityInput) -> Limits:
    """Percentiles between which standardised backscatter is clipped.

    In training they are each patch's own. Over a scene they are the scene's, so that neighbouring
    windows see one place alike.

    Args:
        pixels: (C, pixels) with data, in dB or quantised to 8 bits.
        entry: The specification of the modality.

    Returns:
        Low and high, per band, in dB.
    """
    if pixels.dtype == np.uint8:
        pixels = _decoded(pixels[..., None], entry, 's1')[..., 0]
    low, high = np.percentile(pixels, S1_PERCENTILES, axis=1)
    return low, high


def network_channels(
    image: np.ndarray,
    entry: ModalityInput,
    modality: str,
    limits: Limits | None = None,
) -> np.ndarray:
    """What the network got in training for these values: normalised, data preprocessor included.

    Args:
        image: (C, H, W), physical values, or 8 bits (aerial images; quantised Sentinel images).
        entry: The specification of the modality.
        modality: Its name.
        limits: Of :func:`backscatter_limits`, for standardised Sentinel-1.

    Returns:
        (C, H, W) float32.
    """
    mean, std = entry.mean or (), entry.std or ()
    if modality == AERIAL and entry.normalize is None:
        channels = _aerial(image, entry)
    elif entry.normalize == 'clip8':
        eight_bit = image if image.dtype == np.uint8 else clip8(image, mean, std)
        channels = _divided(eight_bit, entry)
    else:
        quantised = image.dtype == np.uint8 and modality in SENSORS
        channels = _decoded(image, entry, modality) if quantised else image
        if entry.normalize == 'standardise':
            clip = 'stds' if modality != 's1' else limits or 'percentiles'
            channels = standardise(channels, mean, std, clip)
    channels = channels.astype(np.float32)
    if entry.input_mean is None or entry.input_std is None:
        return channels
    shape = (-1, 1, 1)
    shift, scale = (
        np.asarray(v, np.float32).reshape(shape) for v in (entry.input_mean, entry.input_std)
    )
    return (channels - shift) / scale


def _aerial(image: np.ndarray, entry: ModalityInput) -> np.ndarray:
    """8-bit bands as the specification has them; heights, which are metres, as they are."""
    channels = image.astype(np.float32)
    for plane, band in zip(channels, entry.bands, strict=True):
        if band != 'height' and entry.values == '0..1':
            plane /= UINT8_MAX
    return channels


def _decoded(quantised: np.ndarray, entry: ModalityInput, modality: str) -> np.ndarray:
    return decode_clip8(quantised, *sensor_statistics(sensor_of(modality, entry.unit), entry.bands))


def _divided(quantised: np.ndarray, entry: ModalityInput) -> np.ndarray:
    channels = quantised.astype(np.float32)
    return channels / UINT8_MAX if entry.values == '0..1' else channels
