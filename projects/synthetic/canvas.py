"""The canvas that the painters of land work on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import cKDTree

from projects.synthetic.materials import MATERIAL
from projects.synthetic.noise import random_field
from projects.synthetic.regions import Region


@dataclass
class Canvas:
    """A place while it is being painted. All arrays are (H, W).

    Args:
        region: What kind of place it is.
        height: Height in metres.
        material: Index into ``materials.MATERIALS``, uint8.
        instance: Which field, wood, lake... a pixel belongs to, int32.
        row_angle: Direction of plough lines, radians; NaN where there are none.
        water_distance: Distance to the nearest water in pixels, large where there is none.
    """

    region: Region
    height: np.ndarray
    material: np.ndarray = field(init=False)
    instance: np.ndarray = field(init=False)
    row_angle: np.ndarray = field(init=False)
    water_distance: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.material = np.full(self.shape, MATERIAL['meadow'], np.uint8)
        self.instance = np.zeros(self.shape, np.int32)
        self.row_angle = np.full(self.shape, np.nan, np.float32)
        self.water_distance = np.full(self.shape, 1e3, np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.height.shape

    def paint(self, mask: np.ndarray, material: str, instance: np.ndarray | None = None) -> None:
        """Lay one material over a mask, as one new instance or with the given instance numbers."""
        self.material[mask] = MATERIAL[material]
        self.row_angle[mask] = np.nan
        start = int(self.instance.max()) + 1
        self.instance[mask] = start if instance is None else start + instance[mask]


def blobs(
    rng: np.random.Generator, shape: tuple[int, int], spacing: float, rough: float = 0.35
) -> np.ndarray:
    """Natural-looking patches: nearest of random points, seen through a warp.

    Args:
        rng: Source of randomness.
        shape: (H, W).
        spacing: Typical distance between patches, in pixels.
        rough: Strength of the warp relative to the spacing.

    Returns:
        (H, W) int32 patch numbers from 0.
    """
    count = max(2, round(1.5 * (shape[0] / spacing + 1) * (shape[1] / spacing + 1)))
    points = rng.uniform(-0.1, 1.1, (count, 2)) * shape
    rows, cols = np.indices(shape, np.float32)
    rows = rows + rough * spacing * random_field(rng, shape, 1.5 * spacing, 1.9)
    cols = cols + rough * spacing * random_field(rng, shape, 1.5 * spacing, 1.9)
    _, nearest = cKDTree(points).query(np.stack([rows, cols], -1))
    return nearest.astype(np.int32)
