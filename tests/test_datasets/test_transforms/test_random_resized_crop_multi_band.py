import random

import numpy as np
import pytest
import torch
from mmengine.registry import TRANSFORMS
from torch.nn.functional import avg_pool2d, interpolate

from mmss_plugins.datasets.transforms.random_resized_crop_multi_band import (
    RandomResizedCropMultiBand,
    crop_and_resize,
    draw_crop_box,
)

BOX, BOX_SIZE = (5, 9, 35, 50), (30, 41)


def make_image(bands, dtype, planar):
    """(60, 80, bands), in one of the two memory layouts."""
    image = np.random.default_rng(0).integers(0, 256, (60, 80, bands)).astype(np.uint8)
    image = image if dtype == np.uint8 else (image / 255).astype(dtype)
    return np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0) if planar else image


def cropped(image):
    part = image[BOX[0] : BOX[2], BOX[1] : BOX[3]].astype(np.float64)
    return torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1)))[None]


def as_image(planes):
    return planes[0].numpy().transpose(1, 2, 0)


@pytest.mark.parametrize('planar', [False, True])
@pytest.mark.parametrize('bands', [1, 2, 3, 4, 5, 13])
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
@pytest.mark.parametrize('size', [(50, 64), (20, 24)])
def test_bilinear_equals_torch(bands, dtype, planar, size):
    image = make_image(bands, dtype, planar)
    before = image.copy()
    found = crop_and_resize(image, BOX, size)
    expected = interpolate(cropped(image), size, mode='bilinear', align_corners=False)
    assert found.shape == (*size, bands)
    assert found.dtype == dtype
    atol = 1.01 if dtype == np.uint8 else 1e-5
    np.testing.assert_allclose(found.astype(np.float64), as_image(expected), atol=atol)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
@pytest.mark.parametrize(
    ('size', 'pools'),
    [((13, 30), [(2, 1)]), ((22, 17), [(1, 2)]), ((14, 19), [(2, 2)]), ((6, 12), [(2, 2), (2, 1)])],
)
def test_sides_of_twice_the_length_are_halved_first(dtype, size, pools):
    image = make_image(5, dtype, True)
    planes = cropped(image)
    for pool in pools:
        planes = avg_pool2d(planes, pool)  # leaves an odd last row or column out
    expected = interpolate(planes, size, mode='bilinear', align_corners=False)
    found = crop_and_resize(image, BOX, size)
    atol = 1.51 if dtype == np.uint8 else 1e-5
    np.testing.assert_allclose(found.astype(np.float64), as_image(expected), atol=atol)


def overlaps(have, want):
    """(want, have): which part of each source pixel a target pixel takes, its sum 1."""
    step = have / want
    starts = np.arange(want)[:, None] * step
    pixels = np.arange(have)[None]
    common = np.minimum(starts + step, pixels + 1) - np.maximum(starts, pixels)
    return np.clip(common, 0, None) / step


@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_area_is_the_mean_over_each_target_pixel(dtype):
    image = make_image(13, dtype, True)
    found = crop_and_resize(image, BOX, (13, 24), 'area')
    part = cropped(image)[0].numpy()
    expected = overlaps(BOX_SIZE[0], 13) @ part @ overlaps(BOX_SIZE[1], 24).T
    atol = 0.51 if dtype == np.uint8 else 1e-5
    np.testing.assert_allclose(found.astype(float), expected.transpose(1, 2, 0), atol=atol)


def test_positions_of_pixels():
    rows, cols = np.indices((60, 80)).astype(np.float32)
    image = np.stack([rows, cols], -1)
    for size in ((20, 24), (12, 50)):
        found = crop_and_resize(image, BOX, size)
        for axis, (start, length) in enumerate(zip(BOX, BOX_SIZE, strict=False)):
            centres = (np.arange(size[axis]) + 0.5) * length / size[axis] - 0.5 + start
            middle = np.moveaxis(found[..., axis], axis, 0)[2:-2].mean(axis=1)
            np.testing.assert_allclose(middle, centres[2:-2], atol=0.02)


def draw_many(count, height=300, width=400, areas=(0.1, 0.5)):
    np.random.seed(0)
    boxes = [draw_crop_box(height, width, areas, (3 / 4, 4 / 3), 10) for _ in range(count)]
    return np.array(boxes, float)


