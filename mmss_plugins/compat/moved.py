"""Old import paths of version 0.1, kept for one version.

The table maps modules and packages that the documentation named to their new names. An old name
gives the new module itself, with a :class:`DeprecationWarning`.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    'mmss_plugins.atomic_files': 'mmss_plugins.utils.atomic_files',
    'mmss_plugins.datasets.lmdb_store': 'mmss_plugins.store.reader',
    'mmss_plugins.datasets.lmdb_writer': 'mmss_plugins.store.writer',
    'mmss_plugins.datasets.lmdb_errors': 'mmss_plugins.store.errors',
    'mmss_plugins.datasets.normalisation': 'mmss_plugins.store.normalisation',
    'mmss_plugins.datasets.patch_ids': 'mmss_plugins.store.patch_ids',
    'mmss_plugins.datasets.seeding': 'mmss_plugins.utils.seeding',
    'mmss_plugins.datasets.splits': 'mmss_plugins.store.splits',
    'mmss_plugins.datasets.store_fields': 'mmss_plugins.store.fields',
    'mmss_plugins.lmdb_tools': 'mmss_plugins.store.tools',
    'mmss_plugins.models.functional': 'mmss_plugins.functional',
    'mmss_plugins.prediction': 'mmss_plugins.apis.prediction',
    'mmss_plugins.prediction.scene_files': 'mmss_plugins.raster.scene_files',
    'mmss_plugins.prediction.scene_reader': 'mmss_plugins.raster.scene_reader',
}


def new_name(old: str) -> str | None:
    """The new name of a module that has moved, itself or with its package; None for others."""
    for package in (old, old.rpartition('.')[0]):
        if package in MOVED:
            return MOVED[package] + old[len(package) :]
    return None


class _Alias(Loader):
    def __init__(self, new: str) -> None:
        self.new = new

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module; it is replaced when it is executed."""
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Put the new module in the old one's place."""
        sys.modules[module.__name__] = importlib.import_module(self.new)


class MovedFinder(MetaPathFinder):
    """Finds modules by their old names."""

    def find_spec(
        self,
        fullname: str,
        path: object = None,  # noqa: ARG002 (the finder protocol's signature)
        target: object = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The spec of the new module under the old name."""
        new = new_name(fullname)
        if new is None:
            return None
        warnings.warn(
            f'{fullname} is now {new}; the old name goes in version 0.3',
            DeprecationWarning,
            stacklevel=2,
        )
        return ModuleSpec(fullname, _Alias(new), is_package=fullname in MOVED)


def install() -> None:
    """Find moved modules by their old names too. Calling it again does nothing."""
    if not any(isinstance(finder, MovedFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, MovedFinder())  # first: a moved package has a path of its own
