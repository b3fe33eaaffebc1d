import numpy as np
import pytest

from projects.synthetic.partition import borders, split_land, strips


def test_pieces_cover_the_land_and_have_the_asked_size():
    pieces, angles = split_land(np.random.default_rng(0), (80, 100), 120.0, 0.5)
    sizes = np.bincount(pieces.ravel())
    assert len(sizes) == len(angles)
    assert sizes.min() > 0
    assert sizes.max() < 2.2 * 120
    assert 60 < np.median(sizes) < 240


@pytest.mark.parametrize('direction', [0.2, 1.2])
def test_cuts_follow_the_main_direction(direction):
    pieces, angles = split_land(np.random.default_rng(1), (90, 90), 200.0, direction, jitter=0.02)
    assert np.abs(angles - direction).max() < 0.25
    # seen along the direction the borders pile up in lines, seen askew they spread
    edge = borders(pieces)
    rows, cols = np.nonzero(edge)
    turned = (cols * np.cos(direction) + rows * np.sin(direction)).astype(int)
    skewed = (cols * np.cos(direction + 0.6) + rows * np.sin(direction + 0.6)).astype(int)
    assert np.bincount(turned - turned.min()).std() > 1.3 * np.bincount(skewed - skewed.min()).std()


def test_strips_are_rectangles_of_the_asked_size():
    pieces = np.zeros((20, 20), np.int32)
    found = strips(pieces, np.zeros(1, np.float32), np.array([5.0]), np.array([10.0]))
    rows, cols = np.indices((20, 20))
    np.testing.assert_array_equal(np.bincount(found.ravel()), np.full(8, 50))
    expected = rows // 5 + 10 * (cols // 10)  # width across the direction, length along it
    assert len(set(zip(found.ravel(), expected.ravel(), strict=True))) == 8


def test_strips_never_span_two_pieces():
    pieces, angles = split_land(np.random.default_rng(2), (60, 60), 300.0, 0.4)
    width, length = np.full(len(angles), 6.0), np.full(len(angles), 20.0)
    found = strips(pieces, angles, width, length)
    pairs = set(zip(found.ravel(), pieces.ravel(), strict=True))
    assert len(pairs) == found.max() + 1
    assert found.max() > pieces.max()


def test_borders_are_one_pixel_wide():
    pieces = np.array([[0, 0, 1], [0, 0, 1], [2, 2, 2]])
    expected = [[0, 1, 0], [1, 1, 1], [0, 0, 0]]
    np.testing.assert_array_equal(borders(pieces), np.array(expected, bool))
