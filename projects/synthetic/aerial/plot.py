"""Rectangles of land, from street blocks to skylights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Plot:
    """A rectangle that lies anywhere in a scene, in any direction.

    Args:
        x: Its centre's distance from the scene's left border, in metres.
        y: From the upper border.
        angle: Direction of its length, in radians from the x axis towards the y axis.
        length: In metres.
        width: In metres.
    """

    x: float
    y: float
    angle: float
    length: float
    width: float

    def point(self, along: float, across: float) -> tuple[float, float]:
        """Scene coordinates of an offset from the centre."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return self.x + along * cos - across * sin, self.y + along * sin + across * cos

    def part(self, along: float, across: float, length: float, width: float) -> Plot:
        """A rectangle of the same direction whose centre is at an offset from this one's."""
        return Plot(*self.point(along, across), self.angle, length, width)

    def inset(self, margin: float) -> Plot:
        """The same, smaller by a margin on each side."""
        return replace(
            self,
            length=max(0.0, self.length - 2 * margin),
            width=max(0.0, self.width - 2 * margin),
        )

    def turned(self) -> Plot:
        """The same rectangle with length and width exchanged."""
        return Plot(self.x, self.y, self.angle + np.pi / 2, self.width, self.length)

    def reversed(self) -> Plot:
        """The same rectangle, looked at from its other end."""
        return replace(self, angle=self.angle + np.pi)

    def slices(self, rng: np.random.Generator, low: float, high: float) -> Iterator[Plot]:
        """Cut the length into pieces of between ``low`` and ``high`` metres, roughly."""
        count = max(1, round(self.length / rng.uniform(low, high)))
        shares = rng.uniform(1.0, high / low, count)
        ends = np.cumsum(shares / shares.sum()) * self.length - self.length / 2
        for start, end in zip([-self.length / 2, *ends[:-1]], ends, strict=True):
            yield self.part((start + end) / 2, 0.0, end - start, self.width)

    @property
    def area(self) -> float:
        """In square metres."""
        return self.length * self.width
