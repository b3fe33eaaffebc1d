"""Painters of what people build: towns with streets and plots, roads, farmsteads."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from projects.synthetic.canvas import Canvas
from projects.synthetic.materials import CROPS, GRASS, MATERIAL_CLASS, WATER
from projects.synthetic.noise import random_field
from projects.synthetic.partition import borders, split_land, strips


def paint_town(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint one town: street blocks, plots with roofs and gardens, parks, works at its edge."""
    shape = canvas.shape
    centre = rng.uniform(0.2, 0.8, 2) * shape
    rows, cols = np.indices(shape, np.float32)
    radius = canvas.region.town_size * rng.uniform(0.7, 1.3)
    distance = np.hypot(rows - centre[0], cols - centre[1]) / radius
    density = np.exp(-(distance**2)) * 1.3 + 0.16 * random_field(rng, shape, 25.0, 1.8)
    blocks, angles = split_land(rng, shape, rng.uniform(60, 110), rng.uniform(0, np.pi), jitter=0.1)
    numbers = np.arange(len(angles))
    block_density = ndimage.mean(density, blocks, numbers)
    sizes = np.bincount(blocks.ravel(), minlength=len(angles))
    kind = rng.random(len(angles))
    built = block_density > 0.42
    if not built.any():
        return
    park = built & (kind < 0.07) & (sizes > 30)
    works = built & (kind > np.where(block_density < 0.75, 0.86, 0.97))
    houses = built & ~park & ~works

    depth = rng.uniform(2.2, 3.4, len(angles))
    plots = strips(blocks, angles, depth, rng.uniform(1.8, 3.2, len(angles)))
    dice = rng.random(int(plots.max()) + 1)[plots]
    roofed = np.clip(0.12 + 0.5 * block_density, 0.25, 0.72)[blocks]
    roof_style = rng.choice(3, size=len(angles), p=_roof_shares(rng))
    canvas.paint(houses[blocks], 'garden', plots)
    for index, name in enumerate(('tile roof', 'slate roof', 'metal roof')):
        styled = (houses & (roof_style == index))[blocks]
        canvas.paint(styled & (dice < roofed), name, plots)

    halls = strips(blocks, angles, np.full(len(angles), 7.0), np.full(len(angles), 11.0))
    hall_dice = rng.random(int(halls.max()) + 1)[halls]
    canvas.paint(works[blocks], 'asphalt', blocks)
    canvas.paint(works[blocks] & (hall_dice < 0.62), 'metal roof', halls)
    canvas.paint(works[blocks] & (hall_dice < 0.25), 'slate roof', halls)

    canvas.paint(park[blocks], 'meadow', blocks)
    groves = random_field(rng, shape, 9.0, 1.6) > 0.2
    canvas.paint(park[blocks] & groves, 'broadleaf wood', blocks)
    canvas.paint(borders(blocks) & (houses | works)[blocks], 'asphalt')


def _roof_shares(rng: np.random.Generator) -> np.ndarray:
    shares = np.array([0.6, 0.32, 0.08]) * rng.uniform(0.3, 1.7, 3)
    return shares / shares.sum()


def paint_roads(canvas: Canvas, rng: np.random.Generator) -> None:
    """Draw up to two winding roads across the land, bridging water, with farmsteads along them."""
    rows, cols = np.indices(canvas.shape, np.float32)
    for _ in range(rng.integers(0, 3)):
        angle = rng.uniform(0, np.pi)
        across = cols * np.sin(angle) - rows * np.cos(angle)
        bend = 4.0 * random_field(rng, canvas.shape, 90.0, 3.5)
        line = across - rng.uniform(*np.quantile(across, [0.15, 0.85])) + bend
        wide = rng.random() < 0.35
        steep = np.hypot(*np.gradient(line))
        road = np.abs(line) < (1.0 if wide else 0.55) * steep
        water = MATERIAL_CLASS[canvas.material] == WATER
        share = (water & road).sum() / max(1, road.sum())
        if share > 0.3:
            continue  # nobody builds along a lake bed
        if share > 0.12:
            road &= ~water  # too wide to be bridged
        if wide:
            canvas.paint(road, 'asphalt')
        else:  # too narrow to be a class of its own: a worn line in whatever it crosses
            open_land = np.isin(MATERIAL_CLASS[canvas.material], (CROPS,))
            canvas.paint(road & open_land, 'track')
        _paint_farmsteads(canvas, rng, np.abs(line) / steep)


def _paint_farmsteads(canvas: Canvas, rng: np.random.Generator, road_distance: np.ndarray) -> None:
    near = (road_distance > 1.5) & (road_distance < 5)
    near &= np.isin(MATERIAL_CLASS[canvas.material], (CROPS, GRASS))
    places = np.argwhere(near)
    for _ in range(min(len(places), rng.integers(0, 7))):
        row, col = places[rng.integers(len(places))]
        yard = np.zeros(canvas.shape, bool)
        yard[row : row + rng.integers(2, 5), col : col + rng.integers(2, 6)] = True
        canvas.paint(yard, 'garden')
        roofs = yard & (rng.random(canvas.shape) < 0.5)
        canvas.paint(
            roofs, rng.choice(['tile roof', 'slate roof', 'metal roof'], p=[0.5, 0.3, 0.2])
        )
