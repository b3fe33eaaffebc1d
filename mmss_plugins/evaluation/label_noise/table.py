"""The label-noise report in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmss_plugins.evaluation.label_noise.report import ALL, LabelNoiseReport

TITLE = '# Label noise'
EXPLANATION = """Weight: what a pixel counts in the segmentation loss (mean), and the share of the
pixels that count fully. Confidence: predicted probability of the noisy label, entangled between the
modalities (mean). Agreement: share of the pixels where the prediction is the noisy label, or where
two predictions are the same. Rows are noisy classes."""
CLEAN_EXPLANATION = """Wrong: share of the labels that are not the true ones, of all pixels and of
the selected ones (by weight). AUC: how well confidence and weight separate right from wrong labels,
0.5 being chance; within a class, and over all pixels in the last row."""


def markdown(report: LabelNoiseReport) -> str:
    """The report as a Markdown document, without the figure."""
    parts = [TITLE, _settings(report), '## Selection', _selection(report)]
    parts.append(_joined(EXPLANATION))
    if report.has_clean:
        parts += ['## Right and wrong labels', _separation(report), _joined(CLEAN_EXPLANATION)]
        parts += ['## From true (rows) to noisy classes (columns), %', _transition(report)]
    return '\n\n'.join(parts) + '\n'


def _settings(report: LabelNoiseReport) -> str:
    return '; '.join(f'{name}: {value}' for name, value in report.settings.items()) + '.'


def _selection(report: LabelNoiseReport) -> str:
    head, columns = ['class', 'pixels %'], [100 * report.pixels / max(report.pixels[-1], 1)]
    digits = [1]
    for index, branch in enumerate(report.branches):
        head += [f'{branch} weight', f'{branch} full %']
        head += [f'{branch} confidence', f'{branch} agrees with label %']
        columns += [report.selected[index], 100 * report.full[index]]
        columns += [report.confidence[index], 100 * report.label_agreement[index]]
        digits += [3, 1, 3, 1]
    for (first, second), values in zip(report.pairs, report.agreement, strict=True):
        head.append(f'{first} agrees with {second} %')
        columns.append(100 * values)
        digits.append(1)
    return _class_table(report, head, columns, digits)


def _separation(report: LabelNoiseReport) -> str:
    assert report.wrong is not None  # so are all rates that need clean labels
    assert report.wrong_selected is not None
    assert report.confidence_auc is not None
    assert report.weight_auc is not None
    head, columns, digits = ['class', 'wrong %'], [100 * report.wrong], [1]
    for index, branch in enumerate(report.branches):
        head += [f'{branch} selected wrong %', f'{branch} AUC confidence', f'{branch} AUC weight']
        columns += [100 * report.wrong_selected[index]]
        columns += [report.confidence_auc[index], report.weight_auc[index]]
        digits += [1, 3, 3]
    return _class_table(report, head, columns, digits)


def _transition(report: LabelNoiseReport) -> str:
    assert report.transition is not None
    rates = report.transition_rates()
    shares = report.transition.sum(1) / report.transition.sum()
    rows = [
        [name, *(_number(100 * value, 1) for value in row), _number(100 * share, 1)]
        for name, row, share in zip(report.classes, rates, shares, strict=True)
    ]
    return _table(['true class', *report.classes, 'of all pixels'], rows)


def _class_table(
    report: LabelNoiseReport,
    head: Sequence[str],
    columns: Sequence[np.ndarray],
    digits: Sequence[int],
) -> str:
    names = [*report.classes, f'**{ALL}**']
    rows = [
        [name, *(_number(c[i], d) for c, d in zip(columns, digits, strict=True))]
        for i, name in enumerate(names)
    ]
    return _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---', *('---:' for _ in head[1:])], *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def _number(value: float, digits: int) -> str:
    return f'{value:.{digits}f}' if np.isfinite(value) else '-'


def _joined(text: str) -> str:
    return ' '.join(text.splitlines())
