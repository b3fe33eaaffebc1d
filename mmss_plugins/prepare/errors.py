"""Errors of preparation."""

from mmss_plugins.raster.errors import RasterError

PrepareError = RasterError  # one sample cannot be used: it is skipped, with this as the reason


class UnwantedSample(PrepareError):  # noqa: N818  (no fault: it is left out as the options say)
    """One sample is left out as the user's options say, such as a patch without data."""


class PrepareUsageError(RuntimeError):
    """Preparation cannot go on at all: wrong arguments, layout or index, or a dead worker."""


class WorkerDiedError(PrepareUsageError):
    """A worker process was killed or has crashed."""
