"""The published CromSS checkpoints by short names."""

from __future__ import annotations

from pathlib import Path

from mmss_plugins.download.noldo import PARTS, fetch, make_parser

# 'cromss-13b-mid' for weights-cromss-13B-midFusion-epoch=199.ckpt, and so on.
CHECKPOINTS = {
    name.partition('Fusion')[0].removeprefix('weights-').lower(): name
    for name in PARTS['checkpoints']
}


def fetch_checkpoint(
    name: str, folder: Path, revision: str = 'main', endpoint: str | None = None
) -> Path:
    """Download a published checkpoint unless it is there; an interrupted download is continued.

    Args:
        name: One of ``CHECKPOINTS``.
        folder: Where the file goes, under its published name.
        revision: Branch, tag or commit of the data set repository.
        endpoint: Address of the hub. Defaults to the client's.

    Returns:
        The file.

    Raises:
        DownloadError: If it cannot be fetched, or has another checksum than the hub gives.
        OSError: If it cannot be written.
    """
    options = ['--revision', revision, *(('--endpoint', endpoint) if endpoint else ())]
    file = CHECKPOINTS[name]
    fetch(make_parser().parse_args([file, '--out', str(folder), *options]))
    return folder / file
