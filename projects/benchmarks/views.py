"""How fast the two views of contrastive pretraining are made, against the ways at hand.

One view: random resized crop to 224 pixels of a 512-pixel 8-bit patch, flip, colour distortion,
grey, blur, with the published strengths; packed as a tensor. On one core. Ours: OpenCV, colour in
32-bit floating point. The others: torchvision's transforms on Pillow images (what reproductions of
SimCLR use), torchvision's v2 on 8-bit tensors, MMPretrain's own on OpenCV (without hue, which
overflows with NumPy 2 on either of its backends: it does less), and a batch on the device (here the
processor, so this is the work, not a GPU's speed). For 13 bands, which the stock transforms cannot
take, the baseline is SciPy band by band.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import scipy.ndimage

import mmss_plugins  # noqa: F401  (makes the installed stack usable)

# isort: split
import cv2
import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from PIL import Image
from torchvision.transforms import v2

PATCH, SIZE = 512, 224  # pixels
S2_PATCH, S2_BANDS = 264, 13
IMAGES, REPEATS = 20, 5
BATCH = 8
CROP = {'type': 'mmss_plugins.RandomResizedCropMultiBand', 'scale': SIZE}
FLIP = {'type': 'RandomFlip', 'prob': 0.5}
BLUR = {'type': 'mmss_plugins.RandomGaussianBlur', 'prob': 0.5, 'sigma': (0.1, 2.0)}
PACK = {'type': 'PackInputs'}
OURS = [CROP, FLIP, {'type': 'mmss_plugins.ColorDistortion'}, BLUR, PACK]
OURS_AREA = [{**CROP, 'interpolation': 'area'}, *OURS[1:]]
OURS_MULTI_BAND = [CROP, FLIP, {'type': 'mmss_plugins.MultiBandDistortion'}, BLUR, PACK]
JITTER = {'brightness': 0.8, 'contrast': 0.8, 'saturation': 0.8, 'hue': 0.2}
MMPRETRAIN = [
    {'type': 'RandomResizedCrop', 'scale': SIZE},
    FLIP,
    {
        'type': 'RandomApply',
        'transforms': [{'type': 'ColorJitter', **JITTER, 'hue': 0, 'backend': 'cv2'}],
        'prob': 0.8,
    },
    {
        'type': 'RandomGrayscale',
        'prob': 0.2,
        'keep_channels': True,
        'channel_weights': (0.2989, 0.587, 0.114),
    },
    {'type': 'GaussianBlur', 'magnitude_range': (0.1, 2.0), 'magnitude_std': 'inf', 'prob': 0.5},
    PACK,
]


def rows() -> list[dict]:
    """Measure; see the store's ``rows`` for the form."""
    init_default_scope('mmpretrain')
    threads = cv2.getNumThreads(), torch.get_num_threads()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    try:
        image = _image(PATCH, 3)
        ours, area = (_pipeline(steps, image) for steps in (OURS, OURS_AREA))
        stock = {
            'torchvision on Pillow images': torchvision_on_pillow(image),
            "torchvision's v2 on 8-bit tensors": torchvision_on_tensors(image),
            "MMPretrain's own without hue": _pipeline(MMPRETRAIN, image),
            'a batch on the device, in torch': batched(image),
            "ours, 'area' resizing": area,
        }
        bands = _image(S2_PATCH, S2_BANDS)
        return _rows('RGB view', ours, stock) + _rows(
            f'view of {S2_BANDS} bands',
            _pipeline(OURS_MULTI_BAND, bands),
            {'band by band with SciPy': lambda: naive_multi_band(bands)},
        )
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])


def torchvision_on_pillow(image: np.ndarray) -> Callable[[], torch.Tensor]:
    """The usual transforms; (3, H, W) uint8."""
    pillow, transform = Image.fromarray(image), _torchvision()
    return lambda: v2.functional.pil_to_tensor(transform(pillow))


def torchvision_on_tensors(image: np.ndarray) -> Callable[[], torch.Tensor]:
    """The same on a tensor."""
    tensor, transform = torch.from_numpy(image).permute(2, 0, 1).contiguous(), _torchvision()
    return lambda: transform(tensor)


