import zlib

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.paths import TESTS

from mmss_plugins.functional import crop_resize, da_crop_boxes, guided_boxes, info_nce, resize_maps

DATA = TESTS / 'data' / 'grass_guided_crop.npz'


@pytest.fixture(scope='module')
def reference():
    with np.load(DATA) as file:
        return dict(file)


def published_boxes(reference, case, ratio):
    boxes = reference[f'{case}_r{ratio}_boxes'].astype(int)
    boxes[(boxes < 0).any(1)] = [0, 0, 64, 64]
    return boxes


def naive_box(values, ratio):
    """Flood fill from every pixel in turn, every box scored."""
    low, high = values.min(), values.max()
    height, width = values.shape
    todo = values > low + np.float32(ratio) * (high - low)
    best, best_score = (0, 0, height, width), low
    for row, col in np.ndindex(height, width):
        if not todo[row, col]:
            continue
        todo[row, col], queue, region = False, [(row, col)], []
        while queue:
            r, c = queue.pop()
            region.append((r, c))
            for y in range(max(r - 1, 0), min(r + 2, height)):
                for x in range(max(c - 1, 0), min(c + 2, width)):
                    if todo[y, x]:
                        todo[y, x] = False
                        queue.append((y, x))
        r0, c0 = np.min(region, axis=0)
        r1, c1 = np.max(region, axis=0) + 1
        score = values[r0:r1, c0:c1].max()
        if score > low and score >= best_score:
            best, best_score = (r0, c0, r1, c1), score
    return list(map(int, best))


def naive_crop(image, box, size):
    row0, col0, row1, col1 = (int(x) for x in box)
    return F.interpolate(image[None, :, row0:row1, col0:col1], size=size, mode='nearest')[0]


@pytest.mark.parametrize(
    ('case', 'ratio'),
    [('C64', 3), ('C64', 5), ('C64', 7), ('DX', 3), ('DX', 5), ('DX', 7), ('DX', 9)],
)
def test_boxes_equal_the_published_ones(reference, case, ratio):
    boxes = da_crop_boxes(torch.from_numpy(reference[f'{case}_heat']), ratio / 10)
    assert boxes.dtype == torch.int64
    assert boxes.tolist() == published_boxes(reference, case, ratio).tolist()


@pytest.mark.parametrize('ratio', [3, 5, 7])
def test_boxes_of_a_network_equal_the_published_ones(reference, ratio):
    given = {name: torch.from_numpy(reference[name]) for name in reference if 'A64_' in name}
    features = given['A64_feat'].requires_grad_()
    hidden = F.linear(features.mean((2, 3)), given['A64_head0'], given['A64_head1'])
    loss = info_nce(F.linear(hidden, given['A64_head2'], given['A64_head3']))
    gradients = torch.autograd.grad(loss, features)[0]
    boxes = guided_boxes(features, gradients, 64, ratio / 10)
    # a pixel of slack: the last bit of the resize decides at the threshold
    assert np.abs(boxes.numpy() - published_boxes(reference, 'A64', ratio)).max() <= 1
    assert (boxes == guided_boxes(features, gradients, (64, 64), ratio / 10)).all()


@pytest.mark.parametrize('ratio', [3, 5, 7])
def test_crops_equal_the_published_ones_to_the_bit(reference, ratio):
    boxes = torch.from_numpy(published_boxes(reference, 'A64', ratio))
    crops = crop_resize(torch.from_numpy(reference['A64_img_u8']), boxes, 64)
    found = [zlib.crc32(crop.numpy().tobytes()) for crop in crops]
    assert found == reference[f'A64_r{ratio}_crc'].tolist()


