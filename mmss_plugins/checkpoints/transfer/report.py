"""How much of a module's state a checkpoint provides, and why not all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

COUNTER = 'num_batches_tracked'  # BatchNorm's step counter: of no weight, absent from old files
_SHOWN = 8  # names listed per kind


class TransferError(RuntimeError):
    """A pretrained checkpoint did not provide what it should."""


@dataclass(frozen=True)
class TransferReport:
    """What became of each tensor of a module. Names are without the checkpoint's prefix.

    Args:
        prefix: Prefix of the tensors in the checkpoint.
        loaded: Tensors of the module that the checkpoint provides (and that hold its values,
            where values were compared).
        missing: Tensors of the module that are not in the checkpoint.
        mismatched: Tensors whose shapes differ: (module's, checkpoint's).
        different: Tensors that the checkpoint provides, but that hold other values.
        unused: Tensors of the checkpoint, under the prefix, that the module has no place for.
    """

    prefix: str
    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    mismatched: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
    different: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def total(self) -> int:
        """Number of tensors of the module."""
        return len(self.loaded) + len(self.missing) + len(self.mismatched) + len(self.different)

    @property
    def fraction(self) -> float:
        """Share of the module's tensors that were loaded, 0 to 1; 1 for an empty module."""
        return len(self.loaded) / self.total if self.total else 1.0

    @property
    def complete(self) -> bool:
        """Whether all was loaded, BatchNorm's step counters aside."""
        missing = [name for name in self.missing if name.rpartition('.')[2] != COUNTER]
        return not (missing or self.mismatched or self.different)

    def __str__(self) -> str:
        shapes = [
            f'{name}: {module} here, {checkpoint} in the checkpoint'
            for name, (module, checkpoint) in self.mismatched.items()
        ]
        rows = [
            f'{len(self.loaded)} of {self.total} tensors loaded (prefix {self.prefix or "none"})',
            *_listing('not in the checkpoint', self.missing),
            *_listing('of another shape', shapes),
            *_listing('with other values than the checkpoint', self.different),
            *_listing('in the checkpoint, but not in the module', self.unused),
        ]
        return '\n'.join(rows)


def _listing(title: str, names: Iterable[str]) -> list[str]:
    names = list(names)
    if not names:
        return []
    more = [f'    ... and {len(names) - _SHOWN} more'] if len(names) > _SHOWN else []
    return [f'  {len(names)} {title}:', *(f'    {name}' for name in names[:_SHOWN]), *more]


def transfer_report(
    module_state: Mapping[str, Tensor],
    checkpoint_state: Mapping[str, Tensor],
    prefix: str = '',
    compare_values: bool = False,
) -> TransferReport:
    """Compare a module's state with the part of a checkpoint that should fill it.

    Args:
        module_state: The module's state dict.
        checkpoint_state: The checkpoint's state dict, whole.
        prefix: What the names in the checkpoint begin with; a dot is added at its end.
        compare_values: Whether a tensor counts as loaded only if it holds the checkpoint's values
            (in the module's dtype).

    Returns:
        The report.

    Raises:
        TransferError: If the checkpoint has integers or complex numbers for a weight.
    """
    prefix = with_dot(prefix)
    source = {
        name[len(prefix) :]: tensor
        for name, tensor in checkpoint_state.items()
        if name.startswith(prefix)
    }
    loaded, missing, mismatched, different = [], [], {}, []
    for name, tensor in module_state.items():
        if name not in source:
            missing.append(name)
        elif tensor.shape != source[name].shape:
            mismatched[name] = (tuple(tensor.shape), tuple(source[name].shape))
        elif tensor.is_floating_point() and not source[name].is_floating_point():
            raise TransferError(
                f'{prefix}{name}: expected weights, which are floating-point numbers '
                f'({tensor.dtype}), but the checkpoint has {source[name].dtype}, as quantised '
                'weights have: take the checkpoint as it was before'
            )
        elif compare_values and not _holds(tensor, source[name]):
            different.append(name)
        else:
            loaded.append(name)
    unused = tuple(name for name in source if name not in module_state)
    return TransferReport(
        prefix, tuple(loaded), tuple(missing), mismatched, tuple(different), unused
    )


def _holds(tensor: Tensor, source: Tensor) -> bool:
    return torch.equal(tensor.detach().cpu(), source.detach().cpu().to(tensor.dtype))


def with_dot(prefix: str | None) -> str:
    """The prefix as MMEngine reads it: empty, or with a dot at its end."""
    return f'{prefix.rstrip(".")}.' if prefix else ''


def fitting_prefixes(
    module_names: Iterable[str], checkpoint_names: Iterable[str]
) -> list[tuple[str, int]]:
    """Prefixes under which a checkpoint holds tensors of the module's names.

    Args:
        module_names: Names in the module's state dict.
        checkpoint_names: Names in the checkpoint's state dict.

    Returns:
        (prefix, number of tensors), most tensors first; '' is the checkpoint's top.
    """
    wanted = set(module_names)
    counts: Counter[str] = Counter()
    for name in checkpoint_names:
        parts = name.split('.')
        for start in range(len(parts)):
            if '.'.join(parts[start:]) in wanted:
                counts[with_dot('.'.join(parts[:start]))] += 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def likely_reasons(
    report: TransferReport,
    module_state: Mapping[str, Tensor],
    checkpoint_state: Mapping[str, Tensor],
) -> list[str]:
    """Why a transfer is incomplete, and what to change.

    Args:
        report: The report of the transfer.
        module_state: The module's state dict.
        checkpoint_state: The checkpoint's state dict, whole.

    Returns:
        Sentences; empty for a complete transfer.
    """
    if report.complete:
        return []
    reasons = []
    prefixes = fitting_prefixes(module_state, checkpoint_state)
    found = dict(prefixes).get(report.prefix, 0)
    better = [(prefix, count) for prefix, count in prefixes if count > found]
    if better:
        names = ', '.join(
            f'{prefix or "none"} ({count} of {report.total} names)' for prefix, count in better[:5]
        )
        reasons.append(f'wrong prefix {report.prefix or "none"!r}; the file has: {names}')
    elif not prefixes:
        tops = sorted({'.'.join(name.split('.')[:2]) for name in checkpoint_state})[:_SHOWN]
        reasons.append(f"another kind of network: the file's tensors begin with {tops}")
    deep = {'here': report.missing, 'in the checkpoint': report.unused}
    for place, tensors in deep.items():
        if any(name.startswith('stem.') for name in tensors):
            reasons.append(
                f'wrong stem: a deep stem (three 3x3 convolutions, ResNetV1c or V1d) {place}, a '
                f'plain 7x7 one at the other side; CromSS encoders have the plain one: type ResNet'
            )
    first = next((name for name, tensor in module_state.items() if tensor.ndim == 4), '')
    here, there = report.mismatched.get(first, ((), ()))
    if here[1:2] != there[1:2] and (here[:1], here[2:]) == (there[:1], there[2:]):
        reasons.append(
            f'other band count: {first} takes {here[1]} channels here and {there[1]} in the '
            f"checkpoint; set in_channels={there[1]}, or take another modality's prefix"
        )
    if report.different:
        reasons.append('something wrote to these tensors after they had been loaded')
    if not reasons:
        reasons.append('another architecture: compare type, depth and options of both networks')
    return reasons
