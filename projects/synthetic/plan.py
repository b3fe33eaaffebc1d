"""Plan of a synthetic data set, before it is generated: places, scenes, seeds and files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import numpy as np

from mmss_plugins.bands import S1, S2
from projects.synthetic.products import optical_scene, optical_tile, sar_scenes

NOLDO, VALIDATION, TEST = 0, 1, 2  # streams of places; no place is in two of them
POTSDAM = {3: 'train', 4: 'test'}  # streams of tiles
LOVEDA = {  # streams of images
    5: ('Train', 'Urban'),
    6: ('Train', 'Rural'),
    7: ('Val', 'Urban'),
    8: ('Val', 'Rural'),
    9: ('Test', 'Urban'),
    10: ('Test', 'Rural'),
}
DOWNSTREAM = {11: 'dw_train', 12: 'dw_test', 13: 'osm_train', 14: 'osm_test'}  # streams of tiles
PARTS = ('sentinel', 'dw', 'osm', 'potsdam', 'loveda')
MOST = {  # as many as the real data sets have names for
    'potsdam_train': 24,
    'potsdam_test': 14,
    'loveda_train': 1156,
    'loveda_val': 677,
    'loveda_test': 820,
}
DFC_SPLITS = {'validation': VALIDATION, 'test': TEST}
INDEX_COLUMNS = ('ids', 'sub1', 'sub2', 'sub3', 'sub4')
NOLDO_IMAGES = PurePosixPath('noldo/ssl4eo_s12')  # a download of its own
NOLDO_LABELS = PurePosixPath('noldo/ssl4eo_s12_nol')
INDEX_FILE = NOLDO_LABELS / 'dw_complete_ids.csv'
METADATA = 'metadata.json'
MIN_SIZE = 24
SEASON_DAYS = (15, 110, 200, 290)  # of the year: winter, spring, summer, autumn
YEARS = (2020, 2021)


@dataclass(frozen=True)
class SyntheticOptions:
    """Everything that determines a synthetic data set.

    Args:
        seed: Seed of the whole data set. Defaults to 0.
        locations: Pretraining locations, each seen in four seasons. Defaults to 200.
        size: Their width and height in pixels of 10 m. Defaults to 96.
        dfc_train: Patches of the DFC2020 split 'validation', which trains. Defaults to 48.
        dfc_test: Patches of its split 'test'. Defaults to 48.
        dfc_size: Width and height of these. Defaults to ``size``.
        coding: 'raw' (uint16, float32) or 'clip8' (uint8, as distributed), for the
            pretraining images. Defaults to 'raw'.
        confusion: Factor on the rate of confused classes in noisy labels. Defaults to 1.
        borders: Factor on the smoothing of borders in noisy labels. Defaults to 1.
        dw_train: Tiles of the split dw_train. Defaults to 24.
        dw_test: Of dw_test. Defaults to 24.
        osm_train: Of osm_train. Defaults to 24.
        osm_test: Of osm_test. Defaults to 24.
        downstream_size: Width and height of the test tiles of these; those for training have 2
            pixels less. The real ones have 512 and 510. Defaults to 128.
        parts: Which of ``PARTS`` the data set has; the options of others have no effect. Defaults
            to 'sentinel', the places above.
        potsdam_train: Tiles of Potsdam's training split, at most 24. Defaults to 24.
        potsdam_test: Tiles of its test split, at most 14. Defaults to 14.
        tile_size: Width and height of a tile in pixels. Defaults to 600.
        tile_metres: Size of its pixels; the real ones have 0.05. Defaults to 0.2.
        loveda_train: Images of LoveDA's split Train, of either scene. Defaults to 24.
        loveda_val: Of Val. Defaults to 8.
        loveda_test: Of Test, which has no masks. Defaults to 4.
        loveda_size: Width and height of an image in pixels. Defaults to 512.
        loveda_metres: Size of its pixels; the real ones have 0.3. Defaults to 0.5.

    Raises:
        ValueError: If an option is out of range.
    """

    seed: int = 0
    locations: int = 200
    size: int = 96
    dfc_train: int = 48
    dfc_test: int = 48
    dfc_size: int | None = None
    coding: str = 'raw'
    confusion: float = 1.0
    borders: float = 1.0
    dw_train: int = 24
    dw_test: int = 24
    osm_train: int = 24
    osm_test: int = 24
    downstream_size: int = 128
    parts: tuple[str, ...] = ('sentinel',)
    potsdam_train: int = 24
    potsdam_test: int = 14
    tile_size: int = 600
    tile_metres: float = 0.2
    loveda_train: int = 24
    loveda_val: int = 8
    loveda_test: int = 4
    loveda_size: int = 512
    loveda_metres: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, 'parts', tuple(self.parts))  # a list when read from JSON
        if not self.parts or not set(self.parts) <= set(PARTS):
            raise ValueError(f'parts must be some of {", ".join(PARTS)}, but got {self.parts}')
        counts = ('locations', 'dfc_train', 'dfc_test', *DOWNSTREAM.values(), *MOST)
        for name in ('seed', 'confusion', 'borders', *counts):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f'{name} must be 0 or more, but got {getattr(self, name)}')
        for name, most in MOST.items():
            if getattr(self, name) > most:
                raise ValueError(f'{name} must be {most} or less, but got {getattr(self, name)}')
        for name in ('tile_metres', 'loveda_metres'):
            if not 0.02 <= getattr(self, name) <= 1:
                raise ValueError(f'{name} must be 0.02 to 1, but got {getattr(self, name)}')
        for name in ('size', 'dfc_size', 'downstream_size', 'tile_size', 'loveda_size'):
            if getattr(self, name) is not None and getattr(self, name) < MIN_SIZE:
                raise ValueError(
                    f'{name} must be {MIN_SIZE} or more, but got {getattr(self, name)}'
                )
        if self.coding not in ('raw', 'clip8'):
            raise ValueError(f"coding must be 'raw' or 'clip8', but got {self.coding!r}")

    @classmethod
    def from_dict(cls, values: dict) -> SyntheticOptions:
        """Options from the result of :meth:`to_dict`; unknown entries are ignored."""
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

    def to_dict(self) -> dict:
        """All options as plain values."""
        return asdict(self)

    def places(self) -> list[tuple[int, int]]:
        """All (stream, index) pairs of the data set, in order."""
        return [
            (stream, index) for stream, count in self.counts().items() for index in range(count)
        ]

    def counts(self) -> dict[int, int]:
        """Places of each stream that the data set has."""
        counts = {}
        if 'sentinel' in self.parts:
            counts |= {NOLDO: self.locations, VALIDATION: self.dfc_train, TEST: self.dfc_test}
        for stream, split in DOWNSTREAM.items():
            if split.partition('_')[0] in self.parts:
                counts[stream] = getattr(self, split)
        if 'potsdam' in self.parts:
            counts |= {s: getattr(self, f'potsdam_{split}') for s, split in POTSDAM.items()}
        if 'loveda' in self.parts:
            for stream, (split, _) in LOVEDA.items():
                counts[stream] = getattr(self, f'loveda_{split.lower()}')
        return counts


@dataclass(frozen=True)
class PlacePlan:
    """One place's identity.

    Args:
        stream: ``NOLDO``, ``VALIDATION``, ``TEST`` or of ``DOWNSTREAM``.
        index: Number of the place within its stream.
        season_scenes: (season, Sentinel-2 scene name) in order of the seasons; one only but for
            pretraining.
        epsg: Its UTM zone's EPSG code.
        origin: Easting and northing of its upper left corner, in metres.
        sar_scenes: Sentinel-1 scene name of each season; empty but for pretraining.
    """

    stream: int
    index: int
    season_scenes: tuple[tuple[int, str], ...]
    epsg: int
    origin: tuple[float, float]
    sar_scenes: tuple[str, ...] = ()


def place_rng(options: SyntheticOptions, stream: int, index: int, part: int) -> np.random.Generator:
    """The random numbers of one part of one place: the same whoever asks, and when."""
    return np.random.default_rng(np.random.SeedSequence([options.seed, stream, index, part]))


def plan_place(options: SyntheticOptions, stream: int, index: int) -> PlacePlan:
    """Where a place lies and when it is seen."""
    rng = place_rng(options, stream, index, 0)
    west, north = (1, stream - min(DOWNSTREAM)) if stream in DOWNSTREAM else (28, stream)
    zone, col, row = west + index % 12, index // 12 % 12, index // 144 % 40
    epsg = 32600 + zone
    origin = (320_000.0 + 30_000 * col, 4_000_000.0 + 30_000 * (row + 40 * north))
    tile = optical_tile(rng, epsg, origin[1])
    if stream == NOLDO:
        years, days = rng.choice(YEARS, 4), np.array(SEASON_DAYS) + rng.integers(-14, 26, 4)
        dates = [_date(int(year), int(day)) for year, day in zip(years, days, strict=True)]
        scenes = tuple(
            (season, optical_scene(rng, date, epsg, tile)) for season, date in enumerate(dates)
        )
        return PlacePlan(stream, index, scenes, epsg, origin, sar_scenes(rng, dates, epsg))
    season = int(rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25]))
    scene = optical_scene(rng, _date(YEARS[0], SEASON_DAYS[season]), epsg, tile)
    return PlacePlan(stream, index, ((season, scene),), epsg, origin)


def _date(year: int, day: int) -> datetime:
    return datetime(year, 1, 1) + timedelta(days=day)


def noldo_folders(plan: PlacePlan, season: int) -> dict[str, PurePosixPath]:
    """Folders of a pretraining location in a season, relative to the data set's folder.

    Args:
        plan: Of the location.
        season: 0 winter to 3 autumn.

    Returns:
        's1', 's2c', 'dw_noisy_labels' and 'dw_clean_labels' to the scene's folder.
    """
    place, scene = f'{plan.index:07d}', plan.season_scenes[season][1]
    return {
        's1': NOLDO_IMAGES / 's1' / place / plan.sar_scenes[season],
        's2c': NOLDO_IMAGES / 's2c' / place / scene,
        **{
            kind: NOLDO_LABELS / kind / place / scene
            for kind in ('dw_noisy_labels', 'dw_clean_labels')
        },
    }


def noldo_files(plan: PlacePlan) -> Iterator[PurePosixPath]:
    """Paths of a pretraining location, relative to the data set's folder."""
    bands = {'s1': S1.bands, 's2c': S2.bands}
    for season, _ in plan.season_scenes:
        for kind, folder in noldo_folders(plan, season).items():
            yield from (folder / f'{name}.tif' for name in bands.get(kind, ['label']))
            if kind in bands:
                yield folder / METADATA


