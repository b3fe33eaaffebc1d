"""Load MMEngine's checkpoints with ``torch.load(weights_only=True)``, and nothing more.

torch >= 2.6 reads a checkpoint with a restricted unpickler that knows tensors and plain
containers. MMEngine's checkpoints also hold its message hub (history buffers, NumPy arrays and
scalars) and, with a one-cycle schedule, a function of the scheduler. They are admitted here by
name, each with the narrowest callable that rebuilds it; ``getattr`` itself never is.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.utils import digit_version

from mmss_plugins.compat.import_hook import AroundImport, Execute

# numpy.core was renamed to numpy._core in NumPy 2; a checkpoint may come from either.
_MULTIARRAY_MODULES = ('numpy._core.multiarray', 'numpy.core.multiarray')
_DTYPES = (
    'bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64',
    'float16', 'float32', 'float64',
)  # fmt: skip
FileReader = Callable[[Path, Any], Any]  # path and map_location to the content
_WEIGHTS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_HISTORY_METHODS = ('min', 'max', 'current', 'mean')
_ONE_CYCLE = 'mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler'
_ONE_CYCLE_METHODS = ('_annealing_cos', '_annealing_linear')


def read_restricted(file: Any, map_location: Any = None) -> Any:
    """Load a path or file object with torch's restricted unpickler."""
    return torch.load(file, map_location=map_location, weights_only=True)


_read_file: FileReader = read_restricted


class _OneCycleName:
    """Stands for the scheduler's class: it yields its annealing functions, no instances."""

    def __init__(self) -> None:
        raise UnpicklingError('the checkpoint creates a parameter scheduler, which none needs to')


def restricted_getattr(owner: object, name: str) -> Any:
    """Look up one of the few functions that MMEngine's checkpoints refer to.

    Args:
        owner: ``HistoryBuffer``, or the stand-in for ``OneCycleParamScheduler``.
        name: The attribute's name.

    Returns:
        The function of that name.

    Raises:
        UnpicklingError: If it is any other attribute.
    """
    if owner is HistoryBuffer and name in _HISTORY_METHODS:
        return getattr(HistoryBuffer, name)
    if owner is _OneCycleName and name in _ONE_CYCLE_METHODS:
        from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

        return getattr(OneCycleParamScheduler, name)
    raise UnpicklingError(
        f'the checkpoint asks for attribute {name!r} of {owner!r}, which no MMEngine checkpoint '
        'needs: it is not loaded. Do not trust its source'
    )


def restricted_dtype(code: str, *_flags: bool) -> np.dtype:
    """A new instance of a number type, so that restoring its state alters no shared one.

    Args:
        code: NumPy's type code.

    Raises:
        UnpicklingError: If it is not a plain number or boolean.
    """
    dtype = np.dtype(code, False, True)
    if dtype.name not in _DTYPES:
        raise UnpicklingError(f'the checkpoint holds NumPy type {code!r}, not one of {_DTYPES}')
    return dtype


def restricted_scalar(dtype: np.dtype, data: bytes) -> np.generic:
    """A NumPy number from its bytes."""
    return np.frombuffer(data, restricted_dtype(dtype.str), count=1)[0]


def restricted_reconstruct(kind: type, shape: tuple[int, ...], code: Any) -> np.ndarray:
    """The empty array into which the checkpoint's array is then filled."""
    if kind is not np.ndarray or shape != (0,):
        raise UnpicklingError(f'the checkpoint holds an array of type {kind!r}, not numpy.ndarray')
    return np.ndarray.__new__(np.ndarray, shape, code)


def safe_globals() -> list[Callable | tuple[Callable, str]]:
    """What a checkpoint may refer to beyond torch's own list, under the names that it uses."""
    number_types = {type(np.dtype(name)) for name in _DTYPES}
    allowed: list[Callable | tuple[Callable, str]] = [
        HistoryBuffer,
        np.ndarray,
        *number_types,
        (restricted_dtype, 'numpy.dtype'),
        (restricted_getattr, 'builtins.getattr'),
        (_OneCycleName, _ONE_CYCLE),
    ]
    for module in _MULTIARRAY_MODULES:
        allowed.append((restricted_reconstruct, f'{module}._reconstruct'))
        allowed.append((restricted_scalar, f'{module}.scalar'))
    return allowed


