"""Whether values are in the unit that they should be in, judged by robust percentiles per band.

Sentinel-1 must be backscatter in dB, Sentinel-2 reflectance x 10000. A few odd pixels (negative
noise in linear power, saturation, borders) do not decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmss_plugins.bands import S1, S2
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.resample import to_dtype

LEAST_POWER = 1e-10  # -100 dB
SAMPLED = 4096  # pixels per band that are looked at
DECIBEL = (-45.0, 5.0)  # range of a band's median
FILL_BELOW = {'s1': -80.0, 's2': -2000.0}  # 2nd percentile of a band with undeclared fill values
LINEAR_FROM = -0.5  # 2nd percentile of a band in dB is below: linear power is not negative
FILL_SHARE = 0.02  # of a band's pixels that are exactly 0 dB, which backscatter hardly ever is
REFLECTANCE_MAX = 3.0  # above any reflectance from 0 to 1, below any x 10000
DARKEST, BRIGHTEST = 30.0, 30_000.0  # 98th percentile of the brightest band, of any band
MOST_BELOW = 0.4  # share of a band's values below half of the offset, where it was subtracted
OFFSET_FROM = 900.0  # 2nd percentile of B10 with the offset of +1000: 0 to 100 without
ADVICE = {
    'linear': 'if these are linear power, convert them to dB (10 log10)',
    'decibel': 'convert them to dB',
    'fill': 'if these pixels hold no data, declare the value (nodata) in the file',
    'reflectance': 'if these are reflectances from 0 to 1, multiply them by 10000',
    'reflectance x 10000': 'convert them to reflectance x 10000',
}


def decibel(power: np.ndarray) -> np.ndarray:
    """Backscatter from linear power, float32 dB; at least -100 dB."""
    return 10 * np.log10(np.maximum(power.astype(np.float32), np.float32(LEAST_POWER)))


def subtract_offset(image: np.ndarray, offset: float) -> np.ndarray:
    """Subtract an offset, clip at 0, and keep the type; integers are rounded."""
    return to_dtype(np.maximum(image.astype(np.float64) - offset, 0), image.dtype)


def physical_values(
    image: np.ndarray,
    modality: str,
    s2_scale: float = 1.0,
    s2_offset: float = 0,
    s1_linear: bool = False,
) -> np.ndarray:
    """Sentinel-1 in dB, Sentinel-2 in reflectance x 10000; 8-bit images, quantised, stay.

    Args:
        image: (C, ...) as read.
        modality: 's1', 's2' or another, which stays.
        s2_scale: Sentinel-2 values times this are reflectance x 10000.
        s2_offset: Then subtracted, and clipped at 0.
        s1_linear: Sentinel-1 values are power, not dB.
    """
    if image.dtype == np.uint8:
        return image
    if modality == S1.name and s1_linear:
        return decibel(image)
    if modality == S2.name:
        if s2_scale != 1:
            image = image.astype(np.float32) * np.float32(s2_scale)
        if s2_offset:
            image = subtract_offset(image, s2_offset)
    return image


def check_units(
    image: np.ndarray,
    sensor: str,
    bands: Sequence[str],
    where: object,
    *,
    valid: np.ndarray | None = None,
    advice: Mapping[str, str] | None = None,
) -> None:
    """Refuse values that are plainly of another unit, and images without content.

    Args:
        image: (C, ...) in physical values; 8-bit images are taken as quantised ('clip8').
        sensor: 's1' or 's2'; others are not checked.
        bands: Names of the C bands.
        where: The file or sample, for the message.
        valid: (...) bool, pixels with data; None for all.
        advice: What to do, for the message, instead of :data:`ADVICE`; such as the option to give.

    Raises:
        RasterError: If a band is of another unit. Nothing is raised where no pixel is valid.
    """
    if sensor not in (S1.name, S2.name):
        return
    pixels = _sampled(image, valid)
    if not pixels.size:
        return
    advice = {**ADVICE, **(advice or {})}
    if image.dtype == np.uint8:
        _check_quantised(pixels, sensor, bands, where)
    elif sensor == S1.name:
        _check_decibel(pixels, bands, where, advice)
    else:
        _check_reflectance(pixels, bands, where, advice)


def carries_offset(
    image: np.ndarray, bands: Sequence[str], valid: np.ndarray | None = None
) -> bool:
    """Whether a Sentinel-2 L1C image still has the offset of +1000 of baseline 04.00: B10 shows it.

    B10 looks at cirrus and is nearly dark elsewhere; with the offset no pixel of it is.

    Args:
        image: (C, ...), reflectance x 10000.
        bands: Names of the C bands; without B10 the result is False.
        valid: (...) bool, pixels with data; None for all.
    """
    if image.dtype == np.uint8 or 'B10' not in bands:
        return False
    index = list(bands).index('B10')
    pixels = _sampled(image[index : index + 1], valid)
    return bool(pixels.size) and float(np.percentile(pixels, 2)) >= OFFSET_FROM


def check_offset(
    image: np.ndarray,
    bands: Sequence[str],
    offset: float,
    where: object,
    valid: np.ndarray | None = None,
) -> None:
    """Refuse to subtract the offset of Sentinel-2 from values that do not carry it.

    Earth Engine's harmonised collections, and many a tool, subtract it and keep the product's name.

    Args:
        image: (C, ...), reflectance x 10000 before the offset is subtracted.
        bands: Names of the C bands.
        offset: To be subtracted; 1000, scaled as the image is. Nothing is checked for 0.
        where: The file or sample, for the message.
        valid: (...) bool, pixels with data; None for all.

    Raises:
        RasterError: If many values of a band are far below the offset; zeros do not count.
    """
    if offset <= 0 or image.dtype == np.uint8:
        return
    pixels = _sampled(image, valid)
    if not pixels.size:
        return
    for band, values in zip(bands, pixels, strict=True):
        lit = values[values > 0]
        below = (lit < offset / 2).mean() if lit.size else 0.0
        if below > MOST_BELOW:
            raise RasterError(
                f'{where}: expected values that carry the offset of {offset:g}, but {below:.0%} of '
                f'those of {band} are below {offset / 2:g} (median {np.median(lit):.4g}), as if it '
                'had been subtracted already: give --s2-offset 0, or declare the value of pixels '
                'without data (nodata)'
            )


def _sampled(image: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """(C, pixels): evenly spaced ones of those that are valid and finite."""
    pixels = image.reshape(len(image), -1)
    if valid is not None and not valid.all():
        pixels = pixels[:, np.flatnonzero(valid)]
    pixels = pixels[:, :: max(pixels.shape[1] // SAMPLED, 1)]
    if pixels.dtype.kind == 'f':
        pixels = pixels[:, np.isfinite(pixels).all(axis=0)]
    return pixels


def _check_decibel(
    pixels: np.ndarray, bands: Sequence[str], where: object, advice: Mapping[str, str]
) -> None:
    low, median, high = np.percentile(pixels, (2, 50, 98), axis=1)
    for index, band in enumerate(bands):
        found = (
            f'{where}: expected Sentinel-1 {band} as backscatter in dB, but found '
            f'{low[index]:.4g} to {high[index]:.4g} (2nd and 98th percentile), '
            f'median {median[index]:.4g}'
        )
        if low[index] == high[index] == 0:
            raise RasterError(f'{found}: the band holds no data')
        if _lowest(pixels[index], low[index]) > LINEAR_FROM:
            raise RasterError(f'{found}: {advice["linear"]}')
        if not DECIBEL[0] <= median[index] <= DECIBEL[1]:
            raise RasterError(f'{found}: {advice["decibel"]}')
        zeros = np.mean(pixels[index] == 0)
        if low[index] < FILL_BELOW['s1'] or (zeros > FILL_SHARE and not _whole(pixels[index])):
            raise RasterError(f'{found}, {zeros:.0%} exactly 0: {advice["fill"]}')


def _check_reflectance(
    pixels: np.ndarray, bands: Sequence[str], where: object, advice: Mapping[str, str]
) -> None:
    low, high = np.percentile(pixels, (2, 98), axis=1)
    dark = [band == 'B10' for band in bands]  # nearly 0 without cirrus
    for index, band in enumerate(bands):
        found = (
            f'{where}: expected Sentinel-2 {band} as reflectance x 10000, but found '
            f'{low[index]:.4g} to {high[index]:.4g} (2nd and 98th percentile)'
        )
        fractions = pixels.dtype.kind == 'f' and not _whole(pixels[index])
        if fractions and 0 < high[index] <= REFLECTANCE_MAX and not dark[index]:
            raise RasterError(f'{found}: {advice["reflectance"]}')
        if high[index] < 0 or high[index] > BRIGHTEST:
            raise RasterError(f'{found}: {advice["reflectance x 10000"]}')
        if low[index] < FILL_BELOW['s2']:
            raise RasterError(f'{found}: {advice["fill"]}')
        if not dark[index] and not pixels[index].any():
            raise RasterError(f'{found}: the band holds no data')
    brightest = max(high[[not value for value in dark]], default=BRIGHTEST)
    if brightest < DARKEST:
        raise RasterError(
            f'{where}: expected Sentinel-2 as reflectance x 10000, but the brightest band reaches '
            f'{brightest:.4g} (98th percentile): {advice["reflectance x 10000"]}'
        )


def _lowest(values: np.ndarray, low: float) -> float:
    """The 2nd percentile without a fill value: the minimum, where many pixels have it."""
    rest = values[values > values.min()]
    filled = rest.size and rest.size < (1 - FILL_SHARE) * values.size
    return float(np.percentile(rest, 2)) if filled else low


def _whole(values: np.ndarray) -> bool:
    return bool((values == np.rint(values)).all())


def _check_quantised(pixels: np.ndarray, sensor: str, bands: Sequence[str], where: object) -> None:
    counted = [index for index, band in enumerate(bands) if band != 'B10'] or [0]
    low, high = pixels[counted].min(), pixels[counted].max()
    saturated = sensor == S1.name and (pixels == 255).all(axis=1).any()
    if saturated or (low == high and low in (0, 255)):
        raise RasterError(
            f'{where}: expected an 8-bit {sensor} image (mean +- 2 standard deviations as 0..255), '
            f'but found {high} everywhere: values of another unit were quantised'
        )
