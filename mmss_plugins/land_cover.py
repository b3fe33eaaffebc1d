"""Land-cover classes that several parts of the package share, and the label that nothing counts.

The classes are Dynamic World's, in its order and with its colours (Brown et al. 2022,
https://doi.org/10.1038/s41597-022-01307-4).
"""

from __future__ import annotations

IGNORE_INDEX = 255

DYNAMIC_WORLD_CLASSES = (
    'water',
    'trees',
    'grass',
    'flooded vegetation',
    'crops',
    'shrub and scrub',
    'built area',
    'bare land',
    'ice and snow',
)

DYNAMIC_WORLD_PALETTE = (  # RGB
    (65, 155, 223),
    (57, 125, 73),
    (136, 176, 83),
    (122, 135, 198),
    (228, 150, 53),
    (223, 195, 90),
    (196, 40, 27),
    (165, 155, 143),
    (179, 159, 225),
)

DFC2020_CLASSES = (  # the simplified IGBP classes that occur, in Dynamic World's order
    'water',
    'forest',
    'grassland',
    'wetlands',
    'croplands',
    'shrubland',
    'urban/built-up',
    'barren',
)

# SSL4EO-S12@OSM (CromSS, https://arxiv.org/abs/2405.01217)
OSM_CLASSES = (
    'urban fabric',
    'industrial, commercial and transport',
    'arable land',
    'artificial non-agricultural vegetation',
    'forest',
    'mine, dump and construction',
    'water bodies',
    'open spaces',
    'pastures',
    'shrub and herbaceous associations',
    'permanent crops',
    'wetlands',
    'coastal wetlands',
)

OSM_PALETTE = (  # RGB, the colours of CORINE Land Cover's legend for the nearest of its classes
    (230, 0, 77),
    (204, 77, 242),
    (255, 255, 168),
    (255, 166, 255),
    (128, 255, 0),
    (166, 0, 204),
    (0, 204, 242),
    (204, 204, 204),
    (230, 230, 77),
    (204, 242, 77),
    (230, 128, 0),
    (166, 166, 255),
    (204, 204, 255),
)