def install(read_file: FileReader | None = None) -> None:
    """Admit MMEngine's own objects in ``weights_only`` loading, and make MMEngine load restricted.

    Args:
        read_file: Reads a local file from its path and ``map_location``, with at least the
            restrictions of :func:`read_restricted`, which is used until one is given.

    Raises:
        ImportError: If torch is older than 2.6: MMEngine would then unpickle whatever a file holds.
    """
    if digit_version(torch.__version__) < digit_version('2.6.0'):
        raise ImportError(
            f'mmss_plugins needs torch 2.6 or later, but found {torch.__version__}: older versions '
            'run code that a checkpoint may hold. Install "torch>=2.6"'
        )
    global _read_file
    _read_file = read_file or _read_file
    torch.serialization.add_safe_globals(safe_globals())
    name = 'mmengine.runner.checkpoint'
    if name in sys.modules:
        restrict_after_import(sys.modules[name])
    else:
        AroundImport(name, restrict_after_import).install()


def restrict_after_import(module: ModuleType, execute: Execute | None = None) -> None:
    """Execute ``mmengine.runner.checkpoint``, then make it load restricted and checked.

    Local and downloaded files are read by the function that :func:`install` was given. torch's own
    ``load_state_dict_from_url``, which MMEngine uses, unpickles whatever the file holds. The forked
    MMEngine admits plain ``getattr``, and loads without restriction what it cannot load otherwise.

    Args:
        module: The module being imported, or imported already.
        execute: Runs the module's code, if that is still to be done.
    """
    if execute is not None:
        execute(module)
    names = vars(module)
    if '_safe_torch_load' in names:
        names['_safe_torch_load'] = load_weights_only
    if 'load_url' in names:
        names['load_url'] = load_from_url
    if 'CheckpointLoader' in names:
        names['load_from_local'] = load_from_local
        module.CheckpointLoader.register_scheme(prefixes='', loader=load_from_local, force=True)


def load_weights_only(file: Any, map_location: Any = None, **_options: Any) -> Any:
    """Load a checkpoint with the restricted unpickler, whatever the caller asks for.

    Args:
        file: Path or file object.
        map_location: As in ``torch.load``.
        **_options: Of the function that this one replaces; not used.
    """
    if isinstance(file, (str, os.PathLike)):
        return load_from_local(file, map_location)
    return read_restricted(file, map_location)


def load_from_local(filename: str | os.PathLike, map_location: Any = None) -> Any:
    """Load a local file: as MMEngine's loader of that name does, with all checks.

    Args:
        filename: The file; ``~`` is the user's folder.
        map_location: As in ``torch.load``.

    Raises:
        Exception: What the function that :func:`install` was given raises.
    """
    content = _read_file(Path(filename).expanduser(), map_location)
    broken = _broken_weights(content)
    if broken:
        warnings.warn(
            f'{filename}: {broken} of its tensors hold NaN, so what a model with these weights '
            'predicts means nothing: take an earlier checkpoint',
            RuntimeWarning,
            stacklevel=2,
        )
    return content


def _broken_weights(content: Any) -> int:
    """Number of tensors with NaN. MM's inference API looks neither at weights nor at scores."""
    state = content.get('state_dict', content) if isinstance(content, dict) else {}
    values = state.values() if isinstance(state, dict) else ()
    found = [v for v in values if isinstance(v, torch.Tensor) and v.layout is torch.strided]
    # a sum takes a fraction of the time, and is NaN wherever a value is
    sums = [v for v in found if v.dtype in _WEIGHTS and not v.is_meta and v.sum().isnan()]
    return sum(bool(v.isnan().any()) for v in sums)


def load_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    **_options: Any,
) -> Any:
    """Download a file unless it is in the cache already, and load it as a local one.

    Args:
        url: Its address.
        model_dir: The cache. Defaults to torch's.
        map_location: As in ``torch.load``.
        progress: Whether to show a progress bar.
        **_options: Of the function that this one replaces; not used.
    """
    folder = Path(model_dir or os.path.join(torch.hub.get_dir(), 'checkpoints'))
    file = folder / os.path.basename(urlsplit(url).path)
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(file), progress=progress)
    return load_from_local(file, map_location)
