"""JSON from untrusted files: plain values of bounded size and depth only."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from reprlib import Repr
from typing import Any

MAX_DEPTH = 64
_BITS = 63  # integers that other programs can hold

_repr = Repr()
_repr.maxstring = _repr.maxother = 80
shorten = _repr.repr  # of any value, for messages


def parse(data: bytes | memoryview) -> Any:
    """Read JSON.

    Raises:
        ValueError: If it is no JSON in UTF-8, or holds what :func:`check_plain` refuses.
    """
    try:
        value = json.loads(bytes(data).decode(), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError('nested too deeply') from error
    check_plain(value)
    return value


def check_plain(value: object, name: str = '') -> None:
    """Check that JSON can hold a value and that any program can read it.

    Args:
        value: Anything.
        name: Of the value, for messages.

    Raises:
        ValueError: If there is anything but objects with text keys, lists, texts without lone
            surrogates, finite numbers, booleans and null, a whole number of more than 63 bits, or
            more than 64 levels.
    """
    _check(value, name, MAX_DEPTH)


def _check(value: object, name: str, levels: int) -> None:
    if levels < 0:
        raise ValueError(f'{name[:80]}: nested deeper than {MAX_DEPTH} levels')
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f'{name}: keys must be texts, but got {shorten(key)}')
            _check(key, name, levels)
            _check(item, f'{name}.{key}' if name else key, levels - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item, name, levels - 1)
    elif isinstance(value, str):
        if not value.isascii() and any('\ud800' <= char <= '\udfff' for char in value):
            raise ValueError(f'{name}: {shorten(value)} is no Unicode text')
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if value.bit_length() > _BITS:
            raise ValueError(f'{name}: a whole number of {value.bit_length()} bits')
    elif not isinstance(value, float) or not math.isfinite(value):
        raise ValueError(f'{name}: {shorten(value)} must be a plain, finite value')


def _refuse(constant: str) -> None:
    raise ValueError(f'{constant} is no JSON')
