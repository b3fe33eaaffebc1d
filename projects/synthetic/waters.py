"""Painters of water: meandering rivers, lakes and coasts, with their banks and marshes."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from projects.synthetic.canvas import Canvas, blobs
from projects.synthetic.materials import BUILT, MATERIAL_CLASS
from projects.synthetic.noise import random_field


def meander(rng: np.random.Generator, shape: tuple[int, int], width: float) -> np.ndarray:
    """The course of a river through a place: a sine-generated curve with irregular bends.

    Its direction is ``w sin(2 pi s / l)`` along its length s (Langbein and Leopold 1966), the
    bend's length l growing with the width; both vary downstream.

    Args:
        rng: Source of randomness.
        shape: (H, W).
        width: Typical width, in pixels.

    Returns:
        (N, 2) row and column of points half a pixel apart.
    """
    reach = 2.6 * max(shape)
    steps = int(reach / 0.5)
    wander = ndimage.gaussian_filter1d(rng.standard_normal(steps), 60, mode='wrap')
    wander /= wander.std() + 1e-9
    bend_length = (14 + 8 * width) * rng.uniform(0.8, 1.4)
    phase = np.cumsum(0.5 * (1 + 0.35 * wander)) * 2 * np.pi / bend_length
    strength = rng.uniform(0.45, 1.5)
    bends = np.clip(strength * (1 + 0.3 * np.roll(wander, steps // 3)), 0, 1.75)
    drift = ndimage.gaussian_filter1d(rng.standard_normal(steps), 90, mode='wrap')
    direction = rng.uniform(0, 2 * np.pi) + bends * np.sin(phase) + 0.3 * drift / drift.std()
    course = np.stack([np.sin(direction), np.cos(direction)], -1).cumsum(0) * 0.5
    middle = rng.uniform(0.3, 0.7, 2) * shape
    return course - course[steps // 2] + middle


def paint_waters(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint rivers and standing water, as the region has them, then their shores."""
    region = canvas.region
    water = np.zeros(canvas.shape, bool)
    flowing = np.zeros(canvas.shape, bool)
    if rng.random() < region.lake:
        water |= _standing_water(canvas, rng)
    if rng.random() < region.river:
        flowing |= _river(canvas, rng)
        if region.name == 'wetland' and rng.random() < 0.5:
            flowing |= _river(canvas, rng, 0.4)
        water |= flowing
    if not water.any():
        return
    canvas.water_distance = ndimage.distance_transform_edt(~water).astype(np.float32)
    _paint_shores(canvas, rng, flowing)
    town = (MATERIAL_CLASS[canvas.material] == BUILT) & ~water
    canvas.paint(water & ~town, 'water')


def _river(canvas: Canvas, rng: np.random.Generator, scale: float = 1.0) -> np.ndarray:
    width = max(1.6, scale * canvas.region.river_width * rng.lognormal(0, 0.4))
    course = meander(rng, canvas.shape, width)
    points = np.stack(np.indices(canvas.shape, np.float32), -1)
    distance, nearest = cKDTree(course).query(points)
    along = ndimage.gaussian_filter1d(rng.standard_normal(len(course)), 25, mode='wrap')
    along = 1 + 0.22 * along / along.std()
    ragged = 0.12 * width * random_field(rng, canvas.shape, 8.0, 1.5)
    canvas.height -= (4 * np.exp(-((distance / (6 * width)) ** 2))).astype(np.float32)
    return distance < 0.5 * width * along[nearest] + ragged


def _standing_water(canvas: Canvas, rng: np.random.Generator) -> np.ndarray:
    shape = canvas.shape
    rows, cols = np.indices(shape, np.float32) / max(shape)
    ragged = 10.0 / max(shape) * random_field(rng, shape, 60.0, 2.3)
    if canvas.region.name == 'coast':
        angle = rng.uniform(0, 2 * np.pi)
        side = rows * np.sin(angle) + cols * np.cos(angle)
        field = side - side.mean() + ragged
        return field > np.quantile(field, rng.uniform(0.35, 0.75))
    centre = rng.uniform(0.15, 0.85, 2)
    stretch = rng.uniform(0.6, 1.6)
    turn = rng.uniform(0, np.pi)
    y, x = rows - centre[0], cols - centre[1]
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    radius = rng.uniform(0.08, 0.26)
    return np.hypot(along / stretch, across * stretch) + 0.8 * ragged < radius


def _paint_shores(canvas: Canvas, rng: np.random.Generator, flowing: np.ndarray) -> None:
    region, shape, distance = canvas.region, canvas.shape, canvas.water_distance
    dry_town = MATERIAL_CLASS[canvas.material] != BUILT
    if flowing.any():  # a band of riverside wood
        river_distance = ndimage.distance_transform_edt(~flowing)
        trees = river_distance < 3 + 2.5 * random_field(rng, shape, 18.0, 1.6)
        canvas.paint(trees & dry_town, 'broadleaf wood', blobs(rng, shape, 20.0))
    reach = region.marsh * rng.uniform(0.6, 1.3)
    wet = distance < reach * (1 + 0.9 * random_field(rng, shape, 26.0, 1.7))
    wet &= random_field(rng, shape, 40.0, 1.8) > (-0.9 if region.marsh > 4 else 0.3)
    patches = blobs(rng, shape, 14.0)
    canvas.paint(wet & dry_town, 'reed', patches)
    swampy = (rng.random(patches.max() + 1) < rng.uniform(0.1, 0.7))[patches]
    canvas.paint(wet & dry_town & swampy, 'swamp', patches)
    if region.marsh > 4:  # pools between the reeds
        pools = wet & (random_field(rng, shape, 12.0, 1.7) > 1.35)
        canvas.paint(pools & dry_town, 'water')
    sandy = random_field(rng, shape, 35.0, 2.0)
    broad = (3.0 if region.name == 'coast' else 1.0) * rng.uniform(0.5, 1.5)
    beach = (distance < broad * (0.7 + sandy)) & (sandy > rng.uniform(0, 1.5)) & dry_town
    canvas.paint(beach, 'sand' if region.name == 'coast' or rng.random() < 0.3 else 'bare soil')