def _torchvision() -> v2.Compose:
    return v2.Compose(
        [
            v2.RandomResizedCrop(SIZE, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomApply([v2.ColorJitter(**JITTER)], p=0.8),
            v2.RandomGrayscale(p=0.2),
            v2.RandomApply([v2.GaussianBlur(17, (0.1, 2.0))], p=0.5),
        ]
    )


def batched(image: np.ndarray) -> Callable[[], torch.Tensor]:
    """Crops cut by a worker, everything else on the device for a batch at once.

    Every image of the batch has its own factors. One image's share is a ``BATCH``-th of a call, so
    ``_per_view`` counts it so.
    """
    crop = _pipeline([CROP, PACK], image)
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)

    def draw(low: float, high: float) -> torch.Tensor:
        return torch.empty(BATCH, 1, 1, 1).uniform_(low, high)

    def make() -> torch.Tensor:
        x = torch.stack([crop()['inputs'] for _ in range(BATCH)]).float() / 255
        x = torch.where(draw(0, 1) < 0.5, x.flip(3), x)
        y = (x * draw(0.2, 1.8)).clamp(0, 1)
        factor = draw(0.2, 1.8)
        y = (factor * y + (1 - factor) * (y * luma).sum(1, True).mean((2, 3), True)).clamp(0, 1)
        factor = draw(0.2, 1.8)
        y = (factor * y + (1 - factor) * (y * luma).sum(1, True)).clamp(0, 1)
        turned = [
            v2.functional.adjust_hue(one, float(h))
            for one, h in zip(y, draw(-0.2, 0.2), strict=True)
        ]
        x = torch.where(draw(0, 1) < 0.8, torch.stack(turned), x)
        x = torch.where(draw(0, 1) < 0.2, (x * luma).sum(1, True), x)
        offsets = torch.arange(-8.0, 9.0)
        weights = torch.exp(-0.5 * (offsets / draw(0.1, 2.0).view(-1, 1)) ** 2)
        weights = (weights / weights.sum(1, True)).repeat_interleave(3, 0)
        planes = torch.nn.functional.pad(x, [8] * 4, mode='reflect').flatten(0, 1)[None]
        planes = torch.conv2d(planes, weights[:, None, :, None], groups=3 * BATCH)
        planes = torch.conv2d(planes, weights[:, None, None, :], groups=3 * BATCH)
        return torch.where(draw(0, 1) < 0.5, planes.view_as(x), x)

    make.views = BATCH
    return make


def naive_multi_band(image: np.ndarray) -> torch.Tensor:
    """One view of many bands, step by step, with the same probabilities."""
    x = image.astype(np.float32)
    side = int(S2_PATCH * np.sqrt(np.random.uniform(0.08, 1)))
    top, left = np.random.randint(S2_PATCH - side + 1, size=2)
    part = x[top : top + side, left : left + side]
    x = np.stack(
        [
            scipy.ndimage.zoom(part[..., b], SIZE / side, order=1, grid_mode=True, mode='nearest')
            for b in range(S2_BANDS)
        ],
        -1,
    )
    if np.random.random() < 0.5:
        x = x[:, ::-1]
    if np.random.random() < 0.8:
        bright, contrast = np.random.uniform(0.6, 1.4, (2, S2_BANDS))
        x = x * bright
        mean = x.mean((0, 1))
        x = mean + contrast * (x - mean)
    if np.random.random() < 0.2:
        x = np.repeat(x.mean(2, keepdims=True), S2_BANDS, 2)
    dropped = np.random.random(S2_BANDS) < 0.1
    x = np.where(dropped, x.mean((0, 1)), x)
    if np.random.random() < 0.5:
        sigma = np.random.uniform(0.1, 2)
        x = scipy.ndimage.gaussian_filter(x, (sigma, sigma, 0), mode='mirror')
    quantised = np.clip(np.rint(x), 0, 255).astype(np.uint8)
    return torch.from_numpy(np.ascontiguousarray(quantised.transpose(2, 0, 1)))


def _pipeline(steps: list[dict], image: np.ndarray) -> Callable[[], dict]:
    pipeline = Compose(steps)
    return lambda: pipeline({'img': image, 'img_shape': image.shape[:2]})


def _image(size: int, bands: int) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (bands, size, size)).astype(np.uint8)
    planes = np.stack([cv2.GaussianBlur(plane, (0, 0), 1) for plane in noise])
    image = planes.transpose(1, 2, 0)  # each band contiguous, as stores give many bands
    return np.ascontiguousarray(image) if bands == 3 else image


def _rows(name: str, ours: Callable, others: dict[str, Callable]) -> list[dict]:
    mine, *rates = _per_second([ours, *others.values()])
    return [
        {
            'name': f'{name}, against {other} (views/s of one core)',
            'ours': mine,
            'baseline': rate,
            'ratio': mine / rate,
            'unit': '1/s',
        }
        for other, rate in zip(others, rates, strict=True)
    ]


def _per_second(ways: list[Callable]) -> list[float]:
    """Rate of each one's fastest pass (other processes only add time); equal draws in each."""
    fastest = [float('inf')] * len(ways)
    for _ in range(REPEATS):
        for index, make in enumerate(ways):  # in turn, so that all meet the same machine
            np.random.seed(0)
            torch.manual_seed(0)
            views = getattr(make, 'views', 1)
            calls = max(IMAGES // views, 2)
            start = time.perf_counter()
            for _ in range(calls):
                make()
            fastest[index] = min(fastest[index], (time.perf_counter() - start) / (calls * views))
    return [1 / seconds for seconds in fastest]
