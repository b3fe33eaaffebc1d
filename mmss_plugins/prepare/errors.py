"""Errors of preparation."""

from mmss_plugins.raster.errors import RasterError

PrepareError = RasterError  # one sample cannot be used: it is skipped, with this as the reason


class PrepareUsageError(RuntimeError):
    """Preparation cannot go on at all: wrong arguments, layout or index, or a dead worker."""


class WorkerDiedError(PrepareUsageError):
    """A worker process was killed or has crashed."""
