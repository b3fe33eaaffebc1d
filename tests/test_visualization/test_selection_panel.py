import numpy as np
import pytest

from mmss_plugins.visualization.rgb import composites
from mmss_plugins.visualization.selection_panel import heat_map, selection_panel

PALETTE = [(10, 20, 30), (200, 100, 50)]
SIZE, CAPTION, GAP = 160, 18, 4
CHANNELS = ('s1.VV', 's1.VH', 's2.B4', 's2.B3', 's2.B2')
KINDS = ('label_confidence', 'label_weight', 'prediction_confidence', 'prediction_weight')


def cell(figure, row, column):
    top, left = row * (SIZE + CAPTION) + CAPTION, column * (SIZE + GAP)
    return figure[top : top + SIZE, left : left + SIZE]


def make(branches=('s1', 's2'), teachers=('s1', 's2'), size=SIZE):
    rng = np.random.default_rng(0)
    maps = {'prediction': {b: rng.integers(0, 2, (size, size)) for b in branches}}
    for kind in KINDS:
        names = teachers if kind.startswith('prediction') else branches
        maps[kind] = {name: rng.random((size, size)) for name in names}
    image = rng.normal(size=(5, size, size))
    label = rng.integers(0, 2, (size, size))
    label[0, 0] = 255
    return image, label, maps


def test_heat_goes_from_violet_to_yellow():
    figure = heat_map(np.array([[0.0, 1.0, -3.0, 7.0, np.nan]]))
    assert figure.dtype == np.uint8
    violet, yellow = (68, 1, 84), (253, 231, 37)  # of viridis
    expected = [violet, yellow, violet, yellow, violet]
    np.testing.assert_allclose(figure[0], expected, atol=3)
    levels = heat_map(np.linspace(0, 1, 50)[None])[0].astype(int)
    assert (np.diff(levels[:, 1]) >= 0).all()  # more is greener, all the way


def test_each_map_is_at_its_place():
    image, label, maps = make()
    figure = selection_panel(image, label, PALETTE, maps, CHANNELS)
    assert figure.shape == (3 * (SIZE + CAPTION), 5 * SIZE + 4 * GAP, 3)
    assert figure.dtype == np.uint8
    for column, expected in enumerate(composites(image, CHANNELS)):
        np.testing.assert_array_equal(cell(figure, 0, column), expected)
    shown = cell(figure, 0, 2)
    assert shown[0, 0].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(shown[1:], np.array(PALETTE, np.uint8)[label[1:]])
    assert (cell(figure, 0, 3) == 255).all()
    for row, branch in enumerate(('s1', 's2'), 1):
        expected = np.array(PALETTE, np.uint8)[maps['prediction'][branch]]
        np.testing.assert_array_equal(cell(figure, row, 0), expected)
        for column, kind in enumerate(KINDS, 1):
            np.testing.assert_array_equal(cell(figure, row, column), heat_map(maps[kind][branch]))


def test_captions_are_written():
    image, label, maps = make()
    strip = selection_panel(image, label, PALETTE, maps, CHANNELS)[:CAPTION]
    assert (strip[:, :SIZE] < 128).any()
    assert (strip[:, 3 * (SIZE + GAP) :] == 255).all()


@pytest.mark.parametrize('branches', [('s2',), ('s1', 's2', 'common')])
def test_branches_that_teach_nobody_have_label_maps_only(branches):
    image, label, maps = make(branches, teachers=())
    figure = selection_panel(image, label, PALETTE, maps)
    assert figure.shape == ((1 + len(branches)) * (SIZE + CAPTION), 3 * SIZE + 2 * GAP, 3)


def test_small_patches_are_enlarged():
    image, label, maps = make(size=30)
    figure = selection_panel(image, label, PALETTE, maps, CHANNELS)
    assert figure.shape[0] == 3 * (6 * 30 + CAPTION)
