"""Both aerial data sets behind one function."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from projects.synthetic.aerial import loveda, potsdam
from projects.synthetic.plan import LOVEDA, POTSDAM, SyntheticOptions


def write_aerial(root: Path, options: SyntheticOptions, stream: int, index: int) -> np.ndarray:
    """Write the files of a tile or image; returns its pixels by class, (classes,) int64."""
    write = potsdam.write_tile if stream in POTSDAM else loveda.write_image
    return write(root, options, stream, index)


def class_pixels(counts: Mapping[int, np.ndarray]) -> dict[str, dict[str, int]]:
    """Add up the pixels of the streams of each data set.

    Args:
        counts: Stream to pixels by class; other streams are skipped.

    Returns:
        'Potsdam', 'LoveDA Urban' or 'LoveDA Rural' to class name to pixels.
    """
    sums: dict[str, dict[str, int]] = {}
    for stream, pixels in counts.items():
        if stream in POTSDAM:
            name, classes = 'Potsdam', potsdam.CLASSES
        elif stream in LOVEDA:
            name, classes = f'LoveDA {LOVEDA[stream][1]}', loveda.CLASSES
        else:
            continue
        total = sums.setdefault(name, dict.fromkeys(classes, 0))
        for key, count in zip(classes, pixels, strict=True):
            total[key] += int(count)
    return sums
