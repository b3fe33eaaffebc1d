"""Streets in a grid, and the blocks that they leave."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from projects.synthetic.aerial.cars import park_row
from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.scene import Scene
from projects.synthetic.aerial.trees import plant_tree


@dataclass(frozen=True)
class Street:
    """A straight street.

    Args:
        plot: It and its pavements, along its length.
        road: Width of the carriageway, in metres.
        crossings: Where others cross it, as (offset along it, width of their carriageway).
    """

    plot: Plot
    road: float
    crossings: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class StreetPlan:
    """Streets and the blocks between them."""

    streets: tuple[Street, ...]
    blocks: tuple[Plot, ...]


def plan_streets(
    rng: np.random.Generator,
    land: Plot,
    blocks: tuple[float, float],
    road: tuple[float, float],
    pavement: tuple[float, float],
) -> StreetPlan:
    """Lay out a grid of streets in some direction.

    Args:
        rng: Source of randomness.
        land: What they must cover.
        blocks: Range of the blocks' side lengths, in metres.
        road: Range of the carriageways' widths.
        pavement: Range of the pavements' widths.
    """
    reach = np.hypot(land.length, land.width)
    frame = Plot(land.x, land.y, rng.uniform(0, np.pi / 2), reach, reach)
    cuts = [_cuts(rng, reach, blocks, road, pavement) for _ in range(2)]
    streets = []
    for turn, (own, others) in enumerate((cuts, cuts[::-1])):
        for position, width, carriageway in own:
            centre = (0.0, position) if turn else (position, 0.0)
            plot = frame.part(*centre, reach, width)
            if not turn:  # runs across the frame's length
                plot = Plot(plot.x, plot.y, plot.angle + np.pi / 2, reach, width)
            crossings = tuple((other[0], other[2]) for other in others)
            streets.append(Street(plot, carriageway, crossings))
    spans = [
        [
            ((a[0] + a[1] / 2 + b[0] - b[1] / 2) / 2, b[0] - b[1] / 2 - a[0] - a[1] / 2)
            for a, b in pairwise(own)
        ]
        for own in cuts
    ]
    found = tuple(
        frame.part(along, across, length, width)
        for along, length in spans[0]
        for across, width in spans[1]
    )
    return StreetPlan(tuple(streets), found)


def _cuts(
    rng: np.random.Generator,
    reach: float,
    blocks: tuple[float, float],
    road: tuple[float, float],
    pavement: tuple[float, float],
) -> list[tuple[float, float, float]]:
    """(position, whole width, carriageway) of parallel streets."""
    position = -reach / 2 - rng.uniform(0, 1) * blocks[1]
    cuts = []
    while position < reach / 2 + blocks[1]:
        carriageway = rng.uniform(*road)
        cuts.append((position, carriageway + 2 * rng.uniform(*pavement), carriageway))
        position += rng.uniform(*blocks) + cuts[-1][1]
    return cuts


def paint_streets(
    scene: Scene, rng: np.random.Generator, plan: StreetPlan, parked: float, bare: float
) -> None:
    """Carriageways, pavements, markings, parked cars and street trees.

    Args:
        scene: To paint on.
        rng: Source of randomness.
        plan: What to paint.
        parked: Share of the places at the kerb that are taken.
        bare: Probability that a tree has no leaves.
    """
    surface = rng.choice(['asphalt', 'new asphalt', 'cobble', 'concrete'], p=[0.6, 0.15, 0.15, 0.1])
    sides = rng.choice(['paving', 'red paving', 'cobble', 'concrete', 'gravel'])
    for street in plan.streets:
        scene.pave(rng, street.plot, 'pavement', sides)
    for street in plan.streets:
        _carriageway(scene, rng, street, surface)
    for street in plan.streets:
        _markings(scene, rng, street)
        for part in _between(street):
            _kerb(scene, rng, street, part, parked, bare)


def _carriageway(scene: Scene, rng: np.random.Generator, street: Street, surface: str) -> None:
    road = street.plot.part(0.0, 0.0, street.plot.length, street.road)
    view = scene.view(road)
    if view is None:
        return
    colour = scene.material(rng, surface, view.box, 0.05)
    worn = np.abs(np.abs(view.across) - street.road * 0.22) < 0.6  # where wheels run
    colour *= (1 - rng.uniform(0.0, 0.12) * worn)[..., None]
    scene.lay(view.box, view.inside, 'road', colour)
    for _ in range(rng.poisson(road.length / 45)):
        along = rng.uniform(-0.5, 0.5) * road.length
        across = rng.uniform(-0.4, 0.4) * road.width
        mend = road.part(along, across, rng.uniform(1.5, 9), rng.uniform(0.8, 2.5))
        mend_view = scene.view(mend)
        if mend_view:
            mask = mend_view.inside & (
                np.abs(mend_view.across + across) < street.road / 2 - 2 * scene.metres
            )
            material = rng.choice(['new asphalt', 'asphalt'])
            colour = scene.material(rng, material, mend_view.box)
            scene.lay(mend_view.box, mask, 'road', colour)


def _markings(scene: Scene, rng: np.random.Generator, street: Street) -> None:
    view = scene.view(street.plot.part(0.0, 0.0, street.plot.length, street.road))
    if view is None or rng.random() < 0.35:
        return
    line = max(0.07, 0.5 * scene.metres)
    mask = (np.abs(view.across) < line) & (view.along % 6 < 3)
    if rng.random() < 0.4:
        mask |= np.abs(np.abs(view.across) - street.road / 2 + 0.4) < line
    for position, width in street.crossings:
        away = np.abs(view.along - position) - width / 2
        mask &= away > 2.5
    if rng.random() < 0.7:  # zebras
        for position, width in street.crossings:
            away = np.abs(view.along - position) - width / 2
            mask |= (away > 3.2) & (away < 6.2) & (view.across % 1.2 < 0.6)
    mask &= view.inside & (scene.texture(rng, 'grain', view.box) > -1.4)
    scene.lay(view.box, mask, 'road', scene.material(rng, 'marking', view.box))
    if street.road > 7 and rng.random() < 0.4:  # a lane for bicycles
        side = rng.choice([-1.0, 1.0])
        lane = view.inside & (np.abs(view.across - side * (street.road / 2 - 0.9)) < 0.75)
        scene.lay(view.box, lane, 'road', scene.material(rng, 'red asphalt', view.box))


def _between(street: Street) -> list[Plot]:
    """The parts of a street between its crossings."""
    ends = sorted(street.crossings)
    parts = []
    for (first, first_width), (second, second_width) in pairwise(ends):
        start, stop = first + first_width / 2 + 7, second - second_width / 2 - 7
        if stop - start > 6:
            parts.append(street.plot.part((start + stop) / 2, 0.0, stop - start, street.plot.width))
    return parts


def _kerb(
    scene: Scene,
    rng: np.random.Generator,
    street: Street,
    part: Plot,
    parked: float,
    bare: float,
) -> None:
    trees = rng.random() < 0.7
    size, spacing = rng.uniform(1.8, 3.6), rng.uniform(7, 12)
    species = rng.choice(['broadleaf', 'light broadleaf', 'autumn'], p=[0.5, 0.35, 0.15])
    for side in (-1.0, 1.0):
        if rng.random() < 0.65 and street.road > 5.2:
            row = part.part(0.0, side * (street.road / 2 - 1.1), part.length, 2.0)
            park_row(scene, rng, row, 5.6, parked, across=False)
        if trees:
            offset = side * (street.road / 2 + (street.plot.width - street.road) * 0.2)
            for along in np.arange(-part.length / 2, part.length / 2, spacing):
                if rng.random() < 0.75:
                    x, y = part.point(along, offset)
                    plant_tree(scene, rng, x, y, size * rng.uniform(0.8, 1.2), species, bare)
