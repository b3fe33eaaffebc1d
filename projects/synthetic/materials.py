"""What land is made of: classes, materials, their reflectance and their backscatter.

A material's spectrum is a mixture of a green part and a background, itself between two
endmembers; the seasons change both shares. The numbers are typical surface reflectances x 10000
and C-band backscatter in dB, rounded; they are not measurements of any place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES, DYNAMIC_WORLD_PALETTE

CLASSES = DYNAMIC_WORLD_CLASSES
WATER, TREES, GRASS, FLOODED, CROPS, SHRUB, BUILT, BARE, SNOW = range(9)
PALETTE = np.array(DYNAMIC_WORLD_PALETTE, np.uint8)
# class -> simplified IGBP number of the DFC2020 label files
DFC_NUMBERS = np.array([10, 1, 4, 5, 6, 2, 7, 9, 8], np.uint8)
SEASONS = ('winter', 'spring', 'summer', 'autumn')

# Surface reflectance x 10000 of B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12.
ENDMEMBERS = {
    'clear water': (320, 330, 270, 130, 90, 70, 65, 55, 50, 40, 0, 25, 15),
    'turbid water': (650, 780, 1080, 1000, 850, 480, 450, 380, 330, 240, 0, 70, 40),
    'leaf': (260, 360, 760, 360, 1060, 3500, 4350, 4500, 4750, 4750, 0, 2050, 920),
    'broadleaf': (160, 210, 460, 230, 700, 2600, 3350, 3450, 3700, 3700, 0, 1520, 640),
    'conifer': (130, 170, 310, 190, 430, 1450, 1800, 1900, 2000, 2000, 0, 820, 370),
    'straw': (520, 720, 1080, 1420, 1720, 2050, 2300, 2500, 2700, 2750, 0, 3250, 2150),
    'twigs': (330, 420, 580, 720, 900, 1150, 1300, 1400, 1550, 1600, 0, 2000, 1350),
    'dark soil': (450, 540, 720, 930, 1100, 1230, 1360, 1480, 1620, 1650, 0, 2150, 1800),
    'light soil': (880, 1130, 1580, 2150, 2450, 2600, 2750, 2900, 3050, 3050, 0, 3850, 3350),
    'mud': (420, 480, 600, 680, 730, 740, 750, 740, 740, 700, 0, 620, 430),
    'sand': (1250, 1520, 1950, 2380, 2560, 2660, 2760, 2860, 2960, 2960, 0, 3700, 3300),
    'rock': (850, 980, 1160, 1330, 1420, 1480, 1530, 1580, 1640, 1640, 0, 1980, 1820),
    'asphalt': (680, 730, 830, 930, 980, 1010, 1040, 1080, 1110, 1110, 0, 1350, 1250),
    'tiles': (580, 680, 930, 1600, 1880, 2000, 2100, 2200, 2300, 2300, 0, 2750, 2450),
    'slate': (950, 1080, 1230, 1330, 1390, 1440, 1490, 1530, 1570, 1570, 0, 1850, 1750),
    'metal': (2500, 2900, 3200, 3400, 3450, 3500, 3550, 3600, 3600, 3600, 0, 3500, 3100),
    'snow': (8300, 8600, 8500, 8400, 8200, 8000, 7800, 7600, 7300, 6400, 0, 900, 700),
    'old snow': (5200, 5500, 5500, 5400, 5300, 5100, 4900, 4700, 4500, 4000, 0, 700, 550),
}
ENDMEMBER_NAMES = tuple(ENDMEMBERS)
SPECTRA = np.array(list(ENDMEMBERS.values()), np.float32)  # (endmembers, 13)


@dataclass(frozen=True)
class Material:
    """A kind of surface.

    Args:
        land_class: Index into :data:`CLASSES`.
        green: Endmember of the green part.
        ground: The two endmembers of the background.
        cover: Share of the green part in winter, spring, summer, autumn.
        second: Share of the second background endmember, per season.
        cover_spread: Standard deviation of ``cover`` between instances.
        texture: Standard deviation of the brightness between neighbouring pixels.
        vv: Backscatter in dB, per season.
        vh: Likewise.
        sar_spread: Standard deviation of the backscatter between instances, in dB.
    """

    land_class: int
    green: str
    ground: tuple[str, str]
    cover: tuple[float, float, float, float]
    second: tuple[float, float, float, float]
    cover_spread: float
    texture: float
    vv: tuple[float, float, float, float]
    vh: tuple[float, float, float, float]
    sar_spread: float


def _same(value: float) -> tuple[float, float, float, float]:
    return (value,) * 4


MATERIALS = {
    'water': Material(
        WATER, 'leaf', ('clear water', 'turbid water'), _same(0.0), (0.1, 0.15, 0.0, 0.05),
        0.005, 0.03, _same(-18.5), _same(-25.5), 0.5,
    ),
    'broadleaf wood': Material(
        TREES, 'broadleaf', ('twigs', 'straw'), (0.22, 0.72, 0.92, 0.6), (0.05, 0.05, 0.0, 0.2),
        0.09, 0.12, (-8.3, -8.6, -8.9, -8.5), (-15.0, -14.3, -13.9, -14.4), 0.6,
    ),
    'conifer wood': Material(
        TREES, 'conifer', ('twigs', 'dark soil'), (0.8, 0.88, 0.92, 0.86), _same(0.1),
        0.07, 0.13, _same(-8.9), (-15.2, -14.8, -14.6, -14.9), 0.6,
    ),
    'meadow': Material(
        GRASS, 'leaf', ('dark soil', 'straw'), (0.42, 0.76, 0.68, 0.55), (0.6, 0.4, 0.7, 0.7),
        0.12, 0.035, (-11.9, -12.0, -12.3, -12.2), (-19.3, -18.7, -18.5, -19.0), 0.9,
    ),
    'pasture': Material(
        GRASS, 'leaf', ('light soil', 'straw'), (0.28, 0.58, 0.36, 0.38), (0.6, 0.6, 0.8, 0.7),
        0.13, 0.05, (-12.6, -12.4, -12.8, -12.6), (-19.8, -19.2, -19.4, -19.6), 0.9,
    ),
    'reed': Material(
        FLOODED, 'leaf', ('mud', 'straw'), (0.12, 0.4, 0.62, 0.34), (0.5, 0.2, 0.2, 0.4),
        0.13, 0.08, (-8.8, -8.6, -9.6, -9.3), (-17.8, -17.3, -16.4, -17.2), 1.0,
    ),
    'swamp': Material(
        FLOODED, 'broadleaf', ('mud', 'turbid water'), (0.3, 0.5, 0.62, 0.48), (0.4, 0.6, 0.3, 0.3),
        0.13, 0.1, (-7.4, -7.2, -7.9, -7.7), (-15.9, -15.4, -14.9, -15.5), 1.0,
    ),
    'winter cereal': Material(
        CROPS, 'leaf', ('dark soil', 'straw'), (0.34, 0.88, 0.14, 0.1), (0.05, 0.1, 0.8, 0.35),
        0.12, 0.025, (-11.6, -12.9, -12.6, -11.4), (-19.6, -20.2, -18.7, -20.3), 1.1,
    ),
    'maize': Material(
        CROPS, 'leaf', ('dark soil', 'straw'), (0.03, 0.12, 0.86, 0.32), (0.25, 0.05, 0.2, 0.6),
        0.12, 0.03, (-11.2, -11.0, -9.8, -10.6), (-20.5, -20.2, -15.9, -17.4), 1.1,
    ),
    'rape': Material(
        CROPS, 'leaf', ('dark soil', 'straw'), (0.5, 0.94, 0.3, 0.2), (0.1, 0.1, 0.8, 0.3),
        0.1, 0.025, (-11.3, -9.8, -10.4, -11.6), (-18.3, -15.2, -15.8, -19.6), 1.0,
    ),
    'dry crop': Material(
        CROPS, 'leaf', ('light soil', 'straw'), (0.2, 0.4, 0.22, 0.08), (0.1, 0.3, 0.6, 0.4),
        0.14, 0.03, (-13.0, -12.6, -12.8, -12.9), (-20.6, -19.2, -18.8, -20.4), 1.2,
    ),
    'track': Material(
        CROPS, 'leaf', ('dark soil', 'light soil'), (0.2, 0.35, 0.25, 0.25), _same(0.6),
        0.1, 0.05, _same(-12.5), _same(-20.0), 0.8,
    ),
    'heath': Material(
        SHRUB, 'broadleaf', ('twigs', 'straw'), (0.38, 0.52, 0.6, 0.5), (0.2, 0.2, 0.35, 0.35),
        0.1, 0.17, (-10.6, -10.5, -10.8, -10.7), (-17.2, -16.8, -16.6, -17.0), 0.8,
    ),
    'dry scrub': Material(
        SHRUB, 'conifer', ('light soil', 'straw'), (0.4, 0.46, 0.36, 0.36), (0.4, 0.4, 0.6, 0.6),
        0.1, 0.22, _same(-11.6), (-18.2, -17.9, -18.1, -18.2), 0.9,
    ),
    'asphalt': Material(
        BUILT, 'leaf', ('asphalt', 'slate'), (0.04, 0.08, 0.08, 0.06), _same(0.25),
        0.03, 0.05, _same(-11.5), _same(-19.5), 1.0,
    ),
    'tile roof': Material(
        BUILT, 'leaf', ('asphalt', 'tiles'), (0.06, 0.12, 0.14, 0.1), _same(0.7),
        0.06, 0.1, _same(-5.6), _same(-13.2), 2.0,
    ),
    'slate roof': Material(
        BUILT, 'leaf', ('asphalt', 'slate'), (0.03, 0.06, 0.07, 0.05), _same(0.6),
        0.04, 0.12, _same(-4.6), _same(-12.6), 2.2,
    ),
    'metal roof': Material(
        BUILT, 'leaf', ('slate', 'metal'), _same(0.0), _same(0.6),
        0.02, 0.05, _same(-4.4), _same(-13.6), 2.6,
    ),
    'garden': Material(
        BUILT, 'leaf', ('asphalt', 'straw'), (0.36, 0.55, 0.58, 0.48), (0.3, 0.3, 0.4, 0.4),
        0.12, 0.1, _same(-8.6), _same(-15.4), 1.4,
    ),
    'sand': Material(
        BARE, 'leaf', ('light soil', 'sand'), (0.02, 0.03, 0.02, 0.02), _same(0.7),
        0.02, 0.04, _same(-16.5), _same(-24.0), 1.0,
    ),
    'rock': Material(
        BARE, 'conifer', ('rock', 'light soil'), (0.04, 0.1, 0.12, 0.08), _same(0.2),
        0.05, 0.1, _same(-10.5), _same(-18.3), 1.0,
    ),
    'bare soil': Material(
        BARE, 'leaf', ('light soil', 'dark soil'), (0.05, 0.1, 0.06, 0.05), _same(0.3),
        0.05, 0.05, _same(-13.6), _same(-21.3), 1.1,
    ),
    'snow': Material(
        SNOW, 'conifer', ('snow', 'old snow'), _same(0.02), (0.2, 0.6, 0.8, 0.3),
        0.02, 0.03, (-13.5, -16.5, -15.5, -14.0), (-20.5, -24.0, -22.5, -21.0), 0.7,
    ),
}  # fmt: skip
MATERIAL_NAMES = tuple(MATERIALS)
MATERIAL_CLASS = np.array([material.land_class for material in MATERIALS.values()], np.uint8)
MATERIAL = {name: index for index, name in enumerate(MATERIAL_NAMES)}


def column(field: str, season: int | None = None) -> np.ndarray:
    """One property of all materials as an array, of one season where it has seasons."""
    values = [getattr(material, field) for material in MATERIALS.values()]
    if season is not None:
        values = [value[season] for value in values]
    return np.array(values, np.float32)


def spectra_of(field: str, part: int | None = None) -> np.ndarray:
    """(materials, 13) spectra of the endmembers named by ``green`` or by ``ground[part]``."""
    names = [getattr(material, field) for material in MATERIALS.values()]
    if part is not None:
        names = [name[part] for name in names]
    return SPECTRA[[ENDMEMBER_NAMES.index(name) for name in names]]
