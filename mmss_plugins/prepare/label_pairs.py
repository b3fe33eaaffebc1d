"""Which images and labels belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmss_plugins.prepare import raster_labels, vector_labels
from mmss_plugins.prepare.image_files import SUFFIXES as IMAGE_SUFFIXES
from mmss_plugins.prepare.image_paths import (
    WILDCARDS,
    FoundFile,
    check_split_names,
    find_files,
    listed_path,
    matching_paths,
    read_table,
    relative_keys,
    sample_names,
)
from mmss_plugins.store.creation.plan import Skipped
from mmss_plugins.utils.errors import PrepareUsageError

SCENE_SUFFIXES = ('.tif', '.tiff', '.vrt', '.jp2')
SENSOR_NAMES = ('s1', 's2')
IMAGE = 'image'
_FIRST_BANDS = ('B02', 'B2', 'VV', 'VH')  # ends of file names
LABEL_SUFFIXES = (*raster_labels.SUFFIXES, *vector_labels.SUFFIXES)


@dataclass(frozen=True)
class Pair:
    """The files of one place and date.

    Args:
        name: Of the sample.
        images: Per modality ('s1', 's2', 'image') a file, or a folder with a file per band.
        label: The label file; None without labels.
        region: Folder of the scene.
        columns: Of a list.
    """

    name: str
    images: Mapping[str, Path]
    label: Path | None = None
    region: str = ''
    columns: Mapping[str, str] = field(default_factory=dict)


def find_pairs(
    images: Mapping[str, Sequence[str]], labels: Sequence[str]
) -> tuple[list[Pair], list[Skipped]]:
    """Match images and labels by key: see :class:`mmss_plugins.prepare.image_paths.FoundFile`.

    Args:
        images: Per modality, folders, patterns or files.
        labels: The same for label files; one file holds the labels of all images; empty for none.

    Returns:
        The complete pairs, and the keys that lack a file.

    Raises:
        PrepareUsageError: If nothing matches.
    """
    found: dict[str, dict[str, FoundFile]] = {}
    for modality, sources in images.items():
        found[modality] = _by_key(_image_files(modality, sources), modality)
    one = _one_file(labels)
    if labels and one is None:
        found['label'] = _by_key(find_files(labels, LABEL_SUFFIXES), 'labels')
    every = sorted(set().union(*found.values()))
    complete = [key for key in every if all(key in files for files in found.values())]
    if not complete:
        shown = '; '.join(f'{kind}: {", ".join(sorted(v)[:3])}' for kind, v in found.items())
        raise PrepareUsageError(
            'no two files belong together. They are matched by their path below the folder without '
            f'suffix, or by what the wildcards of a pattern stand for: {shown}. Give patterns, '
            'such as --image "images/*.tif" --labels "masks/*_mask.png", or a list (--list)'
        )
    first = next(iter(images))
    names = sample_names(found[first][key] for key in complete)
    pairs = [
        Pair(
            name,
            {modality: found[modality][key].path.absolute() for modality in images},
            one or (found['label'][key].path.absolute() if labels else None),
            found[first][key].region,
        )
        for name, key in zip(names, complete, strict=True)
    ]
    skipped = [
        Skipped(
            key,
            f'no file of {", ".join(kind for kind, files in found.items() if key not in files)} '
            f'belongs to {next(str(files[key].path) for files in found.values() if key in files)}',
        )
        for key in every
        if key not in complete
    ]
    return pairs, skipped


def _one_file(labels: Sequence[str]) -> Path | None:
    single = len(labels) == 1 and Path(labels[0]).is_file()
    return Path(labels[0]).absolute() if single else None


def _image_files(modality: str, sources: Sequence[str]) -> list[FoundFile]:
    if modality == IMAGE:
        return find_files(sources, IMAGE_SUFFIXES)
    found, others = [], []
    for source in sources:
        literal = Path(source).exists() or not WILDCARDS.search(source)
        paths = [Path(source)] if literal else sorted(matching_paths(source))
        folders = [(path, folder) for path in paths if (folder := _band_folder(path)) is not None]
        if folders and len(folders) == len(paths):
            found += [FoundFile(_scene_key(path), folder) for path, folder in folders]
        else:
            others.append(source)
    return [*found, *(find_files(others, SCENE_SUFFIXES) if others else [])]


def _band_folder(path: Path) -> Path | None:
    """The folder of one scene with a file per band, also inside a product's; None if it is none."""
    if not path.is_dir():
        return None
    if path.name.upper().endswith('.SAFE'):
        return next(iter(sorted(path.glob('GRANULE/*/IMG_DATA'))), None)
    names = [f.stem.upper() for f in path.iterdir() if f.suffix.lower() in SCENE_SUFFIXES]
    return path if any(name.endswith(_FIRST_BANDS) for name in names) else None


def _scene_key(path: Path) -> str:
    """What a folder of bands is called: its product, or itself."""
    products = [part for part in path.absolute().parts if part.upper().endswith('.SAFE')]
    return products[-1][: -len('.SAFE')] if products else path.resolve().name


def _by_key(files: Sequence[FoundFile], what: str) -> dict[str, FoundFile]:
    found: dict[str, FoundFile] = {}
    for file in files:
        if file.key in found:
            raise PrepareUsageError(
                f'{found[file.key].path} and {file.path}: both are the {what} of {file.key!r}'
            )
        found[file.key] = file
    return found


def _listed_key(row: Mapping[str, str]) -> str:
    """What a row says that its sample is called."""
    dated = row.get('place') and row.get('date')
    return row.get('name') or (f'{row["place"]}/{row["date"]}' if dated else '')


def read_list(path: Path) -> list[Pair]:
    """Pairs of a CSV list.

    Columns: s1, s2, image (those that there are), label, and optionally name, place, date, split,
    region or others. Paths are relative to the list.

    Raises:
        PrepareUsageError: If the list is wrong.
    """
    rows = read_table(path, [])
    modalities = [name for name in (*SENSOR_NAMES, IMAGE) if name in rows[0]]
    if not modalities:
        raise PrepareUsageError(
            f'{path}: expected a column s1, s2 or image, but found {", ".join(rows[0])}'
        )
    labelled = 'label' in rows[0]
    read_table(path, [*modalities, *(['label'] if labelled else [])])  # each row has them
    check_split_names({row['split'] for row in rows if row.get('split')}, path)
    paths = [listed_path(path, row[modalities[-1]]) for row in rows]
    files = [
        FoundFile(_listed_key(row) or key, file)
        for row, key, file in zip(rows, relative_keys(paths), paths, strict=True)
    ]
    return [
        Pair(
            name,
            {modality: listed_path(path, row[modality]).absolute() for modality in modalities},
            listed_path(path, row['label']).absolute() if labelled else None,
            row.get('region') or file.region,
            row,
        )
        for name, file, row in zip(sample_names(files), files, rows, strict=True)
    ]
