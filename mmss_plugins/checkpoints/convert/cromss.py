"""Published CromSS checkpoints to CrossModalSegmentor and back, every tensor accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from mmss_plugins.checkpoints.convert.published import (
    ConversionError,
    Network,
    PublishedNetwork,
    check_tensors,
    identify,
)
from mmss_plugins.checkpoints.convert.published_specification import published_specification
from mmss_plugins.checkpoints.convert.reference_names import (
    LATE_MODELS,
    to_reference_key,
    to_segmentor_key,
)
from mmss_plugins.checkpoints.files import state_of
from mmss_plugins.checkpoints.spec.input_specification import (
    SPECIFICATION_KEY,
    InputSpecification,
    specification_of,
)
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES, DYNAMIC_WORLD_PALETTE
from mmss_plugins.version import __version__

PREFIX = 'net.'  # of the Lightning module
BRANCHES = ('s1', 's2', 'common')
# What our checkpoints may hold beside a published network's tensors: it has no parameters.
_OWN_STATE = ('losses.', 'consistency.', 'selection.', 'smoothing.', 'data_preprocessor.')
_PARTS = ('backbones', 'decode_heads', *LATE_MODELS)  # that have parts themselves
_SHOWN = 8


@dataclass(frozen=True)
class Conversion:
    """What became of a checkpoint.

    Args:
        network: What it holds.
        state: The converted tensors by their new names.
        spec: Its input specification, None where unknown.
        dropped: Dropped tensors, by reason.
        other: Entries of the file beside its tensors, which are skipped.
    """

    network: Network
    state: Mapping[str, Tensor]
    spec: InputSpecification | None
    dropped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    other: Sequence[str] = ()

    def report(self) -> str:
        """All of it as text."""
        rows = [
            f'network: {self.network}',
            f'converted: {len(self.state)} tensors ({_groups(self.state)})',
        ]
        for reason, names in self.dropped.items():
            rows.append(f'dropped: {len(names)} tensors, {reason} ({_groups(names)})')
        if self.other:
            rows.append(f'skipped, not weights: {", ".join(self.other)}')
        if self.spec is None:
            rows.append(
                'input specification: none, its bands are not known; a run that loads the file '
                'cannot check them'
            )
        else:
            bands = ', '.join(
                f'{name} {" ".join(m.bands)} ({m.normalize or "physical units"})'
                for name, m in self.spec.modalities.items()
            )
            rows.append(f'input specification: {bands}')
        return '\n'.join(rows)


def _groups(names: Iterable[str]) -> str:
    """How many tensors each part of the network has."""
    groups: Counter[str] = Counter()
    for name in names:
        first, _, rest = name.removeprefix(PREFIX).partition('.')
        groups[f'{first}.{rest.partition(".")[0]}' if first in _PARTS else first] += 1
    return ', '.join(f'{name} {count}' for name, count in groups.items())


def from_published(
    content: Mapping, source: str, modality: str | None = None, drop: Sequence[str] = ()
) -> Conversion:
    """A published checkpoint with the names of our segmentor, or of a bare backbone.

    Args:
        content: The checkpoint: 'state_dict' with the prefix ``net.``, or without any.
        source: The file, for messages.
        modality: 's1', 's2' or 'common' for that encoder alone, with the names of MMSegmentation's
            ResNet; None for the whole.
        drop: Tensors whose names begin so are dropped.

    Returns:
        The conversion.

    Raises:
        ConversionError: If a tensor is unknown, missing or of another shape, or there is no such
            branch.
    """
    state = state_of(content, source)
    if any(name.startswith(('backbones.', 'decode_heads.')) for name in state):
        raise ConversionError(
            f'{source}: this is a checkpoint of ours already: --reverse makes a published one of '
            "it; to load one encoder, use init_cfg with prefix='backbones.s1.' or 'backbones.s2.'"
        )
    state, dropped = drop_keys(state, drop)
    if any(name.startswith(PREFIX) for name in state):
        unexpected_keys = [name for name in state if not name.startswith(PREFIX)]
        if unexpected_keys:
            raise ConversionError(
                f'{source}: {len(unexpected_keys)} tensors without the prefix {PREFIX!r} of the '
                f'network: '
                f'{", ".join(unexpected_keys[:_SHOWN])}: unknown; to drop them, name them or what '
                f'they begin with by --drop'
            )
        state = {name[len(PREFIX) :]: tensor for name, tensor in state.items()}
    network = identify(state, source)
    check_tensors(state, network, source)
    spec = specification_of({'meta': content}, source)  # of a segmentor, converted before
    spec = spec or published_specification(network)
    _check_specification(spec, network, source)
    converted = {to_segmentor_key(name): tensor for name, tensor in state.items()}
    if modality is not None:
        prefix = f'backbones.{modality}.'
        rest = [name for name in converted if not name.startswith(prefix)]
        dropped |= {f'not of the encoder of {modality}': rest}
        converted = {n[len(prefix) :]: t for n, t in converted.items() if n.startswith(prefix)}
        if not converted:
            raise ConversionError(f'{source}: it has no branch {modality!r} ({network})')
        if spec is not None and modality != 'common':
            spec = spec.select((modality,))
    return Conversion(network, converted, spec, dropped, _others(content))


def to_published(content: Mapping, source: str, drop: Sequence[str] = ()) -> Conversion:
    """A checkpoint of our whole segmentor as a published one, its tensors in published order.

    Args:
        content: The checkpoint, of MMEngine or of this tool.
        source: The file, for messages.
        drop: Tensors whose names begin so are dropped.

    Returns:
        The conversion.

    Raises:
        ConversionError: If a tensor is unknown, missing or of another shape.
    """
    state, dropped = drop_keys(state_of(content, source), drop)
    own = [name for name in state if name.startswith(_OWN_STATE)]
    if own:
        dropped |= {'state of training that a published network has not': own}
    fusion = 'mid' if any(name.startswith('decode_heads.shared.') for name in state) else 'late'
    published = {}
    for name, tensor in state.items():
        if name in own:
            continue
        try:
            published[to_reference_key(name, fusion)] = tensor
        except KeyError as error:
            raise ConversionError(
                f'{source}: {error.args[0]}: expected a whole CrossModalSegmentor; to drop the '
                f'tensor, name it or what it begins with by --drop'
            ) from None
    network = identify(published, source)
    check_tensors(published, network, source)
    spec = specification_of(content, source)
    converted = {
        f'{PREFIX}{name}': published[name] for name in network.shapes() if name in published
    }
    return Conversion(network, converted, spec, dropped, _others(content))


def drop_keys(
    state: Mapping[str, Tensor], drop: Sequence[str]
) -> tuple[dict[str, Tensor], dict[str, list[str]]]:
    """The tensors whose names do not begin as ``drop`` says; and the others, by reason."""
    names = [name for name in state if name.startswith(tuple(drop))]
    dropped = {'as --drop says': names} if names else {}
    return {name: tensor for name, tensor in state.items() if name not in names}, dropped


def _others(content: Mapping) -> list[str]:
    return [
        f'{key!s:.60}' for key in content if key not in ('state_dict', 'meta', SPECIFICATION_KEY)
    ]


def _check_specification(
    spec: InputSpecification | None, network: PublishedNetwork, source: str
) -> None:
    if spec is None:
        return
    given = {name: len(entry.bands) for name, entry in spec.modalities.items()}
    found = {'s1': network.s1_bands, 's2': network.s2_bands}
    if given != found:
        raise ConversionError(
            f"{source}: its '{SPECIFICATION_KEY}' has {given} bands, but the encoders take {found}"
        )


def mm_checkpoint(conversion: Conversion, source: str) -> dict:
    """What to save, so that MM loads it as a checkpoint or by ``init_cfg``."""
    meta: dict[str, Any] = {'mmss_plugins_version': __version__, 'converted_from': source}
    classes = conversion.spec.classes if conversion.spec else ()
    if classes:
        meta['dataset_meta'] = {'classes': tuple(classes)}
        if tuple(classes) == DYNAMIC_WORLD_CLASSES:
            meta['dataset_meta']['palette'] = [list(colour) for colour in DYNAMIC_WORLD_PALETTE]
    if conversion.spec is not None:
        meta[SPECIFICATION_KEY] = conversion.spec.to_dict()
    return {'meta': meta, 'state_dict': _own_storage(conversion.state.items())}


def published_checkpoint(conversion: Conversion) -> dict:
    """What to save, so that the published code finds its 'state_dict'."""
    content: dict[str, object] = {'state_dict': _own_storage(conversion.state.items())}
    if conversion.spec is not None:
        content[SPECIFICATION_KEY] = conversion.spec.to_dict()
    return content


def _own_storage(items: Iterable[tuple[str, Tensor]]) -> dict[str, Tensor]:
    """Copies, for a view into a larger tensor would be saved with all of that."""
    return {name: tensor.detach().clone() for name, tensor in items}
