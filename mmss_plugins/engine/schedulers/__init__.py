"""Schedules of the learning rate."""

from .cosine_warm_restart_lr import CosineWarmRestartLR, cosine_warm_restart

__all__ = ['CosineWarmRestartLR', 'cosine_warm_restart']
