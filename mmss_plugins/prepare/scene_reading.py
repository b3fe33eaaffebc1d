"""What a scene of one date is, checked once, and its windows in physical values."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mmss_plugins.bands import S2_L2A, SENSORS, Sensor
from mmss_plugins.prepare.band_choice import BandChoice
from mmss_plugins.prepare.image_files import ImageInfo, image_info, read_image
from mmss_plugins.prepare.images import subtract_offset
from mmss_plugins.prepare.label_pairs import IMAGE, Pair
from mmss_plugins.raster.band_names import canonical_name, name_in_file_name, says_nothing
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.image import descriptions_of, fill_missing
from mmss_plugins.raster.s2_offset import find_level, find_offset
from mmss_plugins.raster.scene_files import SUFFIXES, Scene, find_scene, opened
from mmss_plugins.raster.scene_reader import SceneReader
from mmss_plugins.raster.units import carries_offset, check_offset, check_units, physical_values
from mmss_plugins.raster.windows import Window

PROBES, PROBE = 3, 256  # windows per axis that a scene is judged by, and their side
OPEN_SCENES = 4  # per process
ADVICE = {
    'linear': 'if these are linear power, add --s1-linear',
    'decibel': 'omit --s1-linear, or convert them to dB',
    'fill': 'if these pixels hold no data, add --nodata VALUE',
    'reflectance': 'if these are reflectances from 0 to 1, add --s2-scale 10000',
    'reflectance x 10000': 'choose --s2-scale and --s2-offset so that they become it',
}


@dataclass(frozen=True)
class ValueOptions:
    """What the values of Sentinel scenes are.

    Args:
        s2_scale: Times this they are reflectance x 10000.
        s2_offset: Then subtracted; None to find out for each scene.
        s2_level: 'L1C' or 'L2A'; None to find out for each scene.
        s1_linear: Sentinel-1 values are power, not dB.
        nodata: Value without data in files that do not say so; for PNG and
            JPEG images where all bands have it.
        given: Per modality, names of all bands of a file in order.
    """

    s2_scale: float = 1.0
    s2_offset: int | None = None
    s2_level: str | None = None
    s1_linear: bool = False
    nodata: float | None = None
    given: Mapping[str, Sequence[str] | None] | None = None


class SceneDate(NamedTuple):
    """A scene of one date, as its headers say.

    Args:
        pair: Its files.
        grid: That its images are read on.
        scene: The bands of Sentinel-1 and Sentinel-2; None for other images.
        info: Header of another image.
        offset: That is subtracted from Sentinel-2.
        level: Of Sentinel-2, 'L1C' or 'L2A'.
    """

    pair: Pair
    grid: Grid
    scene: Scene | None = None
    info: ImageInfo | None = None
    offset: int = 0
    level: str = 'L1C'

    def sensor(self, modality: str) -> Sensor:
        """The sensor of a modality, which gives unit and statistics."""
        return S2_L2A if modality == 's2' and self.level == 'L2A' else SENSORS[modality]

    @property
    def sentinel(self) -> Scene:
        """The bands of a Sentinel scene."""
        assert self.scene is not None
        return self.scene

    @property
    def header(self) -> ImageInfo:
        """Header of an image that is no Sentinel scene."""
        assert self.info is not None
        return self.info

    @property
    def label(self) -> Path:
        """The label file of a labelled scene."""
        assert self.pair.label is not None
        return self.pair.label

    @property
    def bands(self) -> dict[str, tuple[str, ...]]:
        """Band names per Sentinel modality."""
        return {
            name: tuple(bands) for name, bands in (self.scene.bands if self.scene else {}).items()
        }


def examine(pair: Pair, options: ValueOptions) -> SceneDate | str:
    """Read the headers of a scene and judge its values; the reason if it cannot be used."""
    try:
        if IMAGE in pair.images:
            info = image_info(pair.images[IMAGE])
            return SceneDate(pair, info.grid, info=info)
        given = {name: names for name, names in (options.given or {}).items() if names}
        level = _level(pair, options)
        wanted = {
            name: _bands_there(path, name, given.get(name), level)
            for name, path in pair.images.items()
        }
        if level is None and 's2' in wanted and 'B10' not in wanted['s2']:
            raise RasterError(
                f'{pair.images["s2"]}: whether this is L1C (top of atmosphere) or L2A (surface) '
                'is not known: there is no B10, and neither metadata nor the name says so: give '
                '--s2-level L1C or --s2-level L2A'
            )
        scene = find_scene(pair.images, wanted, given)
        return _judged(SceneDate(pair, scene.grid, scene, level=level or 'L1C'), options)
    except (RasterError, OSError, ValueError) as error:
        return str(error)


def _level(pair: Pair, options: ValueOptions) -> str | None:
    """The level of Sentinel-2, if the user, the product or the file gives it."""
    path = pair.images.get('s2')
    if path is None or options.s2_level is not None:
        return options.s2_level
    tags = {}
    if path.is_file():
        with opened(path) as file:
            tags = file.tags()
    return find_level(path, tags)


def _bands_there(
    path: Path, sensor: str, given: Sequence[str] | None, level: str | None
) -> tuple[str, ...]:
    """Which bands of a sensor a file or folder holds, in the sensor's order."""
    known = (S2_L2A if sensor == 's2' and level == 'L2A' else SENSORS[sensor]).bands
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in SUFFIXES]
        found = {name_in_file_name(file, known, sensor) for file in files}
    else:
        with opened(path) as source:
            names = descriptions_of(source) if given is None else given
            if given is None and says_nothing(names):
                return known  # by the number of bands, or refused
            found = {canonical_name(name, sensor) for name in names}
    there = tuple(band for band in known if band in found)
    if not there:
        raise RasterError(
            f'{path}: no {sensor} band is recognised: name all bands of the file in order with '
            f'--{sensor}-bands'
        )
    return there


