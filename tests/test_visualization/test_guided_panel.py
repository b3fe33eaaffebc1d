import numpy as np
import pytest
import torch

from mmss_plugins.functional import crop_resize
from mmss_plugins.visualization.guided_panel import guided_row
from mmss_plugins.visualization.rgb import stretch
from mmss_plugins.visualization.selection_panel import heat_map

SIZE, CAPTION, GAP, BAR = 160, 18, 4, 22
BOX = (40, 20, 120, 140)
RED, WHITE = [255, 64, 64], [255, 255, 255]


def make(bands=3, size=SIZE, box=BOX):
    rng = np.random.default_rng(0)
    view = rng.normal(size=(bands, size, size)).astype(np.float32)
    crop = crop_resize(torch.from_numpy(view)[None], torch.tensor([box]), size)[0].numpy()
    heatmap = np.linspace(-0.5, 1, size * size).reshape(size, size)
    return view, heatmap, box, crop


def cells(figure):
    left = [column * (SIZE + GAP) for column in range(3)]
    return [figure[CAPTION : CAPTION + SIZE, x : x + SIZE] for x in left]


def both(view, crop, channels=(0, 1, 2)):
    """View and crop stretched by the percentiles of both."""
    flat = np.concatenate([image[list(channels)].reshape(3, -1) for image in (view, crop)], axis=1)
    shown = stretch(flat.T[None])[0]
    return shown[: SIZE * SIZE].reshape(SIZE, SIZE, 3), shown[SIZE * SIZE :].reshape(SIZE, SIZE, 3)


def test_view_with_box_then_map_then_crop():
    view, heatmap, box, crop = make()
    figure = guided_row(view, heatmap, box, crop)
    assert figure.shape == (CAPTION + SIZE + BAR, 3 * SIZE + 2 * GAP, 3)
    assert figure.dtype == np.uint8
    shown, overlay, cut = cells(figure)
    expected_view, expected_crop = both(view, crop)
    np.testing.assert_array_equal(cut, expected_crop)
    row0, col0, row1, col1 = box
    inside = (slice(row0 + 3, row1 - 3), slice(col0 + 3, col1 - 3))
    np.testing.assert_array_equal(shown[inside], expected_view[inside])
    np.testing.assert_array_equal(shown[:row0], expected_view[:row0])
    np.testing.assert_array_equal(shown[:, col1:], expected_view[:, col1:])
    for cell in (shown, overlay):  # the outermost pixels of the box and two inside
        assert cell[row0, col0].tolist() == cell[row1 - 1, col1 - 1].tolist() == WHITE
        assert cell[row0 + 1, col0 + 1].tolist() == cell[row1 - 3, col1 - 3].tolist() == RED
    grey = expected_view.astype(float) @ [0.299, 0.587, 0.114]
    colours = heat_map((heatmap + 0.5) / 1.5)
    expected = 0.75 * colours + 0.25 * grey[..., None]
    np.testing.assert_allclose(overlay[inside], expected[inside], atol=1.01)


def test_colours_are_those_of_the_bar():
    view, heatmap, _, crop = make()
    figure = guided_row(np.zeros_like(view), heatmap, (0, 0, 1, 1), np.zeros_like(crop))
    left = SIZE + GAP
    bar = figure[CAPTION + SIZE + BAR // 2, left : left + SIZE].astype(int)
    coloured = bar[(bar != bar[:, :1]).any(axis=1)]
    ends = heat_map(np.array([[0.0, 1.0]]))[0]
    np.testing.assert_allclose(coloured[[0, -1]], ends, atol=3)
    numbers = figure[CAPTION + SIZE :, left : left + 25], figure[CAPTION + SIZE :, -SIZE - 30 :]
    assert all((number < 128).any() for number in numbers)
    low, high = cells(figure)[1][[2, -1], [2, -1]]
    assert high.sum() > low.sum() + 100  # violet to yellow


@pytest.mark.parametrize(
    ('channels', 'shown'),
    [(None, (0, 1, 2)), (('s2.B2', 's2.B3', 's2.B8', 's2.B4', 's2.B5'), (3, 1, 0))],
)
def test_many_bands_are_shown_in_true_colours_if_they_have_names(channels, shown):
    view, heatmap, box, crop = make(bands=5)
    cut = cells(guided_row(view, heatmap, box, crop, channels))[2]
    np.testing.assert_array_equal(cut, both(view, crop, shown)[1])


def test_one_band_is_grey():
    cut = cells(guided_row(*make(bands=1)))[2]
    assert (cut == cut[..., :1]).all()
    assert cut.std() > 10


def test_a_degenerate_map_is_named():
    view, heatmap, _, _ = make()
    kept = guided_row(view, 0 * heatmap, (0, 0, SIZE, SIZE), view)
    cropped = guided_row(view, heatmap, (0, 0, SIZE, SIZE), view)
    np.testing.assert_array_equal(cells(kept)[2], cells(cropped)[2])
    left = 2 * (SIZE + GAP)
    assert (kept[:CAPTION, left:] != cropped[:CAPTION, left:]).any()
    assert np.isfinite(kept).all()


def test_small_and_oblong_views_are_enlarged():
    view, heatmap, box = np.ones((3, 40, 60)), np.eye(40, 60), (5, 10, 20, 30)
    figure = guided_row(view, heatmap, box, np.ones((3, 40, 60)))
    assert figure.shape == (CAPTION + 4 * 40 + BAR, 3 * 4 * 60 + 2 * GAP, 3)
    shown = figure[CAPTION:, : 4 * 60]
    assert shown[20, 40].tolist() == WHITE
    assert shown[4 * 20 - 1, 4 * 30 - 1].tolist() == WHITE
