"""The header of an LMDB file, checked before LMDB maps it into memory.

LMDB does not check its file: a missing page ends the process with SIGBUS. The two meta
pages at its beginning hold the page size and the last page in use. Layout (LMDB 0.9, 64 bits,
lmdb.h and mdb.c, structs MDB_page and MDB_meta), per meta page in native byte order::

    page header, 16 bytes | magic u32 | version u32 | address u64 | map size u64
    | free pages' tree, 48 bytes, of which the first u32 is the page size
    | main tree, 48 bytes: pad u32, flags u16, depth u16, 3 page counts u64, entries u64, root u64
    | last page u64 | transaction u64
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from mmss_plugins.store.errors import StoreCorruptionError

_META = struct.Struct('=16xIIQQ I44x IHH4Q Q QQ')
_MAGIC, _VERSION = 0xBEEFC0DE, 1
_DEPTH = 32  # LMDB's own limit
_NO_PAGE = (1 << 64) - 1  # root of an empty tree


class Meta(NamedTuple):
    """One meta page."""

    page_size: int
    depth: int
    root: int
    last_page: int
    transaction: int


def check_file(file: Path, path: Path) -> None:
    """Check that an LMDB file has all the pages that its header counts.

    What is no LMDB file of this layout is left to LMDB, which refuses it.

    Args:
        file: The file with the data.
        path: Of the store, for messages.

    Raises:
        StoreCorruptionError: If the file is cut, or its meta pages are damaged.
    """
    if struct.calcsize('P') != 8:
        return
    with file.open('rb') as stream:
        first = _read_meta(stream.read(_META.size))
        if first is None:
            return
        page = first.page_size
        if page & (page - 1) or not 256 <= page <= 1 << 16:
            raise _damaged(path, file, f'pages of {page} bytes')
        stream.seek(page)
        second = _read_meta(stream.read(_META.size))
    size = file.stat().st_size  # after the meta pages: a writer adds pages before it counts them
    if second is None or second.page_size != page:
        raise _damaged(path, file, 'no second meta page')
    for meta in (first, second):
        if meta.depth > _DEPTH or (meta.root > meta.last_page and meta.root != _NO_PAGE):
            raise _damaged(path, file, f'a tree of depth {meta.depth} at page {meta.root}')
    newest = max(first, second, key=lambda meta: meta.transaction)
    expected = (newest.last_page + 1) * page
    if size < expected:
        raise StoreCorruptionError(
            f'{path}: {file.name} is truncated: expected {expected} bytes, but found {size}. '
            'Copy or prepare the store again'
        )


def _read_meta(page: bytes) -> Meta | None:
    if len(page) < _META.size:
        return None
    magic, version, _, _, page_size, _, _, depth, *_, root, last, transaction = _META.unpack(page)
    if (magic, version) != (_MAGIC, _VERSION):
        return None
    return Meta(page_size, depth, root, last, transaction)


def _damaged(path: Path, file: Path, found: str) -> StoreCorruptionError:
    return StoreCorruptionError(
        f'{path}: {file.name} is damaged: its header declares {found}. Copy or prepare the '
        'store again'
    )
