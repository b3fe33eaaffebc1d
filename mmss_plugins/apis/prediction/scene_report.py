"""What a predicted scene is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mmss_plugins.raster.scene_files import Scene
from mmss_plugins.utils.atomic_files import write_json

HECTARE = 1e4  # square metres


@dataclass(frozen=True)
class SceneReport:
    """Pixels per class of one scene.

    Args:
        scene: Its name.
        shape: Height and width in pixels.
        pixels: Number of pixels per class name.
        without_data: Number of the others.
        pixel_area: In square metres; None where the coordinates are not in metres.
        seconds: How long it took.
        warnings: What may be wrong with the map.
    """

    scene: str
    shape: tuple[int, int]
    pixels: dict[str, int]
    without_data: int
    pixel_area: float | None
    seconds: float
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        scene: Scene,
        classes: Sequence[str],
        counts: np.ndarray,
        seconds: float,
        warnings: Sequence[str] = (),
    ) -> SceneReport:
        """From the number of pixels of each value of a class map."""
        pixels = {name: int(counts[index]) for index, name in enumerate(classes)}
        rest = int(counts.sum()) - sum(pixels.values())
        area = scene.grid.pixel_area if _in_metres(scene.grid.crs) else None
        return cls(scene.name, scene.grid.shape, pixels, rest, area, seconds, tuple(warnings))

    def text(self) -> str:
        """A table: share and area of each class."""
        total = max(sum(self.pixels.values()), 1)
        height, width = self.shape
        lines = [f'{self.scene}: {height} x {width} pixels in {self.seconds:.1f} s']
        for name, count in self.pixels.items():
            area = f'{count * self.pixel_area / HECTARE:14.2f} ha' if self.pixel_area else ''
            lines.append(f'  {name:<40} {100 * count / total:6.2f} % {area}')
        if self.without_data:
            lines.append(f'  {"without data":<40} {self.without_data:>8} pixels')
        return '\n'.join([*lines, *(f'  warning: {text}' for text in self.warnings)])

    def write(self, path: Path) -> None:
        """Write it as JSON, all or nothing."""
        write_json(path, asdict(self))


def _in_metres(crs: str | None) -> bool:
    from rasterio.crs import CRS

    if crs is None:
        return False
    system = CRS.from_wkt(crs)
    return system.is_projected and system.linear_units_factor[1] == 1
