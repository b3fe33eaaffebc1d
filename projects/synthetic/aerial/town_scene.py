"""Whole pieces of town."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from projects.synthetic.aerial.clutter import paint_court, paint_heap, paint_pond, paint_site
from projects.synthetic.aerial.greens import plant_some
from projects.synthetic.aerial.level_lines import draw_line
from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.quarters import QUARTERS, draw_taste
from projects.synthetic.aerial.scene import Scene
from projects.synthetic.aerial.streets import paint_streets, plan_streets


class TownStyle(NamedTuple):
    """A kind of town.

    Args:
        blocks: Range of the blocks' sides, in metres.
        road: Range of the carriageways' widths.
        pavement: Range of the pavements' widths.
        mix: Share of each of ``quarters.QUARTERS`` in the blocks, in its order.
    """

    blocks: tuple[float, float]
    road: tuple[float, float]
    pavement: tuple[float, float]
    mix: tuple[float, float, float, float, float]


TOWNS = {
    'suburb': TownStyle((50, 72), (4.8, 6.5), (1.2, 2.4), (0.84, 0.0, 0.06, 0.0, 0.1)),
    'centre': TownStyle((48, 72), (6.0, 9.0), (1.8, 3.4), (0.0, 0.8, 0.06, 0.04, 0.1)),
    'estate': TownStyle((60, 85), (5.5, 8.0), (1.5, 3.0), (0.1, 0.06, 0.68, 0.06, 0.1)),
    'works': TownStyle((60, 85), (6.5, 9.0), (1.2, 2.4), (0.06, 0.04, 0.1, 0.7, 0.1)),
}


def paint_town(scene: Scene, rng: np.random.Generator, style: str) -> None:
    """Fill a scene with streets and blocks.

    Args:
        scene: To paint on.
        rng: Source of randomness.
        style: Key of ``TOWNS``.
    """
    town, taste = TOWNS[style], draw_taste(rng)
    plan = plan_streets(rng, scene.everything(), town.blocks, town.road, town.pavement)
    names = list(QUARTERS)
    for block in plan.blocks:
        use = names[rng.choice(len(names), p=town.mix)]
        if scene.view(block) is None:
            continue
        if rng.random() < 0.18 and style != 'works':
            special = rng.choice(3)
            strip = block.part(-block.length * 0.32, 0.0, block.length * 0.36, block.width)
            block = block.part(block.length * 0.18, 0.0, block.length * 0.64, block.width)
            scene.pave(rng, strip, 'low vegetation', 'meadow')
            spot = replace(strip, length=min(strip.length, 18.0), width=min(strip.width, 36.0))
            (paint_court, paint_site, paint_pond)[special](scene, rng, spot.turned())
            plant_some(scene, rng, strip, 8, (2.0, 4.5), taste.bare)
        QUARTERS[use](scene, rng, block, taste)
    paint_streets(scene, rng, plan, taste.parked, taste.bare)


def paint_river(scene: Scene, rng: np.random.Generator) -> None:
    """A river or canal that takes away what stood there, with its banks."""
    line = draw_line(scene, rng, bend=rng.choice([4.0, 20.0]))
    view = scene.view(scene.everything())
    half, bank = rng.uniform(4, 16), rng.uniform(1, 5)
    width = half * (1 + 0.12 * scene.texture(rng, 'broad', view.box))
    cleared = line.distance < width + bank
    scene.height[cleared] = 0
    scene.lay(view.box, cleared, 'low vegetation', scene.material(rng, 'meadow', view.box))
    colour = scene.material(rng, 'water', view.box, 0.3)
    murky = rng.uniform(0, 1) * np.array([0.04, 0.055, 0.05, 0.01], np.float32)
    scene.lay(view.box, line.distance < width, 'water', colour + murky)


def paint_quarry(scene: Scene, rng: np.random.Generator) -> None:
    """Bare ground: a gravel pit, cleared land, a dry bank."""
    width, height = scene.size
    size = rng.uniform(35, 90, 2)
    plot = Plot(*rng.uniform(0.1, 0.9, 2) * (width, height), rng.uniform(0, np.pi), *size)
    view = scene.view(plot, 10.0)
    if view is None:
        return
    away = np.hypot(2 * view.along / plot.length, 2 * view.across / plot.width)
    mask = away + 0.25 * scene.texture(rng, 'broad', view.box) < 0.9
    first, second = rng.choice(['sand', 'soil', 'rock', 'rubble', 'gravel'], 2)
    colour = scene.material(rng, first, view.box, 0.2)
    other = scene.texture(rng, 'broad', view.box) > 0.3
    colour[other] = scene.material(rng, second, view.box, 0.2)[other]
    scene.height[view.box][mask] = 0
    scene.lay(view.box, mask, 'barren', colour)
    for _ in range(rng.poisson(3)):
        spot = plot.point(*rng.uniform(-0.3, 0.3, 2) * (plot.length, plot.width))
        paint_heap(scene, rng, *spot, rng.uniform(2, 6))
