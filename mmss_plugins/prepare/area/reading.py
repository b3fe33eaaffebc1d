"""Reading a patch of a remote raster onto its grid."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from mmss_plugins.raster.errors import RasterError, gdal_errors
from mmss_plugins.raster.files import check_opened
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.store.creation.errors import PostponedSample
from mmss_plugins.utils.errors import PrepareUsageError

ATTEMPTS = 4  # with 1, 2 and 4 seconds between them, beside GDAL's own retries of a request
SCHEMES = {'https': '/vsicurl/', 'http': '/vsicurl/', 's3': '/vsis3/', 'gs': '/vsigs/'}
GDAL_OPTIONS = {
    'GDAL_DISABLE_READDIR_ON_OPEN': 'EMPTY_DIR',
    'GDAL_HTTP_MAX_RETRY': '4',
    'GDAL_HTTP_RETRY_DELAY': '1',
    'GDAL_HTTP_CONNECTTIMEOUT': '10',
    'GDAL_HTTP_LOW_SPEED_TIME': '30',  # seconds below
    'GDAL_HTTP_LOW_SPEED_LIMIT': '1000',  # bytes per second
    'GDAL_HTTP_MULTIRANGE': 'YES',
    'GDAL_CACHEMAX': 64 << 20,
    'GTIFF_IGNORE_READ_ERRORS': 'NO',
    'VSI_CACHE': 'TRUE',
}
_TRANSIENT = re.compile(  # in GDAL's messages: what may be better later
    r'\b(408|429|5\d\d)\b|CURL error|timed? ?out|[Cc]onnect|TIFFRead|TIFFFill|Read(Encoded|Raw)'
)
_EXPIRED = re.compile(r'\b403\b')  # also what a signed address gives once it has expired


class PatchBand(NamedTuple):
    """One band on the grid of a patch.

    Args:
        data: (H, W), of the file's type.
        valid: (H, W) bool, False where the file has no data, and beyond it.
    """

    data: np.ndarray
    valid: np.ndarray


def read_patch(
    address: str,
    grid: Grid,
    *,
    resampling: str,
    sign: str | None = None,
    nodata: float | None = None,
) -> PatchBand:
    """Read the first band of a raster on the grid of a patch.

    Pixels that lie on pixels of the file come out as they are. Reading is repeated after errors of
    the connection; nothing that was read before an error is used.

    Args:
        address: https, http, s3 or gs.
        grid: Of the patch.
        resampling: 'bilinear' or 'nearest', GDAL's kernels.
        sign: How the address is signed: None or 'planetary-computer'.
        nodata: Value without data in files that declare none.

    Raises:
        RasterError: If the raster is not there, or not as expected.
        PostponedSample: If it cannot be read after all attempts, but may be later.
        PrepareUsageError: If signing needs a package that is missing.
    """
    gdal_path(address)
    last: Exception | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(2 ** (attempt - 1))
        try:
            path = gdal_path(_signed(address, fresh=attempt > 0) if sign else address)
            with _options(path, fresh=attempt > 0):
                return _read(address, path, grid, resampling, nodata)
        except gdal_errors() as error:
            message = str(error.__cause__ or error)
            expired = sign and _EXPIRED.search(message)
            if not (expired or _TRANSIENT.search(f'{message} {error}')):
                raise RasterError(f'{address}: cannot be read ({message})') from error
            last = error
    raise PostponedSample(f'{address}: cannot be read after {ATTEMPTS} attempts ({last})') from last


def gdal_path(address: str) -> str:
    """How GDAL names a remote file.

    Raises:
        RasterError: If the address is of another kind, such as a file of this machine, which a
            catalogue has no business with.
    """
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise RasterError(
            f'{address}: expected an address that begins with '
            f'{", ".join(f"{scheme}://" for scheme in SCHEMES)}'
        )
    prefix = SCHEMES[parts.scheme]
    return prefix + (address if prefix == '/vsicurl/' else parts.netloc + parts.path)


@contextmanager
def _options(path: str, fresh: bool) -> Iterator[None]:
    import rasterio

    # what a broken connection left in the cache is not read again
    extra = {'CPL_VSIL_CURL_NON_CACHED': path, 'VSI_CACHE': 'FALSE'} if fresh else {}
    with rasterio.Env(**{**GDAL_OPTIONS, **extra}):
        yield


def _read(address: str, path: str, grid: Grid, resampling: str, nodata: float | None) -> PatchBand:
    import rasterio
    from rasterio import Affine
    from rasterio.crs import CRS
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    driver = 'JP2OpenJPEG' if urlsplit(address).path.lower().endswith('.jp2') else 'GTiff'
    with rasterio.open(path, driver=driver) as source:
        check_opened(address, source)
        if source.crs is None:
            raise RasterError(
                f'{address}: expected a raster with a coordinate reference system, but found none '
                '(Sentinel-1 GRD has ground control points only: use a terrain-corrected product)'
            )
        declared = source.nodata if source.nodata is not None else nodata
        settings: dict[str, Any] = {} if declared is None else {'src_nodata': declared}
        with WarpedVRT(
            source,
            crs=CRS.from_wkt(grid.crs),
            transform=Affine(*grid.transform),
            height=grid.shape[0],
            width=grid.shape[1],
            resampling=Resampling[resampling],
            add_alpha=declared is None,  # then the alpha band has where the file ends
            tolerance=1e-4,  # pixels; GDAL interpolates between points that it transforms
            **{**settings, 'nodata': declared} if settings else {},
        ) as view:
            data = view.read(1)
            valid = view.dataset_mask() > 0
    if data.dtype.kind == 'f':
        valid &= np.isfinite(data)
    return PatchBand(data, valid)


def _signed(address: str, fresh: bool) -> str:
    try:
        import planetary_computer
    except ImportError as error:
        raise PrepareUsageError(
            'signing addresses of the Planetary Computer needs a package: '
            'pip install "mmss_plugins[stac]"'
        ) from error
    if fresh:
        planetary_computer.sas.TOKEN_CACHE.clear()
    try:
        return planetary_computer.sign_url(address)
    except OSError as error:
        raise ConnectionError(f'no connection to sign the address: {error}') from error
