"""Self-supervised algorithms."""

from mmss_plugins.models.selfsup.grass import GraSS
from mmss_plugins.models.selfsup.step_details import StepDetails

__all__ = ['GraSS', 'StepDetails']
