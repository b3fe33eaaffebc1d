"""GraSS and its baselines on synthetic aerial data: what is compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mmss_plugins.analysis.jobs.commands import last_checkpoint
from mmss_plugins.analysis.jobs.steps import StepRunner
from mmss_plugins.analysis.spread import spread
from mmss_plugins.utils.atomic_files import write_json
from mmss_plugins.utils.run_settings import read_json
from projects.pipeline.aerial import AerialRun
from projects.pipeline.run import RANDOM
from projects.studies.crop_purity import CropPurity, measure_crops
from projects.studies.study import Layout, Study, Task, Used, Variant, final_scores, finish
from projects.studies.study_report import difference

FROZEN = ('model.backbone.frozen_stages=4', 'model.backbone.norm_eval=True')
USES = {'frozen': FROZEN, 'fine-tuned': ()}
ALL_LABELS = ('train_dataloader.dataset.subset=None',)
SUPERVISED = 'supervised'
CROPS = 'crops.json'
VARIANTS = {
    RANDOM: Variant('random weights'),
    'simclr': Variant('SimCLR (no guided stage)', 'simclr_r18_mini'),
    'grass': Variant('GraSS', 'grass_r18_mini'),
    SUPERVISED: Variant('all labels (upper bound)'),
}


@dataclass(frozen=True)
class GrassStudy(Study[AerialRun]):
    """Encoders of aerial images, each used downstream with few labels.

    Args:
        budgets: Numbers of labelled patches to fine-tune on.
        supervised_epochs: Epochs of the upper bound, which sees every label of the training tiles.
    """

    known = VARIANTS
    variable = ('seed', 'workers', 'labelled')

    budgets: tuple[int, ...]
    supervised_epochs: int

    def settings(self) -> dict[str, object]:
        """The sizes that must not differ between two runs in one folder."""
        return {**super().settings(), 'supervised_epochs': self.supervised_epochs}

    def finetune_configs(self) -> dict[str, Used]:
        """By use and start."""
        starts = {RANDOM: False, 'grass': True}
        return {
            f'{use} from {start}': (
                self.run.paths.config('finetune', self.run.finetune_config(use, pretrained)),
                options,
            )
            for use, options in USES.items()
            for start, pretrained in starts.items()
        }

    def columns_of(self, variant: str) -> tuple[str, ...]:  # noqa: ARG002
        """Number of labelled patches and use, as one name."""
        return tuple(f'{budget} {use}' for use in USES for budget in self.budgets)

    def pretrain(self, seed: int, variant: str, runner: StepRunner) -> Path | None:
        """Pretrain without labels, or with all of them."""
        if variant != SUPERVISED:
            return super().pretrain(seed, variant, runner)
        run = replace(self.run_of(seed, variant), finetune_epochs=self.supervised_epochs)
        folder = run.run_dir(SUPERVISED)
        return finish(folder, lambda: run.finetune(runner, SUPERVISED, None, ALL_LABELS))

    def measure(self, run: AerialRun, variant: str) -> None:
        """Measure the guided crops of a pretrained encoder."""
        config = run.paths.config(run.method, run.config)
        checkpoint = last_checkpoint(run.pretrain_dir)
        found = measure_crops(config, checkpoint, run.store('test'), seed=run.seed)
        write_json(self.crops_file(run.seed, variant), asdict(found))

    def crops_file(self, seed: int, variant: str) -> Path:
        """The file of the measured crops of a variant."""
        return self.variant_dir(seed, variant) / CROPS

    def crops(self, variant: str) -> dict[int, CropPurity]:
        """What is measured so far, by seed."""
        files = {seed: self.crops_file(seed, variant) for seed in self.seeds}
        return {
            seed: CropPurity(**read_json(path)) for seed, path in files.items() if path.is_file()
        }

    def score(self, task: Task, encoder: Path | None, runner: StepRunner) -> dict[str, float]:
        """Fine-tuning on few labels."""
        budget, _, use = task.column.partition(' ')
        run = replace(self.run_of(task.seed, task.variant), labelled=int(budget))
        run.finetune(runner, task.column, encoder, USES[use])
        return final_scores(run.run_dir(task.column))

    def layout(self) -> Layout:
        """A row of panels per use of the encoder."""
        panels = [
            {f'{budget} {use}': f'{budget} patches, {use}' for budget in self.budgets}
            for use in USES
        ]
        return Layout(self.titles, panels, 'simclr', ('grass',))


def crops_table(study: GrassStudy) -> str:
    """Markdown: share of the majority class in guided crops, random ones and whole views."""
    head = ['encoder', 'guided crops', 'random crops of their size', 'difference', 'whole views']
    lines = [f'| {" | ".join([*head, "crop area"])} |', f'|---|{"---:|" * len(head)}']
    for variant in study.variants:
        found = list(study.crops(variant).values())
        if found:
            gaps = [100 * (crops.guided - crops.random) for crops in found]
            columns = (
                _percent(found, 'guided'),
                _percent(found, 'random'),
                difference(gaps),
                _percent(found, 'whole'),
                _percent(found, 'area'),
            )
            lines.append(f'| {study.titles[variant]} | {" | ".join(columns)} |')
    return '\n'.join(lines)


def _percent(found: list[CropPurity], name: str) -> str:
    return spread([100 * getattr(crops, name) for crops in found])
