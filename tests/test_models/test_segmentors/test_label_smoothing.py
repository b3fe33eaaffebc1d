import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmss_plugins.models.segmentors.label_smoothing import LabelSmoothing

IGNORED = 255


def batch():
    labels = torch.tensor([[[0, 1], [2, IGNORED]]], dtype=torch.uint8)
    prior = torch.tensor([0.5, 0.3, 0.2])[:, None, None].expand(3, 2, 2)
    sample = SegDataSample(
        metainfo={'sample_id': '0000007'}, smoothing_prior=PixelData(data=prior.clone())
    )
    return labels, [sample]


@pytest.mark.parametrize(
    ('kwargs', 'of_class_1'),
    [
        ({}, [0.075 + 0.05 / 3, 0.8 + 0.045 + 0.05 / 3, 0.03 + 0.05 / 3]),
        ({'factors': 0.2}, [0.1, 0.8 + 0.06, 0.04]),
        ({'factors': [0.2], 'prior': False}, [0.2 / 3, 0.8 + 0.2 / 3, 0.2 / 3]),
        ({'factors': (0.15, 0.05), 'prior': False}, [0.2 / 3, 0.8 + 0.2 / 3, 0.2 / 3]),
    ],
)
def test_targets(kwargs, of_class_1):
    targets = LabelSmoothing(**kwargs).targets(*batch(), 3, IGNORED)
    assert targets.target.shape == (1, 3, 2, 2)
    assert targets.target[0, :, 0, 1].tolist() == pytest.approx(of_class_1)
    assert targets.target[0, :, 1, 1].tolist() == [0, 0, 0]
    torch.testing.assert_close(targets.target.sum(1)[~targets.ignored], torch.ones(3))
    assert targets.ignored.tolist() == [[[False, False], [False, True]]]


def test_a_missing_prior_says_what_gives_one():
    labels, samples = batch()
    del samples[0].smoothing_prior
    with pytest.raises(ValueError, match=r'0000007 .*season_labels.*SmoothingPrior.*PackCross'):
        LabelSmoothing().targets(labels, samples, 3, IGNORED)
    LabelSmoothing(prior=False).targets(labels, samples, 3, IGNORED)


def test_a_prior_of_another_size_is_an_error():
    labels, samples = batch()
    with pytest.raises(ValueError, match=r'0000007 must be .* = \(4, 2, 2\).* \(3, 2, 2\)'):
        LabelSmoothing().targets(labels, samples, 4, IGNORED)


@pytest.mark.parametrize('factors', [(0.8, 0.3), (-0.1,), (0.1, 0.1, 0.1)])
def test_factors_that_are_no_shares_are_errors(factors):
    with pytest.raises(ValueError, match='smoothing factors'):
        LabelSmoothing(factors=factors)
