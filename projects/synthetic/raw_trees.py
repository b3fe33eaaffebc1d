"""Writing a place as GeoTIFFs, exactly in the layout of the real data sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import rasterio

from mmss_plugins.bands import S1, S2
from mmss_plugins.store.normalisation import clip8
from projects.synthetic import label_noise, optical, sar
from projects.synthetic.grids import Grid, map_grid, optical_grid, sar_grid
from projects.synthetic.landscape import Place, make_place
from projects.synthetic.materials import CLASSES, DFC_NUMBERS
from projects.synthetic.plan import (
    METADATA,
    NOLDO,
    PlacePlan,
    SyntheticOptions,
    dfc_files,
    noldo_folders,
    place_rng,
    plan_place,
)
from projects.synthetic.products import optical_metadata, sar_metadata

SHORT_LABELS = 5  # every so many locations, the labels have one row less


def write_place(root: Path, options: SyntheticOptions, stream: int, index: int) -> np.ndarray:
    """Make one place and write all its files.

    Args:
        root: The data set's folder.
        options: The data set's options.
        stream: ``plan.NOLDO``, ``plan.VALIDATION`` or ``plan.TEST``.
        index: Number of the place in its stream.

    Returns:
        (9, 9) int64: pixels by true and noisy class (for DFC2020 true and true), all seasons.
    """
    plan = plan_place(options, stream, index)
    size = options.size if stream == NOLDO else options.dfc_size or options.size
    place = make_place(place_rng(options, stream, index, 1), size)
    write = _write_noldo if stream == NOLDO else _write_dfc
    return write(root, options, plan, place)


def lasting_seed(options: SyntheticOptions, plan: PlacePlan) -> int:
    """Seed of what does not change between the acquisitions of a place."""
    return int(place_rng(options, plan.stream, plan.index, 2).integers(2**63))


def _write_noldo(
    root: Path, options: SyntheticOptions, plan: PlacePlan, place: Place
) -> np.ndarray:
    confusion = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    lasting = lasting_seed(options, plan)
    noise = label_noise.NoiseSettings(options.confusion, options.borders)
    for season, scene in plan.season_scenes:
        rng = place_rng(options, plan.stream, plan.index, 10 + season)
        backscatter = sar.observe(place, season, rng, lasting)
        bands = optical.native_bands(optical.observe(place, season, rng, lasting), rng)
        true = place.label_in(season)
        noisy = label_noise.corrupt(true, place.instance, season, rng, noise)
        rows = place.size - (plan.index % SHORT_LABELS == SHORT_LABELS - 1)
        nearest = ((np.arange(rows) + 0.5) * place.size / rows).astype(int)
        true, noisy = (place.crop(label)[nearest] for label in (true, noisy))
        folders = {kind: root / path for kind, path in noldo_folders(plan, season).items()}
        for folder, sensor, images in (
            (folders['s1'], S1, list(backscatter)),
            (folders['s2c'], S2, bands),
        ):
            for band, image in enumerate(images):
                if options.coding == 'clip8':
                    image = clip8(image[None], (sensor.mean[band],), (sensor.std[band],))[0]
                factor = sensor.resolutions[band] // 10
                grid = sar_grid(plan) if sensor is S1 else optical_grid(plan, factor)
                write_geotiff(folder / f'{sensor.bands[band]}.tif', image[None], grid)
        for kind, label in (('dw_noisy_labels', noisy), ('dw_clean_labels', true)):
            grid = optical_grid(plan, taller=place.size / rows)
            write_geotiff(folders[kind] / 'label.tif', label[None], grid)
        details = place_rng(options, plan.stream, plan.index, 20 + season)
        sar_entries = sar_metadata(folders['s1'].name, plan.epsg)
        optical_entries = optical_metadata(scene, optical.SUN_ELEVATION[season], details)
        for kind, entries in (('s1', sar_entries), ('s2c', optical_entries)):
            write_text(folders[kind] / METADATA, json.dumps(entries, sort_keys=True))
        np.add.at(confusion, (true, noisy), 1)
    return confusion


def _write_dfc(root: Path, options: SyntheticOptions, plan: PlacePlan, place: Place) -> np.ndarray:
    confusion = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    lasting = lasting_seed(options, plan)
    (season, _), *_ = plan.season_scenes
    rng = place_rng(options, plan.stream, plan.index, 10 + season)
    backscatter = sar.observe(place, season, rng, lasting)
    bands = optical.native_bands(optical.observe(place, season, rng, lasting), rng)
    true = place.crop(place.label_in(season))
    images = (
        backscatter.astype(np.float64),
        optical.stack_bands(bands, place.size),
        DFC_NUMBERS[true][None],
    )
    for path, image in zip(dfc_files(plan), images, strict=True):
        write_geotiff(root / path, image, map_grid(plan))
    np.add.at(confusion, (true, true), 1)
    return confusion


def write_geotiff(path: Path, image: np.ndarray, grid: Grid, compress: str | None = None) -> None:
    """Write one GeoTIFF; it appears under its name only when it is complete.

    Args:
        path: The file; missing folders are made.
        image: (bands, H, W).
        grid: Where on Earth it lies.
        compress: GDAL's name of a compression. Defaults to none.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = image.shape
    part = path.with_name(path.name + '.part')
    with rasterio.open(
        part,
        'w',
        driver='GTiff',
        count=count,
        height=height,
        width=width,
        dtype=image.dtype.name,
        crs=grid.crs,
        transform=grid.transform,
        **({'compress': compress} if compress else {}),
    ) as file:
        file.write(image)
    part.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a small text file; it appears under its name only when it is complete."""
    part = path.with_name(path.name + '.part')
    part.write_text(text, encoding='utf-8')
    part.replace(path)
