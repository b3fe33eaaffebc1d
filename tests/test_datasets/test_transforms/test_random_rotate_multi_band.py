import cv2
import numpy as np
import pytest
from mmengine.registry import TRANSFORMS
from scipy.ndimage import map_coordinates

from mmss_plugins.datasets.transforms.random_rotate_multi_band import (
    RandomRotateMultiBand,
    rotate,
)


def oracle(plane, degrees, order):
    """Inverse mapping about the centre with scipy, mirrored without repeating the edge pixel."""
    height, width = plane.shape
    angle = np.deg2rad(degrees)
    rows, cols = np.mgrid[:height, :width].astype(float)
    y, x = rows - (height - 1) / 2, cols - (width - 1) / 2
    # counter-clockwise in an image whose rows point down
    source = np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y
    coordinates = [source[1] + (height - 1) / 2, source[0] + (width - 1) / 2]
    return map_coordinates(plane, coordinates, order=order, mode='mirror')


@pytest.mark.parametrize('channels', [1, 2, 3, 4, 5, 13, 15])
@pytest.mark.parametrize('degrees', [-90, -33.0, 12.5, 90])
def test_bilinear_rotation_equals_scipy(channels, degrees):
    rng = np.random.default_rng(0)
    image = cv2.GaussianBlur(rng.random((24, 30, channels), dtype=np.float32), (5, 5), 0)
    image = image.reshape(24, 30, channels)
    found = rotate(image, degrees, cv2.INTER_LINEAR)
    assert found.shape == image.shape
    assert found.dtype == image.dtype
    for band in range(channels):
        # OpenCV quantises interpolation weights to 1/32 pixel
        np.testing.assert_allclose(
            found[..., band], oracle(image[..., band], degrees, 1), atol=0.02
        )


@pytest.mark.parametrize('size', [(24, 30), (31, 9), (4, 40)])
@pytest.mark.parametrize('interpolation', [cv2.INTER_LINEAR, cv2.INTER_NEAREST])
def test_it_is_what_opencv_does_with_the_border_mirrored(size, interpolation):
    """A strip of (4, 40) turned by 90 degrees is mirrored more than once."""
    height, width = size
    image = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
    for degrees in (-90, -41.0, 7.5, 63.0, 90):
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
        expected = cv2.warpAffine(
            image, matrix, (width, height), flags=interpolation, borderMode=cv2.BORDER_REFLECT_101
        )
        found = rotate(image, degrees, interpolation).astype(int)
        # the two round a coordinate of 1/32 pixel apart now and then
        assert (np.abs(found - expected) > 8).mean() < 0.02


def test_label_and_prior_are_mirrored_as_the_image_is():
    np.random.seed(3)
    label = np.zeros((32, 32), np.uint8)
    label[0], label[:, -1] = 1, 2  # at the border, where repeating pixels would show
    prior = np.eye(3, dtype=np.float32)[label]
    results = {
        'img': label[..., None].astype(np.float32),
        'gt_seg_map': label,
        'smoothing_prior': prior,
        'seg_fields': ['gt_seg_map', 'smoothing_prior'],
    }
    turned = RandomRotateMultiBand(prob=1.0, degree=(44, 46))(results)
    sure = turned['smoothing_prior'].max(axis=-1) > 0.8
    assert sure.mean() > 0.6
    np.testing.assert_array_equal(
        turned['smoothing_prior'].argmax(axis=-1)[sure], turned['gt_seg_map'][sure]
    )
    np.testing.assert_allclose(
        turned['smoothing_prior'] @ np.arange(3), turned['img'][..., 0], atol=1e-5
    )


def test_quarter_turns_are_exact():
    image = np.arange(16 * 16 * 6, dtype=np.uint8).reshape(16, 16, 6)
    np.testing.assert_array_equal(rotate(image, 90, cv2.INTER_NEAREST), np.rot90(image))
    np.testing.assert_array_equal(rotate(image, -90, cv2.INTER_LINEAR), np.rot90(image, -1))


def make_results():
    label = np.kron(np.array([[1, 7], [200, 255]]), np.ones((16, 16))).astype(np.uint8)
    return {'img': label[..., None].repeat(5, axis=2), 'gt_seg_map': label,
            'seg_fields': ['gt_seg_map']}  # fmt: skip


def test_image_and_label_turn_together_and_no_class_is_invented():
    np.random.seed(0)
    results = RandomRotateMultiBand(prob=1.0, degree=45)(make_results())
    original = make_results()['gt_seg_map']
    assert set(np.unique(results['gt_seg_map'])) == {1, 7, 200, 255}
    assert (results['gt_seg_map'] != original).mean() > 0.02
    agree = results['img'][..., 4] == results['gt_seg_map']
    assert agree.mean() > 0.85  # they differ where the image is interpolated only


def test_probability_and_range():
    np.random.seed(0)
    transform = RandomRotateMultiBand(prob=0.2, degree=(10, 20))
    angles = [transform._random_angle() for _ in range(2000)]
    drawn = [angle for angle in angles if angle is not None]
    assert 0.15 < len(drawn) / 2000 < 0.25
    assert min(drawn) >= 10
    assert max(drawn) <= 20
    untouched = RandomRotateMultiBand(prob=0.0)(make_results())
    np.testing.assert_array_equal(untouched['img'], make_results()['img'])


def test_degree_alone_is_symmetric():
    assert RandomRotateMultiBand(degree=30).degree == (-30, 30)


@pytest.mark.parametrize('kwargs', [{'prob': 1.5}, {'degree': (20, 10)}])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match='but got'):
        RandomRotateMultiBand(**kwargs)


def test_registered():
    built = TRANSFORMS.build({'type': 'mmss_plugins.RandomRotateMultiBand', 'prob': 0.5})
    assert built.prob == 0.5
