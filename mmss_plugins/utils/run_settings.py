"""The settings of a run: its resolved config as plain data, a digest of it, differences."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mmengine.config import Config

# These change where and how fast a run is done, and what is shown of it, but not its result.
APART = ('work_dir', 'resume', 'launcher', 'log_level', 'visualizer', 'vis_backends')
LOADER_APART = ('num_workers', 'persistent_workers')
SHOWN = 4  # differences that a message names


def resolved_settings(cfg: Config) -> dict:
    """All that decides a run's result, as JSON can hold it.

    Args:
        cfg: With its base configs and options merged.

    Returns:
        The config without the work folder, launcher, loader workers and visualizer. Tuples are
        lists; classes and functions are their ``repr``.
    """
    return {name: _plain(value) for name, value in cfg.to_dict().items() if name not in APART}


def digest(settings: Mapping) -> str:
    """SHA-256 (hexadecimal) of settings, whatever the order of their keys."""
    text = json.dumps(settings, sort_keys=True, separators=(',', ':'))
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hexadecimal) of a file's content."""
    found = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def differences(found: Mapping, settings: Mapping) -> str:
    """Differences between recorded and present settings, for a message.

    Args:
        found: Noted earlier.
        settings: Of now.

    Returns:
        'a.b is 1 there, 2 here, ...'; empty if all is the same.
    """
    there, here = _leaf_texts(found), _leaf_texts(settings)
    names = sorted(set(there) | set(here))
    other = [name for name in names if there.get(name) != here.get(name)]
    shown = [
        f'{name} is {there.get(name, "missing")} there, {here.get(name, "missing")} here'
        for name in other[:SHOWN]
    ]
    more = [f'and {len(other) - SHOWN} more'] if len(other) > SHOWN else []
    return ', '.join(shown + more)


def read_json(path: Path) -> dict:
    """Content of a file that :func:`mmss_plugins.utils.atomic_files.write_json` wrote."""
    return json.loads(path.read_text(encoding='utf-8'))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if k not in LOADER_APART}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return repr(value)


def _leaf_texts(settings: Mapping) -> dict[str, str]:
    """Values as JSON by dotted name: 1, 1.0 and true differ, as in the digest."""
    return {name: json.dumps(value) for name, value in _leaves(settings)}


def _leaves(settings: object, name: str = '') -> Iterator[tuple[str, object]]:
    """(dotted name, value) of everything that is not a dict or list, or an empty one."""
    pairs: Iterable[tuple[object, object]]
    if isinstance(settings, Mapping) and settings:
        pairs = settings.items()
    elif isinstance(settings, list) and settings:
        pairs = enumerate(settings)
    else:
        yield name, settings
        return
    for key, value in pairs:
        yield from _leaves(value, f'{name}.{key}' if name else str(key))
