"""Ablation of CromSS on the mini world: what is compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mmss_plugins.analysis.jobs.commands import last_checkpoint
from mmss_plugins.analysis.jobs.steps import StepRunner
from projects.pipeline.sentinel import STARTS, Road, finetune, prepare, pretrain
from projects.studies.pretrained_scores import pretrained_scores
from projects.studies.study import Layout, Study, Task, Used, final_scores

ITSELF = 'as pretrained'  # the pretrained network's own predictions, nothing fine-tuned
CLEAN = 'train_dataloader.dataset.label_field=clean_label'
CONSISTENCY = 'model.consistency.loss_weight={}'.format
SENSORS = {'s2': 'Sentinel-2', 's1': 'Sentinel-1'}
METHOD = ('wo-consistency', 'weak-consistency', 'mid', 'late')


@dataclass(frozen=True)
class Arm:
    """One way to come to an encoder.

    Args:
        title: For people.
        config: Pretraining config; None for random weights.
        options: Config options beyond it.
    """

    title: str
    config: str | None = None
    options: tuple[str, ...] = ()

    @property
    def starts(self) -> tuple[str, ...]:
        """How the encoder is used: in its own network, or downstream as in the demonstration."""
        return (ITSELF, 'frozen', 'fine-tuned') if self.config else ('random',)


ARMS = {
    'random': Arm('random weights'),
    'noisy': Arm('noisy labels alone', 'noisy_r18_13b_mini'),
    'wo-consistency': Arm('CromSS without consistency', 'cromss_mid_r18_13b_mini_wo-consistency'),
    'weak-consistency': Arm(
        'CromSS, consistency weight 0.2', 'cromss_mid_r18_13b_mini', (CONSISTENCY(0.2),)
    ),
    'mid': Arm('CromSS, middle fusion', 'cromss_mid_r18_13b_mini', (CONSISTENCY(1),)),
    'late': Arm('CromSS, late fusion', 'cromss_late_r18_13b_mini', (CONSISTENCY(1),)),
    'oracle': Arm('clean labels (oracle)', 'noisy_r18_13b_mini', (CLEAN,)),
}


@dataclass(frozen=True)
class Ablation(Study):
    """The variants of CromSS, each used downstream on some modalities.

    Args:
        road: Sizes of every run.
        modalities: What to fine-tune on, 's1' and 's2'.
    """

    road: Road
    modalities: tuple[str, ...]

    def road_of(self, seed: int, arm: str) -> Road:
        """Paths of one arm; its world is shared with the other arms of the seed."""
        config = ARMS[arm].config or Road.config
        out, data = self.arm_dir(seed, arm), self.world_dir(seed)
        return replace(self.road, out=out, data=data, seed=seed, config=config)

    def settings(self) -> dict[str, object]:
        """Sizes; seeds and workers may differ."""
        kept = {k: v for k, v in asdict(self.road).items() if isinstance(v, (int, float))}
        return {k: v for k, v in kept.items() if k not in ('seed', 'workers')}

    def configs(self) -> dict[str, Used]:
        """Of pretraining by arm, and of fine-tuning by modality and start."""
        home = self.road.home
        pretraining = {
            f'{arm} pretraining': (home.config('cromss', ARMS[arm].config), ARMS[arm].options)
            for arm in self.arms
            if ARMS[arm].config
        }
        downstream = {
            f'{m} {start}': (home.config('finetune', f'pspnet_r18_mini_dfc2020-{m}{end}'), ())
            for m in self.modalities
            for start, end in STARTS.items()
        }
        return pretraining | downstream

    def columns_of(self, arm: str) -> tuple[str, ...]:
        """Modality and use, as one name."""
        starts = ARMS[arm].starts
        return tuple(f'{modality} {start}' for modality in self.modalities for start in starts)

    def prepare(self, seed: int, runner: StepRunner) -> None:
        """Mini world and its stores."""
        prepare(self.road_of(seed, self.arms[0]), runner)

    def pretrain(self, seed: int, arm: str, runner: StepRunner) -> Path | None:
        """Pretrain with the arm's config; goes on from a checkpoint."""
        if ARMS[arm].config is None:
            return None
        road = self.road_of(seed, arm)
        done = road.pretrain_dir / 'finished'
        if not done.exists():
            pretrain(road, runner, ARMS[arm].options, resume=True)
            done.touch()
        return last_checkpoint(road.pretrain_dir)

    def score(self, task: Task, encoder: Path | None, runner: StepRunner) -> dict[str, float]:
        """The pretrained network itself, or its encoder fine-tuned."""
        road = self.road_of(task.seed, task.arm)
        modality, _, start = task.column.partition(' ')
        if start == ITSELF:
            config = road.home.config('cromss', road.config)
            return pretrained_scores(config, encoder, road.dfc_store('test'))[modality]
        finetune(road, runner, modality, start, encoder)
        return final_scores(road.run_dir(modality, start))

    def layout(self) -> Layout:
        """A row of panels per modality."""
        uses = (ITSELF, 'frozen', 'fine-tuned')
        panels = [{f'{m} {use}': f'{SENSORS[m]}, {use}' for use in uses} for m in self.modalities]
        random = {
            ('random', f'{m} {use}'): f'{m} random' for m in self.modalities for use in uses[1:]
        }
        titles = {arm: ARMS[arm].title for arm in self.arms}
        return Layout(titles, panels, 'noisy', METHOD, random)
