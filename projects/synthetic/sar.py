"""How Sentinel-1 sees a place: terrain-corrected C-band backscatter in dB, VV and VH."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from projects.synthetic.landscape import Place
from projects.synthetic.materials import (
    BUILT,
    MATERIAL_CLASS,
    WATER,
    column,
)
from projects.synthetic.noise import per_instance, random_field

LOOKS = 4.9  # equivalent number of looks of ground-range detected products
SPECKLE_BLUR = 0.5  # pixels are sampled finer than the resolution: speckle is correlated
NOISE_FLOOR = (-26.0, -29.0)  # dB


def observe(place: Place, season: int, rng: np.random.Generator, place_seed: int) -> np.ndarray:
    """One Sentinel-1 acquisition.

    Args:
        place: The place, with its margin.
        season: 0 winter to 3 autumn.
        rng: Randomness of this acquisition: wind, soil moisture, orbit, speckle.
        place_seed: Randomness that stays: how buildings stand, roughness of fields.

    Returns:
        (2, size, size) float32, VV and VH in dB.
    """
    lasting = np.random.default_rng(place_seed)
    material, shape = place.material_in(season), place.material.shape
    land_class = MATERIAL_CLASS[material]
    spread = column('sar_spread')[material]
    water = land_class == WATER
    common = (
        0.6 * per_instance(lasting, place.instance)
        + 0.5 * per_instance(rng, place.instance)
        + 0.45 * random_field(lasting, shape, 20.0, 1.6)
    )
    common = np.where(water, 0.4 * random_field(rng, shape, 40.0, 2.0), common)
    corners = np.where(land_class == BUILT, 1.6 * random_field(lasting, shape, 2.0, 1.0), 0)
    damp = np.where(water, 0, rng.normal(0, 0.6))
    wind = np.where(water, rng.normal(0, 1.8), 0)
    slope = _range_slope(place, rng)
    channels = []
    for index, name in enumerate(('vv', 'vh')):
        own = 0.35 * per_instance(lasting, place.instance)
        level = column(name, season)[material] + spread * (common + own) + corners + damp
        level = level + (wind if name == 'vv' else 0.5 * wind) + slope
        power = 10 ** (level / 10)
        power = ndimage.gaussian_filter(power, 0.6) * _speckle(rng, shape)
        power = power + 10 ** (NOISE_FLOOR[index] / 10) * _speckle(rng, shape)
        channels.append(10 * np.log10(np.maximum(power, 1e-5)))
    return place.crop(np.stack(channels).astype(np.float32))


def _range_slope(place: Place, rng: np.random.Generator) -> np.ndarray:
    """Slopes facing the sensor look brighter: dB, from the height's gradient along the look."""
    heading = np.deg2rad(rng.choice([80.0, 280.0]))  # ascending or descending, looking right
    south, east = np.gradient(ndimage.gaussian_filter(place.height, 1.5) / 10.0)
    towards = east * np.sin(heading) - south * np.cos(heading)
    return np.clip(6.0 * towards, -4, 4)


def _speckle(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Multiplicative, gamma distributed with mean 1, a little correlated between pixels."""
    looks = LOOKS * 0.55  # the blur adds the rest
    return ndimage.gaussian_filter(rng.gamma(looks, 1 / looks, shape), SPECKLE_BLUR)
