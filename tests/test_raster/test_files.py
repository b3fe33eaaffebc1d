import numpy as np
import pytest
import rasterio
from helpers.small_raw_trees import write_tiff

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
        with pytest.raises(RasterError, match=r'a\.tif: the header gives 4 x 4 pixels of 1 bands'):
            check_size(tiff, source, 15)


def vrt_of(band, kind='', more=''):
    return (
        f'<VRTDataset rasterXSize="4" rasterYSize="4" {kind}>{more}'
        f'<VRTRasterBand dataType="Byte" band="1" {kind}>{band}</VRTRasterBand></VRTDataset>'
    )


@pytest.mark.parametrize(
    ('band', 'message'),
    [
        ('<SimpleSource><sourcefilename>a.tif</sourcefilename></SimpleSource>', 'references as'),
        ('<SimpleSource SourceFilename="a.tif"/>', 'references as'),
        ('<SimpleSource><SourceFilename><relativeToVRT>1</relativeToVRT>a.tif</SourceFilename>'
         '</SimpleSource>', 'reference'),
        ('<SimpleSource><SourceFilename RelativeToVRT=" 1">a.tif</SourceFilename></SimpleSource>',
         'reference'),
        ('<Argument name="gain_dataset_filename_1">/vsicurl/http://127.0.0.1:9/a</Argument>',
         'local files'),
        ('<Metadata><MDI key="OVERVIEW_FILE">http://127.0.0.1:9/a</MDI></Metadata>', 'local files'),
        ('<PixelFunctionLanguage>Python</PixelFunctionLanguage>', 'holds code'),
        ('<pixelfunctioncode>pass</pixelfunctioncode>', 'holds code'),
    ],
)  # fmt: skip
def test_other_spellings_of_references_and_code_in_a_vrt_are_refused(tiff, tmp_path, band, message):
    (tmp_path / 'b.vrt').write_text(vrt_of(band))
    with pytest.raises(RasterError, match=rf'b\.vrt: .*{message}'):
        open_raster(tmp_path / 'b.vrt', DRIVERS)


def test_kinds_of_vrt_that_read_raw_bytes_or_further_files_are_refused(tiff, tmp_path):
    good = '<SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename></SimpleSource>'
    for kind in ('VRTProcessedDataset', 'VRTRawRasterBand', 'vrtrawrasterband'):
        (tmp_path / 'b.vrt').write_text(vrt_of(good, f'subClass="{kind}"'))
        with pytest.raises(RasterError, match=f'VRT of type {kind} is not read'):
            open_raster(tmp_path / 'b.vrt', DRIVERS)
    laughs = '<!DOCTYPE a [<!ENTITY b "c">]>' + vrt_of(good)
    (tmp_path / 'b.vrt').write_text(laughs)
    with pytest.raises(RasterError, match='document type'):
        open_raster(tmp_path / 'b.vrt', DRIVERS)
    notes = '<!-- by hand --><Metadata><MDI key="SOURCE">https://example.org/a</MDI></Metadata>'
    (tmp_path / 'b.vrt').write_text(vrt_of(good, more=notes))
    with open_raster(tmp_path / 'b.vrt', DRIVERS) as source:
        assert source.read(1)[0, 0] == 7


def test_files_that_a_vrt_refers_to_are_of_the_format_of_their_suffix(tiff, tmp_path):
    write_vrt(tmp_path / 'text.tif', 'a.tif')
    with pytest.raises(RasterError, match=r'text\.tif: unreadable image'):
        open_raster(write_vrt(tmp_path / 'b.vrt', 'text.tif'), DRIVERS)


@pytest.mark.parametrize('suffix', ['.msk', '.ovr'])
def test_masks_and_overviews_beside_a_file_are_tiffs(tiff, tmp_path, suffix):
    companion = tmp_path / f'a.tif{suffix}'
    write_vrt(companion, 'http://127.0.0.1:9/a.tif', 0)
    with pytest.raises(RasterError, match=rf'a\.tif\{suffix}: unreadable image'):
        open_raster(tiff)
    write_tiff(companion, np.zeros((1, 4, 4), np.uint8))
    open_raster(tiff).close()


def test_a_tag_cannot_name_a_file_of_overviews(tiff):
    with rasterio.open(tiff, 'r+') as file:
        file.update_tags(ns='OVERVIEWS', OVERVIEW_FILE='/vsicurl/http://127.0.0.1:9/a.ovr')
    with pytest.raises(RasterError, match=r'a\.tif: its tags name another file'):
        open_raster(tiff)


def test_blocks_much_larger_than_the_image_are_refused(tmp_path):
    path = tmp_path / 'a.tif'
    profile = {'driver': 'GTiff', 'count': 1, 'dtype': 'uint8', 'tiled': True, 'sparse_ok': True}
    for edge in (512, 16384):
        with rasterio.open(
            path, 'w', height=4, width=4, blockxsize=edge, blockysize=edge, **profile
        ):
            pass
        if edge == 512:
            open_raster(path).close()
    with pytest.raises(RasterError, match='gives blocks of 16384 x 16384 pixels'):
        open_raster(path)


def test_huge_images_of_a_tiny_file_are_refused(tmp_path):
    path, vrt = tmp_path / 'a.tif', tmp_path / 'b.vrt'
    profile = {'driver': 'GTiff', 'dtype': 'uint16', 'tiled': True, 'sparse_ok': True}
    for edge in (4096, 100_000):
        with rasterio.open(path, 'w', height=edge, width=edge, count=1, **profile):
            pass
        if edge == 4096:
            open_raster(path).close()
    with pytest.raises(RasterError, match=r'a\.tif: the header gives 100000 x 100000 pixels'):
        open_raster(path)
    write_tiff(path, np.ones((1, 4, 4), np.uint8))
    write_vrt(vrt, 'a.tif')
    vrt.write_text(vrt.read_text().replace('Size="4"', 'Size="200000"'))
    with pytest.raises(RasterError, match=r'b\.vrt: the header gives 200000 x 200000 pixels'):
        open_raster(vrt, DRIVERS)
