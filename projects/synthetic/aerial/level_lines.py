"""Winding lines across a scene: roads and rivers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from projects.synthetic.aerial.scene import Scene
from projects.synthetic.noise import random_field


class Line(NamedTuple):
    """A line, as fields over the scene, all (H, W) float32.

    Args:
        offset: Signed distance from the line in metres, exact near it; positive where the
            direction turned clockwise (towards the y axis) points.
        along: Metres along its main direction.
        direction: Of its course, in radians.
    """

    offset: np.ndarray
    along: np.ndarray
    direction: np.ndarray

    @property
    def distance(self) -> np.ndarray:
        """From the line, in metres."""
        return np.abs(self.offset)


def draw_line(scene: Scene, rng: np.random.Generator, bend: float) -> Line:
    """A line that crosses a scene.

    Args:
        scene: Gives the shape.
        rng: Source of randomness.
        bend: How far it strays, in metres.
    """
    rows, cols = np.indices(scene.shape, np.float32) * scene.metres
    angle = rng.uniform(0, 2 * np.pi)
    across = rows * np.cos(angle) - cols * np.sin(angle)
    along = cols * np.cos(angle) + rows * np.sin(angle)
    across -= rng.uniform(*np.quantile(across, [0.2, 0.8]))
    across += bend * random_field(rng, scene.shape, 150.0 / scene.metres, 4.0)
    down, right = np.gradient(across, np.float32(scene.metres))
    steep = np.maximum(np.hypot(down, right), 0.3)
    return Line(across / steep, along, np.arctan2(-right, down))
