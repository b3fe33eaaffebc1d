"""Checks of an input specification that comes from a file: every field, before it is used.

What is not checked here would be believed: an unknown normalisation, for example, would leave the
values as they are and give a wrong map.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

from mmss_plugins.bands import AERIAL, EIGHT_BIT, FILE_VALUE, SENSORS, levels_of, sensor_of

AERIAL_UNITS = (EIGHT_BIT, f'{EIGHT_BIT}, height in metres', FILE_VALUE)
# What the network gets ('values'), by normalisation.
NORMALIZED = {
    'clip8': ('0..1', '0..255'),
    'standardise': ('standardised',),
    None: ('physical', '0..1', '0..255'),
}
_STATISTICS = (('mean', 'std'), ('input_mean', 'input_std'))
_LARGEST = 1e12  # of a mean or standard deviation
_LONGEST = 200  # characters of a name
_MOST = 65536  # classes, bands
_MAX_DEPTH, _MAX_SETTINGS = 16, 10_000


class FieldError(ValueError):
    """A field is not as expected; the message names it."""


def check_specification(content: Mapping) -> None:
    """Check the content of an input specification.

    Args:
        content: With 'modalities', 'classes', 'method', 'settings', 'version'.

    Raises:
        FieldError: If a field is missing, or holds something else than what can be used.
    """
    modalities = _sequence(content, 'modalities', '')
    if not modalities:
        raise FieldError('modalities: expected at least one, but found none')
    for entry in modalities:
        _expect(isinstance(entry, Mapping), 'modalities', 'a dict for each', entry)
        _check_modality(entry)
    _unique([entry['name'] for entry in modalities], 'modalities')
    for name in _sequence(content, 'classes', ''):
        _check_name(name, 'classes')
    for key in ('method', 'version'):
        _check_name(_field(content, key, ''), key, empty=True)
    _check_settings(_field(content, 'settings', ''))


def _check_modality(entry: Mapping) -> None:
    name = _field(entry, 'name', 'modalities ')
    _check_name(name, 'the name of a modality')
    where = f'{name} '
    bands = _sequence(entry, 'bands', where)
    if not bands:
        raise FieldError(f'{where}bands: expected at least one, but found none')
    for band in bands:
        _check_name(band, f'{where}bands')
    _unique(bands, f'{where}bands')
    unit = _field(entry, 'unit', where)
    _check_name(unit, f'{where}unit')
    normalize = _choice(entry, 'normalize', where, [*NORMALIZED])
    allowed = NORMALIZED[normalize]
    if name in SENSORS:
        levels = levels_of(name)
        for band in bands:
            _among(band, f'{where}bands', levels[0].bands)
        _among(unit, f'{where}unit', [level.unit for level in levels])
        for band in bands:
            _among(band, f'{where}bands', sensor_of(name, unit).bands)
        allowed = allowed[:1] if normalize is None else allowed
    elif name == AERIAL:
        _among(unit, f'{where}unit', AERIAL_UNITS)
        if normalize is None:
            allowed = allowed[:1] if unit == FILE_VALUE else allowed[1:]
    _choice(entry, 'values', where, allowed)
    for mean, std in _STATISTICS:
        _check_statistics(entry, mean, std, len(bands), where)
    pixel = entry.get('pixel_size')  # later than the other fields
    fits = pixel is None or (_is_number(pixel) and pixel > 0)
    _expect(fits, f'{where}pixel_size', 'metres above 0, or None', pixel)
    if (normalize is None) != (entry['mean'] is None):
        there = 'none' if normalize is None else 'one number per band'
        raise FieldError(
            f'{where}mean and std: expected {there} with normalize={normalize!r}, but found '
            f'{shown(entry["mean"])}'
        )


def _check_statistics(entry: Mapping, mean: str, std: str, count: int, where: str) -> None:
    given = [_field(entry, key, where) for key in (mean, std)]
    if given == [None, None]:
        return
    for key, values in zip((mean, std), given, strict=True):
        numbers = isinstance(values, (list, tuple)) and len(values) == count
        _expect(
            numbers and all(map(_is_number, values)),
            f'{where}{key}',
            f'{count} finite numbers, one per band',
            values,
        )
    _expect(min(given[1]) > 0, f'{where}{std}', 'numbers above 0', given[1])


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= _LARGEST  # false for NaN


def _check_settings(settings: object) -> None:
    """Plain values, not many and not deep: they are for people to read."""
    _expect(isinstance(settings, Mapping), 'settings', 'a dict', settings)
    level: list[object] = [settings]
    count = 0
    for _ in range(_MAX_DEPTH):
        deeper: list[object] = []
        for value in level:
            if isinstance(value, Mapping):
                for key in value:
                    _check_name(key, 'settings', empty=True)
                deeper += value.values()
            elif isinstance(value, (list, tuple)):
                deeper += value
            else:
                plain = value is None or type(value) in (bool, int, float, str)
                _expect(plain, 'settings', 'plain values', value)
        count += len(deeper)
        if not deeper:
            return
        if count > _MAX_SETTINGS:
            raise FieldError(f'settings: expected at most {_MAX_SETTINGS} values, but found more')
        level = deeper
    raise FieldError(f'settings: expected at most {_MAX_DEPTH} levels, but found more')


def _field(content: Mapping, key: str, where: str) -> Any:
    if key not in content:
        raise FieldError(f'{where}{key}: it is missing')
    return content[key]


def _sequence(content: Mapping, key: str, where: str) -> Sequence:
    values = _field(content, key, where)
    _expect(isinstance(values, (list, tuple)), f'{where}{key}', 'a list', values)
    if len(values) > _MOST:
        raise FieldError(f'{where}{key}: expected at most {_MOST}, but found {len(values)}')
    return values


def _choice(entry: Mapping, key: str, where: str, allowed: Sequence) -> Any:
    value = _field(entry, key, where)
    _among(value, f'{where}{key}', allowed)
    return value


def _among(value: object, field: str, allowed: Sequence) -> None:
    choices = ' or '.join(map(repr, allowed))
    _expect(type(value) in (str, type(None)) and value in allowed, field, choices, value)


def _check_name(value: object, field: str, empty: bool = False) -> None:
    fits = isinstance(value, str) and len(value) <= _LONGEST and (empty or value)
    _expect(bool(fits), field, f'text of at most {_LONGEST} characters', value)


def _unique(names: Sequence[str], field: str) -> None:
    if len(set(names)) != len(names):
        raise FieldError(f'{field}: expected each once, but found {shown(names)}')


def _expect(fits: bool, field: str, expected: str, found: object) -> None:
    if not fits:
        raise FieldError(f'{field}: expected {expected}, but found {shown(found)}')


def shown(value: object) -> str:
    """A value in bounded text, whatever it is."""
    try:
        return reprlib.repr(value)
    except ValueError:  # an integer of thousands of digits
        return type(value).__name__
