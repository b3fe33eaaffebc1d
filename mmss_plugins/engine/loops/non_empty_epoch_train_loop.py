"""Training by epochs that have at least one batch."""

from __future__ import annotations

from typing import Any

from mmengine.dist import get_world_size
from mmengine.runner import EpochBasedTrainLoop
from torch.utils.data import DataLoader

from mmss_plugins.registry import LOOPS


@LOOPS.register_module()
class NonEmptyEpochTrainLoop(EpochBasedTrainLoop):
    """``EpochBasedTrainLoop`` that refuses a loader without batches.

    With ``drop_last=True`` and fewer samples than ``batch_size``, MMEngine's loop runs through all
    epochs, trains nothing and saves random weights as the best. Here building the loop fails,
    before schedulers that count in iterations fail.

    Args:
        *args: Of ``EpochBasedTrainLoop``.
        **kwargs: Of ``EpochBasedTrainLoop``.

    Raises:
        ValueError: If the loader gives no batch.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        require_batches(self.dataloader)


def require_batches(loader: DataLoader) -> None:
    """Check that a training loader gives at least one batch per epoch.

    Raises:
        ValueError: If it gives none; the message has the numbers and what to change.
    """
    if len(loader):
        return
    ranks = get_world_size()
    sampler: Any = loader.sampler
    dataset: Any = loader.dataset
    share = f' ({len(sampler)} on each of {ranks} ranks)' if ranks > 1 else ''
    raise ValueError(
        f'train_dataloader gives no batch to train on: {len(dataset)} samples{share} with '
        f'batch_size={loader.batch_size} and drop_last={loader.drop_last}. Use more samples (see '
        "the data set's indices, holdout and split_file), a smaller batch_size, or drop_last=False"
    )
