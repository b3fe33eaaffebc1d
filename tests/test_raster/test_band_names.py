from pathlib import Path

import pytest

from mmss_plugins.bands import S1, S2
from mmss_plugins.raster import RasterError, find_bands
from mmss_plugins.raster.band_names import canonical_name, name_in_file_name, says_nothing

FILE = Path('folder/a.tif')


@pytest.mark.parametrize(
    ('band', 'names'),
    [
        ('B1', ['B01', 'b1', 'Coastal aerosol', 'coastal', 'B1, central wavelength 443 nm']),
        ('B2', ['B02', ' b2 ', 'blue', 'Blue', 'S2_B2', 'Band 2', 'band_02', 'B02_10m', 'S2_blue']),
        ('B4', ['B04', 'red', 'R', 'reflectance_B4', 'Sentinel2_red']),
        ('B5', ['rededge071', 'Red Edge 1', 'vegetation_red_edge_1', 'RE1']),
        ('B7', ['rededge078', 'B07', 'red_edge_3']),
        ('B8', ['B08', 'nir', 'NIR', 'near-infrared', 'B8_10m']),
        ('B8A', ['B8A', 'b8a', 'B08A', 'nir08', 'NIR narrow', 'R20m_B8A', 'Band 8A']),
        ('B9', ['B09', 'nir09', 'water vapour', 'Water Vapor']),
        ('B10', ['B10', 'cirrus', 'S2A_B10']),
        ('B11', ['B11', 'swir16', 'SWIR 1', 'swir1']),
        ('B12', ['B12', 'S2_B12', 'swir22', 'SWIR2']),
        (None, ['B13', 'B0', 'QA60', 'SCL', 'NDVI', 'B8/B4', 'SR_B5', 'landsat_B4', 'rededge', '',
                None, 'B022', 'AB02']),
    ],
)  # fmt: skip
def test_spellings_of_sentinel_2(band, names):
    assert {name: canonical_name(name, 's2') for name in names} == dict.fromkeys(names, band)


@pytest.mark.parametrize(
    ('band', 'names'),
    [
        ('VV', ['VV', 'vv', 'Sigma0_VV_db', 'Gamma0-VV', 'Sigma0_VV_mst_22Apr2020', 'VV_dB']),
        ('VH', ['VH', 'Sigma0_VH', 'Beta0_VH', 's1_vh']),
        ('HH', ['HH']),
        (None, ['VV/VH', 'VV_VH_ratio', 'angle', 'band 1', 'VVV', None]),
    ],
)
def test_spellings_of_sentinel_1(band, names):
    assert {name: canonical_name(name, 's1') for name in names} == dict.fromkeys(names, band)


def test_names_of_other_sensors():
    names = ['red', 'Green', 'b', 'NIR', 'infrared', 'DSM', 'thermal']
    found = [canonical_name(name, 'aerial') for name in names]
    assert found == ['R', 'G', 'B', 'IR', 'IR', 'HEIGHT', 'THERMAL']


@pytest.mark.parametrize(
    ('silent', 'descriptions'),
    [
        (True, [None, None]), (True, ['', '']), (True, ['bands', 'bands']), (True, ['Gray']),
        (True, ['band 1', 'band 2']), (True, ['Band_0', 'Band_1', 'Band_2']), (True, ['1', '2']),
        (True, [f'b{i}' for i in range(1, 14)]),
        (False, ['VH', 'VV']), (False, ['VV', 'VV']), (False, ['HH']), (False, ['foo']),
        (False, ['foo', 'bar']), (False, [None, 'x']), (False, ['band 2', 'band 1']),
        (False, ['B1', 'B2', 'B3', 'B4']), (False, ['band 1', None]),
    ],
)  # fmt: skip
def test_descriptions_that_distinguish_no_bands(silent, descriptions):
    assert says_nothing(descriptions) is silent


def find(descriptions, wanted=('B4', 'B3', 'B2'), sensor='s2', **options):
    return find_bands(
        FILE, descriptions, wanted, sensor=sensor, option=f'--{sensor}-bands', **options
    )


def test_descriptions_decide_whatever_their_order():
    assert find(['Blue', 'Green', 'Red']) == {'B4': 3, 'B3': 2, 'B2': 1}
    backwards = [f'S2_{band}' for band in reversed(S2.bands)]
    assert find(backwards, S2.bands) == {band: 13 - i for i, band in enumerate(S2.bands)}
    assert find(['Sigma0_VH_db', 'Sigma0_VV_db'], S1.bands, 's1') == {'VV': 2, 'VH': 1}
    assert find(['nir', 'r', 'g', 'b'], ('R', 'G', 'B', 'IR'), 'aerial')['IR'] == 1


