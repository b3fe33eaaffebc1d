"""Progress of preparation: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINE_EVERY = 5.0  # seconds


class ProgressReport:
    """Shows how far the work is, its rate, and the time left. A context manager.

    Args:
        title: What is being done.
        total: Number of samples.
        done: How many were there before (a resumed run); they do not count for the rate.
        note: Returns what is shown beside the rate, such as how much was read.
    """

    def __init__(
        self, title: str, total: int, done: int = 0, note: Callable[[], str] | None = None
    ) -> None:
        self.title, self.total, self.done, self.note = title, total, done, note
        self.skipped = 0
        self._begun_with = done
        self._start = self._last_line = time.monotonic()
        console = Console(stderr=True)
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn('{task.description}'),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn('{task.fields[rate]}'),
                TimeElapsedColumn(),
                TextColumn('left'),
                TimeRemainingColumn(),
                console=console,
            )
            self._task = self._bar.add_task(title, total=total, completed=done, rate='')

    def __enter__(self) -> ProgressReport:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        else:
            self._line()

    def step(self, samples: int = 1, skipped: bool = False) -> None:
        """Count samples that are done, or skipped."""
        self.done += samples
        self.skipped += skipped
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, rate=self._rate_text())
        elif time.monotonic() - self._last_line >= LINE_EVERY:
            self._line()

    def _rate(self) -> float:
        return (self.done - self._begun_with) / max(time.monotonic() - self._start, 1e-9)

    def _rate_text(self) -> str:
        skipped = f', {self.skipped} skipped' if self.skipped else ''
        note = f', {self.note()}' if self.note is not None else ''
        return f'{self._rate():.1f}/s{skipped}{note}'

    def _line(self) -> None:
        self._last_line = time.monotonic()
        left = (self.total - self.done) / self._rate() if self._rate() else 0
        print(
            f'{self.title}: {self.done}/{self.total}, {self._rate_text()}, {_clock(left)} left',
            file=sys.stderr,
            flush=True,
        )


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f'{hours}:{minutes:02d}:{seconds:02d}'
