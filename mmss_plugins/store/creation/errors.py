"""Errors of single samples while a store is created."""

from mmss_plugins.raster.errors import RasterError


class UnwantedSample(RasterError):  # noqa: N818  (no fault: the options ask to skip it)
    """A sample that is skipped as the options request, such as a patch without data."""


class PostponedSample(RasterError):  # noqa: N818  (no fault: it is tried again)
    """A sample that cannot be read now, such as from a server that is down.

    The store stays incomplete, so that the same command tries it again.
    """


class UnfinishedStoreError(RuntimeError):
    """A store that lacks samples which cannot be read now."""
