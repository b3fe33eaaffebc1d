"""Noisy-label cross-modal and gradient-guided contrastive pretraining for remote sensing.

Importing the package makes the installed OpenMMLab stack usable (:mod:`mmss_plugins.compat`).
Every registered class is reached as ``type='mmss_plugins.<ClassName>'`` from any MM config that has
``custom_imports=dict(imports=['mmss_plugins'])``;
the modules that define them are imported on first use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmss_plugins import compat


def _read_checkpoint_file(path: Path, map_location: Any = None) -> Any:
    """Read a checkpoint that MMEngine loads, with all checks.

    The import waits for the first checkpoint, because it needs all of MMEngine.
    """
    from mmss_plugins.checkpoints.files import load_checked

    return load_checked(path, map_location)


compat.setup(_read_checkpoint_file)

from mmss_plugins.version import __version__  # noqa: E402  (the stack must be ready first)

__all__ = ['__version__']
