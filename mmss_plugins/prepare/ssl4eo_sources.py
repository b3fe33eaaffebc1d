"""Which source the images of SSL4EO-S12 come from: folders, archives, or Zarr files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmss_plugins.bands import S2, S2_L2A, Sensor
from mmss_plugins.prepare.scene_archive import SceneArchive
from mmss_plugins.prepare.ssl4eo_archives import ArchiveSupply
from mmss_plugins.prepare.ssl4eo_images import FolderLocation, MissingLocation
from mmss_plugins.prepare.ssl4eo_layout import KINDS, S1, S2A, S2C, Layout
from mmss_plugins.prepare.ssl4eo_loader import Place
from mmss_plugins.prepare.ssl4eo_zarr import find_locations, has_cloud_mask
from mmss_plugins.utils.errors import PrepareUsageError

LEVELS: dict[str, Sensor] = {S2C: S2, S2A: S2_L2A}  # of --s2
OFFSET_NOTE = (
    'the Zarr files of 64 locations each (embed2scale/SSL4EO-S12-v1.1-Zarr) are published with '
    '+1000 added to Sentinel-2, and L2A has no B10 that would show it: if these are such, make the '
    'store again with --s2-offset 1000 --overwrite'
)


@dataclass(frozen=True)
class Source:
    """Where images come from.

    Args:
        places: The locations of the index, with their images unless a supply brings them.
        supply: Brings the images, if they are in archives.
        clouds: Whether there are cloud masks.
        notes: Warnings for the summary.
    """

    places: list[Place]
    supply: ArchiveSupply | None = None
    clouds: bool = False
    notes: tuple[str, ...] = ()


def find_source(
    layout: Layout, level: str, places: Sequence[Place], out: Path, s2_offset: int
) -> Source:
    """Choose the source: exactly one for each sensor.

    Args:
        layout: What was found.
        level: 's2c' or 's2a'.
        places: The locations wanted.
        out: The store.
        s2_offset: What is subtracted.

    Raises:
        PrepareUsageError: If there is none, or more than one.
    """
    archives = [SceneArchive(parts) for parts in layout.archives]
    wanted = {'s1': S1, 's2': level}
    found: dict[str, list[Path | SceneArchive | list[Path]]] = {
        sensor: [
            *layout.folders.get(kind, []),
            *(archive for archive in archives if archive.kind == kind),
            *([layout.zarr[kind]] if kind in layout.zarr else []),
        ]
        for sensor, kind in wanted.items()
    }
    for sensor, candidates in found.items():
        if not candidates:
            raise PrepareUsageError(_missing(layout, wanted[sensor], archives))
        if len(candidates) > 1:
            shown = ' and '.join(str(c[0] if isinstance(c, list) else c) for c in candidates[:2])
            raise PrepareUsageError(
                f'more than one source of {KINDS[wanted[sensor]]}: {shown}: name one with --images'
            )
    chosen = {sensor: found[sensor][0] for sensor in wanted}
    s1, s2 = chosen['s1'], chosen['s2']
    if isinstance(s1, list) and isinstance(s2, list):
        return _zarr_source(places, s1, s2, level, s2_offset)
    zarr = [files for files in (s1, s2) if isinstance(files, list)]
    if zarr:
        raise PrepareUsageError(
            'expected both sensors of one version of SSL4EO-S12, but found Zarr files (v1.1) of '
            f'one of them only: {zarr[0][0]}'
        )
    if isinstance(s1, Path) and isinstance(s2, Path):
        return Source(
            [
                place._replace(images=FolderLocation(s1 / place.sample_id, s2 / place.sample_id))
                for place in places
            ]
        )
    supplies = {name: some for name, some in chosen.items() if not isinstance(some, list)}
    return Source(list(places), ArchiveSupply(supplies, out))


def _zarr_source(
    places: Sequence[Place], s1: list[Path], s2: list[Path], level: str, s2_offset: int
) -> Source:
    wanted = {place.sample_id for place in places}
    found = find_locations({'s1': s1, 's2': s2}, wanted.__contains__)
    where = f'{s2[0].parent}, {s1[0].parent}'
    placed = [
        place._replace(
            images=found.get(place.sample_id)
            or MissingLocation(f'{where}: no location {place.sample_id} in the Zarr files there')
        )
        for place in places
    ]
    first = next(iter(found.values()), None)
    chunked = first is not None and first.s2_row is not None
    notes = (OFFSET_NOTE,) if chunked and level == S2A and not s2_offset else ()
    return Source(placed, clouds=first is not None and has_cloud_mask(first), notes=notes)


def _missing(layout: Layout, kind: str, archives: Sequence[SceneArchive]) -> str:
    there = [str(folder) for folders in layout.folders.values() for folder in folders]
    there += [str(archive) for archive in archives]
    there += [str(files[0].parent) for files in layout.zarr.values()]
    unreadable = [archive.error for archive in archives if archive.error is not None]
    if unreadable:
        return unreadable[0]
    other = {S2C: S2A, S2A: S2C}.get(kind)
    archived = {archive.kind for archive in archives}
    if other and (other in layout.folders or other in layout.zarr or other in archived):
        return (
            f'no {KINDS[kind]}, but {KINDS[other]}: --s2 {other} takes that processing level, '
            'which has statistics of its own'
        )
    return (
        f'no images of {KINDS[kind]} found, but {", ".join(there) or "nothing of SSL4EO-S12"}. The '
        'archives of NoLDO-S12 hold labels only: images are a download of their own '
        '(mmss download noldo ssl4eo), and --images says where they are'
    )
