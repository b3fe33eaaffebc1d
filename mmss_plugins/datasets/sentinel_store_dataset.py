"""What the data sets over an LMDB store of Sentinel-1/2 patches have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from mmss_plugins.bands import BandSpec, sensor_of
from mmss_plugins.datasets.sensor_reader import SensorReader
from mmss_plugins.datasets.store_dataset import StoreDataset
from mmss_plugins.store.reader import ReadRequest

MODALITIES = {'s1': ('s1',), 's2': ('s2',), 's12': ('s1', 's2')}
CLEAN_LABEL_FIELD = 'clean_label'


class SentinelStoreDataset(StoreDataset):
    """Samples of an LMDB store as inputs of MM pipelines.

    A sample enters the pipeline with ``img`` (H, W, C), bands of all chosen modalities stacked in
    the order Sentinel-1, Sentinel-2, so that crop, flip and resize keep them aligned; and with
    ``gt_seg_map`` (H, W) uint8, 255 = ignored. There is no loading transform to write. In memory
    each band of ``img`` is contiguous, as it is stored and as the network takes it.

    Args:
        data_root: The store, as written by the preparation tools.
        modality: 's1', 's2' or 's12'.
        bands: Bands of the modality: None for all, a count or name of a band set (3, 9, 10, 12,
            13, 'rgb9'), or a sequence of band names or indices. With 's12' it is for Sentinel-2;
            give a dict (``dict(s1=..., s2=...)``) to choose both.
        season: Index of the season to read, or 'random' for one at random each time. Only for
            stores with seasons, and required there.
        normalize: 'clip8' ([0, 1]), 'standardise' (zero mean, unit variance) or None (physical
            units).
        image_dtype: 'float32', or 'uint8' to keep 'clip8' images in 8 bits until the data
            preprocessor (``mmss_plugins.MultiBandSegDataPreProcessor`` divides them by 255): a
            quarter of the traffic between loader workers, host and device.
        season_labels: Whether a sample also carries ``season_labels`` (T, H, W) uint8, the labels
            of all seasons of the place, and ``season_index``, which of them is its own: what
            ``mmss_plugins.SmoothingPrior`` needs. Only for stores with seasons.
        clean_labels: Whether a sample also carries ``clean_seg_map``, the true labels of its
            season. Only for stores with the field 'clean_label' (the synthetic data set's).
        **kwargs: Of :class:`StoreDataset` (``label_field``, None for images only; ``split_file``,
            ``holdout``, ``subset``, ``verify``) and of :class:`mmengine.dataset.BaseDataset`
            (``indices``, ``pipeline``, ``test_mode``, ``metainfo``, ``lazy_init``, ...).

    Raises:
        ValueError: If an option is unknown or does not fit the store; the message names both.
    """

    PIXEL_SIZE: ClassVar[float | None] = 10.0

    def __init__(
        self,
        data_root: str,
        modality: str | None = 's2',
        bands: BandSpec | Mapping[str, BandSpec] = None,
        season: int | str | None = None,
        normalize: str | None = 'clip8',
        image_dtype: str = 'float32',
        season_labels: bool = False,
        clean_labels: bool = False,
        **kwargs,
    ) -> None:
        self.modality = modality
        super().__init__(data_root, **kwargs)
        names = self.image_fields(modality)
        self.season = self._checked_season(season)
        self.season_labels = season_labels
        if season_labels and self.season is None:
            raise ValueError(f'{self.store.path} holds no seasons: omit season_labels')
        self.clean_labels = clean_labels
        if self.label_field is None and (season_labels or clean_labels):
            raise ValueError('season_labels and clean_labels need a label_field, but it is None')
        self._check_fields(*names, *([CLEAN_LABEL_FIELD] if clean_labels else []))
        choice = bands if isinstance(bands, Mapping) else {names[-1]: bands}
        unknown = set(choice) - set(names)
        if unknown:
            raise ValueError(
                f'bands are given for {sorted(unknown)}, but modality {modality!r} '
                f'has {list(names)}'
            )
        self.sensors = [
            self.field_reader(name, choice.get(name), normalize, image_dtype) for name in names
        ]
        self.channels = tuple(channel for sensor in self.sensors for channel in sensor.channels)

    def image_fields(self, modality: str | None) -> tuple[str, ...]:
        """The fields of the store that make the image, in the order of the channels."""
        if modality not in MODALITIES:
            raise ValueError(f'modality must be one of {list(MODALITIES)}, but got {modality!r}')
        return MODALITIES[modality]

    def field_reader(
        self, name: str, bands: BandSpec, normalize: str | None, image_dtype: str
    ) -> SensorReader:
        """What chooses and normalises the bands of a field."""
        field = self.store.meta.fields[name]
        sensor = sensor_of(name, field['unit'])
        return SensorReader(sensor, field, bands, normalize, image_dtype)

    def _checked_season(self, season: int | str | None) -> int | Literal['random'] | None:
        names = self.store.meta.seasons
        if not names:
            if season is not None:
                raise ValueError(
                    f'{self.store.path} holds no seasons, but season={season!r} was asked for: '
                    'omit season'
                )
            return None
        if season == 'random':
            return 'random'
        if isinstance(season, bool) or not isinstance(season, int) or not 0 <= season < len(names):
            raise ValueError(
                f'{self.store.path} holds {len(names)} seasons {list(names)}: season must be '
                f"0..{len(names) - 1} or 'random', but got {season!r}: set it in the data set, as "
                'season=0'
            )
        return season

    def load_sample(self, idx: int) -> dict:
        """Sample ``idx`` as the pipeline gets it."""
        info = self.get_data_info(idx)
        sample_id, index = info['sample_id'], self._draw_season()
        season = None if index is None else self.store.meta.seasons[index]
        requests = [sensor.request(season) for sensor in self.sensors]
        requests += self._label_requests(season)
        arrays = self.store.read(sample_id, requests)
        place = '/'.join([str(self.store.path), *([season] if season else []), sample_id])
        planes = []
        for sensor, image in zip(self.sensors, arrays, strict=False):
            _check_finite(image, sensor, place)
            planes.append(sensor.normalise(image))
        image = np.concatenate(planes).transpose(1, 2, 0)
        return {
            **self.image_results(info, image, place),
            'season': season,
            'seg_map_path': place,
            **self._label_results(arrays[len(self.sensors) :], index),
        }

    def _label_requests(self, season: str | None) -> list[ReadRequest]:
        """The noisy labels wanted, then the clean ones."""
        if self.label_field is None:
            return []
        seasons = self.store.meta.seasons if self.season_labels else (season,)
        requests = [ReadRequest(self.label_field, name) for name in seasons]
        if self.clean_labels:
            requests.append(ReadRequest(CLEAN_LABEL_FIELD, season))
        return requests

    def _label_results(self, labels: list[np.ndarray], index: int | None) -> dict:
        """What a sample carries of the label maps that were asked for."""
        if self.label_field is None:
            return {'seg_fields': []}
        if self._label_table is not None:
            labels = [self._label_table[label] for label in labels]
        results: dict = {'seg_fields': ['gt_seg_map']}
        if self.clean_labels:
            results['clean_seg_map'] = labels.pop()
            results['seg_fields'].append('clean_seg_map')
        results['gt_seg_map'] = labels[index if self.season_labels and index is not None else 0]
        if self.season_labels:
            results |= {'season_labels': np.stack(labels), 'season_index': index}
        return results

    def _draw_season(self) -> int | None:
        if self.season is None:
            return None
        if self.season == 'random':
            return int(np.random.randint(len(self.store.meta.seasons)))
        return self.season


def _check_finite(image: np.ndarray, sensor: SensorReader, place: str) -> None:
    """Refuse NaN and infinity: quantised to 8 bits they would look like valid values."""
    if image.dtype.kind == 'f' and not np.isfinite(image.sum(dtype=np.float64)):
        raise FloatingPointError(
            f'{place}: {sensor.sensor.name} holds values that are NaN or infinite: repair or '
            'omit this sample (split_file), or prepare the data again'
        )
