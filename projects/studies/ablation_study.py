"""Ablation of CromSS on synthetic data: what is compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmss_plugins.analysis.jobs.steps import StepRunner
from projects.pipeline.run import RANDOM
from projects.pipeline.sentinel import STARTS, SentinelRun
from projects.studies.pretrained_scores import pretrained_scores
from projects.studies.study import Layout, Study, Task, Used, Variant, final_scores

ITSELF = 'as pretrained'  # the pretrained network's own predictions, nothing fine-tuned
USES = (ITSELF, 'frozen', 'fine-tuned')
CLEAN = 'train_dataloader.dataset.label_field=clean_label'
CONSISTENCY = 'model.consistency.loss_weight={}'.format
SENSORS = {'s2': 'Sentinel-2', 's1': 'Sentinel-1'}
METHOD = ('wo-consistency', 'weak-consistency', 'mid', 'late')
VARIANTS = {
    RANDOM: Variant('random weights'),
    'noisy': Variant('noisy labels alone', 'noisy_r18_13b_mini'),
    'wo-consistency': Variant(
        'CromSS without consistency', 'cromss_mid_r18_13b_mini_wo-consistency'
    ),
    'weak-consistency': Variant(
        'CromSS, consistency weight 0.2', 'cromss_mid_r18_13b_mini', (CONSISTENCY(0.2),)
    ),
    'mid': Variant('CromSS, middle fusion', 'cromss_mid_r18_13b_mini', (CONSISTENCY(1),)),
    'late': Variant('CromSS, late fusion', 'cromss_late_r18_13b_mini', (CONSISTENCY(1),)),
    'oracle': Variant('clean labels (oracle)', 'noisy_r18_13b_mini', (CLEAN,)),
}


@dataclass(frozen=True)
class Ablation(Study[SentinelRun]):
    """The variants of CromSS, each used downstream on some modalities.

    Args:
        modalities: What to fine-tune on, 's1' and 's2'.
    """

    known = VARIANTS

    modalities: tuple[str, ...]

    def finetune_configs(self) -> dict[str, Used]:
        """By modality and start."""
        names = [f'{modality} {start}' for modality in self.modalities for start in STARTS]
        config = self.run.paths.config
        return {n: (config('finetune', self.run.finetune_config(n, True)), ()) for n in names}

    def columns_of(self, variant: str) -> tuple[str, ...]:
        """Modality and use, as one name."""
        uses = USES if self.known[variant].config else (RANDOM,)
        return tuple(f'{modality} {use}' for modality in self.modalities for use in uses)

    def score(self, task: Task, encoder: Path | None, runner: StepRunner) -> dict[str, float]:
        """The pretrained network itself, or its encoder fine-tuned."""
        run = self.run_of(task.seed, task.variant)
        modality, _, use = task.column.partition(' ')
        if use == ITSELF:
            assert encoder is not None  # only pretrained variants have this use
            config = run.paths.config(run.method, run.config)
            return pretrained_scores(config, encoder, run.dfc_store('test'))[modality]
        run.finetune(runner, task.column, encoder)
        return final_scores(run.run_dir(task.column))

    def layout(self) -> Layout:
        """A row of panels per modality."""
        panels = [{f'{m} {use}': f'{SENSORS[m]}, {use}' for use in USES} for m in self.modalities]
        random = {
            (RANDOM, f'{m} {use}'): f'{m} {RANDOM}' for m in self.modalities for use in USES[1:]
        }
        return Layout(self.titles, panels, 'noisy', METHOD, random)
