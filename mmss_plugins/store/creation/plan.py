"""How a store is made: its samples, and how each one is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from mmss_plugins.store.meta import StoreMeta

FieldTypes = Mapping[str, str]  # field to NumPy type name


class Loaded(NamedTuple):
    """One sample as it was read.

    Args:
        arrays: Field, or (season, field), to array, or to its bytes as the store holds them.
        cirrus: Name of each Sentinel-2 image that was read in raw integers to the mean of its B10.
        facts: What else was found, as plain values, for the plan's ``findings``.
    """

    arrays: Mapping[Any, np.ndarray | bytes]
    cirrus: dict[str, float]
    facts: Mapping[str, Any] | None = None


class Skipped(NamedTuple):
    """A skipped sample, the reason, whether the options request it, and whether to try it again."""

    sample_id: str
    reason: str
    unwanted: bool = False
    postponed: bool = False


class Task(Protocol):
    """One sample to be read; any picklable object with an id."""

    sample_id: str


class Supply(Protocol):
    """Where samples come from that cannot be read one by one, such as an archive."""

    def __call__(self, tasks: Sequence[Any]) -> AbstractContextManager[Iterator[Any]]:
        """The tasks, ready to be loaded, in the order in which they come.

        What they need is there as long as the context lasts: other processes may still load the
        last ones when the iterator is at its end.
        """

    def progress(self) -> str:
        """How much has been read."""


class Findings(NamedTuple):
    """A summary of the facts of a store's samples.

    Args:
        info: Per season, for the store's description.
        summary: For the summary file.
        lines: For the printed summary.
    """

    info: dict[str, Any]
    summary: dict[str, Any]
    lines: list[str]


@dataclass(frozen=True)
class Plan:
    """How one store is made.

    Args:
        out: The store.
        title: For the progress bar.
        tasks: Samples, in the store's order.
        load: Picklable function from a task, and the type that each field must have (None while
            that is not known), to the sample; raises RasterError.
        describe: From the first good sample's arrays to the store's description.
        skipped: Samples known to be unusable before reading.
        notes: From the tasks and the number of processes to warnings for the summary; asked when it
            is written.
        probed: Samples of which the first good one describes the store; None for ``tasks``.
        supply: Where samples come from, if they cannot be read one by one.
        findings: From the facts of the store's samples to their summary.
    """

    out: Path
    title: str
    tasks: Sequence[Any]
    load: Callable[[Any, FieldTypes | None], Loaded]
    describe: Callable[[Mapping[Any, Any]], StoreMeta]
    skipped: tuple[Skipped, ...] = ()
    notes: Callable[[Sequence[Any], int], Sequence[str]] | None = None
    probed: Sequence[Any] | None = None
    supply: Supply | None = None
    findings: Callable[[Sequence[Mapping[str, Any]]], Findings] | None = None
