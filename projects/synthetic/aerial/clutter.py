"""Painters of what is none of the other classes."""

from __future__ import annotations

import numpy as np

from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.roofs import paint_box
from projects.synthetic.aerial.scene import Scene

CONTAINERS = ('clay', 'blue metal', 'metal', 'copper', 'brown tile', 'orange tile', 'membrane')


def paint_containers(scene: Scene, rng: np.random.Generator, plot: Plot, share: float) -> None:
    """Rows of shipping containers."""
    for across in np.arange(-plot.width / 2 + 1.5, plot.width / 2 - 1.2, 3.2):
        for along in np.arange(-plot.length / 2 + 3.3, plot.length / 2 - 3, 6.6):
            if rng.random() > share:
                continue
            part = plot.part(along, across + rng.normal(0, 0.1), 6.1, 2.44)
            view = scene.view(part)
            if view is None:
                continue
            colour = scene.material(rng, rng.choice(CONTAINERS), view.box, 0.25)
            colour *= (1 + 0.12 * np.sign(np.sin(2 * np.pi * view.along / 0.9)))[..., None]
            height = 2.6 * rng.integers(1, 3)
            scene.put(view.box, view.inside, 'clutter', colour, height)


def paint_pool(scene: Scene, rng: np.random.Generator, plot: Plot) -> None:
    """A swimming pool with a paved rim; some are round."""
    scene.pave(rng, plot, 'pavement', rng.choice(['paving', 'concrete']))
    if view := scene.view(plot.inset(0.8)):
        mask = view.inside
        if rng.random() < 0.4:
            mask = (2 * view.along / (plot.length - 1.6)) ** 2 + (
                2 * view.across / (plot.width - 1.6)
            ) ** 2 < 1
        scene.lay(view.box, mask, 'clutter', scene.material(rng, 'pool', view.box))


def paint_court(scene: Scene, rng: np.random.Generator, plot: Plot) -> None:
    """A tennis court of clay, sand or hard ground, with its lines."""
    surface = rng.choice(['clay', 'clay', 'sand', 'copper', 'red asphalt'])
    scene.pave(rng, plot, 'clutter', surface)
    length, width = min(23.8, 0.75 * plot.length), min(11.0, 0.7 * plot.width)
    view = scene.view(plot)
    if view is None:
        return
    line = max(0.05, 0.5 * scene.metres)
    along, across = np.abs(view.along), np.abs(view.across)
    within = (along < length / 2 + line) & (across < width / 2 + line)
    lines = (np.abs(along - length / 2) < line) | (np.abs(across - width / 2) < line)
    lines |= (np.abs(across - width * 0.375) < line) | (along < line)
    lines |= (np.abs(along - length * 0.27) < line) & (across < width * 0.375)
    colour = scene.material(rng, 'marking', view.box)
    scene.lay(view.box, view.inside & within & lines, 'clutter', colour)


def paint_heap(scene: Scene, rng: np.random.Generator, x: float, y: float, radius: float) -> None:
    """A heap of rubble, earth or sand."""
    view = scene.view(Plot(x, y, 0.0, 2 * radius, 2 * radius), 0.3 * radius)
    if view is None:
        return
    lumps = scene.texture(rng, 'lumps', view.box)
    away = np.hypot(view.along, view.across) / radius + 0.12 * lumps
    surface = rng.choice(['rubble', 'rubble', 'soil', 'sand', 'gravel'])
    colour = scene.material(rng, surface, view.box, 0.2)
    height = 0.7 * radius * np.clip(1 - away, 0, 1) + 0.1 * np.abs(lumps) + 0.05
    scene.put(view.box, away < 1, 'clutter', colour, height)


def paint_site(scene: Scene, rng: np.random.Generator, plot: Plot) -> None:
    """A building site: bare ground, heaps, a pit, huts."""
    view = scene.view(plot)
    if view is None:
        return
    colour = scene.material(rng, rng.choice(['sand', 'soil', 'gravel', 'rubble']), view.box)
    tracks = np.abs(np.sin(view.across * 1.1 + 1.5 * scene.texture(rng, 'broad', view.box)))
    colour *= (1 - 0.25 * (tracks < 0.25))[..., None]
    scene.lay(view.box, view.inside, 'barren', colour)
    for _ in range(rng.poisson(plot.area / 90) + 1):
        along, across = rng.uniform(-0.42, 0.42, 2) * (plot.length, plot.width)
        paint_heap(scene, rng, *plot.point(along, across), rng.uniform(1.2, 3.5))
    huts = plot.part(-plot.length * 0.25, plot.width * 0.36, plot.length * 0.4, 3.4)
    paint_containers(scene, rng, huts, 0.7)
    if rng.random() < 0.6:
        slab = plot.part(plot.length * 0.15, -plot.width * 0.1, plot.length * 0.4, plot.width * 0.4)
        paint_box(scene, rng, slab, 0.3, 'concrete', 'clutter')


def paint_pond(scene: Scene, rng: np.random.Generator, plot: Plot) -> None:
    """A pond with a soft shore."""
    view = scene.view(plot)
    if view is None:
        return
    away = np.hypot(2 * view.along / plot.length, 2 * view.across / plot.width)
    away = away + 0.1 * scene.texture(rng, 'broad', view.box)
    shore = view.inside & (away < 0.92)
    scene.lay(view.box, shore, 'low vegetation', scene.material(rng, 'meadow', view.box))
    scene.lay(
        view.box, view.inside & (away < 0.85), 'water', scene.material(rng, 'water', view.box)
    )


def paint_small_things(scene: Scene, rng: np.random.Generator, plot: Plot, count: int) -> None:
    """Trampolines, sand pits, bins, garden furniture, piles of boards."""
    for _ in range(count):
        along, across = rng.uniform(-0.45, 0.45, 2) * (plot.length, plot.width)
        thing = rng.choice(['disc', 'sand', 'bins', 'boards'])
        if thing == 'disc':
            disc = plot.part(along, across, 3.4, 3.4)
            if view := scene.view(disc):
                away = np.hypot(view.along, view.across)
                colour = scene.material(rng, 'blue metal', view.box)
                colour[away < 1.3] = (0.03, 0.03, 0.03, 0.05)
                scene.put(view.box, away < 1.7, 'clutter', colour, 0.9)
        elif thing == 'sand':
            scene.pave(rng, plot.part(along, across, *rng.uniform(2, 4.5, 2)), 'clutter', 'sand')
        else:
            size = (2.6, 1.0) if thing == 'bins' else rng.uniform(1.5, 3.0, 2)
            surface = 'blue metal' if thing == 'bins' else 'rubble'
            part = plot.part(along, across, *size)
            paint_box(scene, rng, part, rng.uniform(0.8, 1.4), surface, 'clutter')
