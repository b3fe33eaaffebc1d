"""How fast views are cropped around what their features point at, against one view at a time.

From features and their gradients to the crops: attention map, resize to the image, regions, box,
nearest resize. Baseline: torch's bilinear resize, SciPy's labels and one comparison of the label
map per region, torch's nearest resize, view by view. Ours: outlines of the regions only, features
and views in channels-last memory. On one core.
"""

from __future__ import annotations

import time

import mmss_plugins  # noqa: F401  (makes the installed stack usable)

# isort: split
import cv2
import scipy.ndimage
import torch
import torch.nn.functional as F

from mmss_plugins.functional import crop_resize, guided_boxes

VIEWS, SIZE, RATIO = 64, 224, 0.5  # as many views as a small batch of training has
NETWORKS = {'ResNet-18': 512, 'ResNet-50': 2048}  # channels of the last stage
REPEATS = 40


def rows() -> list[dict]:
    """Measure; see the store's ``rows`` for the form."""
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        return [_row(name, channels) for name, channels in NETWORKS.items()]
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])


def _row(network: str, channels: int) -> dict:
    generator = torch.Generator().manual_seed(0)
    # smooth, as a network's are; of mean 0, so that no map is degenerate
    features = F.avg_pool2d(torch.randn(VIEWS, channels, 9, 9, generator=generator), 3, stride=1)
    # of the pooled features, seen as the features' own
    gradients = torch.randn(VIEWS, channels, 1, 1, generator=generator).expand_as(features)
    views = torch.rand(VIEWS, 3, SIZE, SIZE, generator=generator)
    given = features, gradients, views
    last = torch.channels_last  # the memory format of GraSS on the CPU
    mine = features.contiguous(memory_format=last), gradients, views.contiguous(memory_format=last)
    for (my_box, my_crop), (box, crop) in zip(
        zip(*ours(*mine), strict=True), zip(*naive(*given), strict=True), strict=True
    ):
        # the last bit of the bilinear resize may move an edge by a pixel
        torch.testing.assert_close(my_box, box, rtol=0, atol=1)
        if torch.equal(my_box, box):
            torch.testing.assert_close(my_crop, crop, rtol=0, atol=0)
    fast, slow = least_milliseconds((ours, mine), (naive, given))
    return {
        'name': f'guided crop of a {SIZE}x{SIZE} view, {network} features (ms, one core)',
        'ours': fast / VIEWS,
        'baseline': slow / VIEWS,
        'ratio': slow / fast,
        'unit': 'ms',
    }


def least_milliseconds(*calls) -> list[float]:
    """The shortest time of each call (function, arguments); they take turns.

    Single calls take a few milliseconds, of which other machines on the same processor may double
    any: the shortest is the work's own.
    """
    least = [float('inf')] * len(calls)
    for _ in range(REPEATS):
        for index, (function, arguments) in enumerate(calls):
            arguments[0].mul_(1)  # features are just written, as the network leaves them
            start = time.perf_counter()
            function(*arguments)
            least[index] = min(least[index], 1e3 * (time.perf_counter() - start))
    return least


def ours(features, gradients, images) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes and crops, as in GraSS."""
    boxes = guided_boxes(features, gradients, SIZE, RATIO)
    return boxes, crop_resize(images, boxes, SIZE)


def naive(features, gradients, images) -> tuple[torch.Tensor, torch.Tensor]:
    """The same as :func:`ours`, as one would write it down."""
    maps = (gradients.mean((2, 3), keepdim=True) * features).mean(1, keepdim=True)
    heat = F.interpolate(maps / maps.amax((2, 3), keepdim=True), size=SIZE, mode='bilinear')
    boxes, crops = [], []
    for values, image in zip(heat[:, 0], images, strict=True):
        box = _best_box(values.numpy())
        crop = image[None, :, box[0] : box[2], box[1] : box[3]]
        boxes.append(box)
        crops.append(F.interpolate(crop, size=SIZE, mode='nearest')[0])
    return torch.tensor(boxes), torch.stack(crops)


def _best_box(values) -> tuple[int, int, int, int]:
    low, high = values.min(), values.max()
    labels, count = scipy.ndimage.label(
        values > low + RATIO * (high - low), structure=[[1] * 3] * 3
    )
    best, best_score = (0, 0, *values.shape), low
    for label in range(1, count + 1):
        pixels = (labels == label).nonzero()
        (row0, col0), (row1, col1) = ([p.min() for p in pixels], [p.max() for p in pixels])
        score = values[row0 : row1 + 1, col0 : col1 + 1].max()
        if score > low and score >= best_score:
            best, best_score = (int(row0), int(col0), int(row1) + 1, int(col1) + 1), score
    return best
