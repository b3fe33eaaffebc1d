"""One array as bytes: a checked prefix, then an ordinary .npy file.

Layout (little-endian)::

    magic 'MMSS' | version u16 | header length u16 | planes u32 | CRC-32 of the head u32
    one CRC-32 (u32) per plane
    .npy header (format 1.0) | raw data in C order

A plane is one slice along the leading axis of a (C, H, W) array; any other array is one plane. So
reading some bands touches, and checks, only those. The head's CRC covers everything before the
data. The .npy header is matched against one strict pattern: no object array, structured type or
expression can pass, and lengths are compared with the value's size before they are used.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmss_plugins.store.errors import (
    StoreCorruptionError,
    StoreKeyError,
    StoreVersionError,
    StoreWriteError,
)

MAGIC = b'MMSS'
VALUE_VERSION = 1
_PREFIX = struct.Struct('<4sHHI')  # then the head's CRC
_CRC = struct.Struct('<I')
_NPY_START = struct.Struct('<6sBBH')  # magic, major, minor, length of the text
_NPY_TEXT = re.compile(
    rb"\{'descr': '([<>|][biufc][0-9]{1,2})', 'fortran_order': False, "
    rb"'shape': \(((?:[1-9][0-9]{0,9}, )*(?:[1-9][0-9]{0,9},?)?)\), \} *\n"
)
MAX_NDIM = 8


class ValueHead(NamedTuple):
    """Contents of the bytes before the data."""

    dtype: np.dtype
    shape: tuple[int, ...]
    crcs: tuple[int, ...]  # one per plane
    data_start: int  # offset of the raw data, bytes
    plane_bytes: int


def encode(array: np.ndarray, where: str = '') -> bytes:
    """Encode one array. Stored numbers are always little-endian, in C order.

    Args:
        array: Any non-empty boolean, integer, float or complex array of at most 8 dimensions.
        where: Text for error messages: path and key.

    Raises:
        StoreWriteError: If the array is empty or of a type that is not plain numbers.
    """
    if array.dtype.kind not in 'biufc' or array.size == 0 or array.ndim > MAX_NDIM:
        raise StoreWriteError(
            f'{where}: cannot store an array of type {array.dtype} and shape {array.shape}: '
            f'expected plain numbers, at least one, in at most {MAX_NDIM} dimensions'
        )
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder('<')).reshape(array.shape)
    planes = array if array.ndim == 3 else array.reshape(1, -1)
    crcs = b''.join(_CRC.pack(zlib.crc32(_raw(plane))) for plane in planes)
    header = _npy_header(array)
    prefix = _PREFIX.pack(MAGIC, VALUE_VERSION, len(header), len(planes))
    head_crc = _CRC.pack(zlib.crc32(prefix + crcs + header))
    return b''.join((prefix, head_crc, crcs, header, _raw(array)))


def _raw(array: np.ndarray) -> memoryview:
    return array.reshape(-1).view(np.uint8).data


def decode(
    value: bytes | memoryview,
    bands: Sequence[int] | None = None,
    verify: bool = True,
    where: str = '',
) -> np.ndarray:
    """Decode an array, or some of its planes.

    Args:
        value: Bytes made by :func:`encode`.
        bands: Indices along the leading axis of a (C, H, W) array, in the order wanted;
            None for the whole array.
        verify: Whether to compare the data with their checksums. The head always is.
        where: Text for error messages: path and key.

    Returns:
        An array in native byte order that owns its memory; (len(bands), H, W) if ``bands`` is
        given.

    Raises:
        StoreCorruptionError: If the value is truncated or changed.
        StoreVersionError: If the value is intact but of another version.
        StoreKeyError: If a band is out of range, or the array has no bands.
    """
    head = parse_head(value, where)
    view = memoryview(value)
    if bands is None:
        wanted: Sequence[int] = range(len(head.crcs))
        shape = head.shape
    else:
        check_bands(bands, head.shape, where)
        wanted = bands
        shape = (len(bands), *head.shape[1:])
    out = np.empty(shape, dtype=head.dtype.newbyteorder('='))
    rows = out.reshape(len(wanted), -1) if wanted else out
    for row, plane in enumerate(wanted):
        rows[row] = np.frombuffer(_plane(view, head, plane, verify, where), dtype=head.dtype)
    return out


def view(value: bytes | memoryview, where: str = '') -> np.ndarray:
    """The array in encoded bytes, without a copy and without comparing checksums.

    Raises:
        StoreCorruptionError: If the head is damaged.
        StoreVersionError: If the value is of another version.
    """
    head = parse_head(value, where)
    return np.frombuffer(memoryview(value)[head.data_start :], head.dtype).reshape(head.shape)


def check_value(value: bytes | memoryview, where: str = '') -> ValueHead:
    """Compare all of a value with its checksums, without copying it.

    Raises:
        StoreCorruptionError: If anything is truncated or changed.
        StoreVersionError: If the value is intact but of another version.
    """
    head = parse_head(value, where)
    for plane in range(len(head.crcs)):
        _plane(memoryview(value), head, plane, True, where)
    return head


def _plane(view: memoryview, head: ValueHead, plane: int, verify: bool, where: str) -> memoryview:
    start = head.data_start + plane * head.plane_bytes
    stored = view[start : start + head.plane_bytes]
    if verify and zlib.crc32(stored) != head.crcs[plane]:
        raise StoreCorruptionError(
            f'{where}: the checksum of plane {plane} of {len(head.crcs)} does not agree: '
            'the stored bytes have changed. Prepare the store again from its source'
        )
    return stored


def parse_head(value: bytes | memoryview, where: str = '') -> ValueHead:
    """Read and check everything before the data.

    Raises:
        StoreCorruptionError: If anything is truncated, changed or inconsistent.
        StoreVersionError: If the head is intact but of another version.
    """
    view = memoryview(value)
    start = _PREFIX.size + _CRC.size
    if len(view) < start:
        raise _corrupt(where, f'{start} bytes or more', f'{len(view)}')
    magic, version, header_length, planes = _PREFIX.unpack_from(view)
    if magic != MAGIC:
        raise _corrupt(where, f'the marker {MAGIC!r}', f'{magic!r}')
    data_start = start + planes * _CRC.size + header_length
    if len(view) < data_start:
        raise _corrupt(where, f'a head of {data_start} bytes', f'{len(view)} bytes in all')
    (head_crc,) = _CRC.unpack_from(view, _PREFIX.size)
    if zlib.crc32(view[start:data_start], zlib.crc32(view[: _PREFIX.size])) != head_crc:
        raise _corrupt(where, 'the head to agree with its checksum', 'another')
    if version != VALUE_VERSION:
        raise StoreVersionError(
            f'{where}: value format version {version}, but this package reads {VALUE_VERSION}: '
            'install a matching mmss_plugins or prepare the store again'
        )
    crcs = struct.unpack_from(f'<{planes}I', view, start)
    header = bytes(view[data_start - header_length : data_start])
    dtype, shape = _parse_npy_header(header, where)
    if planes != (shape[0] if len(shape) == 3 else 1):
        raise _corrupt(where, f'one checksum per plane of shape {shape}', f'{planes}')
    size = math.prod(shape) * dtype.itemsize
    if len(view) - data_start != size:
        raise _corrupt(where, f'{size} bytes of data', f'{len(view) - data_start}')
    return ValueHead(dtype, shape, crcs, data_start, size // planes)


def _npy_header(array: np.ndarray) -> bytes:
    shape = ', '.join(map(str, array.shape)) + (',' if array.ndim == 1 else '')
    descr = np.lib.format.dtype_to_descr(array.dtype)
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}"
    length = -(-(_NPY_START.size + len(text) + 1) // 64) * 64 - _NPY_START.size
    return _NPY_START.pack(b'\x93NUMPY', 1, 0, length) + (text.ljust(length - 1) + '\n').encode()


def _parse_npy_header(header: bytes, where: str) -> tuple[np.dtype, tuple[int, ...]]:
    found = f'{header[:120]!r}'
    if len(header) < _NPY_START.size:
        raise _corrupt(where, 'a .npy header', found)
    magic, major, minor, length = _NPY_START.unpack_from(header)
    match = _NPY_TEXT.fullmatch(header[_NPY_START.size :])
    if (magic, major, minor) != (b'\x93NUMPY', 1, 0) or match is None:
        raise _corrupt(where, 'a .npy 1.0 header of a plain numeric array', found)
    shape = tuple(int(size) for size in match[2].replace(b',', b' ').split())
    if length != len(header) - _NPY_START.size or len(shape) > MAX_NDIM:
        raise _corrupt(where, 'a consistent .npy header', found)
    try:
        dtype = np.dtype(match[1].decode())
    except TypeError as error:
        raise _corrupt(where, 'a numeric type', found) from error
    return dtype, shape


def check_bands(bands: Sequence[int], shape: tuple[int, ...], where: str) -> None:
    """Check that an array has the bands asked for.

    Raises:
        StoreKeyError: If a band is out of range, or the array has no bands.
    """
    if len(shape) != 3:
        raise StoreKeyError(f'{where}: bands {list(bands)} of an array of shape {shape}: no bands')
    for band in bands:
        if not 0 <= band < shape[0]:
            raise StoreKeyError(f'{where}: band {band} is out of range: expected 0..{shape[0] - 1}')


def _corrupt(where: str, expected: str, found: str) -> StoreCorruptionError:
    return StoreCorruptionError(
        f'{where}: damaged value: expected {expected}, but found {found}. '
        'Prepare the store again from its source'
    )
