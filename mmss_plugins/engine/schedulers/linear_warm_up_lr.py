"""A linear warm-up that hands over without a repeated or missing step."""

from __future__ import annotations

from typing import Any

from mmengine.optim import LinearLR

from mmss_plugins.registry import PARAM_SCHEDULERS

_INF = int(1e9)  # MMEngine's number for "no end"


@PARAM_SCHEDULERS.register_module()
class LinearWarmUpLR(LinearLR):
    """``LinearLR`` whose line reaches its end in step ``end``, the first of the next schedule.

    MMEngine's reaches it one step earlier. Here ``end=n`` goes with ``begin=n`` of what follows,
    in epochs converted to iterations too, so no number of iterations has to be known. List it
    before the schedule that follows, which sets the rate of step ``end``.

    Args:
        optimizer: Optimizer or optimizer wrapper.
        begin: First step. Defaults to 0.
        end: First step after the warm-up, or epoch.
        **kwargs: Of ``LinearLR``: ``start_factor``, ``by_epoch``, ``convert_to_iter_based`` and
            so on.
    """

    def __init__(self, optimizer: Any, begin: int = 0, end: int = _INF, **kwargs: Any) -> None:
        super().__init__(optimizer, begin=begin, end=end + 1, **kwargs)
