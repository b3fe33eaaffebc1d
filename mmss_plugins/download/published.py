"""The published files: the archives of NoLDO-S12, and the images of SSL4EO-S12."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from typing import NamedTuple

from mmss_plugins.download.errors import DownloadError
from mmss_plugins.download.repository import RemoteFile

REPOSITORY = 'vikki23/NoLDO-S12'
PARTS = {
    'nol': ('ssl4eo_s12_nol.zip',),
    'dw': ('ssl4eo_s12_dw.zip',),
    'osm': ('ssl4eo_s12_osm.zip',),
    'checkpoints': tuple(
        f'weights-cromss-{bands}-{fusion}Fusion-epoch=199.ckpt'
        for bands in ('13B', '9B')
        for fusion in ('mid', 'late')
    ),
}
SSL4EO = 'ssl4eo'  # the part whose files are chosen by edition, modality and pattern


class Edition(NamedTuple):
    """One edition of SSL4EO-S12 on the hub.

    Args:
        repository: Where it is.
        folders: Modality to the pattern of its files.
        what: For the user.
    """

    repository: str
    folders: Mapping[str, str]
    what: str


_V11 = {'s1': '*/S1GRD/*', 's2c': '*/S2L1C/*', 's2a': '*/S2L2A/*'}
EDITIONS = {
    '1.0': Edition(
        'wangyi111/SSL4EO-S12',
        {'s1': 's1_grd/*.part*', 's2c': 's2_l1c/*.part*', 's2a': 's2_l2a/*.part*'},
        'GeoTIFFs in archives of some 500 GB a modality, in parts of 48 GB; all parts of a '
        'modality from partaa on are needed; mmss prepare noldo-pretrain --images reads them so',
    ),
    '1.1': Edition(
        'embed2scale/SSL4EO-S12-v1.1',
        _V11,
        'Zarr files in tar files of 512 locations each; mmss prepare noldo-pretrain --images '
        'reads them',
    ),
    '1.1-zarr': Edition(
        'embed2scale/SSL4EO-S12-v1.1-Zarr',
        _V11,
        'Zarr files of 64 locations each; mmss prepare noldo-pretrain --images reads them; their '
        'Sentinel-2 values carry an offset: --s2-offset 1000',
    ),
}
HOLDS = {
    'nol': (
        'ssl4eo_s12_nol.zip: label maps and index of SSL4EO-S12@NoL. It holds no images: '
        'pretraining needs those of SSL4EO-S12 too (part ssl4eo, some 500 GB a modality)'
    ),
    'dw': 'ssl4eo_s12_dw.zip: images and labels of SSL4EO-S12@DW',
    'osm': 'ssl4eo_s12_osm.zip: images and labels of SSL4EO-S12@OSM',
    'checkpoints': 'encoders pretrained by CromSS; mmss convert cromss reads them',
}


def describe(parts: Sequence[str], edition: str) -> list[str]:
    """What the parts hold, and what else is needed; a line each."""
    known = {**HOLDS, SSL4EO: f'SSL4EO-S12 v{edition}: {EDITIONS[edition].what}'}
    return [known[part] for part in dict.fromkeys(parts) if part in known]


def choose(parts: Sequence[str], there: Mapping[str, RemoteFile], where: str) -> list[RemoteFile]:
    """The files of parts of NoLDO-S12, each once.

    Raises:
        DownloadError: If one is not there.
    """
    names = dict.fromkeys(name for part in parts for name in PARTS.get(part, (part,)))
    missing = [name for name in names if name not in there]
    if missing:
        raise DownloadError(
            f'{where} has no file {", ".join(missing)}: give any of {", ".join(PARTS)}, {SSL4EO}, '
            f'or of {", ".join(sorted(there)) or "(nothing)"}'
        )
    return [there[name] for name in names]


def choose_images(
    edition: Edition,
    modalities: Sequence[str],
    patterns: Sequence[str],
    there: Mapping[str, RemoteFile],
    where: str,
) -> list[RemoteFile]:
    """The files of some modalities of SSL4EO-S12.

    Args:
        edition: Which one.
        modalities: Of 's1', 's2c', 's2a'.
        patterns: Only files whose name matches one of these, such as '*.partaa'; empty for all.
        there: Files of the repository.
        where: It, for messages.

    Raises:
        DownloadError: If a modality has no such file.
    """
    chosen = []
    for modality in dict.fromkeys(modalities):
        names = sorted(name for name in there if fnmatch(name, edition.folders[modality]))
        if not names:
            raise DownloadError(
                f'{where} has no file {edition.folders[modality]}, the images of {modality}: it '
                f'has {_sample(there)}'
            )
        matching = [
            name for name in names if not patterns or any(fnmatch(name, p) for p in patterns)
        ]
        if not matching:
            raise DownloadError(
                f'{where}: no file of {modality} matches {" ".join(patterns)}: there are '
                f'{_sample(names)}'
            )
        chosen += [there[name] for name in matching]
    return chosen


def _sample(names: Sequence[str] | Mapping[str, object]) -> str:
    names = sorted(names)
    return ', '.join(names[:3]) + (f' and {len(names) - 3} more' if len(names) > 3 else '')
