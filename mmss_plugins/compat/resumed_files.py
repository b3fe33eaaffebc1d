"""A checkpoint that a run is resumed from does not say which files are removed.

MMEngine's ``CheckpointHook`` takes the path of the best checkpoint so far, and the numbers of the
last ones, from the message hub of the checkpoint, and removes what it finds there: a folder with
everything in it, too. Here it removes only files that it has named itself, in its own folder.
"""

from __future__ import annotations

import os
import sys
from types import ModuleType

from mmss_plugins.compat.import_hook import AroundImport, Execute

_MODULE = 'mmengine.hooks.checkpoint_hook'
_LAST, _BEST = 'keep_ckpt_ids', 'best_'


def install() -> None:
    """Restrict ``CheckpointHook``, now or when it is imported."""
    if _MODULE in sys.modules:
        restrict_after_import(sys.modules[_MODULE])
    else:
        AroundImport(_MODULE, restrict_after_import).install()


def restrict_after_import(module: ModuleType, execute: Execute | None = None) -> None:
    """Execute the hook's module, then check what it takes from a checkpoint.

    Args:
        module: The module being imported, or imported already.
        execute: Runs the module's code, if that is still to be done.
    """
    if execute is not None:
        execute(module)
    original = module.CheckpointHook.before_train
    if hasattr(original, '__wrapped__'):
        return

    def before_train(self, runner) -> None:
        hub = runner.message_hub
        last = hub.runtime_info.get(_LAST, [])
        if not isinstance(last, list) or any(type(step) is not int for step in last):
            _leave(runner, f'{_LAST} of the resumed checkpoint is no list of numbers')
            hub.update_info(_LAST, [])
        original(self, runner)
        if getattr(self, 'best_ckpt_path', None) is not None:
            self.best_ckpt_path = _own(self, runner, self.best_ckpt_path)
        for key, path in getattr(self, 'best_ckpt_path_dict', {}).items():
            self.best_ckpt_path_dict[key] = _own(self, runner, path)

    vars(before_train)['__wrapped__'] = original
    module.CheckpointHook.before_train = before_train


def _own(hook, runner, path: object) -> str | None:
    """The path of a best checkpoint if it is one of this run's, else None."""
    if path is None or (isinstance(path, str) and _is_own(path, hook.out_dir)):
        return path
    _leave(runner, f'the best checkpoint of the resumed run, {path!r:.200}, is not in this folder')
    return None


def _is_own(path: str, folder: str) -> bool:
    parent, name = os.path.split(path)
    same = parent == folder or os.path.realpath(parent) == os.path.realpath(folder)
    return same and name.startswith(_BEST)


def _leave(runner, reason: str) -> None:
    runner.logger.warning(f'{reason}: what it names is left as it is')
