"""A place: what covers it, in every season, before any sensor has looked at it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from projects.synthetic.canvas import Canvas
from projects.synthetic.farmland import paint_farmland
from projects.synthetic.materials import (
    BARE,
    CROPS,
    FLOODED,
    GRASS,
    MATERIAL,
    MATERIAL_CLASS,
    SEASONS,
    SHRUB,
    WATER,
)
from projects.synthetic.nature import make_height, paint_nature
from projects.synthetic.noise import random_field
from projects.synthetic.regions import REGIONS
from projects.synthetic.town import paint_roads, paint_town
from projects.synthetic.waters import paint_waters

MARGIN = 12  # painted beyond the place's border, so that filters have something to look at


@dataclass(frozen=True)
class Place:
    """A painted place with its margin; every array is (size + 2 MARGIN,) * 2.

    Args:
        region: Name of its kind of region.
        size: Width and height without the margin, in pixels of 10 m.
        material: Index into ``materials.MATERIALS``, uint8, without snow.
        instance: Which field, wood, lake... a pixel belongs to, int32 from 0.
        row_angle: Direction of plough lines in radians, NaN where there are none.
        height: Height in metres, float32.
        shore: Distance into the water from its shore in pixels, 0 on land, float32.
        snow: Snow on the ground by season, (4, H, W) bool.
    """

    region: str
    size: int
    material: np.ndarray
    instance: np.ndarray
    row_angle: np.ndarray
    height: np.ndarray
    shore: np.ndarray
    snow: np.ndarray

    def material_in(self, season: int) -> np.ndarray:
        """(H, W) uint8 materials of a season, with its snow."""
        return np.where(self.snow[season], MATERIAL['snow'], self.material).astype(np.uint8)

    def label_in(self, season: int) -> np.ndarray:
        """(H, W) uint8 true classes of a season, with the margin."""
        return MATERIAL_CLASS[self.material_in(season)]

    def crop(self, array: np.ndarray) -> np.ndarray:
        """Cut the margin off the last two axes."""
        return np.ascontiguousarray(
            array[..., MARGIN : MARGIN + self.size, MARGIN : MARGIN + self.size]
        )


def make_place(rng: np.random.Generator, size: int) -> Place:
    """Paint a place of a random kind.

    Args:
        rng: Source of all randomness of the place.
        size: Width and height in pixels of 10 m.

    Returns:
        The place.
    """
    weights = np.array([region.weight for region in REGIONS])
    region = REGIONS[rng.choice(len(REGIONS), p=weights / weights.sum())]
    shape = (size + 2 * MARGIN, size + 2 * MARGIN)
    canvas = Canvas(region, make_height(rng, shape, region.relief * rng.uniform(0.6, 1.4)))
    paint_nature(canvas, rng)
    paint_farmland(canvas, rng)
    for _ in range(1 + (rng.random() < shape[0] / 400)):
        if rng.random() < region.town:
            paint_town(canvas, rng)
    paint_waters(canvas, rng)
    paint_roads(canvas, rng)
    _, instance = np.unique(canvas.instance, return_inverse=True)
    water = MATERIAL_CLASS[canvas.material] == WATER
    return Place(
        region=region.name,
        size=size,
        material=canvas.material,
        instance=instance.reshape(shape).astype(np.int32),
        row_angle=canvas.row_angle,
        height=canvas.height,
        shore=ndimage.distance_transform_edt(water).astype(np.float32),
        snow=_snow(canvas, rng),
    )


def _snow(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    """Snow lies on open ground above the season's snow line, patchily near it."""
    open_ground = np.isin(MATERIAL_CLASS[canvas.material], (GRASS, CROPS, SHRUB, BARE, FLOODED))
    relief = canvas.height / (canvas.height.std() + 1e-6)
    field = relief + 0.35 * random_field(rng, canvas.shape, 20.0, 1.5)
    snow = np.zeros((len(SEASONS), *canvas.shape), bool)
    swing = rng.uniform(0.3, 1.3)
    for season, share in enumerate(canvas.region.cold):
        share = min(0.97, share * swing)
        if share > 0:
            snow[season] = (field > np.quantile(field, 1 - share)) & open_ground
    return snow
