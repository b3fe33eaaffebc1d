"""A torchvision whose compiled part does not load: declare its operators, import it again.

The usual case is a CPU build of torch beside a torchvision built for CUDA. Importing it then fails
with "operator torchvision::nms does not exist", although its transforms are plain Python.
"""

from __future__ import annotations

import sys
from types import ModuleType

import torch

from mmss_plugins.compat.import_hook import AroundImport, Execute

# Operators that torchvision gives a shape function for without asking whether they exist.
_SCHEMAS = {
    'torchvision::nms': '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
    'torchvision::qnms': '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor',
}


def install() -> None:
    """Prepare the import of torchvision; one that imports by itself stays as it is."""
    AroundImport('torchvision', import_with_schemas).install()


def import_with_schemas(module: ModuleType, execute: Execute) -> None:
    """Execute torchvision; if it misses its operators, declare them and execute it again.

    Args:
        module: The module being imported.
        execute: Runs the module's code.
    """
    try:
        execute(module)
    except RuntimeError as error:
        if 'operator torchvision::' not in str(error):
            raise
        prefix = f'{module.__name__}.'
        for name in [name for name in sys.modules if name.startswith(prefix)]:
            del sys.modules[name]
        declare_missing()
        execute(module)


def declare_missing() -> None:
    """Declare the operators that are not there: a call then fails, an import does not."""
    for name, schema in _SCHEMAS.items():
        if not _exists(name):
            torch.library.define(name, schema)


def _exists(name: str) -> bool:
    namespace, operator = name.split('::')
    return hasattr(getattr(torch.ops, namespace), operator)
