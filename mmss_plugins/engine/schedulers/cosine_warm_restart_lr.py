"""A cosine that starts again several times, each time lower."""

from __future__ import annotations

import math
from typing import Any

from mmengine.optim import _ParamScheduler

from mmss_plugins.registry import PARAM_SCHEDULERS

WAVES = ('full', 'half')
_INF = int(1e9)  # MMEngine's number for "no end"


def cosine_warm_restart(
    where: float,
    start: float,
    end: float,
    interval: float,
    wave: str = 'full',
    adaptive: bool = True,
    peak_factor: float = 1.0,
) -> float:
    """Value of the schedule: end + (peak - end) (1 + cos(phase)) / 2.

    'half': every interval the value jumps to a new peak and falls to ``end``; wave n begins at
    n * interval. 'full': after the first fall it climbs for one interval and falls for the next;
    wave 0 is the first fall, wave n > 0 begins at the trough at (2n - 1) * interval.
    Adaptive peaks follow one long cosine C from ``start`` at 0 to ``end`` at 1: wave n's peak is C
    where the wave begins ('half') or an interval later ('full'; so the first peak is below
    ``start``). Otherwise wave n's peak is start * peak_factor ** n.
    Source: the schedule of the published GraSS runs; restarts, https://arxiv.org/abs/1608.03983.

    Args:
        where: Share of the schedule that is done, 0 to 1.
        start: Value of the highest possible peak.
        end: Value of the troughs.
        interval: Length of a fall, as a share of the schedule.
        wave: 'full' or 'half'.
        adaptive: Whether peaks follow the long cosine.
        peak_factor: Of a peak to the one before, where they are not adaptive.

    Returns:
        The value.
    """
    falls = where / interval
    number = math.floor(falls) if wave == 'half' else math.floor((falls + 1) / 2)
    phase = falls - number if wave == 'half' else falls
    if not adaptive:
        peak = start * peak_factor**number
    elif wave == 'half':
        peak = _cosine(number * interval, start, end)
    else:
        peak = _cosine(max(2 * number - 1, 0) * interval + interval, start, end)
    return _cosine(phase, peak, end)


@PARAM_SCHEDULERS.register_module()
class CosineWarmRestartLR(_ParamScheduler):
    """Learning rate by :func:`cosine_warm_restart`, with the group's initial rate as the start.

    By epoch, by iteration, or by epoch with ``convert_to_iter_based=True``, as MMEngine's own
    schedulers. The rate is computed from the initial one, not from the last one: whatever a
    scheduler listed before has set in the same step is replaced. After a ``LinearLR`` warm-up of
    ``n`` steps whose line would reach the initial rate in step ``n`` (MMEngine: ``end=n + 1``),
    ``begin=n`` is right.

    Args:
        optimizer: Optimizer or optimizer wrapper.
        interval: Length of a fall, as a share of ``begin`` to ``end``, in (0, 1].
        wave: 'full' or 'half'. Defaults to 'full'.
        adaptive: Whether peaks follow one long cosine. Defaults to True.
        peak_factor: Of a peak to the one before, only where they are not adaptive. Defaults to 1.
        eta_min: Rate of the troughs, the same in all groups. Defaults to 0.
        eta_min_ratio: Rate of the troughs as a share of the group's initial one, instead.
        begin: First step. Defaults to 0.
        end: Step after the last one; the Runner fills it in.
        last_step: Index of the last step, for resuming without a state. Defaults to -1.
        by_epoch: Whether steps are epochs. Defaults to True.
        verbose: Whether to print each value. Defaults to False.

    Raises:
        ValueError: If an argument is out of range, or two exclude each other.
    """

    def __init__(
        self,
        optimizer: Any,
        interval: float,
        wave: str = 'full',
        adaptive: bool = True,
        peak_factor: float = 1.0,
        eta_min: float | None = None,
        eta_min_ratio: float | None = None,
        begin: int = 0,
        end: int = _INF,
        last_step: int = -1,
        by_epoch: bool = True,
        verbose: bool = False,
    ) -> None:
        if not 0 < interval <= 1:
            raise ValueError(f'interval must be in (0, 1], a share of the schedule: {interval}')
        if wave not in WAVES:
            raise ValueError(f'wave must be one of {WAVES}, but got {wave!r}')
        if adaptive and peak_factor != 1:
            raise ValueError('peak_factor needs adaptive=False: adaptive peaks have their own rule')
        if eta_min is not None and eta_min_ratio is not None:
            raise ValueError('give eta_min or eta_min_ratio, not both')
        if end >= _INF:
            raise ValueError('end must be given: the interval is a share of begin to end')
        self.interval = interval
        self.wave = wave
        self.adaptive = adaptive
        self.peak_factor = peak_factor
        self.eta_min = eta_min or 0.0
        self.eta_min_ratio = eta_min_ratio
        super().__init__(
            optimizer,
            param_name='lr',
            begin=begin,
            end=end,
            last_step=last_step,
            by_epoch=by_epoch,
            verbose=verbose,
        )

    @classmethod
    def build_iter_from_epoch(
        cls,
        *args: Any,
        begin: int = 0,
        end: int = _INF,
        by_epoch: bool = True,
        epoch_length: int | None = None,
        **kwargs: Any,
    ) -> CosineWarmRestartLR:
        """Build one that counts iterations from the settings of one that counts epochs.

        Args:
            args: As for the class.
            begin: First epoch.
            end: Epoch after the last one.
            by_epoch: Must be true.
            epoch_length: Iterations of an epoch.
            kwargs: As for the class.

        Returns:
            The scheduler.

        Raises:
            ValueError: If the settings do not count epochs, or the epoch's length is missing.
        """
        if not by_epoch or not epoch_length or epoch_length < 0:
            raise ValueError(
                f'convert_to_iter_based needs by_epoch=True and an epoch length above 0, but got '
                f'by_epoch={by_epoch}, epoch_length={epoch_length}'
            )
        begin = int(begin * epoch_length)
        end = end if end >= _INF else int(end * epoch_length)
        settings = {**kwargs, 'begin': begin, 'end': end, 'by_epoch': False}
        return cls(*args, **settings)

    def _get_value(self) -> list[float]:
        where = self.last_step / (self.end - self.begin)
        return [
            cosine_warm_restart(
                where,
                start,
                self.eta_min if self.eta_min_ratio is None else self.eta_min_ratio * start,
                self.interval,
                self.wave,
                self.adaptive,
                self.peak_factor,
            )
            for start in self.base_values
        ]


def _cosine(where: float, start: float, end: float) -> float:
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * where))
