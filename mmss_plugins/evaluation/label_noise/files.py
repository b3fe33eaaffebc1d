"""Writes the label-noise report."""

from __future__ import annotations

import logging
from pathlib import Path

from mmss_plugins.evaluation.label_noise.figure import draw
from mmss_plugins.evaluation.label_noise.report import LabelNoiseReport
from mmss_plugins.evaluation.label_noise.table import TITLE, markdown
from mmss_plugins.utils.atomic_files import check_replaceable, write_json, write_text

NAME = 'report'

logger = logging.getLogger(__name__)


def check_folder(folder: str | Path) -> None:
    """Check that a folder has no ``report.*`` of other programs.

    Raises:
        FileExistsError: If it has.
    """
    check_replaceable(Path(folder) / f'{NAME}.md', TITLE)


def write_report(report: LabelNoiseReport, folder: str | Path) -> list[Path]:
    """Write ``report.md``, ``report.json`` and, where matplotlib is there, ``report.png``.

    Args:
        report: The report.
        folder: Made if it is not there.

    Returns:
        The files.
    """
    folder = Path(folder)
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    table, numbers, figure = (folder / f'{NAME}.{end}' for end in ('md', 'json', 'png'))
    text = markdown(report)
    write_json(numbers, report.to_dict())
    written = [table, numbers]
    try:
        draw(report, figure)
    except ImportError as error:
        logger.warning('%s', error)
    else:
        text += f'\n![selection, confidence and label noise]({figure.name})\n'
        written.append(figure)
    write_text(table, text)
    return written
