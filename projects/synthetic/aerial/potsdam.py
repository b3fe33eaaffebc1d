"""Tiles in the raw form of Potsdam."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from rasterio import Affine
from scipy import ndimage

from mmss_plugins.datasets.potsdam import BANDS, PotsdamDataset
from projects.synthetic.aerial.files import potsdam_files, tile_name
from projects.synthetic.aerial.light import draw_light, photograph
from projects.synthetic.aerial.scene import Scene
from projects.synthetic.aerial.surfaces import KINDS
from projects.synthetic.aerial.town_scene import paint_town
from projects.synthetic.grids import map_grid
from projects.synthetic.noise import random_field
from projects.synthetic.plan import PlacePlan, SyntheticOptions, place_rng
from projects.synthetic.raw_trees import write_geotiff, write_text

CLASSES = PotsdamDataset.METAINFO['classes']
PALETTE = np.array(PotsdamDataset.METAINFO['palette'], np.uint8)
CLASS_OF_KIND = {
    'road': 'impervious surface',
    'pavement': 'impervious surface',
    'field': 'low vegetation',
    'water': 'clutter',
    'barren': 'clutter',
}
CLASS = np.array([CLASSES.index(CLASS_OF_KIND.get(kind, kind)) for kind in KINDS], np.uint8)
STYLES = ('suburb', 'centre', 'estate', 'centre', 'suburb', 'works')  # of one tile and the next
MARGIN = 12.0  # metres around a tile that are painted too
BOUNDARY = 2  # pixels on either side of a border between classes
EPSG, WEST, NORTH = 32633, 364_000.0, 5_812_000.0


def make_tile(
    options: SyntheticOptions, stream: int, index: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make one tile.

    Args:
        options: The data set's options.
        stream: Key of ``plan.POTSDAM``.
        index: Number of the tile in its split.

    Returns:
        Image (4, H, W) uint8 in red, green, blue and infrared; class (H, W) uint8 0..5; height
        (H, W) float32, in metres above the sea.
    """
    metres, size = options.tile_metres, options.tile_size
    margin = round(MARGIN / metres)
    rng = place_rng(options, stream, index, 1)
    scene = Scene(rng, (size + 2 * margin,) * 2, metres)
    paint_town(scene, rng, STYLES[index % len(STYLES)])
    relief = random_field(rng, scene.shape, 80.0 / metres, 3.0) * rng.uniform(0.1, 0.6)
    height = scene.height + relief
    image = photograph(rng, scene.colour, height, metres, draw_light(rng))
    inner = (slice(margin, margin + size),) * 2
    level = rng.uniform(31, 42)
    noise = 0.04 * rng.standard_normal((size, size), dtype=np.float32)
    surface = (height[inner] + level + noise).astype(np.float32)
    return np.moveaxis(image[inner], -1, 0), CLASS[scene.kind[inner]], surface


def near_borders(label: np.ndarray, radius: int = BOUNDARY) -> np.ndarray:
    """Mask of the pixels that have another class within ``radius`` pixels.

    Args:
        label: (H, W) uint8.
        radius: In pixels.
    """
    rows, cols = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = rows**2 + cols**2 <= radius**2
    high = ndimage.maximum_filter(label, footprint=disc, mode='nearest')
    return high != ndimage.minimum_filter(label, footprint=disc, mode='nearest')


def write_tile(root: Path, options: SyntheticOptions, stream: int, index: int) -> np.ndarray:
    """Make one tile and write all its files.

    Args:
        root: The data set's folder.
        options: The data set's options.
        stream: Key of ``plan.POTSDAM``.
        index: Number of the tile in its split.

    Returns:
        (6,) int64: pixels by class.
    """
    image, label, dsm = make_tile(options, stream, index)
    metres = options.tile_metres
    row, col = map(int, tile_name(stream, index).split('_'))
    extent = options.tile_size * metres
    plan = PlacePlan(stream, index, (), EPSG, (WEST + col * extent, NORTH - row * extent))
    grid, files = map_grid(plan, metres), potsdam_files(stream, index)
    world_file = '\n'.join(f'{value:.12f}' for value in _world_file(grid.transform)) + '\n'
    channel = {name: number for number, name in enumerate(BANDS['RGBIR'])}
    images = {bands: image[[channel[name] for name in names]] for bands, names in BANDS.items()} | {
        'dsm': dsm[None]
    }
    for kind, array in images.items():
        write_geotiff(root / files[kind], array, grid)
        write_text(root / files[f'{kind} world'], world_file)
    colours = np.moveaxis(PALETTE[label], -1, 0)
    write_geotiff(root / files['label'], colours, grid, compress='lzw')
    colours[:, near_borders(label)] = 0
    write_geotiff(root / files['no boundary'], colours, grid, compress='lzw')
    return np.bincount(label.ravel(), minlength=len(CLASSES))


def _world_file(transform: Affine) -> tuple[float, ...]:
    """The six numbers of a world file: the last two are the centre of the first pixel."""
    scale = transform.a, transform.d, transform.b, transform.e
    return (*scale, transform.c + transform.a / 2, transform.f + transform.e / 2)
