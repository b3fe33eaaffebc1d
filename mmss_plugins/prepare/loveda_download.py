"""The archives of LoveDA, from its public record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.download.zenodo import ZENODO, ZenodoRecord, fetch_record
from mmss_plugins.prepare.loveda_images import LoveDATree
from mmss_plugins.prepare.raw_files import find_files

RECORD = 5706578
MD5 = {
    'Train.zip': 'de2b196043ed9b4af1690b3f9a7d558f',
    'Val.zip': '84cae2577468ff0b5386758bb386d31d',
    'Test.zip': 'a489be0090465e01fb067795d24e6b47',
}


def download_loveda(root: Path, splits: Sequence[str], url: str = ZENODO) -> None:
    """Bring the archives of splits into a folder, except of those that lie there unpacked.

    Args:
        root: The folder.
        splits: Of 'Train', 'Val' and 'Test'.
        url: The server.

    Raises:
        DownloadError: If a file cannot be fetched or is not the published one.
    """
    there = find_files(root, ('.png',), archives=False) if root.is_dir() else []
    unpacked = LoveDATree(root, there).splits
    wanted = []
    for split in splits:
        if split in unpacked:
            print(f'{root}: {split} is there unpacked, and is not downloaded')
        else:
            wanted.append(f'{split}.zip')
    if wanted:
        record = ZenodoRecord(RECORD, url)
        fetch_record(record, {name: MD5[name] for name in wanted}, root)
