import numpy as np
from helpers.aerial_raw_trees import POTSDAM_COLOURS

from mmss_plugins.raster.palette import palette_to_index


def test_only_exact_colours_have_a_class():
    rng = np.random.default_rng(0)
    image = rng.choice(np.array([0, 1, 254, 255], np.uint8), (3, 40, 60))
    label, unknown = palette_to_index(image, POTSDAM_COLOURS, [(0, 0, 0)])
    expected = np.full((40, 60), 255)
    black = 0
    for row in range(40):
        for col in range(60):
            colour = tuple(int(value) for value in image[:, row, col])
            black += colour == (0, 0, 0)
            for index, other in enumerate(POTSDAM_COLOURS.tolist()):
                if colour == tuple(other):
                    expected[row, col] = index
    assert label.dtype == np.uint8
    np.testing.assert_array_equal(label, expected)
    assert unknown == (expected == 255).sum() - black
    assert set(np.unique(expected)) == {0, 1, 2, 3, 4, 5, 255}
    assert palette_to_index(image, POTSDAM_COLOURS)[1] == unknown + black
