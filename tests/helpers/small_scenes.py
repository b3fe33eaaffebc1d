"""Small scenes as GeoTIFF, and models that segment them without any training."""

import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin
from torch import nn

from helpers.downstream_trees import S1_MEAN, S1_STD, S2_MEAN, S2_STD
from helpers.small_raw_trees import S2_BANDS, read_raw, write_tiff
from mmss_plugins.apis.prediction import SceneModel
from mmss_plugins.checkpoints.spec.input_specification import InputSpecification, ModalityInput
from mmss_plugins.raster.scene_files import find_scene

UTM = 'EPSG:32633'
CORNER = (500000.0, 5000000.0)  # east, north
CLASSES = ('water', 'forest', 'crops')
PALETTE = ((0, 0, 255), (1, 128, 2), (255, 255, 3))


def write_scene(path, image, names=(), corner=CORNER, pixel=10.0, crs=UTM, **profile):
    """Write (C, H, W) as GeoTIFF; ``names`` become the bands' descriptions."""
    write_tiff(path, image, crs=crs, transform=from_origin(*corner, pixel, pixel), **profile)
    if names:
        with rasterio.open(path, 'r+') as file:
            file.descriptions = tuple(names)
    return path


def backscatter(shape, seed=0):
    return np.random.default_rng(seed).normal(-15, 5, (2, *shape)).astype(np.float32)


def reflectance(shape, bands=13, seed=0):
    image = np.random.default_rng(seed).integers(1, 5000, (bands, *shape)).astype(np.uint16)
    if bands == len(S2_BANDS):
        image[S2_BANDS.index('B10')] //= 50  # dark without cirrus
    return image


def optical(bands=S2_BANDS, normalize='clip8', **changes):
    """A specification's entry of Sentinel-2."""
    chosen = [S2_BANDS.index(band) for band in bands]
    mean, std = (tuple(values[i] for i in chosen) for values in (S2_MEAN, S2_STD))
    return _entry(bands, 'reflectance x 10000', normalize, mean, std, changes)


def radar(bands=('VV', 'VH'), normalize='clip8', **changes):
    """A specification's entry of Sentinel-1."""
    chosen = [('VV', 'VH').index(band) for band in bands]
    mean, std = (tuple(values[i] for i in chosen) for values in (S1_MEAN, S1_STD))
    return _entry(bands, 'dB', normalize, mean, std, changes)


def aerial(bands=('R', 'G', 'B'), **changes):
    """A specification's entry of aerial images."""
    return ModalityInput(**{**_plain(bands, '8-bit value', None, '0..1'), **changes})


def _entry(bands, unit, normalize, mean, std, changes):
    values = {'clip8': '0..1', 'standardise': 'standardised', None: 'physical'}[normalize]
    statistics = {'mean': mean, 'std': std} if normalize else {}
    return ModalityInput(**{**_plain(bands, unit, normalize, values), **statistics, **changes})


def _plain(bands, unit, normalize, values):
    return {'bands': tuple(bands), 'unit': unit, 'normalize': normalize, 'values': values}


def spec(**entries):
    return InputSpecification(entries, CLASSES)


class PixelModel(nn.Module):
    """Segments each pixel for itself: the same in every window, to the last bit.

    ``batches`` notes the sizes of its batches, ``inputs`` what it got.
    """

    def __init__(self, channels, classes=3, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(classes, channels, generator=generator))
        self.batches, self.inputs = [], []

    def logits(self, inputs):
        total = 0
        for channel in range(inputs.shape[1]):  # in this order, whatever the shape
            total = total + self.weight[:, channel].view(1, -1, 1, 1) * inputs[:, channel, None]
        return 4 * total

    def predict(self, inputs, data_samples):
        assert data_samples is None
        self.batches.append(len(inputs))
        self.inputs += list(inputs)
        return [_Sample(logits) for logits in self.logits(inputs)]


class ContextModel(PixelModel):
    """Looks at each pixel's neighbours and at its place in the window."""

    def logits(self, inputs):
        around = torch.nn.functional.avg_pool2d(inputs, 5, 1, 2)
        column = torch.linspace(-1, 1, inputs.shape[-1])
        row = torch.linspace(-2, 2, inputs.shape[-2])[:, None]
        place = torch.stack([(column + row) * sign for sign in (1, -1, 0.5)])
        return super().logits(around - inputs / 3) + place


class _Sample:
    def __init__(self, logits):
        self.seg_logits = type('Field', (), {'data': logits})


def scene_model(model, **entries):
    return SceneModel(model, spec(**entries), CLASSES, PALETTE, 'best.pth')


def scene_of(model, **paths):
    """The scene of these files, with the bands that a model wants."""
    bands = {name: entry.bands for name, entry in model.spec.modalities.items()}
    return find_scene(paths, bands)


def read_map(path):
    """(H, W) of a map, or (C, H, W)."""
    found = read_raw(path)
    return found[0] if len(found) == 1 else found