def _judged(date: SceneDate, options: ValueOptions) -> SceneDate:
    """With the offset, its values checked."""
    windows = _probes(date.grid.shape)
    reader = _reader(date.sentinel, options.nodata)
    for modality, bands in date.bands.items():
        parts = [reader.read(modality, window) for window in windows]
        image = np.concatenate([data.reshape(len(data), -1) for data, _ in parts], axis=1)
        valid = np.concatenate([present.ravel() for _, present in parts])
        where = date.pair.images[modality]
        if image.dtype == np.uint8:
            raise RasterError(
                f'{where}: expected raw {modality} values, but found 8-bit ones, which have been '
                'scaled: give the raw files, or pass them with --image'
            )
        if modality == 's2':
            date = date._replace(offset=_offset(date, image, valid, options))
        image = physical(image, modality, date.offset, options)
        check_units(image, modality, bands, where, valid=valid, advice=ADVICE)
    return date


def _offset(date: SceneDate, image: np.ndarray, valid: np.ndarray, options: ValueOptions) -> int:
    listed = date.pair.columns.get('s2_offset')
    if listed and not listed.isdecimal():
        raise RasterError(f's2_offset of {date.pair.name} in the list: {listed!r}')
    given = int(listed) if listed else options.s2_offset
    source = next(iter(date.sentinel.bands['s2'].values()))
    with opened(source.path) as file:
        tags, shifted = file.tags(), any(file.offsets)
        declared = any(scale != 1 for scale in file.scales)
    scaled, bands = image * options.s2_scale, date.bands['s2']
    if given is not None or shifted:
        subtract_offset(scaled, given or 0, source.path, shifted=shifted)
        check_offset(scaled, bands, given or 0, source.path, valid)
        return given or 0
    seen = carries_offset(scaled, bands, valid) if 'B10' in bands else None
    offset = find_offset(date.pair.images['s2'], tags, declared, seen)
    check_offset(scaled, bands, offset, source.path, valid)
    return offset


def _probes(shape: tuple[int, int]) -> list[Window]:
    """Windows spread evenly over a scene."""
    sides = [min(PROBE, length) for length in shape]
    starts = [
        sorted({int(v) for v in np.linspace(0, length - side, PROBES)})
        for length, side in zip(shape, sides, strict=True)
    ]
    return [Window(row, col, *sides) for row in starts[0] for col in starts[1]]


def physical(image: np.ndarray, modality: str, offset: int, options: ValueOptions) -> np.ndarray:
    """Sentinel-1 in dB (float32), Sentinel-2 as reflectance x 10000, of any type but float64."""
    image = physical_values(image, modality, options.s2_scale, offset, options.s1_linear)
    keep = modality != 's1' and image.dtype != np.float64
    return image if keep else image.astype(np.float32)


def read_date(
    date: SceneDate, window: Window, options: ValueOptions, bands: BandChoice | None = None
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Read a window of all images of a scene.

    Args:
        date: The scene.
        window: Inside its grid.
        options: What values are.
        bands: Those of other images.

    Returns:
        Per field (C, h, w) physical values, pixels without data filled with the mean of the
        window's others; and (h, w) bool, where all images have data.

    Raises:
        RasterError: If a file cannot be read.
    """
    images: dict[str, np.ndarray] = {}
    if date.scene is None:
        path = date.pair.images[IMAGE]
        assert bands is not None
        indices = bands.indices(date.header, path)
        images[IMAGE], valid = read_image(path, indices, window, nodata=options.nodata)
    else:
        reader, valid = _reader(date.scene, options.nodata), np.ones(1, bool)
        for modality in date.scene.bands:
            image, present = reader.read(modality, window)
            images[modality] = physical(image, modality, date.offset, options)
            valid = valid & present & np.all(np.isfinite(images[modality]), axis=0)
    return {name: fill_missing(image, valid) for name, image in images.items()}, valid


_READERS: dict[tuple[str, str, int, str], SceneReader] = {}


def _reader(scene: Scene, nodata: float | None) -> SceneReader:
    """The open files of a scene, kept for its next windows."""
    stamps = [(str(path), os.stat(path).st_mtime_ns) for path in sorted(scene.grids)]
    key = (str(stamps), str(nodata), os.getpid(), str(scene.bands))
    if key not in _READERS:
        while len(_READERS) >= OPEN_SCENES:
            _READERS.pop(next(iter(_READERS))).close()
        _READERS[key] = SceneReader(scene, nodata)
    return _READERS[key]
