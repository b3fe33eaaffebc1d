"""How Sentinel-2 sees a place: top-of-atmosphere reflectance x 10000 in 13 bands."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from mmss_plugins.bands import S2
from projects.synthetic.landscape import Place
from projects.synthetic.materials import (
    MATERIAL_CLASS,
    TREES,
    WATER,
    column,
    spectra_of,
)
from projects.synthetic.noise import per_instance, random_field

# Molecular scattering seen above black ground, x 10000, and two-way transmittance, per band.
PATH = np.array([990, 640, 400, 230, 180, 140, 110, 80, 70, 60, 8, 12, 6], np.float32)
TRANSMITTANCE = np.array(
    [0.82, 0.85, 0.88, 0.92, 0.91, 0.93, 0.94, 0.95, 0.96, 0.34, 0.002, 0.96, 0.93], np.float32
)
SUN_ELEVATION = (20.0, 44.0, 57.0, 32.0)  # degrees by season, morning overpass at mid latitude
HAZE_EXPONENT = 1.4  # Angstrom exponent of haze over land
CLOUD = np.array(  # reflectance of thick cloud, x 10000, per band
    [5200, 5000, 4900, 4900, 4950, 5000, 5050, 5100, 5100, 2600, 0, 3600, 2800], np.float32
)
BLUR = 0.55  # standard deviation of the point spread function, in pixels of 10 m

_WAVELENGTHS = np.array(S2.wavelengths, np.float32)


def observe(place: Place, season: int, rng: np.random.Generator, place_seed: int) -> np.ndarray:
    """One Sentinel-2 acquisition on a 10 m grid, not yet sampled to the bands' own resolutions.

    Args:
        place: The place, with its margin.
        season: 0 winter to 3 autumn.
        rng: Randomness of this acquisition: weather, growth of the year, noise.
        place_seed: Randomness that stays: soils, tints of fields and roofs.

    Returns:
        (13, size, size) float32 reflectance x 10000, noise-free.
    """
    surface = _surface(place, season, rng, np.random.default_rng(place_seed))
    surface *= _illumination(place, season)
    image = PATH[:, None, None] + TRANSMITTANCE[:, None, None] * surface
    image = _atmosphere(image, rng)
    gain = 1 + rng.normal(0, 0.035) + rng.normal(0, 0.012, (len(image), 1, 1))
    image = ndimage.gaussian_filter(image * gain.astype(np.float32), (0, BLUR, BLUR))
    return place.crop(image)


def _surface(
    place: Place, season: int, rng: np.random.Generator, lasting: np.random.Generator
) -> np.ndarray:
    material, shape = place.material_in(season), place.material.shape
    spread = column('cover_spread')[material]
    growth = (
        0.55 * per_instance(lasting, place.instance)
        + 0.6 * per_instance(rng, place.instance)
        + 0.45 * random_field(lasting, shape, 18.0, 1.5)
        + 0.3 * random_field(rng, shape, 4.0, 1.0)
        + rng.normal(0, 0.5)  # a wet or a dry year
    )
    cover = np.clip(column('cover', season)[material] + spread * growth, 0, 1)
    soil = (
        0.12 * per_instance(lasting, place.instance)
        + 0.10 * random_field(lasting, shape, 30.0, 1.7)
        + lasting.normal(0, 0.10)
    )
    second = column('second', season)[material] + soil
    water = MATERIAL_CLASS[material] == WATER
    turbid = second + 0.35 * np.exp(-place.shore / 3.0) + 0.06 * random_field(rng, shape, 50.0, 2.8)
    turbid += abs(rng.normal(0, 0.15)) + 0.25 * np.exp(-place.shore.max() / 6.0)
    second = np.clip(np.where(water, turbid, second), 0, 1)
    # rows of crops: stripes along each field's direction
    rows, cols = np.indices(shape, np.float32)
    across = rows * np.cos(place.row_angle) - cols * np.sin(place.row_angle)
    period = 3.0 + 1.5 * np.abs(per_instance(lasting, place.instance))
    stripes = np.nan_to_num(np.sin(2 * np.pi * across / period), nan=0.0)
    cover = np.clip(cover + 0.035 * stripes, 0, 1)

    lasting_texture = random_field(lasting, shape, 2.2, 1.2)
    texture = column('texture')[material] * (
        0.8 * lasting_texture + 0.5 * rng.standard_normal(shape)
    )
    tint = 0.05 * per_instance(lasting, place.instance) + lasting.normal(0, 0.03)
    bright = np.exp(texture + tint).astype(np.float32)
    ground_tilt = (0.06 * lasting.normal() * (np.log(_WAVELENGTHS) + 0.3)).astype(np.float32)

    greens, first, other = spectra_of('green'), spectra_of('ground', 0), spectra_of('ground', 1)
    image = np.empty((len(_WAVELENGTHS), *shape), np.float32)
    for band in range(len(image)):
        ground = (1 - second) * first[:, band][material] + second * other[:, band][material]
        ground = ground * (1 + ground_tilt[band])
        image[band] = (cover * greens[:, band][material] + (1 - cover) * ground) * bright
    return image


def _illumination(place: Place, season: int) -> np.ndarray:
    """Light on slopes, softened by skylight, and shadow cast beside woods."""
    elevation, azimuth = np.deg2rad(SUN_ELEVATION[season]), np.deg2rad(155.0)
    south, east = np.gradient(ndimage.gaussian_filter(place.height, 1.0) / 10.0)
    # unit vector to the sun in (row, column, up) axes: rows grow to the south
    to_sun = (-np.cos(azimuth), np.sin(azimuth))
    facing = -(south * to_sun[0] + east * to_sun[1]) / np.tan(elevation)
    light = (1 + facing) / np.sqrt(1 + south**2 + east**2)
    light = 0.35 + 0.65 * np.clip(light, 0.05, 2.0)
    tall = (MATERIAL_CLASS[place.material] == TREES).astype(np.float32)
    reach = min(2.0, 0.7 / np.tan(elevation))
    shadow = ndimage.shift(tall, (-reach * to_sun[0], -reach * to_sun[1]), order=1, mode='nearest')
    shadow = np.clip(shadow - tall, 0, 1)
    return np.clip(light * (1 - 0.35 * shadow), 0.2, 1.6).astype(np.float32)


def _atmosphere(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Haze on every image, thin cloud on some, a trace of cirrus in B10."""
    shape = image.shape[1:]
    haze = np.clip(rng.gamma(1.6, 70.0) * (1 + 0.35 * random_field(rng, shape, 90.0, 2.5)), 0, None)
    cirrus = np.clip(14 + 3 * rng.normal() + 2 * random_field(rng, shape, 60.0, 2.0), 4, None)
    colour = (0.49 / _WAVELENGTHS) ** HAZE_EXPONENT
    colour[10] = 0
    image = image + colour[:, None, None].astype(np.float32) * haze
    if rng.random() < 0.12:
        cloud = random_field(rng, shape, 60.0, 2.0) + 0.5 * rng.normal()
        opacity = (0.16 * np.clip(cloud, 0, 2.0)).astype(np.float32)
        image = cover(image, opacity)
        cirrus = cirrus + 60 * opacity
    image[10] += cirrus
    return image.astype(np.float32)


