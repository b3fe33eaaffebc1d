"""Patches of scenes as samples of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmss_plugins.bands import sensor_statistics
from mmss_plugins.land_cover import IGNORE_INDEX
from mmss_plugins.prepare import vector_labels
from mmss_plugins.prepare.band_choice import BandChoice
from mmss_plugins.prepare.band_scaling import Scaling
from mmss_plugins.prepare.class_map import ClassMap
from mmss_plugins.prepare.image_files import pixel_info
from mmss_plugins.prepare.images import check_type
from mmss_plugins.prepare.raster_labels import read_label
from mmss_plugins.prepare.scene_reading import SceneDate, ValueOptions, read_date
from mmss_plugins.prepare.vector_labels import VectorOptions
from mmss_plugins.raster.padding import pad
from mmss_plugins.raster.windows import Window
from mmss_plugins.store.creation.cirrus import mean_cirrus
from mmss_plugins.store.creation.errors import UnwantedSample
from mmss_plugins.store.creation.plan import Loaded
from mmss_plugins.store.fields import band_field, label_field
from mmss_plugins.store.normalisation import clip8
from mmss_plugins.store.reader import StoreMeta

LABEL = 'label'


class ScenePatch(NamedTuple):
    """A part of a place.

    Args:
        sample_id: Of the sample.
        dates: The scenes of the place, one per season.
        window: What is read.
        padded: Its position, and the size that it is padded to.
        split: Of the sample.
    """

    sample_id: str
    dates: tuple[SceneDate, ...]
    window: Window
    padded: Window
    split: str


@dataclass(frozen=True)
class SampleOptions:
    """How patches become samples: picklable.

    Args:
        values: What the values of the scenes are.
        classes: Of the labels; None without labels.
        vector: How polygons are rasterised; None for raster labels.
        assume_aligned: Labels have the pixels of the image, whatever their georeference is.
        max_nodata: Largest share of pixels without data in a patch.
        min_labelled: Least share of pixels with a label in a patch; at least one pixel must have.
        quantise: Store Sentinel images in 8 bits.
        bands: Of other images.
        scaling: Of other images.
        seasons: Names; empty for a store without seasons.
    """

    values: ValueOptions
    classes: ClassMap | None
    vector: VectorOptions | None = None
    assume_aligned: bool = False
    max_nodata: float = 1.0
    min_labelled: float = 0.0
    quantise: bool = False
    bands: BandChoice | None = None
    scaling: Scaling | None = None
    seasons: tuple[str, ...] = ()


def load_sample(
    patch: ScenePatch, types: Mapping[str, str] | None, options: SampleOptions
) -> Loaded:
    """Read all images and labels of a patch.

    Returns:
        Arrays of s1, s2 or image (C, H, W), and label (H, W), per season if there are seasons.
        Pixels without data are ignored in the label.

    Raises:
        UnwantedSample: If there is too little data, or no label.
        RasterError: If a file is not as it should be.
    """
    arrays: dict[Any, np.ndarray] = {}
    cirrus: dict[str, float] = {}
    labelled = []
    for number, date in enumerate(patch.dates):
        images, valid = read_date(date, patch.window, options.values, options.bands)
        if 1 - valid.mean() > options.max_nodata or not valid.any():
            raise UnwantedSample(
                f'more than {100 * options.max_nodata:g} % of the pixels hold no data'
                if valid.any()
                else 'no pixel holds data'
            )
        if 's2' in images:
            cirrus |= mean_cirrus(patch.sample_id, images['s2'], date.bands['s2'])
        season = options.seasons[number] if options.seasons else None
        fields = {
            name: pad(_stored(image, name, date, options), _shape(patch))
            for name, image in images.items()
        }
        for name, image in fields.items():
            check_type(image, name, types, date.pair.images[name])
        if options.classes is not None:
            label = np.where(
                valid, _label(patch, date, options, options.classes), np.uint8(IGNORE_INDEX)
            )
            labelled.append(float((label != IGNORE_INDEX).mean()))
            fields[LABEL] = pad(label, _shape(patch), IGNORE_INDEX)
        arrays |= {(season, k) if season else k: v for k, v in fields.items()}
    if labelled and (max(labelled) == 0 or max(labelled) < options.min_labelled):
        raise UnwantedSample(
            f'less than {100 * options.min_labelled:g} % of the pixels have a label'
            if max(labelled)
            else 'no pixel has a label'
        )
    return Loaded(arrays, cirrus)


def _shape(patch: ScenePatch) -> tuple[int, int]:
    return patch.padded.height, patch.padded.width


def _stored(image: np.ndarray, name: str, date: SceneDate, options: SampleOptions) -> np.ndarray:
    if options.scaling is not None:
        return options.scaling.apply(image)
    if options.quantise:
        return clip8(image, *sensor_statistics(date.sensor(name), date.bands[name]))
    return image


def _label(
    patch: ScenePatch, date: SceneDate, options: SampleOptions, classes: ClassMap
) -> np.ndarray:
    path = date.label
    if options.vector is None:
        return read_label(path, date.grid, patch.window, classes, options.assume_aligned)
    polygons = vector_labels.kept_polygons(path, date.grid, options.vector)
    split = patch.split if options.vector.split_attribute else None
    return vector_labels.rasterise(
        polygons, date.grid, patch.window, classes, options.vector, path, split
    )


def describe(
    arrays: Mapping[Any, np.ndarray],
    split: str,
    bands: Mapping[str, Sequence[str]],
    units: Mapping[str, str],
    options: SampleOptions,
    made_with: Mapping[str, Any],
    pixel_size: float | None = None,
) -> StoreMeta:
    """The description of a split's store, its types being those of ``arrays``."""
    fields, info = {}, {}
    for key, array in arrays.items():
        name = key if isinstance(key, str) else key[1]
        if name == LABEL:
            fields[name] = label_field()
        elif options.scaling is not None:
            fields[name] = options.scaling.field(bands[name], array.dtype)
            info = {'statistics': {name: options.scaling.statistics}}
        else:
            scale = 'clip8' if options.quantise else 'raw'
            fields[name] = band_field(bands[name], array.dtype, units[name], scale)
    classes = options.classes
    return StoreMeta(
        dataset='scenes',
        split=split,
        fields=fields,
        classes=classes.classes if classes else (),
        palette=tuple((r, g, b) for r, g, b in classes.palette) if classes else (),
        seasons=options.seasons,
        source=dict(made_with),
        info={**info, **pixel_info(pixel_size)},
    )


def label_files(patches: Sequence[ScenePatch]) -> set[Path]:
    """The label files of some patches."""
    return {date.pair.label for patch in patches for date in patch.dates if date.pair.label}
