"""What street blocks are filled with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from projects.synthetic.aerial.cars import paint_car_park, park_car
from projects.synthetic.aerial.clutter import (
    paint_containers,
    paint_court,
    paint_heap,
    paint_pond,
    paint_pool,
    paint_site,
    paint_small_things,
)
from projects.synthetic.aerial.greens import paint_beds, paint_lawn, paint_park, plant_some
from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.roofs import (
    FLAT,
    PITCHED,
    paint_flat,
    paint_house,
    paint_pitched,
    paint_shed,
)
from projects.synthetic.aerial.scene import Scene
from projects.synthetic.aerial.trees import plant_hedge, plant_tree

GROUND = ('asphalt', 'concrete', 'paving', 'red paving', 'cobble', 'gravel')


@dataclass(frozen=True)
class Taste:
    """What a neighbourhood has in common.

    Args:
        roofs: Its roofing; the more frequent, the more often.
        bare: Share of leafless trees.
        parked: Share of parking places that are taken.
    """

    roofs: list[str]
    bare: float
    parked: float


def draw_taste(rng: np.random.Generator) -> Taste:
    """The taste of some neighbourhood."""
    pitched = rng.choice(PITCHED, 2, p=[0.4, 0.2, 0.2, 0.2])
    roofs = [*np.repeat(pitched, [4, 2]), rng.choice(PITCHED), rng.choice(FLAT)]
    bare = rng.choice([0.0, 0.15, 0.5], p=[0.6, 0.25, 0.15])
    return Taste([str(roof) for roof in roofs], float(bare), rng.uniform(0.2, 0.65))


def fill_villas(scene: Scene, rng: np.random.Generator, block: Plot, taste: Taste) -> None:
    """Detached houses in gardens, in two rows back to back."""
    block = block if block.length >= block.width else block.turned()
    depth = block.width / 2
    for side in (-1.0, 1.0):
        row = block.part(0.0, side * depth / 2, block.length, depth)
        row = row if side > 0 else row.reversed()  # the street lies where across is positive
        for parcel in row.slices(rng, 15, 23):
            paint_villa(scene, rng, parcel, taste)


def paint_villa(scene: Scene, rng: np.random.Generator, parcel: Plot, taste: Taste) -> None:
    """A house in its garden; the street is where the offset across the parcel is positive."""
    paint_lawn(scene, rng, parcel)
    long, deep = parcel.length, parcel.width
    wide = min(long - 4.0, rng.uniform(9, 15))
    tall = min(0.55 * deep, rng.uniform(8.5, 12.5))
    setback = min(rng.uniform(2.5, 6.5), 0.45 * (deep - tall))
    across = deep / 2 - setback - tall / 2
    lean = rng.choice([-1.0, 1.0])
    along = lean * (long - wide) * 0.2
    drive = -lean * (long / 2 - 1.8)
    drive_length = setback + tall * rng.uniform(0.6, 1.2)
    ground = rng.choice(GROUND)
    drive_plot = parcel.part(drive, deep / 2 - drive_length / 2, 3.0, drive_length)
    scene.pave(rng, drive_plot, 'pavement', ground)
    terrace = parcel.part(along, across - tall / 2 - 1.5, rng.uniform(0.5, 1) * wide, 3.2)
    scene.pave(rng, terrace, 'pavement', rng.choice(GROUND))
    scene.pave(rng, parcel.part(along, deep / 2 - setback / 2, 1.6, setback), 'pavement', ground)
    if rng.random() < 0.25:
        front = parcel.part(0.0, deep / 2 - setback / 2, long, setback)
        scene.pave(rng, front, 'pavement', ground)
    if rng.random() < 0.4:
        bed = parcel.part(rng.uniform(-0.25, 0.25) * long, -deep * 0.3, long * 0.35, deep * 0.25)
        paint_beds(scene, rng, bed)
    if rng.random() < 0.28:
        spot = parcel.part(-along, -deep * 0.12, rng.uniform(6, 9.5), rng.uniform(4.5, 6))
        paint_pool(scene, rng, spot)
    house = parcel.part(along, across, wide, tall)
    paint_house(scene, rng, house if rng.random() < 0.7 else house.turned(), taste.roofs)
    if rng.random() < 0.65:
        shed = parcel.part(drive, deep / 2 - drive_length - 2.8, 3.2, 6.0)
        paint_shed(scene, rng, shed)
    if rng.random() < 0.3:
        corner = parcel.part(lean * (long / 2 - 2), -deep / 2 + 2, *rng.uniform(2.4, 4, 2))
        paint_shed(scene, rng, corner)
    if rng.random() < taste.parked and drive_length > 6:
        x, y = parcel.point(drive, deep / 2 - 3.4)
        park_car(scene, rng, x, y, parcel.angle + np.pi / 2)
    if rng.random() < 0.6:
        side = parcel.part(-long / 2 + 0.4, -deep * 0.1, 0.9, deep * 0.8)
        plant_hedge(scene, rng, side.turned(), rng.uniform(1, 2))
    if rng.random() < 0.5:
        plant_hedge(scene, rng, parcel.part(0.0, -deep / 2 + 0.4, long, 1.0), rng.uniform(1, 2.2))
    garden = parcel.part(0.0, -deep * 0.2, long * 0.9, deep * 0.55)
    paint_small_things(scene, rng, garden, rng.poisson(1.4))
    plant_some(scene, rng, garden, rng.poisson(parcel.area / 130), (1.5, 4.6), taste.bare)
    plant_some(scene, rng, parcel, rng.poisson(parcel.area / 400), (0.9, 2.2), taste.bare)


def fill_city(scene: Scene, rng: np.random.Generator, block: Plot, taste: Taste) -> None:
    """Houses wall to wall around a court with wings and sheds."""
    depth = min(rng.uniform(10.5, 14.5), 0.36 * min(block.length, block.width))
    scene.pave(rng, block, 'pavement', rng.choice(GROUND))
    court = block.inset(depth)
    for part in court.slices(rng, 14, 26):
        _court(scene, rng, part, taste)
    base = rng.uniform(11, 17)
    turned = block.turned()
    for side, plot in enumerate((block, turned, block.reversed(), turned.reversed())):
        length = plot.length if side % 2 == 0 else plot.length - 2 * depth
        row = plot.part(0.0, plot.width / 2 - depth / 2, length, depth)
        for house in row.slices(rng, 13, 24):
            if rng.random() < 0.06:  # a gap
                paint_car_park(scene, rng, house, taste.parked, rng.choice(GROUND))
                continue
            eave = base + rng.normal(0, 1.5)
            surface = rng.choice(taste.roofs)
            if surface in FLAT:
                paint_flat(scene, rng, house, eave, surface)
            else:
                paint_pitched(scene, rng, house, eave, surface, slope=rng.uniform(0.2, 0.65))
    plant_some(scene, rng, court, rng.poisson(court.area / 90), (1.8, 4.8), taste.bare)


def _court(scene: Scene, rng: np.random.Generator, plot: Plot, taste: Taste) -> None:
    use = rng.choice(['lawn', 'wing', 'cars', 'paved', 'things'], p=[0.5, 0.26, 0.08, 0.03, 0.13])
    if use == 'lawn':
        paint_lawn(scene, rng, plot.inset(rng.uniform(0, 1.5)))
    elif use == 'wing':
        paint_lawn(scene, rng, plot.part(plot.length * 0.25, 0.0, plot.length / 2, plot.width))
        width = min(9.0, plot.length * 0.5)
        wing = plot.part((width - plot.length) / 2, 0.0, width, plot.width)
        surface = rng.choice(taste.roofs)
        if surface in FLAT:
            paint_flat(scene, rng, wing, rng.uniform(4, 10), surface)
        else:
            paint_pitched(scene, rng, wing.turned(), rng.uniform(4, 10), surface)
    elif use == 'cars':
        paint_car_park(scene, rng, plot, taste.parked, rng.choice(GROUND))
    elif use == 'things':
        paint_small_things(scene, rng, plot, rng.poisson(3) + 1)
        paint_heap(scene, rng, *plot.point(0.0, 0.0), rng.uniform(1.5, 3.5))
        for _ in range(2):
            along, across = rng.uniform(-0.4, 0.4, 2) * (plot.length, plot.width)
            paint_shed(scene, rng, plot.part(along, across, 3.0, rng.uniform(3, 9)))


def fill_estate(scene: Scene, rng: np.random.Generator, block: Plot, taste: Taste) -> None:
    """Slabs with flat roofs on lawns, with car parks."""
    block = block if block.length >= block.width else block.turned()
    paint_lawn(scene, rng, block)
    surface = rng.choice(FLAT, p=[0.35, 0.35, 0.1, 0.1, 0.1])
    eave, path = rng.uniform(9, 20), rng.choice(GROUND)
    for part in block.slices(rng, 26, 40):
        use = rng.random()
        if use < 0.16:
            paint_car_park(scene, rng, part.inset(1.5), taste.parked, rng.choice(GROUND))
        elif use < 0.26:
            paint_court(scene, rng, part.inset(3).turned())
        else:
            across = rng.uniform(-0.06, 0.06) * part.length
            slab = part.part(across, 0.0, rng.uniform(12, 17), part.width * rng.uniform(0.75, 0.97))
            front = slab.part(slab.length / 2 + 2.2, 0.0, rng.uniform(2, 4.5), slab.width)
            scene.pave(rng, front, 'pavement', path)
            paint_flat(scene, rng, slab.turned(), eave, surface)
            paint_small_things(scene, rng, part, rng.poisson(1.5))
        plant_some(scene, rng, part, rng.poisson(part.area / 100), (1.8, 5.0), taste.bare)
    walk = block.part(0.0, rng.uniform(-0.2, 0.2) * block.width, block.length, 2.2)
    view = scene.view(walk)
    if view is not None:
        mask = view.inside & (scene.height[view.box] < 0.1)
        scene.lay(view.box, mask, 'pavement', scene.material(rng, path, view.box))


def fill_works(scene: Scene, rng: np.random.Generator, block: Plot, taste: Taste) -> None:
    """Halls and yards with containers, heaps and lorries."""
    block = block if block.length >= block.width else block.turned()
    scene.pave(rng, block, 'pavement', rng.choice(['asphalt', 'concrete', 'gravel', 'cobble']))
    for part in block.slices(rng, 22, 42):
        use, plot = rng.random(), part.inset(1.5)
        if use < 0.66:
            hall = plot.part(0.0, plot.width * 0.1, plot.length, plot.width * 0.78)
            surface = rng.choice(['metal', 'bitumen', 'gravel roof', 'membrane', 'blue metal'])
            paint_flat(scene, rng, hall, rng.uniform(5, 11), surface)
            yard = plot.part(0.0, -plot.width * 0.4, plot.length, plot.width * 0.15)
            paint_containers(scene, rng, yard, 0.5)
        elif use < 0.76:
            paint_containers(scene, rng, plot.part(0.0, 0.0, plot.length, plot.width * 0.6), 0.5)
        elif use < 0.88:
            paint_car_park(scene, rng, plot, taste.parked, rng.choice(GROUND))
        else:
            paint_site(scene, rng, plot)
    for edge in (-1.0, 1.0):
        verge = block.part(0.0, edge * (block.width / 2 - 3), block.length, 6.0)
        if rng.random() < 0.8:
            paint_lawn(scene, rng, verge)
            plant_some(scene, rng, verge, int(verge.length / 9), (1.5, 3.2), taste.bare)


def fill_leisure(scene: Scene, rng: np.random.Generator, block: Plot, taste: Taste) -> None:
    """A park with a pond, a tennis court or a building site in it."""
    paint_park(scene, rng, block, taste.bare)
    spot = block.part(*(rng.uniform(-0.15, 0.15, 2) * (block.length, block.width)), 30.0, 17.0)
    use = rng.random()
    if use < 0.4:
        paint_pond(scene, rng, spot)
    elif use < 0.75:
        paint_court(scene, rng, spot)
    x, y = block.point(*(rng.uniform(-0.4, 0.4, 2) * (block.length, block.width)))
    plant_tree(scene, rng, x, y, rng.uniform(4, 5.5), bare=taste.bare)


Filler = Callable[[Scene, np.random.Generator, Plot, Taste], None]
QUARTERS: dict[str, Filler] = {
    'villas': fill_villas,
    'city': fill_city,
    'estate': fill_estate,
    'works': fill_works,
    'leisure': fill_leisure,
}
