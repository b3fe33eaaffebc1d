"""Painters of lawns, beds and parks."""

from __future__ import annotations

import numpy as np

from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.scene import Scene
from projects.synthetic.aerial.trees import plant_grove, plant_tree


def paint_lawn(scene: Scene, rng: np.random.Generator, plot: Plot) -> None:
    """Grass: mown in stripes, wild, worn or dry."""
    view = scene.view(plot)
    if view is None:
        return
    surface = rng.choice(['lawn', 'meadow', 'dry grass'], p=[0.5, 0.33, 0.17])
    colour = scene.material(rng, surface, view.box, 0.18)
    if surface == 'lawn' and rng.random() < 0.6:
        stripe = rng.uniform(1.0, 2.2)
        wave = np.sign(np.sin(2 * np.pi * view.across / stripe))
        colour *= (1 + rng.uniform(0.04, 0.12) * wave)[..., None]
    worn = scene.texture(rng, 'patches', view.box) > rng.uniform(1.0, 3.0)
    colour[worn] = scene.material(rng, 'soil', view.box)[worn]
    scene.lay(view.box, view.inside, 'low vegetation', colour)


def paint_beds(scene: Scene, rng: np.random.Generator, plot: Plot) -> None:
    """A kitchen garden in rows."""
    view = scene.view(plot)
    if view is None:
        return
    rows = np.sin(2 * np.pi * view.across / rng.uniform(0.9, 1.5)) > 0.2
    colour = scene.material(rng, 'soil', view.box)
    colour[rows] = scene.material(rng, rng.choice(['shrub', 'young crop']), view.box)[rows]
    scene.lay(view.box, view.inside, 'low vegetation', colour)


def plant_some(
    scene: Scene,
    rng: np.random.Generator,
    plot: Plot,
    count: int,
    radius: tuple[float, float],
    bare: float,
) -> None:
    """Trees here and there, not out of roofs or roads.

    Args:
        scene: To paint on.
        rng: Source of randomness.
        plot: Where.
        count: How many are tried.
        radius: Range of the crowns' radii, in metres.
        bare: Probability of a leafless one.
    """
    for _ in range(count):
        along, across = rng.uniform(-0.5, 0.5, 2) * (plot.length, plot.width)
        x, y = plot.point(along, across)
        if scene.kind_at(x, y) in ('low vegetation', 'pavement', 'field'):
            plant_tree(scene, rng, x, y, rng.uniform(*radius), bare=bare)


def paint_park(scene: Scene, rng: np.random.Generator, plot: Plot, bare: float) -> None:
    """Lawns, paths and groups of trees."""
    paint_lawn(scene, rng, plot)
    view = scene.view(plot)
    if view is None:
        return
    surface = rng.choice(['gravel', 'paving', 'sand', 'asphalt'])
    bend = 4 * np.sin(view.along / rng.uniform(6, 14) + rng.uniform(0, 6))
    offset = rng.uniform(-0.25, 0.25) * plot.width
    path = view.inside & (np.abs(view.across - offset - bend) < rng.uniform(0.9, 1.8))
    path |= view.inside & (np.abs(view.along - rng.uniform(-0.3, 0.3) * plot.length) < 1.2)
    scene.lay(view.box, path, 'pavement', scene.material(rng, surface, view.box))
    groves = view.inside & (scene.texture(rng, 'broad', view.box) > rng.uniform(0.6, 1.3))
    plant_grove(scene, rng, plot, groves, rng.uniform(5, 8))
    plant_some(scene, rng, plot, int(plot.area / 160), (1.8, 4.8), bare)
