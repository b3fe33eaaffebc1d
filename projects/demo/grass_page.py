"""The part of the demo's page that is about GraSS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np

from mmss_plugins.analysis.jobs.results import (
    curve,
    iou_of_predictions,
    latest_images,
    latest_scalars,
    metrics_of_test,
    read_prediction,
    score_lines,
)
from mmss_plugins.datasets import PotsdamDataset
from mmss_plugins.visualization.rgb import colour_map
from projects.demo import figures
from projects.demo.gather import most_varied
from projects.demo.markup import figure_tag, image_grid, legend, table_of
from projects.pipeline.aerial import AerialRun

STARTS = ('random', 'GraSS')
SHARES = {
    'crop_area': 'area of the crops',
    'kept_fraction': 'views left whole',
    'map_entropy': 'evenness of the maps',
}
CLASSES = PotsdamDataset.METAINFO['classes']
PALETTE = PotsdamDataset.METAINFO['palette']


@dataclass(frozen=True)
class AerialScore:
    """Test scores of one start, in percent, and its IoU per class."""

    metrics: Mapping[str, float]
    class_iou: np.ndarray


def gather_scores(run: AerialRun) -> dict[str, AerialScore]:
    """Scores of both starts; metrics as the test command wrote them."""
    scores = {}
    for start in STARTS:
        iou = iou_of_predictions(run.store('test'), run.predictions(start), len(CLASSES))
        scores[start] = AerialScore(metrics_of_test(run.test_dir(start)), iou)
    return scores


def text_table(scores: Mapping[str, AerialScore]) -> str:
    """All scores as plain text, for the terminal."""
    return score_lines(('aerial', start, score.metrics) for start, score in scores.items())


def headline(scores: Mapping[str, AerialScore]) -> str:
    """The gain by pretraining, in one sentence."""
    random, pretrained = (scores[start].metrics['mIoU'] for start in STARTS)
    return (
        f'<b>Aerial images:</b> {random:.1f} % mIoU from random weights, '
        f'<b>{pretrained:.1f} %</b> from the encoder pretrained without labels (GraSS), '
        f'{pretrained - random:+.1f} points.'
    )


def section(run: AerialRun, scores: Mapping[str, AerialScore]) -> str:
    """The whole section as HTML."""
    template = Template((Path(__file__).parent / 'grass.html').read_text(encoding='utf-8'))
    records = latest_scalars(run.pretrain_dir)
    shares = {name: curve(records, key) for key, name in SHARES.items()}
    panels = latest_images(run.pretrain_dir, 'guided')
    runs = {}
    for start in STARTS:
        finetuning = latest_scalars(run.run_dir(start))
        runs[start] = {'loss': curve(finetuning, 'loss'), 'mIoU': curve(finetuning, 'mIoU')}
    bars = {start: score.class_iou for start, score in scores.items()}
    return template.substitute(
        headline=headline(scores),
        tiles=run.tiles,
        test_tiles=run.test_tiles,
        labelled=run.labelled,
        patch=run.patch,
        table=table_of({start: score.metrics for start, score in scores.items()}, 'Encoder'),
        curves=figure_tag(
            figures.sampling_curves(curve(records, 'loss'), shares), 'Loss and guided sampling'
        ),
        panels=''.join(
            figure_tag(figures.file_uri(path), 'Views, maps, boxes, crops') for path in panels[:2]
        ),
        legend=legend(CLASSES, PALETTE),
        predictions=_predictions(run),
        finetuning=figure_tag(figures.finetuning_curves(runs), 'Fine-tuning loss and test mIoU'),
        classes=figure_tag(figures.class_bars(CLASSES, bars), 'Test IoU per class'),
    )


def _predictions(run: AerialRun, count: int = 5) -> str:
    data = PotsdamDataset(str(run.store('test')))
    samples = {sample['sample_id']: sample for sample in map(data.load_sample, range(len(data)))}
    labels = {name: sample['gt_seg_map'] for name, sample in samples.items()}
    rows = []
    for name in most_varied(labels, count):
        maps = [labels[name], *(read_prediction(run.predictions(start), name) for start in STARTS)]
        rows.append([samples[name]['img'], *(colour_map(labels, PALETTE) for labels in maps)])
    return image_grid(['image', 'label', *STARTS], rows)