def test_drawn_boxes():
    top, left, bottom, right = draw_many(4000).T
    rows, cols = bottom - top, right - left
    assert min(top.min(), left.min()) >= 0
    assert bottom.max() <= 300
    assert right.max() <= 400
    area, aspect = rows * cols / (300 * 400), np.log(cols / rows)
    assert 0.098 < area.min() < 0.11  # rounded to pixels
    assert 0.49 < area.max() < 0.505
    assert area.mean() == pytest.approx(0.3, abs=0.01)
    assert area.std() == pytest.approx(0.4 / np.sqrt(12), abs=0.005)
    assert np.abs(aspect).max() == pytest.approx(np.log(4 / 3), abs=0.02)
    assert aspect.mean() == pytest.approx(0, abs=0.01)
    assert aspect.std() == pytest.approx(2 * np.log(4 / 3) / np.sqrt(12), abs=0.01)
    for start, free in ((top, 300 - rows), (left, 400 - cols)):
        assert (start / free).mean() == pytest.approx(0.5, abs=0.02)
        assert (start == free).any()
        assert (start == 0).any()


def test_the_aspect_is_width_by_height():
    np.random.seed(0)
    boxes = np.array([draw_crop_box(300, 300, (0.1, 0.2), (1.0, 2.0), 10) for _ in range(500)])
    aspect = (boxes[:, 3] - boxes[:, 1]) / (boxes[:, 2] - boxes[:, 0])
    assert 0.98 < aspect.min() < 1.02
    assert 1.95 < aspect.max() < 2.05


def test_whole_image_is_possible():
    boxes = draw_many(2000, 30, 30, (0.9, 1.0))
    assert (boxes == (0, 0, 30, 30)).all(axis=1).any()


@pytest.mark.parametrize(
    ('shape', 'box'), [((20, 200), (0, 86, 20, 113)), ((200, 20), (86, 0, 113, 20))]
)
def test_where_nothing_fits_it_is_the_largest_central_box(shape, box):
    assert draw_crop_box(*shape, (0.9, 1.0), (3 / 4, 4 / 3), 10) == box


def make_results():
    rows, cols = np.indices((60, 80)).astype(np.uint8)
    return {
        'img': np.stack([rows, cols, rows, cols, rows], -1),
        'gt_seg_map': (rows // 20 * 100).astype(np.uint8),
        'prob': np.stack([rows, cols], -1).astype(np.float32),
        'seg_fields': ['gt_seg_map', 'prob'],
        'img_shape': (60, 80),
    }


def test_maps_follow_the_image():
    np.random.seed(0)
    results = RandomResizedCropMultiBand(scale=(32, 24), crop_ratio_range=(0.3, 0.4))(
        make_results()
    )
    assert results['img'].shape == (32, 24, 5)
    assert results['img_shape'] == (32, 24)
    assert set(np.unique(results['gt_seg_map'])) <= {0, 100, 200}
    np.testing.assert_allclose(results['prob'], results['img'][..., :2], atol=1.01)
    rows = results['prob'][..., 0]
    sure = np.abs(rows / 20 - np.round(rows / 20)) > 0.1
    np.testing.assert_array_equal(results['gt_seg_map'][sure], (rows[sure] // 20 * 100))


def test_numpy_alone_decides():
    crops = []
    for other in range(2):
        np.random.seed(7)
        random.seed(other)
        torch.manual_seed(other)
        crop = RandomResizedCropMultiBand(scale=16)
        crops.append([crop(make_results())['img'] for _ in range(3)])
    np.testing.assert_array_equal(*crops)
    assert not np.array_equal(crops[0][0], crops[0][1])


@pytest.mark.parametrize(
    'kwargs',
    [
        {'scale': 0},
        {'scale': (3, 3, 3)},
        {'crop_ratio_range': (0.5, 0.2)},
        {'crop_ratio_range': (0.5, 1.2)},
        {'aspect_ratio_range': (0, 1)},
        {'interpolation': 'cubic'},
    ],
)
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match=f'{next(iter(kwargs))} must be .*but got'):
        RandomResizedCropMultiBand(**kwargs)


def test_registered():
    built = TRANSFORMS.build({'type': 'mmss_plugins.RandomResizedCropMultiBand', 'scale': 8})
    assert built.size == (8, 8)
