"""GraSS on the aerial mini world against its baselines: what is compared."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mmss_plugins.analysis.jobs.commands import last_checkpoint
from mmss_plugins.analysis.jobs.steps import StepRunner
from mmss_plugins.analysis.spread import spread
from mmss_plugins.utils.atomic_files import write_json
from projects.pipeline.aerial import (
    DOWNSTREAM_CONFIG,
    STARTS,
    AerialRoad,
    finetune,
    prepare,
    pretrain,
)
from projects.studies.crop_purity import CropPurity, measure_crops
from projects.studies.study import Layout, Study, Task, Used, final_scores
from projects.studies.study_report import difference

FROZEN = ('model.backbone.frozen_stages=4', 'model.backbone.norm_eval=True')
USES = {'frozen': FROZEN, 'fine-tuned': ()}
ALL_LABELS = ('train_dataloader.dataset.subset=None',)
SUPERVISED = 'supervised'
CROPS = 'crops.json'
ARMS = {'random': None, 'simclr': 'simclr_r18_mini', 'grass': 'grass_r18_mini', SUPERVISED: None}
TITLES = {
    'random': 'random weights',
    'simclr': 'SimCLR (no guided stage)',
    'grass': 'GraSS',
    SUPERVISED: 'all labels (upper bound)',
}


@dataclass(frozen=True)
class GrassStudy(Study):
    """Encoders of the aerial mini world, each used downstream with few labels.

    Args:
        road: Sizes of every run.
        budgets: Numbers of labelled patches to fine-tune on.
        supervised_epochs: Epochs of the upper bound, which sees every label of the training tiles.
    """

    road: AerialRoad
    budgets: tuple[int, ...]
    supervised_epochs: int

    def road_of(self, seed: int, arm: str) -> AerialRoad:
        """Paths of one arm; its world is shared with the other arms of the seed."""
        config = ARMS[arm] or AerialRoad.config
        out, data = self.arm_dir(seed, arm), self.world_dir(seed)
        return replace(self.road, out=out, data=data, seed=seed, config=config)

    def settings(self) -> dict[str, object]:
        """Sizes; seeds, budgets and workers may differ."""
        sizes = {k: v for k, v in asdict(self.road).items() if isinstance(v, (int, float))}
        kept = {k: v for k, v in sizes.items() if k not in ('seed', 'workers', 'labelled')}
        return {**kept, 'supervised_epochs': self.supervised_epochs}

    def configs(self) -> dict[str, Used]:
        """Of pretraining by arm, and of fine-tuning by use and start."""
        home = self.road.home
        pretraining = {
            f'{arm} pretraining': (home.config('grass', config), ())
            for arm in self.arms
            if (config := ARMS[arm])
        }
        downstream = {
            f'{use} from {start}': (home.config('finetune', f'{DOWNSTREAM_CONFIG}{end}'), options)
            for use, options in USES.items()
            for start, end in STARTS.items()
        }
        return pretraining | downstream

    def columns_of(self, arm: str) -> tuple[str, ...]:  # noqa: ARG002
        """Number of labelled patches and use, as one name."""
        return tuple(f'{budget} {use}' for use in USES for budget in self.budgets)

    def prepare(self, seed: int, runner: StepRunner) -> None:
        """Aerial mini world and its stores."""
        prepare(self.road_of(seed, self.arms[0]), runner)

    def pretrain(self, seed: int, arm: str, runner: StepRunner) -> Path | None:
        """Pretrain without labels, or with all of them; goes on from a checkpoint."""
        road = self.road_of(seed, arm)
        if arm == 'random':
            return None
        folder = road.run_dir(SUPERVISED) if arm == SUPERVISED else road.pretrain_dir
        done = folder / 'finished'
        if not done.exists():
            if arm == SUPERVISED:
                whole = replace(road, finetune_epochs=self.supervised_epochs)
                finetune(whole, runner, SUPERVISED, None, ALL_LABELS)
            else:
                pretrain(road, runner, resume=True)
                self._measure_crops(road, arm)
            done.touch()
        return last_checkpoint(folder)

    def _measure_crops(self, road: AerialRoad, arm: str) -> None:
        config = road.home.config('grass', road.config)
        checkpoint = last_checkpoint(road.pretrain_dir)
        found = measure_crops(config, checkpoint, road.store('test'), seed=road.seed)
        write_json(self.crops_file(road.seed, arm), asdict(found))

    def crops_file(self, seed: int, arm: str) -> Path:
        """Where the measurement of an arm's guided crops is kept."""
        return self.arm_dir(seed, arm) / CROPS

    def crops(self, arm: str) -> dict[int, CropPurity]:
        """What is measured so far, by seed."""
        files = {seed: self.crops_file(seed, arm) for seed in self.seeds}
        return {
            seed: CropPurity(**json.loads(path.read_text(encoding='utf-8')))
            for seed, path in files.items()
            if path.is_file()
        }

    def score(self, task: Task, encoder: Path | None, runner: StepRunner) -> dict[str, float]:
        """Fine-tuning on few labels."""
        budget, _, use = task.column.partition(' ')
        road = replace(self.road_of(task.seed, task.arm), labelled=int(budget))
        name = task.column.replace(' ', '_')
        finetune(road, runner, name, encoder, USES[use])
        return final_scores(road.run_dir(name))

    def layout(self) -> Layout:
        """A row of panels per use of the encoder."""
        panels = [
            {f'{budget} {use}': f'{budget} patches, {use}' for budget in self.budgets}
            for use in USES
        ]
        titles = {arm: TITLES[arm] for arm in self.arms}
        return Layout(titles, panels, 'simclr', ('grass',))


def crops_table(study: GrassStudy) -> str:
    """Markdown: share of the commonest class in guided crops, random ones and whole views."""
    head = ['encoder', 'guided crops', 'random crops of their size', 'difference', 'whole views']
    lines = [f'| {" | ".join([*head, "crop area"])} |', f'|---|{"---:|" * len(head)}']
    for arm in study.arms:
        found = list(study.crops(arm).values())
        if found:
            gaps = [100 * (crops.guided - crops.random) for crops in found]
            columns = (
                _percent(found, 'guided'),
                _percent(found, 'random'),
                difference(gaps),
                _percent(found, 'whole'),
                _percent(found, 'area'),
            )
            lines.append(f'| {TITLES[arm]} | {" | ".join(columns)} |')
    return '\n'.join(lines)


def _percent(found: list[CropPurity], name: str) -> str:
    return spread([100 * getattr(crops, name) for crops in found])