def test_colours_decide_where_descriptions_say_nothing():
    assert find([None] * 3, colours=['blue', 'green', 'red']) == {'B4': 3, 'B3': 2, 'B2': 1}
    colours = ['blue', 'green', 'red', 'nir']
    assert find([None] * 4, ('R', 'G', 'B'), 'aerial', colours=colours) == {'R': 3, 'G': 2, 'B': 1}
    assert find([None] * 3, ('B8', 'B4', 'B3'), colours=['red', 'green', 'blue'])['B8'] == 1
    assert find([None] * 13, colours=['gray', *['undefined'] * 12])['B4'] == 4


def test_colours_that_contradict_the_number_of_bands_are_refused():
    wanted, colours = ('B2', 'B3', 'B4', 'B8'), ['red', 'green', 'blue', 'undefined']
    with pytest.raises(RasterError, match='the file has B2, B3, B4, B8, but its colours are red'):
        find([None] * 4, wanted, colours=colours)
    assert find([None] * 4, ('B4', 'B3', 'B2', 'B8'), colours=colours)['B8'] == 4
    assert find([None] * 4, wanted, colours=['gray', *['undefined'] * 3])['B8'] == 4
    with pytest.raises(RasterError, match='its colours are red'):
        find([None] * 13, colours=['red', 'green', *['undefined'] * 11], wanted=S2.bands)


def test_otherwise_the_number_of_bands_decides():
    assert find([None] * 13) == {'B4': 4, 'B3': 3, 'B2': 2}
    assert find(['band'] * 13, ('B8A', 'B12')) == {'B8A': 9, 'B12': 13}
    assert find([None] * 3) == {'B4': 1, 'B3': 2, 'B2': 3}
    assert find(['bands', 'bands'], S1.bands, 's1') == {'VV': 1, 'VH': 2}
    assert find([None] * 3, ('B', 'G', 'R'), 'aerial') == {'R': 1, 'G': 2, 'B': 3}


def test_the_user_comes_first():
    assert find(['B2', 'B3', 'B4'], given=['b04', 'green', 'B02']) == {
        'B4': 1, 'B3': 2, 'B2': 3,
    }  # fmt: skip
    assert find([None] * 5, given=['QA', 'B2', 'B3', 'B4', 'QA']) == {'B4': 4, 'B3': 3, 'B2': 2}


@pytest.mark.parametrize(
    ('descriptions', 'options', 'said'),
    [
        (['x1', 'x2', 'y'], {}, r'B4, B3, B2 are not among the 3 of the file \(x1, x2, y\).*'
         r'name all bands of the file in order: --s2-bands'),
        (['B02', 'B03', None], {}, r'but B4 are not among the 3 of the file \(B02, B03, \?\)'),
        (['B2', 'B02', 'B3', 'B4'], {}, r'more than one band is named B2 .*--s2-bands'),
        ([None] * 5, {}, r'has 5 bands without known names'),
        ([None] * 3, {'given': ['B2']}, r'--s2-bands names 1 bands \(B2\), but the file has 3'),
        ([None] * 2, {'given': ['B2', 'B5']}, r'but B4, B3 are not among'),
        (['VV', 'VV'], {'sensor': 's1', 'wanted': S1.bands}, r'but VH are not among'),
        (['VV'], {'sensor': 's1', 'wanted': ['VH']}, r'but VH are not among'),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(descriptions, options, said):
    with pytest.raises(RasterError, match=f'^{FILE}: .*{said}'):
        find(descriptions, **options)


@pytest.mark.parametrize(
    ('name', 'band'),
    [
        ('T33UUP_20200101T100031_B8A_20m.jp2', 'B8A'), ('b02.tif', 'B2'), ('a_nir08.tif', 'B8A'),
        ('B1_of_many_B12.tif', 'B12'), ('scene_red.tif', 'B4'), ('B02_red_sea.tif', 'B2'),
        ('T33UUP_TCI.jp2', None), ('B021.tif', None), ('aB02.tif', None),
    ],
)  # fmt: skip
def test_bands_in_file_names(name, band):
    assert name_in_file_name(Path(name), S2.bands) == band
    assert name_in_file_name(Path('S1A_IW_vh_1.tif'), S1.bands, 's1') == 'VH'
