"""The summary of a preparation: printed, and written as JSON beside the store."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmss_plugins.utils.atomic_files import write_json

SHOWN = 20  # reasons for skipping printed; the JSON lists all samples
NAMED = 3  # samples named beside the first that was skipped for a reason
_FILE = re.compile(r'^\S.*?\.\w{2,5}: ')  # that a reason begins with


def summary_path(store: str | Path) -> Path:
    """Path of the summary of a store."""
    return Path(f'{store}.summary.json')


def write_summary(store: str | Path, summary: Mapping[str, Any]) -> Path:
    """Write the summary as JSON, all or nothing."""
    path = summary_path(store)
    write_json(path, summary, indent=2)
    return path


def unwanted_samples(store: str | Path) -> set[str]:
    """Samples that were skipped as the options request, by the summary of a store."""
    try:
        return set(json.loads(summary_path(store).read_text()).get('unwanted', ()))
    except (OSError, ValueError, AttributeError, TypeError):
        return set()


def format_summary(summary: Mapping[str, Any]) -> str:
    """The summary as text: counts, band statistics, class histogram, skipped samples."""
    lines = [f'{summary["store"]}: {summary["samples"]} samples, {len(summary["skipped"])} skipped']
    for field, bands in summary['bands'].items():
        title = f'{field} ({summary["units"][field]})'
        lines.append(f'  {title:<34} {"mean":>12} {"std":>12} {"min":>10} {"max":>10}')
        for band, values in bands.items():
            numbers = f'{values["mean"]:12.4f} {values["std"]:12.4f}'
            lines.append(f'    {band:<32} {numbers} {values["min"]:10.2f} {values["max"]:10.2f}')
    for field, classes in summary['classes'].items():
        total = max(sum(classes.values()), 1)
        lines.append(f'  {field} (pixels):')
        lines += [
            f'    {name:<32} {pixels:>12} {100 * pixels / total:6.2f} %'
            for name, pixels in classes.items()
        ]
    lines += [f'  warning: {text}' for text in summary['warnings']]
    lines += format_unwanted(summary.get('unwanted', {}).values())
    lines += format_skipped(summary['skipped'])
    return '\n'.join(lines)


def format_unwanted(reasons: Iterable[str]) -> list[str]:
    """One line per reason for which samples were skipped as the options request."""
    return [
        f'  skipped as the options request: {count} ({reason})'
        for reason, count in Counter(reasons).items()
    ]


def format_skipped(skipped: list[dict[str, str]]) -> list[str]:
    """One line per reason, with the first sample skipped for it and the names of others.

    Reasons that differ in their file alone, which comes first and ends with a colon, are one.
    """
    reasons: dict[str, list[dict[str, str]]] = {}
    for entry in skipped:
        reasons.setdefault(_FILE.sub('', entry['reason']), []).append(entry)
    lines = []
    for first, *others in list(reasons.values())[:SHOWN]:
        lines.append(f'  skipped {first["sample"]}: {first["reason"]}')
        if others:
            names = ', '.join(entry['sample'] for entry in others[:NAMED])
            dots = ', ...' if len(others) > NAMED else ''
            lines.append(f'    and {len(others)} more for the same reason: {names}{dots}')
    hidden = sum(len(entries) for entries in list(reasons.values())[SHOWN:])
    if hidden:
        lines.append(f'  ... and {hidden} more, listed in the summary file')
    return lines
