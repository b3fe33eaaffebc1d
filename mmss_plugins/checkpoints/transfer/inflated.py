"""Checkpoints for other bands: ``checkpoint='inflate://FILE?bands=...'`` wherever MM loads one.

MMEngine's loaders are chosen by the beginning of a checkpoint's name, and so is this one. The file
stays as it is; what MMEngine gets has another first convolution. It works in the ``init_cfg`` of
any module and shows in the report of what was loaded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmengine.runner import CheckpointLoader
from torch import Tensor

from mmss_plugins.bands import band_wavelengths
from mmss_plugins.checkpoints.files import CheckpointFileError, read_checkpoint, tensors_of
from mmss_plugins.checkpoints.spec.input_specification import SPECIFICATION_KEY
from mmss_plugins.checkpoints.transfer.stem_inflation import MODES, inflate_stem

SCHEME = 'inflate://'
NOTE_KEY = 'inflation'  # in the loaded content's 'meta'
_FORM = 'inflate://FILE?bands=s2:13&mode=wavelength&source=B4,B3,B2 (mode, source, stem optional)'
_OPTIONS = ('bands', 'mode', 'source', 'stem')
_STEM = re.compile(r'(?:.*\.)?(?:conv1|stem\.0|patch_embed\.(?:projection|proj))\.weight')
_INSIDE = re.compile(r'(?:^|\.)(?:layer\d|layers\.|blocks\.|stages\.)')
_RGB = ('B4', 'B3', 'B2')


@dataclass(frozen=True)
class Inflation:
    """What an ``inflate://`` name asks for.

    Args:
        checkpoint: The file, or what else MMEngine can load from.
        bands: New number of bands.
        target: Their wavelengths in micrometres, empty if only the number was given.
        mode: 'mean', 'repeat' or 'wavelength'.
        source: Wavelengths of the bands that the checkpoint was trained on.
        stem: Name of the first convolution's weight; '' to find it.
    """

    checkpoint: str
    bands: int
    target: tuple[float, ...] = ()
    mode: str = 'mean'
    source: tuple[float, ...] = ()
    stem: str = ''

    @classmethod
    def parse(cls, name: str) -> Inflation:
        """Read an ``inflate://`` name.

        Args:
            name: ``inflate://FILE?bands=BANDS``, then ``&mode=``, ``&source=``, ``&stem=``. Bands
                are a number, a band set ('s2:13', 's1:2+s2:9'), or names and wavelengths with
                commas. The source is R, G, B of Sentinel-2 unless it is given.

        Raises:
            ValueError: If it is of another form.
        """
        file, _, query = name.removeprefix(SCHEME).rpartition('?')
        options = dict(part.partition('=')[::2] for part in query.split('&'))
        if not file or 'bands' not in options or not set(options) <= set(_OPTIONS):
            raise ValueError(f'{name}: expected {_FORM}')
        mode = options.get('mode', 'mean')
        if mode not in MODES:
            raise ValueError(f'{name}: mode must be one of {MODES}, but got {mode!r}')
        number = options['bands'].isdecimal()
        if number and mode == 'wavelength':
            raise ValueError(f"{name}: mode 'wavelength' needs to know the bands: bands=s2:13")
        target = () if number else _wavelengths(options['bands'])
        return cls(
            file,
            int(options['bands']) if number else len(target),
            target,
            mode,
            _wavelengths(options.get('source', ','.join(_RGB))),
            options.get('stem', ''),
        )


def _wavelengths(text: str) -> tuple[float, ...]:
    if ':' in text:
        return band_wavelengths(text)
    return band_wavelengths([float(b) if re.match(r'[\d.]', b) else b for b in text.split(',')])


@CheckpointLoader.register_scheme(prefixes=SCHEME, force=True)
def load_from_inflation(filename: str, map_location=None) -> dict:  # noqa: ARG001
    """A checkpoint with its first convolution made for other bands.

    Args:
        filename: See :meth:`Inflation.parse`.
        map_location: Unused: the tensors are on the CPU.

    Returns:
        'state_dict', and 'meta' with what was done under 'inflation'. The input
        specification is removed, for it describes the old bands.

    Raises:
        ValueError: If the name or its bands do not fit the checkpoint.
        CheckpointFileError: If the file cannot be read, or its stem cannot be identified.
    """
    wanted = Inflation.parse(filename)
    content = _content(wanted.checkpoint)
    state = tensors_of(content, wanted.checkpoint)
    stem = wanted.stem or _find_stem(state, wanted.checkpoint)
    if stem not in state or state[stem].ndim != 4:
        raise CheckpointFileError(f'{wanted.checkpoint}: it has no convolution {stem!r} (stem=)')
    old = state[stem].shape[1]
    state[stem] = inflate_stem(state[stem], wanted.bands, wanted.mode, wanted.source, wanted.target)
    meta = content.get('meta')
    meta = dict(meta) if isinstance(meta, Mapping) else {}
    meta.pop(SPECIFICATION_KEY, None)
    meta[NOTE_KEY] = f'{stem} made for {wanted.bands} bands from {old} (mode {wanted.mode})'
    return {'meta': meta, 'state_dict': state}


def _content(checkpoint: str) -> Mapping:
    if Path(checkpoint).is_file() or '://' not in checkpoint:
        return read_checkpoint(checkpoint, mmap=True)
    return CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger=None)


def _find_stem(state: Mapping[str, Tensor], source: str) -> str:
    found = [n for n in state if _STEM.fullmatch(n) and not _INSIDE.search(n)]
    if len(found) != 1:
        raise CheckpointFileError(
            f'{source}: expected one first convolution (conv1, stem.0, patch_embed.projection), '
            f'but found {found}: name it with &stem='
        )
    return found[0]


def inflation_note(checkpoint: str) -> str:
    """What was done to a checkpoint's stem, '' for one that is loaded as it is."""
    if not checkpoint.startswith(SCHEME):
        return ''
    return f'; {load_from_inflation(checkpoint)["meta"][NOTE_KEY]}'
