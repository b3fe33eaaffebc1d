"""Checks a segmentor's ``test_cfg``: an option that nothing reads changes nothing, in silence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

MODES = ('whole', 'slide')
WINDOW_OPTIONS = ('mode', 'crop_size', 'stride')  # of MMSegmentation's EncoderDecoder


def check_test_cfg(test_cfg: Mapping | None, known: Iterable[str] = WINDOW_OPTIONS) -> None:
    """Refuse options that the segmentor does not read, and windows that cannot be.

    Args:
        test_cfg: The model's ``test_cfg``.
        known: All options that the segmentor reads.

    Raises:
        ValueError: Names the option, and what it must be.
    """
    options, known = dict(test_cfg or {}), sorted(known)
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f'; did you mean {near[0]!r}?' if near else ''
            raise ValueError(
                f'model.test_cfg has an option {name!r} that the model does not read: it reads '
                f'{known}{hint}'
            )
    mode = options.get('mode', 'whole')
    if mode not in MODES:
        raise ValueError(f'model.test_cfg.mode must be one of {MODES}, but got {mode!r}')
    if mode == 'slide':
        _check_windows(options)


def _check_windows(options: Mapping) -> None:
    for name in ('crop_size', 'stride'):
        value = options.get(name)
        pair = isinstance(value, (list, tuple)) and len(value) == 2
        if value is None or not pair or not all(isinstance(n, int) and n > 0 for n in value):
            raise ValueError(
                f"model.test_cfg.{name} must be (height, width) in pixels with mode='slide', but "
                f'got {value!r}'
            )
    crop, stride = options['crop_size'], options['stride']
    if stride[0] > crop[0] or stride[1] > crop[1]:
        raise ValueError(
            f'model.test_cfg.stride must not exceed crop_size, or windows skip pixels, but '
            f'got stride={tuple(stride)} and crop_size={tuple(crop)}'
        )
