"""Pieces of HTML that the parts of the demo's page share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from projects.demo import figures


def figure_tag(uri: str, alt: str) -> str:
    """An image as wide as the page."""
    return f'<img class="wide" src="{uri}" alt="{escape(alt)}">'


def legend(classes: Sequence[str], palette: Sequence[Sequence[int]]) -> str:
    """Colours of the classes."""
    pairs = zip(classes, palette, strict=True)
    return ''.join(
        f'<span><i style="background:rgb{tuple(colour)}"></i>{escape(name)}</span>'
        for name, colour in pairs
    )


def image_grid(names: Sequence[str], rows: Sequence[Sequence[np.ndarray]]) -> str:
    """Images (H, W, 3) uint8 RGB in rows under the names of their columns."""
    head = ''.join(f'<div class="name">{escape(name)}</div>' for name in names)
    cells = ''.join(
        f'<img src="{figures.image_uri(image)}" alt="">' for row in rows for image in row
    )
    return f'<div class="grid" style="--columns:{len(names)}">{head}{cells}</div>'


def table_of(scores: Mapping[str, Mapping[str, float]], title: str) -> str:
    """Scores in percent as a table, with the best of each column highlighted.

    Args:
        scores: By row and column.
        title: Of the first column.
    """
    rows = list(scores.values())
    head = ''.join(f'<th>{name} (%)</th>' for name in rows[0])
    best = {name: max(row[name] for row in rows) for name in rows[0]}
    lines = []
    for start, row in scores.items():
        cells = ''.join(
            f'<td class="{"best" if value == best[name] else ""}">{value:.1f}</td>'
            for name, value in row.items()
        )
        lines.append(f'<tr><td>{escape(start)}</td>{cells}</tr>')
    return f'<table><tr><th>{escape(title)}</th>{head}</tr>{"".join(lines)}</table>'
