"""The only place that knows versions of the MM stack; it makes the installed one usable.

Three problems are solved before anything else of the stack is imported, each only where it
exists:

1. mmcv without compiled operators, imported by mmseg all the same (:mod:`.mmcv_operators`);
2. ``torch.load(weights_only=True)`` refusing MMEngine's checkpoints (:mod:`.safe_loading`);
3. a torchvision whose compiled part does not match torch (:mod:`.torchvision_operators`).

In addition, text in a checkpoint is never run (:mod:`.config_text`), and paths in it do not decide
which files are removed (:mod:`.resumed_files`).

With full mmcv, or with a matching torchvision, nothing is changed. The first and the third wait in
an import hook, so that neither ``mmcv.ops`` nor torchvision is imported before it is used.
:mod:`.cpu_distributed` lets several processes train on machines without a GPU, :mod:`.moved` keeps
old import paths for one version, and :mod:`.mmengine_state` reads MMEngine's private attributes.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmss_plugins.compat.safe_loading import FileReader

_REQUIRED = ('mmengine', 'mmcv', 'mmseg')
_done = False


def setup(read_file: FileReader | None = None) -> None:
    """Make the installed stack usable. Calling it again does nothing.

    Args:
        read_file: Reads the checkpoints that MMEngine loads, see :func:`.safe_loading.install`.
            Defaults to torch's restricted unpickler.

    Raises:
        ImportError: If MMEngine, mmcv or MMSegmentation is not installed.
    """
    global _done
    if _done:
        return
    require_mm_stack()
    from mmss_plugins.compat import (
        config_text,
        cpu_distributed,
        mmcv_operators,
        moved,
        resumed_files,
        safe_loading,
        torchvision_operators,
    )

    torchvision_operators.install()
    mmcv_operators.install()
    safe_loading.install(read_file)
    config_text.install()
    resumed_files.install()
    cpu_distributed.install()
    moved.install()
    _done = True


def require_mm_stack() -> None:
    """Check that the MM packages are there, without importing them.

    Raises:
        ImportError: Naming what is missing and the extras that bring it.
    """
    missing = [name for name in _REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(
            f'mmss_plugins needs {", ".join(missing)}, which is not installed. The MM packages are '
            'an extra, so that your own are never replaced. Install one set of them: '
            'pip install "mmss_plugins[openmmlab]" (the original distributions), or '
            'pip install "mmss_plugins[onedl]" (the maintained forks, same import names)'
        )
