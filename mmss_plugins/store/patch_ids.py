"""Sample ids of patches, which name the tile that they were cut from."""

from __future__ import annotations

import re

# four digits, or more in large scenes; a date at the end has eight
_PATCH = re.compile(r'(?P<tile>.+)-[0-9]{4,6}-[0-9]{4,6}')


def patch_id(tile: str, row: int, col: int) -> str:
    """Id of the patch of a tile whose top left pixel is at (row, col)."""
    return f'{tile}-{row:04d}-{col:04d}'


def tile_of(sample_id: str) -> str:
    """The tile that a patch was cut from; any other sample is its own."""
    match = _PATCH.fullmatch(sample_id)
    return match['tile'] if match else sample_id
