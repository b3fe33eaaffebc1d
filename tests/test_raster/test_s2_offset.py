"""What tells the offset of a Sentinel-2 scene, and what does not."""

import pytest

from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.s2_offset import find_offset

LATER = '<A><Radiometric_Offset_List><RADIO_ADD_OFFSET band_id="0">-1000</RADIO_ADD_OFFSET></A>'
NAMES = {
    'S2A_MSIL1C_20220731T100611_N0400_R022_T33UUP_20220731T104510': 1000,
    'S2B_MSIL2A_20180731T100609_N0500_R022_T33UUP_20230731T104510': 1000,
    'S2A_MSIL1C_20200731T100611_N0209_R022_T33UUP_20200731T104510': 0,
}


def offset(path, tags=(), declared=False, seen=None):
    return find_offset(path, dict(tags), declared, seen)


@pytest.mark.parametrize('name', NAMES)
def test_names_of_products(tmp_path, name):
    assert offset(tmp_path / f'{name}.tif') == NAMES[name]
    assert offset(tmp_path / f'{name}.SAFE/GRANULE/L1C/IMG_DATA') == NAMES[name]
    assert offset(tmp_path / 'x.tif', {'PRODUCT_URI': f'{name}.SAFE'}) == NAMES[name]


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        (LATER, 1000),
        (LATER.replace('RADIO', 'BOA'), 1000),
        ('<A><PROCESSING_BASELINE>05.10</PROCESSING_BASELINE></A>', 1000),
        ('<A><PROCESSING_BASELINE>03.01</PROCESSING_BASELINE></A>', 0),
    ],
)
def test_metadata_come_before_names(tmp_path, text, expected):
    wrong = next(name for name, value in NAMES.items() if value != expected)
    folder = tmp_path / f'{wrong}.SAFE'
    images = folder / 'GRANULE/L1C_T33UUP/IMG_DATA'
    images.mkdir(parents=True)
    (folder / 'MTD_MSIL1C.xml').write_text(text)
    assert offset(images) == expected


def test_metadata_of_another_product(tmp_path):
    (tmp_path / 'MTD_MSIL1C.xml').write_text(LATER)
    for name, expected in NAMES.items():
        if expected:
            assert offset(tmp_path / f'{name}.tif') == expected
        else:
            with pytest.raises(RasterError, match=r'gives an offset of 0, but .*MTD_MSIL1C\.xml'):
                offset(tmp_path / f'{name}.tif')


def test_tags_and_declared_offsets(tmp_path):
    path = tmp_path / 'x.tif'
    assert offset(path, {'PROCESSING_BASELINE': '04.00'}) == 1000
    assert offset(path, {'boa_add_offset': '-1000.0'}) == 1000
    assert offset(path, {'RADIO_ADD_OFFSET': '0'}) == 0
    assert offset(path, declared=True) == 0  # it is applied already


def test_otherwise_the_user_is_asked(tmp_path):
    hints = {None: 'say so: give', True: 'as if it did:', False: 'as if it did not'}
    for seen, hint in hints.items():
        with pytest.raises(RasterError, match=f'{hint}.*--s2-offset 1000'):
            offset(tmp_path / 'scene_2023.tif', {'AREA_OR_POINT': 'Area'}, seen=seen)
    (tmp_path / 'MTD_MSIL2A.xml').write_text(LATER + LATER.replace('-1000', '-900'))
    with pytest.raises(RasterError, match='one offset for all bands'):
        offset(tmp_path / 'scene.tif')
