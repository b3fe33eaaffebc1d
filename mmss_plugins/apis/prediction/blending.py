"""Windows over a scene, and the average of what they predict where they overlap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmss_plugins.raster.windows import Window, window_starts

PANEL = 8192  # columns; bounds the memory of wide scenes


def blend_weights(size: int, overlap: int) -> np.ndarray:
    """How much each pixel of a window counts: 1 inside, falling linearly towards the edges.

    The ramps of two neighbours add up to 1.

    Args:
        size: Edge of a window in pixels.
        overlap: Pixels that neighbours share, at most half of ``size``.

    Returns:
        (size, size) float32, all positive.
    """
    places = np.arange(size, dtype=np.float32) + np.float32(0.5)
    edge = np.minimum(places, places[::-1])  # distance to the nearer edge
    ramp = np.minimum(edge / overlap, 1) if overlap else np.ones(size, np.float32)
    return np.outer(ramp, ramp).astype(np.float32)


def plan_panels(shape: tuple[int, int], panel: int = PANEL) -> list[tuple[int, int]]:
    """Column ranges [start, stop) that are predicted one after the other."""
    return [(start, min(start + panel, shape[1])) for start in range(0, shape[1], panel)]


def plan_windows(
    shape: tuple[int, int], size: int, stride: int, columns: tuple[int, int] | None = None
) -> list[Window]:
    """Windows that cover a scene, row by row; those of a panel are a part of the scene's.

    A scene that is smaller than a window has one window along that axis, which reaches beyond it.

    Args:
        shape: Height and width of the scene.
        size: Edge of a window in pixels.
        stride: From one window to the next, at most ``size``.
        columns: Keep the windows that touch these columns [start, stop).

    Returns:
        The windows.
    """
    start, stop = columns or (0, shape[1])
    rows, cols = (window_starts(max(length, size), size, stride) for length in shape)
    kept = [col for col in cols if col < stop and col + size > start]
    return [Window(row, col, size, size) for row in rows for col in kept]


class Mosaic:
    """Averages the windows of a panel, and gives rows back as soon as no more windows touch them.

    Memory: classes x window x panel width x 4 bytes.

    Args:
        classes: Number of classes.
        height: Of the scene.
        columns: The panel, [start, stop).
        size: Edge of a window.
        overlap: See :func:`blend_weights`.
    """

    def __init__(
        self, classes: int, height: int, columns: tuple[int, int], size: int, overlap: int
    ) -> None:
        self.height, self.columns, self.size = height, columns, size
        width = columns[1] - columns[0]
        self._sum = np.zeros((classes, size, width), np.float32)
        self._total = np.zeros((size, width), np.float32)
        self._valid = np.zeros((size, width), bool)
        self._weights = blend_weights(size, overlap)
        self._top = 0  # the scene's row that the first row of the sums is

    def add(self, window: Window, scores: np.ndarray | None, valid: np.ndarray) -> None:
        """Add a window's scores; windows come row by row.

        Args:
            window: Its place. Its rows must have been made the current ones by :meth:`advance`.
            scores: (classes, size, size); None if nothing is known there.
            valid: (size, size) bool, where the scene has data.
        """
        left, right = max(window.col, self.columns[0]), min(window.col + self.size, self.columns[1])
        source = slice(left - window.col, right - window.col)
        target = slice(left - self.columns[0], right - self.columns[0])
        self._valid[:, target] |= valid[:, source]
        if scores is not None:
            weights = self._weights[:, source]
            self._total[:, target] += weights
            self._sum[:, :, target] += weights * scores[:, :, source]

    def advance(self, row: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Finish the rows above ``row``, where the next windows begin.

        Args:
            row: Of the scene; the scene's height finishes all.

        Yields:
            If rows are finished: the first, the averages (classes, rows, panel width), and where
            the scene has data (rows, panel width).
        """
        count = min(row, self.height) - self._top
        if count <= 0:
            return
        known = np.maximum(self._total[:count], np.finfo(np.float32).tiny)  # 0 / tiny without data
        yield self._top, self._sum[:, :count] / known, self._valid[:count].copy()
        for sums in (self._sum, self._total, self._valid):
            kept = sums[..., count:, :].copy()
            sums[..., : self.size - count, :] = kept
            sums[..., self.size - count :, :] = 0
        self._top += count
