"""Errors of prediction on scenes."""

from mmss_plugins.raster.errors import RasterError

SceneError = RasterError  # a scene cannot be predicted; others can
