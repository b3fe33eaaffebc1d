"""Schedules of the learning rate."""

from mmss_plugins.engine.schedulers.cosine_warm_restart_lr import (
    CosineWarmRestartLR,
    cosine_warm_restart,
)
from mmss_plugins.engine.schedulers.linear_warm_up_lr import LinearWarmUpLR

__all__ = ['CosineWarmRestartLR', 'LinearWarmUpLR', 'cosine_warm_restart']
