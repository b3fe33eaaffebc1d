"""Contact sheets of the aerial parts, read back from their files."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import numpy as np
from PIL import Image

from mmss_plugins.datasets.loveda import LoveDADataset
from projects.synthetic.aerial.files import aerial_files
from projects.synthetic.plan import LOVEDA, POTSDAM, SyntheticOptions

NO_DATA = (0, 0, 0)
COLUMNS = 3  # places side by side


def draw_aerial(root: Path, options: SyntheticOptions, path: Path, places: int = 6) -> list[Path]:
    """Draw some tiles and images, each next to its labels, on one sheet per data set.

    Args:
        root: The data set's folder.
        options: Its options.
        path: Gives the names of the PNGs: ``{stem}_potsdam.png`` and ``{stem}_loveda.png``.
        places: How many of each data set.

    Returns:
        The files that were written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = []
    for part, streams in (('potsdam', POTSDAM), ('loveda', LOVEDA)):
        images = [_read(root, *place) for place in _choose(options, streams, places)]
        if images:
            written.append(path.with_name(f'{path.stem}_{part}.png'))
            Image.fromarray(_sheet(images)).save(written[-1])
    return written


def _choose(options: SyntheticOptions, streams: dict, places: int) -> list[tuple[int, int]]:
    """Labelled places of all streams in turn."""
    lists = [
        [(stream, index) for index in range(options.counts().get(stream, 0))]
        for stream in streams
        if streams[stream][0] != 'Test'
    ]
    turns = [place for group in zip_longest(*lists) for place in group if place is not None]
    return turns[:places]


def _read(root: Path, stream: int, index: int) -> np.ndarray:
    """Image and labels side by side, (H, 2 W, 3) uint8."""
    files = aerial_files(stream, index)
    if stream in POTSDAM:
        image, label = (_open(root / files[kind]) for kind in ('RGB', 'label'))
    else:
        palette = np.array([NO_DATA, *LoveDADataset.METAINFO['palette']], np.uint8)
        image, label = _open(root / files['image']), palette[_open(root / files['mask'])]
    return np.concatenate([image, label], 1)


def _open(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def _sheet(images: list[np.ndarray]) -> np.ndarray:
    columns = min(COLUMNS, len(images))
    height, width = images[0].shape[:2]
    gap = 6
    rows = -(-len(images) // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for number, image in enumerate(images):
        row, col = number // columns * (height + gap), number % columns * (width + gap)
        sheet[row : row + height, col : col + width] = image
    return sheet
