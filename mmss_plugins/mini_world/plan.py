"""What a world consists of, known before any of it is made: places, scenes, seeds and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import numpy as np

from mmss_plugins.bands import S1, S2

NOLDO, VALIDATION, TEST = 0, 1, 2  # streams of places; no place is in two of them
DFC_SPLITS = {'validation': VALIDATION, 'test': TEST}
INDEX_COLUMNS = ('ids', 'sub1', 'sub2', 'sub3', 'sub4')
INDEX_FILE = PurePosixPath('noldo/dw_complete_ids.csv')
MIN_SIZE = 24
SEASON_DAYS = (15, 110, 200, 290)  # of the year: winter, spring, summer, autumn


@dataclass(frozen=True)
class WorldOptions:
    """Everything that decides what a world looks like.

    Args:
        seed: Seed of the whole world. Defaults to 0.
        locations: Pretraining locations, each seen in four seasons. Defaults to 200.
        size: Their width and height in pixels of 10 m. Defaults to 96.
        dfc_train: Patches of the DFC2020 split 'validation', which trains. Defaults to 48.
        dfc_test: Patches of its split 'test'. Defaults to 48.
        dfc_size: Width and height of these. Defaults to ``size``.
        coding: 'raw' (uint16, float32) or 'clip8' (uint8, as distributed), for the
            pretraining images. Defaults to 'raw'.
        confusion: Factor on the rate of confused classes in noisy labels. Defaults to 1.
        borders: Factor on the smoothing of borders in noisy labels. Defaults to 1.

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

    def __post_init__(self) -> None:
        for name in ('seed', 'locations', 'dfc_train', 'dfc_test', 'confusion', 'borders'):
            if getattr(self, name) < 0:
                raise ValueError(f'{name} must be 0 or more, but got {getattr(self, name)}')
        for name in ('size', 'dfc_size'):
            if getattr(self, name) is not None and getattr(self, name) < MIN_SIZE:
                raise ValueError(
                    f'{name} must be {MIN_SIZE} or more, but got {getattr(self, name)}'
                )
        if self.coding not in ('raw', 'clip8'):
            raise ValueError(f"coding must be 'raw' or 'clip8', but got {self.coding!r}")

    @classmethod
    def from_dict(cls, values: dict) -> WorldOptions:
        """Options from what :meth:`to_dict` gave; unknown entries are left out."""
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

    def to_dict(self) -> dict:
        """All options as plain values."""
        return asdict(self)

    def places(self) -> list[tuple[int, int]]:
        """All (stream, index) pairs of the world, in order."""
        counts = {NOLDO: self.locations, VALIDATION: self.dfc_train, TEST: self.dfc_test}
        return [(stream, index) for stream, count in counts.items() for index in range(count)]


@dataclass(frozen=True)
class PlacePlan:
    """One place's identity.

    Args:
        stream: ``NOLDO``, ``VALIDATION`` or ``TEST``.
        index: Number of the place within its stream.
        season_scenes: (season, scene name) in order of acquisition; one only for DFC2020.
        epsg: Its UTM zone's EPSG code.
        origin: Easting and northing of its upper left corner, in metres.
    """

    stream: int
    index: int
    season_scenes: tuple[tuple[int, str], ...]
    epsg: int
    origin: tuple[float, float]


def place_rng(options: WorldOptions, stream: int, index: int, part: int) -> np.random.Generator:
    """The random numbers of one part of one place: the same whoever asks, and when."""
    return np.random.default_rng(np.random.SeedSequence([options.seed, stream, index, part]))


def plan_place(options: WorldOptions, stream: int, index: int) -> PlacePlan:
    """Where a place lies and when it is seen."""
    rng = place_rng(options, stream, index, 0)
    zone, col, row = 28 + index % 12, index // 12 % 12, index // 144 % 40
    epsg = 32600 + zone
    origin = (320_000.0 + 30_000 * col, 4_000_000.0 + 30_000 * (row + 40 * stream))
    tile = f'T{zone:02d}T' + ''.join(rng.choice(list('BCDEKLMNPQ'), 2))
    if stream == NOLDO:
        days = np.array(SEASON_DAYS) + rng.integers(-14, 26, 4)
        seasons = tuple(
            (season, _scene_name(rng, int(day), tile)) for season, day in enumerate(days)
        )
    else:
        season = int(rng.choice([1, 2, 3], p=[0.3, 0.45, 0.25]))
        seasons = ((season, _scene_name(rng, SEASON_DAYS[season], tile)),)
    return PlacePlan(stream, index, seasons, epsg, origin)


def _scene_name(rng: np.random.Generator, day: int, tile: str) -> str:
    start = datetime(2020, 1, 1) + timedelta(
        days=day, hours=10, minutes=int(rng.integers(5, 55)), seconds=int(rng.integers(60))
    )
    end = start + timedelta(seconds=int(rng.integers(0, 12)))
    return f'{start:%Y%m%dT%H%M%S}_{end:%Y%m%dT%H%M%S}_{tile}'


def noldo_files(plan: PlacePlan) -> Iterator[PurePosixPath]:
    """Paths of a pretraining location, relative to the world's folder."""
    root, place = PurePosixPath('noldo'), f'{plan.index:07d}'
    for _, scene in plan.season_scenes:
        yield from (root / 's1' / place / scene / f'{band}.tif' for band in S1.bands)
        yield from (root / 's2c' / place / scene / f'{band}.tif' for band in S2.bands)
        for labels in ('dw_noisy_labels', 'dw_clean_labels'):
            yield root / labels / place / scene / 'label.tif'


def dfc_files(plan: PlacePlan) -> tuple[PurePosixPath, PurePosixPath, PurePosixPath]:
    """Paths of a DFC2020 patch's radar, optical and label file, relative to the world's folder."""
    split = next(name for name, stream in DFC_SPLITS.items() if stream == plan.stream)
    root = PurePosixPath('dfc2020') / split
    radar, optical, labels = (
        root / f'{kind}_{split}' / f'ROIs0000_{split}_{kind}_0_p{plan.index}.tif'
        for kind in ('s1', 's2', 'dfc')
    )
    return radar, optical, labels


def world_files(options: WorldOptions) -> set[PurePosixPath]:
    """Every data file that a world of these options has, relative to its folder."""
    files = {INDEX_FILE} if options.locations else set()
    for stream, index in options.places():
        plan = plan_place(options, stream, index)
        files.update(noldo_files(plan) if stream == NOLDO else dfc_files(plan))
    return files
