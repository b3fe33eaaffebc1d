import cv2
import numpy as np
import pytest

from mmss_plugins.datasets.transforms.image_arrays import by_band


@pytest.mark.parametrize('bands', [1, 2, 3, 4, 5, 13])
@pytest.mark.parametrize('layout', ['interleaved', 'planar', 'mirrored', 'part', 'wide'])
def test_any_layout_gives_each_band_to_the_function(bands, layout):
    image = np.random.default_rng(0).integers(0, 256, (12, 18, bands)).astype(np.uint8)
    image = {
        'interleaved': image,
        'planar': np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0),
        'mirrored': image[::-1, ::-1],
        'part': image[2:9, 3:14],
        'wide': image.transpose(1, 0, 2),
    }[layout]
    found = by_band(image, lambda band: cv2.flip(band, 1)[:, :5])
    np.testing.assert_array_equal(found, image[:, ::-1][:, :5])
    first = by_band(image[..., 0], lambda band: cv2.flip(band, 0))
    np.testing.assert_array_equal(first, image[::-1, :, 0])


def test_few_interleaved_bands_go_together_and_the_others_one_by_one():
    for bands, planar, expected in ((3, False, [3]), (3, True, [1] * 3), (5, False, [1] * 5)):
        seen = []
        image = np.zeros((4, 6, bands), np.uint8)
        if planar:
            image = np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0)

        def remember(band, seen=seen):
            seen.append(band.shape[2] if band.ndim == 3 else 1)
            return band

        by_band(image, remember)
        assert seen == expected
