"""Reading rasters, and checking what their values, bands and positions are.

Preparation, verification and prediction share these checks, so that one file means the same to all.
"""

from .band_names import find_bands
from .errors import RasterError
from .files import check_size, open_raster
from .georeference import Grid, check_same_place, grid_of
from .image import RasterImage, read_raster
from .units import check_units

__all__ = [
    'Grid',
    'RasterError',
    'RasterImage',
    'check_same_place',
    'check_size',
    'check_units',
    'find_bands',
    'grid_of',
    'open_raster',
    'read_raster',
]
