"""Painters of what grows by itself: woods, shrub, grass, bare ground."""

from __future__ import annotations

import numpy as np

from projects.synthetic.canvas import Canvas, blobs
from projects.synthetic.noise import random_field, top_share


def make_height(rng: np.random.Generator, shape: tuple[int, int], relief: float) -> np.ndarray:
    """Heights in metres: a tilted plane, hills and roughness.

    Args:
        rng: Source of randomness.
        shape: (H, W).
        relief: Standard deviation, in metres.

    Returns:
        (H, W) float32.
    """
    rows, cols = np.indices(shape, np.float32) / max(shape)
    angle = rng.uniform(0, 2 * np.pi)
    plane = rows * np.sin(angle) + cols * np.cos(angle)
    hills = random_field(rng, shape, 80.0, 2.8)
    ridges = 1 - np.abs(random_field(rng, shape, 70.0, 2.5))
    height = 1.2 * plane + 0.7 * hills + 0.5 * ridges
    return (relief * (height - height.mean()) / height.std()).astype(np.float32)


def paint_nature(canvas: Canvas, rng: np.random.Generator) -> None:
    """Cover the whole canvas with woods, shrub, grass and bare ground.

    Woods keep to some heights, shrub fringes them, bare ground lies high, steep or dry.
    """
    region, shape = canvas.region, canvas.shape
    level = (canvas.height - canvas.height.mean()) / (canvas.height.std() + 1e-6)
    mountain = region.cold[2] > 0
    patches = blobs(rng, shape, 24.0)
    dry_grass = rng.random(patches.max() + 1) < 0.15 + 0.8 * region.dry
    canvas.paint(np.ones(shape, bool), 'meadow', patches)
    canvas.paint(dry_grass[patches], 'pasture', patches)

    share = rng.uniform(0.6, 1.4)
    gaps = random_field(rng, shape, 7.0, 1.3)
    woods = random_field(rng, shape, 45.0, 2.1) + 0.22 * gaps - (1.6 * level if mountain else 0)
    barren = random_field(rng, shape, 35.0, 2.1) + (1.8 * level if mountain else 0.3 * level)
    fringe = 0.8 * random_field(rng, shape, 28.0, 2.0) + 0.45 * woods

    bare = top_share(barren, region.bare * rng.uniform(0.4, 1.6))
    canvas.paint(bare, 'rock' if mountain else 'bare soil', blobs(rng, shape, 18.0))
    if not mountain and rng.random() < 0.6:
        drifts = bare & (random_field(rng, shape, 30.0, 2.0) > 0)
        canvas.paint(drifts, 'sand' if region.name == 'coast' else 'rock', blobs(rng, shape, 30.0))
    forest = top_share(woods, min(0.95, region.forest * share)) & ~bare
    shrub = top_share(fringe, min(0.9, 1.3 * region.shrub * share)) & ~bare & ~forest
    canvas.paint(
        shrub, 'dry scrub' if rng.random() < region.dry else 'heath', blobs(rng, shape, 20)
    )
    if rng.random() < 0.3:
        spots = shrub & (random_field(rng, shape, 25.0, 1.7) > 0.2)
        canvas.paint(spots, 'heath' if region.dry > 0.5 else 'dry scrub', blobs(rng, shape, 20))

    stands = blobs(rng, shape, 20.0, 0.25)
    conifer_share = np.clip(rng.normal(0.65 if mountain else 0.35, 0.25), 0, 1)
    conifer = rng.random(stands.max() + 1) < conifer_share
    canvas.paint(forest, 'broadleaf wood', stands)
    canvas.paint(forest & conifer[stands], 'conifer wood', stands)
    lone = (random_field(rng, shape, 3.0, 1.0) > 2.6) & ~forest & ~bare
    canvas.paint(lone, 'broadleaf wood')
