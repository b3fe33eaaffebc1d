"""Errors of single samples while a store is made."""

from mmss_plugins.raster.errors import RasterError


class UnwantedSample(RasterError):  # noqa: N818  (no fault: the options ask to skip it)
    """A sample that is skipped because the options say so, such as a patch without data."""
