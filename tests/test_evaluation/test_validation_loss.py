import pytest
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS
from mmseg.structures import SegDataSample


def evaluator():
    return Evaluator(METRICS.build({'type': 'mmss_plugins.ValidationLoss'}))


def test_mean_over_samples_not_batches():
    metric = evaluator()
    for losses in ([1.0, 2.0, 6.0], [7.0]):
        metric.process([SegDataSample(metainfo={'val_loss': loss}) for loss in losses], {})
    assert metric.evaluate(4) == {'val_loss': 4.0}  # the name a scheduler monitors, no prefix


def test_padding_samples_of_the_last_batch_do_not_count():
    metric = evaluator()
    metric.process([SegDataSample(metainfo={'val_loss': loss}) for loss in (1.0, 3.0, 100.0)], {})
    assert metric.evaluate(2) == {'val_loss': 2.0}


def test_starts_again_in_the_next_epoch():
    metric = evaluator()
    for loss in (1.0, 5.0):
        metric.process([SegDataSample(metainfo={'val_loss': loss})], {})
        assert metric.evaluate(1) == {'val_loss': loss}


def test_a_sample_without_loss_is_an_error_that_says_what_to_do():
    with pytest.raises(KeyError, match=r'val_loss=True'):
        evaluator().process([SegDataSample()], {})
