"""Which offset and level a Sentinel-2 product has, by its metadata or its name.

Products of processing baseline 04.00 and later (those made since 25 January 2022, and older scenes
that were processed again) hold reflectance x 10000 + 1000.
Source: Sentinel-2 Products Specification Document, issue 14.9, RADIO_ADD_OFFSET and BOA_ADD_OFFSET.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from mmss_plugins.raster.errors import RasterError

AUTO = 'auto'
OFFSET = 1000
FIRST_BASELINE = 400  # 04.00, as names of products spell it
MAX_BYTES = 16 << 20  # of a metadata file
PARENTS = 4  # folders above the images in which metadata are looked for (SAFE)
METADATA = ('MTD_MSIL1C.xml', 'MTD_MSIL2A.xml')
_PRODUCT_TAGS = ('PRODUCT_URI', 'PRODUCT_ID')
_ADDED = re.compile(rb'<(?:RADIO|BOA)_ADD_OFFSET\b[^>]*>\s*(-?\d+)\s*</')
_BASELINE = re.compile(rb'<PROCESSING_BASELINE>\s*(\d\d)\.(\d\d)\s*<')
_PRODUCT = re.compile(r'S2[A-D]_MSIL(?:1C|2A)_\d{8}T\d{6}_N(\d{4})_')
_TAG_BASELINE = re.compile(r'\d\d\.\d\d')
_ANY_BASELINE = re.compile(r'(\d{1,2})\.\d{1,2}')


def parse_offset(text: str) -> int | None:
    """``auto`` (None) or the offset, as a type of argparse."""
    if text == AUTO:
        return None
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'expected auto, 1000 or 0, but got {text}')
    return value


def find_offset(path: Path, tags: Mapping[str, str], declared: bool, seen: bool | None) -> int:
    """The offset of a scene whose files declare none.

    Args:
        path: The image, or the folder with a file per band.
        tags: Of the file.
        declared: Whether the file declares a scale of its values, so that they are whole without
            an offset if nothing else shows it.
        seen: Whether B10 shows the offset; None where there is no B10. For the message only, for
            clouds may look alike.

    Returns:
        0 or 1000, or what the metadata say.

    Raises:
        RasterError: If nothing shows it.
    """
    stated = stated_offset(path, tags)
    if stated is not None:
        return stated
    if declared and not seen:
        return 0
    hint = {None: '', True: '; B10 looks as if it did', False: '; B10 looks as if it did not'}[seen]
    raise RasterError(
        f'{path}: whether the values carry the offset of 1000 of processing baseline 04.00 is not '
        f'known: there is no {" or ".join(METADATA)} beside the file, and neither its name '
        f'(..._N0400_...) nor its tags say so{hint}: give --s2-offset 1000 or --s2-offset 0; where '
        'scenes differ, list them with the column s2_offset (--list)'
    )


def stated_offset(path: Path, tags: Mapping[str, str]) -> int | None:
    """The offset that metadata, names or tags of a scene state; None if they do not.

    Args:
        path: The image, or the folder with a file per band.
        tags: Of the file.

    Raises:
        RasterError: If metadata state one offset for some bands, another for others.
    """
    named = None if path.suffix.upper() == '.SAFE' else offset_of_name(path.name)
    for file in _metadata_files(path):
        found = _from_metadata(file)
        if found is not None and named not in (None, found):
            raise RasterError(
                f'{path}: its name gives an offset of {named}, but {file} beside it gives {found}: '
                'is that file of another product? Give --s2-offset 1000 or --s2-offset 0'
            )
        if found is not None:
            return found
    products = [str(tags.get(key, '')) for key in _PRODUCT_TAGS]
    for name in (*path.parts[::-1], *products):
        found = offset_of_name(name)
        if found is not None:
            return found
    upper = {key.upper(): str(value) for key, value in tags.items()}
    for key in ('RADIO_ADD_OFFSET', 'BOA_ADD_OFFSET'):
        if re.fullmatch(r'-?\d+(\.0+)?', upper.get(key, '')):
            return -int(float(upper[key]))
    tag = upper.get('PROCESSING_BASELINE', '')
    return offset_of_baseline(tag) if _TAG_BASELINE.fullmatch(tag) else None


def find_level(path: Path, tags: Mapping[str, str]) -> str | None:
    """The processing level of a scene, 'L1C' or 'L2A'; None if nothing shows it.

    Args:
        path: The image, or the folder with a file per band.
        tags: Of the file.
    """
    for file in _metadata_files(path):
        return 'L2A' if file.name == METADATA[1] else 'L1C'
    for name in (*path.parts[::-1], *(str(tags.get(key, '')) for key in _PRODUCT_TAGS)):
        match = _PRODUCT.search(name)
        if match:
            return 'L2A' if 'MSIL2A' in match[0] else 'L1C'
    return None


def offset_of_baseline(text: str) -> int | None:
    """The offset of a processing baseline such as '04.00'; None if the text is none."""
    match = _ANY_BASELINE.fullmatch(text)
    return None if match is None else OFFSET if int(match[1]) >= FIRST_BASELINE // 100 else 0


def offset_of_name(name: str) -> int | None:
    """The offset of a product by its name, in which the baseline stands; None without one."""
    match = _PRODUCT.search(name)
    return None if match is None else OFFSET if int(match[1]) >= FIRST_BASELINE else 0


def _metadata_files(path: Path) -> list[Path]:
    folder = path if path.is_dir() else path.parent
    folders = [folder]
    if any(part.upper().endswith('.SAFE') for part in folder.absolute().parts):
        while not folders[-1].name.upper().endswith('.SAFE') and len(folders) <= PARENTS:
            folders.append(folders[-1].absolute().parent)
    return [place / name for place in folders for name in METADATA if (place / name).is_file()]


def _from_metadata(file: Path) -> int | None:
    if file.stat().st_size > MAX_BYTES:
        return None
    content = file.read_bytes()
    added = {int(number) for number in _ADDED.findall(content)}
    if len(added) == 1:
        return -added.pop()
    if len(added) > 1:
        raise RasterError(
            f'{file}: expected one offset for all bands, but found {sorted(added)}: subtract them '
            'first, and give --s2-offset 0'
        )
    baseline = _BASELINE.search(content)
    if baseline is None:
        return None
    return OFFSET if int(baseline[1] + baseline[2]) >= FIRST_BASELINE else 0
