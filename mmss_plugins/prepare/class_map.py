"""From the values of label files to class indices, by a small file that the user writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.raster.errors import RasterError

Colour = tuple[int, ...]  # red, green, blue
Key = int | str | Colour
OTHER = 'other'
SHOWN = 10
_HEX = re.compile(r'#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})')
_RGB = re.compile(r'(?:rgb)?[(\[]?\s*(\d{1,3})[,\s]+(\d{1,3})[,\s]+(\d{1,3})\s*[)\]]?')


@dataclass(frozen=True)
class ClassMap:
    """What source values mean.

    Args:
        classes: Names by index.
        values: Source value (a number, a text, or an RGB colour) to index; 255 for ignored.
        palette: RGB per class; empty if the file gives none.
        other: Index of values that are not listed; None if such a value is an error.
        background: Index of pixels in no polygon of a vector file.
    """

    classes: tuple[str, ...]
    values: Mapping[Key, int]
    palette: tuple[Colour, ...] = ()
    other: int | None = None
    background: int = IGNORE_INDEX

    @property
    def by_colour(self) -> bool:
        """Whether source values are colours."""
        return any(isinstance(key, tuple) for key in self.values)

    def index(self, value: object, where: object) -> int:
        """The class index of one value.

        Raises:
            RasterError: If the value is not listed.
        """
        found = self.values.get(key_of(value), self.other)
        if found is None:
            raise RasterError(self._unknown([value], where))
        return found

    def indices(self, values: np.ndarray, where: object) -> np.ndarray:
        """Class indices of a label map.

        Args:
            values: (H, W) whole numbers, or (3, H, W) uint8 colours.
            where: The file, for messages.

        Returns:
            (H, W) uint8, 255 for ignored.

        Raises:
            RasterError: If a value is not listed, or the map is not of the kind that is listed.
        """
        if (values.ndim == 3) != self.by_colour:
            raise RasterError(
                f'{where}: the label map holds {"colours" if values.ndim == 3 else "numbers"}, but '
                f'--classes lists {"colours" if self.by_colour else "numbers or texts"}'
            )
        if self.by_colour:
            red, green, blue = values.astype(np.int64)
            values = (red << 16) | (green << 8) | blue
        found, inverse = np.unique(values, return_inverse=True)
        unknown, table = [], np.full(len(found), IGNORE_INDEX, np.uint8)
        for position, number in enumerate(found.tolist()):
            key = _colour_of(number) if self.by_colour else key_of(number)
            index = self.values.get(key, self.other)
            if index is None:
                unknown.append(key)
            else:
                table[position] = index
        if unknown:
            raise RasterError(self._unknown(unknown, where))
        return table[inverse].reshape(values.shape)

    def _unknown(self, values: Iterable[object], where: object) -> str:
        values = list(values)
        shown = ', '.join(map(str, values[:SHOWN])) + (', ...' if len(values) > SHOWN else '')
        known = list(self.values)
        listed = ', '.join(map(str, known[:SHOWN])) + (', ...' if len(known) > SHOWN else '')
        return (
            f'{where}: label values that --classes does not list: {shown} (it lists {listed}): add '
            f'them, or "{OTHER}: ignore" for all values that are not listed'
        )


def key_of(value: object) -> Key:
    """A source value in the form in which values are compared.

    Whole numbers become int whatever they are written as, and truth values 1 and 0, colours tuples,
    no value 'None'; all else is text.
    """
    if isinstance(value, (list, tuple)):
        return tuple(int(number) for number in value)
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return int(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    text = str(value).strip()
    if value is None or value != value:  # not a number, as tables have it for no value
        return 'None'
    if text.lower() in ('true', 'false'):
        return int(text.lower() == 'true')
    if re.fullmatch(r'[-+]?\d+(\.0+)?', text):
        return int(float(text))
    match = _HEX.fullmatch(text)
    if match:
        return tuple(int(part, 16) for part in match.groups())
    match = _RGB.fullmatch(text)
    return tuple(map(int, match.groups())) if match else text


def _colour_of(code: int) -> Colour:
    return code >> 16, code >> 8 & 255, code & 255
