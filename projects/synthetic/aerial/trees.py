"""Painters of trees, hedges and whole groves."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.scene import Scene, View

SPECIES = ('broadleaf', 'light broadleaf', 'conifer', 'copper beech', 'autumn')
SHARES = (0.57, 0.23, 0.13, 0.03, 0.04)
RAGGED = 0.16  # of the radius


def plant_tree(
    scene: Scene,
    rng: np.random.Generator,
    x: float,
    y: float,
    radius: float,
    species: str | None = None,
    bare: float = 0.0,
) -> None:
    """One tree.

    Args:
        scene: To paint on.
        rng: Source of randomness.
        x: Where it stands, in metres.
        y: Where it stands, in metres.
        radius: Of its crown, in metres.
        species: One of ``SPECIES``. Defaults to any.
        bare: Probability that it has no leaves.
    """
    view = scene.view(Plot(x, y, 0.0, 2 * radius, 2 * radius), 0.4 * radius)
    if view is None:
        return
    species = species or rng.choice(SPECIES, p=SHARES)
    bare = species not in ('conifer', 'autumn') and rng.random() < bare
    around = np.arctan2(view.across, view.along)
    lobes = sum(
        rng.uniform(0.2, 1) * np.sin(count * around + rng.uniform(0, 2 * np.pi))
        for count in (2, 3, 5, 8)
    )
    lumps = scene.texture(rng, 'lumps', view.box)
    away = np.hypot(view.along, view.across) / (radius * (1 + 0.06 * lobes)) + 0.08 * lumps
    crown = away < 1
    total = radius * (rng.uniform(3.2, 4.2) if species == 'conifer' else rng.uniform(2.0, 2.8))
    _cover(scene, rng, view, crown, away, min(total, 24.0), species, lumps, bare)


def _cover(
    scene: Scene,
    rng: np.random.Generator,
    view: View,
    crown: np.ndarray,
    away: np.ndarray,
    total: float,
    species: str,
    lumps: np.ndarray,
    bare: bool,
) -> None:
    dome = np.sqrt(np.clip(1 - away**2, 0, 1)) if species != 'conifer' else 1 - away
    height = total * (0.5 + 0.5 * dome) + 0.45 * lumps
    height = np.maximum(height, 0.3 * total)
    if bare:
        grain = scene.texture(rng, 'grain', view.box)
        twigs = crown & (grain + 0.8 * (1 - away) > rng.uniform(0.1, 0.5))
        scene.put(view.box, crown, 'tree', scene.colour[view.box].copy(), 0.6)
        colour = scene.material(rng, 'branches', view.box)
        scene.put(view.box, twigs, 'tree', colour, height)
        return
    colour = scene.material(rng, species, view.box, 0.2)
    colour *= np.clip(0.95 + 0.22 * lumps, 0.45, 1.6)[..., None]
    scene.put(view.box, crown, 'tree', colour, height)


def plant_grove(
    scene: Scene, rng: np.random.Generator, plot: Plot, mask: np.ndarray, spacing: float
) -> None:
    """Trees over a mask, crown to crown.

    Args:
        scene: To paint on.
        rng: Source of randomness.
        plot: What holds the mask.
        mask: Bool, of the shape of the plot's view.
        spacing: Between trees, in metres.
    """
    view = scene.view(plot)
    if view is None or not mask.any():
        return
    pitch = max(2, round(spacing / scene.metres))
    stems = np.ones(mask.shape, bool)
    height, width = mask.shape
    rows, cols = (axis.ravel() for axis in np.mgrid[0:height:pitch, 0:width:pitch])
    rows = np.clip(rows + rng.integers(0, pitch, rows.size), 0, height - 1)
    cols = np.clip(cols + rng.integers(0, pitch, cols.size), 0, width - 1)
    stems[rows, cols] = False
    away, nearest = ndimage.distance_transform_edt(stems, return_indices=True)
    tree = nearest[0] * width + nearest[1]
    dice = np.zeros((mask.size, 3), np.float32)
    stem = rows * width + cols
    dice[stem] = rng.random((stem.size, 3))
    size, shade, sort = np.moveaxis(dice[tree], -1, 0)
    lumps = scene.texture(rng, 'lumps', view.box)
    away = away / (pitch * (0.55 + 0.3 * size)) + 0.1 * lumps
    crown = mask.ravel()[tree] & (away < 1.15)
    mixed = rng.random() < 0.5
    first, second = rng.choice(SPECIES, 2, p=SHARES)
    colour = scene.material(rng, first, view.box)
    if mixed:
        other = sort < rng.uniform(0.15, 0.5)
        colour[other] = scene.material(rng, second, view.box)[other]
    colour *= ((0.7 + 0.6 * shade) * np.clip(0.95 + 0.22 * lumps, 0.45, 1.6))[..., None]
    dome = np.sqrt(np.clip(1 - away**2, 0.0, 1))
    height = spacing * (1.1 + 0.5 * size) * (0.65 + 0.45 * dome) + 0.4 * lumps
    scene.put(view.box, crown, 'tree', colour, height)


def plant_hedge(scene: Scene, rng: np.random.Generator, plot: Plot, height: float) -> None:
    """A clipped hedge or a row of shrubs, which counts as low vegetation."""
    view = scene.view(plot, 0.5)
    if view is None:
        return
    lumps = scene.texture(rng, 'lumps', view.box)
    along = np.abs(view.along) < plot.length / 2
    mask = along & (np.abs(view.across) < plot.width / 2 + 0.2 * lumps)
    colour = scene.material(rng, 'shrub', view.box, 0.2)
    scene.put(view.box, mask, 'low vegetation', colour, height + 0.2 * lumps)
