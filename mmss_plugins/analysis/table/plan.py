"""What a table is to hold: fine-tunings by config, each run with several seeds."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmss_plugins.analysis.table.row import describe
from mmss_plugins.cli.config_files import find_config, load_config
from mmss_plugins.cli.run_options import add_run_options
from mmss_plugins.utils.atomic_files import write_json
from mmss_plugins.utils.run_settings import (
    differences,
    digest,
    file_digest,
    read_json,
    resolved_settings,
)

SETTINGS = 'settings.json'
RESULT = 'result.json'
SEED = '{seed}'  # in an option's value: the run's seed
DATA = 'data/'


class TableError(RuntimeError):
    """The table cannot be made; the message says what to do."""


@dataclass(frozen=True)
class Run:
    """One training and its test.

    Args:
        config: The config's file.
        seed: Of the training.
        folder: Where all of the run is kept.
        options: Config options, the seed among them.
        digest: Of the row's settings.
        best: Whether training keeps a best checkpoint, which is then tested.
    """

    config: Path
    seed: int
    folder: Path
    options: tuple[str, ...]
    digest: str
    best: bool

    @property
    def name(self) -> str:
        """For messages."""
        return f'{self.config.stem}, seed {self.seed}'

    @property
    def train_dir(self) -> Path:
        """Work directory of training."""
        return self.folder / 'train'

    @property
    def test_dir(self) -> Path:
        """Work directory of the test."""
        return self.folder / 'test'

    @property
    def result_file(self) -> Path:
        """Where the scores are kept."""
        return self.folder / RESULT


@dataclass(frozen=True)
class Row:
    """A config with its options, whatever the seed: a row of the table.

    Args:
        config: The config's file.
        folder: Of its runs.
        options: Config options, with ``{seed}`` where the seed goes.
        columns: What the table says of it.
        settings: The resolved config with the same ``{seed}``, and digests of the checkpoints
            that it begins from.
        best: Whether training keeps a best checkpoint.
    """

    config: Path
    folder: Path
    options: tuple[str, ...]
    columns: Mapping[str, str]
    settings: Mapping
    best: bool

    def run(self, seed: int) -> Run:
        """The run with a seed."""
        options = tuple(option.replace(SEED, str(seed)) for option in self.options)
        folder = self.folder / f'seed{seed}'
        return Run(self.config, seed, folder, options, digest(self.settings), self.best)

    def begun(self) -> bool:
        """Whether some run has left what another one could be mixed with."""
        kept = (f'seed*/{RESULT}', 'seed*/train/last_checkpoint')
        return any(True for pattern in kept for _ in self.folder.glob(pattern))

    def changed(self) -> str:
        """What differs from the settings that its runs were started with; empty if nothing does."""
        path = self.folder / SETTINGS
        if not path.is_file() or not self.begun():
            return ''
        return differences(read_json(path)['settings'], self.settings)

    def record_settings(self) -> None:
        """Note the settings beside the runs."""
        content = {
            'config': str(self.config),
            'columns': dict(self.columns),
            'digest': digest(self.settings),
            'settings': dict(self.settings),
        }
        write_json(self.folder / SETTINGS, content)


def plan_row(name: str, out: Path, options: Sequence[str], data: str | None) -> Row:
    """Read a config as the commands will.

    Args:
        name: Path of a config, or the name of one of the package's.
        out: Folder of the table; the row's is in it, by the config's name.
        options: Config options as on the command line; ``{seed}`` stands for the seed.
        data: Folder in place of the config's ``data``, or None.

    Raises:
        UsageError: If there is no such config, or its name is ambiguous.
    """
    path = find_config(name).resolve()
    own = ('randomness.seed=' + SEED, *options)
    cfg = _load(path, own)
    if data is not None:
        own = ('randomness.seed=' + SEED, *data_root_options(cfg, data), *options)
        cfg = _load(path, own)
    settings = {**resolved_settings(cfg), 'weights': _weights(cfg)}
    best = bool(cfg.get('default_hooks', {}).get('checkpoint', {}).get('save_best'))
    return Row(path, out / path.stem, own, describe(cfg), settings, best)


def plan_rows(
    names: Sequence[str], out: Path, options: Sequence[str] = (), data: str | None = None
) -> list[Row]:
    """The rows of a table in the order of ``names``, each config once.

    Raises:
        TableError: If two configs have one name: their folders would be the same.
    """
    rows: dict[str, Row] = {}
    for name in names:
        row = plan_row(name, out, options, data)
        other = rows.setdefault(row.folder.name, row)
        if other.config != row.config:
            raise TableError(
                f'{other.config} and {row.config} have one name, by which their folder in {out} is '
                'called: rename one, or make two tables'
            )
    return list(rows.values())


def record_settings_of(rows: Sequence[Row], redo: bool) -> None:
    """Note every row's settings in its folder, or compare them with those noted there.

    Args:
        rows: Of the table.
        redo: Remove the runs that were started with other settings.

    Raises:
        TableError: If runs were started with other settings, and are to be kept.
    """
    changed = {row.folder: text for row in rows if (text := row.changed())}
    if changed and not redo:
        lines = [f'  {folder}: {text}' for folder, text in changed.items()]
        raise TableError(
            'these folders hold runs with other settings:\n' + '\n'.join(lines)
            + '\nGive the same settings to continue them, another --work-dir to keep both, or '
            '--redo to remove them and run again'
        )  # fmt: skip
    for row in rows:
        if row.folder in changed:
            for run in row.folder.glob('seed*'):  # whatever else lies beside them is not ours
                shutil.rmtree(run)
        row.record_settings()


def data_root_options(cfg: Config, folder: str) -> list[str]:
    """Options that make all loaders read below another folder than ``data``."""
    return [
        f'{name}={folder.rstrip("/")}/{root.removeprefix(DATA)}'
        for part in ('train', 'val', 'test')
        for name, root in _data_roots(cfg.get(f'{part}_dataloader') or {}, f'{part}_dataloader')
    ]


def _data_roots(part: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(part, Mapping):
        pairs: Iterable[tuple[Any, Any]] = part.items()
    elif isinstance(part, (list, tuple)):
        pairs = enumerate(part)
    else:
        return
    for key, value in pairs:
        if key == 'data_root' and isinstance(value, str) and value.startswith(DATA):
            yield f'{name}.{key}', value
        else:
            yield from _data_roots(value, f'{name}.{key}')


def _load(path: Path, options: Sequence[str]) -> Config:
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_run_options(parser)
    return load_config(parser.parse_args([str(path), '--cfg-options', *options]))


def _weights(cfg: Config) -> dict[str, str]:
    """Digest by name of the local checkpoints that the config names anywhere."""
    names = {str(value) for value in _checkpoints(cfg.to_dict())}
    return {name: file_digest(Path(name)) for name in sorted(names) if Path(name).is_file()}


def _checkpoints(part: object) -> Iterator[object]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key in ('checkpoint', 'load_from', 'pretrained') and isinstance(value, str):
                yield value
            yield from _checkpoints(value)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from _checkpoints(value)
