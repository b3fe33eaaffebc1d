"""Keys, and the JSON records beside the arrays: ``__meta__``, ``__ids__/*`` and ``__check__``.

``__check__`` holds the CRC-32 of the other records' bytes, so that a changed byte is noticed there
as it is in an array.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

from mmss_plugins.store.errors import (
    MIGRATE_HINT,
    StoreCorruptionError,
    StoreFormatError,
    StoreKeyError,
)
from mmss_plugins.store.meta import IDS_CHUNK, IDS_PREFIX, META_KEY, StoreMeta
from mmss_plugins.store.plain_json import parse, shorten

CHECK_KEY = b'__check__'
MAX_KEY_BYTES = 511  # LMDB's own limit

Get = Callable[[bytes], 'bytes | memoryview | None']


def value_key(sample_id: str, field: str, season: str | None = None) -> str:
    """``{sample}/{season}/{field}``, or ``{sample}/{field}`` where there are no seasons."""
    return f'{sample_id}/{field}' if season is None else f'{sample_id}/{season}/{field}'


def check_sample_id(sample_id: str, path: str | Path) -> None:
    """Refuse ids that could be mistaken for other keys.

    Raises:
        StoreKeyError: If the id is empty, no string, contains '/', or starts with '__'.
    """
    if not isinstance(sample_id, str) or not sample_id or '/' in sample_id:
        raise StoreKeyError(f"{path}: sample id {sample_id!r}: expected a string without '/'")
    if sample_id.startswith('__'):
        raise StoreKeyError(f"{path}: sample id {sample_id!r}: ids must not start with '__'")


def ids_key(chunk: int) -> bytes:
    """Key of one list of sample ids."""
    return IDS_PREFIX + f'{chunk:08d}'.encode()


def encode_ids(ids: list[str]) -> bytes:
    """One chunk of sample ids as JSON."""
    return json.dumps(ids, separators=(',', ':')).encode()


def encode_check(crcs: dict[str, int]) -> bytes:
    """The checksums of the records as JSON."""
    return json.dumps(crcs, sort_keys=True, separators=(',', ':')).encode()


def read_meta(get: Get, path: str | Path) -> tuple[StoreMeta, dict[str, int]]:
    """Read the description and the records' checksums.

    Args:
        get: Look-up of one key in a transaction.
        path: For error messages.

    Raises:
        StoreFormatError: If the environment is not a store of this package.
        StoreVersionError: If it is of another version.
        StoreCorruptionError: If a record's bytes have changed.
    """
    where = f'{path}: key {META_KEY.decode()!r}'
    record = get(META_KEY)
    if record is None:
        raise StoreFormatError(
            f'{where}: missing: an LMDB file, but not a store of this package. {MIGRATE_HINT}'
        )
    record = bytes(record)
    meta_error = None
    try:
        meta = StoreMeta.from_json(record, where)
    except StoreFormatError as error:
        meta_error = error
    check = get(CHECK_KEY)
    if check is None:
        raise meta_error or StoreCorruptionError(f'{path}: key {CHECK_KEY.decode()!r}: missing')
    crcs = _json(check, dict, f'{path}: key {CHECK_KEY.decode()!r}')
    _check_crc(record, crcs, META_KEY, path)
    if meta_error is not None:
        raise meta_error
    return meta, crcs


def read_ids(get: Get, meta: StoreMeta, crcs: dict[str, int], path: str | Path) -> list[str]:
    """Read all sample ids, in the order in which they were put.

    Raises:
        StoreCorruptionError: If a list is missing, changed, or the number does not agree.
    """
    ids: list[str] = []
    for chunk in range(-(-meta.count // IDS_CHUNK)):
        key = ids_key(chunk)
        where = f'{path}: key {key.decode()!r}'
        record = get(key)
        if record is None:
            raise StoreCorruptionError(f'{where}: missing: {meta.count} samples are expected')
        record = bytes(record)
        _check_crc(record, crcs, key, path)
        found = _json(record, list, where)
        for sample_id in found:
            _check_listed(sample_id, where)
        ids += found
    if len(ids) != meta.count:
        raise StoreCorruptionError(f'{path}: expected {meta.count} sample ids, found {len(ids)}')
    return ids


def _check_listed(sample_id: object, where: str) -> None:
    """The check of :func:`check_sample_id` for ids that are read."""
    good = (
        isinstance(sample_id, str)
        and 0 < len(sample_id.encode()) <= MAX_KEY_BYTES
        and '/' not in sample_id
        and not sample_id.startswith('__')
    )
    if not good:
        raise StoreCorruptionError(f'{where}: {shorten(sample_id)} is no sample id')


def _check_crc(record: bytes, crcs: dict[str, int], key: bytes, path: str | Path) -> None:
    if crcs.get(key.decode()) != zlib.crc32(record):
        raise StoreCorruptionError(
            f'{path}: key {key.decode()!r}: the checksum does not agree: the stored bytes have '
            'changed. Prepare the store again from its source'
        )


def _json(record: bytes | memoryview, kind: type, where: str):
    try:
        content = parse(record)
    except ValueError as error:
        raise StoreCorruptionError(f'{where}: not JSON ({error})') from error
    if not isinstance(content, kind):
        raise StoreCorruptionError(f'{where}: expected a JSON {kind.__name__}')
    return content
