"""The part of the demo's page that is about CromSS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from string import Template

from mmss_plugins.analysis.jobs.results import (
    METRICS,
    curve,
    latest_images,
    latest_scalars,
    score_lines,
)
from mmss_plugins.datasets import NoLDOPretrainDataset
from mmss_plugins.visualization.rgb import colour_map, composites
from projects.demo import figures
from projects.demo.gather import (
    CLASSES,
    Gallery,
    Score,
    gather_scores,
    prediction_gallery,
    pretraining_gallery,
)
from projects.demo.markup import figure_tag, image_grid, legend
from projects.pipeline.sentinel import SentinelRun

LOSS_TERMS = {
    'loss': 'total',
    's1.loss_ce': 'S1 cross-entropy',
    's2.loss_ce': 'S2 cross-entropy',
    's1.loss_consistency': 'S1 consistency',
    's2.loss_consistency': 'S2 consistency',
}
IMAGE_NAMES = ('Sentinel-2', 'Sentinel-1')


def section(run: SentinelRun, scores: Sequence[Score], noise: float) -> str:
    """The whole section as HTML.

    Args:
        run: The run.
        scores: Of all fine-tunings.
        noise: Share of wrong pixels in the pretraining labels.
    """
    template = Template((Path(__file__).parent / 'cromss.html').read_text(encoding='utf-8'))
    modalities = list(dict.fromkeys(score.modality for score in scores))
    return template.substitute(
        headline=headline(scores),
        noise=f'{100 * noise:.0f}',
        locations=run.locations,
        labelled=run.labelled,
        tested=run.tested,
        size=run.size,
        metres=run.size * 10,
        table=score_table(scores),
        legend=_legend(),
        pretraining=_galleries(pretraining_gallery(run)),
        pretraining_curves=_pretraining_figure(run),
        selection=_selection_figure(run),
        sections=''.join(_modality_section(run, scores, modality) for modality in modalities),
    )


def headline(scores: Sequence[Score]) -> str:
    """The gain by pretraining, in one sentence per modality."""
    sentences = []
    for modality in dict.fromkeys(score.modality for score in scores):
        found = {s.start: s.metrics['mIoU'] for s in scores if s.modality == modality}
        best = max((start for start in found if start != 'random'), key=found.__getitem__)
        gain = found[best] - found['random']
        sentences.append(
            f'<b>{_sensor(modality)}:</b> {found["random"]:.1f} % mIoU from random weights, '
            f'<b>{found[best]:.1f} %</b> from the pretrained encoder ({best}), '
            f'{gain:+.1f} points.'
        )
    return '<br>'.join(sentences)


def score_table(scores: Sequence[Score]) -> str:
    """All scores as an HTML table, with the best of each modality highlighted."""
    names = list(METRICS.values())
    head = ''.join(f'<th>{name} (%)</th>' for name in names)
    rows = []
    for score in scores:
        peers = [other.metrics for other in scores if other.modality == score.modality]
        cells = ''.join(
            f'<td class="{"best" if value == max(peer[name] for peer in peers) else ""}">'
            f'{value:.1f}</td>'
            for name in names
            for value in [score.metrics[name]]
        )
        rows.append(f'<tr><td>{_sensor(score.modality)}</td><td>{score.start}</td>{cells}</tr>')
    return f'<table><tr><th>Input</th><th>Encoder</th>{head}</tr>{"".join(rows)}</table>'


def text_table(scores: Sequence[Score]) -> str:
    """All scores as plain text, for the terminal."""
    return score_lines((_sensor(s.modality), s.start, s.metrics) for s in scores)


def scores_of(run: SentinelRun, modalities: Sequence[str]) -> list[Score]:
    """Scores of all starts of all modalities."""
    return [score for modality in modalities for score in gather_scores(run, modality)]


def _sensor(modality: str) -> str:
    return {'s1': 'Sentinel-1', 's2': 'Sentinel-2'}[modality]


def _pretraining_figure(run: SentinelRun) -> str:
    records = latest_scalars(run.pretrain_dir)
    losses = {name: curve(records, key) for key, name in LOSS_TERMS.items()}
    losses = {name: points for name, points in losses.items() if points[0]}
    return figure_tag(
        figures.pretraining_curves(losses, curve(records, 'mIoU')), 'Pretraining loss and mIoU'
    )


def _selection_figure(run: SentinelRun) -> str:
    uri = figures.file_uri(latest_images(run.pretrain_dir, 'selection')[0])
    return figure_tag(uri, 'Image, noisy label, confidences and weights per modality')


def _modality_section(run: SentinelRun, scores: Sequence[Score], modality: str) -> str:
    runs = {}
    for start in run.starts:
        records = latest_scalars(run.run_dir(f'{modality} {start}'))
        runs[start] = {'loss': curve(records, 'loss'), 'mIoU': curve(records, 'mIoU')}
    bars = {s.start: s.class_iou for s in scores if s.modality == modality}
    return (
        f'<h3>Fine-tuning on {_sensor(modality)}</h3>'
        f'{_galleries(prediction_gallery(run, modality))}'
        f'{figure_tag(figures.finetuning_curves(runs), "Fine-tuning loss and test mIoU")}'
        f'{figure_tag(figures.class_bars(CLASSES, bars), "Test IoU per class")}'
    )


def _galleries(galleries: Sequence[Gallery]) -> str:
    names = [*IMAGE_NAMES, *galleries[0].maps]
    rows = [
        [
            *composites(gallery.image, gallery.channels),
            *(colour_map(labels, gallery.palette) for labels in gallery.maps.values()),
        ]
        for gallery in galleries
    ]
    return image_grid(names, rows)


def _legend() -> str:
    info = NoLDOPretrainDataset.METAINFO
    return legend(info['classes'], info['palette'])
