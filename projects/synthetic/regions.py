"""Kinds of region: how much of what a place of that kind has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """Parameters of one kind of region. Shares are of the place's area, before painting over.

    Args:
        name: For the log.
        weight: How common it is.
        relief: Standard deviation of the height, in metres.
        forest: Share under wood.
        shrub: Share under shrub.
        bare: Share of open rock, sand or soil.
        arable: Share of farmland.
        parcel: Typical area of a block of fields, in pixels.
        dry: 0 lush to 1 dry: grass, crops, soil and wood are chosen by it.
        hedges: Probability that a farmland has wooded parcel borders.
        town: Probability of a town.
        town_size: Its radius, in pixels.
        river: Probability of a river.
        river_width: Its typical width, in pixels.
        lake: Probability of a lake or coast.
        marsh: Width of wet ground beside water, in pixels.
        cold: Shares of the ground under snow in winter, spring, summer, autumn.
    """

    name: str
    weight: float
    relief: float
    forest: float = 0.2
    shrub: float = 0.05
    bare: float = 0.02
    arable: float = 0.0
    parcel: float = 350.0
    dry: float = 0.2
    hedges: float = 0.2
    town: float = 0.15
    town_size: float = 18.0
    river: float = 0.2
    river_width: float = 4.0
    lake: float = 0.1
    marsh: float = 2.0
    cold: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


REGIONS = (
    Region('farmland', 0.17, 4, forest=0.15, arable=0.85, parcel=420, town=0.25, town_size=9),
    Region(
        'mixed country', 0.14, 10, forest=0.35, shrub=0.16, arable=0.45, parcel=220, hedges=0.7,
        town=0.35, town_size=11, river=0.3,
    ),
    Region(
        'forest', 0.10, 30, forest=0.7, shrub=0.35, arable=0.08, town=0.08, town_size=7,
        river=0.3, river_width=3, lake=0.25, marsh=3, cold=(0.45, 0, 0, 0),
    ),
    Region(
        'town', 0.13, 5, forest=0.25, arable=0.45, parcel=200, town=1.0, town_size=34, river=0.35,
        river_width=6,
    ),
    Region(
        'coast', 0.10, 8, forest=0.25, shrub=0.25, bare=0.08, arable=0.2, town=0.4, town_size=16,
        river=0.1, lake=1.0, marsh=5,
    ),
    Region(
        'wetland', 0.12, 1, forest=0.25, shrub=0.1, arable=0.2, town=0.05, town_size=7, river=0.9,
        river_width=7, lake=0.4, marsh=17,
    ),
    Region(
        'dryland', 0.13, 18, forest=0.06, shrub=0.6, bare=0.25, arable=0.2, parcel=150, dry=0.85,
        hedges=0.0, town=0.25, town_size=9, river=0.35, river_width=4, lake=0.05, marsh=1.5,
    ),
    Region(
        'mountains', 0.10, 110, forest=0.4, shrub=0.35, bare=0.28, dry=0.3, town=0.08, town_size=6,
        river=0.35, river_width=2.5, lake=0.12, marsh=1, cold=(0.75, 0.5, 0.25, 0.4),
    ),
)  # fmt: skip
