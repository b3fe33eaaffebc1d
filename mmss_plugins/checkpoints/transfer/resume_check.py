"""Whether a run can continue from the content of a checkpoint.

MMEngine loads the weights of a resumed run as far as they fit, pairs learning rate schedules with
what the checkpoint holds until one of the two lists ends, and takes the rest as it comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmss_plugins.checkpoints.errors import CheckpointFileError

# Options that distinguish optimizers; further ones differ between versions of torch.
_DISTINGUISHING = {'alpha', 'betas', 'eps', 'lr', 'momentum', 'weight_decay'}
_GROUPS = 'param_groups'
_LARGEST = 1 << 53


def position(content: Mapping, source: object) -> tuple[int, int]:
    """The epochs and iterations that a checkpoint has seen.

    Args:
        content: The checkpoint.
        source: The file, for the message.

    Raises:
        CheckpointFileError: If 'meta' does not hold them, as whole numbers from 0.
    """
    meta = content.get('meta')
    found: list[Any] = [
        meta.get(key) if isinstance(meta, Mapping) else None for key in ('epoch', 'iter')
    ]
    if not all(type(number) is int and 0 <= number < _LARGEST for number in found):
        raise CheckpointFileError(
            f"{source}: meta must hold numbers 'epoch' and 'iter' to continue from, as MMEngine "
            f'writes them, but found {found[0]!r:.50} and {found[1]!r:.50}'
        )
    return found[0], found[1]


def check_resumed(content: Mapping, optimizer: Mapping, schedulers: object, source: object) -> None:
    """Refuse a checkpoint that is not one of a run like this.

    Args:
        content: The checkpoint.
        optimizer: State of the run's optimizer wrapper.
        schedulers: The run's parameter schedulers: a list, or lists by the optimizer's name.
        source: The file, for the message.

    Raises:
        CheckpointFileError: Says what the checkpoint lacks, or what differs.
    """
    position(content, source)
    _check_forms(content, source)
    for name, saved, current in _optimizers(content['optimizer'], optimizer, source):
        if _outline(saved) != _outline(current):
            raise _differs(source, f'{name}: {_outline(saved)}', f'{_outline(current)}')
    saved, current = _lists(content.get('param_schedulers') or []), _lists(schedulers or [])
    if {name: len(group) for name, group in saved.items()} != {
        name: len(group) for name, group in current.items()
    }:
        raise _differs(source, f'param_schedulers: {_count(saved)}', f'{_count(current)}')
    for name, group in current.items():
        for index, (there, here) in enumerate(zip(saved[name], group, strict=True)):
            keys = set(there) if isinstance(there, Mapping) else type(there).__name__
            if keys != set(here.state_dict()):
                raise _differs(
                    source,
                    f'param_schedulers[{index}]: {_text(keys)}',
                    f'{type(here).__name__} with {_text(set(here.state_dict()))}',
                )


def _check_forms(content: Mapping, source: object) -> None:
    hub = content.get('message_hub')
    parts = {'optimizer': content.get('optimizer'), "meta['seed']": content['meta'].get('seed')}
    wrong = [] if isinstance(parts['optimizer'], Mapping) else ['optimizer']
    if type(parts["meta['seed']"]) not in (int, type(None)):
        wrong.append("meta['seed']")
    if not isinstance(hub, Mapping):
        wrong.append('message_hub')
    else:
        names = ('log_scalars', 'runtime_info', 'resumed_keys')
        wrong += [f'message_hub[{n!r}]' for n in names if not isinstance(hub.get(n), Mapping)]
        flags = hub.get('resumed_keys')
        if isinstance(flags, Mapping) and not all(type(flag) is bool for flag in flags.values()):
            wrong.append("message_hub['resumed_keys']")
    if wrong:
        raise CheckpointFileError(
            f'{source}: a run cannot continue from it, for {", ".join(wrong)} is missing or not of '
            'the form that MMEngine writes: give another checkpoint of the run'
        )


def _optimizers(saved: Mapping, current: Mapping, source: object) -> Iterator[tuple]:
    """Pairs of an optimizer's state there and here; several of them go by names."""
    if _GROUPS in current:
        yield 'optimizer', saved, current
        return
    named = {name: state for name, state in current.items() if isinstance(state, Mapping)}
    for name, state in named.items():
        if name not in saved:
            raise _differs(source, f'optimizers {sorted(map(str, saved))}', f'{sorted(named)}')
        yield f'optimizer {name}', saved[name], state


def _outline(state: Any) -> str:
    """Parameters and distinguishing options per group, which both sides have to have in common."""
    groups: Any = state.get(_GROUPS) if isinstance(state, Mapping) else None
    known = isinstance(groups, Sequence) and isinstance(state.get('state'), Mapping)
    if not known or not all(isinstance(group, Mapping) for group in groups):
        return 'no parameter groups'
    sizes = [len(g['params']) if isinstance(g.get('params'), list) else 0 for g in groups]
    options = sorted(_DISTINGUISHING.intersection(*groups)) if groups else []
    return f'{sum(sizes)} parameters in {len(groups)} groups {_short(sizes)} with {options}'


def _short(sizes: Sequence[int]) -> str:
    shown = ', '.join(map(str, sizes[:8]))
    return f'({shown}{", ..." if len(sizes) > 8 else ""})'


def _lists(schedulers: object) -> dict[str, Sequence]:
    if isinstance(schedulers, Mapping):
        return {str(n): g if isinstance(g, Sequence) else [g] for n, g in schedulers.items()}
    return {'': schedulers if isinstance(schedulers, (list, tuple)) else [schedulers]}


def _count(lists: Mapping[str, Sequence]) -> str:
    numbers = [f'{len(group)}{f" of {name}" if name else ""}' for name, group in lists.items()]
    return ', '.join(numbers) or '0'


def _text(keys: object) -> str:
    return ', '.join(sorted(map(str, keys))) if isinstance(keys, set) else str(keys)


def _differs(source: object, saved: str, current: str) -> CheckpointFileError:
    return CheckpointFileError(
        f'{source} is of another run: it has {saved}, but this config gives {current}. Continue '
        'with the config of that run (it is in its work folder); to begin a new run from its '
        'weights, give --cfg-options load_from=FILE without --resume'
    )
