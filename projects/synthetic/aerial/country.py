"""Whole pieces of country: fields, woods, water, a road and the houses along it."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from projects.synthetic.aerial.greens import plant_some
from projects.synthetic.aerial.level_lines import Line, draw_line
from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.quarters import draw_taste, paint_villa
from projects.synthetic.aerial.roofs import paint_flat
from projects.synthetic.aerial.scene import Scene
from projects.synthetic.aerial.surfaces import KIND
from projects.synthetic.aerial.town_scene import paint_quarry, paint_river
from projects.synthetic.aerial.trees import plant_grove, plant_tree
from projects.synthetic.noise import random_field, top_share
from projects.synthetic.partition import borders, split_land

CROPS = ('young crop', 'full crop', 'ripe crop', 'bare field')


def paint_country(scene: Scene, rng: np.random.Generator) -> None:
    """Fill a scene with country."""
    everything = scene.everything()
    view = scene.view(everything)
    pieces = _paint_fields(scene, rng)
    if rng.random() < 0.55:
        paint_quarry(scene, rng)
    wood = top_share(
        random_field(rng, scene.shape, 90.0 / scene.metres, 2.8), rng.choice([0.05, 0.18, 0.4])
    )
    scene.lay(view.box, wood, 'low vegetation', scene.material(rng, 'meadow', view.box))
    if rng.random() < 0.65:
        paint_river(scene, rng)
    wood &= scene.kind != KIND['water']
    roads = [_paint_road(scene, rng) for _ in range(rng.integers(1, 3))]
    for line in roads:
        wood &= line.distance > 4
    plant_grove(scene, rng, everything, wood, rng.uniform(5, 8))
    _paint_houses(scene, rng, roads[0])
    _plant_rows(scene, rng, pieces)


def _paint_fields(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    area = rng.uniform(1500, 6000) / scene.metres**2
    pieces, angles = split_land(rng, scene.shape, area, rng.uniform(0, np.pi))
    crops = rng.choice(CROPS, 3)
    for piece, box in enumerate(ndimage.find_objects(pieces + 1)):
        mask = pieces[box] == piece
        if rng.random() < 0.14:
            scene.lay(box, mask, 'low vegetation', scene.material(rng, 'meadow', box))
            continue
        colour = scene.material(rng, rng.choice(crops), box, 0.2)
        rows, cols = np.indices(mask.shape, np.float32) * scene.metres
        turn = angles[piece] + np.pi / 2 * (rng.random() < 0.4)
        across = rows * np.cos(turn) - cols * np.sin(turn)
        pitch = rng.uniform(2.5, 4.5)
        colour *= (1 + rng.uniform(0.02, 0.1) * np.sin(2 * np.pi * across / pitch))[..., None]
        if rng.random() < 0.6:  # where the tractor drives
            colour *= (1 - 0.18 * (across % 18 < 1.0))[..., None]
        scene.lay(box, mask, 'field', colour)
    view = scene.view(scene.everything())
    verge = ndimage.binary_dilation(borders(pieces), iterations=max(1, round(0.8 / scene.metres)))
    scene.lay(view.box, verge, 'low vegetation', scene.material(rng, 'meadow', view.box))
    return pieces


def _paint_road(scene: Scene, rng: np.random.Generator) -> Line:
    line = draw_line(scene, rng, bend=12.0)
    view = scene.view(scene.everything())
    half = rng.choice([1.6, 2.3, 3.4])
    surface = rng.choice(['asphalt', 'concrete', 'gravel', 'sand', 'new asphalt'])
    colour = scene.material(rng, surface, view.box)
    colour *= (1 - 0.15 * (np.abs(line.distance - 0.5 * half) < 0.4))[..., None]
    verge = line.distance < half + rng.uniform(0.5, 2.0)
    scene.lay(view.box, verge, 'low vegetation', scene.material(rng, 'meadow', view.box))
    scene.lay(view.box, line.distance < half, 'road', colour)
    if half > 3 and surface != 'sand':
        mask = (line.distance < 0.5 * scene.metres) & (line.along % 8 < 4)
        scene.lay(view.box, mask, 'road', scene.material(rng, 'marking', view.box))
    return line


def _paint_houses(scene: Scene, rng: np.random.Generator, line: Line) -> None:
    """Farms and houses beside a road, and sheds or glasshouses in the fields."""
    taste = draw_taste(rng)
    near = np.argwhere(line.distance < 20)
    for _ in range(rng.choice([0, 8, 20, 40]) if len(near) else 0):
        row, col = near[rng.integers(len(near))]
        gap, side = line.distance[row, col], np.sign(line.offset[row, col])
        angle = line.direction[row, col]
        parcel = Plot(0, 0, angle, rng.uniform(16, 24), rng.uniform(22, 32))
        # move it along the road's normal until it touches the road
        shift = gap - parcel.width / 2 - 4
        x = (col + 0.5) * scene.metres + side * np.sin(angle) * shift
        y = (row + 0.5) * scene.metres - side * np.cos(angle) * shift
        parcel = Plot(x, y, angle + np.pi * (side > 0), parcel.length, parcel.width)
        view = scene.view(parcel)
        if view is None or not view.inside.any():
            continue
        if (scene.kind[view.box][view.inside] == KIND['building']).any():
            continue
        ground = scene.ground[view.box][view.inside]
        if np.isin(ground, (KIND['water'], KIND['road'])).mean() > 0.02:
            continue
        scene.height[view.box][view.inside] = 0  # trees make room
        paint_villa(scene, rng, parcel, taste)
    for _ in range(rng.poisson(0.5)):
        row, col = rng.integers(scene.shape)
        if scene.ground[row, col] == KIND['field']:
            angle, surface = rng.uniform(0, np.pi), rng.choice(['membrane', 'metal', 'slate'])
            x, y = col * scene.metres, row * scene.metres
            for number in range(rng.integers(1, 4)):
                hall = Plot(x, y, angle, rng.uniform(25, 40), 11.0).part(0, 15.0 * number, 30, 11)
                scene.pave(rng, Plot(hall.x, hall.y, angle, 36, 17), 'pavement', 'gravel')
                paint_flat(scene, rng, hall, 5.0, surface)


def _plant_rows(scene: Scene, rng: np.random.Generator, pieces: np.ndarray) -> None:
    edges = np.argwhere(borders(pieces))
    for row, col in edges[rng.integers(len(edges), size=rng.integers(0, 40))] if len(edges) else ():
        x, y = col * scene.metres, row * scene.metres
        if scene.kind_at(x, y) == 'low vegetation':
            plant_tree(scene, rng, x, y, rng.uniform(1.5, 4.5))
    plant_some(scene, rng, scene.everything(), rng.poisson(3), (2, 4), 0.1)
