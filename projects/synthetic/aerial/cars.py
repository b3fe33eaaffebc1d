"""Painters of vehicles."""

from __future__ import annotations

import numpy as np

from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.scene import Scene

PAINTS = (
    *((0.62, 0.62, 0.61), (0.4, 0.41, 0.43), (0.2, 0.21, 0.22), (0.03, 0.03, 0.035)),
    *((0.05, 0.09, 0.27), (0.34, 0.03, 0.03), (0.05, 0.16, 0.09), (0.5, 0.38, 0.05)),
    (0.27, 0.22, 0.15),
)
SHARES = (0.21, 0.2, 0.16, 0.19, 0.1, 0.07, 0.03, 0.02, 0.02)


def park_car(scene: Scene, rng: np.random.Generator, x: float, y: float, angle: float) -> None:
    """A car or, rarely, a van, heading along ``angle`` (radians) or the other way."""
    angle += rng.normal(0, 0.025) + np.pi * (rng.random() < 0.4)
    van = rng.random() < 0.1
    length, width = rng.uniform(*((5.0, 6.2) if van else (3.9, 4.9))), rng.uniform(1.75, 2.0)
    view = scene.view(Plot(x, y, angle, length, width), 0.3)
    if view is None:
        return
    along, across = 2 * view.along / length, 2 * view.across / width
    body = along**6 + across**4 < 1
    paint = np.array(PAINTS[rng.choice(len(PAINTS), p=SHARES)], np.float32)
    infrared = paint.mean() * rng.uniform(0.8, 1.6)
    colour = np.empty((*body.shape, 4), np.float32)
    colour[:] = [*(paint * rng.uniform(0.8, 1.2)), infrared]
    colour *= (1 + 0.04 * scene.texture(rng, 'grain', view.box))[..., None]
    front, rear = (0.6, -1.0) if van else (rng.uniform(0.25, 0.4), rng.uniform(-0.85, -0.6))
    cabin = (along < front + 0.05) & (along > rear - 0.05)
    glass = (along > front - 0.3) & (along < front) & (np.abs(across) < 0.8)
    if not van:
        glass |= (along < rear + 0.22) & (along > rear) & (np.abs(across) < 0.75)
        glass |= cabin & (np.abs(across) > 0.68) & (np.abs(across) < 0.88)
    colour[glass] = (0.03, 0.035, 0.04, 0.05)
    if not van and rng.random() < 0.15:  # a glass roof
        colour[cabin & ~glass & (np.abs(across) < 0.6)] *= 0.3
    height = np.where(cabin, 2.3 if van else 1.45, 1.3 if van else 0.85)
    scene.put(view.box, body, 'car', colour, height)


def park_row(
    scene: Scene, rng: np.random.Generator, plot: Plot, pitch: float, share: float, across: bool
) -> None:
    """Cars in a row along a plot.

    Args:
        scene: To paint on.
        rng: Source of randomness.
        plot: The row.
        pitch: From one place to the next, in metres.
        share: Share of the places that are taken.
        across: Whether cars stand across the row instead of along it.
    """
    for along in np.arange(-plot.length / 2 + pitch / 2, plot.length / 2 - pitch / 2, pitch):
        if rng.random() < share:
            x, y = plot.point(along + rng.normal(0, 0.1), rng.normal(0, 0.12))
            park_car(scene, rng, x, y, plot.angle + np.pi / 2 * across)


def paint_car_park(
    scene: Scene, rng: np.random.Generator, plot: Plot, share: float, surface: str
) -> None:
    """A paved place with marked rows of cars."""
    plot = plot if plot.length >= plot.width else plot.turned()
    scene.pave(rng, plot, 'pavement', surface)
    if plot.width < 5.5 or plot.length < 6:
        return
    pitch, depth = 2.6, 5.0
    rows = [-plot.width / 2 + depth / 2]
    if plot.width > 11:
        rows.append(plot.width / 2 - depth / 2)
    if plot.width > 26:
        rows += [-depth / 2, depth / 2]
    line = max(0.06, 0.4 * scene.metres)
    for offset in rows:
        row = plot.part(0.0, offset, plot.length - 1.0, depth)
        if view := scene.view(row):
            lines = view.inside & ((view.along + row.length / 2) % pitch < 2 * line)
            scene.lay(view.box, lines, 'pavement', scene.material(rng, 'marking', view.box))
        park_row(scene, rng, row, pitch, share, across=True)
