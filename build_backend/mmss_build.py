"""The build backend: setuptools', with an editable install in which ``mim`` finds our configs.

``mim`` looks configs and tools up in ``site-packages/mmss_plugins/.mim``. An ordinary wheel has
them there. An editable wheel gets small files that refer to the checkout instead: a config whose
only line is ``_base_ = <the checkout's config>``, a script that runs the checkout's script. So
nothing in it can be out of date; only a config or tool *added* later needs a new ``pip install -e``
to be found by name.

The folder ``site-packages/mmss_plugins`` then has no ``__init__.py``. Python prefers a regular
package anywhere later on ``sys.path`` to such a folder, but setuptools' default editable finder
comes after the whole path; therefore the checkout is put on the path by a ``.pth`` file.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import zipfile
from pathlib import Path

from setuptools import build_meta

PACKAGE = 'mmss_plugins'
ROOT = Path(__file__).resolve().parent.parent

build_sdist = build_meta.build_sdist
build_wheel = build_meta.build_wheel
get_requires_for_build_editable = build_meta.get_requires_for_build_editable
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
get_requires_for_build_wheel = build_meta.get_requires_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel

_CONFIG = '''"""Stands for a config of the checkout that this editable install refers to."""

_base_ = {target}
'''
_SCRIPT = '''"""Runs a script of the checkout that this editable install refers to."""

import os
import runpy
import sys

TARGET = {target}

if __name__ == '__main__':
    if not os.path.isfile(TARGET):
        sys.exit(
            f'{{TARGET}} is gone: mmss_plugins was installed with "pip install -e" from there. '
            'Install it again from where the checkout is now'
        )
    sys.argv[0] = TARGET
    sys.path[0] = os.path.dirname(TARGET)  # it may import what is beside it
    runpy.run_path(TARGET, run_name='__main__')
'''


def build_editable(
    wheel_directory: str,
    config_settings: dict | None = None,
    metadata_directory: str | None = None,
) -> str:
    """Build setuptools' editable wheel on a ``.pth`` file, and add what ``mim`` looks for."""
    settings = {**(config_settings or {}), 'editable_mode': 'compat'}
    name = build_meta.build_editable(wheel_directory, settings, metadata_directory)
    add_files(Path(wheel_directory) / name, forwarding_files(ROOT))
    return name


def forwarding_files(root: Path) -> dict[str, str]:
    """The files of an editable wheel that refer to a checkout.

    Args:
        root: The checkout.

    Returns:
        Text per path inside the wheel.
    """
    files = {}
    for config in sorted((root / 'configs').rglob('*.py')):
        if '_base_' not in config.relative_to(root).parts:  # bases are never asked for by name
            files[_inside(config, root)] = _CONFIG.format(target=_literal(config))
    for script in sorted((root / 'tools').rglob('*.py')):
        files[_inside(script, root)] = _SCRIPT.format(target=_literal(script))
    index = (root / 'model-index.yml').read_text(encoding='utf-8').splitlines()
    files[f'{PACKAGE}/.mim/model-index.yml'] = '\n'.join(_absolute(line, root) for line in index)
    return files


def add_files(wheel: Path, files: dict[str, str]) -> None:
    """Add text files to a wheel, and their rows to its RECORD.

    Args:
        wheel: The wheel, replaced.
        files: Text per path inside the wheel.
    """
    result = wheel.with_suffix('.new')
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(result, 'w') as target:
        rows = []
        for entry in source.infolist():
            if entry.filename.endswith('.dist-info/RECORD'):
                record = entry
            else:
                target.writestr(entry, source.read(entry), zipfile.ZIP_DEFLATED)
        for path, text in files.items():
            data = text.encode()
            target.writestr(path, data, zipfile.ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()
            rows.append(f'{path},sha256={digest},{len(data)}\n')
        old_rows = source.read(record).decode()
        target.writestr(record, ''.join(rows) + old_rows, zipfile.ZIP_DEFLATED)
    shutil.move(os.fspath(result), os.fspath(wheel))


def _inside(path: Path, root: Path) -> str:
    return f'{PACKAGE}/.mim/{path.relative_to(root).as_posix()}'


def _literal(path: Path) -> str:
    return repr(os.fspath(path))


def _absolute(line: str, root: Path) -> str:
    """An entry of the model index, its path made absolute; other lines as they are."""
    entry = line.strip()
    if not entry.startswith('- '):
        return line
    return f'- {json.dumps(os.fspath(root / entry[2:].strip()))}'
