"""Painters of buildings."""

from __future__ import annotations

import numpy as np

from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.scene import Scene, View

PITCHED = ('red tile', 'orange tile', 'brown tile', 'slate')
FLAT = ('bitumen', 'gravel roof', 'membrane', 'green roof', 'metal')


def paint_pitched(
    scene: Scene,
    rng: np.random.Generator,
    plot: Plot,
    eave: float,
    surface: str,
    hip: bool = False,
    slope: float | None = None,
) -> None:
    """A roof with two sides, or four if it is a hip roof, with its ridge along the plot."""
    view = scene.view(plot)
    if view is None:
        return
    slope = rng.uniform(0.5, 1.0) if slope is None else slope
    down = np.abs(view.across)
    if hip:
        down = np.maximum(down, np.abs(view.along) - (plot.length - plot.width) / 2)
    height = eave + slope * (plot.width / 2 - down)
    colour = _courses(scene, rng, view, surface, down)
    ridge = np.clip(1.3 - down / (1.2 * scene.metres), 0, 1)[..., None]
    colour *= 1 + rng.uniform(-0.35, 0.4) * ridge
    scene.put(view.box, view.inside, 'building', colour, height)
    ridge_height = eave + slope * plot.width / 2
    _roof_windows(scene, rng, plot, eave, slope)
    for _ in range(rng.integers(1, 2 + int(plot.length // 12))):
        along = rng.uniform(-0.4, 0.4) * plot.length
        spot = plot.part(along, rng.normal(0, 0.08) * plot.width, rng.uniform(0.6, 1.4), 0.7)
        paint_box(scene, rng, spot, ridge_height + 0.9, 'red paving', 'building')


def paint_flat(
    scene: Scene, rng: np.random.Generator, plot: Plot, eave: float, surface: str
) -> None:
    """A flat roof with a parapet, skylights and plant."""
    view = scene.view(plot)
    if view is None:
        return
    colour = scene.material(rng, surface, view.box, 0.2)
    edge = np.minimum(
        plot.length / 2 - np.abs(view.along), plot.width / 2 - np.abs(view.across)
    )  # metres from the border
    if surface == 'metal' or rng.random() < 0.3:  # sheets
        sheet = rng.uniform(0.8, 2.0)
        colour *= (1 + 0.08 * np.sign(np.sin(2 * np.pi * view.along / sheet)))[..., None]
    rim = edge < max(0.35, scene.metres)
    colour[rim] = scene.material(rng, rng.choice(['metal', 'concrete', 'bitumen']), view.box)[rim]
    scene.put(view.box, view.inside, 'building', colour, eave + 0.45 * rim)
    inner = plot.inset(1.2)
    for _ in range(rng.poisson(min(14.0, plot.area / 70))):
        along, across = rng.uniform(-0.5, 0.5, 2) * (inner.length, inner.width)
        size = rng.uniform(0.8, 3.0, 2)
        part = inner.part(along, across, *np.minimum(size, inner.width / 3))
        material = rng.choice(['metal', 'concrete', 'panel', 'membrane'])
        paint_box(scene, rng, part, eave + rng.uniform(0.3, 1.8), material, 'building')
    if rng.random() < 0.2 and plot.area > 80:
        _solar_field(scene, rng, inner, eave)


def paint_shed(scene: Scene, rng: np.random.Generator, plot: Plot) -> None:
    """A garage, shed or carport."""
    surface = rng.choice(['bitumen', 'gravel roof', 'red tile', 'metal', 'green roof'])
    if surface == 'red tile':
        paint_pitched(scene, rng, plot, 2.2, surface, slope=0.5)
    elif view := scene.view(plot):
        colour = scene.material(rng, surface, view.box, 0.2)
        scene.put(view.box, view.inside, 'building', colour, rng.uniform(2.3, 3.0))


def paint_house(scene: Scene, rng: np.random.Generator, plot: Plot, taste: list[str]) -> None:
    """A detached or semi-detached house, some with a wing.

    Args:
        scene: To paint on.
        rng: Source of randomness.
        plot: Its ground plan.
        taste: Roofing of the neighbourhood.
    """
    surface = rng.choice(taste)
    eave = rng.uniform(3.0, 6.5)
    if surface in FLAT:
        paint_flat(scene, rng, plot, eave, surface)
        return
    plot = plot if plot.length >= plot.width else plot.turned()
    slope, hip = rng.uniform(0.45, 1.05), rng.random() < 0.4
    paint_pitched(scene, rng, plot, eave, surface, hip, slope)
    if rng.random() < 0.45:  # a wing, lower
        side = rng.choice([-1.0, 1.0])
        width = rng.uniform(0.4, 0.6) * plot.length
        along = rng.uniform(-0.25, 0.25) * plot.length
        wing = plot.part(along, side * plot.width * 0.38, width, plot.width * 0.7).turned()
        paint_pitched(scene, rng, wing, eave - 0.3, surface, hip, slope)


def paint_box(
    scene: Scene, rng: np.random.Generator, plot: Plot, height: float, surface: str, kind: str
) -> None:
    """Anything with a flat top."""
    if view := scene.view(plot):
        colour = scene.material(rng, surface, view.box, 0.25)
        scene.put(view.box, view.inside, kind, colour, height)


def _courses(
    scene: Scene, rng: np.random.Generator, view: View, surface: str, down: np.ndarray
) -> np.ndarray:
    """Roofing in courses, weathered down the slope."""
    colour = scene.material(rng, surface, view.box, 0.18)
    shades = 1 + 0.07 * rng.standard_normal(256).astype(np.float32)
    course = (down / max(0.35, scene.metres)).astype(int) % 256
    streaks = 1 + 0.06 * rng.standard_normal(512).astype(np.float32)
    streak = np.floor(view.along / max(0.5, scene.metres)).astype(int) % 512
    return colour * (shades[course] * streaks[streak])[..., None]


def _roof_windows(
    scene: Scene, rng: np.random.Generator, plot: Plot, eave: float, slope: float
) -> None:
    """Skylights, dormers or panels on the slopes."""
    side = rng.choice([-1.0, 1.0])
    across = side * plot.width * 0.25
    top = eave + slope * plot.width / 4
    style = rng.choice(['none', 'skylights', 'dormers', 'panels'], p=[0.3, 0.3, 0.25, 0.15])
    if style == 'panels':
        part = plot.part(0.0, across, plot.length * rng.uniform(0.3, 0.75), plot.width * 0.32)
        if view := scene.view(part):
            colour = scene.material(rng, 'panel', view.box)
            seams = (np.abs(view.along) % 1.1 < 0.1) | (np.abs(view.across) % 1.7 < 0.1)
            colour[seams] += 0.06
            height = eave + slope * (plot.width / 2 - np.abs(view.across + across)) + 0.12
            scene.put(view.box, view.inside, 'building', colour, height)
    elif style != 'none':
        for along in np.arange(-plot.length / 2 + 1.8, plot.length / 2 - 1.5, rng.uniform(2.2, 4)):
            if style == 'skylights':
                part = plot.part(along, across, 0.9, 1.1)
                paint_box(scene, rng, part, top + 0.5 * slope + 0.1, 'panel', 'building')
            else:
                part = plot.part(along, side * plot.width * 0.3, 1.6, plot.width * 0.3)
                paint_box(scene, rng, part, top + 0.7, 'slate', 'building')


def _solar_field(scene: Scene, rng: np.random.Generator, plot: Plot, eave: float) -> None:
    pitch = rng.uniform(1.6, 2.6)
    for across in np.arange(-plot.width * 0.4, plot.width * 0.4, pitch):
        part = plot.part(0.0, across, plot.length * 0.8, 0.6 * pitch)
        paint_box(scene, rng, part, eave + 0.6, 'panel', 'building')
