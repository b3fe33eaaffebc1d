"""Reading rasters, and checking what their values, bands and positions are.

Preparation, verification and prediction share these checks, so that one file means the same to all.
"""

from mmss_plugins.raster.band_names import find_bands
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.files import check_size, open_raster
from mmss_plugins.raster.georeference import Grid, check_same_place, grid_of
from mmss_plugins.raster.image import RasterImage, read_raster
from mmss_plugins.raster.units import check_units

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
