"""How fast sample selection sets in."""

from __future__ import annotations

import math

RAMP_KINDS = ('exp', 'linear', 'none')


def ramp(kind: str, epoch: float, length: float) -> float:
    """Value of the ramp R(t), from (nearly) 0 to 1.

    'exp': exp(-5 (1 - t/T)^2), which begins at 0.0067; 'linear': t/T; 'none': 1 from the start.
    All are 1 for t >= T.
    Source: CromSS (https://arxiv.org/abs/2405.01217), schedule of the sample selection.

    Args:
        kind: 'exp', 'linear' or 'none'.
        epoch: t >= 0, in epochs or iterations.
        length: T >= 0, in the same unit; with 0 the ramp is 1 from the start.

    Returns:
        A number in [0, 1].

    Raises:
        ValueError: If the kind is unknown or a number negative.
    """
    if kind not in RAMP_KINDS:
        raise ValueError(f'ramp must be one of {RAMP_KINDS}, but got {kind!r}')
    if epoch < 0 or length < 0:
        raise ValueError(f'epoch and length of a ramp must be >= 0, but got {epoch} and {length}')
    if kind == 'none' or epoch >= length:
        return 1.0
    done = epoch / length
    return done if kind == 'linear' else math.exp(-5 * (1 - done) ** 2)
