"""A stand-in for ``argparse.Namespace`` in checkpoints of other projects: it holds plain values.

Training scripts put their parsed options into their checkpoints, as PyTorch Lightning does under
'hyper_parameters' and the scripts of MAE and DINO under 'args'. The options are not used here; the
stand-in only lets the file be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pickle import UnpicklingError

import torch

_NAME = 'argparse.Namespace'
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_MAX_DEPTH = 16


class PlainNamespace:
    """Attributes that are numbers, text, None, and lists, tuples, sets and dicts of these."""

    def __setstate__(self, state: object) -> None:
        """Called by the unpickler with the attributes.

        Raises:
            UnpicklingError: If one is of another kind, or nested more than 16 deep.
        """
        if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
            raise UnpicklingError(f'the checkpoint holds an {_NAME} that is not made of names')
        for name, value in state.items():
            _check(name, value)
        self.__dict__.update(state)


def _check(name: str, value: object) -> None:
    level = [value]
    for _ in range(_MAX_DEPTH):
        deeper = []
        for item in level:
            if isinstance(item, PlainNamespace):
                continue  # it was checked when it was made
            if isinstance(item, Mapping):
                deeper += [*item.keys(), *item.values()]
            elif isinstance(item, (list, tuple, set, frozenset)):
                deeper += item
            elif not isinstance(item, _PLAIN):
                raise UnpicklingError(
                    f'the checkpoint holds an {_NAME} whose {name!r:.60} is not plain: expected '
                    f'numbers and text, but found {type(item).__name__}'
                )
        if not deeper:
            return
        level = list({id(item): item for item in deeper}.values())
    raise UnpicklingError(
        f'the checkpoint holds an {_NAME} whose {name!r:.60} is nested more than {_MAX_DEPTH} deep'
    )


@contextmanager
def namespaces_admitted() -> Iterator[None]:
    """Read ``argparse.Namespace`` as :class:`PlainNamespace` in restricted loading, in a block."""
    with torch.serialization.safe_globals([(PlainNamespace, _NAME)]):
        yield
