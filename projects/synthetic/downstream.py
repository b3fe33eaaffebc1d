"""Tiles of SSL4EO-S12@DW and @OSM: one acquisition each, and labels as annotators draw them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mmss_plugins.land_cover import OSM_CLASSES
from projects.synthetic import optical, sar
from projects.synthetic.grids import map_grid
from projects.synthetic.landscape import make_place
from projects.synthetic.materials import CLASSES, MATERIAL_NAMES
from projects.synthetic.noise import random_field, top_share
from projects.synthetic.plan import (
    DOWNSTREAM,
    SyntheticOptions,
    downstream_files,
    place_rng,
    plan_place,
)
from projects.synthetic.raw_trees import lasting_seed, write_geotiff

TRAIN_LESS = 2  # pixels: training tiles are that much smaller than test tiles
TWO_BANDS = 4  # every so many tiles of a DW split, the label is the second of two bands
UNMARKED, CLOUD = 0, 10  # in Dynamic World's labels; in those of OpenStreetMap 0 is none
CLOUDY = 0.3  # share of the tiles with a cloud
LAND_USE = {
    'urban fabric': ('tile roof', 'slate roof'),
    'industrial, commercial and transport': ('asphalt', 'metal roof'),
    'arable land': ('winter cereal', 'maize', 'rape', 'track'),
    'artificial non-agricultural vegetation': ('garden',),
    'forest': ('broadleaf wood', 'conifer wood'),
    'mine, dump and construction': ('bare soil',),
    'water bodies': ('water',),
    'open spaces': ('sand', 'rock', 'snow'),
    'pastures': ('meadow', 'pasture'),
    'shrub and herbaceous associations': ('heath', 'dry scrub'),
    'permanent crops': ('dry crop',),
    'wetlands': ('reed',),
    'coastal wetlands': ('swamp',),
}
MATERIAL_USE = np.array(  # material to class of land use
    [
        next(index for index, use in enumerate(OSM_CLASSES) if name in LAND_USE[use])
        for name in MATERIAL_NAMES
    ],
    np.uint8,
)


def write_tile(root: Path, options: SyntheticOptions, stream: int, index: int) -> np.ndarray:
    """Make one tile and write its files.

    Args:
        root: The data set's folder.
        options: The data set's options.
        stream: Of ``plan.DOWNSTREAM``.
        index: Number of the tile in its stream.

    Returns:
        (classes,) int64: pixels by class of the labels that the split is for.
    """
    split = DOWNSTREAM[stream]
    size = options.downstream_size - (TRAIN_LESS if split.endswith('train') else 0)
    plan = plan_place(options, stream, index)
    place = make_place(place_rng(options, stream, index, 1), size)
    ((season, _),) = plan.season_scenes
    rng, lasting = place_rng(options, stream, index, 10 + season), lasting_seed(options, plan)
    marks = place_rng(options, stream, index, 3)
    opacity = cloud_opacity(marks, (size, size))
    backscatter = sar.observe(place, season, rng, lasting)
    scene = optical.cover(optical.observe(place, season, rng, lasting), opacity)
    cover = mark(place.crop(place.label_in(season)), marks)
    cover[opacity > 0.5] = CLOUD
    use = mark(MATERIAL_USE[place.crop(place.material)], marks)
    two_bands = split.startswith('dw') and index % TWO_BANDS == 1
    images = {
        's1': backscatter,
        's2': optical.stack_bands(optical.native_bands(scene, rng), size),
        'dw': np.stack([np.zeros_like(cover), cover]) if two_bands else cover[None],
        'osm': use[None],
    }
    for kind, path in downstream_files(plan).items():
        write_geotiff(root / path, images[kind], map_grid(plan))
    classes = _classes(stream)
    return np.bincount((cover if classes is CLASSES else use).ravel(), minlength=256)[
        1 : 1 + len(classes)
    ]


def mark(indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels as stored in the files: 1 for class 0 and so on, 0 where none is drawn.

    Args:
        indices: (H, W) uint8 classes.
        rng: Randomness of what is omitted.
    """
    field = random_field(rng, indices.shape, 30.0, 1.8)
    omitted = top_share(field, rng.uniform(0.04, 0.25))
    return np.where(omitted, UNMARKED, indices + 1).astype(np.uint8)


def cloud_opacity(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) float32 opacity of the cloud before a tile, 0 everywhere on most."""
    field = random_field(rng, shape, 50.0, 2.2)
    threshold = rng.uniform(0.9, 1.6)
    if rng.random() >= CLOUDY:
        return np.zeros(shape, np.float32)
    return np.clip(3 * (field - threshold), 0, 1).astype(np.float32)


def downstream_pixels(counts: Mapping[int, np.ndarray]) -> dict[str, dict[str, int]]:
    """Add up the pixels of the streams of each data set.

    Args:
        counts: Stream to pixels by class; other streams are skipped.

    Returns:
        'SSL4EO-S12@DW' or 'SSL4EO-S12@OSM' to class name to pixels.
    """
    sums: dict[str, dict[str, int]] = {}
    for stream, pixels in counts.items():
        if stream in DOWNSTREAM:
            name = f'SSL4EO-S12@{DOWNSTREAM[stream].partition("_")[0].upper()}'
            total = sums.setdefault(name, dict.fromkeys(_classes(stream), 0))
            for key, count in zip(total, pixels, strict=True):
                total[key] += int(count)
    return sums


def _classes(stream: int) -> tuple[str, ...]:
    return CLASSES if DOWNSTREAM[stream].startswith('dw') else OSM_CLASSES
