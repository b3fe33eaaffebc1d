"""The error of rasters that are not as expected."""


def gdal_errors() -> tuple[type[Exception], ...]:
    """What rasterio raises: its own errors, and some of GDAL that it passes on as they are."""
    from rasterio._err import CPLE_BaseError
    from rasterio.errors import RasterioError

    return RasterioError, CPLE_BaseError, OSError, ValueError


class RasterError(RuntimeError):
    """A raster file, or its content, is not as expected.

    The message names the file, what was expected, what was found and what to do.
    """
