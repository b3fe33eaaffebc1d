"""The command line that downloads NoLDO-S12 and SSL4EO-S12."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mmss_plugins.cli.options import positive
from mmss_plugins.download.archive import MAX_RATIO
from mmss_plugins.download.errors import DownloadError
from mmss_plugins.download.published import (
    EDITIONS,
    PARTS,
    REPOSITORY,
    SSL4EO,
    choose,
    choose_images,
    describe,
)
from mmss_plugins.download.repository import DatasetRepository, RemoteFile
from mmss_plugins.download.transfer import download, remaining
from mmss_plugins.download.unpack import unpack
from mmss_plugins.store.creation.commands import run
from mmss_plugins.store.errors import StoreWriteError
from mmss_plugins.store.lock import WriterLock
from mmss_plugins.utils.atomic_files import write_text

SHOWN = 10
EPILOG = """A file gets its name only when it is whole and has the SHA-256 that the hub keeps;
{file}.sha256 beside it tells so, in the form that sha256sum --check reads. An interrupted run is
continued. The client's own settings hold: HF_ENDPOINT (a mirror), HF_TOKEN, proxies.

exit status:
  0  everything is there
  1  some files were not unpacked, for others of that name were there
  2  the hub cannot be reached or has no such file, a checksum is wrong, an archive is unsafe, or
     there is not enough room