@pytest.mark.parametrize('ratio', [0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize('levels', [3, 6, None])
def test_boxes_equal_definition(ratio, levels):
    """Few levels: many regions with one score, nested ones, shared boxes."""
    rng = np.random.default_rng(0)
    maps = rng.normal(size=(40, 13, 18)).astype(np.float32)
    if levels:
        maps = np.round((maps - maps.min()) / np.ptp(maps) * levels).astype(np.float32)
    expected = [naive_box(values, ratio) for values in maps]
    assert da_crop_boxes(torch.from_numpy(maps), ratio).tolist() == expected


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.bfloat16])
def test_boxes_of_small_maps_are_those_of_the_resized_ones(dtype):
    maps = torch.randn(30, 5, 7, generator=torch.Generator().manual_seed(0)).to(dtype)
    maps[3] = float('nan')
    large = resize_maps(maps if dtype == torch.float64 else maps.float(), (40, 33))
    boxes = da_crop_boxes(maps, 0.8, (40, 33))
    assert boxes.tolist() == da_crop_boxes(large, 0.8).tolist()
    assert boxes[3].tolist() == [0, 0, 40, 33]
    assert len(set(boxes[:, 2].tolist())) > 5


def test_last_of_equal_regions_is_by_the_first_pixel_not_by_the_box():
    values = torch.zeros(1, 12, 12)
    values[0, [2, 3, 4, 5, 6], [9, 8, 7, 6, 5]] = 1  # its box begins left of the other's
    values[0, 2, 6] = 1
    assert da_crop_boxes(values).tolist() == [[2, 5, 7, 10]]
    values[0, 2, 11] = 1
    assert da_crop_boxes(values).tolist() == [[2, 11, 3, 12]]


def test_region_in_the_hole_of_another():
    values = torch.zeros(1, 12, 12)
    values[0, 1:10, 1:10] = 0.8
    values[0, 2:9, 2:9] = 0
    values[0, 4:6, 5] = 0.8
    assert da_crop_boxes(values).tolist() == [[4, 5, 6, 6]]
    values[0, 1, 1] = 1  # the highest, in the outer one
    assert da_crop_boxes(values).tolist() == [[1, 1, 10, 10]]


@pytest.mark.parametrize('value', [0.0, -3.0, float('nan'), float('inf')])
def test_whole_image_where_nothing_is_found(value):
    values = torch.full((2, 5, 9), value)
    values[1, :, :] = 0
    values[1, 3, 4] = 1
    assert da_crop_boxes(values).tolist() == [[0, 0, 5, 9], [3, 4, 4, 5]]


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf')])
def test_one_wrong_pixel_keeps_the_whole_image(value):
    values = torch.arange(20.0).view(1, 4, 5)
    values[0, 2, 2] = value
    assert da_crop_boxes(values).tolist() == [[0, 0, 4, 5]]


def test_degenerate_map_keeps_the_whole_image():
    features, gradients = torch.rand(2, 3, 4, 5), -torch.ones(2, 3, 4, 5)
    features[1], gradients[1] = 0, 1
    features[1, :, 1, 3] = 1
    boxes = guided_boxes(features, gradients, (40, 60))
    assert boxes[0].tolist() == [0, 0, 40, 60]
    assert boxes[1].tolist() == [10, 36, 20, 48]  # the pixel's own 10 x 12 pixels


def test_no_maps():
    assert da_crop_boxes(torch.zeros(0, 4, 4)).shape == (0, 4)


@pytest.mark.parametrize('grad', [False, True])
@pytest.mark.parametrize('dtype', [torch.uint8, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize('size', [(224, 97), (31, 224), 64])
def test_crops_equal_torch_to_the_bit(size, dtype, grad):
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (30, 2, 90, 130))).to(dtype)
    if grad and images.is_floating_point():
        images.requires_grad_()
    rows = np.sort([rng.choice(91, 2, replace=False) for _ in images])
    cols = np.sort([rng.choice(131, 2, replace=False) for _ in images])
    boxes = torch.from_numpy(np.stack([rows, cols], axis=2).reshape(-1, 4))
    crops = crop_resize(images, boxes, size)
    assert crops.dtype == dtype
    for crop, image, box in zip(crops, images, boxes, strict=True):
        assert torch.equal(crop, naive_crop(image, box, size))


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_boxes_as_long_as_the_crop_equal_torch_to_the_bit(layout):
    images = torch.rand(1, 3, 40, 50).contiguous(memory_format=layout)
    for height, width in [(20, 30), (20, 17), (11, 30), (40, 30), (20, 50), (40, 50)]:
        for row, col in [(0, 0), (40 - height, 50 - width)]:
            box = torch.tensor([[row, col, row + height, col + width]])
            for size in [(20, 30), (40, 50)]:
                crop = crop_resize(images, box, size)[0]
                assert torch.equal(crop, naive_crop(images[0], box[0], size))


