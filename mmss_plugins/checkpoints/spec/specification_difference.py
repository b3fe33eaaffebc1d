"""Where a checkpoint's input specification and a run's differ, as a table and as advice."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from mmss_plugins.checkpoints.spec.input_specification import (
    AERIAL,
    InputSpecification,
    ModalityInput,
)

_TOLERANCE = 1e-4  # relative, for statistics that were rounded or divided by 255
_ZERO = 1e-6  # absolute, for those that should be 0
_WIDTH = 60
_STATISTICS = ('mean', 'std')
_ADVICE = {
    'unit': "make the data sets' stores with {modality} in {value}",
    'normalize': 'set normalize={value!r} in the data sets',
    'values': 'let the network get the values {value}: mmss_plugins.MultiBandSegDataPreProcessor '
    'divides 8-bit images by 255, others may not',
    'mean': 'the statistics in mmss_plugins.bands are others than those of version {version}, '
    'which wrote the checkpoint: use that version',
    'input_mean': 'set mean={value} in the data preprocessor',
    'input_std': 'set std={value} in the data preprocessor',
}
_ADVICE['std'] = _ADVICE['mean']
_INPUT_STATISTICS = ('input_mean', 'input_std')
_SCALE_ADVICE = ' (255 times that in one that gets 8-bit images and does not divide them by 255)'
_AERIAL_ADVICE = (
    'let the network get {} in this order (PotsdamDataset: bands, and dsm for the height; '
    'bgr_to_rgb of a data preprocessor turns three bands round) with in_channels={} in its '
    'backbone, or take a checkpoint that was trained on your bands'
)
_MODALITY_ADVICE = (
    "choose the data sets' modality to fit, or load by init_cfg the encoder that saw your sensor: "
    "prefix='backbones.s1.' or 'backbones.s2.'"
)
_CLASS_ADVICE = (
    'use the classes that the model was trained on, or load its encoder alone: '
    "init_cfg=dict(type='Pretrained', checkpoint=..., prefix=...) of the backbone"
)


@dataclass(frozen=True)
class Row:
    """One field of both sides.

    Args:
        name: Of the field, such as 's2 bands'.
        checkpoint: Its value in the checkpoint.
        run: Its value in the run.
        advice: What to change, if they differ.
    """

    name: str
    checkpoint: Any
    run: Any
    advice: str

    @property
    def differs(self) -> bool:
        """Whether the sides are not the same, numbers up to rounding."""
        return not _same(self.checkpoint, self.run)


def compare(checkpoint: InputSpecification, run: InputSpecification, classes: bool) -> list[Row]:
    """Compare two specifications field by field.

    Args:
        checkpoint: What the weights were trained on.
        run: What the run's data give.
        classes: Whether class names matter, as they do for a whole model.

    Returns:
        The modalities, all fields of those that both have, and the classes if asked for and known
        to both.
    """
    both = [name for name in checkpoint.modalities if name in run.modalities]
    names = tuple(checkpoint.modalities), tuple(run.modalities)
    rows = [Row('modalities', *names, _MODALITY_ADVICE)]
    for name in both:
        expected, found = checkpoint.modalities[name], run.modalities[name]
        for key in (field.name for field in fields(ModalityInput) if field.name != 'pixel_size'):
            advice = _advice(name, key, expected, checkpoint.version)
            rows.append(Row(f'{name} {key}', getattr(expected, key), getattr(found, key), advice))
    if classes and checkpoint.classes and run.classes:
        rows.append(Row('classes', checkpoint.classes, run.classes, _CLASS_ADVICE))
    return rows


def _advice(modality: str, key: str, expected: ModalityInput, version: str) -> str:
    value = getattr(expected, key)
    if modality == AERIAL and key in ('mean', 'std'):
        return (
            'prepare the images with the same scaling: --scale STORE.lmdb of '
            'mmss prepare folder and scenes, with the store that the checkpoint was '
            'trained on'
        )
    if modality == AERIAL and key in ('bands', 'unit'):
        return _AERIAL_ADVICE.format(' '.join(expected.bands), len(expected.bands))
    if key == 'bands':
        return (
            f'set bands={list(value)} for {modality} in the data sets and in_channels={len(value)} '
            f'in its backbone, or take a checkpoint that was trained on your bands'
        )
    shown = list(value) if isinstance(value, tuple) else value
    advice = _ADVICE[key].format(modality=modality, value=shown, version=version)
    scaled = key in _INPUT_STATISTICS and value is not None and expected.values == '0..1'
    return advice + _SCALE_ADVICE if scaled else advice


def _same(one: object, other: object) -> bool:
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, float) and isinstance(other, (float, int)):
        return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_ZERO)
    return one == other


def table(rows: Sequence[Row]) -> str:
    """The rows as text, statistics only where they differ."""
    shown = [row for row in rows if row.differs or not row.name.endswith(_STATISTICS)]
    lines = [('field', 'checkpoint', 'this run', '')]
    lines += [(row.name, *_texts(row), '<- differs' if row.differs else '') for row in shown]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return '\n'.join(
        '  '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _texts(row: Row) -> tuple[str, str]:
    sides = row.checkpoint, row.run
    if not all(isinstance(side, (tuple, list)) for side in sides):
        return _text(sides[0]), _text(sides[1])
    one, other = (_joined([_text(item) for item in side]) for side in sides)
    if max(len(one), len(other)) <= _WIDTH:
        return f'{len(sides[0])}: {one}', f'{len(sides[1])}: {other}'
    if not row.differs:
        return f'{len(sides[0])} of them', 'the same'
    longest = range(max(map(len, sides)))
    at = next(i for i in longest if not _same(sides[0][i : i + 1], sides[1][i : i + 1]))
    first, second = (f'{len(s)}, number {at} {_text(next(iter(s[at:]), None))}' for s in sides)
    return first, second


def _joined(items: Sequence[str]) -> str:
    return (', ' if any(' ' in item for item in items) else ' ').join(items)


def _text(value: object) -> str:
    if isinstance(value, (tuple, list)):
        return _joined([_text(item) for item in value])
    if value is None:
        return 'none'
    return f'{value:.6g}' if isinstance(value, float) else str(value)


def advice(rows: Sequence[Row]) -> list[str]:
    """What to change, once each, for the rows that differ."""
    return list(dict.fromkeys(row.advice for row in rows if row.differs))


def difference_text(rows: Sequence[Row]) -> str:
    """The table and what to do about it."""
    todo = '\n'.join(f'  - {sentence}' for sentence in advice(rows))
    return f'{table(rows)}\nWhat to do:\n{todo}'
