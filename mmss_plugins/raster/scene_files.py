"""The files of a scene, and the grid that all of them are read on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from mmss_plugins.raster import Grid, RasterError, find_bands, grid_of, open_raster
from mmss_plugins.raster.band_names import name_in_file_name
from mmss_plugins.raster.image import DTYPES, descriptions_of

DRIVERS = ('GTiff', 'VRT', 'JP2OpenJPEG', 'PNG', 'JPEG')
SUFFIXES = ('.tif', '.tiff', '.vrt', '.jp2', '.png', '.jpg', '.jpeg')
_BAND_BEGIN = re.compile(r'[-_. ]*(B\d?|V)?$', re.IGNORECASE)  # what B02 and B8A have in common


@dataclass(frozen=True)
class BandSource:
    """A band of a file; ``index`` counts from 1."""

    path: Path
    index: int


_Found = tuple[dict[str, BandSource], dict[Path, Grid]]  # by band, by file


@dataclass(frozen=True)
class Scene:
    """The bands of a scene and the grid to read them on. Holds no open files.

    Args:
        name: Of the outputs.
        grid: That of the finest band of the last modality; files on another are resampled to it.
        bands: Per modality and band, in the order that the network wants.
        grids: Of each file.
        cirrus: B10 of Sentinel-2, where the scene has it and the network does not want it.
    """

    name: str
    grid: Grid
    bands: Mapping[str, Mapping[str, BandSource]]
    grids: Mapping[Path, Grid]
    cirrus: BandSource | None = None


def find_scene(
    paths: Mapping[str, str | Path],
    wanted: Mapping[str, Sequence[str]],
    given: Mapping[str, Sequence[str]] | None = None,
) -> Scene:
    """Look up which files and bands a scene is made of; reads headers only.

    Args:
        paths: Per modality a raster file, or a folder with a file per band whose names say which.
        wanted: Per modality the bands, in the network's order.
        given: Per modality the names of a file's bands, where it does not give them itself.

    Raises:
        RasterError: If a file is missing or unreadable, a band is not there, or the files cannot be
            brought to one grid.
    """
    bands: dict[str, dict[str, BandSource]] = {}
    grids: dict[Path, Grid] = {}
    for modality, names in wanted.items():
        path, names_given = Path(paths[modality]), (given or {}).get(modality)
        if not path.is_dir():
            bands[modality], found = _bands_of_one_file(path, modality, names, names_given)
        elif names_given is None:
            bands[modality], found = _bands_of_folder(path, modality, names)
        else:
            raise RasterError(
                f'{path}: --{modality}-bands names the bands of a file, but this is a folder, '
                'where the names of the files say'
            )
        grids |= found
    finest = min(found.values(), key=lambda grid: grid.pixel_area)
    for file, grid in grids.items():
        if not grid.same(finest) and None in (grid.crs, finest.crs):
            raise RasterError(
                f'{file}: {_shown(grid)}, but the scene has {_shown(finest)}: only files with a '
                'coordinate reference system can be brought to one grid'
            )
    cirrus = None
    if 's2' in wanted and 'B10' not in wanted['s2']:
        extra = _cirrus(Path(paths['s2']), (given or {}).get('s2'))
        if extra and (extra[1].same(finest) or None not in (extra[1].crs, finest.crs)):
            cirrus = extra[0]
            grids.setdefault(cirrus.path, extra[1])
    return Scene(scene_name(path), finest, bands, grids, cirrus)


def scene_name(path: Path) -> str:
    """What a scene's maps are named after: the file, or what the files of a folder begin with."""
    if not path.is_dir():
        return path.stem
    stems = [file.stem for file in path.iterdir() if file.suffix.lower() in SUFFIXES]
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    begin = ''.join(letters[0] for letters in same)
    return _BAND_BEGIN.sub('', begin) or path.resolve().name


def opened(path: Path) -> Any:
    """A raster file, opened for reading; a context manager that closes it.

    Raises:
        RasterError: If it is missing, unreadable or of another format.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RasterError(f'{path}: expected a raster with the suffix {", ".join(SUFFIXES)}')
    return open_raster(path, DRIVERS)


def files_of(path: Path) -> list[Path]:
    """A raster file, and those that belong to it: masks, tags, what a VRT refers to."""
    with opened(path) as source:
        return sorted({Path(file) for file in source.files if Path(file).is_file()} | {path})


def _bands_of_one_file(
    path: Path, modality: str, names: Sequence[str], given: Sequence[str] | None
) -> _Found:
    with opened(path) as source:
        colours = [kind.name for kind in source.colorinterp]
        found = find_bands(
            path,
            descriptions_of(source),
            names,
            sensor=modality,
            given=given,
            colours=colours,
            option=f'--{modality}-bands',
        )
        grid = _grid(path, source)
    return {band: BandSource(path, index) for band, index in found.items()}, {path: grid}


def _bands_of_folder(folder: Path, modality: str, names: Sequence[str]) -> _Found:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    found: dict[str, list[Path]] = {band: [] for band in names}
    for path in files:
        band = name_in_file_name(path, names, modality)
        if band is not None:
            found[band].append(path)
    missing = [band for band, paths in found.items() if not paths]
    if missing:
        raise RasterError(
            f'{folder}: expected a file for each of the {modality} bands {", ".join(names)}, with '
            f'its name in the file name (scene_B02.tif), but found none of {", ".join(missing)} '
            f'among {len(files)} files ({", ".join(SUFFIXES)})'
        )
    sources, grids = {}, {}
    for band, paths in found.items():
        if len(paths) > 1:
            listed = ', '.join(path.name for path in paths)
            raise RasterError(f'{folder}: expected one file of {band}, but found {listed}')
        with opened(paths[0]) as source:
            if source.count != 1:
                raise RasterError(f'{paths[0]}: expected one band, but found {source.count}')
            grids[paths[0]] = _grid(paths[0], source)
        sources[band] = BandSource(paths[0], 1)
    return sources, grids


def _cirrus(path: Path, given: Sequence[str] | None) -> tuple[BandSource, Grid] | None:
    """B10, which shows the offset of +1000, of a scene whose network does not want it."""
    try:
        if path.is_dir():
            bands, grids = _bands_of_folder(path, 's2', ('B10',))
        else:
            bands, grids = _bands_of_one_file(path, 's2', ('B10',), given)
    except RasterError:
        return None
    return bands['B10'], grids[bands['B10'].path]


def _grid(path: Path, source: Any) -> Grid:
    types = sorted(set(source.dtypes))
    if any(name not in DTYPES for name in types):
        raise RasterError(
            f'{path}: expected values of type {", ".join(DTYPES)}, but found {", ".join(types)}'
        )
    return grid_of(source)


def _shown(grid: Grid) -> str:
    height, width = grid.shape
    return f'{height} x {width} pixels {"in a" if grid.crs else "without"} reference system'
