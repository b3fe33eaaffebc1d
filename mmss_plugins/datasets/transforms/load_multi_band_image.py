"""The first step of test pipelines: what MMSegmentation's own inference API reads images with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import print_log

from mmss_plugins.bands import SENSORS, BandSpec
from mmss_plugins.datasets.sensor_reader import SensorReader
from mmss_plugins.raster import RasterError, check_units, find_bands, read_raster
from mmss_plugins.raster.band_names import says_nothing
from mmss_plugins.raster.units import carries_offset
from mmss_plugins.registry import TRANSFORMS

SENTINEL = {'s1': ('s1',), 's2': ('s2',), 's12': ('s1', 's2')}
AERIAL = 'aerial'
IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp')


# MMSegmentation's API looks for a step 'LoadImageFromFile' and, for arrays, renames it to one of
# the others: with _scope_='mmss_plugins' in the config it finds this class by each of these names.
@TRANSFORMS.register_module(
    name=['LoadImageFromFile', 'LoadImageFromNDArray', 'InferencerLoader', 'LoadMultiBandImage']
)
class LoadMultiBandImage(BaseTransform):
    """Read an image of any number of bands as the data sets over stores give it.

    Samples of our data sets, which come with their image, pass unchanged. For
    ``mmseg.apis.inference_model`` and ``MMSegInferencer`` this reads files (GeoTIFF; PNG and JPEG
    for RGB) or takes arrays, chooses the bands and normalises them. The settings are those of the
    test data set; the tools keep them alike::

        test_pipeline = [
            dict(type='LoadImageFromFile', _scope_='mmss_plugins', modality='s2', bands=9),
            dict(type='PackSegInputs')]

    Sentinel-2 is expected as reflectance x 10000, Sentinel-1 in dB; values of another unit are
    refused. Their 8-bit images are taken as quantised by 'clip8'. In files, bands are found by
    their descriptions; where there are none, and in arrays (H, W, C), they are all bands of the
    sensors, Sentinel-1 before Sentinel-2, or those of the network, in order. Arrays of colours are
    RGB, not OpenCV's BGR.

    Args:
        modality: 's1', 's2', 's12' or 'aerial'; None where only samples of data sets come, as the
            bands of their images are the store's.
        bands: As the data sets take them; of aerial images their names, such as 'RGB' or
            ('R', 'G', 'B').
        normalize: As :class:`~mmss_plugins.datasets.sentinel_store_dataset.SentinelStoreDataset`
            takes it; not for aerial images.
        image_dtype: Likewise.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        modality: str | None = None,
        bands: BandSpec | Mapping[str, BandSpec] = None,
        normalize: str | None = 'clip8',
        image_dtype: str = 'float32',
    ) -> None:
        if modality not in (*SENTINEL, AERIAL, None):
            raise ValueError(f'modality must be one of {[*SENTINEL, AERIAL]}, but got {modality!r}')
        self.modality, self.bands = modality, bands
        self.normalize, self.image_dtype = normalize, image_dtype
        self.channels: tuple[str, ...] = ()
        if modality is None:
            return
        if modality == AERIAL:
            names = _aerial_bands(bands)
            self.wanted, self.held = {AERIAL: names}, {AERIAL: names}
            self.channels = names
            return
        choice = bands if isinstance(bands, Mapping) else {SENTINEL[modality][-1]: bands}
        self._readers = {
            (name, scale): SensorReader(
                SENSORS[name],
                {'bands': list(SENSORS[name].bands), 'scale': scale},
                choice.get(name),
                normalize,
                image_dtype,
            )
            for name in SENTINEL[modality]
            for scale in ('raw', 'clip8')
        }
        readers = [self._readers[name, 'raw'] for name in SENTINEL[modality]]
        self.wanted = {reader.sensor.name: reader.bands for reader in readers}
        self.held = {name: tuple(SENSORS[name].bands) for name in self.wanted}
        self.channels = tuple(channel for reader in readers for channel in reader.channels)

    def transform(self, results: dict | str | np.ndarray) -> dict:
        """Add the image to what is known of it.

        Args:
            results: A sample of one of our data sets; a file or array; or a dict with ``img_path``
                or ``img``.

        Returns:
            With ``img`` (H, W, C), its shapes and ``channels``.

        Raises:
            ValueError: If the image is not what the network takes.
        """
        if not isinstance(results, dict):
            key = 'img' if isinstance(results, np.ndarray) else 'img_path'
            results = {key: results}
        if 'channels' in results:
            return results
        if self.modality is None:
            raise ValueError(
                'the config does not say which bands its images have: set modality (s1, s2, s12 or '
                'aerial), bands and normalize, as in training, in the step LoadImageFromFile of '
                'test_pipeline and of test_dataloader.dataset.pipeline, or use mmss predict'
            )
        path = results.get('img_path')
        where = 'the array' if 'img' in results else str(path)
        try:
            parts = self._of_array(results['img']) if 'img' in results else self._of_file(where)
            planes = [self._network_values(name, part, where) for name, part in parts.items()]
        except RasterError as error:
            raise ValueError(str(error)) from error
        image = np.concatenate(planes).transpose(1, 2, 0)
        shapes = {'img_shape': image.shape[:2], 'ori_shape': image.shape[:2]}
        return {
            **results,
            **shapes,
            'img': image if self.modality != AERIAL else np.ascontiguousarray(image),
            'img_path': path,
            'channels': self.channels,
            'reduce_zero_label': False,
            'seg_fields': [],
        }

    def _of_array(self, array: np.ndarray) -> dict[str, np.ndarray]:
        """The bands wanted (C, H, W) of each sensor of an array (H, W) or (H, W, C)."""
        array = array[..., None] if array.ndim == 2 else array
        if array.ndim != 3:
            raise ValueError(f'expected an array (H, W, C), but got the shape {array.shape}')
        planes = array.transpose(2, 0, 1)
        if array.dtype.kind == 'f' and not np.isfinite(array).all():
            raise ValueError('the array holds values that are NaN or infinite: fill them first')
        return {
            name: planes[[number - 1 for number in numbers]]
            for name, numbers in self._by_count(len(planes), 'the array').items()
        }

    def _of_file(self, path: str | Path) -> dict[str, np.ndarray]:
        """The bands wanted (C, H, W) of each sensor of a file."""
        if self.modality == AERIAL and Path(path).suffix.lower() in IMAGE_SUFFIXES:
            return self._of_array(mmcv.imread(str(path), channel_order='rgb'))
        raster = read_raster(path)
        names, colours = raster.descriptions, raster.colours
        if len(self.wanted) > 1 and says_nothing(names):
            numbers = self._by_count(len(names), str(path))
        else:
            numbers = {
                sensor: [*find_bands(path, names, bands, sensor=sensor, colours=colours).values()]
                for sensor, bands in self.wanted.items()
            }
        missing = int((~raster.valid).sum())
        if missing:
            raise ValueError(
                f'{path}: {missing} pixels have no data: mmss predict maps such scenes and '
                'leaves these pixels out'
            )
        return {name: raster.data[[n - 1 for n in each]] for name, each in numbers.items()}

    def _by_count(self, count: int, where: str) -> dict[str, list[int]]:
        """Numbers of the bands wanted, from 1, in an image without band names."""
        for layout in (self.wanted, self.held):
            there = [(name, band) for name, bands in layout.items() for band in bands]
            if count == len(there):
                return {
                    name: [there.index((name, band)) + 1 for band in bands]
                    for name, bands in self.wanted.items()
                }
        sizes = sorted({sum(map(len, layout.values())) for layout in (self.wanted, self.held)})
        raise ValueError(
            f'{where}: expected {" or ".join(map(str, sizes))} bands, for the network takes '
            f'{", ".join(self.channels)}, but found {count}'
        )

    def _network_values(self, name: str, image: np.ndarray, where: str) -> np.ndarray:
        if name == AERIAL:
            if image.dtype != np.uint8:
                raise ValueError(f'{where}: expected 8-bit values, but found {image.dtype}')
            return image
        bands = self.wanted[name]
        if image.dtype == np.float64 or (image.dtype.kind in 'iu' and image.dtype != np.uint8):
            image = image.astype(np.float32)
        check_units(image, name, bands, where)
        if name == 's2' and carries_offset(image, bands):
            print_log(
                f'{where}: B10 is near 1000, so Sentinel-2 seems to carry the offset of processing '
                'baseline 04.00, without which networks are trained: subtract 1000 from all bands',
                logger='current',
                level=logging.WARNING,
            )
        scale = 'clip8' if image.dtype == np.uint8 else 'raw'
        return self._readers[name, scale].normalise(image)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(modality={self.modality!r}, bands={self.bands!r}, '
            f'normalize={self.normalize!r}, image_dtype={self.image_dtype!r})'
        )


def _aerial_bands(bands: BandSpec | Mapping[str, BandSpec]) -> tuple[str, ...]:
    """Names of the bands of 'RGB', 'IRRG', 'RGBIR' or of a sequence."""
    from mmss_plugins.datasets.potsdam import BANDS

    if isinstance(bands, str):
        return BANDS[bands]
    if isinstance(bands, (int, Mapping)):
        raise ValueError(
            f'bands must be one of {list(BANDS)} or a list of names, but got {bands!r}'
        )
    return tuple(map(str, bands or ('R', 'G', 'B')))
