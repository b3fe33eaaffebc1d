import json

import numpy as np
import pytest
from helpers.noise_example import CLASSES, example

from mmss_plugins.evaluation.label_noise.report import LabelNoiseReport
from mmss_plugins.evaluation.label_noise.table import markdown
from mmss_plugins.functional.label_noise import LabelNoiseSums


def make_report(*batches, classes=CLASSES, **settings):
    sums = LabelNoiseSums(('s1', 's2'), len(classes))
    for batch in batches:
        sums.add(*batch)
    return LabelNoiseReport.of(sums, classes, settings)


def all_pairs_auc(scores, right):
    difference = scores[right][:, None].astype(float) - scores[~right][None]
    return (np.sign(difference) / 2 + 0.5).mean()


def mean(values):
    return values.mean() if values.size else np.nan


@pytest.mark.parametrize('row', range(5))
def test_rates_are_those_of_the_pixels(row):
    labels, predictions, confidence, weights, true = example()
    report = make_report(example())
    of_class = (labels == row) if row < 4 else (labels != 255)
    known = of_class & (true != 255)
    wrong = labels != true
    assert report.pixels[row] == of_class.sum()
    np.testing.assert_allclose(report.wrong[row], mean(wrong[known]))
    agree = predictions['s1'] == predictions['s2']
    np.testing.assert_allclose(report.agreement[0, row], mean(agree[of_class]))
    for index, name in enumerate(('s1', 's2')):
        weight, values = weights[name], confidence[name]
        found = {
            'selected': mean(weight[of_class]),
            'full': mean((weight == 1)[of_class]),
            'confidence': mean(values[of_class]),
            'label_agreement': mean((predictions[name] == labels)[of_class]),
        }
        for key, expected in found.items():
            np.testing.assert_allclose(getattr(report, key)[index, row], expected, rtol=1e-6)
        if row == 3:
            assert np.isnan(report.wrong_selected[index, row])
            assert np.isnan(report.confidence_auc[index, row])
            continue
        selected = weight[known]
        np.testing.assert_allclose(
            report.wrong_selected[index, row], selected[wrong[known]].sum() / selected.sum()
        )
        for key, scores in (('confidence_auc', values), ('weight_auc', weight)):
            expected = all_pairs_auc(scores[known], ~wrong[known])
            assert abs(getattr(report, key)[index, row] - expected) < 2e-3


def test_histogram_and_transition():
    labels, _, confidence, _, true = example()
    report = make_report(example())
    valid = labels != 255
    status = np.where(true == 255, 0, np.where(labels == true, 1, 2))
    for index, name in enumerate(('s1', 's2')):
        for kind in range(3):
            for row in range(5):
                of_class = valid if row == 4 else labels == row
                values = confidence[name][of_class & (status == kind)]
                expected, _ = np.histogram(values, bins=20, range=(0, 1))
                np.testing.assert_array_equal(report.histogram[index, kind, row], expected)
        content = report.to_dict()['branches'][name]['histogram']
        assert content['wrong'] == report.histogram[index, 2].tolist()
    for row in range(4):
        for column in range(4):
            count = (valid & (true == row) & (labels == column)).sum()
            assert report.transition[row, column] == count
    rates = report.transition_rates()
    np.testing.assert_allclose(rates[:3].sum(1), 1)
    assert np.isnan(rates[3]).all()


def test_batches_add_up():
    labels, predictions, confidence, weights, true = example(size=(4, 9, 9))
    parts = [
        tuple(
            {k: v[half] for k, v in item.items()} if isinstance(item, dict) else item[half]
            for item in (labels, predictions, confidence, weights, true)
        )
        for half in (slice(0, 1), slice(1, 4))
    ]
    together, apart = make_report(example(size=(4, 9, 9))), make_report(*parts)
    assert together.to_dict() == apart.to_dict()
    assert together.settings['samples'] == 4


def test_without_clean_labels():
    with_clean, without = make_report(example()), make_report(example(clean=False))
    assert not without.has_clean
    for key in ('selected', 'full', 'confidence', 'label_agreement', 'agreement', 'pixels'):
        np.testing.assert_allclose(getattr(without, key), getattr(with_clean, key))
    np.testing.assert_array_equal(without.histogram.sum(1), with_clean.histogram.sum(1))
    assert without.histogram[:, 1:].sum() == 0
    assert 'AUC' not in markdown(without)
    assert 'transition' not in without.to_dict()


def test_right_labels_only_have_no_auc():
    labels, predictions, confidence, weights, _ = example()
    report = make_report((labels, predictions, confidence, weights, labels))
    assert report.wrong[-1] == 0
    assert np.isnan(report.confidence_auc).all()
    assert json.loads(json.dumps(report.to_dict()))['branches']['s1']['weight_auc'] == [None] * 5


def test_nothing_counted():
    report = make_report()
    assert report.pixels[-1] == 0
    assert '| **all** |' in markdown(report)


def test_table_holds_the_numbers():
    report = make_report(example(), proportion=0.25)
    lines = markdown(report).splitlines()
    assert lines[2] == 'samples: 3; proportion: 0.25.'
    tables = [line.split(' | ') for line in lines if line.startswith('| **all**')]
    selection, separation = tables
    assert float(selection[2]) == pytest.approx(report.selected[0, -1], abs=5e-4)
    assert float(separation[1]) == pytest.approx(100 * report.wrong[-1], abs=0.05)
    assert float(separation[3]) == pytest.approx(report.confidence_auc[0, -1], abs=5e-4)
    absent = next(line for line in lines if line.startswith('| d |'))
    assert absent.split(' | ')[2] == '-'
    widths = {line.count('|') for line in lines if line.startswith('| a |')}
    assert widths == {12, 9, 7}


def test_json_holds_the_numbers():
    content = json.loads(json.dumps(make_report(example()).to_dict()))
    report = make_report(example())
    assert content['rows'] == [*CLASSES, 'all']
    assert content['branches']['s2']['selected'][-1] == pytest.approx(
        report.selected[1, -1], abs=1e-6
    )
    assert content['branches']['s2']['selected'][3] is None
    assert content['agreement']['s1-s2'][0] == pytest.approx(report.agreement[0, 0], abs=1e-6)
    assert content['transition']['pixels'][0][1] == report.transition[0, 1]
