"""mmcv without its compiled part (mmcv-lite): let ``mmcv.ops`` import, refuse operator calls.

MMSegmentation imports ``mmcv.ops`` for operators that none of our models calls. While that import
runs, a stub stands in for ``mmcv._ext``; afterwards it is gone from ``sys.modules``, because
MMEngine decides by that module whether the operators are there.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import NoReturn

from mmss_plugins.compat.import_hook import AroundImport, Execute

EXTENSION = 'mmcv._ext'


def install() -> None:
    """Prepare the import of ``mmcv.ops``; with full mmcv its import stays as it is."""
    AroundImport('mmcv.ops', import_with_stub).install()


def import_with_stub(module: ModuleType, execute: Execute) -> None:
    """Execute ``mmcv.ops``, with a stub for the compiled part if there is none.

    Args:
        module: The module being imported.
        execute: Runs the module's code.
    """
    if EXTENSION in sys.modules or importlib.util.find_spec(EXTENSION) is not None:
        execute(module)
        return
    sys.modules[EXTENSION] = stub_extension()
    try:
        execute(module)
    finally:
        del sys.modules[EXTENSION]


def stub_extension() -> ModuleType:
    """A module that has every operator by name, and none that can be called."""
    stub = ModuleType(EXTENSION, 'Stands in for the compiled operators while mmcv.ops is imported.')
    vars(stub)['__getattr__'] = _missing_operator
    return stub


def _missing_operator(name: str) -> Callable[..., NoReturn]:
    if name.startswith('__'):
        raise AttributeError(name)

    def operator(*_args: object, **_kwargs: object) -> NoReturn:
        raise NotImplementedError(
            f'mmcv operator {name!r} is compiled code, and the installed mmcv has none '
            '(mmcv-lite, or an mmcv built without operators). Install full mmcv of the same '
            'version to use models that need it; no model of mmss_plugins does'
        )

    operator.__name__ = name
    return operator
