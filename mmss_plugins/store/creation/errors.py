"""Errors of single samples while a store is created."""

from mmss_plugins.raster.errors import RasterError


class UnwantedSample(RasterError):  # noqa: N818  (no fault: the options ask to skip it)
    """A sample that is skipped as the options request, such as a patch without data."""
