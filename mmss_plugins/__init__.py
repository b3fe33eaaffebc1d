"""Noisy-label cross-modal and gradient-guided contrastive pretraining for remote sensing.

Importing the package makes the installed OpenMMLab stack usable (:mod:`mmss_plugins.compat`).
Every registered class is reached as ``type='mmss_plugins.<ClassName>'`` from any MM config that has
``custom_imports=dict(imports=['mmss_plugins'])``;
the modules that define them are imported on first use.
"""

from mmss_plugins import compat

compat.setup()

from mmss_plugins.version import __version__  # noqa: E402  (the stack must be ready first)

__all__ = ['__version__']
