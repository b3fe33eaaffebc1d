"""Painter of fields: blocks cut into parcels and strips, tracks, hedges, copses."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from projects.synthetic.canvas import Canvas
from projects.synthetic.materials import MATERIAL
from projects.synthetic.noise import random_field, top_share
from projects.synthetic.partition import borders, split_land, strips

LUSH = ('winter cereal', 'maize', 'rape', 'dry crop', 'meadow', 'bare soil', 'broadleaf wood')
LUSH_SHARES = (0.36, 0.24, 0.12, 0.05, 0.15, 0.03, 0.05)
DRY_SHARES = (0.10, 0.08, 0.02, 0.55, 0.05, 0.17, 0.03)


def paint_farmland(canvas: Canvas, rng: np.random.Generator) -> None:
    """Paint fields over the gentle part of the canvas, as much as the region is arable."""
    region, shape = canvas.region, canvas.shape
    steep = ndimage.gaussian_gradient_magnitude(canvas.height, 2.0)
    suitable = random_field(rng, shape, 60.0, 2.3) - 0.5 * steep / (steep.std() + 1e-6)
    share = min(1.0, region.arable * rng.uniform(0.6, 1.4))
    if share <= 0.02:
        return
    arable = top_share(suitable, share)
    angle = rng.uniform(0, np.pi)
    blocks, angles = split_land(rng, shape, region.parcel * rng.uniform(0.7, 1.5), angle)
    # whole blocks are farmed, so that fields keep straight borders
    farmed_share = ndimage.mean(arable, blocks, np.arange(len(angles)))
    farmed = (farmed_share > 0.5)[blocks]

    striped = rng.random(len(angles)) < 0.75
    width = np.where(striped, rng.uniform(4, 11, len(angles)), 60.0)
    length = np.where(striped, rng.uniform(25, 70, len(angles)), 60.0)
    angles = angles + np.where(rng.random(len(angles)) < 0.3, np.pi / 2, 0).astype(np.float32)
    parcels = strips(blocks, angles, width, length)

    shares = np.array(DRY_SHARES if region.dry > 0.5 else LUSH_SHARES) * rng.uniform(0.5, 1.5, 7)
    crops = rng.choice(len(LUSH), size=int(parcels.max()) + 1, p=shares / shares.sum())
    # neighbours in one block often grow the same
    leading = rng.choice(len(LUSH), size=len(angles), p=shares / shares.sum())
    follows = rng.random(parcels.max() + 1) < 0.35
    crop = np.where(follows[parcels], leading[blocks], crops[parcels])
    for index, name in enumerate(LUSH):
        canvas.paint(farmed & (crop == index), name, parcels)
    ploughed = farmed & (canvas.material != MATERIAL['broadleaf wood'])
    canvas.row_angle[ploughed] = angles[blocks][ploughed]

    edge = borders(blocks) & farmed
    if rng.random() < region.hedges:
        hedged = rng.random(len(angles)) < 0.6
        hedge = edge & hedged[blocks] & (random_field(rng, shape, 8.0, 1.2) > -0.7)
        wide = random_field(rng, shape, 12.0, 1.5) > 0.3
        thick = ndimage.binary_dilation(hedge & wide, np.ones((2, 2))) & farmed
        canvas.paint(hedge | thick, 'broadleaf wood')
        edge &= ~hedged[blocks]
    canvas.paint(edge & (rng.random(len(angles)) < 0.55)[blocks], 'track')