@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32, torch.float64])
@pytest.mark.parametrize('out', [7, 97, 224, 225])
def test_every_length_is_resized_as_by_torch(out, dtype):
    values = torch.arange(300) % 251 if dtype == torch.uint8 else torch.arange(300)
    image = values.to(dtype)[None, None, None].expand(299, 1, 1, 300)
    lengths = torch.arange(1, 300)
    boxes = torch.stack([lengths * 0, lengths * 0, lengths * 0 + 1, lengths], dim=1)
    crops = crop_resize(image, boxes, (1, out))
    for crop, length in zip(crops, lengths.tolist(), strict=True):
        expected = F.interpolate(image[:1, :, :, :length], size=(1, out), mode='nearest')
        assert torch.equal(crop[None], expected)


@pytest.mark.parametrize(('channels', 'out'), [(3, 224), (129, 31)])
def test_every_length_of_channels_last_images_is_resized_as_by_torch(channels, out):
    image = torch.rand(1, channels, out, out).contiguous(memory_format=torch.channels_last)
    for length in range(1, out + 1):
        box = torch.tensor([[0, out - length, length, out]])
        crop = crop_resize(image, box, out)[0]
        assert torch.equal(crop, naive_crop(image[0], box[0], out))


def test_crops_keep_the_memory_format():
    boxes = torch.tensor([[0, 0, 8, 8], [1, 2, 5, 7]])
    for layout in (torch.contiguous_format, torch.channels_last):
        images = torch.rand(2, 3, 8, 8).contiguous(memory_format=layout)
        before = images.clone()
        for size in (8, 9):
            assert crop_resize(images, boxes, size).is_contiguous(memory_format=layout)
        assert torch.equal(images, before)


def test_gradient_reaches_the_pixels_that_are_shown():
    image = torch.zeros(1, 1, 4, 4, requires_grad=True)
    crop_resize(image, torch.tensor([[1, 2, 3, 4]]), 4).sum().backward()
    expected = torch.zeros(4, 4)
    expected[1:3, 2:4] = 4
    assert torch.equal(image.grad[0, 0], expected)


@pytest.mark.parametrize(
    'box', [[0, 0, 0, 3], [-1, 0, 2, 2], [0, 0, 5, 2], [0, 1, 2, 8], [2, 0, 1, 4]]
)
def test_wrong_box(box):
    with pytest.raises(ValueError, match=r'box 1 must be .* inside 4x7 pixels'):
        crop_resize(torch.zeros(2, 3, 4, 7), torch.tensor([[0, 0, 4, 7], box]), 8)


def test_wrong_arguments():
    for n in (0, 2):
        with pytest.raises(ValueError, match=r'boxes \(N, 4\)'):
            crop_resize(torch.zeros(n, 3, 4, 7), torch.zeros(n // 2, 4).long(), 8)
    with pytest.raises(ValueError, match=r'integers, but got torch\.float32'):
        crop_resize(torch.zeros(1, 3, 4, 7), torch.tensor([[0.0, 0, 4, 7]]), 8)
    with pytest.raises(ValueError, match=r'at least 1 pixel, but got \(0, 8\)'):
        crop_resize(torch.zeros(1, 3, 4, 7), torch.tensor([[0, 0, 4, 7]]), (0, 8))
    for shape in [(2, 1, 4, 7), (2, 0, 7), (2, 0, 0)]:
        with pytest.raises(ValueError, match=r'\(N, H, W\)'):
            da_crop_boxes(torch.zeros(shape))
    for ratio in (-0.1, 1, float('nan')):
        with pytest.raises(ValueError, match=r'ratio must be in \[0, 1\)'):
            da_crop_boxes(torch.zeros(2, 4, 7), ratio)
