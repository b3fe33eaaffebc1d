"""Errors of prediction on scenes."""

from mmss_plugins.raster.errors import RasterError


class SceneError(RasterError):
    """A scene cannot be predicted. The message names the file, what was expected and found."""
