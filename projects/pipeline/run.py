"""One run from raw files to test scores: what the pipelines of both methods have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mmss_plugins.analysis.jobs.commands import ProjectPaths, last_checkpoint, length_options
from mmss_plugins.analysis.jobs.steps import StepRunner

CHECKOUT = ProjectPaths(Path(__file__).resolve().parents[2])
RANDOM = 'random'  # start from random weights


@dataclass(frozen=True)
class PipelineRun(ABC):
    """Paths and sizes of one run, and its steps as the commands that a user types.

    A fine-tuning is identified by its name, such as 's2 frozen'. Its folders have underscores in
    place of spaces.

    Args:
        paths: Where the tools and configs are.
        out: Folder of this run's checkpoints and logs.
        data: Folder of the synthetic data set and its stores; None for ``out``.
        config: Name of the pretraining config.
        seed: Seed of the data set and of all training.
        epochs: Pretraining epochs; None for the config's.
        finetune_epochs: Fine-tuning epochs; None for the config's.
        workers: Processes that generate the data set and the stores.
    """

    method: ClassVar[str]  # folder of the pretraining configs
    pretrain_step: ClassVar[str]

    paths: ProjectPaths
    out: Path
    data: Path | None = None
    config: str = ''
    seed: int = 0
    epochs: int | None = None
    finetune_epochs: int | None = None
    workers: int = 2

    @property
    def data_root(self) -> Path:
        """Folder of the data set and its stores."""
        return self.data or self.out

    @property
    def raw(self) -> Path:
        """Root of the raw files."""
        return self.data_root / 'raw'

    @property
    def pretrain_dir(self) -> Path:
        """Work directory of pretraining."""
        return self.out / 'pretrain'

    def run_dir(self, name: str) -> Path:
        """Work directory of one fine-tuning."""
        return self.out / name.replace(' ', '_')

    def test_dir(self, name: str) -> Path:
        """Work directory of the test of one fine-tuning."""
        return self.out / f'{name.replace(" ", "_")}_test'

    def predictions(self, name: str) -> Path:
        """Folder of the class maps that a test writes."""
        return self.out / f'{name.replace(" ", "_")}_predictions'

    @abstractmethod
    def prepare(self, runner: StepRunner) -> None:
        """Generate the data set and prepare its stores."""

    @abstractmethod
    def pretrain_options(self, config: str) -> list[str]:
        """Config options for the data and the length of pretraining."""

    @abstractmethod
    def finetune_config(self, name: str, pretrained: bool) -> str:
        """Name of the config of one fine-tuning."""

    @abstractmethod
    def finetune_options(self) -> list[str]:
        """Config options for the data of fine-tuning."""

    @abstractmethod
    def title(self, name: str) -> str:
        """A fine-tuning's name as it completes the name of a step."""

    def generate(self, runner: StepRunner, step: str, *options: object) -> None:
        """Generate the synthetic data set as step ``step``."""
        tool = self.paths.project('synthetic')
        self._write_data(runner, step, tool, self.raw, '--seed', self.seed, *options)

    def prepare_stores(
        self, runner: StepRunner, step: str, tool: str, folder: str, out: str, *options: object
    ) -> None:
        """Prepare the raw files in ``folder`` as step ``step``."""
        tool = self.paths.tool(f'prepare/{tool}.py')
        self._write_data(runner, step, tool, self.raw / folder, self.data_root / out, *options)

    def _write_data(self, runner: StepRunner, step: str, *command: object) -> None:
        command = (*command, '--workers', self.workers, '--overwrite')
        runner.run(step, [str(part) for part in command])

    def pretrain(
        self, runner: StepRunner, options: Sequence[str] = (), resume: bool = False
    ) -> Path:
        """Pretrain.

        Args:
            runner: Runs the command.
            options: Further config options.
            resume: Continue from the last checkpoint in the work directory, if there is one.

        Returns:
            The checkpoint.
        """
        config = self.paths.config(self.method, self.config)
        given = [self._seed_option, *self.pretrain_options(config), *options]
        self.paths.train(runner, self.pretrain_step, config, self.pretrain_dir, given, resume)
        return last_checkpoint(self.pretrain_dir)

    def finetune(
        self, runner: StepRunner, name: str, encoder: Path | None, options: Sequence[str] = ()
    ) -> None:
        """Train PSPNet on few labelled patches, validated on the test patches.

        Args:
            runner: Runs the command.
            name: Of the fine-tuning.
            encoder: Checkpoint with the pretrained encoder; None for random weights.
            options: Further config options.
        """
        config, given = self._downstream(name, encoder)
        step = f'fine-tune {self.title(name)}'
        self.paths.train(runner, step, config, self.run_dir(name), [*given, *options])

    def test(self, runner: StepRunner, name: str, encoder: Path | None) -> None:
        """Test what :meth:`finetune` trained, and write its class maps."""
        config, options = self._downstream(name, encoder)
        checkpoint = last_checkpoint(self.run_dir(name))
        step, work_dir = f'test {self.title(name)}', self.test_dir(name)
        maps = self.predictions(name)
        self.paths.test(runner, step, config, checkpoint, work_dir, maps, options)

    def _downstream(self, name: str, encoder: Path | None) -> tuple[str, list[str]]:
        """Config and options of one fine-tuning and its test."""
        options = [
            self._seed_option,
            *self.finetune_options(),
            *length_options(self.finetune_epochs),
        ]
        if encoder is not None:
            options.append(f'model.backbone.init_cfg.checkpoint={encoder}')
        config = self.finetune_config(name, encoder is not None)
        return self.paths.config('finetune', config), options

    @property
    def _seed_option(self) -> str:
        return f'randomness.seed={self.seed}'
