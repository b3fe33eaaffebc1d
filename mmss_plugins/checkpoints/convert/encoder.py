"""Encoders out of other methods' checkpoints, every tensor accounted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmss_plugins.checkpoints.convert.cromss import drop_keys
from mmss_plugins.checkpoints.convert.encoder_recipe import EncoderRecipe, State
from mmss_plugins.checkpoints.convert.published import ConversionError
from mmss_plugins.checkpoints.files import CheckpointFileError, read_checkpoint, state_of
from mmss_plugins.checkpoints.transfer.report import TransferReport, transfer_report
from mmss_plugins.compat.plain_namespace import namespaces_admitted
from mmss_plugins.version import __version__

_SHOWN = 8


@dataclass(frozen=True)
class EncoderConversion:
    """What became of a checkpoint.

    Args:
        recipe: How it was read.
        prefix: The encoder's in the file.
        state: The encoder's tensors by our names.
        report: Of the transfer into our module.
        added: Names of tensors that the file lacks.
        dropped: Dropped tensors, by reason.
        other: Entries of the file beside the tensors, which are skipped.
    """

    recipe: EncoderRecipe
    prefix: str
    state: State
    report: TransferReport
    added: Sequence[str] = ()
    dropped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    other: Sequence[str] = ()

    def __str__(self) -> str:
        report = self.report
        rows = [
            f'{self.recipe.method}: {len(report.loaded)} of {report.total} tensors of the encoder '
            f'(prefix {self.prefix or "none"})'
        ]
        if self.added:
            rows.append(f'not in the file, set to zero: {", ".join(self.added)}')
        for reason, names in self.dropped.items():
            shown = ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')
            rows.append(f'dropped: {len(names)} tensors, {reason} ({shown})')
        if self.other:
            rows.append(f'skipped: {", ".join(self.other)}')
        rows.append('input specification: none; a run that loads the file cannot check its bands')
        rows.append(f'use: {self.recipe.usage(self.state)}')
        return '\n'.join(rows)

    def checkpoint(self, source: str) -> dict:
        """What to save, so that MM loads it by ``init_cfg``."""
        meta = {
            'mmss_plugins_version': __version__,
            'converted_from': source,
            'method': self.recipe.method,
        }
        # Copies, for a view into a larger tensor would be saved with all of that.
        return {'meta': meta, 'state_dict': {n: t.detach().clone() for n, t in self.state.items()}}


def read_foreign_checkpoint(path: str | Path) -> dict:
    """Read a checkpoint of another project with torch's restricted unpickler.

    Beside tensors and plain containers it admits ``argparse.Namespace`` of plain values, in which
    training scripts keep their options.

    Raises:
        CheckpointFileError: As :func:`read_checkpoint`.
    """
    with namespaces_admitted():
        return read_checkpoint(path, mmap=True)


def convert_encoder(
    content: Mapping, source: str, recipe: EncoderRecipe, drop: Sequence[str] = ()
) -> EncoderConversion:
    """Take an encoder out of a checkpoint.

    Args:
        content: The checkpoint.
        source: The file, for messages.
        recipe: Where it keeps the encoder.
        drop: Tensors whose names in the file begin so are dropped.

    Returns:
        The conversion.

    Raises:
        ConversionError: If the encoder is not there, or a tensor is unknown, missing or of another
            shape.
        CheckpointFileError: If the file holds anything but tensors in their place.
    """
    key = recipe.container(content)
    if key is None:
        raise ConversionError(
            f'{source}: expected a checkpoint of {recipe.method}, with a tensor '
            f'{recipe.prefixes[0] + recipe.stem!r} under {_places(recipe)}, but {_found(content)}'
        )
    state = state_of({'state_dict': content[key] if key else content}, source)
    state, dropped = drop_keys(state, drop)
    prefix = next((p for p in recipe.prefixes if p + recipe.stem in state), None)
    if prefix is None:
        raise ConversionError(f'{source}: --drop leaves nothing of the encoder')
    encoder, unknown = {}, []
    for name, tensor in state.items():
        inside = name.startswith(prefix)
        short = name[len(prefix) :] if inside else name.removeprefix('module.')
        reason = next((why for start, why in recipe.rest.items() if short.startswith(start)), None)
        if reason:
            dropped.setdefault(reason, []).append(name)
        elif inside:
            encoder[recipe.from_published(short)] = tensor
        else:
            unknown.append(name)
    if unknown:
        raise ConversionError(
            f'{source}: {len(unknown)} unknown tensors beside the encoder {prefix!r}: '
            f'{", ".join(unknown[:_SHOWN])}; to drop them, name them or what they begin with '
            f'by --drop'
        )
    fitted, added, report = _fitted(encoder, recipe, source)
    other = [str(k) for k in content if k != key] if key else []
    return EncoderConversion(recipe, prefix, fitted, report, added, dropped, other)


def _places(recipe: EncoderRecipe) -> str:
    return ' or '.join(repr(key) if key else 'its top' for key in recipe.containers)


def _fitted(
    encoder: State, recipe: EncoderRecipe, source: str
) -> tuple[State, list[str], TransferReport]:
    """The tensors in our module's order, with those that may be missing; and the report."""
    try:
        expected = recipe.expected(encoder)
        added = {n: t for n, t in recipe.missing(encoder).items() if n not in encoder}
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise ConversionError(
            f'{source}: not an encoder of {recipe.method}: {type(error).__name__} {error}'
        ) from None
    encoder = {**encoder, **added}
    report = transfer_report(expected, encoder)
    if not report.complete or report.unused:
        raise ConversionError(f'{source}: not an encoder of {recipe.method}:\n{report}')
    return {n: encoder[n] for n in expected if n in encoder}, list(added), report


