"""The validation loss as a metric, so that a scheduler can follow it."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.evaluator import BaseMetric

from mmss_plugins.registry import METRICS


@METRICS.register_module()
class ValidationLoss(BaseMetric):
    """Mean over the samples of the loss that the model has attached to each.

    A model attaches it when its ``test_cfg`` has ``val_loss=True``. Reported as 'val_loss', the
    name to give to ``ReduceOnPlateauLR(monitor='val_loss')`` and to ``save_best`` (with rule
    'less'). Samples are gathered from all ranks, so that every rank gets the same number.

    Args:
        key (str): Metainfo field that holds the loss, and the metric's name.
            Defaults to 'val_loss'.
        **kwargs: Of MMEngine's BaseMetric.
    """

    def __init__(self, key: str = 'val_loss', **kwargs) -> None:
        super().__init__(**kwargs)
        self.key = key

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:  # noqa: ARG002
        """Collect the losses of one batch.

        Args:
            data_batch: Not used.
            data_samples: Predicted samples as dicts.

        Raises:
            KeyError: If a sample has no loss.
        """
        for sample in data_samples:
            if self.key not in sample:
                raise KeyError(
                    f'a predicted sample has no {self.key!r}: set test_cfg=dict(val_loss=True) '
                    f'in the model, and let the validation pipeline load annotations'
                )
            self.results.append(float(sample[self.key]))

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        """Mean over all samples."""
        return {self.key: sum(results) / len(results)}
