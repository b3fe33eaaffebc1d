from pathlib import Path

import pytest
from small_raw_trees import S2_BANDS

from mmss_plugins.prediction import SceneError
from mmss_plugins.prediction.band_names import bands_of_file, name_in_file_name, plain_name

FILE = Path('folder/a.tif')
RGB = ('B4', 'B3', 'B2')


@pytest.mark.parametrize(
    ('name', 'plain'),
    [
        ('B02', 'B2'), ('b2', 'B2'), (' B08 ', 'B8'), ('B8A', 'B8A'), ('b8a', 'B8A'),
        ('B10', 'B10'), ('B11', 'B11'), ('vv', 'VV'), ('B1', 'B1'), ('height', 'HEIGHT'),
    ],
)  # fmt: skip
def test_spellings(name, plain):
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    ('name', 'band'),
    [
        ('T33UUP_20200101T100031_B8A_20m.jp2', 'B8A'),
        ('T33UUP_20200101T100031_B08.jp2', 'B8'),
        ('b02.tif', 'B2'),
        ('scene-B11.v2.tif', 'B11'),
        ('B1_of_many_B12.tif', 'B12'),
        ('S1A_IW_GRDH_1SDV_vh.tiff', None),
        ('T33UUP_20200101T100031_TCI.jp2', None),
        ('B021.tif', None),
        ('aB02.tif', None),
    ],
)
def test_bands_in_file_names(name, band):
    assert name_in_file_name(Path(name), S2_BANDS) == band
    assert name_in_file_name(Path(name), ['VV', 'VH']) == ('VH' if '_vh' in name else None)


def bands(descriptions, wanted=RGB, modality='s2', given=None):
    return bands_of_file(FILE, descriptions, modality, wanted, given)


def test_descriptions_tell_whatever_their_order():
    assert bands(['B02', None, 'b03', 'B4', 'B8A']) == {'B4': 4, 'B3': 3, 'B2': 1}
    assert list(bands(['B02', 'B03', 'B04'])) == list(RGB)
    assert bands(['VH', 'VV'], ('VV', 'VH'), 's1') == {'VV': 2, 'VH': 1}
    both = ['ir', 'r', 'g', 'b']
    assert bands(both, ('R', 'G', 'B'), 'aerial') == {'R': 2, 'G': 3, 'B': 4}


def test_else_the_number_of_bands_tells():
    assert bands([None] * 13) == {'B4': 4, 'B3': 3, 'B2': 2}
    assert bands(['band 1'] * 13, ('B8A', 'B12', 'B1')) == {'B8A': 9, 'B12': 13, 'B1': 1}
    assert bands([None] * 3) == {'B4': 1, 'B3': 2, 'B2': 3}
    assert bands([None, ''], ('VH',), 's1') == {'VH': 2}
    assert bands([None] * 4, ('R', 'G', 'B', 'IR'), 'aerial')['IR'] == 4


def test_what_the_user_says_comes_first():
    assert bands(['B02', 'B03', 'B04'], given=['b04', 'B3', 'B02']) == {'B4': 1, 'B3': 2, 'B2': 3}
    given = ['QA', 'B2', 'B3', 'B4', 'QA']  # what is not wanted may be there twice
    assert bands([None] * 5, given=given) == {'B4': 4, 'B3': 3, 'B2': 2}


@pytest.mark.parametrize(
    ('descriptions', 'given', 'said'),
    [
        (['B02', 'B03'], ['B2'], r'--s2-bands names 1 bands \(B2\), but the file has 2'),
        (['B02', 'B03', None], None,
         r'the s2 bands B4, B3, B2, but B4 are not among the 3 of the file \(B2, B3, \?\)\. .* '
         r'name all bands of the file in order: --s2-bands B1,B2,'),
        ([None] * 2, ['B2', 'B5'], r'but B4, B3 are not among the 2 of the file \(B2, B5\)'),
        (['B2', 'B02', 'B3', 'B4'], None, r'more than one band is named B2: .* --s2-bands'),
        ([None] * 5, None, r'the file has 5 bands without known names, .* wants B4, B3, B2: .* '
         r'--s2-bands'),
        ([None] * 2, None, r'the file has 2 bands without known names'),
    ],
)  # fmt: skip
def test_errors_name_file_found_and_remedy(descriptions, given, said):
    with pytest.raises(SceneError, match=f'^{FILE}: .*{said}'):
        bands(descriptions, given=given)


def test_aerial_files_of_another_count_need_names():
    with pytest.raises(SceneError, match=r'4 bands without .* --aerial-bands'):
        bands([None] * 4, ('R', 'G', 'B'), 'aerial')


def test_bands_that_a_data_preprocessor_swaps_lie_as_usual_in_the_file():
    found = bands_of_file(Path('a.tif'), [None] * 3, 'aerial', ('B', 'G', 'R'), None)
    assert found == {'B': 3, 'G': 2, 'R': 1}