def to_published(content: Mapping, source: str, recipe: EncoderRecipe) -> dict:
    """A converted encoder with the names of its method again: undoes :func:`convert_encoder`.

    Args:
        content: What :meth:`EncoderConversion.checkpoint` made, or a checkpoint of such a backbone.
        source: The file, for messages.
        recipe: Where the method keeps the encoder.

    Returns:
        The content of a file with the encoder's tensors alone.

    Raises:
        ConversionError: If they are not those of the encoder.
        CheckpointFileError: If there are no tensors.
    """
    encoder, _, _ = _fitted(state_of(content, source), recipe, source)
    state = {
        recipe.prefixes[0] + recipe.to_published(name): tensor.clone()
        for name, tensor in encoder.items()
    }
    key = recipe.containers[0]
    return {key: state} if key else state


def detect(content: Mapping, source: str, recipes: Mapping[str, EncoderRecipe]) -> str:
    """The kind of a checkpoint.

    Args:
        content: The checkpoint.
        source: The file, for the message.
        recipes: By name.

    Returns:
        The name of the recipe that fits.

    Raises:
        CheckpointFileError: If none fits, or more than one.
    """
    found = [name for name, recipe in recipes.items() if recipe.container(content) is not None]
    usual = [name for name in found if not recipes[name].on_request]
    if len(usual) == 1:
        return usual[0]
    if found:
        raise CheckpointFileError(
            f'{source}: it holds {len(found)} encoders: choose one by --encoder: {", ".join(found)}'
        )
    known = ', '.join(
        f'{recipe.prefixes[0]}{recipe.stem} under {_places(recipe)} ({name})'
        for name, recipe in recipes.items()
        if not recipe.on_request
    )
    raise CheckpointFileError(f'{source}: expected one of {known}; but {_found(content)}')


def _found(content: Mapping) -> str:
    """What a file holds, for the message."""
    holder = next(
        (key for key in ('state_dict', 'model') if isinstance(content.get(key), Mapping)), None
    )
    names = list(content if holder is None else content[holder])[:_SHOWN]
    inside = f'its {holder!r}' if holder else 'the file'
    return f'{inside} holds {", ".join(map("{!r:.80}".format, names)) or "nothing"}'
