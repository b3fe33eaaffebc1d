"""Names of version 0.1 for the input specification, kept until version 0.3."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

RENAMED = {
    'InputContract': 'InputSpecification',
    'InputContractError': 'InputSpecificationError',
    'contract_of': 'specification_of',
}


def renamed(module: str, name: str) -> Any:
    """What an old name of a module stands for, with a DeprecationWarning.

    Raises:
        AttributeError: If there is no such name.
    """
    if name not in RENAMED:
        raise AttributeError(f'module {module!r} has no attribute {name!r}')
    warnings.warn(
        f'{module}.{name} is now {RENAMED[name]}; the old name will be removed in version 0.3',
        DeprecationWarning,
        stacklevel=3,
    )
    return getattr(import_module(module), RENAMED[name])
