import numpy as np
import pytest
import rasterio
from small_raw_trees import write_tiff

from mmss_plugins.raster import RasterError, check_size, open_raster

VRT = """<VRTDataset rasterXSize="4" rasterYSize="4"><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename relativeToVRT="{relative}">{name}</SourceFilename>
<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""
DRIVERS = ('GTiff', 'VRT')


@pytest.fixture
def tiff(tmp_path):
    write_tiff(tmp_path / 'a.tif', np.full((1, 4, 4), 7, np.uint8))
    return tmp_path / 'a.tif'


def write_vrt(path, name, relative=1):
    path.write_text(VRT.format(name=name, relative=relative))
    return path


def test_a_tiff_is_opened(tiff):
    with open_raster(tiff) as source:
        assert source.read(1)[0, 0] == 7


def test_a_vrt_is_opened_where_it_is_accepted_and_named_so(tiff, tmp_path):
    vrt = write_vrt(tmp_path / 'b.vrt', 'a.tif')
    with open_raster(vrt, DRIVERS) as source:
        assert source.read(1)[3, 3] == 7
    with open_raster(write_vrt(tmp_path / 'c.vrt', tiff, 0), DRIVERS) as source:
        assert source.read(1)[3, 3] == 7
    with open_raster(write_vrt(tmp_path / 'd.vrt', 'b.vrt'), DRIVERS) as source:
        assert source.read(1)[3, 3] == 7
    with pytest.raises(
        RasterError, match=r'b\.vrt: expected a file of format GTiff, but found VRT'
    ):
        open_raster(vrt)


def test_a_vrt_under_another_name_is_refused(tiff, tmp_path):
    for name in ('b.tif', 'b.img'):
        with pytest.raises(RasterError, match=f'{name}: unreadable image'):
            open_raster(write_vrt(tmp_path / name, 'a.tif'), DRIVERS)


@pytest.mark.parametrize(
    'name',
    [
        '/vsicurl/http://127.0.0.1:9/a.tif', 'http://127.0.0.1:9/a.tif', '/vsizip/x.zip/a.tif',
        'missing.tif', 'NETCDF:a.tif:x', '', 'WMS:http://127.0.0.1:9/',
    ],
)  # fmt: skip
def test_a_vrt_refers_to_local_rasters_only(tmp_path, name):
    for relative in (0, 1):
        with pytest.raises(RasterError, match=r'b\.vrt: expected references to local files'):
            open_raster(write_vrt(tmp_path / 'b.vrt', name, relative), DRIVERS)
    write_vrt(tmp_path / 'c.vrt', 'b.vrt')
    with pytest.raises(RasterError, match=r'b\.vrt: expected references to local files'):
        open_raster(tmp_path / 'c.vrt', DRIVERS)


def test_a_vrt_of_itself_is_refused(tmp_path):
    with pytest.raises(RasterError, match='nested too deeply'):
        open_raster(write_vrt(tmp_path / 'b.vrt', 'b.vrt'), DRIVERS)


def test_missing_and_damaged_files_are_named(tmp_path):
    with pytest.raises(RasterError, match=r'x\.tif: missing file'):
        open_raster(tmp_path / 'x.tif')
    (tmp_path / 'x.tif').write_bytes(b'II*\0' + b'\xff' * 40)
    with pytest.raises(RasterError, match=r'x\.tif: unreadable image'):
        open_raster(tmp_path / 'x.tif')
    (tmp_path / 'x.vrt').write_text('<VRTDataset>')
    with pytest.raises(RasterError, match=r'x\.vrt: unreadable VRT'):
        open_raster(tmp_path / 'x.vrt', DRIVERS)


def test_sizes_are_judged_by_bytes(tiff):
    with rasterio.open(tiff) as source:
        check_size(tiff, source, 16)
        with pytest.raises(RasterError, match=r'a\.tif: the header claims 4 x 4 pixels of 1 bands'):
            check_size(tiff, source, 15)
