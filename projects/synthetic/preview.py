"""A contact sheet of a synthetic data set, read back from its files."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import rasterio

from projects.synthetic.materials import CLASSES, PALETTE, SEASONS
from projects.synthetic.plan import NOLDO, SyntheticOptions, noldo_folders, plan_place

COLUMNS = ('true colour', 'false colour', 'VV, VH, VV', 'true label', 'noisy label')


def composite(bands: list[np.ndarray], low: float, high: float) -> np.ndarray:
    """Stretch three (H, W) bands between two values to an (H, W, 3) image in [0, 1]."""
    return np.clip((np.stack(bands, -1).astype(np.float32) - low) / (high - low), 0, 1)


def read_scene(root: Path, options: SyntheticOptions, index: int, season: int) -> list[np.ndarray]:
    """Read one scene of a pretraining location as the five images of ``COLUMNS``."""
    folders = noldo_folders(plan_place(options, NOLDO, index), season)

    def read(kind: str, name: str) -> np.ndarray:
        with rasterio.open(root / folders[kind] / f'{name}.tif') as file:
            return file.read(1)

    red, green, blue, infrared = (read('s2c', name) for name in ('B4', 'B3', 'B2', 'B8'))
    vv, vh = read('s1', 'VV'), read('s1', 'VH')
    quantised = options.coding == 'clip8'
    sar = [vv, vh, vv] if quantised else [vv + 22.0, vh + 28.0, vv + 22.0]
    return [
        composite([red, green, blue], *((0, 255) if quantised else (0, 2800))),
        composite([infrared, red, green], *((0, 255) if quantised else (0, 4500))),
        composite(sar, 0, 255 if quantised else 22),
        PALETTE[read('dw_clean_labels', 'label')] / 255,
        PALETTE[read('dw_noisy_labels', 'label')] / 255,
    ]


def draw_preview(root: Path, options: SyntheticOptions, path: Path, places: int = 6) -> None:
    """Draw some pretraining locations: two side by side, one row per season.

    Args:
        root: The data set's folder.
        options: Its options.
        path: The PNG to write.
        places: How many locations.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    places = min(places, options.locations)
    rows, columns = -(-places // 2) * len(SEASONS), 2 * len(COLUMNS)
    figure = Figure(figsize=(columns * 1.2, rows * 1.2 + 0.8), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for place, (season, season_name) in product(range(places), enumerate(SEASONS)):
        row, left = place // 2 * len(SEASONS) + season, place % 2 * len(COLUMNS)
        for col, image in enumerate(read_scene(root, options, place, season)):
            axis = axes[row, left + col]
            axis.imshow(image, interpolation='nearest')
            if row == 0:
                axis.set_title(COLUMNS[col], fontsize=7)
        axes[row, left].text(2, 2, f'{place} {season_name}', color='w', fontsize=6, va='top')
    handles = [Patch(color=PALETTE[i] / 255, label=name) for i, name in enumerate(CLASSES)]
    figure.legend(handles=handles, loc='lower center', ncol=len(CLASSES), fontsize=7, frameon=False)
    height = figure.get_figheight()
    figure.subplots_adjust(0.005, 0.4 / height, 0.995, 1 - 0.3 / height, 0.03, 0.03)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
