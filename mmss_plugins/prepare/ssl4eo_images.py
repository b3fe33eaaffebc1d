"""Images of one location of SSL4EO-S12, wherever they lie: what the sources have in common.

A location has scenes of Sentinel-1 and Sentinel-2, named after their products. A source gives an
object like :class:`FolderLocation` for each location.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol

import numpy as np

from mmss_plugins.bands import Sensor
from mmss_plugins.raster.band_names import canonical_name
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.geotiff import declared_factor, read_image, require_present

_NUMBER = re.compile(r'(band)?[ _]?\d+', re.IGNORECASE)  # of a band in its file, no name


class Band(NamedTuple):
    """One band of one scene as distributed.

    Args:
        data: (H, W).
        grid: Where it lies.
        where: The file, for messages.
        shifted: Whether the file declares an offset, which is applied.
    """

    data: np.ndarray
    grid: Grid
    where: str
    shifted: bool = False


class LocationImages(Protocol):
    """The images of one location; picklable."""

    by_position: bool  # whether labels must be brought to these images by their georeference

    def scenes(self, sensor: str) -> list[str]:
        """Names of the scenes of 's1' or 's2' that are there, in any order."""

    def where(self, sensor: str, scene: str | None = None) -> str:
        """What holds the location's scenes, or one of them, for messages."""

    def read(self, sensor: Sensor, scene: str) -> list[Band]:
        """The bands of a scene in the order of the sensor's."""

    def cloud_mask(self, scene: str) -> np.ndarray | None:
        """(H, W) uint8 of a Sentinel-2 scene, None if the source has none."""

    def explain(self, message: str) -> str:
        """A message in terms of what the user has."""

    def close(self) -> None:
        """Release what is no longer needed."""


@dataclass(frozen=True)
class FolderLocation:
    """A location whose bands are GeoTIFFs: ``{scene}/{band}.tif``.

    Args:
        s1: Folder of its Sentinel-1 scenes.
        s2: Folder of its Sentinel-2 scenes.
        temporary: Folders of which those of this location are removed when it was read, and the
            archives that they are from.
    """

    s1: Path
    s2: Path
    temporary: tuple[tuple[str, str], ...] = ()
    by_position = False

    def scenes(self, sensor: str) -> list[str]:
        """Names of the scene folders."""
        folder = Path(self.where(sensor))
        if not folder.is_dir():
            raise RasterError(f'{folder}: expected the scenes of the location, but there is none')
        return [e.name for e in folder.iterdir() if e.is_dir() and not e.name.startswith('.')]

    def where(self, sensor: str, scene: str | None = None) -> str:
        """Path of the location's folder, or of a scene's."""
        folder = self.s1 if sensor == 's1' else self.s2
        return str(folder if scene is None else folder / scene)

    def read(self, sensor: Sensor, scene: str) -> list[Band]:
        """Read the bands of a scene."""
        return [self._read(sensor, scene, band) for band in sensor.bands]

    def cloud_mask(self, scene: str) -> np.ndarray | None:  # noqa: ARG002
        """None: this form has no masks."""
        return None

    def explain(self, message: str) -> str:
        """Name archives instead of the folders where they are unpacked."""
        for folder, archive in self.temporary:
            message = message.replace(f'{folder}/', archive)
        return message

    def close(self) -> None:
        """Remove what was unpacked for this location."""
        for folder in (self.s1, self.s2):
            if str(folder.parent) in dict(self.temporary):
                shutil.rmtree(folder, ignore_errors=True)

    def _read(self, sensor: Sensor, scene: str, band: str) -> Band:
        path = Path(self.where(sensor.name, scene)) / f'{band}.tif'
        image = read_image(path, 1, factor=declared_factor(sensor))
        _check_name(path, image.descriptions[0], sensor, band)
        require_present(image.present, path, [band])
        return Band(image.data[0], image.grid, str(path), image.shifted)


def _check_name(path: Path, description: str | None, sensor: Sensor, band: str) -> None:
    """Refuse a file that describes its band as another one than its name says."""
    named = canonical_name(description, sensor.name)
    if named in sensor.bands and named != band and not _NUMBER.fullmatch(description or ''):
        raise RasterError(
            f'{path}: expected the band {band}, as the file is named, but it describes its band as '
            f'{description!r}: rename the file, or correct the description'
        )


@dataclass(frozen=True)
class MissingLocation:
    """A location that a source does not have.

    Args:
        reason: For the message.
    """

    reason: str
    by_position = False

    def _missing(self, *_: object, **__: object) -> NoReturn:
        raise RasterError(self.reason)

    scenes = where = read = cloud_mask = _missing

    def explain(self, message: str) -> str:
        """The message."""
        return message

    def close(self) -> None:
        """Nothing to release."""
