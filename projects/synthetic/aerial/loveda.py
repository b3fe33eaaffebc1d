"""Images in the raw form of LoveDA."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mmss_plugins.datasets.loveda import LoveDADataset
from projects.synthetic.aerial.country import paint_country
from projects.synthetic.aerial.files import loveda_files
from projects.synthetic.aerial.light import draw_light, photograph
from projects.synthetic.aerial.scene import Scene
from projects.synthetic.aerial.surfaces import KIND, KINDS
from projects.synthetic.aerial.town_scene import paint_quarry, paint_river, paint_town
from projects.synthetic.plan import LOVEDA, SyntheticOptions, place_rng

CLASSES = LoveDADataset.METAINFO['classes']
CLASS_OF_KIND = {
    'building': 'building',
    'road': 'road',
    'water': 'water',
    'barren': 'barren',
    'tree': 'forest',
    'field': 'agriculture',
}
NUMBER = np.array(
    [1 + CLASSES.index(CLASS_OF_KIND.get(kind, 'background')) for kind in KINDS], np.uint8
)
STYLES = ('centre', 'estate', 'works', 'suburb')
MARGIN = 16.0  # metres around an image that are painted too
CORNER_SHARE = 0.08  # of the images have a corner without data


def make_image(options: SyntheticOptions, stream: int, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Make one image.

    Args:
        options: The data set's options.
        stream: Key of ``plan.LOVEDA``.
        index: Number of the image in its folder.

    Returns:
        Image (H, W, 3) uint8 and mask (H, W) uint8: 0 no data, 1..7 the classes.
    """
    metres, size = options.loveda_metres, options.loveda_size
    margin = round(MARGIN / metres)
    rng = place_rng(options, stream, index, 1)
    scene = Scene(rng, (size + 2 * margin,) * 2, metres)
    if LOVEDA[stream][1] == 'Urban':
        paint_town(scene, rng, STYLES[index % len(STYLES)])
        if rng.random() < 0.3:
            paint_river(scene, rng)
        if rng.random() < 0.4:
            paint_quarry(scene, rng)
    else:
        paint_country(scene, rng)
    image = photograph(rng, scene.colour, scene.height, metres, draw_light(rng))
    inner = (slice(margin, margin + size),) * 2
    # small things are no class: what they stand on counts
    small = np.isin(scene.kind, (KIND['car'], KIND['clutter']))
    mask = NUMBER[np.where(small, scene.ground, scene.kind)][inner]
    image = image[inner][..., :3].copy()
    if rng.random() < CORNER_SHARE:
        void = no_data_corner(rng, mask.shape)
        image[void], mask[void] = 0, 0
    return image, mask


def no_data_corner(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Mask of a corner beyond the border of what was flown."""
    rows, cols = (axis / side for axis, side in zip(np.indices(shape), shape, strict=True))
    rows, cols = (axis if rng.random() < 0.5 else 1 - axis for axis in (rows, cols))
    return rows / rng.uniform(0.1, 0.6) + cols / rng.uniform(0.1, 0.6) < 1


def write_image(root: Path, options: SyntheticOptions, stream: int, index: int) -> np.ndarray:
    """Make one image and write its files.

    Args:
        root: The data set's folder.
        options: The data set's options.
        stream: Key of ``plan.LOVEDA``.
        index: Number of the image in its folder.

    Returns:
        (7,) int64: pixels by class; those without data are not counted.
    """
    image, mask = make_image(options, stream, index)
    images = {'image': image, 'mask': mask}
    for kind, path in loveda_files(stream, index).items():
        _write_png(root / path, images[kind])
    return np.bincount(mask.ravel(), minlength=len(CLASSES) + 1)[1:]


def _write_png(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    Image.fromarray(image).save(part, format='PNG', compress_level=3)
    part.replace(path)
