"""Pieces of the command lines that users type."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mmss_plugins
from mmss_plugins.analysis.jobs.steps import RUN_LINES, StepRunner


@dataclass(frozen=True)
class ProjectPaths:
    """Where the tools and configs are.

    Args:
        path: Folder that holds ``tools``, ``configs`` and, in a checkout, ``projects``.
        by_name: Train and test by ``mim`` and the config's name, rather than by the tools' paths.
    """

    path: Path
    by_name: bool = False

    @classmethod
    def packaged(cls) -> ProjectPaths:
        """Those of this installation: the checkout's, or the copies in a wheel."""
        return cls((Path(mmss_plugins.__file__).parent / '.mim' / 'tools').resolve().parent)

    def tool(self, name: str) -> str:
        """Path of one of our tools."""
        return str(self.path / 'tools' / name)

    def project(self, name: str) -> str:
        """Path of a command that only a checkout has, such as 'synthetic'."""
        return str(self.path / 'projects' / name / '__main__.py')

    def config(self, folder: str, name: str) -> str:
        """Path of one of our configs."""
        return str(self.path / 'configs' / folder / f'{name}.py')

    def train(
        self,
        runner: StepRunner,
        name: str,
        config: str,
        work_dir: Path,
        options: Sequence[str],
        resume: bool = False,
    ) -> None:
        """Train as step ``name``; ``resume`` continues from a checkpoint, if there is one."""
        command = [*self._command('train', config), '--work-dir', str(work_dir)]
        resumption = ['--resume', 'auto'] if resume else []
        runner.run(name, [*command, *resumption, '--cfg-options', *options], RUN_LINES)

    def test(
        self,
        runner: StepRunner,
        name: str,
        config: str,
        checkpoint: Path,
        work_dir: Path,
        predictions: Path | None,
        options: Sequence[str],
    ) -> None:
        """Test as step ``name``; write the class maps to ``predictions``, unless that is None."""
        given = ['--checkpoint', str(checkpoint)] if self.by_name else [str(checkpoint)]
        command = [*self._command('test', config), *given, '--work-dir', str(work_dir)]
        maps = [] if predictions is None else ['--out', str(predictions)]
        runner.run(name, [*command, *maps, '--cfg-options', *options], RUN_LINES)

    def _command(self, task: str, config: str) -> list[str]:
        if self.by_name:
            return ['-m', 'mim', task, 'mmss_plugins', Path(config).name]
        return [self.tool(f'{task}.py'), config]


def mim_finds_names() -> bool:
    """Whether ``mim`` is usable here and finds this package's configs by name.

    That takes the original openmim, the setuptools that it needs, and this package installed.
    """
    try:
        for name in ('openmim', 'mmss_plugins'):
            importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return importlib.util.find_spec('pkg_resources') is not None


def data_options(store: Path, *loaders: str) -> list[str]:
    """Options that make loaders read a store."""
    return [f'{loader}_dataloader.dataset.data_root={store}' for loader in loaders]


def length_options(epochs: int | None) -> list[str]:
    """Options that give a run another length, validated and saved at its end."""
    if epochs is None:
        return []
    return [
        f'train_cfg.max_epochs={epochs}',
        f'train_cfg.val_interval={epochs}',
        f'param_scheduler.0.T_max={epochs}',
        f'default_hooks.checkpoint.interval={epochs}',
    ]


def last_checkpoint(work_dir: Path) -> Path:
    """The checkpoint that MMEngine saved last in a work directory."""
    pointer = work_dir / 'last_checkpoint'
    if not pointer.is_file():
        raise FileNotFoundError(f'{pointer} is missing: has the training saved a checkpoint?')
    return Path(pointer.read_text(encoding='utf-8').strip())