def cover(image: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Draw cloud before an image.

    Args:
        image: (13, H, W) reflectance x 10000.
        opacity: (H, W) float32, 0..1.
    """
    return (1 - opacity) * image + opacity * CLOUD[:, None, None]


def sample_band(image: np.ndarray, factor: int) -> np.ndarray:
    """Average over blocks, as a coarser detector does; the last block repeats the border.

    Args:
        image: (H, W) on the 10 m grid.
        factor: Pixels per coarse pixel: 1, 2 or 6.

    Returns:
        (ceil(H / factor), ceil(W / factor)) float32.
    """
    if factor == 1:
        return image
    height, width = image.shape
    pad = ((0, -height % factor), (0, -width % factor))
    padded = np.pad(image, pad, mode='edge')
    blocks = padded.reshape(padded.shape[0] // factor, factor, padded.shape[1] // factor, factor)
    return blocks.mean((1, 3))


def native_bands(image: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Sample all bands at their own resolutions, with detector noise, as stored integers.

    Args:
        image: (13, H, W) reflectance x 10000.
        rng: Randomness of the detector noise.

    Returns:
        13 arrays of uint16, in band order.
    """
    bands = []
    for index, metres in enumerate(S2.resolutions):
        band = sample_band(image[index], metres // 10)
        sigma = 2.0 if S2.bands[index] == 'B10' else 9.0 + 0.006 * band
        band = band + sigma * rng.standard_normal(band.shape, dtype=np.float32)
        bands.append(np.clip(np.rint(band), 1, 65535).astype(np.uint16))
    return bands


def stack_bands(bands: list[np.ndarray], size: int) -> np.ndarray:
    """Bring native bands onto one 10 m grid by linear interpolation.

    Args:
        bands: 13 arrays of uint16.
        size: Width and height of the result.

    Returns:
        (13, size, size) uint16.
    """
    stacked = np.empty((len(bands), size, size), np.uint16)
    for index, (band, metres) in enumerate(zip(bands, S2.resolutions, strict=True)):
        if metres > 10:
            zoom = metres // 10
            band = ndimage.zoom(
                band.astype(np.float32), zoom, order=1, mode='nearest', grid_mode=True
            )
        stacked[index] = np.rint(band[:size, :size])
    return stacked
