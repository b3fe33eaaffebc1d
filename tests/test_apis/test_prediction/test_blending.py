import numpy as np
import pytest

from mmss_plugins.apis.prediction.blending import Mosaic, blend_weights, plan_panels, plan_windows
from mmss_plugins.raster.windows import Window


def naive_weight(place, size, overlap):
    """Of one axis; ``place`` counts from the window's first pixel."""
    if overlap == 0:
        return 1.0
    return min((min(place, size - 1 - place) + 0.5) / overlap, 1.0)


@pytest.mark.parametrize(
    ('size', 'overlap'), [(8, 0), (8, 1), (8, 3), (8, 4), (7, 3), (1, 0), (2, 1)]
)
def test_weights_fall_towards_the_edges(size, overlap):
    weights = blend_weights(size, overlap)
    assert (weights.shape, weights.dtype) == ((size, size), np.float32)
    for row in range(size):
        for col in range(size):
            expected = naive_weight(row, size, overlap) * naive_weight(col, size, overlap)
            assert weights[row, col] == pytest.approx(expected, rel=1e-6)
    assert weights.min() > 0


@pytest.mark.parametrize(('size', 'overlap'), [(8, 1), (8, 3), (8, 4), (9, 4)])
def test_ramps_of_neighbours_add_up_to_one(size, overlap):
    ramp = np.sqrt(np.diag(blend_weights(size, overlap)))
    line = np.zeros(4 * size)
    for start in range(0, 3 * size, size - overlap):
        line[start : start + size] += ramp
    np.testing.assert_allclose(line[overlap : 3 * size - overlap], 1, rtol=1e-6)


def test_panels_cover_the_columns():
    assert plan_panels((5, 20), 8) == [(0, 8), (8, 16), (16, 20)]
    assert plan_panels((5, 16), 8) == [(0, 8), (8, 16)]
    assert plan_panels((5, 3), 8) == [(0, 3)]
    assert plan_panels((100, 8192)) == [(0, 8192)]


SHAPES = [(20, 33), (8, 8), (3, 5), (9, 8), (17, 1), (1, 26), (15, 22)]


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('stride', [8, 5, 4, 7])
def test_windows_cover_the_scene_and_panels_share_them(shape, stride):
    windows = plan_windows(shape, 8, stride)
    seen = np.zeros((max(shape[0], 8), max(shape[1], 8)), int)
    for row, col, height, width in windows:
        assert (height, width) == (8, 8)
        seen[row : row + 8, col : col + 8] += 1
        assert row + 8 <= seen.shape[0]  # shifted inward, not hanging over
        assert col + 8 <= seen.shape[1]
    assert seen.min() >= 1
    assert [w[:2] for w in windows] == sorted(w[:2] for w in windows)
    for start, stop in plan_panels(shape, 6):
        touching = [w for w in windows if any(w.col <= x < w.col + 8 for x in range(start, stop))]
        assert plan_windows(shape, 8, stride, (start, stop)) == touching


def run_mosaic(shape, size, overlap, panel, scores, valid):
    """Average scores given by window; the rows must come once and in order."""
    means = np.full((3, *shape), np.nan, np.float32)
    known = np.zeros(shape, bool)
    for columns in plan_panels(shape, panel):
        mosaic, done, part = Mosaic(3, shape[0], columns, size, overlap), 0, slice(*columns)

        def take(row, mosaic=mosaic, part=part, done=done):
            for first, block, present in mosaic.advance(row):
                assert first == done, 'rows come in order'
                done = first + block.shape[1]
                assert done <= max(row, 0)
                means[:, first:done, part], known[first:done, part] = block, present
            return done

        for window in plan_windows(shape, size, size - overlap, columns):
            done = take(window.row, done=done)
            mosaic.add(window, scores[window.row, window.col], valid[window.row, window.col])
        assert take(shape[0], done=done) == shape[0]
    return means, known


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize(('overlap', 'panel'), [(0, 100), (3, 100), (4, 5), (2, 11)])
def test_a_mosaic_is_the_weighted_mean_over_the_whole_scene(shape, overlap, panel):
    size = 8
    rng = np.random.default_rng(0)
    scores, valid = {}, {}
    total, weight, known = np.zeros((3, 60, 60)), np.zeros((60, 60)), np.zeros((60, 60), bool)
    for number, (row, col, _, _) in enumerate(plan_windows(shape, size, size - overlap)):
        empty = number % 5 == 3
        scores[row, col] = None if empty else rng.random((3, size, size), np.float32)
        valid[row, col] = rng.random((size, size)) < (0 if empty else 0.4)
        known[row : row + size, col : col + size] |= valid[row, col]
        for y in range(size if not empty else 0):
            for x in range(size):
                w = naive_weight(y, size, overlap) * naive_weight(x, size, overlap)
                total[:, row + y, col + x] += w * scores[row, col][:, y, x]
                weight[row + y, col + x] += w
    height, width = shape
    expected = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    means, found = run_mosaic(shape, size, overlap, panel, scores, valid)
    np.testing.assert_allclose(means, expected[:, :height, :width], atol=2e-6)
    np.testing.assert_array_equal(found, known[:height, :width])


def test_rows_are_given_once_no_window_can_touch_them():
    mosaic = Mosaic(1, 9, (0, 4), 4, 1)
    ones, everywhere = np.ones((1, 4, 4), np.float32), np.ones((4, 4), bool)
    assert list(mosaic.advance(0)) == []
    mosaic.add(Window(0, 0, 4, 4), ones, everywhere)
    ((row, means, valid),) = mosaic.advance(3)
    assert (row, means.shape, valid.shape) == (0, (1, 3, 4), (3, 4))
    assert list(mosaic.advance(3)) == []
    mosaic.add(Window(3, 0, 4, 4), 3 * ones, ~everywhere)
    ((row, means, valid),) = mosaic.advance(5)
    assert row == 3
    # row 3: half of either, and what the first window knows of validity
    np.testing.assert_allclose(means[0, 0], 2)
    np.testing.assert_allclose(means[0, 1], 3)
    np.testing.assert_array_equal(valid, [[True] * 4, [False] * 4])
    mosaic.add(Window(5, 0, 4, 4), 5 * ones, everywhere)
    ((row, means, valid),) = mosaic.advance(9)
    assert (row, means.shape) == (5, (1, 4, 4))
    assert valid.all()
