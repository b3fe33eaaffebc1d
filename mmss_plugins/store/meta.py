"""The description of a store, kept under ``__meta__``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mmss_plugins.store.errors import StoreFormatError, StoreVersionError
from mmss_plugins.store.fields import check_spec
from mmss_plugins.store.plain_json import check_plain, parse, shorten

FORMAT = 'mmss-lmdb'
VERSION = 1
META_KEY = b'__meta__'
IDS_CHUNK = 1024  # sample ids per ``__ids__`` record
IDS_PREFIX = b'__ids__/'
MAX_INFO = 1 << 16  # bytes of JSON: the description is written at each commit
_NAME = re.compile(r'(?!__)[^/\s\x00-\x1f]+')


@dataclass(frozen=True)
class StoreMeta:
    """What a store holds and how it was made.

    Args:
        dataset: Name of the data set.
        split: Name of the split.
        fields: Field name to ``dict(kind='image'|'label'|'mask', bands=[names], dtype='uint8',
            scale='raw'|'clip8'|'linear', unit='dB'|'reflectance x 10000'|'class index'|...)``. An
            image is (len(bands), H, W), a label or a mask (H, W) uint8 with ``bands=[]``. With
            'linear' there are ``gain=[...], offset=[...]`` too, one number per band: physical =
            stored * gain + offset. A mask is any map that is no label, such as a cloud mask.
        classes: Class names; their positions are the label values. 255 is ignored.
        seasons: Season names; empty if samples have none.
        source: Tool, version and options that made the store. Nothing in it may vary with the
            time, the machine or the number of workers, for a resumed run must find it equal.
        palette: RGB per class; empty if the data set has its own.
        info: What else is to be known of the content: plain values, at most 64 KiB as JSON. It
            describes and does not shape the content, so resumed runs and shards may differ in it.
            ``info['seasons']``, if there, holds an object per season.
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
    palette: tuple[tuple[int, int, int], ...] = ()
    info: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    complete: bool = False
    format: str = FORMAT
    version: int = VERSION

    def __post_init__(self) -> None:
        for name in ('classes', 'seasons', 'palette'):
            if not isinstance(getattr(self, name), list | tuple):
                raise ValueError(f'{name} must be a list, but got {shorten(getattr(self, name))}')
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._validate()

    def to_json(self) -> bytes:
        """One canonical form: equal descriptions give equal bytes."""
        record = asdict(self)
        for name in ('palette', 'info'):  # which earlier versions do not know
            if not record[name]:
                del record[name]
        return json.dumps(record, sort_keys=True, separators=(',', ':')).encode()

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
            record = parse(data)
        except ValueError as error:
            raise StoreFormatError(f'{where}: not JSON ({error}): is this store here?') from error
        if not isinstance(record, dict) or record.get('format') != FORMAT:
            found = record.get('format') if isinstance(record, dict) else record
            raise StoreFormatError(
                f'{where}: expected format {FORMAT!r}, but found {shorten(found)}'
            )
        if record.get('version') != VERSION:
            raise StoreVersionError(
                f'{where}: store version {shorten(record.get("version"))}, but this package reads '
                f'{VERSION}: install a matching mmss_plugins or prepare the store again'
            )
        try:
            return cls(**record)
        except (TypeError, ValueError) as error:
            raise StoreFormatError(f'{where}: {error}') from error

    def differences(self, other: StoreMeta) -> list[str]:
        """Differences that affect the content: dotted names with both values."""
        return _differences(
            asdict(replace(self, count=0, complete=False, info={})),
            asdict(replace(other, count=0, complete=False, info={})),
        )

    def _validate(self) -> None:
        for name in ('dataset', 'split'):
            if not isinstance(getattr(self, name), str) or not getattr(self, name):
                raise ValueError(f'{name} must be a name, but got {shorten(getattr(self, name))}')
        if not isinstance(self.fields, dict) or not self.fields:
            raise ValueError(f'fields must be a non-empty dict, but got {shorten(self.fields)}')
        for name in (*self.fields, *self.seasons):
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(
                    f'{shorten(name)} is no field or season name: no "/", space or leading __'
                )
        if len(set(self.seasons)) != len(self.seasons):
            raise ValueError(f'seasons must have a name each, but got {shorten(self.seasons)}')
        for name, spec in self.fields.items():
            check_spec(name, spec)
        self._validate_classes()
        if type(self.count) is not int or self.count < 0 or type(self.complete) is not bool:
            raise ValueError(
                f'count {shorten(self.count)} or complete {shorten(self.complete)} is no such thing'
            )
        for name in ('source', 'info'):
            if not isinstance(getattr(self, name), dict):
                raise ValueError(f'{name} must be a dict, but got {shorten(getattr(self, name))}')
        check_plain(asdict(self))
        self._validate_source()
        self._validate_info()

    def _validate_classes(self) -> None:
        if not all(isinstance(name, str) for name in self.classes) or len(self.classes) > 255:
            raise ValueError(f'classes must be at most 255 names, but got {shorten(self.classes)}')
        if self.palette and len(self.palette) != len(self.classes):
            raise ValueError(
                f'palette must have a colour per class, {len(self.classes)}: {len(self.palette)}'
            )
        for colour in self.palette:
            if not (
                isinstance(colour, list | tuple)
                and len(colour) == 3
                and all(type(value) is int and 0 <= value <= 255 for value in colour)
            ):
                raise ValueError(f'palette must hold RGB in 0..255, but got {shorten(colour)}')
        object.__setattr__(self, 'palette', tuple(map(tuple, self.palette)))

    def _validate_source(self) -> None:
        options = self.source.get('options', {})
        if not isinstance(options, dict):
            raise ValueError(f'source.options must be a dict, but got {shorten(options)}')
        if type(options.get('s2_offset', 0)) not in (int, float):
            raise ValueError(
                f'source.options.s2_offset must be a number: {shorten(options["s2_offset"])}'
            )

    def _validate_info(self) -> None:
        size = len(json.dumps(self.info))
        if size > MAX_INFO:
            raise ValueError(f'info must have at most {MAX_INFO} bytes as JSON, but has {size}')
        seasons = self.info.get('seasons', {})
        if not isinstance(seasons, dict) or set(seasons) - set(self.seasons):
            raise ValueError(
                f'info.seasons must hold an object per season of {list(self.seasons)}: '
                f'{shorten(seasons)}'
            )


def _differences(here: Any, there: Any, name: str = '') -> list[str]:
    if isinstance(here, dict) and isinstance(there, dict):
        return [
            text
            for key in sorted({*here, *there})
            for text in _differences(
                here.get(key), there.get(key), f'{name}.{key}' if name else str(key)
            )
        ]
    if json.dumps(here) == json.dumps(there):
        return []
    return [f'{name}: {here!r} here, {there!r} there']
