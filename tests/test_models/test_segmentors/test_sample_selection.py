import numpy as np
import pytest
import torch

from mmss_plugins.models.segmentors.sample_selection import SampleSelection, entangle_branches
from mmss_plugins.models.segmentors.selection_report import SelectionReport
from mmss_plugins.models.segmentors.targets import PixelWeights

CLASSES, IGNORED = 3, 255


def batch():
    generator = torch.Generator().manual_seed(0)
    logits = {
        name: 2 * torch.randn(2, CLASSES, 8, 8, generator=generator)
        for name in ('s1', 's2', 'common')
    }
    labels = torch.randint(0, CLASSES, (2, 8, 8), generator=generator)
    labels[0, 0] = IGNORED
    return logits, labels


def select(ramp_value=0.8, proportion=0.5, teaching=True, labels=None, keep=0, **kwargs):
    logits, own_labels = batch()
    selection = SampleSelection(**kwargs)
    selection.set_schedule(ramp_value, proportion)
    selection.keep_samples = keep
    labels = own_labels if labels is None else labels
    weights = selection.weights(logits, labels, ('s1', 's2'), IGNORED, teaching)
    return selection, weights


def test_a_branch_beside_the_modalities_is_entangled_one_way():
    a, b, c = (torch.tensor([x]) for x in (0.2, 0.4, 0.8))
    found = entangle_branches({'x': a, 'common': c, 'y': b}, ('x', 'y'))
    assert list(found) == ['x', 'common', 'y']
    values = {name: value.item() for name, value in found.items()}
    expected = {'x': (0.2 + 0.08) / 2, 'y': (0.4 + 0.08) / 2, 'common': (0.8 + 0.8 * 0.3) / 2}
    assert values == pytest.approx(expected)
    assert entangle_branches({'x': a}, ('x',))['x'] is a


def test_no_selection_at_the_start_of_the_ramp_is_a_weight_of_one():
    _, weights = select(ramp_value=0.0)
    _, labels = batch()
    for weight in weights.segmentation.values():
        assert torch.equal(weight, (labels != IGNORED).float())
    assert all(weight.eq(1).all() for weight in weights.consistency.values())


def test_branches_and_teachers():
    _, weights = select()
    assert list(weights.segmentation) == ['s1', 's2', 'common']
    assert list(weights.consistency) == ['s1', 's2']
    assert not any(w.requires_grad for each in weights for w in each.values())
    selection, weights = select(teaching=False)
    assert weights.consistency == {}
    assert selection.report.to_host().scalars().keys() == {
        *(f'{name}.{kind}' for name in batch()[0] for kind in ('selected', 'label_confidence')),
        'empty_classes',
    }


def test_the_report_sums_up_the_weights():
    selection, weights = select(keep=1)
    _, labels = batch()
    report = selection.report.to_host()
    np.testing.assert_array_equal(report.pixels, [(labels == c).sum() for c in range(CLASSES)])
    for row, weight in enumerate(weights.segmentation.values()):
        means = [weight[labels == c].mean().item() for c in range(CLASSES)]
        np.testing.assert_allclose(report.class_weight()[row], means, rtol=1e-5)
        overall = weight[labels != IGNORED].mean().item()
        name = report.branches[row]
        assert report.scalars()[f'{name}.selected'] == pytest.approx(overall, rel=1e-5)
    twice = report.plus(report)
    assert twice.scalars() == pytest.approx(report.scalars())
    assert report.plus(None) is report
    np.testing.assert_array_equal(twice.pixels, 2 * report.pixels)


def test_confidences_of_the_report_and_the_maps():
    selection, weights = select(keep=2)
    logits, labels = batch()
    probabilities = {name: z.softmax(1) for name, z in logits.items()}
    valid = labels != IGNORED
    own = {
        name: p.gather(1, labels.where(valid, 0)[:, None])[:, 0]
        for name, p in probabilities.items()
    }
    certain = {
        name: 1 + (p * p.log()).sum(1) / np.log(CLASSES) for name, p in probabilities.items()
    }
    for name, other in (('s1', 's2'), ('s2', 's1')):
        label = (own[name] + own[name] * own[other]) / 2
        prediction = (certain[name] + certain[name] * certain[other]) / 2
        scalars = selection.report.to_host().scalars()
        assert scalars[f'{name}.label_confidence'] == pytest.approx(label[valid].mean().item())
        found = scalars[f'{name}.prediction_confidence']
        assert found == pytest.approx(prediction[valid].mean().item())
        maps = selection.maps
        torch.testing.assert_close(maps.label_confidence[name], label * valid)
        torch.testing.assert_close(maps.prediction_confidence[name], prediction)
        torch.testing.assert_close(maps.prediction_weight[name], 0.2 + 0.8 * prediction)
        assert torch.equal(maps.label_weight[name], weights.segmentation[name])
        assert torch.equal(maps.prediction[name], logits[name].argmax(1))


def test_maps_only_where_asked_for():
    selection, _ = select(keep=1)
    assert selection.maps.label_weight['common'].shape == (1, 8, 8)
    selection.keep_samples = 0
    logits, labels = batch()
    selection.weights(logits, labels, ('s1', 's2'), IGNORED)
    assert selection.maps is None


def test_classes_too_small_to_select_from_are_counted():
    labels = torch.zeros(2, 8, 8, dtype=torch.long)
    labels[1, 2, 3] = 1  # one pixel: floor(0.6) = 0 of it are selected
    selection, weights = select(labels=labels)
    assert weights.segmentation['s2'][1, 2, 3] == 0
    report = selection.report.to_host()
    assert report.scalars()['empty_classes'] == 1
    assert np.isnan(report.class_weight()[:, 2]).all()
    assert report.class_weight()[:, 1].tolist() == [0, 0, 0]


def test_sums_over_a_large_batch_are_exact():
    labels = torch.zeros(64, 256, 256, dtype=torch.long)
    weights = {'s2': torch.full(labels.shape, 0.3)}
    report = SelectionReport.of_batch(
        labels, 2, IGNORED, weights, {}, PixelWeights(weights, {})
    ).to_host()
    assert report.pixels.tolist() == [labels.numel(), 0]
    assert report.scalars()['s2.selected'] == pytest.approx(0.3, rel=1e-3)


def test_a_batch_without_labels_reports_zeros():
    selection, _ = select(labels=torch.full((2, 8, 8), IGNORED))
    scalars = selection.report.to_host().scalars()
    assert set(scalars.values()) == {0.0}


def test_a_missing_schedule_names_the_hook():
    logits, labels = batch()
    with pytest.raises(RuntimeError, match='CrossModalSelectionHook'):
        SampleSelection().weights(logits, labels, ('s1', 's2'), IGNORED)


@pytest.mark.parametrize('schedule', [(1.5, 0.5), (0.5, -0.1), (float('nan'), 0.5)])
def test_a_schedule_out_of_range_is_an_error(schedule):
    with pytest.raises(ValueError, match=r'must lie in 0\.\.1'):
        SampleSelection().set_schedule(*schedule)


def test_an_unknown_confidence_is_an_error():
    with pytest.raises(ValueError, match="'margin'"):
        SampleSelection(confidence='margin')
