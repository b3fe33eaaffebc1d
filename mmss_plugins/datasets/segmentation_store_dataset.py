"""Any store of images and labels, without a class of its own."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from typing import ClassVar

from mmss_plugins.bands import SENSORS, BandSpec
from mmss_plugins.datasets.field_reader import FieldReader
from mmss_plugins.datasets.sensor_reader import SensorReader
from mmss_plugins.datasets.sentinel_store_dataset import MODALITIES, SentinelStoreDataset
from mmss_plugins.registry import DATASETS

GOLDEN = 0.618034  # steps of this share of the colour circle give colours far from each other


@DATASETS.register_module()
class SegmentationStoreDataset(SentinelStoreDataset):
    """Images of any bands with labels, as ``mmss prepare scenes`` and ``folder`` write them.

    Classes and palette are the store's, so there is no Python class to write. The store may hold
    Sentinel-1 (field 's1'), Sentinel-2 ('s2'), or other images ('image') with any number of bands;
    :class:`SentinelStoreDataset` describes a sample. Bands of Sentinel are normalised by the
    statistics of SSL4EO-S12, as pretrained encoders need it, others by the store's own.

    Args:
        data_root: The store.
        modality: Field of the store ('s1', 's2', 'image', or 's12' for both sensors); None for all
            of its images.
        bands: None for all, a sequence of names or indices, for Sentinel also a count; of several
            fields a dict.
        season: See :class:`SentinelStoreDataset`.
        normalize: 'clip8' (8-bit images stay as they are), 'standardise' or None.
        image_dtype: 'uint8' keeps 'clip8' images in 8 bits until the data preprocessor; 'float32'.
        label_field: None for images without labels.
        **kwargs: Of :class:`SentinelStoreDataset`.

    Raises:
        ValueError: If an option does not fit the store; the message names both.
    """

    PIXEL_SIZE: ClassVar[float | None] = None  # given by the store

    def __init__(
        self,
        data_root: str,
        modality: str | None = None,
        bands: BandSpec | Mapping[str, BandSpec] = None,
        normalize: str | None = 'clip8',
        image_dtype: str | None = None,
        **kwargs,
    ) -> None:
        if image_dtype is None:
            image_dtype = 'uint8' if normalize == 'clip8' else 'float32'
        super().__init__(
            data_root, modality, bands, normalize=normalize, image_dtype=image_dtype, **kwargs
        )

    def open_store(self, data_root: str, verify: bool):
        """The reader of the samples; the store's classes become those of the data set."""
        store = super().open_store(data_root, verify)
        classes = store.meta.classes
        if classes:
            palette = store.meta.palette or default_palette(len(classes))
            self.METAINFO = {'classes': classes, 'palette': [list(colour) for colour in palette]}
        return store

    def image_fields(self, modality: str | None) -> tuple[str, ...]:
        """The fields of the store that make the image, in the order of the channels."""
        fields = self.store.meta.fields
        images = tuple(name for name, spec in fields.items() if spec['kind'] == 'image')
        if modality is None:
            order = [name for name in SENSORS if name in images]
            return (*order, *(name for name in images if name not in order))
        chosen = MODALITIES.get(modality, (modality,))
        missing = [name for name in chosen if name not in images]
        if missing:
            raise ValueError(
                f'{self.store.path} has no images {", ".join(missing)}: it has '
                f'{", ".join(images)}; modality={modality!r} chooses some of these, None all'
            )
        return chosen

    def field_reader(
        self, name: str, bands: BandSpec, normalize: str | None, image_dtype: str
    ) -> SensorReader:
        """What chooses and normalises the bands of a field."""
        if name in SENSORS:
            return super().field_reader(name, bands, normalize, image_dtype)
        meta = self.store.meta
        statistics = (meta.info.get('statistics') or {}).get(name)
        try:
            return FieldReader(name, meta.fields[name], statistics, bands, normalize, image_dtype)
        except ValueError as error:
            raise ValueError(f'{self.store.path}: {error}') from error

    def _load_metainfo(self, metainfo: Mapping | None = None) -> dict:
        """Classes and palette of the store, with what the user gives."""
        return super()._load_metainfo({**self.METAINFO, **(metainfo or {})})


def default_palette(count: int) -> list[tuple[int, int, int]]:
    """Colours for classes that have none, RGB, each far from those beside it."""
    colours = [
        colorsys.hsv_to_rgb(index * GOLDEN % 1, 0.45 + 0.4 * (index % 2), 0.9)
        for index in range(count)
    ]
    return [(round(255 * r), round(255 * g), round(255 * b)) for r, g, b in colours]
