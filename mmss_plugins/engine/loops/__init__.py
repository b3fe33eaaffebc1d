"""Training loops."""

from mmss_plugins.engine.loops.non_empty_epoch_train_loop import NonEmptyEpochTrainLoop

__all__ = ['NonEmptyEpochTrainLoop']