def dfc_files(plan: PlacePlan) -> tuple[PurePosixPath, PurePosixPath, PurePosixPath]:
    """Paths of a DFC2020 patch's SAR, optical and label file, relative to the data set's folder."""
    split = next(name for name, stream in DFC_SPLITS.items() if stream == plan.stream)
    root = PurePosixPath('dfc2020') / f'ROIs0000_{split}'
    folder = '0' if split == 'test' else split
    sar, optical, labels = (
        root / f'{kind}_{folder}' / f'ROIs0000_{split}_{kind}_0_p{plan.index}.tif'
        for kind in ('s1', 's2', 'dfc')
    )
    return sar, optical, labels


def downstream_name(plan: PlacePlan) -> str:
    """``{lon}_{lat}-{yyyymmdd}`` of a downstream tile: its upper left corner, and its date."""
    from rasterio.warp import transform

    (lon,), (lat,) = transform(f'EPSG:{plan.epsg}', 'EPSG:4326', *([part] for part in plan.origin))
    return f'{lon:.4f}_{lat:.4f}-{plan.season_scenes[0][1][:8]}'


def downstream_files(plan: PlacePlan) -> dict[str, PurePosixPath]:
    """Kind of file to its path, relative to the data set's folder.

    Kinds are 's1', 's2' and 'dw', in the OSM splits 'osm' too.
    """
    split, name = DOWNSTREAM[plan.stream], downstream_name(plan)
    folders = {'s1': 'image_s1', 's2': 'image_s2', 'dw': 'label_dw'}
    folders |= {'osm': 'label_osm'} if split.startswith('osm') else {}
    root = PurePosixPath('noldo_downstream') / f'ssl4eo_s12_{split.partition("_")[0]}' / split
    return {kind: root / folder / f'{kind}_{name}.tif' for kind, folder in folders.items()}


def data_set_files(options: SyntheticOptions) -> set[PurePosixPath]:
    """Every data file that a data set of these options has, relative to its folder."""
    from projects.synthetic.aerial.files import aerial_files

    files = {INDEX_FILE} if options.counts().get(NOLDO) else set()
    for stream, index in options.places():
        if stream in POTSDAM or stream in LOVEDA:
            files.update(aerial_files(stream, index).values())
            continue
        plan = plan_place(options, stream, index)
        if stream in DOWNSTREAM:
            files.update(downstream_files(plan).values())
        else:
            files.update(noldo_files(plan) if stream == NOLDO else dfc_files(plan))
    return files
