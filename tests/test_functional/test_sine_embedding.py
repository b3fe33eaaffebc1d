import numpy as np
import pytest
import torch
from helpers.naive_vit import sine
from torch.nn import functional as F

from mmss_plugins.functional.sine_embedding import (
    grid_embedding,
    resize_grid,
    sine_embedding,
)


def test_numbers_by_hand():
    found = sine_embedding(torch.tensor([0.0, 1.0, 842.0]), 8)
    np.testing.assert_allclose(found[0], [0] * 4 + [1] * 4)
    for row, position in zip(found, (0.0, 1.0, 842.0), strict=True):
        np.testing.assert_allclose(row, sine(position, 8), atol=1e-4)
    with pytest.raises(ValueError, match='even, but got 7'):
        sine_embedding(torch.zeros(1), 7)


def test_places_have_their_column_first_and_their_row_second():
    found = grid_embedding(2, 3, 8)
    assert found.shape == (1, 7, 8)
    assert not found[0, 0].any()
    for row in range(2):
        for column in range(3):
            expected = np.concatenate([sine(column, 4), sine(row, 4)])
            np.testing.assert_allclose(found[0, 1 + 3 * row + column], expected, atol=1e-6)


def test_resizing_keeps_the_token_and_interpolates_the_grid():
    stored = torch.randn(1, 17, 6, generator=torch.Generator().manual_seed(0))
    assert resize_grid(stored, 4, 4) is stored
    found = resize_grid(stored, 3, 5)
    assert torch.equal(found[:, 0], stored[:, 0])
    for dim in range(6):
        image = stored[0, 1:, dim].reshape(1, 1, 4, 4)
        expected = F.interpolate(image, (3, 5), mode='bicubic').flatten()
        torch.testing.assert_close(found[0, 1:, dim], expected)
