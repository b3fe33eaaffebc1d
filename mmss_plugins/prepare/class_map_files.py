"""Reads class maps: small YAML, JSON or CSV files that the user writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare.class_map import OTHER, ClassMap, Colour, Key, key_of
from mmss_plugins.prepare.image_paths import read_table
from mmss_plugins.utils.errors import PrepareUsageError

IGNORED = ('ignore', 'ignored', 'unlabelled', 'unlabeled')  # names that make no class
BACKGROUND = 'background'
MAX_BYTES = 1 << 20
_SECTIONS = {'map', 'classes', 'palette', OTHER, BACKGROUND}
FORM = (
    'a mapping from source values to class names, such as {1: water, 2: trees, 0: ignore}; colours '
    'are written "#3C1098" or "60,16,152"'
)


def read_class_map(path: Path) -> ClassMap:
    """Read a class map from YAML, JSON or CSV.

    Raises:
        PrepareUsageError: If the file is missing or not of the form that the documentation says.
    """
    if path.suffix.lower() == '.csv':
        return _from_table(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PrepareUsageError(f'{path}: too large for a class map')
        text = path.read_text(encoding='utf-8-sig')
        if path.suffix.lower() == '.json':
            content = json.loads(text, object_pairs_hook=partial(_unique, path=path))
        else:
            content = _from_yaml(text, path)
    except (OSError, ValueError, RecursionError) as error:
        raise PrepareUsageError(f'{path}: unreadable class map ({error})') from error
    except Exception as error:  # yaml's own
        if type(error).__module__.partition('.')[0] != 'yaml':
            raise
        raise PrepareUsageError(f'{path}: unreadable class map ({error})') from error
    return _from_content(content, path)


def _from_yaml(text: str, path: Path) -> Any:
    """Content of a YAML file, whose numbers and truth values stay texts as they are written.

    So yes, no and 010 are what they look like, not True, False and 8.
    """
    import yaml  # type: ignore[import-untyped]

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {
            first: [entry for entry in entries if entry[0].endswith((':null', ':merge'))]
            for first, entries in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            _unique([(str(key), None) for key in keys], path)
            return super().construct_mapping(node, deep)

    return yaml.load(text, Loader)


def _unique(pairs: Iterable[tuple[Any, Any]], path: Path) -> dict[Any, Any]:
    """A mapping, whose keys must differ."""
    found = {}
    for key, value in pairs:
        if key in found:
            raise PrepareUsageError(f'{path}: {key!r} is listed twice')
        found[key] = value
    return found


def _from_table(path: Path) -> ClassMap:
    rows = read_table(path, ['class'])
    pairs, palette = [], {}
    for number, row in enumerate(rows, 2):
        colour = row.get('colour') or row.get('color')
        rgb = [row.get(name, '') for name in 'rgb']
        value = row.get('value') or (','.join(rgb) if all(rgb) else colour)
        if not value:
            raise PrepareUsageError(
                f'{path}, row {number}: expected a column value, colour, or r, g and b'
            )
        pairs.append((value, row['class']))
        if colour and row.get('value'):
            palette[row['class']] = colour
    return _make(_unique(pairs, path), path, palette=palette)


def _from_content(content: Any, path: Path) -> ClassMap:
    if not isinstance(content, dict):
        raise PrepareUsageError(f'{path}: expected {FORM}, but found {type(content).__name__}')
    listed = content.get('classes')
    if isinstance(listed, list) and all(isinstance(entry, dict) for entry in listed):
        return _make(_of_labelling_tool(listed, path), path)
    if 'map' not in content:
        unlisted = {key: value for key, value in content.items() if key in (OTHER, BACKGROUND)}
        pairs = {key: value for key, value in content.items() if key not in unlisted}
        return _make(pairs, path, **unlisted)
    unknown = set(content) - _SECTIONS
    if unknown or not isinstance(content['map'], dict):
        raise PrepareUsageError(
            f'{path}: expected the sections {", ".join(sorted(_SECTIONS))}, of which map is '
            f'{FORM}; but found {", ".join(map(str, unknown)) or content["map"]}'
        )
    return _make(content['map'], path, **{k: v for k, v in content.items() if k != 'map'})


def _of_labelling_tool(entries: list[dict], path: Path) -> dict[Any, Any]:
    """Colour to name of ``{"classes": [{"title": ..., "color": ...}]}``."""
    pairs = {}
    for entry in entries:
        name, colour = (
            entry.get('title') or entry.get('name'),
            entry.get('color') or entry.get('colour'),
        )
        if not name or not colour:
            raise PrepareUsageError(f'{path}: expected a title and a color, but found {entry}')
        pairs[colour] = name
    return pairs


def _make(
    pairs: Mapping[Any, Any],
    path: Path,
    classes: Any = None,
    palette: Any = None,
    other: Any = 'error',
    background: Any = None,
) -> ClassMap:
    keys = {value: key_of(value) for value in pairs}
    _unique([(key, None) for key in keys.values()], path)
    names = {keys[value]: _class_name(name, path) for value, name in pairs.items()}
    for extra in (other, background):
        if extra != 'error':
            names.setdefault(f'\0{extra}', _class_name(extra, path))
    order = list(dict.fromkeys(name for name in names.values() if name is not None))
    if classes is not None:
        if not isinstance(classes, list) or sorted(map(str, classes)) != sorted(order):
            raise PrepareUsageError(
                f'{path}: classes must list each class of the map once ({", ".join(order)}), but '
                f'found {classes}'
            )
        order = [str(name) for name in classes]
    if not order or len(order) > IGNORE_INDEX:
        raise PrepareUsageError(
            f'{path}: expected 1 to {IGNORE_INDEX} classes, but found {len(order)}'
        )

    def index(name: str | None) -> int:
        return IGNORE_INDEX if name is None else order.index(name)

    values = {k: index(v) for k, v in names.items() if not str(k).startswith('\0')}
    if len({isinstance(key, tuple) for key in values}) > 1:
        shown = [next(k for k in values if isinstance(k, tuple) == kind) for kind in (True, False)]
        raise PrepareUsageError(
            f'{path}: some source values are colours, such as {shown[0]}, and some are not, such '
            f'as {shown[1]!r}; colours are written "#3C1098" or "60,16,152"'
        )
    return ClassMap(
        tuple(order),
        values,
        _palette(order, values, palette, path),
        None if other == 'error' else index(_class_name(other, path)),
        index(_class_name(background, path)),
    )


def _class_name(name: Any, path: Path) -> str | None:
    """The name of a class, None for what is ignored."""
    if name is None or str(name).strip().lower() in IGNORED:
        return None
    text = str(name).strip()
    if not text or isinstance(name, (dict, list)):
        raise PrepareUsageError(f'{path}: expected a class name, but found {name!r}')
    return text


def _palette(
    order: list[str], values: Mapping[Key, int], palette: Any, path: Path
) -> tuple[Colour, ...]:
    """RGB per class: as given, else the colours of the masks."""
    if not palette:
        of_masks: dict[int, Colour] = {}
        for key, index in values.items():
            if isinstance(key, tuple):
                of_masks.setdefault(index, key)
        there = all(index in of_masks for index in range(len(order)))
        return tuple(of_masks[index] for index in range(len(order))) if there else ()
    entries = palette if isinstance(palette, dict) else dict(zip(order, palette, strict=False))
    keys = [key_of(entries[name]) for name in order if name in entries]
    colours = [c for c in keys if isinstance(c, tuple) and len(c) == 3 and max(c) <= 255]
    if len(colours) != len(order):
        raise PrepareUsageError(
            f'{path}: palette must give each class a colour ("#3C1098" or [60, 16, 152]): '
            f'{", ".join(order)}'
        )
    return tuple(colours)
