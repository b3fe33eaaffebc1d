"""The index of SSL4EO-S12@NoL: location ids and their four scenes."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import NamedTuple

from mmss_plugins.utils.errors import PrepareUsageError

SEASONS = ('season0', 'season1', 'season2', 'season3')
ID_NAMES = ('id', 'ids', 'location', 'location_id')
NUMBER = re.compile(r'([0-9]+)(?:\.0*)?')  # also as table tools write a column with gaps
DELIMITERS = ',;\t'
ROW_NAMES = ('', 'ind', 'index', 'unnamed: 0')  # a row number that a table tool wrote


class Location(NamedTuple):
    """One location.

    Args:
        sample_id: Seven digits.
        scenes: Names of the scenes, one for each season.
    """

    sample_id: str
    scenes: tuple[str, ...]


def read_index(path: Path, seasons: int = len(SEASONS)) -> list[Location]:
    """Read the CSV index.

    Without a header each row is ``id,scene,scene,scene,scene``. With a header (the first row's id
    is no number) the id is the column named 'id' or 'ids', or else the first; a column of row
    numbers named '', 'ind' or 'index' is passed over; the others are the scenes in order.

    Args:
        path: The file, UTF-8.
        seasons: Number of scenes of a location: four in the published index.

    Raises:
        PrepareUsageError: If the file or a row is not so, or an id occurs twice.
    """
    try:
        with path.open(newline='', encoding='utf-8-sig') as file:
            delimiter = max(DELIMITERS, key=file.readline().count)
            file.seek(0)
            rows = [
                (number, [cell.strip() for cell in row])
                for number, row in enumerate(csv.reader(file, delimiter=delimiter, strict=True), 1)
                if any(cell.strip() for cell in row)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PrepareUsageError(f'{path}: cannot read the index of locations ({error})') from error
    columns, width = list(range(1 + seasons)), 1 + seasons
    if rows and not any(NUMBER.fullmatch(cell) for cell in rows[0][1]):
        columns, width = _columns(path, rows[0][1], seasons)
        rows = rows[1:]
    if not rows:
        raise PrepareUsageError(f'{path}: the index holds no location')
    locations: dict[str, Location] = {}
    for number, row in rows:
        location = _location(f'{path}: row {number}', row, columns, width)
        if location.sample_id in locations:
            raise PrepareUsageError(f'{path}: row {number}, column id: {row[columns[0]]} is twice')
        locations[location.sample_id] = location
    return list(locations.values())


def _columns(path: Path, header: list[str], seasons: int) -> tuple[list[int], int]:
    names = [name.lower() for name in header]
    identifier = next((names.index(name) for name in ID_NAMES if name in names), None)
    if identifier is None:
        raise PrepareUsageError(
            f'{path}: row 1: expected a column named one of {list(ID_NAMES)}, but found {header}'
        )
    scenes = [
        index for index, name in enumerate(names) if index != identifier and name not in ROW_NAMES
    ]
    if len(scenes) != seasons:
        raise PrepareUsageError(
            f'{path}: row 1: expected {seasons} columns of scenes beside the id, but found '
            f'{[header[index] for index in scenes]}: --seasons sets their number'
        )
    return [identifier, *scenes], len(header)


def _location(where: str, row: list[str], columns: list[int], width: int) -> Location:
    if len(row) != width:
        raise PrepareUsageError(
            f'{where}: expected {width} columns, but found {len(row)}: --seasons says '
            'how many scenes there are beside the id'
        )
    identifier, *scenes = (row[column] for column in columns)
    number = NUMBER.fullmatch(identifier)
    if number is None:
        raise PrepareUsageError(
            f'{where}, column id: expected a whole number, but found {identifier!r}'
        )
    for season, scene in zip(SEASONS, scenes, strict=False):
        if not scene or scene in ('.', '..') or '/' in scene or '\\' in scene:
            raise PrepareUsageError(
                f'{where}, column {season}: expected a folder name, but found {scene!r}'
            )
    return Location(f'{int(number[1]):07d}', tuple(scenes))
