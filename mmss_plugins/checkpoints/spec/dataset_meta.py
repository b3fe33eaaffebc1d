"""The class names and colours that MMEngine writes into a checkpoint's 'meta', checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral

from mmss_plugins.checkpoints.errors import CheckpointFileError
from mmss_plugins.checkpoints.spec.specification_check import shown

_MOST, _LONGEST = 65536, 200
_KEYS = ('classes', 'palette')
Colour = tuple[int, int, int]


def dataset_classes(
    content: Mapping, source: object
) -> tuple[tuple[str, ...], tuple[Colour, ...] | None]:
    """Class names and colours of the data set that a checkpoint's model was trained on.

    Args:
        content: The checkpoint.
        source: The file, for messages.

    Returns:
        Names, empty if there are none; and RGB per class, None if there are none.

    Raises:
        CheckpointFileError: If they are something else than names and colours.
    """
    meta = content.get('meta') or {}
    meta = meta.get('dataset_meta') if isinstance(meta, Mapping) else meta
    meta = {} if meta is None else meta
    where = f"{source}: meta['dataset_meta']"
    if not isinstance(meta, Mapping):
        raise CheckpointFileError(f'{where}: expected a dict, but found {shown(meta)}')
    names, palette = (_sequence(meta.get(key), f'{where}[{key!r}]') for key in _KEYS)
    for name in names:
        if not isinstance(name, str) or len(name) > _LONGEST:
            raise CheckpointFileError(
                f"{where}['classes']: expected names of at most {_LONGEST} characters, but found "
                f'{shown(name)}'
            )
    for colour in palette:
        if not isinstance(colour, (list, tuple)) or not _is_rgb(colour):
            raise CheckpointFileError(
                f"{where}['palette']: expected three numbers from 0 to 255, but found "
                f'{shown(colour)}'
            )
    return tuple(names), tuple(tuple(colour) for colour in palette) or None


def _sequence(value: object, where: str) -> Sequence:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)) or len(value) > _MOST:
        raise CheckpointFileError(
            f'{where}: expected a list of at most {_MOST}, but found {shown(value)}'
        )
    return value


def _is_rgb(colour: Sequence) -> bool:
    return len(colour) == 3 and all(map(_is_byte, colour))


def _is_byte(value: object) -> bool:
    if not isinstance(value, Integral) or isinstance(value, bool):  # NumPy's numbers count
        return False
    return 0 <= int(value) <= 255
