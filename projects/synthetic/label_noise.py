"""Labels as a global automatic land-cover product makes them: mostly right, wrong in clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from projects.synthetic.materials import (
    BARE,
    BUILT,
    CLASSES,
    CROPS,
    FLOODED,
    GRASS,
    SHRUB,
    SNOW,
    TREES,
    WATER,
)
from projects.synthetic.noise import per_instance, random_field, top_share

# share of a class that is taken for another, on average over places and seasons
CONFUSIONS = {
    (GRASS, CROPS): 0.13, (GRASS, SHRUB): 0.06, (GRASS, BARE): 0.02, (GRASS, FLOODED): 0.02,
    (CROPS, GRASS): 0.09, (CROPS, BARE): 0.06, (CROPS, SHRUB): 0.03,
    (SHRUB, GRASS): 0.08, (SHRUB, TREES): 0.08, (SHRUB, CROPS): 0.04, (SHRUB, BARE): 0.04,
    (TREES, SHRUB): 0.07, (TREES, FLOODED): 0.01,
    (FLOODED, GRASS): 0.10, (FLOODED, WATER): 0.06, (FLOODED, TREES): 0.05, (FLOODED, SHRUB): 0.03,
    (BARE, CROPS): 0.09, (BARE, SHRUB): 0.06, (BARE, BUILT): 0.05, (BARE, GRASS): 0.03,
    (BUILT, BARE): 0.04, (BUILT, CROPS): 0.03, (BUILT, GRASS): 0.02,
    (WATER, FLOODED): 0.03, (WATER, BARE): 0.01,
    (SNOW, BARE): 0.09, (SNOW, GRASS): 0.03,
}  # fmt: skip
# fields out of season are taken for something else more often, per season
SEASON_FACTOR = {
    (CROPS, BARE): (1.6, 0.6, 0.5, 1.6),
    (CROPS, GRASS): (1.3, 1.3, 0.6, 0.9),
    (TREES, SHRUB): (1.8, 0.8, 0.6, 1.0),
    (GRASS, CROPS): (0.7, 1.3, 1.2, 0.8),
}
WHOLE_CLASS = 0.14  # probability that a map takes one whole class of a place for another
BLUR = (0.9, 2.2)  # range of the smoothing of borders, in pixels
SHIFT = 0.9  # standard deviation of the displacement of borders, in pixels


@dataclass(frozen=True)
class NoiseSettings:
    """Strength of the label noise.

    Args:
        confusion: Factor on the confusion rates. Defaults to 1.
        borders: Factor on smoothing and displacement of borders. Defaults to 1.
    """

    confusion: float = 1.0
    borders: float = 1.0


def corrupt(
    label: np.ndarray,
    instance: np.ndarray,
    season: int,
    rng: np.random.Generator,
    settings: NoiseSettings | None = None,
) -> np.ndarray:
    """Make the noisy label map of one season from the true one.

    First borders are displaced and smoothed, so that narrow and small objects go missing; then
    clusters, partly whole fields, are given to a similar class; now and then a whole class is.

    Args:
        label: (H, W) uint8 true classes, 0..8.
        instance: (H, W) int32: which field, wood, lake... a pixel belongs to.
        season: 0 winter to 3 autumn.
        rng: Randomness of this map.
        settings: Strength. Defaults to ``NoiseSettings()``.

    Returns:
        (H, W) uint8 noisy classes, 0..8.
    """
    settings = settings or NoiseSettings()
    drawn = _smooth_borders(label, rng, settings.borders)
    noisy = _confuse(drawn, instance, season, rng, settings.confusion)
    if rng.random() < WHOLE_CLASS * settings.confusion:
        source = rng.choice(np.unique(drawn))
        targets = [pair[1] for pair in CONFUSIONS if pair[0] == source]
        rates = np.array([CONFUSIONS[source, target] for target in targets])
        target = rng.choice(targets, p=rates / rates.sum())
        # most of it: what a map gets wrong as a whole, it still gets wrong raggedly
        ragged = random_field(rng, label.shape, 60.0, 1.8) > -0.8
        noisy[(drawn == source) & (noisy == source) & ragged] = target
    return noisy


def _smooth_borders(label: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    if strength <= 0:
        return label.copy()
    rows, cols = np.indices(label.shape, np.float32)
    shift = SHIFT * strength
    rows = rows + shift * random_field(rng, label.shape, 14.0, 1.8) + 0.5 * shift * rng.normal()
    cols = cols + shift * random_field(rng, label.shape, 14.0, 1.8) + 0.5 * shift * rng.normal()
    moved = ndimage.map_coordinates(label, [rows, cols], order=0, mode='nearest')
    blur = rng.uniform(*BLUR) * strength
    votes = np.full((len(CLASSES), *label.shape), -1.0, np.float32)
    for index in np.unique(moved):
        votes[index] = ndimage.gaussian_filter((moved == index).astype(np.float32), blur)
    # the map maker's bias for the year: some classes win their borders
    return (votes * rng.lognormal(0, 0.15, (len(CLASSES), 1, 1))).argmax(0).astype(np.uint8)


def _confuse(
    label: np.ndarray, instance: np.ndarray, season: int, rng: np.random.Generator, strength: float
) -> np.ndarray:
    noisy = label.copy()
    for source in np.unique(label):
        taken = np.zeros(label.shape, bool)
        for (first, target), rate in CONFUSIONS.items():
            if first != source:
                continue
            rate *= SEASON_FACTOR.get((first, target), (1, 1, 1, 1))[season] * strength
            rate *= min(3.0, rng.gamma(1.2, 1 / 1.2))  # places differ a lot
            field = random_field(rng, label.shape, 22.0, 1.7)
            if source in (CROPS, GRASS, BARE, SHRUB):
                field = 0.6 * field + 0.8 * per_instance(rng, instance)
            taken_now = top_share(field, min(rate, 0.7), within=(label == source)) & ~taken
            noisy[taken_now] = target
            taken |= taken_now
    return noisy
