import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmss_plugins.checkpoints.transfer.stem_inflation import inflate_stem, mixing_matrix

RGB = (0.665, 0.560, 0.490)


def stem(bands=3):
    return torch.randn(4, bands, 3, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(('mode', 'bands'), [('mean', 13), ('mean', 2), ('repeat', 9)])
def test_an_image_that_is_the_same_in_all_bands_keeps_its_features(mode, bands):
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    before = F.conv2d(image.expand(-1, 3, -1, -1), stem())
    after = F.conv2d(image.expand(-1, bands, -1, -1), inflate_stem(stem(), bands, mode))
    torch.testing.assert_close(after, before)


def test_repeat_takes_the_bands_in_turn():
    weight = stem()
    new = inflate_stem(weight, 4, 'repeat')
    for band in range(4):
        torch.testing.assert_close(new[:, band], weight[:, band % 3] * 3 / 4)


def test_by_wavelength_between_the_neighbours():
    weight = stem()
    # red, half way from green to red, a quarter from blue to green, and beyond both ends
    target = (0.665, 0.6125, 0.5075, 0.443, 2.19)
    new = inflate_stem(weight, 5, 'wavelength', RGB, target)
    red, green, blue = weight.unbind(1)
    expected = [red, (green + red) / 2, 0.75 * blue + 0.25 * green, blue, red]
    torch.testing.assert_close(new, torch.stack(expected, 1) * 3 / 5)


def test_every_row_of_the_mixing_sums_to_one():
    for mode in ('mean', 'repeat', 'wavelength'):
        matrix = mixing_matrix(3, 4, mode, RGB, (0.4, 0.5, 0.6, 0.7))
        assert matrix.shape == (4, 3)
        np.testing.assert_allclose(matrix.sum(1), 1)


def test_half_precision_stays():
    assert inflate_stem(stem().half(), 5).dtype == torch.float16


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'bands': 0}, 'positive'),
        ({'bands': 4, 'mode': 'median'}, "got 'median'"),
        ({'bands': 4, 'mode': 'wavelength', 'source': RGB, 'target': (0.5,)}, 'got 3 and 1'),
        ({'bands': 1, 'mode': 'wavelength', 'source': RGB, 'target': (3.75,)}, 'no SAR'),
        ({'bands': 1, 'mode': 'wavelength', 'source': (0.5,) * 3, 'target': (0.6,)}, 'different'),
    ],
)
def test_what_does_not_fit_is_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        inflate_stem(stem(), **kwargs)
    with pytest.raises(ValueError, match='4 dimensions'):
        inflate_stem(torch.zeros(3, 3), 4)
