"""The ground of a place and the things upon it, seen from above."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.surfaces import KIND, SURFACES
from projects.synthetic.noise import random_field

Box = tuple[slice, slice]


class View(NamedTuple):
    """The pixels around a plot.

    Args:
        box: Where they are in the scene.
        along: (h, w) float32, offset from the plot's centre along its length, in metres.
        across: (h, w) float32, along its width.
        inside: (h, w) bool, whether it is in the plot.
    """

    box: Box
    along: np.ndarray
    across: np.ndarray
    inside: np.ndarray


class Scene:
    """A place while it is being painted. All arrays are (H, W), ``colour`` (H, W, 4).

    ``kind`` is what one sees, as an index into ``surfaces.KINDS``; ``ground`` what one would see
    without cars, trees and the like; ``height`` is in metres above the ground.

    Args:
        rng: Source of its textures.
        shape: (H, W).
        metres: Pixel size.
    """

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int], metres: float) -> None:
        self.shape, self.metres = shape, metres
        self.colour = np.zeros((*shape, 4), np.float32)
        self.height = np.zeros(shape, np.float32)
        self.kind = np.full(shape, KIND['low vegetation'], np.uint8)
        self.ground = self.kind.copy()
        self.fields = {
            'grain': random_field(rng, shape, 1.5, 1.0),
            'lumps': random_field(rng, shape, max(1.5, 0.7 / metres), 2.5),
            'patches': random_field(rng, shape, 3.0 / metres, 1.6),
            'broad': random_field(rng, shape, 20.0 / metres, 2.6),
        }

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in metres."""
        return self.shape[1] * self.metres, self.shape[0] * self.metres

    def everything(self) -> Plot:
        """The scene as a plot."""
        width, height = self.size
        return Plot(width / 2, height / 2, 0.0, width, height)

    def view(self, plot: Plot, margin: float = 0.0) -> View | None:
        """Look at a plot and a margin of some metres; None if it is outside the scene."""
        cos, sin = np.cos(plot.angle), np.sin(plot.angle)
        reach_x = (abs(cos) * plot.length + abs(sin) * plot.width) / 2 + margin
        reach_y = (abs(sin) * plot.length + abs(cos) * plot.width) / 2 + margin
        rows = _span(plot.y, reach_y, self.metres, self.shape[0])
        cols = _span(plot.x, reach_x, self.metres, self.shape[1])
        if rows is None or cols is None:
            return None
        y = ((np.arange(rows.start, rows.stop) + 0.5) * self.metres - plot.y).astype(np.float32)
        x = ((np.arange(cols.start, cols.stop) + 0.5) * self.metres - plot.x).astype(np.float32)
        along = (x * np.float32(cos))[None] + (y * np.float32(sin))[:, None]
        across = (y * np.float32(cos))[:, None] - (x * np.float32(sin))[None]
        inside = (np.abs(along) <= plot.length / 2) & (np.abs(across) <= plot.width / 2)
        return View((rows, cols), along, across, inside)

    def texture(self, rng: np.random.Generator, name: str, box: Box) -> np.ndarray:
        """A random piece of one of ``fields``, of a box's shape."""
        field = self.fields[name]
        height, width = (part.stop - part.start for part in box)
        row = rng.integers(field.shape[0] - height + 1)
        col = rng.integers(field.shape[1] - width + 1)
        piece = field[row : row + height, col : col + width]
        return piece if rng.random() < 0.5 else -piece

    def material(
        self, rng: np.random.Generator, name: str, box: Box, spread: float = 0.12
    ) -> np.ndarray:
        """A surface's reflectance over a box, (h, w, 4) float32.

        Args:
            rng: Source of randomness.
            name: Key of ``SURFACES``.
            box: Where.
            spread: Relative standard deviation of the brightness of one thing and the next.
        """
        surface = SURFACES[name]
        colour, other = (np.array(c, np.float32) for c in (surface.colour, surface.other))
        mix = 0.5 * self.texture(rng, 'patches', box) + 0.35 * self.texture(rng, 'broad', box)
        mix = np.clip(rng.normal(0.4, 0.25) + 0.5 * surface.patches * mix, 0, 1)[..., None]
        shade = 1 + surface.grain * self.texture(rng, 'grain', box)
        shade = np.clip(shade, 0.4, 1.8) * np.exp(rng.normal(0, spread))
        tint = np.exp(rng.normal(0, 0.25 * spread, 4)).astype(np.float32)
        return (colour + mix * (other - colour)) * tint * shade[..., None].astype(np.float32)

    def lay(self, box: Box, mask: np.ndarray, kind: str, colour: np.ndarray) -> None:
        """Make ground.

        Args:
            box: Where.
            mask: (h, w) bool, which pixels of it.
            kind: One of ``KINDS``.
            colour: (h, w, 4) reflectance.
        """
        self.colour[box][mask] = colour[mask]
        self.kind[box][mask] = KIND[kind]
        self.ground[box][mask] = KIND[kind]

    def put(
        self, box: Box, mask: np.ndarray, kind: str, colour: np.ndarray, height: np.ndarray | float
    ) -> None:
        """Put a thing on the ground; what is higher hides what is lower.

        Args:
            box: Where.
            mask: (h, w) bool, its pixels.
            kind: One of ``KINDS``.
            colour: (h, w, 4) reflectance.
            height: Of its top, (h, w) or one number, in metres.
        """
        height = np.broadcast_to(np.asarray(height, np.float32), mask.shape)
        seen = mask & (height > self.height[box])
        self.colour[box][seen] = colour[seen]
        self.kind[box][seen] = KIND[kind]
        self.height[box][seen] = height[seen]
        if kind == 'building':
            self.ground[box][seen] = KIND[kind]

    def pave(self, rng: np.random.Generator, plot: Plot, kind: str, surface: str) -> None:
        """Lay one surface over a plot."""
        if view := self.view(plot):
            self.lay(view.box, view.inside, kind, self.material(rng, surface, view.box))

    def kind_at(self, x: float, y: float) -> str | None:
        """Kind of ground at a point; None outside."""
        row, col = int(y // self.metres), int(x // self.metres)
        if not (0 <= row < self.shape[0] and 0 <= col < self.shape[1]):
            return None
        return list(KIND)[self.ground[row, col]]


def _span(centre: float, reach: float, metres: float, length: int) -> slice | None:
    start = max(0, int(np.floor((centre - reach) / metres)))
    stop = min(length, int(np.ceil((centre + reach) / metres)) + 1)
    return slice(start, stop) if start < stop else None
