"""The three layouts of the LMDB files that the CromSS reference reads, and their records.

Every value is a pickled tuple of an array's bytes, its shape and, but for DFC2020, a name::

    pretraining  three files, keys {index}: s1 (4, 2, H, W), s2c (4, 13, H, W), labels (4, H, W)
    DW, OSM      a file per split, keys s1_{index}, s2_{index}, dw_{index} and perhaps osm_{index}
    DFC2020      a file per split, keys s1_{index}, s2_{index}, lbl_{index}
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmss_plugins.bands import SENSORS
from mmss_plugins.land_cover import DFC2020_CLASSES, DYNAMIC_WORLD_CLASSES, OSM_CLASSES
from mmss_plugins.store import label_rules
from mmss_plugins.store.errors import LegacyFormatError
from mmss_plugins.store.fields import image_field, label_field
from mmss_plugins.store.legacy.pickled import read_pickle

SEASONS = 4


@dataclass(frozen=True)
class LegacyField:
    """One field of a layout.

    Args:
        name: Of the field in a store: 's1', 's2' or 'label'.
        prefix: Of its keys; the index follows.
        dtype: Of its arrays.
        table: For labels, (256,) from values to class indices.
    """

    name: str
    prefix: str
    dtype: str
    table: np.ndarray | None = None

    @property
    def bands(self) -> int:
        """Number of bands, 0 for labels."""
        return len(SENSORS[self.name].bands) if self.name in SENSORS else 0

    def describe(self) -> dict:
        """The field in a store's description."""
        return image_field(self.name, self.dtype) if self.bands else label_field()


@dataclass(frozen=True)
class LegacyLayout:
    """One layout.

    Args:
        name: 'pretraining', 'dw', 'osm' or 'dfc2020'.
        dataset: Name of the data set.
        classes: Class names of the labels.
        fields: What a sample has, the label last.
        seasons: Whether arrays have a leading axis of four seasons.
        named: Whether records carry an id or file name.
    """

    name: str
    dataset: str
    classes: tuple[str, ...]
    fields: tuple[LegacyField, ...]
    seasons: bool = False
    named: bool = True


class LegacyRecord(NamedTuple):
    """One record, as a view of its value.

    Args:
        array: With the seasons where the layout has them.
        name: Sample id; None where the layout has none.
    """

    array: np.ndarray
    name: str | None


def _downstream(name: str, classes: tuple[str, ...], table: np.ndarray) -> LegacyLayout:
    fields = (
        LegacyField('s1', 's1_', 'float32'),
        LegacyField('s2', 's2_', 'uint16'),
        LegacyField('label', f'{name}_', 'uint8', table),
    )
    return LegacyLayout(name, f'SSL4EO-S12@{name.upper()}', classes, fields)


PRETRAINING = LegacyLayout(
    'pretraining',
    'SSL4EO-S12@NoL',
    DYNAMIC_WORLD_CLASSES,
    (
        LegacyField('s1', '', 'uint8'),
        LegacyField('s2', '', 'uint8'),
        LegacyField('label', '', 'uint8', label_rules.NOLDO_PRETRAIN),
    ),
    seasons=True,
)
DW = _downstream('dw', DYNAMIC_WORLD_CLASSES, label_rules.DYNAMIC_WORLD)
OSM = _downstream('osm', OSM_CLASSES, label_rules.OSM)
DFC2020 = LegacyLayout(
    'dfc2020',
    'DFC2020',
    DFC2020_CLASSES,
    (
        LegacyField('s1', 's1_', 'float64'),
        LegacyField('s2', 's2_', 'uint16'),
        LegacyField('label', 'lbl_', 'uint8', label_rules.DFC2020_LEGACY),
    ),
    named=False,
)


def read_record(
    value: bytes | memoryview, layout: LegacyLayout, field: LegacyField, where: str
) -> LegacyRecord:
    """Read one record without unpickling it.

    Args:
        value: The record.
        layout: Its layout.
        field: Its field.
        where: Text for error messages: path and key.

    Raises:
        LegacyFormatError: If it is damaged, or no such record.
    """
    data, shape, name = _parts(value, layout.named, where)
    bands = (field.bands,) if field.bands else ()
    lead = (SEASONS,) * layout.seasons + bands
    if len(shape) != len(lead) + 2 or shape[: len(lead)] != lead:
        form = ', '.join([*map(str, lead), 'H', 'W'])
        raise LegacyFormatError(f'{where}: expected the shape ({form}), but found {shape}')
    size = math.prod(shape) * np.dtype(field.dtype).itemsize
    if len(data) != size:
        raise LegacyFormatError(
            f'{where}: expected {size} bytes for {field.dtype} of shape {shape}, but found '
            f'{len(data)}'
        )
    array = np.frombuffer(data, np.dtype(field.dtype).newbyteorder('<')).reshape(shape)
    return LegacyRecord(array, None if name is None else _sample_id(name, field, where))


def record_shape(value: bytes | memoryview, where: str) -> tuple[int, ...]:
    """The shape in a record of the pretraining layout."""
    return _parts(value, True, where)[1]


def _parts(
    value: bytes | memoryview, named: bool, where: str
) -> tuple[memoryview | bytes, tuple[int, ...], int | str | None]:
    record = read_pickle(value, where)
    name: object = None
    match record, named:
        case (data, shape, name), True:
            pass
        case (data, shape), False:
            pass
        case _:
            data = shape = None
    if not isinstance(data, (bytes, memoryview)) or not isinstance(shape, tuple):
        form = '(bytes, shape, id)' if named else '(bytes, shape)'
        raise LegacyFormatError(f'{where}: expected {form}, but found another value')
    if not all(isinstance(size, int) and 0 < size < 1 << 20 for size in shape):
        raise LegacyFormatError(f'{where}: expected a shape of whole numbers above 0')
    if named and not isinstance(name, (int, str)):
        raise LegacyFormatError(f'{where}: expected an id or file name in the third place')
    return data, shape, name if isinstance(name, (int, str)) else None


def _sample_id(name: int | str, field: LegacyField, where: str) -> str:
    """The id as the preparation tools write it."""
    if isinstance(name, int) or (len(name) < 20 and name.isascii() and name.isdecimal()):
        return f'{int(name):07d}'
    name = name[:500].rpartition('/')[2].removesuffix('.tif')
    sample_id = name.removeprefix(field.prefix)
    if not sample_id.isprintable() or not sample_id or sample_id.startswith('__'):
        raise LegacyFormatError(f'{where}: expected an id or file name, but found {name!r}')
    return sample_id
