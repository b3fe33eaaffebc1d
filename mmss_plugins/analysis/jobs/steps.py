"""Runs commands as named steps, shows their progress and keeps their logs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

TAIL_LINES = 40
Result = TypeVar('Result')
SHOWN_WIDTH = 150
# Of MMEngine's log: epochs with their losses and metrics, and what was transferred.
RUN_LINES = re.compile(r'Epoch\((?:train|val|test)\).*|\S+ \d+ of \d+ tensors loaded.*|.*Error: .*')


class StepError(RuntimeError):
    """A step failed; the message has its name, log and last lines."""


@dataclass
class StepRecord:
    """One finished step: its name, command line (empty for none) and duration in seconds."""

    name: str
    command: str
    seconds: float


@dataclass
class StepRunner:
    """Runs named commands one after the other.

    Args:
        log_dir: Where each step's whole output is kept, one file per step.
        echo: Print the steps and the lines that show progress.
        environment: Environment variables to set for the commands.
    """

    log_dir: Path
    echo: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)
    records: list[StepRecord] = field(default_factory=list)

    def run(self, name: str, command: Sequence[str], show: re.Pattern | None = None) -> None:
        """Run ``command`` (arguments after the Python interpreter) as step ``name``.

        Args:
            name: What the step does, for people.
            command: Script and arguments.
            show: Print only what matches, rather than every line.

        Raises:
            StepError: If it does not exit with 0.
        """
        self.log_dir.mkdir(parents=True, exist_ok=True)
        log_path = (
            self.log_dir
            / f'{len(self.records) + 1:02d}_{re.sub("[^a-z0-9]+", "-", name.lower())}.log'
        )
        self._print(f'\n== {name}')
        start = time.monotonic()
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        environment = {
            **os.environ, 'PYTHONUNBUFFERED': '1', 'PYTHONWARNINGS': 'ignore', **self.environment
        }  # fmt: skip
        with (
            log_path.open('w', encoding='utf-8') as log,
            subprocess.Popen(
                [sys.executable, *command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors='replace',
                env=environment,
            ) as process,
        ):
            assert process.stdout is not None  # a pipe
            for line in process.stdout:
                log.write(line)
                tail.append(line)
                self._show(line, show)
        seconds = time.monotonic() - start
        if process.returncode != 0:
            raise StepError(
                f"step '{name}' failed with exit code {process.returncode} after {seconds:.0f} s.\n"
                f'Command: python {" ".join(command)}\nWhole output: {log_path}\n'
                f'Last lines:\n{"".join(tail)}'
            )
        self._finish(StepRecord(name, 'python ' + ' '.join(command), seconds))

    def call(self, name: str, work: Callable[[], Result]) -> Result:
        """Do ``work`` in this process as step ``name``; returns its result.

        Raises:
            StepError: If it raises anything.
        """
        self._print(f'\n== {name}')
        start = time.monotonic()
        try:
            result = work()
        except Exception as error:
            raise StepError(f"step '{name}' failed: {type(error).__name__}: {error}") from error
        self._finish(StepRecord(name, '', time.monotonic() - start))
        return result

    def _finish(self, record: StepRecord) -> None:
        self.records.append(record)
        self._print(f'   done in {record.seconds:.0f} s')

    def _print(self, text: str) -> None:
        if self.echo:
            print(text, flush=True)

    def _show(self, line: str, pattern: re.Pattern | None) -> None:
        line = line.rstrip()
        if pattern is not None:
            found = pattern.search(line)
            line = found.group(0) if found else ''
        if line:
            self._print(f'   {line[:SHOWN_WIDTH]}')
