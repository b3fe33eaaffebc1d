"""The description that a store carries under ``__meta__``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mmss_plugins.datasets.lmdb_errors import StoreFormatError, StoreVersionError

FORMAT = 'mmss-lmdb'
VERSION = 1
META_KEY = b'__meta__'
IDS_CHUNK = 1024  # sample ids per ``__ids__`` record
IDS_PREFIX = b'__ids__/'
_FIELD_KEYS = {'kind', 'bands', 'dtype', 'scale', 'unit'}
_NAME = re.compile(r'(?!__)[^/\s\x00-\x1f]+')


@dataclass(frozen=True)
class StoreMeta:
    """What a store holds and how it was made.

    Args:
        dataset: Name of the data set.
        split: Name of the split.
        fields: Field name to ``dict(kind='image'|'label', bands=[names], dtype='uint8',
            scale='raw'|'clip8', unit='dB'|'reflectance x 10000'|'class index')``. An image is
            (len(bands), H, W), a label (H, W) with ``bands=[]``.
        classes: Class names; their positions are the label values. 255 is ignored.
        seasons: Season names; empty if samples have none.
        source: Tool, version and options that made the store. Nothing in it may vary with the
            time, the machine or the number of workers, for a resumed run must find it equal.
        count: Number of samples.
        complete: Whether the writer finished.
        format: Always 'mmss-lmdb'.
        version: Version of the layout.
    """

    dataset: str
    split: str
    fields: dict[str, dict[str, Any]]
    classes: tuple[str, ...] = ()
    seasons: tuple[str, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    complete: bool = False
    format: str = FORMAT
    version: int = VERSION

    def __post_init__(self) -> None:
        object.__setattr__(self, 'classes', tuple(self.classes))
        object.__setattr__(self, 'seasons', tuple(self.seasons))
        self._validate()

    def to_json(self) -> bytes:
        """One canonical form: equal descriptions give equal bytes."""
        return json.dumps(asdict(self), sort_keys=True, separators=(',', ':')).encode()

    @classmethod
    def from_json(cls, data: bytes, where: str) -> StoreMeta:
        """Parse a ``__meta__`` record.

        Args:
            data: The record.
            where: Text for error messages: path and key.

        Raises:
            StoreFormatError: If it is not a record of this format.
            StoreVersionError: If it is of another version.
        """
        try:
            record = json.loads(bytes(data).decode())
        except (ValueError, RecursionError) as error:
            raise StoreFormatError(f'{where}: not JSON ({error}): is this store ours?') from error
        if not isinstance(record, dict) or record.get('format') != FORMAT:
            found = record.get('format') if isinstance(record, dict) else record
            raise StoreFormatError(f'{where}: expected format {FORMAT!r}, but found {found!r}')
        if record.get('version') != VERSION:
            raise StoreVersionError(
                f'{where}: store version {record.get("version")!r}, but this package reads '
                f'{VERSION}: install a matching mmss_plugins or prepare the store again'
            )
        try:
            return cls(**record)
        except (TypeError, ValueError) as error:
            raise StoreFormatError(f'{where}: {error}') from error

    def differences(self, other: StoreMeta) -> list[str]:
        """Dotted names of what differs, with both values; count and completeness do not matter."""
        return _differences(
            asdict(replace(self, count=0, complete=False)),
            asdict(replace(other, count=0, complete=False)),
        )

    def _validate(self) -> None:
        for name in ('dataset', 'split'):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise ValueError(f'{name} must be a name, but got {getattr(self, name)!r}')
        if not isinstance(self.fields, dict) or not self.fields:
            raise ValueError(f'fields must be a non-empty dict, but got {self.fields!r}')
        for name in (*self.fields, *self.seasons):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(
                    f'{name!r} is no field or season name: no "/", space or leading __'
                )
        for name, spec in self.fields.items():
            if not isinstance(spec, dict) or set(spec) != _FIELD_KEYS:
                raise ValueError(f'fields.{name} must have {sorted(_FIELD_KEYS)}, but got {spec!r}')
            if spec['kind'] not in ('image', 'label'):
                raise ValueError(f"fields.{name}.kind must be 'image' or 'label': {spec['kind']!r}")
            if (spec['kind'] == 'image') != bool(spec['bands']):
                raise ValueError(f'fields.{name}.bands must be named for images only')
            if spec['scale'] not in ('raw', 'clip8'):
                raise ValueError(f"fields.{name}.scale must be 'raw' or 'clip8': {spec['scale']!r}")
        if not all(isinstance(name, str) for name in self.classes):
            raise ValueError(f'classes must be names, but got {self.classes!r}')
        if not isinstance(self.source, dict):
            raise ValueError(f'source must be a dict, but got {self.source!r}')
        if type(self.count) is not int or self.count < 0 or type(self.complete) is not bool:
            raise ValueError(f'count {self.count!r} or complete {self.complete!r} is no such thing')


def _differences(ours: Any, theirs: Any, name: str = '') -> list[str]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            text
            for key in sorted({*ours, *theirs})
            for text in _differences(
                ours.get(key), theirs.get(key), f'{name}.{key}' if name else str(key)
            )
        ]
    if json.dumps(ours) == json.dumps(theirs):
        return []
    return [f'{name}: {ours!r} here, {theirs!r} there']
