"""Run something around the first import of a module, without importing it early."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType

Execute = Callable[[ModuleType], None]
Around = Callable[[ModuleType, Execute], None]


class AroundImport:
    """A finder that wraps the execution of one module and then withdraws.

    The module's own loader stays in its spec, so that no trace remains afterwards.

    Args:
        name: Full name of the module.
        around: Called with the new module and the function that executes its code; has to call
            the latter.
    """

    def __init__(self, name: str, around: Around) -> None:
        self.name = name
        self.around = around

    def install(self) -> None:
        """Wait for the import; a module that is imported already is left alone."""
        if self.name not in sys.modules and self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self,
        fullname: str,
        path: object = None,  # noqa: ARG002 (the finder protocol's signature)
        target: object = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Part of the finder protocol: the ordinary spec, its execution wrapped."""
        if fullname != self.name:
            return None
        sys.meta_path.remove(self)  # the search below is to go past us
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            self._wrap(spec.loader)
        return spec

    def _wrap(self, loader: Loader) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module  # uncovers the class's own method
            self.around(module, execute)
            if self in sys.meta_path:
                sys.meta_path.remove(self)

        vars(loader)['exec_module'] = exec_module  # covers the method of the class
