"""Training loops."""

from .non_empty_epoch_train_loop import NonEmptyEpochTrainLoop

__all__ = ['NonEmptyEpochTrainLoop']
