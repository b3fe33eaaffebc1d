"""Choosing patches so that every class of the land-cover map has its share."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from mmss_plugins.cli.progress import ProgressReport
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES
from mmss_plugins.prepare.area.items import PatchItems
from mmss_plugins.prepare.area.loader import read_label
from mmss_plugins.prepare.area.products import Product
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.store.creation.errors import PostponedSample
from mmss_plugins.store.tools.balance import balanced_choice
from mmss_plugins.utils.errors import PrepareUsageError

CANDIDATES = 10  # patches that are looked at for each one that is wanted
COARSE = 8  # pixels of a patch along one of the overview by which it is judged
THREADS = 16


def stratified(
    tasks: Sequence[PatchItems], product: Product, number: int, seed: int
) -> list[PatchItems]:
    """Patches taken for the class that has the smallest share so far, in their order.

    Args:
        tasks: Candidates.
        product: Of the land-cover maps.
        number: Patches wanted.
        seed: Of the order among candidates; a larger number only adds to the choice.

    Returns:
        At most ``number``; candidates that no map shows are never taken.

    Raises:
        PrepareUsageError: If maps cannot be read now.
    """
    with ThreadPoolExecutor(THREADS) as pool, ProgressReport('land cover', len(tasks)) as progress:
        counts = []
        for found in pool.map(lambda task: class_counts(task, product), tasks):
            counts.append(found)
            progress.step()
    pixels = np.stack(counts)
    shown = np.flatnonzero(pixels.sum(axis=1)).tolist()
    names = [tasks[index].sample_id for index in shown]
    chosen = set(balanced_choice(names, pixels[shown], [1] * len(names), number, seed))
    return [task for task in tasks if task.sample_id in chosen]


def class_counts(task: PatchItems, product: Product) -> np.ndarray:
    """Pixels per class of the patch in a coarse overview; all 0 if no map shows it.

    Raises:
        PrepareUsageError: If a map cannot be read now.
    """
    grid = coarse_grid(task.patch.grid)
    try:
        label = read_label(product, task, grid)
    except PostponedSample as error:
        raise PrepareUsageError(f'{error}: run the same command later') from error
    except RasterError:
        return np.zeros(len(DYNAMIC_WORLD_CLASSES), int)
    classes = len(DYNAMIC_WORLD_CLASSES)
    return np.bincount(label[label < classes], minlength=classes)


def coarse_grid(grid: Grid) -> Grid:
    """A grid of the same area with an eighth of the rows and columns, at least one."""
    height, width = (max(length // COARSE, 1) for length in grid.shape)
    a, b, c, d, e, f = grid.transform
    x, y = grid.shape[1] / width, grid.shape[0] / height
    return replace(grid, shape=(height, width), transform=(a * x, b * y, c, d * x, e * y, f))
