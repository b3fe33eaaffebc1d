"""Class maps in the forms that people write them, and label values that they do not list."""

import json

import numpy as np
import pytest

from mmss_plugins.prepare.class_map_files import read_class_map
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.utils.errors import PrepareUsageError


def read(tmp_path, text, suffix='.yml'):
    path = tmp_path / f'classes{suffix}'
    path.write_text(text)
    return read_class_map(path)


FORMS = {
    'short': ('{1: water, 2: trees, 0: ignore}', '.yml'),
    'quoted': ('{"1": "water", "2.0": "trees", "0": null}', '.json'),
    'long': ('map: {2: trees, 1: water, 0: unlabelled}\nclasses: [water, trees]', '.yaml'),
    'table': ('value,class\n1,water\n2,trees\n0,ignore\n', '.csv'),
}


@pytest.mark.parametrize('form', FORMS)
def test_numbers(tmp_path, form):
    classes = read(tmp_path, *FORMS[form])
    assert (classes.classes, classes.palette) == (('water', 'trees'), ())
    for dtype in (np.uint8, np.int32, np.float32):
        found = classes.indices(np.array([[1, 2], [0, 2]], dtype), 'x.tif')
        np.testing.assert_array_equal(found, np.array([[0, 1], [255, 1]], np.uint8))
    assert classes.index('2', 'x') == classes.index(2.0, 'x') == 1
    with pytest.raises(RasterError, match=r'x.tif: label values .* does not list: 3, 7 \('):
        classes.indices(np.array([[1, 3, 7]]), 'x.tif')


def test_colours_and_their_palette(tmp_path):
    short = read(tmp_path, '"60,16,152": roof\n"#FEDD3A": plants\n"155 155 155": unlabelled')
    tool = json.dumps({'classes': [{'title': 'roof', 'color': '#3C1098'},
                                   {'title': 'plants', 'color': '#FEDD3A'},
                                   {'title': 'Unlabeled', 'color': '#9B9B9B'}]})  # fmt: skip
    table = 'class,r,g,b\nroof,60,16,152\nplants,254,221,58\nignore,155,155,155\n'
    image = np.array([[[60, 254, 155]], [[16, 221, 155]], [[152, 58, 155]]], np.uint8)
    for classes in (short, read(tmp_path, tool, '.json'), read(tmp_path, table, '.csv')):
        assert classes.classes == ('roof', 'plants')
        assert classes.palette == ((60, 16, 152), (254, 221, 58))
        np.testing.assert_array_equal(classes.indices(image, 'x'), [[0, 1, 255]])
        with pytest.raises(RasterError, match=r'does not list: \(60, 16, 151\)'):
            classes.indices(image - np.array([0, 0, 1], np.uint8)[:, None, None], 'x')
        with pytest.raises(RasterError, match='holds numbers, but --classes lists colours'):
            classes.indices(image[0], 'x')


def test_other_values_background_and_given_palette(tmp_path):
    text = 'map: {corn: crop, wheat: crop}\nother: ignore\nbackground: none\n'
    classes = read(tmp_path, text + 'palette: {crop: [1, 2, 3], none: "#000000"}')
    assert classes.classes == ('crop', 'none')
    assert [classes.index(text, 'x') for text in ('corn', ' wheat ', 'rye')] == [0, 0, 255]
    assert (classes.background, classes.palette) == (1, ((1, 2, 3), (0, 0, 0)))
    assert read(tmp_path, '{1: a, other: b}').index(9, 'x') == 1


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[1, 2]', 'expected a mapping'),
        ('{1: a, "1": b}', 'listed twice'),
        ('{1: a, "#000000": b}', 'some source values are colours'),
        ('{0: ignore}', 'expected 1 to 255 classes'),
        ('map: {1: a}\nclases: [a]', 'but found clases'),
        ('map: {1: a}\nclasses: [b]', 'each class of the map once'),
        ('map: {1: a}\npalette: {a: red}', 'a colour'),
        ('{1: [}', 'unreadable'),
        ('!!python/object/apply:os.getcwd []', 'unreadable'),
    ],
)
def test_what_is_refused(tmp_path, text, message):
    with pytest.raises(PrepareUsageError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ('text', 'suffix'),
    [
        ('{1: a, 2: b, 1: c}', '.yml'),
        ('{1: a, "1.0": b}', '.yml'),
        ('map: {1: a}\nmap: {1: b}', '.yml'),
        ('{"1": "a", "1": "b"}', '.json'),
        ('value,class\n1,a\n1,b\n', '.csv'),
    ],
)
def test_a_value_has_one_meaning(tmp_path, text, suffix):
    with pytest.raises(PrepareUsageError, match='is listed twice'):
        read(tmp_path, text, suffix)


def test_yaml_is_read_as_it_is_written(tmp_path):
    found = read(tmp_path, '\ufeff{yes: built, no: free, 010: on, 2020-01-01: 1.50, null: ignore}')
    assert found.classes == ('built', 'free', 'on', '1.50')
    texts = ['yes', 'no', 10, '2020-01-01', None, float('nan')]
    assert [found.index(text, 'x') for text in texts] == [0, 1, 2, 3, 255, 255]
    found = read(tmp_path, '{true: built, false: free}')
    assert [found.index(value, 'x') for value in (True, False, 'true')] == [0, 1, 0]


def test_rgb_colours_and_a_mixture(tmp_path):
    assert read(tmp_path, '{"rgb(60, 16, 152)": roof}').values == {(60, 16, 152): 0}
    with pytest.raises(PrepareUsageError, match=r"such as \(60, 16, 152\), .* as '#F00'"):
        read(tmp_path, '{"#3C1098": roof, "#F00": road}')
