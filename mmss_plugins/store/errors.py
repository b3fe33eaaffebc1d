"""Errors of the LMDB store. Every message names the store's path, and the key if there is one."""

MIGRATE_HINT = 'Convert LMDB files of the CromSS reference with: mmss store migrate SOURCE OUT'


class StoreError(RuntimeError):
    """Base class of all errors of a store."""


class StoreFormatError(StoreError):
    """The path holds no store of this package: missing, not LMDB, or without valid ``__meta__``."""


class StoreVersionError(StoreError):
    """The store was written in a format version that this package does not read."""


class StoreCorruptionError(StoreError):
    """Stored bytes are truncated or changed: a checksum, a length or a header does not agree."""


class StoreKeyError(StoreError):
    """The sample, season, field or band asked for is not in the store."""


class StoreWriteError(StoreError):
    """The writer refuses: duplicate id, arrays unlike the description, or another writer."""


class StoreSampleError(StoreWriteError):
    """A sample does not match the store's description: sizes, types, labels or values."""


class LegacyFormatError(StoreError):
    """An LMDB of the CromSS reference is in no known layout, or a record in it is damaged."""