examples:
  %(prog)s dw osm --out data/NoLDO-S12 --dry-run
  %(prog)s dw osm --out data/NoLDO-S12 --unpack
  %(prog)s checkpoints --out checkpoints --revision COMMIT
  %(prog)s ssl4eo --out data/SSL4EO-S12 --modalities s1 s2c --dry-run
  %(prog)s ssl4eo --out data/SSL4EO-S12 --select '*.partaa' '*.partab'
  %(prog)s ssl4eo --out data/SSL4EO-S12-v1.1 --edition 1.1 --select 'val/*'
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser."""
    parser = argparse.ArgumentParser(
        description=f'Download parts of the data set NoLDO-S12 ({REPOSITORY} on the Hugging Face '
        'hub): archives of the pretraining and downstream sets, and the CromSS checkpoints; and '
        'images of SSL4EO-S12, which the pretraining set has labels for.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        'parts',
        nargs='+',
        metavar='PART',
        help=f'{", ".join(PARTS)}, {SSL4EO} (images), or names of files in the repository',
    )
    add('--out', type=Path, required=True, metavar='DIR', help='where files go')
    add(
        '--revision',
        default='main',
        help='branch, tag or commit (default: main). The commit is printed: give it the next '
        'time, to get the same files for certain',
    )
    add('--unpack', action='store_true', help='unpack each archive into DIR/{its name}, remove it')
    add('--keep-archive', action='store_true', help='do not remove what was unpacked')
    add('--overwrite', action='store_true', help='replace files that are there with other content')
    add('--dry-run', action='store_true', help='list files, sizes and free space, and end')
    add('--connections', type=positive, default=4, metavar='N', help='at a time (default: 4)')
    add(
        '--max-ratio',
        type=float,
        default=MAX_RATIO,
        metavar='X',
        help='refuse archives that grow by more than this (default: %(default)s)',
    )
    add(
        '--edition',
        choices=list(EDITIONS),
        default='1.0',
        help=f'of {SSL4EO}: '
        + '; '.join(f'{name}: {edition.repository}' for name, edition in EDITIONS.items())
        + ' (default: 1.0)',
    )
    add(
        '--modalities',
        nargs='+',
        choices=['s1', 's2c', 's2a'],
        default=['s1', 's2c'],
        help=f'of {SSL4EO}: Sentinel-1, Sentinel-2 L1C, Sentinel-2 L2A (default: s1 s2c)',
    )
    add(
        '--select',
        nargs='+',
        metavar='PATTERN',
        help=f"only files of {SSL4EO} whose names match, such as '*.partaa' '*.partab' or 'val/*' "
        '(default: all)',
    )
    add('--repository', help='another data set (default: as published)')
    add('--endpoint', metavar='URL', help="the hub (default: the client's)")
    return parser


def fetch(arguments: argparse.Namespace) -> int:
    """Download, and unpack if wanted.

    Returns:
        Number of files that were not unpacked.
    """
    print('\n'.join(describe(arguments.parts, arguments.edition)))
    chosen = [_choose(arguments, images) for images in (False, True) if _has(arguments, images)]
    out = arguments.out
    pending = [
        file
        for _, files in chosen
        for file in files
        if not (arguments.unpack and _is_unpacked(out, file))
    ]
    needed = sum(remaining(out / file.name, file) for file in pending)
    free = shutil.disk_usage(_existing(out)).free
    if arguments.dry_run:
        for file in (file for _, files in chosen for file in files):
            left = remaining(out / file.name, file) if file in pending else 0
            print(f'  {file.name:<45} {_gb(file.size)}, {_gb(left)} to fetch')
        print(f'  {_gb(needed)} to fetch into {out}, {_gb(free)} free there')
        return 0
    if needed > free:
        raise DownloadError(f'{out}: {_gb(needed)} to fetch, but {_gb(free)} are free there')
    out.mkdir(parents=True, exist_ok=True)
    left_out = 0
    with _alone(out):
        for repository, files in chosen:
            for file in files:
                if file not in pending:
                    print(f'{out / file.name}: unpacked already')
                    _remove_archive(out, file, arguments.keep_archive)
                    continue
                path = out / file.name
                download(repository, file, path, arguments.connections, arguments.overwrite)
                if arguments.unpack and path.suffix == '.zip' and '.zarr' not in path.suffixes:
                    left_out += _unpack(file, arguments)
    return left_out


def _has(arguments: argparse.Namespace, images: bool) -> bool:
    """Whether files of the repository of images, or of the other one, are asked for."""
    return any((part == SSL4EO) == images for part in arguments.parts)


def _choose(
    arguments: argparse.Namespace, images: bool
) -> tuple[DatasetRepository, list[RemoteFile]]:
    """The files asked for of one repository."""
    edition = EDITIONS[arguments.edition]
    both = _has(arguments, True) and _has(arguments, False)
    if both and (arguments.revision != 'main' or arguments.repository):
        raise DownloadError(
            f'--revision and --repository are of one repository: download {SSL4EO} on its own'
        )
    name = arguments.repository or (edition.repository if images else REPOSITORY)
    repository = DatasetRepository(name, arguments.revision, arguments.endpoint)
    where = f'{repository.repo_id}, revision {repository.revision}'
    print(f'{where}: commit {repository.commit} (--revision {repository.commit} pins it)')
    if not images:
        parts = [part for part in arguments.parts if part != SSL4EO]
        return repository, choose(parts, repository.files, where)
    wanted = arguments.modalities, arguments.select or ()
    return repository, choose_images(edition, *wanted, repository.files, where)


def _unpack(file: RemoteFile, arguments: argparse.Namespace) -> int:
    out, path = arguments.out, arguments.out / file.name
    result = unpack(path, _folder(out, file), arguments.overwrite, arguments.max_ratio)
    print(f'{_folder(out, file)}: {result.written} files unpacked, {result.kept} were there')
    if result.different:
        for other in result.different[:SHOWN]:
            print(f'  not unpacked: {other} is there with other content')
        if len(result.different) > SHOWN:
            print(f'  ... and {len(result.different) - SHOWN} more')
        print('  --overwrite replaces them')
        return len(result.different)
    write_text(_marker(out, file), file.sha256 + '\n')
    _remove_archive(out, file, arguments.keep_archive)
    return 0


def _remove_archive(out: Path, file: RemoteFile, keep: bool) -> None:
    if not keep:
        (out / file.name).unlink(missing_ok=True)
        (out / f'{file.name}.sha256').unlink(missing_ok=True)


def _folder(out: Path, file: RemoteFile) -> Path:
    return (out / file.name).with_suffix('')


def _marker(out: Path, file: RemoteFile) -> Path:
    """Records which archive a folder was unpacked from."""
    return out / f'{file.name}.unpacked'


def _is_unpacked(out: Path, file: RemoteFile) -> bool:
    marker = _marker(out, file)
    return (
        _folder(out, file).is_dir()
        and marker.is_file()
        and marker.read_text(encoding='utf-8').strip() == file.sha256
    )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    try:
        lock = WriterLock(out)
    except StoreWriteError as error:
        raise DownloadError(f'{out}: another download writes there: wait for it to end') from error
    try:
        yield
    finally:
        lock.release()


def _existing(path: Path) -> Path:
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _gb(size: int) -> str:
    return f'{size / 1e9:.2f} GB' if size >= 1e7 else f'{size} bytes'


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    return run(fetch, make_parser().parse_args(argv), rasterio=False)
