"""The error of rasters that are not as expected."""


class RasterError(RuntimeError):
    """A raster file, or its content, is not as expected.

    The message names the file, what was expected, what was found and what to do.
    """
